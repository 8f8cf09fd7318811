"""Figure 6: selectivity over size, Pythia (output weights) and OpenCLIP (judged)."""

from __future__ import annotations

from pathlib import Path

from . import selectivity
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return selectivity.draw(found, path, ["6a", "6b"])
