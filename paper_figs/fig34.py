"""Figure 34: count and overlap over matching data, vision."""

from __future__ import annotations

from pathlib import Path

from . import data_size
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return data_size.draw(results, path, 34)
