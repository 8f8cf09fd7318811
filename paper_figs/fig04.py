"""Figure 4: matches of untrained networks over size."""

from __future__ import annotations

from pathlib import Path

from . import nulls
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the untrained null."""
    return nulls.draw(results, path, "fig04_untrained_null", "untrained_raw", "untrained")
