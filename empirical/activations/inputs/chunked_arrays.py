"""Arrays that are read piece by piece from the start: dask's, zarr's and HDF5's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ....errors import InputError, RosettaError, first_line
from ....lazy import imported
from ..arrays import float_type, floats, labels_of, shape_of
from ..views import Documented
from .labelled import SHAPE, Labelled, type_name


class ChunkedArrays:
    """Arrays of dask, zarr and h5py."""

    def accepts(self, value: Any) -> bool:
        """Return whether it is one."""
        if hasattr(value, "dask") and hasattr(value, "chunks") and hasattr(value, "shape"):
            return True
        h5py, zarr = imported("h5py"), imported("zarr")
        return (h5py is not None and isinstance(value, h5py.Dataset)) or (
            zarr is not None and isinstance(value, zarr.Array)
        )

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return its activations."""
        if hasattr(value, "id") and hasattr(value.id, "valid") and not value.id.valid:
            rule = "belongs to a file that has been closed"
            raise InputError(name, type_name(value), rule, "match before the file is closed, or dataset[:]")
        return Labelled(ChunkedSource(value, name))


class ChunkedSource(Documented):
    """An array of which a slice of positions is read at a time, of shape (positions, neurons) or (batch, position, …).

    Parameters
    ----------
    array : object
        Has ``shape`` and ``dtype``, and gives an array for a slice of its first dimension.
    name : str
        Name of the model.
    facts : list, optional
        Facts that distinguish these activations from others, beside name and shape.
    """

    def __init__(self, array: Any, name: str, facts: list[Any] | None = None):
        shape = tuple(array.shape)
        if len(shape) not in (2, 3) or any(size != size for size in shape):
            rule = f"{SHAPE}, and its sizes must be known"
            raise InputError(name, f"array of shape {shape}", rule, "array.compute_chunk_sizes() for dask's")
        self.name, self._array, self._facts = name, array, facts or []
        self._inner = shape[1] if len(shape) == 3 else 1
        self.positions, neurons = shape_of(name, (shape[0] * self._inner, shape[-1]), array.dtype)
        self._dtype = float_type(array.dtype)
        self.layer, self.unit = labels_of(neurons, None, None)

    def identity(self) -> list[Any]:
        """Return the facts that distinguish these activations from others."""
        return [self.name, self.positions, len(self.layer), *self._facts, *self.in_documents()]

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield blocks of shape (size, neurons), the last one shorter."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on."""
        inner = self._inner
        for start in range(first, self.positions, size):
            stop = min(start + size, self.positions)
            begin = start // inner
            try:
                rows = floats(self.name, self._array[begin : -(-stop // inner)], self._dtype)
            except (RosettaError, MemoryError):
                raise
            except Exception as error:  # of dask's tasks, and whatever zarr and h5py raise for a damaged chunk
                reason = f"positions {start} to {stop} cannot be read ({first_line(error)})"
                raise RosettaError(f"{self.name}: {reason}") from error
            rows = rows.reshape(-1, len(self.layer))
            yield rows[start - begin * inner : stop - begin * inner]
