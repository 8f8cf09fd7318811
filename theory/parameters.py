"""The values that each parameter of the model may have, and the messages for all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import check_fields
from ..errors import InputError, UnknownNameError, require

EXAMPLE = "predict(neurons=[1024, 131072], beta=1.6, kappa=0.5, tau=2, gamma=4)"
LIMITS = ("discrete", "continuum")

OK = "ok"
# Why a point has no solution: what `status` says in a sweep, and the rule an error states.
RULES = {
    "neurons": "must be finite and greater than 0",
    "beta": "must be finite and greater than 0",
    "kappa": "must be finite and greater than 0",
    "tau": "must be finite and greater than 0",
    "gamma": "must be greater than 0 (inf for infinitely many features, with beta > 1)",
}
BETA_NEEDS_FEATURES = "must be greater than 1 when gamma is infinite (the total importance diverges)"
LEVEL = (
    "where rank 1 does not reach tau, and importance over cost is level at rank 1, no real rank does: r_tau is 0 and "
    "has no local exponent"
)
FEATURES_TOO_MANY = "gives isolation to more features than the free memory holds"
FEATURES_TOO_FEW = "leaves no feature: gamma * neurons must be at least 1 (continuum: greater than 1)"


@dataclass(frozen=True)
class Range:
    """`number` values from `start` to `stop` in equal steps, or with `log` in equal ratios, wherever an array may go.

    Examples
    --------
    >>> np.asarray(Range(1e3, 1e6, 4, log=True)).round().tolist()
    [1000.0, 10000.0, 100000.0, 1000000.0]
    """

    start: float
    stop: float
    number: int
    log: bool = False

    def __post_init__(self):
        example = "Range(1e3, 1e9, 200, log=True)"
        check_fields(self, example)
        for name in ("start", "stop"):
            value = getattr(self, name)
            require(-np.inf < value < np.inf, name, value, "must be a finite number", example)
        require(self.number >= 1, "number", self.number, "must be at least 1", example)
        if self.log:
            rule = "must be positive and equally spaced on a log scale"
            require(min(self.start, self.stop) > 0, "start, stop", (self.start, self.stop), rule, example)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        space = np.geomspace if self.log else np.linspace
        return space(self.start, self.stop, int(self.number), dtype=dtype)


def as_floats(argument: str, value: Any, example: str = EXAMPLE) -> np.ndarray:
    """Return `value` as a float64 array, or raise with the reason."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "iuf" or np.ma.is_masked(value):
            raise TypeError
        return array.astype(np.float64, copy=False)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError):
        raise InputError(argument, value, "must be a number or an array of numbers", example) from None


def as_number(argument: str, value: Any, allowed: Callable[[float], bool], rule: str, example: str = EXAMPLE) -> float:
    """Return `value` as a float, or raise with the rule where it is not one number that is allowed."""
    array = as_floats(argument, value, example)
    require(array.ndim == 0 and allowed(float(array)), argument, value, rule, example)
    return float(array)


def positive(value: float) -> bool:
    """Return whether a number is finite and greater than 0."""
    return 0 < value < np.inf


def parameters(neurons: Any, beta: Any, kappa: Any, tau: Any, gamma: Any) -> dict[str, np.ndarray]:
    """Return the five parameters as float64 arrays, each value of them allowed on its own."""
    values = {"neurons": neurons, "beta": beta, "kappa": kappa, "tau": tau, "gamma": gamma}
    arrays = {name: as_floats(name, value) for name, value in values.items()}
    for name, array in arrays.items():
        low, high = _ends(array)
        if low > 0 and high < np.inf:  # two passes: fits call this often
            continue
        bad = ~allowed(name, array)
        if bad.any():
            raise InputError(name, array[bad].flat[0], RULES[name], EXAMPLE)
    return arrays


def require_solvable(arrays: dict[str, np.ndarray], limit: str) -> None:
    """Raise `InputError` where the parameters together have no solution; `arrays` broadcast."""
    if not all(array.size for array in arrays.values()):
        return
    low, high = _ends(arrays["gamma"])
    if high < np.inf and low * _ends(arrays["neurons"])[0] > 1:
        return
    neurons, beta, gamma = np.broadcast_arrays(arrays["neurons"], arrays["beta"], arrays["gamma"])
    endless = np.isinf(gamma) & (beta <= 1)
    if endless.any():
        raise InputError("beta", beta[endless].flat[0], BETA_NEEDS_FEATURES, EXAMPLE)
    few = too_few_features(neurons, gamma, limit)
    if few.any():
        raise InputError("gamma", gamma[few].flat[0], FEATURES_TOO_FEW, EXAMPLE)


def _ends(array: np.ndarray) -> tuple[float, float]:
    """Return the least and the largest value: NaN if one is, and where there is none."""
    if array.ndim == 0:
        return array.item(), array.item()
    return (array.min(), array.max()) if array.size else (np.nan, np.nan)


def allowed(name: str, array: np.ndarray) -> np.ndarray:
    """Return which values the parameter may take."""
    return (array > 0) if name == "gamma" else (array > 0) & np.isfinite(array)


def too_few_features(neurons: np.ndarray, gamma: np.ndarray, limit: str) -> np.ndarray:
    return (gamma * neurons < 1) | ((limit == "continuum") & (gamma * neurons <= 1))


def ranks_in_memory(bytes_each: int) -> float:
    """Return how many ranks the free memory holds, at so many bytes for each."""
    import psutil

    return psutil.virtual_memory().available / bytes_each


def check_limit(limit: str) -> bool:
    """Return True for "continuum", False for "discrete"."""
    require(isinstance(limit, str), "limit", limit, "must be 'discrete' or 'continuum'", EXAMPLE)
    if limit not in LIMITS:
        raise UnknownNameError("limit", limit, LIMITS)
    return limit == "continuum"
