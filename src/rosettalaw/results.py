"""Labelled results: how a Dataset is made, saved, loaded and recognised.

A result is an `xarray.Dataset` whose variables come from `rosettalaw.vocabulary` and whose attributes state the kind of
the result and its provenance. Files are netCDF-4, written beside their final name and moved into place when complete,
so that every existing file is complete.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from . import netcdf
from .arguments import checked
from .disk import disk_error, disk_is_full, replacing, require_folder_takes, require_room
from .errors import ForeignFileError, InputError, MissingFileError, RosettaError, require
from .file_kinds import A_RESULT, RESULTS, kind_of, nearest, remedy
from .heaps import require_sound_heaps
from .vocabulary import variable

if TYPE_CHECKING:
    import xarray as xr

KIND = "rosettalaw_kind"
FORMAT, FORMAT_ATTRIBUTE = 1, "rosettalaw_format"
DRAWN = ("prediction", "sweep", "specialization")  # kinds whose Datasets have a plot of their own
__all__ = [  # with what others use of `disk` to write files of their own
    "FORMAT", "KIND", "PACKAGES", "dataset", "disk_error", "disk_is_full", "interpreting", "load", "replacing",
    "require_folder_takes", "require_replaceable", "require_room", "require_variables", "run_facts", "save",
    "with_variables",
]  # fmt: skip
SAVED = "save(predict([1024], beta=1.6), 'prediction.nc')"
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
    ds = _class_of(kind)(
        *({name: _storable_values(one) for name, one in (some or {}).items()} for some in (variables, coords))
    )
    for name in ds.variables:
        known = variable(str(name))
        if known is not None:
            ds[name].attrs = {**known.attributes(), **ds[name].attrs}
    ds.attrs = {KIND: kind, FORMAT_ATTRIBUTE: FORMAT, **_flat(run_facts()), **_flat(provenance)}
    return ds


def with_variables(ds: xr.Dataset, variables: Mapping[str, Any]) -> xr.Dataset:
    """Return a result with further variables, described like those that `dataset` takes."""
    made = ds.assign({name: _storable_values(one) for name, one in variables.items()})
    for name in variables:
        known = variable(name)
        made[name].attrs = {**(known.attributes() if known is not None else {}), **made[name].attrs}
    return made


def _class_of(kind: str) -> type[xr.Dataset]:
    """Return the class of a kind of results: those of the theory draw themselves."""
    import xarray as xr

    if kind not in DRAWN:
        return xr.Dataset
    from .drawn import Drawn

    return Drawn


def run_facts() -> dict[str, str]:
    """Return the facts in every result: package versions, Python, and the command line."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    called = "rosettalaw" if name == "__main__.py" else name  # by python -m rosettalaw
    return {"versions": _versions(), "command": " ".join([called, *sys.argv[1:]]) if called else ""}


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


