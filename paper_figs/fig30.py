"""Figure 30: document categories, Rosetta against random neurons of Qwen2.5."""

from __future__ import annotations

from pathlib import Path

from . import documents
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return documents.draw(results, path, [("Qwen2.5", "rosetta"), ("Qwen2.5", "random")])
