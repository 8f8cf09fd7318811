"""Activation arrays in memory and in ``.npy`` files, read in place.

An array of shape (positions, neurons) is read block by block through memory maps whose pages are given up after each
block, so that a file of any length costs the memory of one block.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, require
from .npy import expect, forget, open_npy
from .views import Readable

RULE = "must be an array of numbers of shape (positions, neurons), neither of them 0"
MOST_NEURONS = 1 << 27  # a hundred layers of a million
EXACT = 1 << 53  # whole numbers up to here are float64 numbers, all of them


class ArraySource(Readable):
    """Activations that are already in an array or a ``.npy`` file, shape (positions, neurons).

    Parameters
    ----------
    array : ndarray or path
        Real numbers; a file is read in place. Booleans and integers are turned into floats block by block, and refused
        beyond 2^53; float64 is kept, because an offset of 10⁴ standard deviations leaves float32 too few digits.
    name : str, optional
        What messages call the model; the path by default.
    layer, unit : array of int, shape (neurons,), optional
        Layer of each neuron and its index within that layer; one layer by default.
    documents : array of int, shape (positions,), optional
        Document (trial, video, recording) of each position.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If the file is not a whole ``.npy`` file, or holds Python objects (these are refused, never unpickled).
    InputError
        If the array is not two-dimensional, is empty, is not numeric or hides entries behind a mask, or `layer`, `unit`
        or `documents` has another length or holds other than whole numbers.
    """

    def __init__(
        self,
        array: np.ndarray | str | os.PathLike[str],
        name: str | None = None,
        layer: np.ndarray | None = None,
        unit: np.ndarray | None = None,
        documents: np.ndarray | None = None,
    ):
        self._path = None if isinstance(array, np.ndarray) else Path(array)
        self._array = array if isinstance(array, np.ndarray) else None
        self.name = name or (str(self._path) if self._path is not None else "array")
        if self._array is not None:
            self._array = unmasked(self.name, self._array)
        opened = self._open()
        self.positions, neurons = shape_of(self.name, opened.shape, opened.dtype)
        self._dtype = float_type(opened.dtype)
        self.layer, self.unit = labels_of(neurons, layer, unit)
        self._documents = None if documents is None else documents_of(self.positions, documents)

    def in_place(self) -> list[tuple[int, int]]:
        """Return all positions in one stretch, where the array holds the floats that are read."""
        return [(0, self.positions)] if self._open().dtype == self._dtype else []

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some positions and neurons, read in place where that is possible."""
        return floats(self.name, self.stored(index, columns), self._dtype)

    def in_turn(self, blocks: Sequence[tuple[int, int]], columns: slice = slice(None)) -> Iterator[np.ndarray]:
        """Yield some blocks of positions; a file is mapped once for all, and of its pages only a block's stay."""
        if self._array is not None:
            yield from (self.rows(slice(start, stop), columns) for start, stop in blocks)
            return
        opened, before = None, None
        for start, stop in blocks:
            now = self._state()
            if opened is None or now != before:  # it may have become shorter meanwhile
                opened, before = self._open(), now
            rows = opened[start:stop, columns]
            expect(rows)
            yield floats(self.name, rows, self._dtype)
            forget(opened[start:stop])

    def stored(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the same in the precision of the array."""
        opened = self._open()[:, columns]
        if isinstance(index, slice):
            rows = opened[index]
            expect(rows)
            return rows
        # `np.take` would copy the whole array first where a part of the columns is asked for.
        return np.take(opened, index, axis=0) if opened.flags.c_contiguous else np.ascontiguousarray(opened[index])

    def identity(self) -> list[Any]:
        """Return the identity of these activations: file, size and time, or a checksum of some rows."""
        documents = [] if self._documents is None else [zlib.crc32(self._documents.data)]
        if self._path is not None:
            stat = self._path.stat()
            return [str(self._path.resolve()), stat.st_size, stat.st_mtime_ns, *documents]
        some = np.unique(np.linspace(0, self.positions - 1, 64).astype(int))
        checksum = zlib.crc32(np.ascontiguousarray(self.rows(some)).data)
        return [self.name, self.positions, len(self.layer), checksum, *documents]

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the documents, where they were given."""
        return {} if self._documents is None else {"document": self._documents}

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Keep the file mapped meanwhile."""
        before = self._array
        self._array = self._open()
        try:
            yield
        finally:
            self._array = before

    def _state(self) -> tuple[int, int, int] | None:
        """Return number, size and time of the file, which tell it from another; None where there is none."""
        try:
            stat = os.stat(self._path or "")
        except OSError:
            return None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns

    def _open(self) -> np.ndarray:
        """Return the array; a file is mapped again each time, so that pages already read do not stay in memory."""
        return self._array if self._array is not None else open_npy(self._path)


def within_layer(layer: np.ndarray) -> np.ndarray:
    """Return each neuron's index within its layer, for layers listed in any order."""
    unit = np.zeros(len(layer), dtype=np.int64)
    for one in np.unique(layer):
        members = np.flatnonzero(layer == one)
        unit[members] = np.arange(len(members))
    return unit


def shape_of(name: str, shape: tuple[int, ...], dtype: Any) -> tuple[int, int]:
    """Return positions and neurons of an array that can be matched; refuse others."""
    dtype = np.dtype(dtype)
    kind = f"array of shape {shape} and type {dtype}"
    if dtype.kind == "V" and dtype.fields is None and dtype.subdtype is None and dtype.itemsize <= 2:
        rule = "must hold numbers that NumPy knows; this is how it shows bfloat16 and eight-bit floats"
        raise InputError(name, kind, rule, "np.save('a.npy', tensor.float().numpy())")
    if len(shape) != 2 or 0 in shape or dtype.kind not in "fiub":
        raise InputError(name, kind, RULE, "np.save('a.npy', activations.reshape(-1, neurons))")
    if shape[1] > MOST_NEURONS:
        raise InputError(name, kind, f"has more than {MOST_NEURONS:,} neurons", "positions along the first dimension")
    return int(shape[0]), int(shape[1])


def unmasked(name: str, array: np.ndarray) -> np.ndarray:
    """Return an array without a mask; refuse one that hides entries, which would take part."""
    if not isinstance(array, np.ma.MaskedArray):
        return array
    if np.ma.is_masked(array):
        rule = f"hides {np.ma.count_masked(array)} of its entries behind a mask"
        example = "array.filled(np.nan), and exclude_nonfinite=True to leave out neurons with such entries"
        if array.dtype.kind not in "fc":
            example = "array.filled(-1)"
        raise InputError(name, "masked array", rule, example)
    return array.data


def labels_of(neurons: int, layer: Any, unit: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the layer of each neuron and its index within it: whole numbers, one of each for every neuron."""
    layer = np.zeros(neurons, dtype=np.int64) if layer is None else _whole("layer", layer, neurons)
    return layer, within_layer(layer) if unit is None else _whole("unit", unit, neurons)


def _whole(argument: str, given: Any, neurons: int) -> np.ndarray:
    labels = unmasked(argument, np.asanyarray(given))
    if labels.shape != (neurons,):
        raise InputError(argument, labels.shape, f"must have one entry for each of the {neurons} neurons")
    rule, example = "must hold whole numbers from 0 on", f"{argument}=np.arange(neurons)"
    if labels.dtype.kind not in "biuf":
        raise InputError(argument, f"array of type {labels.dtype}", rule, example)
    with np.errstate(invalid="ignore"):
        wrong = ~((labels >= 0) & (labels < MOST_NEURONS) & (labels == np.floor(labels)))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(argument, labels[first], f"{rule}; it is the entry of neuron {first}", example)
    return labels.astype(np.int64)


def documents_of(positions: int, documents: Any) -> np.ndarray:
    """Return the document of each position as int64.

    Raises
    ------
    InputError
        If there is not one whole number for each position.
    """
    numbers = unmasked("documents", np.asanyarray(documents))
    if numbers.shape != (positions,) or numbers.dtype.kind not in "iub":
        given = f"array of shape {numbers.shape} and type {numbers.dtype}"
        rule = f"must be one whole number for each of the {positions} positions"
        raise InputError("documents", given, rule, "np.save('ids.npy', np.repeat(np.arange(20), 500))")
    return np.ascontiguousarray(numbers, dtype=np.int64)


def floats(name: str, block: Any, dtype: Any) -> np.ndarray:
    """Return activations as floats.

    Raises
    ------
    InputError
        If they are whole numbers that float64 does not distinguish.
    """
    block = np.asarray(block)
    require_exact(name, block)
    with np.errstate(over="ignore"):  # of a longer float; the engine refuses infinities
        return np.asarray(block, dtype=dtype)


def require_exact(name: str, block: np.ndarray) -> None:
    """Refuse whole numbers beyond `EXACT`: as floats, some that differ are equal."""
    if block.dtype.kind in "iu" and block.dtype.itemsize == 8 and block.size:
        require_within(name, int(block.min()), int(block.max()))


def require_within(name: str, least: int, most: int) -> None:
    """Refuse whole numbers of a range that float64 does not hold exactly."""
    far = least if -least > most else most
    rule = "is a whole number beyond 2^53, where float64 does not distinguish neighbours"
    require(abs(far) <= EXACT, name, far, rule, "(array - array.min(axis=0)).astype('float64')")


def float_type(dtype: Any) -> Any:
    """Return the type that holds these numbers without loss (`EXACT`): float32 up to 16 bits, else float64."""
    dtype = np.dtype(dtype)
    return np.float32 if dtype == np.float32 or dtype.itemsize <= 2 else np.float64
