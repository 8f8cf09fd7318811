"""Figure 4: matches of untrained networks over size."""

from __future__ import annotations

from pathlib import Path

from . import nulls
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the untrained null."""
    return nulls.draw(found, path, "fig04_untrained_null", "untrained_raw", "untrained")
