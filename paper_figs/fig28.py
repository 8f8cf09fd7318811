"""Figure 28: selectivity over size, OPT and Qwen2.5."""

from __future__ import annotations

from pathlib import Path

from . import selectivity
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return selectivity.draw(found, path, ["28a", "28b"])
