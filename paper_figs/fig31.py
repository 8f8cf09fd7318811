"""Figure 31: depth of Rosetta Neurons in language models."""

from __future__ import annotations

from pathlib import Path

from . import depth
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the map of depths."""
    return depth.draw(found, path, "Pythia")
