"""Figure 33: count and overlap over matching data, language."""

from __future__ import annotations

from pathlib import Path

from . import data_size
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return data_size.draw(found, path, 33)
