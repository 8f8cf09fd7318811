"""Figure 29: document categories, Rosetta against random neurons of Pythia."""

from __future__ import annotations

from pathlib import Path

from . import documents
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers."""
    return documents.draw(path, [("Pythia", "rosetta"), ("Pythia", "random")])
