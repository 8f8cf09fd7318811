"""Figure 31: depth of Rosetta Neurons in language models."""

from __future__ import annotations

from pathlib import Path

from . import depth
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the map of depths."""
    return depth.draw(results, path, "Pythia")
