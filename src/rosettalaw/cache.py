"""Folder of trained models, which the user can see, move and delete."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from .console import say
from .disk import expanded

VARIABLE = "ROSETTALAW_CACHE"


def cache_folder(chosen: str | os.PathLike[str] | None = None) -> Path:
    """Return the cache: `chosen` if given, else ``$ROSETTALAW_CACHE``, else the system's folder for caches.

    That is ``~/.cache/rosettalaw`` on Linux, which former versions used on every system: models that they left there
    are used further as long as the system's own folder has none.
    """
    if chosen is not None:
        return expanded(chosen)
    if os.environ.get(VARIABLE):
        return expanded(os.environ[VARIABLE])
    own = platformdirs.user_cache_path("rosettalaw", appauthor=False)
    former = expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "rosettalaw"
    if own != former and former.is_dir() and not own.exists():
        say(f"using models of an earlier version in {former}; move that folder to {own}, which is searched first")
        return former
    return own
