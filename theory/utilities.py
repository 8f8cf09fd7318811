"""Utilities of isolation: U(s), what a feature of unit importance is worth at isolation s.

The paper's is ``log(1 + s)``, twice the information that a Gaussian readout with noise variance 1/s gives about the
feature (Eqs. 48–51). The theory uses a utility through three functions of its derivative:

    demand      s(p) = (U')⁻¹(p), 0 where U'(0) ≤ p          how much is bought at price p = λ c_r/w_r
    tolerance   T(s) = −U'(s)/U''(s) = −ds/d log p           how fast demand falls with the price
    value       U(s) = ∫_0^s U'                              for certificates

A subclass defines `marginal` alone; the rest follows numerically. The families here give closed forms, and a test holds
each of them against the numerical ones.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from .contracts import Contract
from .families import POSITIVE, FunctionFamily, by_name

CLEAR = 1e-8  # fall of log U' over a central difference, which rounding leaves six digits of
FALL, LEAST_STEP, MOST_STEPS = 1e-5, 1e-20, 60  # of a forward difference
FEW = 64  # prices that are searched in one array of parts
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)


class Utility(FunctionFamily):
    """A concave utility; subclasses are frozen dataclasses that define `marginal`, and may define the rest.

    Examples
    --------
    >>> from rosettalaw.theory import Model, PowerLaw
    >>> @dataclass(frozen=True)
    ... class Root(Utility):
    ...     shift: float = 1.0
    ...
    ...     def marginal(self, s):
    ...         return (self.shift + s) ** -0.5
    ...
    ...     def demand(self, price):  # the s with U'(s) = price; optional, saves the table
    ...         return np.maximum(price**-2.0 - self.shift, 0)
    >>> Model(PowerLaw(1.5), Root()).predict([1000, 10_000])["count"].values.tolist()
    [7, 16]
    """

    contracts: ClassVar = {
        "marginal": Contract("U'(s) at each s", "1 / (1 + s)"),
        "log_marginal": Contract("log U'(s) at each s", "-np.log1p(s)"),
        "demand": Contract("the s ≥ 0 bought at each price", "np.maximum(1 / price - 1, 0)"),
        "demand_at_log": Contract("the s ≥ 0 bought at each log price", "np.maximum(np.expm1(-log_price), 0)"),
        "value": Contract("U(s) at each s", "np.log1p(s)"),
        "tolerance": Contract("−U'/U'' at each s", "1 + s"),
    }

    @abstractmethod
    def marginal(self, s: np.ndarray) -> np.ndarray:
        """Return U'(s) > 0, descending, at s ≥ 0 (any shape); infinite at 0 if the first unit is priceless."""

    def log_marginal(self, s: np.ndarray) -> np.ndarray:
        """Return log U'(s); closed form where U' underflows."""
        with np.errstate(divide="ignore"):
            return np.log(self.marginal(s))

    def demand_at_log(self, log_price: np.ndarray) -> np.ndarray:
        """Return `demand` at the exponential of `log_price`; closed form where the price itself underflows."""
        if type(self).demand is Utility.demand:
            return _inverse(self, log_price)
        with np.errstate(over="ignore", divide="ignore"):
            return self.demand(np.exp(log_price))

    def value(self, s: np.ndarray) -> np.ndarray:
        """Return U(s) by Gauss–Legendre quadrature of U' over log(1 + s)."""
        half = 0.5 * np.log1p(np.asarray(s, dtype=float))[..., None]
        t = np.expm1(half * (1 + NODES))
        return np.sum(WEIGHTS * half * self.marginal(t) * (1 + t), axis=-1)

    def demand(self, price: np.ndarray) -> np.ndarray:
        """Return s with U'(s) = price, 0 where U'(0) ≤ price, from a table of log U' over log s and two secants."""
        with np.errstate(divide="ignore"):
            return _inverse(self, np.log(np.asarray(price, dtype=float)))

    def tolerance(self, s: np.ndarray) -> np.ndarray:
        """Return T = −U'/U'' by differences of log U': central, or forward where s is too small a step for U'."""
        s = np.asarray(s, dtype=float)
        h = 1e-4 * s
        with np.errstate(divide="ignore", invalid="ignore"):
            fall = self.log_marginal(s - h) - self.log_marginal(s + h)
            result = np.asarray(2 * h / fall)
        unclear = ~(fall > CLEAR)
        if unclear.any():
            result = np.array(result)
            result[unclear] = _forward_tolerance(self, s[unclear])
        return result


