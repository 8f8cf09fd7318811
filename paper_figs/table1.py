"""Table 1: filtering a corpus by one neuron."""

from __future__ import annotations

from pathlib import Path

from . import tables
from .found import Found


def make(found: Found, path: Path) -> list[Path]:
    """Draw the published table."""
    return tables.TABLES["table1"](path)
