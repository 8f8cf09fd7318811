"""Spectra of feature importance: ``w_r`` for ranks r = 1 … A, in descending order, up to a constant factor.

The paper's is the power law (Eq. 9). Only two things of a spectrum matter to the theory: the weights, and the local
exponent ``β_loc(r) = −d log w/d log r``, which takes the place of β in the frontier's growth.
"""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import InputError, require
from .contracts import Contract
from .families import POSITIVE, FunctionFamily, by_name
from .parameters import as_floats

STENCIL = np.array([1.0, -8.0, 8.0, -1.0]) / 12.0  # fourth-order central difference at −2h, −h, h, 2h
STEP = 1e-3
SQRT_2_PI = np.sqrt(2 * np.pi)


class Spectrum(FunctionFamily):
    """Importance as a function of rank; subclasses are frozen dataclasses that define `at`.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Slowed(Spectrum):
    ...     beta: float
    ...     shift: float = 0.0
    ...
    ...     def at(self, rank, features):
    ...         return (rank + self.shift * np.log(rank)) ** -self.beta
    >>> Slowed(1.5, 2.0).weights(features=3).round(3).tolist()
    [1.0, 0.16, 0.084]
    """

    quantiles = False
    """True where w depends on r/A (importances drawn from a distribution) rather than on r alone."""
    contracts: ClassVar = {
        "at": Contract("one weight for each rank", "rank**-1.5"),
        "log_at": Contract("one log weight for each rank", "-1.5 * np.log(rank)"),
        "exponent": Contract("the exponent at each rank", "1.5 + 0 * rank"),
        "by_beta": Contract("∂log w/∂β at each rank", "-np.log(rank)"),
    }

    @abstractmethod
    def at(self, rank: np.ndarray, features: int) -> np.ndarray:
        """Return w at real-valued ranks from 1 to `features` (any shape)."""

    def weights(self, features: int, upto: int | None = None) -> np.ndarray:
        """Return ``w_1 … w_A``, shape (features,); or only the first `upto` of them."""
        return self.at(np.arange(1.0, (upto or features) + 1.0), features)

    def log_at(self, rank: np.ndarray, features: int) -> np.ndarray:
        """Return log w; families whose weights underflow give it in closed form."""
        with np.errstate(divide="ignore"):
            return np.log(self.at(rank, features))

    def exponent(self, rank: float, features: int) -> float:
        """Return ``β_loc = −d log w/d log r``, by a fourth-order difference.

        Its step shortens towards A + ½, where quantiles of a distribution end and may bend without bound.
        """
        step = min(STEP, max((features + 0.5) / rank - 1.0, STEP**2) / 20) if self.quantiles else STEP
        with np.errstate(invalid="ignore"):  # weights that end in zeros
            return -float(STENCIL @ self.log_at(_stencil(rank, step), features) / step)

    def by_beta(self, rank: np.ndarray, features: int) -> np.ndarray:
        """Return ∂log w/∂β, by a fourth-order difference; NaN for a spectrum without a parameter ``beta``."""
        beta = getattr(self, "beta", None)
        if not isinstance(beta, int | float | np.number):
            return np.full(np.shape(rank), np.nan)
        step = STEP * (abs(float(beta)) or 1.0)
        logs = []
        for turn in (-2, -1, 1, 2):
            other = copy(self)
            object.__setattr__(other, "beta", beta + turn * step)
            logs.append(other.log_at(rank, features))
        return np.tensordot(STENCIL, np.array(logs), 1) / step


def _stencil(rank: float, step: float = STEP) -> np.ndarray:
    return rank * np.exp(step * np.array([-2.0, -1.0, 1.0, 2.0]))


def slope_of(function, rank: float) -> float:
    """Return ``d f/d log r`` at `rank` by a fourth-order central difference."""
    return float(STENCIL @ function(_stencil(rank)) / STEP)


def log_slope(function, rank: float) -> float:
    """Return ``d log f/d log r`` at `rank` by a fourth-order central difference."""
    return slope_of(lambda r: np.log(function(r)), rank)


@dataclass(frozen=True)
class PowerLaw(Spectrum):
    """``w_r = r^-β`` (Eq. 9)."""

    beta: float
    ranges: ClassVar = {"beta": POSITIVE}

    def at(self, rank, features):
        return rank**-self.beta

    def log_at(self, rank, features):
        return -self.beta * np.log(rank)

    def by_beta(self, rank, features):
        return -np.log(rank)


@dataclass(frozen=True)
class Exponential(Spectrum):
    """``w_r = e^(−r/r_c)``: the count grows logarithmically."""

    scale: float
    ranges: ClassVar = {"scale": POSITIVE}

    def at(self, rank, features):
        return np.exp(-rank / self.scale)

    def log_at(self, rank, features):
        return -rank / self.scale


@dataclass(frozen=True)
class StretchedExponential(Spectrum):
    """``w_r = exp(−(r/r_c)^p)``: the count grows like a power of log N."""

    scale: float
    power: float
    ranges: ClassVar = {"scale": POSITIVE, "power": POSITIVE}

    def at(self, rank, features):
        return np.exp(-((rank / self.scale) ** self.power))

    def log_at(self, rank, features):
        return -((rank / self.scale) ** self.power)


