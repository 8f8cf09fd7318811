"""Views of sources that can be read at random: some layers, some neurons left out, some positions first.

A view reads its source and copies nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...errors import InputError
from .source import ActivationSource, RandomAccess, blocks_from, identity, in_place, labels, mapped, release, tensors

LARGEST = 1e18  # sums of squares of deviations are added in float32, some at a time


class Documented:
    """Base of sources whose positions may belong to documents that the caller names."""

    _documents: np.ndarray | None = None

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the documents, where they were given."""
        return {} if self._documents is None else {"document": self._documents}

    def in_documents(self) -> list[Any]:
        """Return the facts that distinguish these documents from others, as a part of an identity."""
        return [] if self._documents is None else [zlib.crc32(self._documents.data)]


class Readable:
    """Base of all sources that can be read at random."""

    name: str
    layer: np.ndarray
    unit: np.ndarray
    positions: int

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return floating-point activations, shape (positions asked for, neurons asked for)."""
        raise NotImplementedError

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield blocks of shape (size, neurons), the last one shorter."""
        for start in range(0, self.positions, size):
            yield self.rows(slice(start, start + size))

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Keep files mapped meanwhile, where there are any; see the function of this name."""
        yield


class View(Readable):
    """Activations made from another source's."""

    _source: RandomAccess

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Keep the source's files mapped meanwhile."""
        with mapped(self._source):
            yield

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the labels of the source."""
        return labels(self._source)


class Copy(View):
    """A source that is read from a copy of it: the numbers of the copy, with the labels of the source."""

    def in_place(self) -> list[tuple[int, int]]:
        """Return the stretches that the copy reads without a further one."""
        return in_place(self._source)

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the copied activations."""
        return self._source.rows(index, columns)


class Layers:
    """The neurons of some layers only; units keep their (layer, unit) labels.

    Layers of a source that can be read at random can be read at random as well (`ReadableLayers`): the user's own array
    is read again, in its own precision, and nothing is copied.

    Raises
    ------
    InputError
        If the source lacks one of the layers.
    """

    def __new__(cls, source: ActivationSource, layers: list[int], argument: str = "layers") -> Layers:
        return object.__new__(ReadableLayers if isinstance(source, RandomAccess) else cls)

    def __init__(self, source: ActivationSource, layers: list[int], argument: str = "layers"):
        absent = sorted(set(layers) - set(np.asarray(source.layer).tolist()))
        if absent:
            known = f"has the layers {np.unique(source.layer).tolist()}"
            raise InputError(argument, absent, f"{source.name} {known}", f"{argument} {min(source.layer)}")
        self.name, self.positions, self._source = source.name, source.positions, source
        self._columns = np.flatnonzero(np.isin(source.layer, layers))
        self.layer, self.unit = np.asarray(source.layer)[self._columns], np.asarray(source.unit)[self._columns]

    def identity(self) -> list[Any]:
        """Return the identity of the source and of the layers chosen."""
        return [identity(self._source), np.unique(self.layer).tolist()]

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the labels of the source."""
        return labels(self._source)

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield the chosen columns of the source's blocks."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on."""
        for block in blocks_from(self._source, size, first):
            yield block[:, self._columns]

    def tensors(self, size: int) -> Iterator[Any]:
        """Yield the same, on the device where the source made them."""
        for block in tensors(self._source, size):
            yield block[:, self._columns]

    def release(self) -> None:
        """Let the source give up the memory of its model."""
        release(self._source)


class ReadableLayers(View, Layers):
    """The neurons of some layers of a source that can be read at random."""

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the chosen columns; without a copy where the source allows it and the columns are contiguous."""
        taken = self._columns[columns]
        first, stop = (int(taken[0]), int(taken[-1]) + 1) if len(taken) else (0, 0)
        rows = self._source.rows(index, slice(first, stop))
        return rows if stop - first == len(taken) else np.take(rows, taken - first, axis=1)


class Without(View):
    """A source some of whose neurons read 0 everywhere, so that they are excluded as constant."""

    def __init__(self, source: RandomAccess, excluded: np.ndarray):
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self._source, self._excluded = source, excluded

    @classmethod
    def nonfinite(cls, source: ActivationSource, block: int) -> ActivationSource:
        """Leave out the neurons that the engine refuses (`columns`)."""
        bad = np.zeros(len(source.layer), dtype=bool)
        bad[cls.columns(source, block)] = True
        return cls(source, bad) if isinstance(source, RandomAccess) and bad.any() else source

    @staticmethod
    def columns(source: ActivationSource, block: int) -> np.ndarray:
        """Return the neurons with a NaN, an infinity or a number too large, found by reading the source once.

        These are all that the engine refuses: it takes differences, so from the least to the greatest number, 0 among
        them, there may be no more than 10¹⁸.
        """
        low, high = np.zeros((2, len(source.layer)))
        for piece in source.blocks(block):
            low, high = np.minimum(low, piece.min(0)), np.maximum(high, piece.max(0))  # a NaN stays
        with np.errstate(over="ignore"):
            return np.flatnonzero(~(high - low <= LARGEST))

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the source's activations with zeros for the neurons left out."""
        return np.where(self._excluded[columns], 0, self._source.rows(index, columns))
