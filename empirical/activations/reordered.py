"""Views of sources whose positions stand in another order: any order, or shifted around the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .source import ActivationSource, RandomAccess, blocks_from
from .views import View


class Reordered(View):
    """The same activations with their positions in another order.

    Parameters
    ----------
    source : RandomAccess
        The activations.
    order : ndarray of int, shape (positions,)
        Position of the source that stands at each place.
    """

    def __init__(self, source: RandomAccess, order: np.ndarray):
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self._source, self._order = source, order

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations at the reordered positions; a run of neighbours is read in place."""
        places = self._order[index]
        if len(places) and places[-1] - places[0] == len(places) - 1 and (np.diff(places) == 1).all():
            return self._source.rows(slice(int(places[0]), int(places[-1]) + 1), columns)
        return self._source.rows(places, columns)

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return nothing: the labels belong to the other order."""
        return {}


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
        self._source: Any = source
        self._lag = lag

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield the source's blocks from `lag` on, then those before it."""
        yield from blocks_from(self._source, size, self._lag)
        left = self._lag
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
            return self._source.rows((np.asarray(index) + self._lag) % self.positions, columns)
        start, stop, step = index.indices(self.positions)
        first, last = start + self._lag, stop + self._lag
        if step != 1 or first < self.positions < last:
            return self._source.rows((np.arange(start, stop, step) + self._lag) % self.positions, columns)
        turns = self.positions if first >= self.positions else 0
        return self._source.rows(slice(first - turns, last - turns), columns)

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return nothing: the labels belong to the other order."""
        return {}
