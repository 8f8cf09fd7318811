"""Activations in whatever object or file people hold them, opened as sources.

    arrays, tensors, tables, {layer: array}, files → `Labelled`: a source, with the names of its positions and units

A kind of input is one file here and one line in `KINDS` (objects) or `FILES` (endings).

| chapter | subject |
|---|---|
| `labelled` | `Labelled`, and the base class of kinds |
| `numpy_arrays` | NumPy arrays, nested lists, and whatever else turns into an array |
| `sparse_arrays` | sparse matrices of scipy and torch |
| `tensors` | torch tensors on any device, in any precision |
| `tables` | pandas tables |
| `data_arrays` | xarray |
| `chunked_arrays` | dask, zarr and HDF5 arrays, read from the start |
| `mappings` | layer names to arrays of any of these kinds |
| `sequences` | layers without names: a tuple of arrays, the values of a mapping |
| `npy_files` | ``.npy`` and ``.npz`` |
| `store_files` | ``.zarr``, ``.nc`` and ``.h5`` |
| `tensor_files` | ``.safetensors``, ``.pt`` and ``.parquet`` |
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ....arguments import is_whole
from ....disk import expanded
from ....errors import ForeignFileError, InputError, MissingFileError, require
from ....file_kinds import RESULTS, kind_of, nearest
from ..source import ActivationSource
from . import (
    chunked_arrays,
    data_arrays,
    mappings,
    npy_files,
    numpy_arrays,
    sequences,
    sparse_arrays,
    store_files,
    tables,
    tensor_files,
    tensors,
)
from .labelled import Kind, Labelled, labels_from, type_name, with_documents

KINDS: tuple[Kind, ...] = (
    sparse_arrays.SparseArrays(),
    tensors.Tensors(),
    tables.Tables(),
    data_arrays.DataArrays(),
    chunked_arrays.ChunkedArrays(),
    mappings.Mappings(),
    sequences.Sequences(),
    numpy_arrays.NumpyArrays(),  # last: it takes all that turns into an array
)
FILES: dict[str, Any] = {
    ".npy": npy_files.npy,
    ".npz": npy_files.npz,
    ".zarr": store_files.zarr,
    ".nc": store_files.netcdf,
    ".h5": store_files.hdf5,
    ".hdf5": store_files.hdf5,
    ".safetensors": tensor_files.safetensors,
    ".pt": tensor_files.weights_only,
    ".pth": tensor_files.weights_only,
    ".parquet": tensor_files.parquet,
}
NO_NAME = "rosettalaw_asks_for_a_name_that_no_object_has"
SAVE = "numpy.save('a.npy', activations)"
INSTEAD = {
    "Series": "a DataFrame with one column for each neuron",
    "Tensor": "tensor.numpy(), an array",
    "generator": "numpy.concatenate(list(blocks)), or an ActivationSource that yields the blocks",
    "DataLoader": "an ActivationSource whose blocks are the model's activations, or the loaded models with text=",
    "list": sequences.INSTEAD,
    "tuple": sequences.INSTEAD,
    "NoneType": "an array of shape (positions, neurons), or the folder of a checkpoint",
    "type": "an object of that class: a loaded model with text=, or an array",
    "Delayed": "delayed.compute(), or dask.array.from_delayed(delayed, shape, dtype)",
    "Dataset": "an array of activations; a dataset of texts is text=",
}

__all__ = ["FILES", "KINDS", "Kind", "Labelled", "answers_anything", "is_file", "open_input", "type_name", "unknown"]


def answers_anything(value: Any) -> bool:
    """Return whether an object has any attribute, as a value to be computed later or a mock: none says what it is."""
    return hasattr(mappings.saved(value), NO_NAME)


def is_file(value: Any) -> bool:
    """Return whether a value is the path of a file of activations, by its ending."""
    return isinstance(value, str | os.PathLike) and Path(value).suffix.lower() in FILES


def open_input(
    value: Any, argument: str = "activations", samples: Any = None, name: str | None = None, documents: Any = None
) -> Labelled:
    """Return the activations in an object or a file, as a source with its labels.

    Parameters
    ----------
    value : object
        A source, an array or tensor (positions, neurons) or (batch, position, neurons), a table, a mapping of layer
        names to such arrays, a tuple of such arrays as layers 0, 1, …, or the path of a file.
    argument : str
        What messages call it.
    samples : array_like, shape (positions,), optional
        Identities of the positions, in place of the input's own labels.
    name : str, optional
        Name of the model in results; the file's path or the argument's name by default.
    documents : array_like, shape (positions,), optional
        Document (trial, recording) of each position.

    Raises
    ------
    InputError
        If the object is of another type, or not an array of numbers of such a shape; the message says what to do.
    MissingFileError, ForeignFileError
        If a file is missing or damaged.
    """
    value = mappings.saved(value)
    if answers_anything(value):
        raise unknown(value, argument)
    if isinstance(value, str | os.PathLike):
        opened = _open_file(Path(value), argument, name)
    elif isinstance(value, ActivationSource) and not isinstance(value, type):
        opened = Labelled(_consistent(value, argument), getattr(value, "samples", None))
    else:
        kind = next((kind for kind in KINDS if kind.accepts(value)), None)
        if kind is None:
            raise unknown(value, argument)
        opened = kind.open(value, name or argument, opener)
    if documents is not None:
        opened = with_documents(opened, documents)
    return opened if samples is None else opened.with_samples(labels_from(samples, opened.source, argument))


def _consistent(source: ActivationSource, argument: str) -> ActivationSource:
    """Return a source whose name is text, whose positions are a number, and which labels each of its neurons."""
    layer, unit = np.asarray(source.layer), np.asarray(source.unit)
    whole = layer.ndim == 1 and layer.dtype.kind in "iu" and unit.dtype.kind in "iu"
    for name, good, rule, example in (
        ("name", isinstance(source.name, str), "must be text", "name = 'model a'"),
        ("positions", is_whole(source.positions) and source.positions > 0, "must be a whole number", "positions = 500"),
        ("layer", whole and layer.shape == unit.shape, "must hold a whole number for each unit", "layer = 0 * unit"),
    ):
        require(good, f"{argument}.{name}", getattr(source, name), rule, example)
    return source


def opener(value: Any, name: str) -> Labelled:
    """Return a part of an input, such as one layer of a mapping: one array."""
    if isinstance(value, list | tuple) and sequences.Sequences().accepts(value):
        raise unknown(value, name)
    return open_input(value, name, name=name)


def unknown(value: Any, argument: str) -> InputError:
    """Return the error of an object that holds no activations."""
    short = type(value).__name__
    rule = (
        "is not understood as activations: an array or tensor of shape (positions, neurons), a DataFrame, a DataArray, "
        "{layer name: array}, a tuple of layers, a file, or an ActivationSource is"
    )
    return InputError(argument, type_name(value), rule, INSTEAD.get(short, "numpy.asarray(...) of the numbers"))


def _open_file(path: Path, argument: str, name: str | None) -> Labelled:
    reader = FILES.get(path.suffix.lower())
    if reader is None:
        rule = f"is not a file of activations; endings are {', '.join(FILES)}"
        raise InputError(argument, str(path), rule, SAVE)
    whole = expanded(path)
    if whole.is_dir() and path.suffix.lower() != ".zarr":
        raise MissingFileError(f"{path}: a folder; must be a file. Try: {nearest(whole, path.suffix) or SAVE}")
    if whole.exists() and not (whole.is_file() or whole.is_dir()):  # opened, it would wait for a writer
        raise MissingFileError(f"{path}: a pipe, socket or device; must be a file on disk. Try: {SAVE}")
    try:
        return reader(whole, name or str(path), opener)
    except ForeignFileError as error:
        if "Try: " in str(error):
            raise
        kind = kind_of(whole) if whole.is_file() else ""
        unlike = kind and kind != RESULTS  # of HDF5, which the reader has described
        raise ForeignFileError(f"{error}{f', but {kind}' if unlike else ''}. Try: {SAVE}") from error
