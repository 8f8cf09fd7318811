"""Grids of points: the outer product of arrays, solved in blocks, in memory or when asked for.

A grid knows the arrays that span it and a function that solves any part of it. Where everything fits in memory the
blocks fill arrays. Where not, `lazy_grids` makes dask arrays of the blocks, which dask computes when asked: in threads,
or on a cluster when a `dask.distributed` client is open. A part of such an array is the array of a smaller grid: 1% of
the points costs 1% of the time, whichever way it is cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ..console import progress
from ..errors import InputError
from .parameters import as_floats

LONG = 4  # blocks from which a progress bar is shown


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid of points.

    Attributes
    ----------
    solve : callable
        Returns an array of shape (variables, ...) on the outer product of the arrays that it is given.
    names : tuple of str
        The variables; the last, the status, is stored as an 8-bit integer.
    arrays : dict of str to ndarray
        Parameters: those of one dimension span the grid, the others are numbers.
    block : int
        Points that are solved at a time.
    most : int, optional
        Blocks that a grid may have; larger ones take the place of more.
    """

    solve: Callable[[Mapping[str, np.ndarray]], np.ndarray]
    names: tuple[str, ...]
    arrays: Mapping[str, np.ndarray]
    block: int
    most: int | None = None

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the arrays that span the grid."""
        return tuple(name for name, array in self.arrays.items() if array.ndim)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the arrays that span the grid."""
        return tuple(self.arrays[name].size for name in self.dims)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the blocks along each dimension, as dask writes them."""
        shared = -(-math.prod(self.shape) // self.most) if self.most else 0
        return cut(self.shape, max(self.block, shared))

    def __getitem__(self, key: tuple[Any, ...]) -> Grid:
        """Return the part of the grid that a number, slice or vector for each dimension names."""
        parts = {dim: self.arrays[dim][at] for dim, at in zip(self.dims, key, strict=True)}
        return replace(self, arrays={**self.arrays, **parts})

    def blocks(self) -> Iterator[tuple[slice, ...]]:
        """Yield where the blocks lie."""
        yield from product(*(slices(sizes) for sizes in self.chunks))

    def dtype(self, name: str) -> np.dtype:
        """Return the type that a variable is stored as."""
        return np.dtype(np.int8 if name == self.names[-1] else np.float64)

    def solved(self) -> dict[str, np.ndarray]:
        """Return every variable of every point."""
        values = {name: np.empty(self.shape, dtype=self.dtype(name)) for name in self.names}
        where = list(self.blocks())
        with progress("solving", len(where), quiet=len(where) < LONG) as bar:
            for at in where:
                for name, value in zip(self.names, self.solve(self[at].arrays), strict=True):
                    values[name][at] = value
                bar.advance()
        return values


def vectors(given: Mapping[str, Any], example: str) -> dict[str, np.ndarray]:
    """Return numbers and 1-D arrays as float64 arrays.

    Raises
    ------
    InputError
        For arguments that are not numbers, have more dimensions than one or are empty.
    """
    arrays = {name: as_floats(name, value, example) for name, value in given.items()}
    for name, array in arrays.items():
        if array.ndim > 1 or array.size == 0:
            rule = "must be a number or a 1-D array, not empty"
            raise InputError(name, f"array of shape {array.shape}", rule, example)
    return arrays


def coordinates(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the parameters of a grid as coordinates of a Dataset."""
    return {name: (name, array) if array.ndim else array[()] for name, array in arrays.items()}


def cut(shape: tuple[int, ...], block: int) -> tuple[tuple[int, ...], ...]:
    """Cut a grid into blocks of at most `block` points, the last dimensions whole for as long as they fit."""
    sizes, room = [], block
    for length in reversed(shape):
        size = max(1, min(length, room))
        sizes.append((size,) * (length // size) + ((length % size,) if length % size else ()))
        room //= size
    return tuple(reversed(sizes))


def slices(sizes: tuple[int, ...]) -> Iterator[slice]:
    """Yield the stretches that follow each other with these sizes."""
    start = 0
    for size in sizes:
        yield slice(start, start + size)
        start += size
