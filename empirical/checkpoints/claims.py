"""Claims on a path: of several processes that would make the same file or folder, one makes it and the others wait.

A folder that is there and cannot be written needs no claim, as nobody makes anything in it: what is whole is read.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import RosettaError
from ...removal import made, ours, remove
from ...results import disk_error, disk_is_full

try:
    import fcntl
except ImportError:  # a system without such locks: the last process to finish wins, as with whole files always
    fcntl = None

WAIT_SECONDS = 0.2
ELSEWHERE = "ROSETTALAW_CACHE=another-folder in the environment, or --cache another-folder where a command has it"
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
CONTENT = b"A claim of rosettalaw, removed when it ends\n"


@contextmanager
def claimed(path: Path, going_on: Callable[[], bool] = lambda: True) -> Iterator[bool]:
    """Hold the claim on a path while the block runs; True, or False if `going_on` said no while it waited.

    The claim is the operating system's lock on a file beside the path, so that it ends with the process that holds it,
    however that ends. The file is removed at the end.

    Raises
    ------
    RosettaError
        If the folder cannot be written, and the path is not there or the block writes.
    """
    if fcntl is None:
        yield True
        return
    lock = path.with_name(f"{path.name}.lock")
    handle = None
    try:
        try:
            while handle is None and going_on():
                handle = _locked(lock)
                if handle is None:
                    time.sleep(WAIT_SECONDS)
        except RosettaError as refusal:
            if not (_read_only(refusal) and path.exists()):
                raise
            with _explaining(refusal):
                yield going_on()
        else:
            yield handle is not None
    finally:
        if handle is not None:
            if ours(lock):
                remove(lock)  # first, so that nobody takes a lock on a file that goes away
            os.close(handle)


def _read_only(error: BaseException | None) -> bool:
    """Return whether an error, or one that it was made of, says that something cannot be written."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in READ_ONLY:
            return True
        error = error.__cause__
    return False


@contextmanager
def _explaining(refusal: RosettaError) -> Iterator[None]:
    """Raise the refusal, which names another cache, where the block meets one of its own."""
    try:
        yield
    except Exception as error:
        if _read_only(error):
            raise refusal from error
        raise


def _locked(lock: Path) -> int | None:
    """Return the open file of a lock, or None where another process has it."""
    assert fcntl is not None
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        if disk_is_full(lock, error):
            raise disk_error(lock, error) from error
        raise RosettaError(f"{disk_error(lock, error)}. Try: {ELSEWHERE}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:  # a file system without locks
        _signed(handle, lock)
        return handle
    _signed(handle, lock)
    try:
        same = os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        same = False
    if not same:  # the holder before removed it between our opening and our lock
        os.close(handle)
        return None
    return handle


def _signed(handle: int, lock: Path) -> None:
    """Write into a new lock whose it is, so that it may be removed; a user's file of that name stays as it is."""
    content = os.read(handle, len(CONTENT) + 1)
    if content == b"":
        with suppress(OSError):  # a full disk does not matter here
            os.write(handle, CONTENT)
    if content in (b"", CONTENT):
        made(lock)