@checked(SAVED)
def save(ds: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a Dataset to netCDF, completely or not at all, and return its path.

    Parameters
    ----------
    ds : xarray.Dataset
        A result.
    path : path
        File; an older one of that name is replaced.

    Raises
    ------
    InputError, RosettaError
        If `ds` is no Dataset, `path` names another kind of file (``.csv``), the disk is full or the folder cannot be
        written; an older file of that name stays unchanged.

    Examples
    --------
    >>> import rosettalaw as rl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rl.save(rl.predict(neurons=[1024], beta=1.6), f"{folder}/prediction.nc").name
    'prediction.nc'
    """
    rule = "must be a Dataset; results of matchings and ladders have a method: result.save('result.nc')"
    require(
        hasattr(ds, "data_vars") and not isinstance(ds, type),
        "ds",
        ds,
        rule,
        "save(predict([1024], beta=1.6), 'prediction.nc')",
    )
    netcdf.require_name("path", path)
    whole = netcdf.as_bytes(ds)
    with replacing(path) as partial:
        partial.write_bytes(whole)
    return Path(path)


@checked("load('result.nc')")
def load(path: str | os.PathLike[str], kind: str | None = None) -> xr.Dataset:
    """Read a Dataset that `save` wrote.

    Raises
    ------
    MissingFileError
        If there is no such file, or the operating system does not let it be read; the message has its reason.
    ForeignFileError
        If the file is not netCDF, is cut short, was not made by this package, is of a newer version or of another kind,
        or lacks the layout of its kind.
    """
    from .layouts import misfit

    path = Path(path)
    with _opened(path, netcdf.reading) as lazy:
        actual = _kind(path, lazy)
        _require_format(path, lazy)
        if kind is not None and actual != kind:
            raise ForeignFileError(f"{path}: holds a result of kind {actual!r}, expected {kind!r}")
        ds = lazy.load()
    wrong = misfit(actual, ds)
    if wrong:
        raise ForeignFileError(
            f"{path}: damaged, edited or from an old version ({wrong}); rerun the command that made it"
        )
    if actual not in DRAWN:
        return ds
    # Variables before coordinates, as the functions that make these results have them in their tables.
    return _class_of(actual)(ds.data_vars, attrs=ds.attrs).drop_vars(list(ds.coords)).assign_coords(ds.coords)


def require_variables(ds: xr.Dataset, name: str, variables: Iterable[str], facts: Iterable[str] = ()) -> None:
    """Raise `ForeignFileError` unless a result has the variables, and the attributes `facts`, that a reader needs."""
    kind = ds.attrs.get(KIND, "?")
    for noun, needed, there in (("variable", variables, ds.variables), ("attribute", facts, ds.attrs)):
        missing = [word for word in needed if word not in there]
        if missing:
            lacks = f"{noun}{'s' * (len(missing) > 1)} {', '.join(missing)}"
            raise ForeignFileError(
                f"{name}: a result of kind {kind!r} without the {lacks}; rerun the command that made it"
            )


@contextmanager
def interpreting(name: str) -> Iterator[None]:
    """Turn an error in the conversion of a result into a message that names the result.

    Dimensions, types and ranges were compared with its kind's layout; numbers that fit the layout but are inconsistent
    remain, and each library reports these differently, some by a warning, which a caller may have made an error.
    """
    try:
        yield
    except InputError as error:  # names an argument that the reader of a file has not given
        rule = str(error).partition(". Try: ")[0]
        raise ForeignFileError(
            f"{name}: its variables are inconsistent ({rule}); rerun the command that made it"
        ) from error
    except RosettaError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, Warning) as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"
        raise ForeignFileError(
            f"{name}: its variables are inconsistent ({reason[:200]}); rerun the command that made it"
        ) from error


def _require_format(path: Path, ds: xr.Dataset) -> None:
    given = ds.attrs.get(FORMAT_ATTRIBUTE)
    try:
        number = int(given)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError):
        raise ForeignFileError(
            f"{path}: damaged or edited (its attribute {FORMAT_ATTRIBUTE} is not a number)"
        ) from None
    if number < 1 or float(given) != number:  # pyright: ignore[reportArgumentType]
        raise ForeignFileError(f"{path}: damaged or edited (there is no format {given})")
    if number > FORMAT:
        rule = f"written by a newer version (format {number}, this one reads up to {FORMAT})"
        raise ForeignFileError(f"{path}: {rule}. Try: a newer rosettalaw")


def require_replaceable(argument: str, path: str | os.PathLike[str]) -> None:
    """Raise unless `path` is a new file or a result of this package, and its folder takes a file; its head is read.

    Parameters
    ----------
    argument : str
        Name of the argument as the user typed it.
    path : path
        File of a result to be saved.

    Raises
    ------
    InputError
        If there is another file, including a half-written result, which `save` would replace; or if nothing can be
        written there.
    RosettaError
        If the disk is almost full.
    """
    path = Path(path)
    netcdf.require_name(argument, path)
    require_folder_takes(argument, path)
    if not path.exists():
        return
    try:
        with _opened(path, netcdf.head) as content:
            _kind(path, content)
    except RosettaError as error:
        reason = str(error).partition(". Try: ")[0]
        rule = f"must be a new file, or a result of rosettalaw to replace; {reason}"
        raise InputError(argument, str(path), rule, f"another {argument}") from error


@contextmanager
def _opened(path: Path, reading: Callable[[IO[bytes]], Any]) -> Iterator[Any]:
    """Open a file with one of the readers of `netcdf`, by the operating system alone: HDF5 would ask for a lock.

    A reader needs none, since results are replaced as a whole. Another program's lock, or a file system that has none,
    hides nothing then, and what the operating system refuses it says itself.
    """
    if not path.exists():
        gone = f"a link to {os.readlink(path)}, which cannot be opened" if path.is_symlink() else "no such result file"
        raise MissingFileError(f"{path}: {gone}. Try: {nearest(path) or A_RESULT}")
    if not path.is_file():
        kind = "a folder; must be a file" if path.is_dir() else "a pipe, socket or device"
        raise MissingFileError(f"{path}: not a regular file ({kind}). Try: {nearest(path) or A_RESULT}")
    try:
        require_sound_heaps(path)
        with path.open("rb") as file:
            if file.read(4) in netcdf.CLASSIC:
                rule = "netCDF in its classic format (netCDF-3), where results are netCDF-4"
                convert = f"xarray.open_dataset({path.name!r}).to_netcdf('result.nc', engine='h5netcdf')"
                raise ForeignFileError(f"{path}: {rule}. Try: {convert}")
            netcdf.require_signature(file)
            with reading(file) as content:
                yield content
    except RosettaError:
        raise
    except Exception as error:  # h5py raises OSError, KeyError, RuntimeError, ... depending on the damage
        if isinstance(error, OSError) and error.errno is not None:
            raise MissingFileError(f"{path}: cannot be read ({error.strerror or error})") from error
        kind = kind_of(path)
        if kind in ("", RESULTS):
            rule = "not a readable netCDF result (corrupt or half-written)"
            raise ForeignFileError(f"{path}: {rule}. Try: rerun the command that made it") from error
        raise ForeignFileError(
            f"{path}: not a readable netCDF result, but {kind}. Try: {remedy(path, kind)}"
        ) from error


def _kind(path: Path, content: Any) -> str:
    kind = content.attrs.get(KIND)
    if not isinstance(kind, str):
        raise ForeignFileError(f"{path}: a netCDF file, but not a result of rosettalaw. Try: {A_RESULT}")
    return kind


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes that netCDF can hold: strings and numbers; anything else as JSON."""
    plain = {key: value for key, value in facts.items() if value is not None}
    for key, value in plain.items():
        as_it_is = isinstance(value, str | int | float) and not isinstance(value, bool)
        plain[key] = _storable(value) if as_it_is else json.dumps(value)
    return plain


def _storable(value: Any) -> Any:
    r"""Return text that netCDF can hold: NUL, and bytes that are not UTF-8, as codes."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", r"\x00")


def _storable_values(given: Any) -> Any:
    """Return a variable, as `xarray.Dataset` takes it, whose text netCDF can hold."""
    if not isinstance(given, tuple):
        return _storable(given)
    import numpy as np

    dims, values, *attributes = given
    if getattr(values, "dtype", np.dtype(float)).kind in "OU" or isinstance(values, list | str):
        array = np.asarray(values)
        if array.dtype.kind in "OU":
            texts = np.empty(array.size, dtype=object)
            texts[:] = [_storable(value) for value in array.ravel()]
            values = texts.reshape(array.shape)
    return dims, values, *attributes
