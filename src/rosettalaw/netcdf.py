"""Datasets as netCDF-4 files: written in memory, and read without the array libraries that a result does not need.

A checksum of the file stands behind its last byte (`checksums`), where other readers of HDF5 do not look. HDF5 cuts it
off when it writes to the file, so that a result may be edited.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .checksums import with_tail, without_tail
from .errors import require
from .heaps import SIGNATURE

if TYPE_CHECKING:
    import xarray as xr

OTHER_KINDS = {".csv", ".tsv", ".txt", ".json", ".xlsx", ".parquet", ".npy", ".npz", ".html", ".md", ".png", ".pdf"}
CLASSIC = {b"CDF\x01", b"CDF\x02", b"CDF\x05"}  # first bytes of netCDF-3 files
OTHER_KINDS |= {".zarr", ".feather", ".pkl", ".mat"}


def require_name(argument: str, path: str | os.PathLike[str]) -> None:
    """Raise unless a file of this name can be netCDF: its suffix names no other kind of file."""
    given, path = path, Path(path)

    def way(name: str) -> str:
        return f"{argument} {name}" if argument.startswith("-") else f"{argument}={name!r}"

    require(path.name, argument, str(given), "must name a file", way("result.nc"))
    rule = f"the result is netCDF, which does not fit the suffix {path.suffix}"
    require(path.suffix.lower() not in OTHER_KINDS, argument, str(path), rule, way(str(path.with_suffix(".nc"))))


def require_signature(file: IO[bytes]) -> None:
    """Raise unless an open file can be HDF5; the libraries that read one are not loaded for it.

    HDF5 begins a file, or follows bytes of another's, 512 or a power of two of them.

    Raises
    ------
    ValueError
        If its signature is at none of these places.
    """
    size = file.seek(0, io.SEEK_END)
    at = 0
    while at < size:
        file.seek(at)
        if file.read(len(SIGNATURE)) == SIGNATURE:
            file.seek(0)
            return
        at = 2 * at or 512
    raise ValueError("no HDF5 file")


def as_bytes(ds: xr.Dataset) -> bytes:
    """Return a Dataset as a netCDF file in memory: HDF5 that meets a full disk takes the whole process down.

    The bytes are a copy: a view of the buffer would outlive it, and from Python 3.12 on its memory may be gone by then.
    """
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    encoding = {name: {"zlib": True} for name, var in ds.data_vars.items() if var.dtype.kind in "fiu" and var.ndim}
    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        ds.compute().dump_to_store(H5NetCDFStore(file), encoding=encoding)
    return with_tail(buffer.getvalue())


@contextmanager
def reading(file: IO[bytes]) -> Iterator[xr.Dataset]:
    """Read a netCDF file into memory, as a lazy Dataset; texts are arrays of objects, as before they were saved."""
    import h5netcdf
    import h5py
    import xarray as xr

    whole = io.BytesIO(without_tail(file.read()))
    with_readable_attributes(h5py.File(whole, "r")).close()
    with (
        h5netcdf.File(whole, "r", decode_vlen_strings=True, phony_dims="access") as opened,
        xr.open_dataset(_texts_as_stored()(opened)) as lazy,
    ):
        yield lazy


@contextmanager
def head(file: IO[bytes]) -> Iterator[Any]:
    """Open a netCDF file for its attributes alone, ``.attrs``, without xarray, whose import takes a second."""
    import h5py

    with with_readable_attributes(h5py.File(file, "r")) as content:
        yield content


def with_readable_attributes(content: Any) -> Any:
    """Return an open HDF5 file whose attributes can be read.

    Where they cannot, the file is closed and the library's error raised: h5netcdf would print a traceback of its own.
    """
    try:
        list(content.attrs.items())
    except BaseException:
        content.close()
        raise
    return content


@cache
def _texts_as_stored() -> Any:
    """Return a store that gives no type for texts: xarray converts them, and imports dask's arrays for it."""
    from xarray.backends import H5NetCDFStore

    class TextsAsStored(H5NetCDFStore):
        def open_store_variable(self, name, var):
            variable = super().open_store_variable(name, var)
            if variable.encoding.get("dtype") is str:
                variable.encoding = {}
            return variable

    return TextsAsStored
