"""``rosettalaw predict``: what the theory says for given parameters."""

from __future__ import annotations

import typer


def register(app: typer.Typer, section: str) -> None:
    """Add the command to the command line."""
