"""Copies on disk of sources that can only be streamed, so that a model runs once and its activations are read again."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ...console import say
from ...errors import InputError
from ...removal import made, remove
from .arrays import ArraySource, float_type, floats
from .copies import UnfinishedCopy, border_of, forget_record, is_sound, partial_of
from .halves import Room, restore
from .source import ActivationSource, blocks_from, labels
from .views import View

RUN = 8  # neighbours on average from which on runs are read one by one


class Spooled(View):
    """A copy on disk of a source that can only be streamed, as float32 or in half the size.

    As float32, a float32 source's numbers are kept to the last bit. A float64 source's columns are first shifted, in
    float64 (`copies.shift_of`): an offset of many standard deviations would cost float32 its digits, and
    correlations do not depend on it. The levels of such a copy are not the source's.

    As float16, each block of positions is stored as (x − shift)/scale with each column's own shift (its first value in
    the block) and scale (a power of two that brings the largest magnitude below 2¹⁵): 11 bits of each deviation.
    """

    def __init__(self, source: ActivationSource, path: Path, block: int, kind: str):
        self.name, self.positions = source.name, source.positions
        self.layer, self.unit = np.asarray(source.layer), np.asarray(source.unit)
        self._block, self._file, self._streamed = block, ArraySource(path), source
        self._source = self._file
        self._border = None if kind == "float32" else np.load(border_of(path), allow_pickle=False)
        self._room: Room | None = None

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the stored activations as float32."""
        if self._border is None:
            return self._file.rows(index, columns)
        places = np.arange(self.positions)[index]
        shape = len(places), self._border[0, :0, columns].shape[1]
        rows = np.empty(shape, np.float32) if self._room is None else self._room.array(shape)
        blocks = places // self._block
        breaks = (np.diff(places) != 1) | (np.diff(blocks) != 0)
        gathered = None
        if len(places) < RUN * np.count_nonzero(breaks):
            gathered, breaks = self._file.stored(places, columns), np.diff(blocks) != 0
        edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(places)]
        for first, stop in itertools.pairwise(edges if len(places) else []):
            run = slice(int(places[first]), int(places[first]) + stop - first)
            stored = self._file.stored(run, columns) if gathered is None else gathered[first:stop]
            shift, scale = self._border[:, blocks[first], columns]
            restore(stored, scale, shift, rows[first:stop])
        return rows

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Keep the file mapped meanwhile, and use the memory of blocks again."""
        before, self._room = self._room, Room()
        try:
            with super().mapped():
                yield
        finally:
            self._room = before

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the labels of the streamed source."""
        return labels(self._streamed)


def spool(
    source: ActivationSource,
    path: Path,
    block: int,
    kind: str = "float32",
    advance: Callable[[float], None] = lambda positions: None,
) -> Spooled:
    """Copy a stream to disk, so that its model runs once; a whole copy that is already there is used as it is.

    A copy that was killed goes on where its record ends and gets the same bits; a source that cannot begin there
    (`blocks_from`) is read from the start again. A damaged copy, or one of another source, is written anew.

    Parameters
    ----------
    path : path
        File to write.
    block : int
        Positions written at a time.
    kind : str
        "float32" or "float16".
    advance : callable
        Told how many positions were written.

    Raises
    ------
    InputError
        If the source yields another number of positions than it declared.
    RosettaError
        If the disk is full.
    """
    whole = _file(path, kind)
    if os.path.lexists(whole) and not is_whole(source, path, block, kind):
        say(f"{whole}: damaged, or of an older version; copied again")
        for file in (whole, border_of(whole)):
            remove(made(file))
    if not whole.exists():
        copy = UnfinishedCopy(source, whole, block, kind)
        try:
            advance(copy.positions)
            with ThreadPoolExecutor(1) as writer:  # a block is written while the source makes the next one
                written = writer.submit(int)
                for piece in rechunked(source, block, copy.positions):
                    advance(written.result())
                    written = writer.submit(copy.add, piece.copy())  # a source may use its memory again
                    del piece
                advance(written.result())
            copy.finish()
        finally:
            copy.file.close()
    else:
        forget_record(whole)  # of a run killed between the last row and its clean end
    return Spooled(source, whole, block, kind)


def is_whole(source: ActivationSource, path: Path, block: int, kind: str) -> bool:
    """Return whether there is a whole copy, of its source's positions and neurons; an earlier run's is compared once.

    That takes as long as reading it once (`copies.is_sound`).
    """
    whole, shape = _file(path, kind), (source.positions, len(source.layer))
    try:
        arrays = [np.load(whole, mmap_mode="r", allow_pickle=False)]
        border = [] if kind == "float32" else [np.load(border_of(whole), mmap_mode="r", allow_pickle=False)]
    except Exception:  # NumPy parses a head of text
        return False
    if not all(isinstance(array, np.ndarray) for array in arrays + border):
        return False
    fits = (arrays[0].shape, arrays[0].dtype.name) == (shape, kind) and all(
        one.ndim == 3 and (len(one), one.shape[2]) == (2, shape[1]) for one in border
    )
    return fits and is_sound(whole, shape, block, kind)


def bytes_on_disk(path: Path, kind: str) -> int:
    """Return how many bytes of a copy, whole or not, are already on disk."""
    whole = _file(path, kind)
    return sum(one.stat().st_size for one in (whole, partial_of(whole)) if one.exists())


def rechunked(source: ActivationSource, block: int, first: int = 0) -> Iterator[np.ndarray]:
    """Yield exactly `block` positions at a time whatever the source's blocks, the last time fewer.

    Parameters
    ----------
    first : int
        Position to begin at.

    Raises
    ------
    InputError
        If the source yields another number of positions, or of neurons, than it declared.
    """
    neurons, seen = len(source.layer), first
    rest = np.empty((0, neurons), dtype=np.float32)
    for piece in blocks_from(source, block, first):
        if not hasattr(piece, "shape"):
            rule = "blocks() must yield arrays of shape (positions, neurons)"
            raise InputError(source.name, type(piece).__name__, rule, "yield np.asarray(block, dtype='float32')")
        if piece.ndim != 2 or piece.shape[1] != neurons:
            raise InputError(source.name, f"block of shape {piece.shape}", f"declared {neurons} neurons")
        if isinstance(piece, np.ndarray) and piece.dtype not in (np.float32, np.float64):
            piece = floats(source.name, piece, float_type(piece.dtype))
        seen += len(piece)
        rest = np.concatenate([rest, piece]) if len(rest) else piece
        del piece  # the source makes the next one when nothing of this one is left
        while len(rest) >= block:
            yield rest[:block]
            rest = rest[block:]
        rest = rest.copy()  # the source may use its memory again
    if seen != source.positions:
        raise InputError(source.name, f"{seen} positions", f"declared {source.positions}")
    if len(rest):
        yield rest


def _file(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.name}-{kind}.npy")
