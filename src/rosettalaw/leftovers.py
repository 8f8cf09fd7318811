"""Half-written files: their names, and the removal of those whose writer was killed.

A file is written beside its final name, under a hidden one that says which process of which machine writes it. A killed
process leaves its own there; the next one that writes into the folder removes it, and no other file.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from contextlib import suppress
from functools import cache
from pathlib import Path

HIDDEN = "."
LONGEST = 100  # characters of a file's name in that of its half-written one, which adds about 30 to it


@cache
def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def prefix(name: str) -> str:
    """Return the beginning of the name under which this process writes the file `name`."""
    return f"{HIDDEN}{name[:LONGEST]}.{_machine()}-{os.getpid()}."


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine left half-written in a folder; looked for once a process."""
    _remove(folder.absolute(), os.getpid())


@cache
def _remove(folder: Path, process: int) -> None:
    ours = re.compile(rf"\..+\.{_machine()}-(\d+)\.\w{{8}}(\.\w+)?")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            named = ours.fullmatch(entry.name)
            if named and entry.is_file(follow_symlinks=False) and not _runs(int(named[1])):
                with suppress(OSError):
                    os.unlink(entry.path)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


def is_hidden(path: Path, folder: Path) -> bool:
    """Return whether a file of a folder, or a folder in between, is hidden: half-written, or another program's own."""
    return any(part.startswith(HIDDEN) for part in path.relative_to(folder).parts)
