"""Figure 7: document categories that fire Pythia's Rosetta Neurons."""

from __future__ import annotations

from pathlib import Path

from . import documents
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return documents.draw(found, path, [("Pythia", "rosetta")])
