"""Views of sources whose positions stand in another order: any order, or shifted around the end.

Rows of a file that is larger than memory come slowly in a random order: each of them waits for the disk, which brings
its neighbours in vain. So blocks of a scattered order are read in windows: as many blocks as fit the memory allowed
are one window, for which the file is read once from its beginning, in order, and each row that belongs there is put at
its place. A file of T positions is read T/W times where a window holds W of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .source import ActivationSource, RandomAccess, blocks_from, in_place
from .views import View

ROOM = 2**28  # bytes of the blocks that are put in place at a time, where nothing else is said
TOGETHER = 2048  # positions of the source read at a time, as copies on disk are written
RUN = 64  # neighbours on average from which on an order is not scattered
WAIT = 2**21  # bytes that a disk reads in the time in which it finds one row


class Reordered(View):
    """The same activations with their positions in another order.

    Blocks are read with `in_turn`, which reads a scattered order in windows (see the head of this module).

    Parameters
    ----------
    source : RandomAccess
        The activations.
    order : ndarray of int, shape (positions,)
        Position of the source that stands at each place.
    """

    def __init__(self, source: RandomAccess, order: np.ndarray):
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self._source, self._order, self._room = source, order, ROOM

    def holding(self, memory: int) -> Reordered:
        """Allow so many bytes for blocks that are put in place at a time, and return the source itself."""
        self._room = memory
        return self

    def in_turn(self, blocks: Sequence[tuple[int, int]], columns: slice = slice(None)) -> Iterator[np.ndarray]:
        """Yield some blocks of positions, in increasing order, to the last bit as `rows` returns them."""
        row = _bytes_of_a_row(self._source, columns)
        windows = list(_windows(blocks, max(self._room // 2 // max(row, 1), 1)))  # the one before may still be in use
        runs = 1 + np.count_nonzero(np.diff(self._order) != 1)
        if runs * RUN <= self.positions or (len(windows) - 1) * row > WAIT:
            yield from (self.rows(slice(*block), columns) for block in blocks)
            return
        for window in windows:
            rows, first = self._window(window, columns), 0
            for start, stop in window:
                yield rows[first : first + stop - start]
                first += stop - start

    def _window(self, blocks: Sequence[tuple[int, int]], columns: slice) -> np.ndarray:
        """Return the rows of some blocks, one after the other, from one reading of the source in order."""
        places = np.concatenate([self._order[start:stop] for start, stop in blocks])
        target = np.argsort(places, kind="stable")
        places, out = places[target], None
        for start in range(int(places[0]) // TOGETHER * TOGETHER, int(places[-1]) + 1, TOGETHER):
            low, high = np.searchsorted(places, [start, start + TOGETHER])
            if low < high:
                read = self._source.rows(slice(start, min(start + TOGETHER, self.positions)), columns)
                out = np.empty((len(places), read.shape[1]), read.dtype) if out is None else out
                out[target[low:high]] = read[places[low:high] - start]
        assert out is not None
        return out

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations at the reordered positions; a run of neighbours is read in place."""
        places = self._order[index]
        if len(places) and places[-1] - places[0] == len(places) - 1 and (np.diff(places) == 1).all():
            return self._source.rows(slice(int(places[0]), int(places[-1]) + 1), columns)
        return self._source.rows(places, columns)

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return nothing: the labels belong to the other order."""
        return {}


def _bytes_of_a_row(source: RandomAccess, columns: slice) -> int:
    none = source.rows(slice(0, 0), columns)
    return none.shape[1] * none.itemsize


def _windows(blocks: Sequence[tuple[int, int]], most: int) -> Iterator[list[tuple[int, int]]]:
    """Yield runs of blocks that have at most so many positions together, or are one block."""
    window: list[tuple[int, int]] = []
    length = 0
    for start, stop in blocks:
        if window and length + stop - start > most:
            yield window
            window, length = [], 0
        window.append((start, stop))
        length += stop - start
    if window:
        yield window


class Shifted:
    """The same activations from position `lag` on, the first ones after the last; nothing is copied.

    A source that can be read at random can be read so again (`ReadableShifted`). A stream begins at `lag`
    (`blocks_from`) and is read a second time for its beginning.

    Parameters
    ----------
    source : ActivationSource
        The activations.
    lag : int
        Position of the source that comes first, from 1 to positions − 1.
    """

    def __new__(cls, source: ActivationSource, lag: int) -> Shifted:
        return object.__new__(ReadableShifted if isinstance(source, RandomAccess) else cls)

    def __init__(self, source: ActivationSource, lag: int):
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self.source, self.lag = source, lag

    @property
    def _source(self) -> Any:  # as views call it
        return self.source

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield the source's blocks from `lag` on, then those before it."""
        yield from blocks_from(self._source, size, self.lag)
        left = self.lag
        for block in self._source.blocks(size):
            yield block[:left]
            left -= len(block)
            if left <= 0:
                return


class ReadableShifted(View, Shifted):
    """A shifted source that can be read at random."""

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations at the shifted positions; in place but for the block that goes around the end."""
        if not isinstance(index, slice):
            return self._source.rows((np.asarray(index) + self.lag) % self.positions, columns)
        start, stop, step = index.indices(self.positions)
        first, last = start + self.lag, stop + self.lag
        if step != 1 or first < self.positions < last:
            return self._source.rows((np.arange(start, stop, step) + self.lag) % self.positions, columns)
        turns = self.positions if first >= self.positions else 0
        return self._source.rows(slice(first - turns, last - turns), columns)

    def in_place(self) -> list[tuple[int, int]]:
        """Return the source's stretches at their new places, cut where it goes around the end."""
        around, stretches = self.positions - self.lag, []
        for start, stop in in_place(self._source):
            pieces = [(start, min(stop, self.lag), around), (max(start, self.lag), stop, -self.lag)]
            stretches += [(low + by, high + by) for low, high, by in pieces if low < high]
        return sorted(stretches)

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return nothing: the labels belong to the other order."""
        return {}