@dataclass(frozen=True)
class LogQuadratic(Spectrum):
    """``w_r = exp(−(ln r)²/(2S²))``: a power law whose exponent ``ln r/S²`` grows with rank."""

    width: float
    ranges: ClassVar = {"width": POSITIVE}

    def at(self, rank, features):
        return np.exp(-0.5 * (np.log(rank) / self.width) ** 2)

    def log_at(self, rank, features):
        return -0.5 * (np.log(rank) / self.width) ** 2


@dataclass(frozen=True)
class BrokenPowerLaw(Spectrum):
    """``r^-β1`` up to rank `knee`, then ``r^-β2``, continuous there."""

    beta1: float
    beta2: float
    knee: float
    ranges: ClassVar = {"beta1": POSITIVE, "beta2": POSITIVE, "knee": POSITIVE}

    def at(self, rank, features):
        ratio = rank / self.knee
        return np.where(ratio <= 1, ratio**-self.beta1, ratio**-self.beta2)

    def log_at(self, rank, features):
        log_ratio = np.log(rank / self.knee)
        return -np.where(log_ratio <= 0, self.beta1, self.beta2) * log_ratio

    def exponent(self, rank, features):
        return self.beta1 if rank <= self.knee else self.beta2


@dataclass(frozen=True)
class ZipfMandelbrot(Spectrum):
    """``w_r = (r + q)^-β``: the law of word frequencies."""

    beta: float
    shift: float
    ranges: ClassVar = {"beta": POSITIVE, "shift": POSITIVE}

    def at(self, rank, features):
        return (rank + self.shift) ** -self.beta

    def by_beta(self, rank, features):
        return -np.log(rank + self.shift)


@dataclass(frozen=True)
class LognormalQuantiles(Spectrum):
    """``w_r = exp(σ Φ⁻¹(1 − (r − ½)/A))``: the expected order of A independent lognormal importances."""

    sigma: float
    ranges: ClassVar = {"sigma": POSITIVE}
    quantiles = True

    def at(self, rank, features):
        from scipy.special import ndtri

        with np.errstate(over="ignore"):  # what is infinite is refused, or taken by its logarithm
            return np.exp(-self.sigma * ndtri((rank - 0.5) / features))

    def log_at(self, rank, features):
        from scipy.special import ndtri

        return -self.sigma * ndtri((rank - 0.5) / features)

    def exponent(self, rank, features):
        from scipy.special import ndtri

        share = (rank - 0.5) / features
        return float(self.sigma * rank / features * SQRT_2_PI * np.exp(ndtri(share) ** 2 / 2)) if share < 1 else np.inf


@dataclass(frozen=True, eq=False)
class Empirical(Spectrum):
    """Importances that were measured, sorted here; between ranks they are interpolated in log–log.

    Raises
    ------
    InputError
        For anything but a vector of finite non-negative numbers.
    """

    values: np.ndarray

    def __post_init__(self):
        values = as_floats("values", self.values, "Empirical([4.0, 2.0, 1.0])")
        fine = values.ndim == 1 and values.size > 0 and np.isfinite(values).all() and (values >= 0).all()
        require(fine, "values", self.values, "must be a vector of finite numbers ≥ 0", "Empirical([4.0, 2.0, 1.0])")
        # a copy, as after pickle: logarithms of a reversed view round otherwise
        object.__setattr__(self, "values", np.sort(values)[::-1].copy())

    def at(self, rank, features):
        known = len(self.values)
        last = np.max(rank, initial=1)
        if last > known * np.exp(2.5 * STEP):
            raise InputError("features", int(last), f"the empirical spectrum has {known} ranks", f"features={known}")
        with np.errstate(divide="ignore"):  # importances may be 0
            log_w = np.log(self.values)
        exact = self.values[np.clip(np.round(rank).astype(int), 1, known) - 1]
        between = np.exp(np.interp(np.log(rank), np.log(np.arange(1, known + 1)), np.maximum(log_w, -700)))
        return np.where(rank == np.round(rank), exact, between)

    def exponent(self, rank, features):
        """Return the slope between the two ranks, beyond them that of the nearest."""
        known = len(self.values)
        if known == 1:
            return 0.0
        low = int(np.clip(np.floor(rank), 1, known - 1))
        log_w = np.log(np.maximum(self.values[low - 1 : low + 1], np.exp(-700)))
        return float((log_w[0] - log_w[1]) / np.log((low + 1) / low))


SPECTRA: dict[str, type[Spectrum]] = {
    "power-law": PowerLaw,
    "exponential": Exponential,
    "stretched-exponential": StretchedExponential,
    "log-quadratic": LogQuadratic,
    "broken-power-law": BrokenPowerLaw,
    "zipf-mandelbrot": ZipfMandelbrot,
    "lognormal": LognormalQuantiles,
    "empirical": Empirical,
}
# Families that descend at any of their parameters, so that no spectrum of theirs needs to be looked at rank by rank.
DESCENDING = (PowerLaw, Exponential, StretchedExponential, LogQuadratic, BrokenPowerLaw, ZipfMandelbrot)


def spectrum(name: str, **parameters) -> Spectrum:
    """Return the spectrum called `name`, for example ``spectrum("power-law", beta=1.6)``."""
    return by_name("spectrum", SPECTRA, name, **parameters)
