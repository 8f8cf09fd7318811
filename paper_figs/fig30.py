"""Figure 30: document categories, Rosetta against random neurons of Qwen2.5."""

from __future__ import annotations

from pathlib import Path

from . import documents
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published numbers, and ours."""
    return documents.draw(found, path, [("Qwen2.5", "rosetta"), ("Qwen2.5", "random")])
