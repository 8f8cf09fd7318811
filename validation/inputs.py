"""Numbers as callers hand them over: arrays, lists, pandas and masked arrays, or a message that shows them as given.

Missing numbers (None, NaN, pandas' NA, masked ones) become NaN, which the caller's rule refuses. Text, booleans, dates
and complex numbers are no numbers, even where NumPy could convert them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np

from ..arguments import is_whole
from ..errors import InputError, require
from ..lazy import imported
from ..theory.parameters import positive

HALF = ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2")
UNREADABLE = (TypeError, ValueError, OverflowError, RuntimeError)


def numbers(argument: str, values: Any, example: str = "") -> np.ndarray:
    """Return numbers as a float64 array of at least one dimension.

    Raises
    ------
    InputError
        If they are none.
    """
    try:
        return np.atleast_1d(_floats(values))
    except UNREADABLE:
        rule = "must be numbers" + comma_hint(values)
        raise InputError(argument, values, rule, example or f"{argument}=[256, 512, 1024]") from None


def number(argument: str, value: Any, allowed: Callable[[float], bool], rule: str, example: str) -> float:
    """Return one number, or raise `InputError` with the rule unless it is one that is allowed."""
    try:
        array = _floats(value)
    except UNREADABLE:
        array = np.empty(0)
    good = array.ndim == 0 and allowed(float(array))
    require(good, argument, value, rule + comma_hint(value), example)
    return float(array)


def network_sizes(neurons: Any, example: str) -> np.ndarray:
    """Return sizes as floats in the shape that they were given in, or raise `InputError` unless all are positive."""
    rule = "must be finite and greater than 0"
    sizes = numbers("neurons", neurons, example)
    require(sizes.size, "neurons", neurons, "must be one size or more", example)
    good = bool(np.all((sizes > 0) & (sizes < np.inf)))
    require(good, "neurons", neurons, rule, example)
    return sizes.reshape(np.shape(neurons))


def finite(argument: str, values: Any, example: str) -> np.ndarray:
    """Return a list of finite numbers, or raise `InputError`."""
    array = numbers(argument, values, example)
    rule = "must be a number or a list of numbers, all finite"
    require(array.ndim == 1 and array.size and np.isfinite(array).all(), argument, values, rule, example)
    return array


def whole_number(argument: str, value: Any, least: int, example: str) -> int:
    """Return a whole number from `least` to 2^32 − 1, as seeds need it, or raise `InputError`."""
    good = is_whole(value) and least <= value < 2**32
    require(good, argument, value, f"must be a whole number of at least {least}", example)
    return int(value)


def comma_hint(values: Any) -> str:
    """Return words for a message where text, or the first text of several, is a number but for its commas."""
    try:
        array = np.asarray(values, dtype=object) if isinstance(values, list | tuple) else _array(values)
    except TypeError:
        return ""
    for text in (str(one).strip() for one in array.ravel()[:10_000].tolist() if isinstance(one, str)):
        if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", text):
            return f"; the comma between thousands is the reason: write {text.replace(',', '')}"
        if re.fullmatch(r"[+-]?\d+,\d+", text):
            return f"; the decimal comma is the reason: write {text.replace(',', '.')}"
    return ""


def require_all(good: np.ndarray, argument: str, values: Any, rule: str, example: str) -> None:
    """Raise `InputError` that names the first number that is not good, as it was given."""
    if not good.all():
        where = int(np.flatnonzero(~good)[0])
        name = argument if np.ndim(values) == 0 else f"{argument}[{where}]"
        raise InputError(name, entry(values, where), rule, example)


def features_per_neuron(gamma: Any, neurons: np.ndarray) -> float:
    """Return γ, or raise `InputError` unless it is a number that leaves every size at least one feature."""
    gamma = number("gamma", gamma, positive, "must be a number greater than 0, such as 4", "gamma=4")
    least = float(np.min(neurons))
    require(gamma * least >= 1, "gamma", gamma, f"leaves no feature at N = {least:g}: γN must be at least 1", "gamma=4")
    return gamma


def correlations_of(
    neurons: np.ndarray, given: Any, allowed: Callable[[np.ndarray], np.ndarray], rule: str
) -> list[np.ndarray]:
    """Return one array of correlations per size from a list of lists, or an array or table with one row per size."""
    example, every = "correlations=[[.9, .7], [.92, .75, .6]]", []
    block = given.to_numpy() if hasattr(given, "to_numpy") else given
    listed = hasattr(block, "__len__") and not isinstance(block, str | bytes | Mapping | Set)
    fits = listed and getattr(block, "ndim", 1) > 0 and len(block) == neurons.size
    require(fits, "correlations", given, f"must have one entry per size, {neurons.size} in all", example)
    for size, rho in zip(neurons, block, strict=True):
        where = f"correlations at N = {size:g}"
        values = numbers(where, rho, example)
        require(np.ndim(rho) == 1, where, rho, "must be a list of correlations", example)
        bad = np.flatnonzero(~allowed(values))
        require(not bad.size, where, entry(rho, int(bad[0])) if bad.size else None, rule, example)
        every.append(values)
    return every


def _masked(values: Any) -> bool:
    """Return whether some entries may be masked, without loading `numpy.ma` for it."""
    loaded = imported("numpy.ma")
    return loaded is not None and isinstance(values, loaded.MaskedArray)


def _floats(values: Any) -> np.ndarray:
    if _masked(values):
        return np.where(np.ma.getmaskarray(values), np.nan, _floats(values.data))
    array = _array(values)
    if array.dtype.kind == "O":
        entries = [_float(one) for one in array.ravel().tolist()]
        return np.array(entries, dtype=float).reshape(array.shape)
    if array.dtype.kind not in "iuf" and array.size:
        raise TypeError
    return array.astype(float)


def _array(values: Any) -> np.ndarray:
    if hasattr(values, "detach") and hasattr(values, "cpu"):  # of a graph, or on a device
        if getattr(getattr(values, "device", None), "type", "") == "meta":  # a shape without numbers
            raise TypeError
        values = values.detach().cpu()
        if str(values.dtype) in HALF:  # NumPy has no such type
            values = values.float()
    if hasattr(values, "to_pylist") and getattr(values, "null_count", 0):  # an array of Arrow with missing numbers
        values = values.to_pylist()
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)


def _float(one: Any) -> float:
    if one is None or type(one).__name__ == "NAType":
        return np.nan
    if isinstance(one, str | bytes | bool | np.bool_ | complex) or hasattr(one, "__len__"):
        raise TypeError
    return float(one)


def entry(values: Any, where: int) -> Any:
    """Return one entry of the given numbers, or the single number."""
    if _masked(values):
        return "masked" if np.ma.getmaskarray(values).flat[where] else values.data.flat[where]
    if np.ndim(values) == 0:
        return values
    return values.iloc[where] if hasattr(values, "iloc") else np.asarray(values, dtype=object)[where]
