"""Figure 6: selectivity over size, Pythia (output weights) and OpenCLIP (judged)."""

from __future__ import annotations

from pathlib import Path

from . import selectivity
from .results_folder import MeasuredLadder, Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return selectivity.draw(results, path, ["6a", "6b"])


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw one measured ladder for its own page."""
    return selectivity.draw_ladder(measured.ladder, path)
