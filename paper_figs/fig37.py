"""Figure 37: selectivity over size, DINOv2."""

from __future__ import annotations

from pathlib import Path

from . import selectivity
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return selectivity.draw(results, path, ["37"])
