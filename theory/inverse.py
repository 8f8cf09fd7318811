"""The theory backwards: which β has this exponent, which κ or which size has this count.

A frontier at rank x needs ``r0 = x (1 + τ)^(1/β)`` (Eq. 21), and r0 has its price in closed form (Eqs. 14, 20):

    B(x) = Σ_{r≤n} [(r0/r)^β − 1],    n = min(floor(r0), A);    in the continuum  ∫_1^{min(r0, A)} [(r0/r)^β − 1] dr

so ``κ = B/N``, and ``N = B/κ`` while r0 ≤ A = γN; otherwise N is searched for, as β is: the exponent falls with it.
A whole count R is reached where the frontier is at R, the continuum's where it is at R + 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import checked
from ..errors import InputError, require
from .parameters import RULES, as_floats, check_limit, parameters, require_solvable
from .power_law import ROUNDING_UP, continuum_budget, power_integral, power_sum
from .predictions import frontier, predict, predict_arrays
from .roots import root

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SUMMED = 100_000  # ranks whose isolation is summed one by one, without cancellation
BETAS = np.geomspace(1e-3, 1e3, 400)  # where the exponent is looked for first
WHOLE = 2.0**53  # numbers from here on are whole as floats


@checked("beta_for(exponent=0.63, neurons=[4e4, 2e6])", "gamma")
def beta_for(
    exponent: ArrayLike,
    neurons: ArrayLike,
    kappa: float = 1.0,
    tau: float = 1.0,
    gamma: float = 4.0,
    limit: str = "discrete",
) -> float | np.ndarray:
    """Return the β whose count has this exponent at finite size.

    Parameters
    ----------
    exponent : float or array_like
        Exponents α between 0 and 1; the shape of the result.
    neurons : float or 1-D array_like
        One size: the local exponent there. Several: the least-squares slope of log r_τ over log N at these sizes.
    kappa, tau, gamma, limit
        As for `predict`.

    Raises
    ------
    InputError
        If no β has such an exponent there; the message says between what exponents may lie.

    Examples
    --------
    >>> round(beta_for(exponent=0.63, neurons=[4e4, 2e6]), 3)  # not 1/0.63 = 1.587
    1.577
    """
    example = "beta_for(exponent=0.63, neurons=[4e4, 2e6])"
    wanted = as_floats("exponent", exponent, example)
    sizes = np.unique(as_floats("neurons", neurons, example))
    require(sizes.size > 0, "neurons", neurons, "must be at least one size", example)
    good = bool(np.all((sizes > 0) & np.isfinite(sizes)))
    require(good, "neurons", neurons, RULES["neurons"], example)

    def slope(betas: np.ndarray) -> np.ndarray:
        if sizes.size == 1:
            return predict(sizes[0], betas, kappa, tau, gamma, limit)["local_exponent"].values
        log_size = np.log(sizes) - np.log(sizes).mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            log_rank = np.log(frontier(sizes[:, None], betas, kappa, tau, gamma, limit))
            answer = log_rank.T @ log_size / (log_size @ log_size)
        return np.where(np.isfinite(answer), answer, 1.0)  # β so near 0 that the frontier underflows: the limit

    grid = BETAS[BETAS > 1] if np.isinf(gamma) else BETAS
    reached = slope(grid)

    def one(alpha: float) -> float:
        over = np.flatnonzero((reached[:-1] >= alpha) & (reached[1:] < alpha))
        if not 0 < alpha < 1 or over.size == 0:
            rule = f"must lie strictly between {reached.min():.3g} and {min(reached.max(), 1.0):.3g} at these sizes"
            raise InputError("exponent", alpha, rule, example)
        low, high = np.log(grid[over[-1] : over[-1] + 2])  # the steepest spectrum that has it
        return float(np.exp(root(lambda at: float(slope(np.exp([at]))[0]) - alpha, low, high)))

    answer = np.array([one(float(alpha)) for alpha in wanted.flat]).reshape(wanted.shape)
    return float(answer) if wanted.ndim == 0 else answer


def kappa_for(
    count: ArrayLike,
    neurons: ArrayLike,
    beta: ArrayLike,
    tau: ArrayLike = 1.0,
    gamma: ArrayLike = 4.0,
    limit: str = "discrete",
) -> float | np.ndarray:
    """Return the least κ at which N neurons show this count; the arguments broadcast.

    Raises
    ------
    InputError
        For values outside the model, and counts above A = γN.

    Examples
    --------
    >>> round(kappa_for(count=312, neurons=131072, beta=1.6, tau=2), 4)
    0.4994
    """
    example = "kappa_for(count=312, neurons=131072, beta=1.6, tau=2)"
    continuum = check_limit(limit)
    arrays = parameters(neurons, beta, 1.0, tau, gamma)
    require_solvable(arrays, limit)
    counts = _counts(count, example, continuum)

    def one(count: float, neurons: float, beta: float, tau: float, gamma: float) -> float:
        features = gamma * neurons if continuum else np.floor(gamma * neurons)
        most = features - 1 if continuum else features
        require(count <= most, "count", count, f"there are {most:.6g} features to count", example)
        return _price(count, beta, tau, features, continuum) / neurons

    return _each(one, example, counts, arrays["neurons"], arrays["beta"], arrays["tau"], arrays["gamma"])


def neurons_for(
    count: ArrayLike,
    beta: ArrayLike,
    kappa: ArrayLike = 1.0,
    tau: ArrayLike = 1.0,
    gamma: ArrayLike = 4.0,
    limit: str = "discrete",
) -> float | np.ndarray:
    """Return the least whole N that shows this count; in the continuum the least real one. The arguments broadcast.

    Where every feature is active, counts may fall by a step when A = γN rises; N is then a size that shows the count
    while N − 1 does not.

    Raises
    ------
    InputError
        For values outside the model.

    Examples
    --------
    >>> neurons_for(count=312, beta=1.6, kappa=0.5, tau=2)
    130919.0
    """
    example = "neurons_for(count=312, beta=1.6, kappa=0.5, tau=2)"
    continuum = check_limit(limit)
    arrays = parameters(2.0, beta, kappa, tau, gamma)
    require_solvable({**arrays, "neurons": np.array(WHOLE)}, limit)
    counts = _counts(count, example, continuum)

    def one(count: float, beta: float, kappa: float, tau: float, gamma: float) -> float:
        edge = count + 1 if continuum else count

        def short(neurons: float) -> bool:
            if gamma * neurons <= 1 if continuum else gamma * neurons < 1:
                return True
            if continuum:
                return float(frontier(neurons, beta, kappa, tau, gamma, limit)) < edge
            point = parameters(neurons, beta, kappa, tau, gamma)
            return float(predict_arrays(point, False)["count"]) < edge

        size = _price(count, beta, tau, np.inf, continuum) / kappa
        if gamma * size < edge * (1 + tau) ** (1 / beta):  # every feature is active: they cost less than endless ones
            size = _crossing(short, edge / gamma, size)
        return size if continuum else _least_whole(short, max(np.ceil(size * (1 - 1e-14)), 1.0))

    return _each(one, example, counts, arrays["beta"], arrays["kappa"], arrays["tau"], arrays["gamma"])


def _price(count: float, beta: float, tau: float, features: float, continuum: bool) -> float:
    """Return the budget that brings the frontier to a count, B of the module's head."""
    log_r0 = np.log(count + 1 if continuum else count) + np.log1p(tau) / beta
    if continuum:
        if log_r0 <= np.log(features):
            return float(continuum_budget(log_r0, beta))
        return float(np.exp(beta * log_r0) * power_integral(1.0, features, beta) - (features - 1))
    active = float(min(np.floor(np.exp(min(log_r0, 700.0)) * ROUNDING_UP), features))
    if active <= SUMMED:
        return float(np.sum(np.expm1(beta * np.maximum(log_r0 - np.log(np.arange(1.0, active + 1)), 0))))
    return float(np.exp(beta * log_r0) * power_sum(0.0, active, beta) - active)


