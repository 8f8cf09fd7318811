"""Equality of results by content: NaN equals NaN, arrays are compared as a whole, and a Dataset by values and facts.

Versions, command line and the details of an engine describe a run, not its result: they may differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

OF_THE_RUN = ("versions", "command", "details")  # attributes of a Dataset


class ByContent:
    """Base of dataclasses (with ``eq=False``) that are equal if their fields are; like arrays they have no hash."""

    __hash__: Any = None
    __array_ufunc__: Any = None  # NumPy's numbers would make an array of it when they compare themselves with it

    def __eq__(self, other: object) -> Any:
        return same(self, other) if type(other) is type(self) else NotImplemented


def same(one: Any, other: Any) -> bool:
    """Return whether two values have the same content.

    Examples
    --------
    >>> same({"a": [1.0, float("nan")]}, {"a": [1.0, float("nan")]}), same(np.ones(2), np.ones(3))
    (True, False)
    """
    if one is other:
        return True
    if hasattr(one, "data_vars") and hasattr(other, "data_vars"):
        return same_dataset(one, other)
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and _same_array(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is type(other) and dataclasses.is_dataclass(one) and not isinstance(one, type):
        compared = (at.name for at in dataclasses.fields(one) if at.compare)
        return all(same(getattr(one, name), getattr(other, name)) for name in compared)
    if isinstance(one, float) and isinstance(other, float) and one != one:
        return bool(other != other)
    return bool(one == other)


def same_dataset(one: Any, other: Any) -> bool:
    """Return whether two Datasets have the same values, coordinates and facts."""
    facts = ({key: value for key, value in ds.attrs.items() if key not in OF_THE_RUN} for ds in (one, other))
    return bool(one.equals(other)) and same(*facts)


def _same_array(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    if "O" in (one.dtype.kind, other.dtype.kind):
        return all(map(same, one.ravel().tolist(), other.ravel().tolist()))
    numbers = one.dtype.kind in "fc" and other.dtype.kind in "fc"
    return bool(np.array_equal(one, other, equal_nan=numbers))
