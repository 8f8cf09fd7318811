"""A source with the names that its input gives: identities of positions, names of layers and of neurons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ....arguments import is_list
from ....console import LOG
from ....errors import InputError, require
from ..arrays import documents_of, unmasked
from ..source import ActivationSource

SHAPE = "must have the shape (positions, neurons) or (batch, position, neurons)"


@dataclass(frozen=True)
class Labelled:
    """Activations with their names.

    Attributes
    ----------
    source : ActivationSource
        The activations.
    samples : ndarray, shape (positions,), optional
        Identity of each position; None where the input has none.
    layers : dict of int to str
        Names of layers, where they are not numbers.
    neurons : ndarray of str, shape (neurons,), optional
        Names of neurons, such as a table's columns.
    """

    source: ActivationSource
    samples: np.ndarray | None = None
    layers: dict[int, str] | None = None
    neurons: np.ndarray | None = None

    def with_samples(self, samples: np.ndarray) -> Labelled:
        """Return the same activations with other identities of their positions."""
        return replace(self, samples=samples)


class Kind(Protocol):
    """A kind of object that may hold activations. Its library is not imported to look: an object has imported it."""

    def accepts(self, value: Any) -> bool:
        """Return whether the object is of this kind."""
        ...

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return its activations; `part` opens an object within it, such as one layer."""
        ...


