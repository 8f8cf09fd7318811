"""Figure 7: document categories that fire Pythia's Rosetta Neurons."""

from __future__ import annotations

from pathlib import Path

from . import documents
from .results_folder import MeasuredLadder, Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return documents.draw(results, path, [("Pythia", "rosetta")])


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw one measured ladder for its own page."""
    return documents.draw_ladder(measured.ladder, path)
