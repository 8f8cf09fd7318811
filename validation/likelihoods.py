"""The power law under likelihoods that know counts are counts.

The paper's least squares gives a count of 5 the weight of a count of 5000. Three alternatives, all for
``μ_i = c N_i^α``:

    weighted             log R_i normal about log μ_i, standard deviation sd_i/R_i as stated
    poisson              R_i Poisson(μ_i), overdispersed by a factor φ: variance φ μ_i        (quasi-likelihood)
    negative binomial    variance μ_i + μ_i²/k, k estimated: extra scatter that grows with the count

Each is a deviance ``D(α, log c)`` that is least at the estimate. The interval of α is its profile likelihood: all α at
which the least deviance over c exceeds the minimum by at most ``max(χ²_1, φ F_{1,n−2})`` (95% quantiles), with
φ the Pearson χ² per degree of freedom: the stated (or Poisson's) variance is a floor, and scatter beyond it widens the
interval as an unknown variance does. The negative binomial estimates its own extra scatter and takes φ = 1, which is
wide for a handful of counts.
Zeros cannot enter a logarithm, but they can enter the last two: pass them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..contents import ByContent
from ..errors import InputError, UnknownNameError, require
from .counts import CALLS
from .distributions import log_gamma, student_quantile, xlogy
from .inputs import numbers
from .minimum import minimum_near
from .profile_interval import profile_interval

Deviance = Callable[[np.ndarray], float]  # of the expected counts μ
SLOPES = (-20.0, 20.0)


@dataclass(frozen=True, eq=False)
class LikelihoodFit(ByContent):
    """A power law fitted by one likelihood.

    Attributes
    ----------
    likelihood : str
        Key of `LIKELIHOODS`.
    exponent, prefactor : float
        α and c at the greatest likelihood.
    exponent_ci95 : tuple of float
        Profile interval; (NaN, NaN) with fewer than three counts.
    dispersion : float
        Pearson χ² per degree of freedom: about 1 if the likelihood's own variance is all the scatter there is.
    """

    likelihood: str
    exponent: float
    exponent_ci95: tuple[float, float]
    prefactor: float
    dispersion: float


@checked("fit_likelihood([256, 512, 1024], [31, 46, 70], likelihood='poisson')", "likelihood")
def fit_likelihood(
    neurons: ArrayLike, counts: ArrayLike, count_sd: ArrayLike | None = None, likelihood: str = "poisson"
) -> LikelihoodFit:
    """Fit ``R = c N^α`` by one of `LIKELIHOODS`.

    Parameters
    ----------
    neurons, counts : array_like, shape (n,)
        Sizes and counts; zeros are allowed except for "weighted".
    count_sd : array_like, shape (n,), optional
        Standard deviations of the counts; "weighted" needs them.
    likelihood : {"weighted", "poisson", "negative binomial"}

    Raises
    ------
    UnknownNameError
        If there is no such likelihood.
    InputError
        If a number cannot be used.
    """
    if likelihood not in LIKELIHOODS:
        raise UnknownNameError("likelihood", likelihood, LIKELIHOODS)
    n, r = numbers("neurons", neurons, CALLS["neurons"]), numbers("counts", counts, CALLS["counts"])
    good = r.ndim == 1 and bool(np.all(np.isfinite(r) & (r >= 0))) and r.sum() > 0
    require(good, "counts", counts, "must be at least 0, and not all 0", CALLS["counts"])
    good = n.shape == r.shape and bool(np.all(np.isfinite(n) & (n > 0)))
    require(good, "neurons", neurons, "must be positive, with one size per count", CALLS["neurons"])
    require(bool(np.ptp(n) > 0), "neurons", neurons, "a slope needs counts at two sizes", CALLS["neurons"])
    x = np.log(n)
    return LIKELIHOODS[likelihood](x - x.mean(), r, count_sd, float(x.mean()))


def _weighted(x: np.ndarray, r: np.ndarray, sd: ArrayLike | None, origin: float) -> LikelihoodFit:
    if sd is None:
        raise InputError("count_sd", None, "a weighted fit needs the standard deviation of each count")
    deviations = numbers("count_sd", sd, CALLS["count_sd"])
    good = deviations.shape == r.shape and bool(np.all(np.isfinite(deviations) & (deviations > 0)) and r.all())
    require(good, "count_sd", sd, "must be positive, one for each count, for counts above 0", CALLS["count_sd"])
    error = deviations / r

    share = error**-2 / np.sum(error**-2)

    def deviance(mu: np.ndarray) -> float:
        return float(np.sum(((np.log(r) - np.log(mu)) / error) ** 2))

    def prefactor(alpha: float) -> float:
        return float(share @ (np.log(r) - alpha * x))

    return _fit("weighted", x, r, deviance, lambda mu: (r * error) ** 2 * (mu / r) ** 2, origin, prefactor)


def _poisson(x: np.ndarray, r: np.ndarray, sd: ArrayLike | None, origin: float) -> LikelihoodFit:
    def deviance(mu: np.ndarray) -> float:
        return float(2 * np.sum(xlogy(r, r / mu) - (r - mu)))

    def prefactor(alpha: float) -> float:
        return float(np.log(r.sum()) - np.logaddexp.reduce(alpha * x))  # Σ μ = Σ R at the least deviance

    return _fit("poisson", x, r, deviance, lambda mu: mu, origin, prefactor)


def _negative_binomial(x: np.ndarray, r: np.ndarray, sd: ArrayLike | None, origin: float) -> LikelihoodFit:
    log_k = np.linspace(-3, 14, 171)
    k = np.exp(log_k)[:, None]  # e^14 is as good as Poisson
    constant = log_gamma(r + k) - log_gamma(k) - log_gamma(r + 1) - xlogy(r, k)

    def over_k(mu: np.ndarray) -> np.ndarray:
        """Return −2 log likelihood for every k of the grid."""
        return -2 * np.sum(constant - (r + k) * np.log1p(mu / k) + xlogy(r, mu), axis=1)

    step = float(log_k[1] - log_k[0])

    def least(mu: np.ndarray) -> tuple[float, float]:
        """Return the least −2 log likelihood over k, and log k: the vertex of the parabola about the grid's least."""
        values = over_k(mu)
        at = int(np.argmin(values))
        if not 0 < at < len(values) - 1:
            return float(values[at]), float(log_k[at])
        below, here, above = values[at - 1 : at + 2]
        slope, bend = (above - below) / 2, above - 2 * here + below
        if not bend > 0:
            return float(here), float(log_k[at])
        return float(here - slope**2 / (2 * bend)), float(log_k[at] - step * slope / bend)

    def variance(mu: np.ndarray) -> np.ndarray:
        return mu + mu**2 * np.exp(-least(mu)[1])

    name = "negative binomial"
    return _fit(name, x, r, lambda mu: least(mu)[0], variance, origin, own_scatter=True)


