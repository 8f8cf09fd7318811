"""Activation arrays of any framework as sources: NumPy files read in place, and views of such sources.

An array of shape (positions, neurons) is read block by block through memory maps that are closed after each block, so
that a file of any length costs the memory of one block. What can be read at random (`RandomAccess`) is simply read
again where a matching needs it again; what can only be streamed (a model, compressed chunks) is kept on disk
(`spooling`).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..errors import ForeignFileError, InputError, MissingFileError
from .sources import ActivationSource, blocks_from, tensors

STREAMED = (".zarr", ".nc")
LARGEST = 1e18  # sums of squares of deviations are added in float32, some at a time
RULE = "must be an array of numbers of shape (positions, neurons), neither of them 0"


@runtime_checkable
class RandomAccess(ActivationSource, Protocol):
    """A source whose positions can be read in any order, and any range of neurons by itself."""

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return floating-point activations, shape (positions asked for, neurons asked for); not to be written to."""
        ...


def activations(path: str | os.PathLike[str], name: str | None = None) -> ActivationSource:
    """Return the source of a file of activations: ``.npy``, ``.zarr`` or netCDF (``.nc``)."""
    from .streamed_arrays import StreamedArray

    return (StreamedArray if Path(path).suffix in STREAMED else ArraySource)(path, name)


@contextmanager
def mapped(*sources: ActivationSource) -> Iterator[None]:
    """Map the files of some sources once for all that is read meanwhile.

    Finding a file's pages takes a tenth of the time of reading them from memory, every time. They count as this
    process's while they are mapped, but the system takes them back when it needs room.
    """
    with ExitStack() as stack:
        for source in sources:
            if isinstance(source, Readable):
                stack.enter_context(source.mapped())
        yield


class Readable:
    """What sources that can be read at random have in common."""

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
        self.positions, neurons = shape_of(self.name, opened.shape, opened.dtype)
        self._dtype = float_type(opened.dtype)
        self.layer, self.unit = labels_of(neurons, layer, unit)

    @property
    def in_place(self) -> bool:
        """Whether consecutive positions are read without a copy."""
        return self._open().dtype == self._dtype

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some positions and neurons, read in place where that is possible."""
        opened = self._open()[:, columns]
        # Taking rows, unlike indexing with an array beside a slice, leaves each position's neurons side by side.
        chosen = opened[index] if isinstance(index, slice) else np.take(opened, index, axis=0)
        return np.asarray(chosen, dtype=self._dtype)

    def identity(self) -> list[Any]:
        """Return what tells these activations from others: file, size and time, or a checksum of some rows."""
        if self._path is not None:
            stat = self._path.stat()
            return [str(self._path.resolve()), stat.st_size, stat.st_mtime_ns]
        some = np.unique(np.linspace(0, self.positions - 1, 64).astype(int))
        return [self.name, self.positions, len(self.layer), zlib.crc32(np.ascontiguousarray(self.rows(some)).data)]

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


class View(Readable):
    """Activations made from another source's."""

    _source: RandomAccess

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Keep the source's files mapped meanwhile."""
        with mapped(self._source):
            yield


class Permuted(View):
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
        self._kept = np.flatnonzero(np.isin(source.layer, layers))
        self.layer, self.unit = np.asarray(source.layer)[self._kept], np.asarray(source.unit)[self._kept]

    def identity(self) -> list[Any]:
        """Return what the source is, and which of its neurons these are."""
        return [identity(self._source), np.unique(self.layer).tolist()]

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield the kept columns of the source's blocks."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on."""
        for block in blocks_from(self._source, size, first):
            yield block[:, self._kept]

    def tensors(self, size: int) -> Iterator[Any]:
        """Yield the same, on the device where the source made them."""
        for block in tensors(self._source, size):
            yield block[:, self._kept]


class ReadableLayers(View, Layers):
    """The neurons of some layers of a source that can be read at random."""

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the kept columns; in place where the source reads in place and no layer lies between them."""
        kept = self._kept[columns]
        first, stop = (int(kept[0]), int(kept[-1]) + 1) if len(kept) else (0, 0)
        rows = self._source.rows(index, slice(first, stop))
        return rows if stop - first == len(kept) else np.take(rows, kept - first, axis=1)


class Without(View):
    """A source some of whose neurons read 0 everywhere, so that they are excluded as constant."""

    def __init__(self, source: RandomAccess, excluded: np.ndarray):
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self._source, self._excluded = source, excluded

    @classmethod
    def nonfinite(cls, source: ActivationSource, block: int) -> ActivationSource:
        """Leave out the neurons with a NaN, an infinity or a number too large, found by reading the source once.

        These are all that the engine refuses: it takes differences, so from the least to the greatest number, 0 among
        them, there may be no more than 10¹⁸.
        """
        low, high = np.zeros((2, len(source.layer)))
        for piece in source.blocks(block):
            low, high = np.minimum(low, piece.min(0)), np.maximum(high, piece.max(0))  # a NaN stays
        with np.errstate(over="ignore"):
            bad = ~(high - low <= LARGEST)
        return cls(source, bad) if isinstance(source, RandomAccess) and bad.any() else source

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the source's activations with zeros for the neurons left out."""
        return np.where(self._excluded[columns], 0, self._source.rows(index, columns))


def identity(source: ActivationSource) -> list[Any]:
    """Return what tells a source from others, as JSON can hold it."""
    own = getattr(source, "identity", None)
    return own() if own is not None else [source.name, int(source.positions), len(source.layer)]


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


def float_type(dtype: Any) -> Any:
    """Return the type that holds these numbers without loss: float32 up to 16 bits, else float64."""
    dtype = np.dtype(dtype)
    return np.float32 if dtype == np.float32 or dtype.itemsize <= 2 else np.float64
