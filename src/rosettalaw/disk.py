"""Files on a disk: written beside their final name and moved there when whole, if the disk has room and takes them.

A signal may arrive while a temporary file or folder is being removed. What is left of it then goes at the end of the
process (`remove_temporary`).
"""

from __future__ import annotations

import atexit
import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError, RosettaError
from .leftovers import prefix, remove_leftovers, unfinished_folder
from .removal import made, mark, remove

_temporary: dict[str, int] = {}  # files and folders that are there for a while, with the process that made each
LEAST_ROOM = 10e6  # bytes that must be free before work for a result begins; results of millions of pairs ask for more


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with the home folder in place of ``~``; as it is where ``~name`` names nobody."""
    return Path(os.path.expanduser(path))


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`, moved to `path` when the block ends without an error."""
    path = Path(path)
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix(path.name), suffix=path.suffix)
        os.close(handle)
        _temporary[name] = os.getpid()
        partial = made(Path(name))
        yield partial
        partial.chmod(_permissions())
        os.replace(partial, path)
    except Exception as error:  # libraries that write files report a full disk each in their own way
        if isinstance(error, OSError) or disk_is_full(path, error):
            raise disk_error(path, error) from error
        raise
    finally:
        if partial is not None:
            remove(partial)
            _temporary.pop(str(partial), None)


def _permissions() -> int:
    """Return the permissions of a new file; the umask is read, not set and set back: threads share it."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        return 0o666 & ~int(status.split("Umask:", 1)[1].split()[0], 8)
    except (OSError, LookupError, ValueError):  # no Linux
        before = os.umask(0o077)
        os.umask(before)
        return 0o666 & ~before


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a temporary folder, and remove it at the end of the block."""
    folder = made_temporary()
    try:
        yield folder
    finally:
        forget_temporary(folder)


def made_temporary() -> Path:
    """Make a folder among the system's temporary ones; if this process is killed, the next one removes it."""
    place = Path(tempfile.gettempdir())
    remove_leftovers(place)
    folder = made(unfinished_folder(place / f"rosettalaw-{secrets.token_hex(4)}"))
    _temporary[str(folder)] = os.getpid()
    folder.mkdir(mode=0o700)
    return mark(folder, "work of a run, until it ends")


def forget_temporary(folder: Path) -> None:
    """Remove a temporary folder."""
    remove(folder)
    _temporary.pop(str(folder), None)


def remove_temporary() -> None:
    """Remove the temporary files and folders of this process that are still there."""
    for path, process in list(_temporary.items()):
        if process != os.getpid():  # of the one that this process was forked from
            continue
        with suppress(OSError, RosettaError):
            remove(Path(path))
        _temporary.pop(path, None)


atexit.register(remove_temporary)


def marked(folder: Path, what: str) -> Path:
    """Make a folder if there is none, and mark it as this program's (`removal.mark`).

    Raises
    ------
    RosettaError
        If the disk is full or refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return mark(folder, what)
    except OSError as error:
        raise disk_error(folder, error) from error


def disk_error(path: str | os.PathLike[str], error: Exception) -> RosettaError:
    """Turn an error met while writing `path` into a message for the user."""
    if isinstance(error, RosettaError):
        return error
    if disk_is_full(path, error):
        return RosettaError(f"{path}: the disk is full; free some space and run the same command again")
    return RosettaError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})")


def disk_is_full(path: str | os.PathLike[str], error: Exception) -> bool:
    """Return whether an error says, or the disk shows, that there is no room left."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
        return True
    unnamed = isinstance(error, OSError) and error.errno is None
    return unnamed and shutil.disk_usage(existing_folder(path)).free < 1 << 20


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """Return the nearest folder above a path that there is."""
    whole = Path(os.path.realpath(path))  # `Path.resolve` raises RuntimeError for a link to itself
    return next(parent for parent in whole.parents if parent.is_dir())


def require_room(path: str | os.PathLike[str], size: float) -> None:
    """Raise `RosettaError` unless the disk of `path` has room for `size` bytes."""
    free = shutil.disk_usage(existing_folder(path)).free
    if size > free:
        raise RosettaError(f"{path}: needs {size / 1e9:.3g} GB, but only {free / 1e9:.3g} GB are free")


def require_folder_takes(argument: str, path: str | os.PathLike[str]) -> None:
    """Raise unless the folder of `path`, or the one that it will be made in, takes a file; one is tried.

    Permissions do not say it all: disks are mounted to be read alone, quotas are used up, names are too long.
    """
    path = Path(path)
    there = path if path.is_dir() else existing_folder(path)
    try:
        handle, trial = tempfile.mkstemp(dir=there, prefix=prefix(path.name), suffix=path.suffix)
        os.close(handle)
        remove(made(Path(trial)))
    except (OSError, ValueError) as error:
        rule = f"must be in a writable folder; writing to {there} failed ({getattr(error, 'strerror', None) or error})"
        raise InputError(argument, str(path), rule, f"another {argument}") from error
    require_room(path, LEAST_ROOM)
