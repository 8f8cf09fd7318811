"""NumPy arrays of any real type and order, and whatever turns into one: nested lists, JAX, CuPy, polars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import InputError
from ..arrays import ArraySource, require_within
from .labelled import Labelled, planar, type_name


class NumpyArrays:
    """Arrays, and objects that turn into arrays of numbers."""

    def accepts(self, value: Any) -> bool:
        """Return whether NumPy knows how to read it."""
        if isinstance(value, list | tuple):
            return not any(hasattr(item, "shape") for item in value)
        return any(hasattr(value, one) for one in ("__array__", "__array_interface__", "__dlpack__"))

    def open(self, value: Any, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
        """Return its activations, without a copy where none is needed."""
        try:
            array = value if isinstance(value, np.ndarray) else _array(value)
        except Exception as error:  # of anyone's `__array__`
            rule = f"cannot be read as an array of numbers ({error})"
            raise InputError(name, type_name(value), rule, "a list of rows of equal length") from error
        if isinstance(value, list | tuple) and array.dtype.kind == "f":  # numbers beyond 64 bits, or beside fractions
            whole = [one for one in np.asarray(value, dtype=object).ravel().tolist() if isinstance(one, int)]
            require_within(name, min(whole, default=0), max(whole, default=0))
        if isinstance(array, np.ma.MaskedArray):
            if array.mask.any():
                example = "array.filled(np.nan) with exclude_nonfinite=True, or only the positions that were measured"
                raise InputError(name, "masked array", "has masked numbers, which have no activation", example)
            array = array.data
        if array.dtype.kind == "V" and "float" in array.dtype.name:  # bfloat16 and float8 of JAX
            array = array.astype(np.float32)
        if array.dtype.kind not in "fiub":
            example = "array.astype('float32'), or the magnitude of complex numbers: abs(array)"
            raise InputError(name, f"array of type {array.dtype}", "must hold real numbers", example)
        return Labelled(ArraySource(planar(array, name), name))


def _array(value: Any) -> np.ndarray:
    """Return an object as an array; by DLPack where NumPy has no other way."""
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    return np.asarray(value)
