"""A disk copy that is being written, and the record from which a killed one resumes.

Rows are written one after the other to a file beside the copy's name, which is moved there when it is whole. A record
beside it says how many are written, and the checksum of the bytes up to there; the recorded rows are on disk first.
Rows beyond the record are written again, and a file that does not match its record is begun anew.
"""

from __future__ import annotations

import json
import os
import time
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...removal import made, ours, remove
from ...results import disk_error, replacing
from .halves import halved
from .source import ActivationSource, identity
from .views import LARGEST

SHARE = 0.05  # of the time, at most, that is spent on recording
AT_ONCE = 1 << 24  # bytes that are summed up at a time


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
        self._shape = (source.positions, len(source.layer))
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
        self._sync()
        self.file.close()
        if self._kind != "float32":
            np.save(border_of(self._whole), self._bordered)
        os.replace(partial_of(self._whole), self._whole)
        forget_record(self._whole)

    @property
    def _bordered(self) -> np.ndarray:
        none = np.zeros((2, 0, self._shape[1]), dtype=np.float32)
        return np.stack(self._borders, axis=1) if self._borders else none

    def _begin(self) -> None:
        self.positions, self._checksum, self._shift = 0, 0, np.zeros(0)
        self._borders: list[np.ndarray] = []
        self.file.seek(0)
        self.file.truncate()
        header = {"descr": np.dtype(self._kind).str, "fortran_order": False, "shape": self._shape}
        np.lib.format.write_array_header_1_0(self.file, header)
        self.file.flush()
        self.file.seek(0)
        self._checksum = zlib.crc32(self.file.read())

    def _recalled(self) -> bool:
        """Resume from the record; return whether it is this copy's, and the file still matches it."""
        try:
            with self._record.open("rb") as file, np.load(file, allow_pickle=False) as record:
                if record["of"].item() != self._of:
                    return False
                self.positions, length, self._checksum = record["place"].tolist()
                self._shift, self._borders = record["shift"], list(record["borders"].swapaxes(0, 1))
            made(self._record)
        except (OSError, ValueError, TypeError, EOFError, KeyError, zipfile.BadZipFile):
            return False
        checksum, left = 0, length
        while left > 0 and (some := self.file.read(min(left, AT_ONCE))):
            checksum, left = zlib.crc32(some, checksum), left - len(some)
        if left or checksum != self._checksum:
            return False
        self.file.truncate(length)
        return True

    def _keep(self) -> None:
        """Record how far the copy is, once that is on disk."""
        begun = time.monotonic()
        self._sync()
        place = [self.positions, self.file.tell(), self._checksum]
        with replacing(made(self._record)) as partial:
            np.savez(partial, of=self._of, place=place, shift=self._shift, borders=self._bordered)
        self._saved = time.monotonic()
        self._cost = self._saved - begun

    def _write(self, rows: np.ndarray) -> None:
        self._checksum = zlib.crc32(rows.data, self._checksum)
        try:
            self.file.write(rows.data)
        except OSError as error:
            raise disk_error(self._whole, error) from error

    def _sync(self) -> None:
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            raise disk_error(self._whole, error) from error


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
