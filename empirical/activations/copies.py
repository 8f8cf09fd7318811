"""A disk copy that is being written, and the record from which a killed one resumes.

Rows are written one after the other to a file beside the copy's name, which is moved there when it is whole. A record
beside it says how many are written, and the checksum of each block up to there; the recorded rows are on disk first.
Rows beyond the record are written again, and a file that does not match its record is begun anew.

The checksums stand behind the rows of a whole copy, where readers of ``.npy`` files do not look. A copy that an earlier
run has made is compared with them once (`is_sound`), which takes as long as reading it from memory.
"""

from __future__ import annotations

import io
import json
import os
import struct
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ...checksums import AT_ONCE, arrays_in, checksum
from ...console import say
from ...removal import made, ours, remove
from ...results import disk_error, replacing
from .halves import halved
from .source import ActivationSource, identity
from .views import LARGEST

SHARE = 0.05  # of the time, at most, that is spent on recording
LONG = 10e9  # bytes from which on comparing takes so long that it is said
TAIL = struct.Struct("<I8s")  # behind the blocks' checksums: that of these, and a word
WORD = b"RL-SUMS\x01"
_sound: dict[str, list[int]] = {}  # copies that this process has written or compared


class UnfinishedCopy:
    """A copy that is being written: a ``.npy`` file, its rows one after the other, and the record of how far it is.

    Attributes
    ----------
    positions : int
        How many are written.
    file : binary file
        Where the next ones go.
    """

    def __init__(self, source: ActivationSource, whole: Path, block: int, kind: str):
        self._whole, self._kind = whole, kind
        self._shape, self._block = (source.positions, len(source.layer)), block
        self._row = self._shape[1] * np.dtype(kind).itemsize
        self._of = json.dumps([identity(source), *self._shape, block, kind])
        self._record = record_of(whole)
        self.file: BinaryIO = partial_of(whole).open("r+b" if partial_of(whole).exists() else "w+b")
        if not self._recalled():
            self._begin()
        self._saved, self._cost = time.monotonic(), 0.0

    def add(self, piece: np.ndarray) -> int:
        """Write the next block; return its number of positions."""
        if self.positions == 0:
            self._shift = shift_of(piece)
        with np.errstate(all="ignore"):  # the engine tells which neurons are not finite
            if len(self._shift):
                piece = (piece - self._shift).astype(np.float32)
            if self._kind != "float32":
                piece, *border = halved(piece)
                self._borders.append(np.stack(border))
            self._write(np.ascontiguousarray(piece, dtype=self._kind))
        self.positions += len(piece)
        if self._cost <= SHARE * (time.monotonic() - self._saved):
            self._keep()
        return len(piece)

    def finish(self) -> None:
        """Move the whole copy to its place."""
        sums = [*self._sums, *([] if self._kind == "float32" else [checksum(self._bordered.data)])]
        packed = np.array(sums, dtype="<u4").tobytes()
        self._put(packed + TAIL.pack(checksum(packed), WORD))
        self._sync()
        self.file.close()
        if self._kind != "float32":
            np.save(border_of(self._whole), self._bordered)
        os.replace(partial_of(self._whole), self._whole)
        _sound[str(self._whole.absolute())] = _state(self._whole, self._block)
        forget_record(self._whole)

    @property
    def _bordered(self) -> np.ndarray:
        none = np.zeros((2, 0, self._shape[1]), dtype=np.float32)
        return np.stack(self._borders, axis=1) if self._borders else none

    def _begin(self) -> None:
        self.positions, self._shift = 0, np.zeros(0)
        self._sums: list[int] = []
        self._borders: list[np.ndarray] = []
        self.file.seek(0)
        self.file.truncate()
        self.file.write(_header(self._shape, self._kind))

    def _recalled(self) -> bool:
        """Resume from the record; return whether it is this copy's, and the file still matches it."""
        try:
            record = arrays_in(self._record)
            if record["of"].item() != self._of:
                return False
            self.positions, length = record["place"].tolist()
            self._shift, self._borders = record["shift"], list(record["borders"].swapaxes(0, 1))
            self._sums = record["sums"].tolist()
            made(self._record)
        except (OSError, ValueError, TypeError, KeyError):
            return False
        header = _header(self._shape, self._kind)
        if self.file.read(len(header)) != header:
            return False
        if not _agree(self.file, self._sums, min(self.positions, self._shape[0]), self._block, self._row):
            return False
        if length != self.file.tell():
            return False
        self.file.truncate(length)
        return True

    def _keep(self) -> None:
        """Record how far the copy is, once that is on disk."""
        begun = time.monotonic()
        self._sync()
        place, sums = [self.positions, self.file.tell()], np.array(self._sums, dtype=np.uint32)
        with replacing(made(self._record)) as partial:
            np.savez(partial, of=self._of, place=place, sums=sums, shift=self._shift, borders=self._bordered)
        self._saved = time.monotonic()
        self._cost = self._saved - begun

    def _write(self, rows: np.ndarray) -> None:
        self._sums.append(checksum(rows.data))
        self._put(rows.data)

    def _put(self, data: Any) -> None:
        try:
            self.file.write(data)
        except OSError as error:
            raise disk_error(self._whole, error) from error

    def _sync(self) -> None:
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            raise disk_error(self._whole, error) from error


