"""The exponent that a model tends to, from its local exponents at growing sizes, with an error.

For the logarithm ``1/e = β (1 + n/B)`` with ``n/B ∝ N^(1/β−1)``: over sizes in equal ratios the inverse of the local
exponent approaches its limit geometrically, x_k = x + c q^k, and three of them give the limit (Aitken),

    x = x_3 − (x_3 − x_2)²/(x_3 − 2 x_2 + x_1).

Three limits in a row, taken as such a sequence again, show how far the first kind is off: their difference, doubled, is
the error, and a tenth of the way to the limit. It also covers corrections like 1/log N (β = 1), for which each round of
extrapolation halves what is left. Where the way is longer than what was seen of it, the whole way is the error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import require
from ..theory import Log, Model
from ..theory.parameters import as_floats, as_number, positive
from .laws import EXPONENT_LAWS, Subject, require_kind

EXAMPLE = "check_exponent(Model(PowerLaw(1.5)), 1 / 1.5, neurons=(1e5, 1e8))"
POINTS = 7  # sizes in equal ratios; the last five are used
MOST = 1 << 19  # active ranks of the largest allocation that is made
FEW = 100.0  # neurons at least
QUIET = 2e-4  # moves of the local exponent that steps of whole ranks make too ...
NOISE = 2e-3  # ... also this large, if they go to and fro
LEAST = 1e-4  # error of any limit
FURTHEST = 2.5  # times the way seen that a limit may lie ahead


@dataclass(frozen=True)
class Extrapolation:
    """A limit of local exponents.

    Attributes
    ----------
    exponent, error : float
        The limit, and how far it may be off.
    neurons, local : tuple of float
        Sizes, and the local exponents there.
    """

    exponent: float
    error: float
    neurons: tuple[float, ...]
    local: tuple[float, ...]


def check_exponent(
    model: Model,
    expected: float,
    neurons: tuple[float, float] = (1e5, 1e8),
    tau: float = 1.0,
    tolerance: float = 0.02,
) -> Extrapolation:
    """Check the exponent ``d log R/d log N`` that a model tends to as N grows.

    Parameters
    ----------
    model : Model
        Any families.
    expected : float
        The limit expected, 1/β for the paper's model with β > 1 (Eq. 23).
    neurons : (float, float)
        Smallest and largest size. Where millions of features would be active, the sizes end earlier.
    tau : float
        τ.
    tolerance : float
        The error that the extrapolation may have.

    Returns
    -------
    Extrapolation
        The limit with its error.

    Raises
    ------
    BrokenLawError
        Law ``settled``: the error is larger than the tolerance (for spectra that decay exponentially, sizes such as
        ``(1e100, 1e200)`` help). Law ``exponent``: `expected` lies outside the error.

    Examples
    --------
    >>> from rosettalaw.theory import Model, PowerLaw
    >>> limit = check_exponent(Model(PowerLaw(1.6)), 1 / 1.6)
    >>> round(limit.exponent, 4), limit.error < 0.001
    (0.625, True)
    """
    require_kind("model", model, Model, EXAMPLE)
    as_number("expected", expected, math.isfinite, "must be a finite number", EXAMPLE)
    as_number("tolerance", tolerance, positive, "must be finite and greater than 0", EXAMPLE)
    subject = Subject(model, EXPONENT_LAWS)
    limit = extrapolate(model, neurons, tau)
    shown = f"{limit.exponent:.5f} ± {limit.error:.1g}, from local exponents "
    shown += ", ".join(f"{value:.4f}" for value in limit.local)
    at = {"neurons up to": limit.neurons[-1], "tau": tau}
    subject.obeys("settled", limit.error <= tolerance, {**at, "tolerance": tolerance}, shown)
    near = abs(limit.exponent - expected) <= limit.error
    subject.obeys("exponent", near, {**at, "expected": expected}, shown)
    return limit


def extrapolate(model: Model, neurons: tuple[float, float] = (1e5, 1e8), tau: float = 1.0) -> Extrapolation:
    """Return the limit of the local exponent, and its error."""
    require_kind("model", model, Model, EXAMPLE)
    ends = as_floats("neurons", neurons, EXAMPLE)
    good = ends.shape == (2,) and 0 < ends[0] < ends[1] < np.inf
    require(good, "neurons", neurons, "must be two finite sizes in ascending order", EXAMPLE)
    low, high = ends.tolist()
    sizes = _affordable(model, float(low), float(high))
    local = model_local_exponents(model, sizes, tau)
    value, error = _limit(local[-5:])
    return Extrapolation(value, error, tuple(sizes.tolist()), tuple(local.tolist()))


def model_local_exponents(model: Model, sizes: np.ndarray, tau: float) -> np.ndarray:
    """Return the local exponents at every size, one allocation at a time."""
    return np.array([float(model.predict(size, tau)["local_exponent"][0]) for size in sizes])


def _affordable(model: Model, low: float, high: float) -> np.ndarray:
    """Return sizes in equal ratios up to `high`, or up to one at which few enough features are active."""
    most = MOST * 4 if model.utility == Log() else MOST  # the logarithm is solved in one pass
    size = min(low, 1000.0)
    while size < high:
        further = min(most / (2 * model.allocate(size).active), 1e6)  # n grows no faster than N as a rule
        if further < 1.5:
            break
        size = min(further * size, high)
    lowest = min(max(size * low / high, FEW), size / 2)
    return np.geomspace(lowest, size, POINTS)


def _limit(values: np.ndarray) -> tuple[float, float]:
    """Return the limit of five exponents at sizes in equal ratios, and its error."""
    steps, last = np.diff(values), float(values[-1])
    largest = float(np.abs(steps).max())
    if largest <= QUIET or (steps.min() < 0 < steps.max() and largest <= NOISE):
        return last, 10 * largest + LEAST
    inverse = 1 / np.maximum(values, 1e-12)
    once = np.array([_aitken(*inverse[k : k + 3]) for k in range(3)])
    if not np.isfinite(once).all() or (once <= 0).any():  # the inverse grows without end, as log N does
        return 0.0, last
    twice = _aitken(*once)
    if not 0 < twice < np.inf:
        twice = 2 * once[2] - once[1]
    value = float(1 / twice)
    spread = max(abs(value - 1 / once[2]), abs(value - 1 / once[1]))
    ahead, seen = abs(value - last), abs(last - float(values[0]))
    if ahead > FURTHEST * seen:  # most of the way is not seen: slower than any power
        return value, max(ahead, 2 * spread)
    return value, float(2 * spread + 0.1 * ahead + LEAST)


def _aitken(first: float, second: float, third: float) -> float:
    before, after = second - first, third - second
    if after == 0 or abs(after) < 1e-13 * abs(third):
        return third
    if not abs(after) < abs(before):
        return np.inf
    return third - after**2 / (after - before)
