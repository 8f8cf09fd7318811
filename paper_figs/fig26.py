"""Figure 26: matches with permuted positions over size."""

from __future__ import annotations

from pathlib import Path

from . import nulls
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the permuted null."""
    return nulls.draw(results, path, "fig26_permutation_null", "permuted_raw", "permuted")
