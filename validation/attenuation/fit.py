r"""A distribution of attenuations fitted to the matched correlations of a ladder, and how far it saves the theory.

Correlations above one threshold are a sample of `rosettalaw.validation.attenuation.law`, truncated there: the joint law
of their order statistics is n! times the product of their densities over the survival at the threshold. Sizes share b,
mean and spread. Where several matchings of one size share networks, each counts as one part of a matching.

Ranks of the theory are a grid instead of independent draws, so a profile without attenuation is more regular than that:
a perfectly regular one of the same b and counts, fitted the same way, loses a few units of likelihood against laws that
it does not follow. That loss is computed, and taken from every deviance below.

For each mean attenuation m the likelihood is maximized

    over b and the spread:      ℓ(m), the profile likelihood of b over the mean attenuation
    of β = b > 1 at the exponent α̂ that was counted:

        D(m) = 2 (ℓ_max − max_{β, spread} [ℓ(β, m, spread) − ½ (ν + 1) log(1 + t(β)²/ν)]),   t = (α̂ − α(β))/se

less that loss, with α(β) the slope that the theory demands at these sizes. A mean reconciles the theory with the data
if D(m) is at most 5.99, the 95% point of χ² with two degrees of freedom (β tied to α̂, and m). The one nearest to 1, the
mildest, is the attenuation that the theory needs.

One profile cannot tell an attenuated steep spectrum from a flat one (see the law's module), so whether the data can
tell is said from both deviances: D at its least (against 3.84), and 2 (ℓ_max − ℓ(1)), that of a flat profile without
attenuation (against 5.99).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...contents import ByContent
from ...lazy import deferred
from ..demands import ROUNDING, Estimate, expected_exponents
from .law import Sample, beta_parameters, log_survival

optimize = deferred("scipy.optimize")

MEANS = (1.0, 0.98, 0.95, *np.round(np.arange(0.9, 0.24, -0.05), 2).tolist())
CLEAR = 3.84  # 95% point of chi-square with one degree of freedom
WITHIN = 5.99  # ... with two: β = 1/α and the mean are fixed, or mean and spread
TOTALS = (1.0, 300.0)  # of p + q: from as wide as mean (1 − mean)/2 to a spread that no ladder distinguishes from none
NARROW, BROAD = 60.0, 8.0  # p + q at which the search begins
EXPONENTS = (0.05, 20.0)
STEEP = 1.001  # β > 1 of the theory
FEWEST = 20  # pairs in all, below which nothing is fitted


@dataclass(frozen=True, eq=False)
class ProfilePoint(ByContent):
    """The best fit at one mean attenuation: exponent b, spread, and log-likelihood relative to the greatest."""

    mean: float
    b: float
    sd: float
    log_likelihood: float


@dataclass(frozen=True, eq=False)
class Attenuation(ByContent):
    """A distribution of attenuations fitted to a ladder.

    Attributes
    ----------
    mean, sd : float
        Of the attenuations that the theory needs, at greatest likelihood.
    beta : float
        The theory's β with them.
    reconciling_means : tuple of float
        Least and greatest mean attenuation that reconcile the data with the theory; NaN if none does.
    profile : tuple of ProfilePoint
        b over the mean attenuation, from 1 downwards.
    plain_deviance, theory_deviance : float
        Twice the loss of log-likelihood without attenuation (b free), and of the theory with the best attenuation.
    """

    mean: float
    sd: float
    beta: float
    reconciling_means: tuple[float, float]
    profile: tuple[ProfilePoint, ...]
    plain_deviance: float
    theory_deviance: float

    @property
    def smallest_reconciling_mean(self) -> float:
        """Mean of the mildest attenuation that reconciles the data with the theory: 1 if it needs none."""
        return self.reconciling_means[1]

    @property
    def needed(self) -> bool:
        """True where the theory needs attenuation at all."""
        return self.reconciling_means[1] != 1

    @property
    def flat_rejected(self) -> bool:
        """True where a flat profile without attenuation is rejected: two parameters fewer, mean and spread."""
        return self.plain_deviance > WITHIN

    @property
    def can_tell(self) -> bool:
        """True where the data tell a flat profile without attenuation from the theory with it."""
        return not self.needed or self.flat_rejected or self.theory_deviance > CLEAR

    def sentence(self) -> str:
        """Return whether attenuation reconciles the data with the theory, and whether the data tell."""
        mildest, spread = self.smallest_reconciling_mean, f"sd {self.sd:.2f}"
        if not self.needed:
            return "The theory needs no attenuation of correlations here."
        if np.isnan(mildest):
            return "No attenuation that follows a Beta law and does not depend on N reconciles them with the theory."
        reconciles = (
            f"An attenuation of mean {mildest:.2f} or less that differs between features would reconcile them with the "
            f"theory (likeliest: mean {self.mean:.2f}, {spread})"
        )
        if self.flat_rejected:
            return f"{reconciles}, and the correlations fit it better than a flat profile without attenuation."
        return f"{reconciles}; these data cannot distinguish it from a flat profile without attenuation."

    def record(self) -> dict[str, Any]:
        """Return the fit as plain values."""
        return {
            "mean": self.mean,
            "sd": self.sd,
            "smallest_reconciling_mean": self.smallest_reconciling_mean,
            "profile_likelihood": [vars(point) for point in self.profile],
            "beta": self.beta,
            "reconciling_means": list(self.reconciling_means),
            "can_tell": self.can_tell,
            "sentence": self.sentence(),
        }


def fit_attenuation(
    neurons: np.ndarray, correlations: Sequence[np.ndarray], threshold: float, count: Estimate, gamma: float
) -> Attenuation | None:
    """Fit a Beta law of attenuations; None with too few pairs.

    Parameters
    ----------
    neurons : ndarray, shape (matchings,)
        Size of each matching.
    correlations : sequence of ndarray
        Correlations of the matched pairs of each; those at or above `threshold` are used.
    threshold : float
        One correlation in (0, 1) for all sizes.
    count : Estimate
        α of the counts above the threshold.
    gamma : float
        γ = A/N of the theory.
    """
    stored = [np.minimum(rho[rho >= threshold], 1 - 1e-9) for rho in correlations]
    if not (0.02 <= threshold < 0.98 and sum(map(len, stored)) >= FEWEST and count.freedom > 0):
        return None
    repeats = {size: int(np.sum(neurons == size)) for size in np.unique(neurons)}
    weights = np.concatenate([np.full(len(rho), 1 / repeats[size]) for size, rho in zip(neurons, stored, strict=True)])
    sample = Sample(np.concatenate(stored), weights, threshold)
    sizes = np.array(sorted(repeats))
    middle = sizes[len(sizes) // 2]
    pairs = float(np.mean([len(rho) for size, rho in zip(neurons, stored, strict=True) if size == middle]))

    free = _along_means(sample, _free, EXPONENTS[0])
    best = max(point.value for point in free)
    likeliest = max(free, key=lambda point: point.value)
    penalty = _penalty(sizes, count, pairs / _passing(likeliest, threshold), gamma)
    tied = _along_means(sample, penalty, STEEP)
    regular = _along_means(_regular(stored, sample.plain_b, weights, threshold), _free, EXPONENTS[0], MEANS[::4])
    allowed = 2 * (max(point.value for point in regular) - regular[0].value)
    deviance = np.array([2 * (best - point.value) for point in tied]) - allowed
    needs = _refined(sample, penalty, tied, deviance)
    return Attenuation(
        mean=needs.mean,
        sd=needs.sd,
        beta=needs.b,
        reconciling_means=_reconciling(deviance),
        profile=tuple(ProfilePoint(one.mean, one.b, one.sd, one.value - best) for one in free),
        plain_deviance=max(2 * (best - free[0].value) - allowed, 0.0),
        theory_deviance=max(float(deviance.min()), 0.0),
    )


class _Point(NamedTuple):
    """Penalized log-likelihood, maximized over b and the spread at one mean."""

    value: float
    b: float
    mean: float
    sd: float


def _free(log_b: float) -> float:
    """Return the penalty of a b that nothing ties to the counts."""
    return 0.0


def _regular(stored: Sequence[np.ndarray], b: float, weights: np.ndarray, threshold: float) -> Sample:
    """Return the sample of perfectly regular profiles with as many pairs."""
    ranks = np.concatenate([(np.arange(len(rho)) + 1) / (len(rho) + 0.5) for rho in stored])
    return Sample(1 - (1 - threshold) * ranks**b, weights, threshold)


def _along_means(
    sample: Sample, penalty: Callable[[float], float], least: float, means: Sequence[float] = MEANS
) -> list[_Point]:
    """Return the best fit at each mean, of which the first is 1."""
    plain: Any = optimize.minimize_scalar(
        lambda at: penalty(at) - sample.plain_log_likelihood(np.exp(at)),
        bounds=(np.log(least), np.log(EXPONENTS[1])),
        method="bounded",
    )
    points = [_Point(-float(plain.fun), float(np.exp(plain.x)), 1.0, 0.0)]
    for mean in means[1:]:
        points.append(_at_mean(sample, penalty, least, mean, points[-1]))
    return points


def _at_mean(sample: Sample, penalty: Callable[[float], float], least: float, mean: float, near: _Point) -> _Point:
    """Maximize over b and the spread at one mean, from the fit at a mean nearby."""

    def lost(at: np.ndarray) -> float:
        total = np.exp(at[1])
        return penalty(at[0]) - sample.log_likelihood(np.exp(at[0]), mean * total, (1 - mean) * total)

    total = near.mean * (1 - near.mean) / near.sd**2 - 1 if near.sd else NARROW
    bounds = np.log([(least, EXPONENTS[1]), TOTALS])
    starts = (np.clip(np.log([near.b, max(one, 1.0)]), *bounds.T) for one in {total, BROAD})  # either may be the better
    result = min(
        (optimize.minimize(lost, start, bounds=bounds, method="L-BFGS-B") for start in starts), key=lambda fit: fit.fun
    )
    sd = np.sqrt(mean * (1 - mean) / (np.exp(result.x[1]) + 1))
    return _Point(-float(result.fun), float(np.exp(result.x[0])), mean, float(sd))


def _refined(sample: Sample, penalty: Callable[[float], float], tied: list[_Point], deviance: np.ndarray) -> _Point:
    """Return the theory's best fit: at the vertex of the parabola through the best mean and its neighbours."""
    best = int(np.argmin(deviance))
    if not 0 < best < len(tied) - 1:
        return tied[best]
    around = slice(best - 1, best + 2)
    square, line, _ = np.polyfit([point.mean for point in tied[around]], deviance[around], 2)
    if not square > 0:
        return tied[best]
    result = _at_mean(sample, penalty, STEEP, float(-line / (2 * square)), tied[best])
    return max(result, tied[best], key=lambda point: point.value)


