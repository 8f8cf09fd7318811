"""Figure 29: document categories, Rosetta against random neurons of Pythia."""

from __future__ import annotations

from pathlib import Path

from . import documents
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return documents.draw(found, path, [("Pythia", "rosetta"), ("Pythia", "random")])
