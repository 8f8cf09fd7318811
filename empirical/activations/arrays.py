"""Activation arrays in memory and in ``.npy`` files, read in place.

An array of shape (positions, neurons) is read block by block through memory maps that are closed after each block, so
that a file of any length costs the memory of one block.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ForeignFileError, InputError, MissingFileError
from .views import Readable

RULE = "must be an array of numbers of shape (positions, neurons), neither of them 0"


class ArraySource(Readable):
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
    documents : array of int, shape (positions,), optional
        Document (trial, video, recording) of each position.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If the file is not a whole ``.npy`` file, or holds Python objects (these are refused, never unpickled).
    InputError
        If the array is not two-dimensional, is empty or is not numeric, or `layer`, `unit` or `documents` has another
        length or holds other than whole numbers.
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
        opened = self._open()
        self.positions, neurons = shape_of(self.name, opened.shape, opened.dtype)
        self._dtype = float_type(opened.dtype)
        self.layer, self.unit = labels_of(neurons, layer, unit)
        self._documents = None if documents is None else documents_of(self.positions, documents)

    @property
    def in_place(self) -> bool:
        """True where consecutive positions are read without a copy."""
        return self._open().dtype == self._dtype

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some positions and neurons, read in place where that is possible."""
        opened = self._open()[:, columns]
        # Taking rows, unlike indexing with an array beside a slice, leaves each position's neurons side by side.
        chosen = opened[index] if isinstance(index, slice) else np.take(opened, index, axis=0)
        return np.asarray(chosen, dtype=self._dtype)

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

    def _open(self) -> np.ndarray:
        """Return the array; a file is mapped anew each time, so that pages already read do not pile up."""
        return self._array if self._array is not None else open_npy(self._path)


def open_npy(path: Path | None) -> np.ndarray:
    """Map a ``.npy`` file into memory (changes stay in memory); objects are refused and nothing is unpickled."""
    if path is None or not path.is_file():
        raise MissingFileError(f"{path}: no such file. Try: a .npy array of shape (positions, neurons)")
    try:
        opened = np.load(path, mmap_mode="c", allow_pickle=False)
        if not isinstance(opened, np.ndarray):
            opened.close()
            raise ForeignFileError(f"{path}: an .npz archive of several arrays. Try: np.save of one array")
        return opened
    except ForeignFileError:
        raise
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


def shape_of(name: str, shape: tuple[int, ...], dtype: Any) -> tuple[int, int]:
    if len(shape) != 2 or 0 in shape or np.dtype(dtype).kind not in "fiub":
        example = "np.save('a.npy', activations.reshape(-1, neurons))"
        raise InputError(name, f"array of shape {shape} and type {dtype}", RULE, example)
    return int(shape[0]), int(shape[1])


def labels_of(neurons: int, layer: Any, unit: Any) -> tuple[np.ndarray, np.ndarray]:
    layer = np.zeros(neurons, dtype=np.int64) if layer is None else np.asarray(layer, dtype=np.int64)
    if layer.shape != (neurons,):
        raise InputError("layer", layer.shape, f"must have one entry for each of the {neurons} neurons")
    unit = within_layer(layer) if unit is None else np.asarray(unit, dtype=np.int64)
    if unit.shape != (neurons,):
        raise InputError("unit", unit.shape, f"must have one entry for each of the {neurons} neurons")
    return layer, unit


def documents_of(positions: int, documents: Any) -> np.ndarray:
    """Return the document of each position as int64.

    Raises
    ------
    InputError
        If there is not one whole number for each position.
    """
    numbers = np.asarray(documents)
    if numbers.shape != (positions,) or numbers.dtype.kind not in "iub":
        given = f"array of shape {numbers.shape} and type {numbers.dtype}"
        rule = f"must be one whole number for each of the {positions} positions"
        raise InputError("documents", given, rule, "np.save('ids.npy', np.repeat(np.arange(20), 500))")
    return np.ascontiguousarray(numbers, dtype=np.int64)


def float_type(dtype: Any) -> Any:
    """Return the type that holds these numbers without loss: float32 up to 16 bits, else float64."""
    dtype = np.dtype(dtype)
    return np.float32 if dtype == np.float32 or dtype.itemsize <= 2 else np.float64
