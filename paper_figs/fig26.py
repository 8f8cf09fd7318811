"""Figure 26: matches with permuted positions over size."""

from __future__ import annotations

from pathlib import Path

from . import nulls
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the permuted null."""
    return nulls.draw(found, path, "fig26_permutation_null", "permuted_raw", "permuted")
