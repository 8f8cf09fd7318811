"""Table 4: document categories of The Pile."""

from __future__ import annotations

from pathlib import Path

from . import tables
from .results_folder import Results


def make(results: Results, path: Path) -> list[Path]:
    """Draw the published table."""
    return tables.TABLES["table4"](path)
