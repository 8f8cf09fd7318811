"""Labelled results: how a Dataset is made, saved, loaded and recognised.

A result is an `xarray.Dataset` whose variables come from `rosettalaw.vocabulary` and whose attributes say what kind
of result it is and where it comes from. Files are netCDF-4, written beside their final name and moved into place
when complete, so that a file that exists is a whole file.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ForeignFileError, InputError, MissingFileError, RosettaError
from .removal import made, remove
from .vocabulary import variable

if TYPE_CHECKING:
    import xarray as xr

KIND = "rosettalaw_kind"
FORMAT = 1
PACKAGES = (
    "rosettalaw",
    "numpy",
    "scipy",
    "numba",
    "xarray",
    "torch",
    "transformers",
    "tokenizers",
    "peft",
    "diffusers",
)


def dataset(kind: str, variables: Mapping[str, Any], coords: Mapping[str, Any] | None = None, **provenance):
    """Make a self-describing Dataset.

    Parameters
    ----------
    kind : str
        Kind of result ("prediction", "sweep", "pairs", "ladder", "simulation", "fit").
    variables, coords : mapping
        As `xarray.Dataset` takes them: name to ``(dims, values)`` or a scalar. Each name that
        `rosettalaw.vocabulary` knows gets its units, symbol and equation.
    **provenance
        Facts of this run (seeds, model names, corpus hash); versions and the command are added here.

    Returns
    -------
    xarray.Dataset
    """
    import xarray as xr

    ds = xr.Dataset(dict(variables), dict(coords or {}))
    for name in ds.variables:
        known = variable(str(name))
        if known is not None:
            ds[name].attrs = {**known.attributes(), **ds[name].attrs}
    ds.attrs = {KIND: kind, "rosettalaw_format": FORMAT, **_flat(run_facts()), **_flat(provenance)}
    return ds


def run_facts() -> dict[str, str]:
    """Return the facts in every result: package versions, Python, and the command line."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv and sys.argv[0] else ""
    return {"versions": _versions(), "command": command}


@cache
def _versions() -> str:
    """Return the versions as JSON: read once, since reading them takes longer than many a result."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return json.dumps(versions)


def save(ds: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a Dataset to netCDF, whole or not at all, and return its path.

    Parameters
    ----------
    ds : xarray.Dataset
        A result.
    path : path
        File; an older one of that name is replaced.

    Raises
    ------
    RosettaError
        If the disk is full or the folder cannot be written; an older file of that name is left as it was.

    Examples
    --------
    >>> import rosettalaw as rl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rl.save(rl.predict(neurons=[1024], beta=1.6), f"{folder}/prediction.nc").name
    'prediction.nc'
    """
    whole = _netcdf(ds)
    with replacing(path) as partial:
        partial.write_bytes(whole)
    return Path(path)


def _netcdf(ds: xr.Dataset) -> bytes:
    """Return a Dataset as a netCDF file in memory: HDF5 that meets a full disk takes the whole process down.

    The bytes are a copy: a view of the buffer would outlive it, and from Python 3.12 on its memory may be gone by then.
    """
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    encoding = {name: {"zlib": True} for name, var in ds.data_vars.items() if var.dtype.kind in "fiu" and var.ndim}
    buffer = io.BytesIO()
    with h5netcdf.File(buffer, "w") as file:
        ds.compute().dump_to_store(H5NetCDFStore(file), encoding=encoding)
    return buffer.getvalue()


def require_room(path: str | os.PathLike[str], size: float) -> None:
    """Raise `RosettaError` unless the disk of `path` has room for so many bytes."""
    free = shutil.disk_usage(_existing_folder(path)).free
    if size > free:
        raise RosettaError(f"{path}: takes {size / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free there")


def load(path: str | os.PathLike[str], kind: str | None = None) -> xr.Dataset:
    """Read a Dataset that `save` wrote.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If the file is not netCDF, is cut short, was not made by this package, or is of another kind.
    """
    path = Path(path)
    with _opened(path) as lazy:
        ds = lazy.load()
    actual = _kind(path, ds)
    if kind is not None and actual != kind:
        raise ForeignFileError(f"{path}: holds a result of kind {actual!r}, expected {kind!r}")
    return ds


def require_replaceable(argument: str, path: str | os.PathLike[str]) -> None:
    """Raise unless `path` is a new file or a result of this package; only its head is read.

    Parameters
    ----------
    argument : str
        Name of the argument as the user typed it.
    path : path
        File of a result to be saved.

    Raises
    ------
    InputError
        If there is something else, a half-written result included: `save` would replace it.
    """
    path = Path(path)
    if not path.exists():
        return
    try:
        with _opened(path) as lazy:
            _kind(path, lazy)
    except RosettaError as error:
        reason = error if path.is_file() else f"{path}: no plain file"
        rule = f"must be a new file, or a result of rosettalaw, which is replaced; {reason}"
        raise InputError(argument, str(path), rule, f"another {argument}, or remove that file first") from error


@contextmanager
def _opened(path: Path) -> Iterator[xr.Dataset]:
    import xarray as xr

    if not path.is_file():
        raise MissingFileError(f"{path}: no such result file")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as lazy:
            yield lazy
    except RosettaError:
        raise
    except Exception as error:  # h5py raises OSError, KeyError, RuntimeError, ... depending on the damage
        raise ForeignFileError(f"{path}: not a readable netCDF result (corrupt or half-written)") from error


def _kind(path: Path, ds: xr.Dataset) -> str:
    kind = ds.attrs.get(KIND)
    if kind is None:
        raise ForeignFileError(f"{path}: a netCDF file, but not a result of rosettalaw")
    return kind


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`, moved to `path` when the block ends without an error."""
    path = Path(path)
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        partial = made(Path(name))
        yield partial
        partial.chmod(0o644)
        os.replace(partial, path)
    except Exception as error:  # libraries that write files report a full disk each in their own way
        if isinstance(error, OSError) or disk_is_full(path, error):
            raise disk_error(path, error) from error
        raise
    finally:
        if partial is not None:
            remove(partial)


def disk_error(path: str | os.PathLike[str], error: Exception) -> RosettaError:
    """Turn an error met while writing `path` into a message for the user."""
    if isinstance(error, RosettaError):
        return error
    if disk_is_full(path, error):
        return RosettaError(f"{path}: the disk is full; free some space and run the same command again")
    return RosettaError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})")


def disk_is_full(path: str | os.PathLike[str], error: Exception) -> bool:
    """Return whether an error says, or the disk shows, that there is no room left."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
        return True
    unnamed = isinstance(error, OSError) and error.errno is None
    return unnamed and shutil.disk_usage(_existing_folder(path)).free < 1 << 20


def _existing_folder(path: str | os.PathLike[str]) -> Path:
    return next(parent for parent in Path(path).resolve().parents if parent.is_dir())


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes that netCDF can hold: strings and numbers; anything else as JSON."""
    return {
        key: value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)
        for key, value in facts.items()
        if value is not None
    }