def _forward_tolerance(utility: Utility, s: np.ndarray) -> np.ndarray:
    """Return T from U' at s, s + h and s + 2h, with the least h of powers of ten over which log U' falls by 10^-5."""
    step = np.maximum(1e-4 * s, LEAST_STEP)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        here = np.asarray(utility.log_marginal(s))
        for _ in range(MOST_STEPS):
            level = ~(here - np.asarray(utility.log_marginal(s + step)) >= FALL)
            if not level.any():
                break
            step = np.where(level, 10 * step, step)
        near, far = (np.asarray(utility.log_marginal(s + k * step)) for k in (1, 2))
        return 2 * step / (3 * here - 4 * near + far)


def _inverse(utility: Utility, log_price: np.ndarray) -> np.ndarray:
    """Return s with log U'(s) = log p; where U' bends too sharply for secants, by bisection."""
    try:
        log_s, level, rising, first = _table(utility, tuple(vars(utility).items()))
    except TypeError:  # a utility without a hash, or one of its parameters
        log_s, level, rising, first = _table.__wrapped__(utility, ())
    wanted = np.atleast_1d(np.asarray(log_price, dtype=float))
    cell = np.searchsorted(rising, -wanted)
    cell = np.minimum(np.maximum(cell, 1, out=cell), level.size - 1, out=cell)
    low, width = log_s[cell - 1], log_s[1] - log_s[0]

    def miss(x: np.ndarray) -> np.ndarray:
        return np.asarray(utility.log_marginal(np.exp(x))) - wanted

    with np.errstate(all="ignore"):
        fall = (level[cell] - level[cell - 1]) / width
        high = low + width
        x = np.minimum(np.maximum(low + (wanted - level[cell - 1]) / fall, low), high)
        before = miss(x)
        y = np.minimum(np.maximum(x - before / fall, low), high)
        after = miss(y)
        step = -after * (y - x) / (after - before)
        z = np.where((after == 0) | (after == before), y, y + step)
        rough = (wanted < first) & ~((np.abs(step) < 1e-7) | (after == 0) | (after == before) & (y == x))
        if rough.any():
            z[rough] = _bisected(utility, wanted[rough], low[rough], low[rough] + width)
        bought = np.where(wanted >= first, 0.0, np.exp(np.clip(z, log_s[0], log_s[-1])))
    return bought.reshape(np.shape(log_price))


