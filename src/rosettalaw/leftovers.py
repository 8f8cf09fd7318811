"""Half-written files and folders: their names, and the removal of those whose writer was killed.

A file is written beside its final name, under a hidden one that says which process of which machine writes it. A killed
process leaves its own there; the next one that writes into the folder removes it, and no other file.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from .removal import UNFINISHED, made, ours, remove

HIDDEN, FOLDER = ".", "folder"
CLOCK = 60.0  # seconds by which the clocks of a disk and of this machine may differ
READER = "read-by"  # file in a folder, for each process that reads there
AWAY = 7 * 86400.0  # seconds after which a reader on another machine is taken to be gone
LONGEST = 100  # characters of a file's name in that of its half-written one, which adds about 30 to it


@cache
def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def prefix(name: str) -> str:
    """Return the beginning of the name under which this process writes the file `name`."""
    return f"{HIDDEN}{name[:LONGEST]}.{_machine()}-{os.getpid()}."


def unfinished_folder(folder: Path) -> Path:
    """Return the path at which this process makes a folder, to move it to its place when it is whole."""
    return folder.with_name(f"{prefix(folder.name)}{FOLDER}")


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this machine left half-written in a folder; looked for once a process."""
    _remove(folder.absolute(), os.getpid())


@cache
def _remove(folder: Path, process: int) -> None:
    writers = re.compile(rf"\..+\.{_machine()}-(\d+)\.({FOLDER}|\w{{8}}(\.\w+)?)")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            named = writers.fullmatch(entry.name)
            if not named:
                continue
            with suppress(OSError):
                if _writes(int(named[1]), entry.stat(follow_symlinks=False).st_mtime):
                    continue
                if named[2] == FOLDER and entry.is_dir(follow_symlinks=False):
                    begun = set(os.listdir(entry.path)) <= {UNFINISHED}  # killed before it was marked
                    if begun or ours(Path(entry.path)):
                        remove(made(Path(entry.path)))
                elif entry.is_file(follow_symlinks=False):
                    remove(made(Path(entry.path)))


def reader_file(folder: Path) -> Path:
    """Return the file that says that this process reads in a folder."""
    return folder / f"{READER}.{_machine()}-{os.getpid()}"


def note_reader(folder: Path) -> None:
    """Say that this process reads in a folder, and remove what killed readers left there."""
    forget_killed_readers(folder)
    reader_file(folder).touch()


def forget_killed_readers(folder: Path) -> None:
    """Remove the files of readers that ended without removing them."""
    for file in folder.glob(f"{READER}.*-*"):
        with suppress(OSError):
            if file.name.rpartition("-")[2].isdigit() and not _reads(file):
                remove(made(file))


def is_read(folder: Path) -> bool:
    """Return whether a process reads in a folder, as its `reader_file` says; one that was killed does not."""
    return any(_reads(file) for file in folder.glob(f"{READER}.*-*"))


def _reads(file: Path) -> bool:
    """Return whether the process that a reader's file names may still read."""
    machine, _, process = file.name.removeprefix(f"{READER}.").rpartition("-")
    try:
        written = file.stat().st_mtime
        return _writes(int(process), written) if machine == _machine() else time.time() - written < AWAY
    except (OSError, ValueError):  # gone meanwhile, or another's
        return False


def _writes(process: int, last: float) -> bool:
    """Return whether a process may still write a file that was last changed at a time.

    One that has ended and that nobody waits for (in a container whose first process does not) is there in name alone;
    one that began after the change has the number of the writer, which is gone.
    """
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    import psutil

    try:
        there = psutil.Process(process)
        return there.status() != psutil.STATUS_ZOMBIE and there.create_time() <= last + CLOCK
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def is_hidden(path: Path, folder: Path) -> bool:
    """Return whether a file of a folder, or a folder in between, is hidden: half-written, or another program's own."""
    return any(part.startswith(HIDDEN) for part in path.relative_to(folder).parts)
