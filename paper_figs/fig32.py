"""Figure 32: depth of Rosetta Neurons in vision models."""

from __future__ import annotations

from pathlib import Path

from . import depth
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the map of depths."""
    return depth.draw(found, path, "OpenCLIP")
