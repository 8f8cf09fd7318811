"""Activation arrays in compressed chunks, zarr and netCDF, as sources that are read from the start."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ForeignFileError, InputError, MissingExtraError, MissingFileError, RosettaError
from ...heaps import require_sound_heaps
from ...netcdf import with_readable_attributes
from ...results import KIND
from .arrays import documents_of, float_type, floats, labels_of, shape_of


class StreamedArray:
    """Activations in a zarr array or a netCDF variable, shape (positions, neurons), read from the start.

    A netCDF file holds one two-dimensional variable, or one called ``activations``; variables ``layer`` and ``unit``
    along its second dimension label the neurons, ``document`` along its first the positions. Errors are those of
    `ArraySource`, also for chunks that turn out to be damaged when they are read.

    Raises
    ------
    MissingExtraError
        If the library for zarr is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None, documents: np.ndarray | None = None):
        self.path = Path(path)
        self.name = name or str(path)
        if not self.path.exists():
            raise MissingFileError(
                f"{path}: no such file. Try: an array of shape (positions, neurons), as .npy, .zarr or .nc"
            )
        with self._readable():
            if self.path.suffix == ".zarr":
                self._array: Any = _open_zarr(self.path)
                beside: dict[str, Any] = {}
            else:
                self.labelled, beside = _open_netcdf(self.path)
                self._array = self.labelled.variable
        self.positions, neurons = shape_of(self.name, self._array.shape, self._array.dtype)
        self._dtype = float_type(self._array.dtype)
        self.layer, self.unit = labels_of(neurons, beside.get("layer"), beside.get("unit"))
        documents = beside.get("document") if documents is None else documents
        self._documents = None if documents is None else documents_of(self.positions, documents)

    def identity(self) -> list[Any]:
        """Return the path, the shape, and the number, total size and newest time of the files below it."""
        documents = [] if self._documents is None else [zlib.crc32(self._documents.data)]
        return [str(self.path.resolve()), self.positions, len(self.layer), *files_of(self.path), *documents]

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the documents, where the file or the caller names them."""
        return {} if self._documents is None else {"document": self._documents}

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield blocks of shape (size, neurons), the last one shorter."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on."""
        for start in range(first, self.positions, size):
            with self._readable(f" at positions {start} to {min(start + size, self.positions)}"):
                block = floats(self.name, self._array[start : start + size], self._dtype)
            yield block

    @contextmanager
    def _readable(self, place: str = "") -> Iterator[None]:
        try:
            yield
        except (RosettaError, MemoryError):
            raise
        except Exception as error:  # zarr and h5py raise whatever their broken layer raises
            if isinstance(error, OSError) and error.errno is not None:
                raise MissingFileError(f"{self.path}: cannot be read{place} ({error.strerror})") from error
            raise ForeignFileError(f"{self.path}: not a readable {self.path.suffix[1:]} array{place}") from error


def files_of(path: Path) -> list[int]:
    """Return number, size and newest time of a folder's files; its own time stays when a chunk is rewritten."""
    facts = [file.stat() for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return [len(facts), sum(one.st_size for one in facts), max(one.st_mtime_ns for one in facts)]


def _open_zarr(path: Path) -> Any:
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError("zarr", "arrays") from error
    return zarr.open_array(path, mode="r")


def _open_netcdf(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the variable with its coordinates, unread, and the labels of its neurons."""
    import h5py
    import xarray as xr

    require_sound_heaps(path)
    with_readable_attributes(h5py.File(path, "r")).close()
    whole = os.path.abspath(path)  # xarray takes "~" for a home and "http:" for an address
    opened = xr.open_dataset(whole, engine="h5netcdf", phony_dims="access")
    planar = [str(name) for name, variable in opened.data_vars.items() if variable.ndim == 2]
    name = "activations" if "activations" in planar else planar[0] if len(planar) == 1 else None
    if name is None and KIND in opened.attrs:
        rule = f"is a result of rosettalaw of kind {opened.attrs[KIND]!s:.40}, not activations"
        raise InputError("file", str(path), rule, "rosettalaw report FILE.nc, or the activations that it was made of")
    if name is None:
        rule = f"needs one two-dimensional variable, or one called 'activations'; it has {planar or 'none'}"
        raise InputError("file", str(path), rule, "array.to_dataset(name='activations').to_netcdf('a.nc')")
    dims = opened[name].dims
    beside = {
        label: opened[label].values
        for label, along in (("layer", dims[1:]), ("unit", dims[1:]), ("document", dims[:1]))
        if label in opened.variables and opened[label].dims == along
    }
    return opened[name], beside
