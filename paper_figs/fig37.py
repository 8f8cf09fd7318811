"""Figure 37: selectivity over size, DINOv2."""

from __future__ import annotations

from pathlib import Path

from . import selectivity
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return selectivity.draw(found, path, ["37"])
