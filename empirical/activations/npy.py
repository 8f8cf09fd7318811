"""Heads of ``.npy`` files and of ``.npz`` archives, read before any of their data.

A head is parsed by NumPy, whose parser raises whatever a broken head leads it to. What it says is held against the
file's size and against the memory allowed before room is made for it. Python objects are refused and nothing is
unpickled.
"""

from __future__ import annotations

import math
import mmap
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ...errors import ForeignFileError, MissingFileError

OBJECTS = "holds Python objects; only arrays of numbers are read"
ZIP, SUFFIX = b"PK", ".npy"
ENCRYPTED = 1  # the bit of a member's flags
EXAMPLE = "np.save(path, array.astype('float32'))"
WORTHWHILE = 1 << 20  # bytes from which on it pays to tell the system of a reading


@dataclass(frozen=True)
class Head:
    """Shape, type, order and bytes of an array on disk."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    @property
    def size(self) -> int:
        """Bytes of the array once it is in memory."""
        return math.prod(self.shape) * self.dtype.itemsize


KNOWN = 64
_heads: dict[tuple[str, int, int, int], tuple[Head, int]] = {}  # of the files opened last


def open_npy(path: Path | None) -> np.ndarray:
    """Map a ``.npy`` file into memory (changes stay in memory).

    Raises
    ------
    MissingFileError
        If there is no such file, or it may not be read.
    ForeignFileError
        If it is not a whole ``.npy`` file, or holds Python objects.
    """
    if path is None or not path.is_file():
        raise MissingFileError(f"{path}: no such file. Try: a .npy array of shape (positions, neurons)")
    with _readable(path, "not a whole .npy file", EXAMPLE), path.open("rb") as file:
        if file.read(len(ZIP)) == ZIP:
            raise ForeignFileError(f"{path}: an .npz archive of several arrays. Try: np.save of one array")
        stat = os.fstat(file.fileno())
        key = (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if key not in _heads:  # a file is opened for every block that is read of it
            file.seek(0)
            _heads[key] = _head(file), file.tell()
            if len(_heads) > KNOWN:
                _heads.pop(next(iter(_heads)))
        head, begin = _heads[key]
        room = stat.st_size - begin
        if head.size > room:
            raise ValueError(f"its head says {head.size} bytes, and it has {room}")
        order = "F" if head.fortran else "C"
        if head.size == 0:
            return np.empty(head.shape, head.dtype, order)
        return np.memmap(file, head.dtype, "c", begin, head.shape, order)


def expect(rows: np.ndarray) -> None:
    """Let the system read some consecutive rows of a mapped file ahead, and as many after them.

    It reads a mapped file piece by piece as each is touched, and from some threads at once so small ones that the disk
    is ten times as slow. Rows that are no part of a mapped file are left as they are.
    """
    mapped, begin, size = _place(rows)
    if mapped is None or not hasattr(mmap, "MADV_WILLNEED"):
        return
    end = min(begin + 2 * size, len(mapped))
    begin -= begin % mmap.PAGESIZE
    if end - begin >= WORTHWHILE:
        mapped.madvise(mmap.MADV_WILLNEED, begin, end - begin)


def forget(rows: np.ndarray) -> None:
    """Let the pages of some consecutive rows of a mapped file no longer count as this process's memory.

    They are found again when the rows are read again. What was written to them is lost.
    """
    mapped, begin, size = _place(rows)
    if mapped is None or not hasattr(mmap, "MADV_DONTNEED"):
        return
    first = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
    last = (begin + size) // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        mapped.madvise(mmap.MADV_DONTNEED, first, last - first)


def _place(rows: np.ndarray) -> tuple[mmap.mmap | None, int, int]:
    """Return the mapped file that rows are in, the byte where they begin, and their bytes; None for other rows."""
    mapped: Any = rows
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    if not isinstance(mapped, mmap.mmap) or rows.strides[0] < rows.itemsize:
        return None, 0, 0
    whole = np.frombuffer(mapped, np.uint8)
    begin = rows.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return mapped, begin, len(rows) * rows.strides[0]


class Archive:
    """An ``.npz`` archive: the heads of its arrays, and each array once it is asked for.

    Parameters
    ----------
    path : Path
        The file.
    kind, example : str
        What messages call what it should be, and a call that makes one.

    Attributes
    ----------
    heads : dict of str to Head
        By the arrays' names.

    Raises
    ------
    MissingFileError
        If the file may not be read.
    ForeignFileError
        If it is no such archive, is damaged or encrypted, or holds Python objects.
    """

    def __init__(
        self, path: Path, kind: str = "a readable .npz of arrays", example: str = "np.savez(path, name=array)"
    ):
        self._path, self._rule, self._example = path, f"not {kind}", example
        with self._readable():
            self._file = zipfile.ZipFile(path)
        try:
            names = [name for name in self._file.namelist() if name.endswith(SUFFIX)]
            self.heads = {name.removesuffix(SUFFIX): self._head_of(name) for name in names}
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, name: str, memory: int) -> np.ndarray:
        """Return an array that takes no more than so many bytes.

        Raises
        ------
        ForeignFileError
            If it takes more, or is damaged.
        """
        head = self.heads[name]
        # An array whose last index runs slowest is turned, which takes it twice.
        needed = head.size * (2 if head.fortran and len(head.shape) > 1 else 1)
        if needed > memory:
            raise self._too_large(f"{name!r} unpacks", needed, memory)
        with self._readable(), self._file.open(name + SUFFIX) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
            file.read(1)  # the end, where the checksum is compared
            return array

    def read_all(self, memory: int) -> dict[str, np.ndarray]:
        """Return every array, if they take no more than so many bytes together.

        Raises
        ------
        ForeignFileError
            If they take more, or one is damaged.
        """
        needed = sum(head.size for head in self.heads.values())
        if needed > memory:
            raise self._too_large(f"its {len(self.heads)} arrays unpack", needed, memory)
        return {name: self.read(name, memory) for name in self.heads}

    def _too_large(self, what: str, needed: int, memory: int) -> ForeignFileError:
        return ForeignFileError(
            f"{self._path}: {what} to {needed / 1e9:.3g} GB, and {memory / 1e9:.3g} GB may be used. "
            "Try: fewer at a time, or more memory"
        )

    def _readable(self):
        return _readable(self._path, self._rule, self._example)

    def _head_of(self, name: str) -> Head:
        with self._readable():
            member = self._file.getinfo(name)
            if member.flag_bits & ENCRYPTED:
                raise ValueError(f"{name!r} is encrypted")
            with self._file.open(member) as file:
                head = _head(file)
                room = member.file_size - file.tell()
            if head.size != room:
                raise ValueError(f"the head of {name!r} says {head.size} bytes, and it has {room}")
            return head


def _head(file: Any) -> Head:
    """Return the head of an open ``.npy`` file; any error of the parser as `ValueError`."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except OSError:
        raise
    except Exception as error:  # of tokenizer and parser, of the stack of either, of the arithmetic of sizes
        raise ValueError(f"a broken head, {_reason(error)}") from error
    if dtype.hasobject:
        raise ValueError(OBJECTS)
    if any(isinstance(side, bool) or side < 0 for side in shape):
        raise ValueError(f"a broken head, with the shape {shape}")
    return Head(tuple(shape), dtype, fortran)


@contextmanager
def _readable(path: Path, rule: str, example: str) -> Iterator[None]:
    """Turn whatever a broken file leads its reader to into a message."""
    try:
        yield
    except (ForeignFileError, MissingFileError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise MissingFileError(f"{path}: cannot be read ({error.strerror})") from error
        raise ForeignFileError(f"{path}: {rule} ({_reason(error)}). Try: {example}") from error
    except Exception as error:  # zipfile raises zlib.error, NotImplementedError, RuntimeError, KeyError, …
        raise ForeignFileError(f"{path}: {rule} ({_reason(error)}). Try: {example}") from error


def _reason(error: Exception) -> str:
    words = str(error).strip().splitlines()
    return words[0] if words else type(error).__name__
