"""Figure 33: count and overlap over matching data, language."""

from __future__ import annotations

from pathlib import Path

from . import data_size
from .results_folder import MeasuredLadder, Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return data_size.draw(results, path, 33)


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw one measured ladder for its own page."""
    return data_size.draw_ladder(measured.ladder, path)