def _penalty(sizes: np.ndarray, count: Estimate, last: float, gamma: float) -> Callable[[float], float]:
    """Return minus the log-likelihood of the counted exponent, a function of log β; `last` is the middle size's r0."""
    middle, tau = sizes[len(sizes) // 2], 1e-3  # so small that the frontier is r0 itself
    last = min(max(last, 2.0), 0.9 * gamma * middle)
    grid = np.linspace(np.log(STEEP), np.log(EXPONENTS[1]), 32)
    slopes = np.array([expected_exponents(sizes, beta, tau, last, gamma)[0] for beta in np.exp(grid)])
    se, freedom = float(np.hypot(count.se, ROUNDING / 2)), count.freedom

    def penalty(log_beta: float) -> float:
        t = (count.value - np.interp(log_beta, grid, slopes)) / se
        return float((freedom + 1) / 2 * np.log1p(t**2 / freedom))

    return penalty


def _passing(point: _Point, threshold: float) -> float:
    """Return the share of features above the threshold."""
    if point.sd == 0:
        return float((1 - threshold) ** (1 / point.b))
    return float(np.exp(log_survival(np.array([threshold]), point.b, *beta_parameters(point.mean, point.sd))[0]))


def _reconciling(deviance: np.ndarray) -> tuple[float, float]:
    """Return least and greatest mean at which the deviance is at most `WITHIN`, interpolated between means."""
    means, within = np.array(MEANS), np.flatnonzero(deviance <= WITHIN)
    if not within.size:
        return np.nan, np.nan

    def crossing(inside: int, outside: int) -> float:
        if not 0 <= outside < len(means):
            return float(means[inside])
        part = (WITHIN - deviance[inside]) / (deviance[outside] - deviance[inside])
        return float(means[inside] + part * (means[outside] - means[inside]))

    return crossing(within[-1], within[-1] + 1), crossing(within[0], within[0] - 1)