def _bisected(utility: Utility, wanted: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return log s by halving intervals 48 times; a few of them are cut into 64 at once, which calls U' less often."""
    parts, steps = (64, 8) if wanted.size <= FEW else (2, 48)
    inner = np.arange(1, parts)[:, None]
    for _ in range(steps):
        width = (high - low) / parts
        cheap = np.asarray(utility.log_marginal(np.exp(low + width * inner))) > wanted
        low = low + width * np.count_nonzero(cheap, axis=0)
        high = low + width
    return 0.5 * (low + high)


@lru_cache(maxsize=64)
def _table(utility: Utility, _parameters: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return log s, log U' there, −log U', and log U'(0); made anew where parameters have changed.

    Two secants within a cell of 0.005 leave some 10^-14 of s where log U' bends as a power of s does.
    """
    log_s = np.linspace(-80.0, 80.0, 32_001)
    with np.errstate(all="ignore"):
        level = np.asarray(utility.log_marginal(np.exp(log_s)), dtype=float)
        first = np.asarray(utility.log_marginal(np.zeros(1)), dtype=float)
    return log_s, level, np.negative(level), float(first[0])


@dataclass(frozen=True)
class Log(Utility):
    """``U = log(1 + s)`` (Eq. 11)."""

    def marginal(self, s):
        return 1 / (1 + s)

    def log_marginal(self, s):
        return -np.log1p(s)

    def demand_at_log(self, log_price):
        with np.errstate(over="ignore"):
            return np.maximum(np.expm1(-log_price), 0)

    def value(self, s):
        return np.log1p(s)

    def demand(self, price):
        return np.maximum(1 / price - 1, 0)

    def tolerance(self, s):
        return 1 + s


@dataclass(frozen=True)
class CRRA(Utility):
    """Constant relative risk aversion in 1 + s: ``U' = (1 + s)^-η``; η = 1 is the logarithm."""

    eta: float
    ranges: ClassVar = {"eta": POSITIVE}

    def marginal(self, s):
        return (1 + s) ** -self.eta

    def log_marginal(self, s):
        return -self.eta * np.log1p(s)

    def demand_at_log(self, log_price):
        with np.errstate(over="ignore"):
            return np.maximum(np.expm1(-log_price / self.eta), 0)

    def value(self, s):
        if self.eta == 1:
            return np.log1p(s)
        return np.expm1((1 - self.eta) * np.log1p(s)) / (1 - self.eta)

    def demand(self, price):
        return np.maximum(price ** (-1 / self.eta) - 1, 0)

    def tolerance(self, s):
        return (1 + s) / self.eta


def power_of(utility: Utility) -> float | None:
    """Return η where ``U' = (1 + s)^-η``; None for any other utility, and for subclasses, which may change it."""
    if isinstance(utility, CRRA) and type(utility) is CRRA:
        return utility.eta
    return 2.0 if type(utility) is SquaredError else None


@dataclass(frozen=True)
class PurePower(Utility):
    """``U' = s^-η``: the first unit is priceless, so every feature is active. U(1) = 0 where U(0) is infinite."""

    eta: float
    ranges: ClassVar = {"eta": POSITIVE}

    def marginal(self, s):
        with np.errstate(divide="ignore"):
            return np.asarray(s, dtype=float) ** -self.eta

    def log_marginal(self, s):
        with np.errstate(divide="ignore"):
            return -self.eta * np.log(s)

    def demand_at_log(self, log_price):
        with np.errstate(over="ignore"):
            return np.exp(-log_price / self.eta)

    def value(self, s):
        if self.eta < 1:
            return s ** (1 - self.eta) / (1 - self.eta)
        with np.errstate(divide="ignore"):
            log_s = np.log(s)
        return log_s if self.eta == 1 else np.expm1((1 - self.eta) * log_s) / (1 - self.eta)

    def demand(self, price):
        return price ** (-1 / self.eta)

    def tolerance(self, s):
        return s / self.eta


@dataclass(frozen=True)
class Saturating(Utility):
    """``U = 1 − e^-s``: a feature is as good as read once s is a few."""

    def marginal(self, s):
        return np.exp(-s)

    def log_marginal(self, s):
        return -np.asarray(s, dtype=float)

    def demand_at_log(self, log_price):
        return np.maximum(-log_price, 0.0)

    def value(self, s):
        return -np.expm1(-s)

    def demand(self, price):
        return np.maximum(-np.log(price), 0)

    def tolerance(self, s):
        return np.ones_like(np.asarray(s, dtype=float))


@dataclass(frozen=True)
class SquaredError(Utility):
    """``U = s/(1 + s)``: the variance that a linear readout explains, so squared error instead of information."""

    def marginal(self, s):
        return (1 + s) ** -2.0

    def log_marginal(self, s):
        return -2 * np.log1p(s)

    def demand_at_log(self, log_price):
        with np.errstate(over="ignore"):
            return np.maximum(np.expm1(-log_price / 2), 0)

    def value(self, s):
        return s / (1 + s)

    def demand(self, price):
        return np.maximum(price**-0.5 - 1, 0)

    def tolerance(self, s):
        return (1 + s) / 2


UTILITIES: dict[str, type[Utility]] = {
    "log": Log,
    "crra": CRRA,
    "pure-power": PurePower,
    "saturating": Saturating,
    "squared-error": SquaredError,
}


def utility(name: str, **parameters) -> Utility:
    """Return the utility called `name`, for example ``utility("crra", eta=0.5)``."""
    return by_name("utility", UTILITIES, name, **parameters)