def type_name(value: Any) -> str:
    """Return the name of an object's type, with its module."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"


def planar(array: Any, name: str) -> Any:
    """Return an array of two dimensions: batch and position are one after the other.

    Raises
    ------
    InputError
        If it has one dimension, or four and more.
    """
    if array.ndim == 3:
        return array.reshape(-1, array.shape[-1])
    if array.ndim != 2:
        example = "x.reshape(-1, 1) for one neuron"
        if array.ndim > 3:
            example = (
                "x.reshape(-1, x.shape[-1]), x.reshape(*x.shape[:2], -1) for (batch, position, head, unit), or "
                "x.movedim(1, -1).reshape(-1, x.shape[1]) for (batch, channel, …)"
            )
        raise InputError(name, f"array of shape {tuple(array.shape)}", SHAPE, example)
    return array


def labels_from(samples: Any, source: ActivationSource, argument: str) -> np.ndarray:
    """Return identities of positions as an array.

    Raises
    ------
    InputError
        If there is not one for each position.
    """
    labels = _one_each(samples, "samples", source)
    if labels.ndim != 1 or len(labels) != source.positions:
        rule = f"must be one for each of the {source.positions} positions of {argument}"
        raise InputError("samples", f"{len(labels)} identities", rule, f"samples=range({source.positions})")
    return labels


def _one_each(values: Any, argument: str, source: ActivationSource) -> np.ndarray:
    """Return values that a caller gives for each position as an array."""
    if hasattr(values, "__array__"):
        return unmasked(argument, np.asanyarray(values))
    rule = f"must be a list, or an array, with one entry for each of {source.positions} positions"
    require(is_list(values), argument, values, rule, f"{argument}=range({source.positions})")
    try:
        return np.asarray(list(values))
    except ValueError as error:  # lists of several lengths
        raise InputError(argument, type_name(values), rule, f"{argument}=range({source.positions})") from error


def with_documents(opened: Labelled, documents: Any) -> Labelled:
    """Return the same activations, whose positions belong to documents; their names may be numbers or words.

    Raises
    ------
    InputError
        If there is not one for each position, or the source is of another's making.
    """
    names = _one_each(documents, "documents", opened.source)
    _require_same_rows(opened, documents)
    if names.ndim == 1 and names.dtype.kind in "USOmM":
        names = _numbered(names)
    source: Any = opened.source
    if not hasattr(source, "_documents"):
        rule = "go with arrays and files; an ActivationSource names its own by labels()"
        raise InputError("documents", type_name(source), rule, "labels = lambda self: {'document': documents}")
    source._documents = documents_of(source.positions, names)
    return opened


def _require_same_rows(opened: Labelled, documents: Any) -> None:
    """Refuse a column of pandas whose index names other rows than those of the activations, or in another order."""
    if not hasattr(documents, "iloc") or opened.samples is None or len(documents) != len(opened.samples):
        return
    if type(documents.index).__name__ == "RangeIndex" and opened.samples.dtype.kind not in "iu":
        return  # which counts rows, and names none
    pairs = zip(documents.index.tolist(), opened.samples.tolist(), strict=True)
    first = next((place for place, (own, theirs) in enumerate(pairs) if own != theirs), None)
    if first is not None:
        name = opened.source.name
        rule = f"has another index than the rows of {name}, so that other positions would get its documents"
        raise InputError(
            "documents",
            f"{documents.index[first]} at row {first}",
            rule,
            f"documents.loc[{name}.index], or .to_numpy() if right",
        )


def _numbered(names: np.ndarray) -> np.ndarray:
    """Return a number for each name of a document, by the order of the names where they have one."""
    missing = names != names if names.dtype.kind != "O" else np.array([_is_missing(name) for name in names.tolist()])
    if missing.any():
        first = int(np.argmax(missing))
        rule = f"must name a document for each position; position {first} has none"
        raise InputError("documents", names[first], rule, "documents=np.repeat(np.arange(20), 500)")
    try:
        return np.unique(names, return_inverse=True)[1]
    except TypeError:  # words beside numbers, tuples beside words
        numbers: dict[Any, int] = {}
        entries = [name if getattr(name, "__hash__", None) else str(name) for name in names.tolist()]
        return np.array([numbers.setdefault(name, len(numbers)) for name in entries])


def _is_missing(name: Any) -> bool:
    same = name == name if name is not None and np.ndim(name) == 0 else name is not None
    return not isinstance(same, bool | np.bool_) or not same  # pandas' NA is neither equal to itself nor different


def aligned(a: Labelled, b: Labelled) -> None:
    """Raise unless the positions of two inputs, where both are named, are the same in the same order.

    Raises
    ------
    InputError
        The message names the first position that differs, and how to bring the rows together.
    """
    if a.source.positions != b.source.positions:
        return
    if a.samples is None or b.samples is None:
        for name, one in (("a", a), ("b", b)):
            if one.samples is not None and _shuffled(one.samples):
                LOG.warning(
                    "the rows of %s are labelled 0, 1, 2, … in another order, the other input has no labels: "
                    "rows are compared as they come; %s.sort_index() brings them into order",
                    name,
                    name,
                )
        return
    same = _equal(a.samples, b.samples)
    if same.all():
        return
    first = int(np.flatnonzero(~same)[0])
    both = set(a.samples.tolist()) == set(b.samples.tolist())
    rule = "must be the same in a and b, row by row" + (" (they are, in another order)" if both else "")
    shown = f"{a.samples[first]!s} in a, {b.samples[first]!s} in b at row {first}"
    example = "b = b.loc[a.index] (pandas), b.reindex_like(a) (xarray), or samples of both that agree"
    raise InputError("samples", shown, rule, example)


def _shuffled(samples: np.ndarray) -> bool:
    """Return whether labels count the rows, but in another order."""
    counts = samples.ndim == 1 and samples.dtype.kind in "iu"
    return (
        counts
        and not np.array_equal(samples, places := np.arange(len(samples)))
        and np.array_equal(np.sort(samples), places)
    )


def _equal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if {a.dtype.kind, b.dtype.kind} <= set("iufb") or a.dtype.kind == b.dtype.kind:
        return np.asarray(a == b)
    return np.array([one == other for one, other in zip(a.tolist(), b.tolist(), strict=True)], dtype=bool)


def named_layers(keys: Sequence[Any]) -> tuple[list[int], dict[int, str] | None]:
    """Return a number for each layer, and the names of those that are not numbers already."""
    if all(isinstance(key, int | np.integer) and not isinstance(key, bool) and key >= 0 for key in keys):
        return [int(key) for key in keys], None
    return list(range(len(keys))), {number: str(key) for number, key in enumerate(keys)}