def _fit(
    name: str,
    x: np.ndarray,
    r: np.ndarray,
    deviance: Deviance,
    variance: Callable[[np.ndarray], np.ndarray],
    origin: float,
    prefactor: Callable[[float], float] | None = None,
    own_scatter: bool = False,
) -> LikelihoodFit:
    """Minimise the deviance over (α, log c), then profile α; x is centred, which makes the two nearly independent.

    `prefactor` is the best log c at an α where it has a closed form.
    """

    def over_prefactor(alpha: float) -> tuple[float, float]:
        def at(log_c: float) -> float:
            return deviance(np.exp(np.clip(log_c + alpha * x, -300, 300)))

        if prefactor is not None:
            return at(prefactor(alpha)), prefactor(alpha)
        start = np.log(r.mean() / np.mean(np.exp(alpha * x)))
        log_c, least = minimum_near(at, start - 0.5, start + 0.5)
        return least, log_c

    start = np.polyfit(x, np.log(np.maximum(r, 0.5)), 1)[0]
    alpha, least = minimum_near(lambda alpha: over_prefactor(alpha)[0], start - 0.1, start + 0.1)
    log_c = over_prefactor(alpha)[1]
    mu = np.exp(log_c + alpha * x)
    freedom = len(r) - 2
    dispersion = float(np.sum((r - mu) ** 2 / variance(mu)) / freedom) if freedom > 0 else np.nan
    interval = (np.nan, np.nan)
    if freedom > 0:
        unknown_variance = (1.0 if own_scatter else dispersion) * student_quantile(freedom, 0.975) ** 2
        allowed = least + max(student_quantile(np.inf, 0.975) ** 2, unknown_variance)
        lower, upper = profile_interval(lambda at: over_prefactor(at)[0], alpha, allowed, SLOPES)
        interval = (lower, min(upper, SLOPES[1]))
    return LikelihoodFit(
        likelihood=name,
        exponent=alpha,
        exponent_ci95=interval,
        prefactor=float(np.exp(log_c - alpha * origin)),
        dispersion=dispersion,
    )


LIKELIHOODS: dict[str, Callable[..., LikelihoodFit]] = {
    "weighted": _weighted,
    "poisson": _poisson,
    "negative binomial": _negative_binomial,
}
