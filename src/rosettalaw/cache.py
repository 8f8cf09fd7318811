"""Folder of trained models, which the user can see, move and delete."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ROSETTALAW_CACHE"


def cache_folder(chosen: str | os.PathLike[str] | None = None) -> Path:
    """Return the cache: `chosen` if given, else ``$ROSETTALAW_CACHE``, else ``~/.cache/rosettalaw``."""
    if chosen is not None:
        return Path(chosen).expanduser()
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "rosettalaw"
