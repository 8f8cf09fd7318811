"""Residuals beyond the text of a span: activations less the mean over all spans with the same text.

Pairs of such residuals are matched like others, ``match(Residual(a), Residual(b))``; their number is that of the pairs
that remain beyond the token. Where there is a single span of a text its residual is 0 for every neuron. A neuron that
depends on the text alone, except for a `FAINT` part of its standard deviation (rounding, and changes by a model's
batches), reads 0 everywhere, so that matching excludes it as constant.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import InputError
from ...results import disk_error
from ..activations.source import ActivationSource, RandomAccess, blocks_from, identity, labels, untrained
from ..activations.views import View
from ..matching.evidence.lexical import BLOCK, MEMORY, add_by_group, grouped

FAINT = 1e-4


class Residual:
    """A source less the mean of each span's text.

    The means are taken in a first pass, when something is read. They are held where memory allows, and otherwise lie in
    a temporary file, made some neurons at a time. Residuals of a source that can be read at random can be read at
    random as well (`ReadableResidual`).

    Parameters
    ----------
    source : ActivationSource
        The activations.
    span : ndarray of int, shape (positions,), optional
        Number of each position's span text; by default what the source's ``labels`` say.
    memory : int
        Bytes for the means.

    Raises
    ------
    InputError
        If the source does not know its spans and they are not given, or not one for each position.
    """

    def __new__(cls, source: ActivationSource, span: np.ndarray | None = None, memory: int = MEMORY) -> Residual:
        return object.__new__(ReadableResidual if isinstance(source, RandomAccess) else cls)

    def __init__(self, source: ActivationSource, span: np.ndarray | None = None, memory: int = MEMORY):
        span = labels(source).get("span") if span is None else span
        if span is None:
            rule = f"{source.name} does not know the texts of its spans"
            raise InputError("span", None, rule, "Residual(source, span=numbers), an integer for each position")
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self._source: Any = source
        self._groups, self._memory = grouped(span, source), memory

    def identity(self) -> list[Any]:
        """Return the facts of the source, and that these are its residuals."""
        return [identity(self._source), "residual"]

    def labels(self) -> dict[str, np.ndarray]:
        """Return the spans, and what else the source knows of its positions."""
        return {**labels(self._source), "span": self._groups}

    @property
    def untrained(self) -> Callable[[int], ActivationSource] | None:
        """Residuals of the source's untrained twin by its seed; None where there is none."""
        make = untrained(self._source)
        return None if make is None else lambda seed: Residual(make(seed), self._groups, self._memory)

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield the residuals of the source's blocks."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on."""
        for block in blocks_from(self._source, size, first):
            yield self._without_means(block, slice(first, first + len(block)), slice(None))
            first += len(block)

    def _without_means(self, block: np.ndarray, index: slice | np.ndarray, columns: slice) -> np.ndarray:
        means, lexical = self._means
        return np.where(lexical[columns], 0, block - means[self._groups[index], columns])

    @cached_property
    def _means(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean of every span text and neuron, and which neurons are functions of the text."""
        counts = np.bincount(self._groups)[:, None]
        neurons, kind = len(self.layer), next(iter(self._source.blocks(1))).dtype
        at_once = max(int(self._memory // (12 * len(counts))), 1)
        if at_once >= neurons:
            means: np.ndarray = np.empty((len(counts), neurons), kind)
        else:
            means = _on_disk((len(counts), neurons), kind)
        lexical = np.zeros(neurons, dtype=bool)
        for start in range(0, neurons, at_once):
            columns = slice(start, min(start + at_once, neurons))
            sums = np.zeros((len(counts), columns.stop - start))
            square, shift, begin = np.zeros(columns.stop - start), None, 0
            for block in self._strips(columns):
                shift = block.mean(0, dtype=float) if shift is None else shift
                away = block - shift
                square += np.einsum("tn,tn->n", away, away)
                add_by_group(sums, self._groups[begin : begin + len(block)], away)
                begin += len(block)
            within = square - np.einsum("gn,gn,gi->n", sums, sums, 1 / counts)
            lexical[columns] = within <= FAINT**2 * (square - sums.sum(0) ** 2 / begin)
            means[:, columns] = sums / counts + (0 if shift is None else shift)
        return means, lexical

    def _strips(self, columns: slice) -> Iterator[np.ndarray]:
        for block in self._source.blocks(BLOCK):
            yield block[:, columns]


class ReadableResidual(Residual, View):
    """Residuals of a source that can be read at random."""

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the residuals of some positions and neurons."""
        return self._without_means(self._source.rows(index, columns), index, columns)

    def _strips(self, columns: slice) -> Iterator[np.ndarray]:
        for start in range(0, self.positions, BLOCK):
            yield self._source.rows(slice(start, start + BLOCK), columns)


def _on_disk(shape: tuple[int, int], kind: np.dtype) -> np.ndarray:
    """Return an array in a temporary file that is gone with it."""
    with tempfile.TemporaryFile(prefix="rosettalaw-means-") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, int(np.prod(shape)) * kind.itemsize)
        except OSError as error:
            raise disk_error(tempfile.gettempdir(), error) from error
        return np.memmap(file, kind, "r+", shape=shape)
