"""Figure 29: document categories, Rosetta against random neurons of Pythia."""

from __future__ import annotations

from pathlib import Path

from . import documents
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return documents.draw(results, path, [("Pythia", "rosetta"), ("Pythia", "random")])
