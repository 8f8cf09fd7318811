"""Sources side by side as one: the layers of a model that came one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .source import ActivationSource, RandomAccess, blocks_from, common_labels, identity, mapped
from .views import Documented, Readable


class Joined(Documented):
    """The neurons of several sources of the same positions, one source after the other.

    Parameters
    ----------
    name : str
        Name of the model.
    sources : sequence of ActivationSource
        Its layers.
    numbers : sequence of int
        Number of each layer.
    """

    def __new__(cls, name: str, sources: Sequence[ActivationSource], numbers: Sequence[int]) -> Joined:
        readable = all(isinstance(source, RandomAccess) for source in sources)
        return object.__new__(ReadableJoined if readable else cls)

    def __init__(self, name: str, sources: Sequence[ActivationSource], numbers: Sequence[int]):
        self.name, self.positions, self._sources = name, sources[0].positions, list(sources)
        widths = [len(source.layer) for source in sources]
        self._ends = np.cumsum([0, *widths])
        self.layer = np.repeat(np.asarray(numbers, dtype=np.int64), widths)
        self.unit = np.concatenate([np.arange(width) for width in widths])

    def identity(self) -> list[Any]:
        """Return the facts that distinguish each layer from others."""
        return [self.name, *(identity(source) for source in self._sources), *self.in_documents()]

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the labels that the caller, or the layers, give the positions."""
        return {**common_labels(*self._sources), **super().labels()}

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield the layers' blocks side by side."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on."""
        for parts in zip(*(whole_blocks(source, size, first) for source in self._sources), strict=True):
            yield np.concatenate(parts, axis=1)


def whole_blocks(source: ActivationSource, size: int, first: int) -> Iterator[np.ndarray]:
    """Yield a source's blocks from position `first` on, each of `size` positions but for the last."""
    if isinstance(source, RandomAccess):
        for start in range(first, source.positions, size):
            yield source.rows(slice(start, start + size))
        return
    waiting = np.empty((0, len(source.layer)))
    for block in blocks_from(source, size, first):
        waiting = block if not len(waiting) else np.concatenate([waiting, block])
        for start in range(0, len(waiting) - size + 1, size):
            yield waiting[start : start + size]
        waiting = waiting[len(waiting) - len(waiting) % size :]
    if len(waiting):
        yield waiting


class ReadableJoined(Readable, Joined):
    """Layers that can all be read at random."""

    _sources: list[Any]

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some positions and neurons, from the layers that have them."""
        first, stop, _ = columns.indices(len(self.layer))
        parts = []
        for source, begin, end in zip(self._sources, self._ends[:-1], self._ends[1:], strict=True):
            if begin < stop and end > first:
                parts.append(source.rows(index, slice(max(first - begin, 0), min(stop, end) - begin)))
        if not parts:
            return self._sources[0].rows(index, slice(0, 0))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield blocks from position `first` on."""
        for start in range(first, self.positions, size):
            yield self.rows(slice(start, start + size))

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Keep the layers' files mapped meanwhile."""
        with mapped(*self._sources):
            yield