def _crossing(short: Callable[[float], bool], low: float, high: float) -> float:
    """Return the size between two from which `short` is false, to rounding; `low` if it is false there already."""
    if not short(low):
        return low
    while high / low > 1 + 1e-15 and low < (middle := np.sqrt(low) * np.sqrt(high)) < high:
        low, high = (middle, high) if short(middle) else (low, middle)
    return high


def _least_whole(short: Callable[[float], bool], near: float) -> float:
    """Return a whole number that is not short although the one before it is; beyond 2^53 there is no one before."""
    if near >= WHOLE:
        return float(near)
    low, high, step = near - 1, near, 1.0
    while short(high):
        low, high, step = high, high + step, 2 * step
    step = 1.0
    while low > 0 and not short(low):
        low, high, step = max(low - step, 0.0), low, 2 * step
    while high - low > 1:
        middle = np.floor((low + high) / 2)
        low, high = (middle, high) if short(middle) else (low, middle)
    return float(high)


def _counts(count: ArrayLike, example: str, continuum: bool) -> np.ndarray:
    counts = as_floats("count", count, example)
    bad = ~(((counts > 0) if continuum else (counts >= 1)) & np.isfinite(counts))
    rule = "must be finite and greater than 0" if continuum else "must be finite and at least 1"
    if bad.any():
        raise InputError("count", counts[bad].flat[0], rule, example)
    return counts


def _each(function, example: str, *arrays: np.ndarray) -> float | np.ndarray:
    """Return the function at every point of arrays that broadcast; a float of numbers alone."""
    try:
        points = np.broadcast(*arrays)
    except ValueError:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise InputError("shapes", shapes, "must broadcast together", example) from None
    answer = np.array([function(*map(float, point)) for point in points]).reshape(points.shape)
    return float(answer) if answer.ndim == 0 else answer
