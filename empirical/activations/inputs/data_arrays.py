"""xarray: one dimension counts the neurons, coordinates of the others name the positions.

It is the dimension that bears such a name (`NEURONS`), or else the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import InputError
from ....lazy import imported
from ..arrays import labels_of
from .labelled import Labelled, named_layers, planar, with_documents
from .tables import is_default

ACTIVATIONS = "activations"
NEURONS = ("neuron", "neurons", "unit", "units", "feature", "features", "channel", "channels")
POSITIONS = ("position", "positions", "sample", "samples", "token", "tokens", "time", "trial", "trials")


class DataArrays:
    """DataArrays, and Datasets of one or of several layers."""

    def accepts(self, value: Any) -> bool:
        """Return whether it is xarray's."""
        xarray = imported("xarray")
        return xarray is not None and isinstance(value, xarray.DataArray | xarray.Dataset)

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return its activations; coordinates ``layer`` and ``unit`` along the neurons label them."""
        import xarray as xr

        if isinstance(value, xr.Dataset):
            return self._dataset(value, name, part)
        value = neurons_last(value, name)
        flat = planar(value.data if hasattr(value.data, "dask") else value.values, name)
        opened = part(flat, name)
        layer, layers, unit, neurons = labels_of_neurons(value)
        source = opened.source
        source.layer, source.unit = labels_of(len(source.layer), layer, unit)
        labelled = Labelled(source, samples_of(value), layers, neurons)
        documents = value.coords.get("document")
        if documents is None or documents.dims != value.dims[:-1] or value.ndim != 2:
            return labelled
        return with_documents(labelled, documents.values)

    def _dataset(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        wide = [str(key) for key, variable in value.data_vars.items() if variable.ndim >= 2]
        if ACTIVATIONS in wide or len(wide) == 1:
            return part(value[ACTIVATIONS if ACTIVATIONS in wide else wide[0]], name)
        if not wide:
            rule = "needs a variable of shape (positions, neurons); it has none"
            raise InputError(name, "xarray.Dataset", rule, "dataset['activations']")
        return part({key: value[key] for key in wide}, name)


def neurons_last(array: Any, name: str) -> Any:
    """Return an array whose last dimension counts the neurons, by the names of its dimensions.

    Raises
    ------
    InputError
        If the last dimension has the name of positions, and no other that of neurons.
    """
    named = [dimension for dimension in array.dims if str(dimension).lower() in NEURONS]
    last = array.dims[-1] if array.dims else ""
    if len(named) == 1:
        return array.transpose(..., named[0])
    if not named and array.ndim > 1 and str(last).lower() in POSITIONS:
        rule = f"must have the neurons along the last dimension, which is {last!r} here"
        raise InputError(
            name, f"DataArray of dimensions {array.dims}", rule, f"array.transpose(..., {array.dims[0]!r})"
        )
    return array


def labels_of_neurons(array: Any) -> tuple[Any, dict[int, str] | None, Any, np.ndarray | None]:
    """Return layer numbers, layer names, units and names of the neurons, each None where there are none."""
    dimension = array.dims[-1]
    along = {name: coord.values for name, coord in array.coords.items() if coord.dims == (dimension,)}
    layer, unit, layers = along.get("layer"), along.get("unit"), None
    if dimension in ("layer", "unit"):  # an index that only bears that name
        layer, unit = (None if dimension == "layer" else layer), (None if dimension == "unit" else unit)
    if layer is not None and layer.dtype.kind not in "iu":
        keys = list(dict.fromkeys(layer.tolist()))
        places, layers = named_layers(keys)
        layer = np.array([dict(zip(keys, places, strict=True))[key] for key in layer.tolist()])
    named = unit if unit is not None and unit.dtype.kind not in "iu" else along.get(dimension)
    neurons = None if named is None or named.dtype.kind in "iu" else named.astype(str).astype(object)
    return layer, layers, unit if unit is not None and unit.dtype.kind in "iu" else None, neurons


def samples_of(array: Any) -> np.ndarray | None:
    """Return the labels of the positions: of one dimension, or pairs of labels of two."""
    dimensions = array.dims[:-1]
    indexes = [array.indexes.get(dimension) for dimension in dimensions]
    if all(index is None or is_default(index) for index in indexes):
        return None
    if len(indexes) == 1:
        return None if indexes[0] is None else _plain(indexes[0])
    sizes = [array.sizes[dimension] for dimension in dimensions]
    labels = [np.arange(size) if index is None else _plain(index) for size, index in zip(sizes, indexes, strict=True)]
    pairs = np.empty(int(np.prod(sizes)), dtype=object)
    pairs[:] = [(one, other) for one in labels[0].tolist() for other in labels[1].tolist()]
    return pairs


def _plain(index: Any) -> np.ndarray:
    if getattr(index, "nlevels", 1) > 1:
        labels = np.empty(len(index), dtype=object)
        labels[:] = index.tolist()
        return labels
    return np.asarray(index)
