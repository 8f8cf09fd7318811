"""Stores of arrays that are read from the start: ``.zarr``, netCDF (``.nc``) and HDF5 (``.h5``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ....errors import ForeignFileError, InputError, MissingExtraError, MissingFileError
from ....heaps import require_sound_heaps
from ..streamed import StreamedArray, files_of
from .chunked_arrays import ChunkedSource
from .data_arrays import samples_of
from .labelled import Labelled
from .npy_files import from_arrays


def zarr(path: Path, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return a zarr array, or a group of arrays as layers."""
    _require(path)
    try:
        import zarr as library
    except ImportError as error:
        raise MissingExtraError("zarr", "arrays") from error
    try:
        store = library.open(path, mode="r")
    except Exception as error:  # zarr raises whatever its broken layer raises
        raise ForeignFileError(f"{path}: not a readable zarr array or group") from error
    if isinstance(store, library.Array):
        return Labelled(StreamedArray(path, name) if store.ndim == 2 else ChunkedSource(store, name, files_of(path)))
    arrays = {key: array for key, array in sorted(store.arrays()) if array.ndim > 1}
    if not arrays:
        raise InputError("file", str(path), "has no array of shape (positions, neurons)", "zarr.save('a.zarr', array)")
    samples = dict(store.arrays()).get("samples")
    return from_arrays(arrays | ({} if samples is None else {"samples": samples[:]}), name, part)


def netcdf(path: Path, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return the variable ``activations``, or the only one of two dimensions; coordinates name the positions."""
    source = StreamedArray(path, name)
    return Labelled(source, samples_of(source.labelled))


def hdf5(path: Path, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return the one array of a file, or its arrays as layers, by the path within the file."""
    import h5py

    _require(path)
    try:
        require_sound_heaps(path)
        file = h5py.File(path, "r")
    except Exception as error:  # h5py raises whatever its broken layer raises
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, FileNotFoundError):
            raise MissingFileError(f"{path}: cannot be read ({error.strerror})") from error
        raise ForeignFileError(f"{path}: not a readable HDF5 file ({error})") from error
    arrays: dict[str, Any] = {}

    def collect(key: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub" and item.ndim > 1:
            arrays[key] = item

    try:
        file.visititems(collect)
    except Exception as error:  # a damaged group
        raise ForeignFileError(f"{path}: a damaged HDF5 file ({error})") from error
    if not arrays:
        rule = "has no array of numbers of shape (positions, neurons)"
        raise InputError("file", str(path), rule, "file['activations'] = array")
    samples = file.get("samples")
    if isinstance(samples, h5py.Dataset) and samples.ndim == 1:
        text = h5py.check_string_dtype(samples.dtype) is not None
        arrays["samples"] = samples.asstr()[:] if text else samples[:]
    return from_arrays(arrays, name, part)


def _require(path: Path) -> None:
    if not path.exists():
        raise MissingFileError(f"{path}: no such file. Try: an array of shape (positions, neurons)")