def is_sound(whole: Path, shape: tuple[int, int], block: int, kind: str) -> bool:
    """Return whether every byte of a whole copy is as it was written; compared once in a process.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    name, state, size = str(whole.absolute()), _state(whole, block), whole.stat().st_size
    if _sound.get(name) == state:
        return True
    header, row = _header(shape, kind), shape[1] * np.dtype(kind).itemsize
    number = -(-shape[0] // block) + (kind != "float32")
    if size != len(header) + shape[0] * row + 4 * number + TAIL.size:
        return False
    if size > LONG:
        say(f"{whole}: a copy of an earlier run, compared with its checksums ({size / 1e9:.3g} GB)")
    with whole.open("rb") as file:
        file.seek(-4 * number - TAIL.size, os.SEEK_END)
        packed, tail = file.read(4 * number), file.read()
        if tail != TAIL.pack(checksum(packed), WORD):
            return False
        sums = np.frombuffer(packed, dtype="<u4").tolist()
        file.seek(0)
        sound = file.read(len(header)) == header and _agree(file, sums[: -(-shape[0] // block)], shape[0], block, row)
    if sound and kind != "float32":
        border = np.load(border_of(whole), allow_pickle=False)
        sound = checksum(np.ascontiguousarray(border).data) == sums[-1]
    if sound:
        _sound[name] = state
    return sound


def _agree(file: BinaryIO, sums: list[int], positions: int, block: int, row: int) -> bool:
    """Return whether the blocks of rows that follow in a file have these checksums."""
    if len(sums) != -(-positions // block):
        return False
    room = np.empty(min(AT_ONCE, block * row), np.uint8)
    for first, expected in zip(range(0, positions, block), sums, strict=True):
        left, total = min(block, positions - first) * row, 0
        while left:
            size = file.readinto(room[:left].data)  # pyright: ignore[reportAttributeAccessIssue]  (binary files have it)
            if not size:
                return False
            total, left = checksum(room[:size], total), left - size
        if total != expected:
            return False
    return True


def _header(shape: tuple[int, int], kind: str) -> bytes:
    head = io.BytesIO()
    facts = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, facts)
    return head.getvalue()


def _state(whole: Path, block: int) -> list[int]:
    """Return the numbers that change where another file takes the place of a copy, or of its shifts and scales."""
    stats = [path.stat() for path in (whole, border_of(whole)) if path.exists()]
    return [block, *(number for stat in stats for number in (stat.st_ino, stat.st_size, stat.st_mtime_ns))]


def record_of(whole: Path) -> Path:
    """Return the file that says how far a copy is."""
    return whole.with_name(f"{whole.stem}-unfinished.npz")


def forget_record(whole: Path) -> None:
    """Remove the record of a copy that is whole, and what runs left that were killed while they recorded."""
    record = record_of(whole)
    for file in (record, *record.parent.glob(f".{record.name}.*")):
        if ours(file):
            remove(file)


def shift_of(block: np.ndarray) -> np.ndarray:
    """Return the shift subtracted from each column of a float64 source, from its first block; zero for a narrower one.

    It is the column's mean there, and where its numbers are all equal that number: a constant neuron stays constant.
    A column that the engine refuses stays as it is, so that only its impossible numbers become infinite.
    """
    if block.dtype != np.float64:
        return np.zeros(0)
    with np.errstate(over="ignore", invalid="ignore"):
        span = block.max(0) - block.min(0)
        return np.where(span == 0, block[0], np.where(span <= LARGEST, block.mean(0), 0))


def partial_of(whole: Path) -> Path:
    """Return the path of a copy until it is whole."""
    return whole.with_suffix(".partial")


def border_of(whole: Path) -> Path:
    """Return the path of the shifts and scales of a copy of half the size, shape (2, blocks, neurons)."""
    return whole.with_name(f"{whole.stem}-border.npy")
