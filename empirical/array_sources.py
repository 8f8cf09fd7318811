"""Activation arrays of any framework as sources: NumPy files read in place, and views of them.

An array of shape (positions, neurons) is read block by block through memory maps that are closed after each block, so
that a file of any length costs the memory of one block. A `Permuted` view shows the same rows in another order: the
permutation null. Everything here can be read at random: `rows` returns any positions and any range of neurons.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..errors import ForeignFileError, InputError, MissingFileError
from .sources import ActivationSource


@runtime_checkable
class RandomAccess(ActivationSource, Protocol):
    """A source whose positions can be read in any order, and any range of neurons by itself."""

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return floating-point activations, shape (positions asked for, neurons asked for)."""
        ...


class ArraySource:
    """Activations that are already in an array or a ``.npy`` file, shape (positions, neurons).

    Parameters
    ----------
    array : ndarray or path
        Real numbers; a file is read in place. Integers and booleans are turned into floats block by block; float64 is
        kept, because an offset of 10⁴ standard deviations leaves float32 too few digits.
    name : str, optional
        What messages call the model; the path by default.
    layer, unit : array of int, shape (neurons,), optional
        Layer of each neuron and its index within that layer; one layer by default.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If the file is not a whole ``.npy`` file, or holds Python objects (these are refused, never unpickled).
    InputError
        If the array is not two-dimensional, is empty or is not numeric, or `layer` or `unit` has another length.
    """

    def __init__(
        self,
        array: np.ndarray | str | os.PathLike[str],
        name: str | None = None,
        layer: np.ndarray | None = None,
        unit: np.ndarray | None = None,
    ):
        self._path = None if isinstance(array, np.ndarray) else Path(array)
        self._array = array if isinstance(array, np.ndarray) else None
        self.name = name or (str(self._path) if self._path is not None else "array")
        opened = self._open()
        rule = "must be an array of numbers of shape (positions, neurons), neither of them 0"
        described = f"array of shape {opened.shape} and type {opened.dtype}"
        if opened.ndim != 2 or 0 in opened.shape or opened.dtype.kind not in "fiub":
            raise InputError(self.name, described, rule, "np.save('a.npy', activations.reshape(-1, neurons))")
        self.positions, neurons = map(int, opened.shape)
        self._dtype = opened.dtype if opened.dtype in (np.float32, np.float64) else _float_type(opened.dtype)
        self.layer = np.zeros(neurons, dtype=np.int64) if layer is None else np.asarray(layer, dtype=np.int64)
        self.unit = within_layer(self.layer) if unit is None else np.asarray(unit, dtype=np.int64)
        for argument, labels in (("layer", self.layer), ("unit", self.unit)):
            if labels.shape != (neurons,):
                raise InputError(argument, labels.shape, f"must have one entry for each of the {neurons} neurons")

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some positions and neurons as a new floating-point array."""
        return np.array(self._open()[index, columns], dtype=self._dtype, order="C")

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield blocks of shape (size, neurons), the last one shorter."""
        for start in range(0, self.positions, size):
            yield self.rows(slice(start, start + size))

    def _open(self) -> np.ndarray:
        """Return the array; a file is mapped anew each time, so that pages already read do not pile up."""
        return self._array if self._array is not None else open_npy(self._path)


class Permuted:
    """The same activations with their positions in a random order drawn uniformly: the permutation null.

    Parameters
    ----------
    source : RandomAccess
        What is permuted.
    seed : int or sequence of int
        Seed of the permutation (`numpy.random.SeedSequence`).
    """

    def __init__(self, source: RandomAccess, seed: int | list[int]):
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self._source = source
        self._order = np.random.default_rng(np.random.SeedSequence(seed)).permutation(source.positions)

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations at the permuted positions."""
        return self._source.rows(self._order[index], columns)

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield blocks of permuted positions."""
        for start in range(0, self.positions, size):
            yield self.rows(slice(start, start + size))


def spool(source: ActivationSource, path: Path, block: int) -> ArraySource:
    """Write a stream to a float32 ``.npy`` file, so that its model runs once; return the file as a source."""
    shape = (source.positions, len(source.layer))
    copy = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    start = 0
    for piece in source.blocks(block):
        copy[start : start + len(piece)] = piece
        start += len(piece)
    if start != source.positions:
        raise InputError(source.name, f"{start} positions", f"declared {source.positions}")
    del copy
    return ArraySource(path, source.name, source.layer, source.unit)


def open_npy(path: Path | None) -> np.ndarray:
    """Map a ``.npy`` file into memory, read-only; objects are refused and nothing is unpickled."""
    if path is None or not path.is_file():
        raise MissingFileError(f"{path}: no such file. Try: a .npy array of shape (positions, neurons)")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        if "object" in str(error).lower() or "pickle" in str(error).lower():
            reason = "holds Python objects, or is no .npy file; only arrays of numbers are read"
        else:
            reason = f"not a whole .npy file ({error})"
        raise ForeignFileError(f"{path}: {reason}. Try: np.save(path, array.astype('float32'))") from error


def within_layer(layer: np.ndarray) -> np.ndarray:
    """Return each neuron's index within its layer, for layers listed in any order."""
    unit = np.zeros(len(layer), dtype=np.int64)
    for one in np.unique(layer):
        members = np.flatnonzero(layer == one)
        unit[members] = np.arange(len(members))
    return unit


def _float_type(dtype: Any) -> Any:
    """Return the type that holds these numbers without loss: float32 up to 16 bits, else float64."""
    return np.float32 if np.dtype(dtype).itemsize <= 2 else np.float64
