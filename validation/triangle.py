"""The triangle of exponents: three observables that the theory ties together without a free parameter.

    α   exponent of the count over N                            1/β          (Eq. 23)
    b   exponent of the profile, from correlations in rank order   β            (Eqs. 14, 62)
    p   exponent of the mean isolation of the matched pairs        (β − 1)/β    (Eq. 26)

so that whatever β, κ, τ and γ are,

    α · b = 1        and        α + p = 1

for N → ∞. At finite N the local slope of the frontier is ``(1/β) κN/(κN + n)``, so the product that the theory demands
of a given ladder is a little below 1: it is computed for the ladder's own sizes, with β = b, and that is what the data
are compared with. A profile with b < 1 lies outside the paper (β > 1); the theory with β = b then demands α = 1, and
so α·b = b.
The sum is no independent evidence by itself: mean isolation × count + tail = κN.

Statistics
----------
With rungs i and x_i = log N_i, α and p are least-squares slopes of log R_i and log⟨s⟩_i, and b is the mean of the b_i.
Residuals of (log R, log⟨s⟩) at one rung are correlated (both rest on the same pairs): their 2 × 2 covariance is
estimated and carried. b̄ is uncorrelated with both slopes, since slope weights sum to zero. All rungs use one
correlation threshold, ρ = τ/(1 + τ), the largest of their own: a count at a threshold that moves with N is not the
theory's.
Intervals are Student's t with n − 2 degrees of freedom (n − 1 for b).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from ..errors import require
from ..theory.predictions import predict_arrays
from .profiles import Profile, fit_profile, mean_profile
from .theory_fit import GAMMA, budget_at
from .verdict import signed

ROUNDING = 0.02  # how far whole counts move the exponents of a ladder of a few sizes


class TriangleStatus(StrEnum):
    """Warnings of a triangle, in words."""

    OK = "ok"
    FEW_RUNGS = "fewer than three sizes with five pairs or more: no interval, so nothing is tested"


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error, 95% interval, and the degrees of freedom behind it."""

    value: float
    se: float
    ci95: tuple[float, float]
    freedom: float

    def p_value(self, truth: float) -> float:
        """Return the two-sided p-value of the true value being `truth`."""
        if not self.freedom > 0:
            return float("nan")
        return float(2 * stats.t.sf(abs(self.value - truth) / max(self.se, 1e-300), self.freedom))


@dataclass(frozen=True)
class Triangle:
    """The three exponents of one data set, and the two demands of the theory.

    Attributes
    ----------
    count, profile, purity : Estimate
        α, b and p.
    covariance : ndarray, shape (3, 3)
        Of (α, b, p).
    product, sum : Estimate
        α · b and α + p; the theory demands 1 and 1 for N → ∞.
    expected_product, expected_sum : float
        The theory's demand at these sizes, with β = b; NaN if the theory has no such count.
    threshold : float
        Correlation that all rungs were cut at.
    neurons : ndarray, shape (rungs,)
        Sizes used.
    profiles : tuple of Profile
        One per rung.
    optimum : tuple of float, or None
        (α, b, p) of the optimal allocation at these sizes, where a source's own problem has one.
    status : TriangleStatus
        "ok", or what is wrong.
    """

    count: Estimate
    profile: Estimate
    purity: Estimate
    covariance: np.ndarray
    product: Estimate
    sum: Estimate
    expected_product: float
    expected_sum: float
    threshold: float
    neurons: np.ndarray
    profiles: tuple[Profile, ...]
    optimum: tuple[float, float, float] | None
    status: TriangleStatus

    def verdict(self) -> str:
        """Return one sentence that says which of the theory's two demands survive."""
        if self.status is not TriangleStatus.OK:
            return f"The triangle of exponents cannot be tested: {self.status}."
        limit = min(self.profile.value, 1.0)
        parts = [
            _judged("α·b", self.product, self.expected_product, limit),
            _judged("α + p", self.sum, self.expected_sum, 1.0),
        ]
        exponents = ", ".join(
            f"{symbol} = {signed(estimate.value)} ({signed(estimate.ci95[0])} to {signed(estimate.ci95[1])})"
            for symbol, estimate in (("α", self.count), ("b", self.profile), ("p", self.purity))
        )
        outside = ", and b < 1 lies outside the paper's spectra (β > 1)" if self.profile.ci95[1] < 1 else ""
        sizes, matchings = len(np.unique(self.neurons)), len(self.neurons)
        over = f"{sizes} sizes" if sizes == matchings else f"{matchings} matchings at {sizes} sizes"
        return f"With {exponents} over {over}, {parts[0]}, and {parts[1]}{outside}."


def measure_triangle(
    neurons: ArrayLike,
    correlations: Sequence[ArrayLike],
    threshold: float | None = None,
    attenuated: bool = False,
    gamma: float = GAMMA,
    shared: bool = False,
) -> Triangle:
    """Measure α, b and p of a ladder of matchings and test the demands of the theory on them.

    Parameters
    ----------
    neurons : array_like, shape (rungs,)
        Size of each rung.
    correlations : sequence of array_like
        For each rung, the correlations of its matched pairs.
    threshold : float, optional
        Least correlation of a pair, for all rungs; by default the largest of the rungs' own least correlations.
    attenuated : bool
        Whether each profile is fitted with an attenuation of its own.
    gamma : float
        γ = A/N of the theory that the ladder is compared with.
    shared : bool
        Whether matchings of one size share networks and so err together: they are then taken as one, their mean.

    Raises
    ------
    InputError
        If sizes and matchings differ in number, or a number cannot be used.
    """
    sizes = np.asarray(neurons, dtype=float)
    rule = f"must be one list of correlations per size, {len(sizes)} in all"
    require(len(sizes) == len(correlations), "correlations", len(correlations), rule)
    matched = [np.asarray(rho, dtype=float) for rho in correlations]
    if threshold is None:
        threshold = max((float(rho.min()) for rho in matched if len(rho)), default=0.0)
    profiles = [fit_profile(rho, threshold, attenuated) for rho in matched]
    if shared:
        different = np.unique(sizes)
        profiles = [mean_profile([profiles[i] for i in np.flatnonzero(sizes == size)]) for size in different]
        sizes = different
    return triangle_of(sizes, profiles, threshold, gamma)


def triangle_of(
    neurons: ArrayLike,
    fitted: Sequence[Profile],
    threshold: float,
    gamma: float = GAMMA,
    optimum: Triangle | None = None,
) -> Triangle:
    """Test profiles that were fitted already, one per size, all cut at the same correlation.

    `optimum` is the triangle of the optimal allocation at these sizes, where that is known better than from β = b.
    """
    sizes = np.asarray(neurons, dtype=float)
    some = [i for i, profile in enumerate(fitted) if np.isfinite(profile.exponent)]
    some.sort(key=lambda i: sizes[i])
    sizes, profiles = sizes[some], tuple(fitted[i] for i in some)
    n = len(sizes)
    enough = n >= 3 and len(np.unique(sizes)) >= 3
    count, profile, purity, covariance, total = _estimates(sizes, profiles, enough)
    demands = np.nan, np.nan
    if optimum is not None:
        demands = optimum.product.value, optimum.sum.value
    elif enough:
        demands = _demands(sizes, profiles, profile.value, threshold, gamma)
    return Triangle(
        count=count,
        profile=profile,
        purity=purity,
        covariance=covariance,
        product=_product(count, profile),
        sum=total,
        expected_product=demands[0],
        expected_sum=demands[1],
        threshold=float(threshold),
        neurons=sizes,
        profiles=profiles,
        optimum=optimum and (optimum.count.value, optimum.profile.value, optimum.purity.value),
        status=TriangleStatus.OK if enough else TriangleStatus.FEW_RUNGS,
    )


def expected_exponents(
    sizes: np.ndarray, beta: float, tau: float, middle_count: float, gamma: float = GAMMA, theta: float = 1.0
) -> tuple[float, float]:
    """Return α and p that least squares would find on the theory's own counts and mean isolations at these sizes.

    The budget is ``κ N^θ``, with κ such that the middle size has `middle_count`.
    """
    middle = sizes[len(sizes) // 2]
    kappa = np.exp(budget_at(float(middle), middle_count, beta, tau, gamma)) * (1 + tau)
    budgets = kappa * (sizes / middle) ** (theta - 1)
    values = {"neurons": sizes, "beta": beta, "kappa": budgets, "tau": tau, "gamma": gamma}
    theory = predict_arrays({name: np.asarray(value, dtype=float) for name, value in values.items()}, continuum=False)
    rows = np.log(np.stack([theory["r_tau"] - 0.5, theory["mean_isolation"]], axis=1))
    x = np.log(sizes)
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    alpha, p = weights @ rows
    return float(alpha), float(p)


def _estimates(sizes: np.ndarray, profiles: Sequence[Profile], enough: bool):
    if not enough:
        nothing = Estimate(np.nan, np.nan, (np.nan, np.nan), 0)
        return nothing, nothing, nothing, np.full((3, 3), np.nan), nothing
    n = len(sizes)
    x = np.log(sizes)
    y = np.log([[profile.pairs, profile.mean_isolation] for profile in profiles])
    b = np.array([profile.exponent for profile in profiles])
    centred = x - x.mean()
    slopes = centred @ y / (centred @ centred)
    residuals = y - y.mean(axis=0) - np.outer(centred, slopes)
    slope_covariance = residuals.T @ residuals / (n - 2) / (centred @ centred)
    covariance = np.zeros((3, 3))
    covariance[np.ix_([0, 2], [0, 2])] = slope_covariance
    covariance[1, 1] = np.var(b, ddof=1) / n
    count, purity = (estimate(slopes[i], slope_covariance[i, i], n - 2) for i in (0, 1))
    total = estimate(slopes.sum(), slope_covariance.sum(), n - 2)
    return count, estimate(b.mean(), covariance[1, 1], n - 1), purity, covariance, total


def estimate(value: float, variance: float, freedom: float) -> Estimate:
    """Return an `Estimate` with Student's interval."""
    se = float(np.sqrt(max(variance, 0.0)))
    half = (float(stats.t.ppf(0.975, freedom)) if freedom > 0 else np.nan) * se
    return Estimate(float(value), se, (float(value - half), float(value + half)), freedom)


def _product(alpha: Estimate, b: Estimate) -> Estimate:
    """Return α·b for independent α and b: the delta method with Welch and Satterthwaite's degrees of freedom."""
    parts = np.array([(b.value * alpha.se) ** 2, (alpha.value * b.se) ** 2])
    variance = float(parts.sum())
    if not np.isfinite(variance):
        return Estimate(np.nan, np.nan, (np.nan, np.nan), 0)
    freedoms = np.array([alpha.freedom, b.freedom])
    freedom = variance**2 / float(np.sum(parts**2 / freedoms)) if variance > 0 else float(freedoms.min())
    return estimate(alpha.value * b.value, variance, freedom)


def _demands(sizes, profiles, b: float, threshold: float, gamma: float) -> tuple[float, float]:
    """Return α·b and α + p of the theory with β = b, τ from the threshold, and κ from the middle rung's count."""
    if not (0.05 < b < 20 and 0 < threshold < 1):
        return np.nan, np.nan
    alpha, p = expected_exponents(sizes, b, threshold / (1 - threshold), profiles[len(sizes) // 2].pairs, gamma)
    return alpha * b, alpha + p


def contradicted(measured: Estimate, expected: float) -> bool:
    """Return whether the interval leaves out the theory's demand, whole counts' rounding allowed for."""
    demanded = expected if np.isfinite(expected) else 1.0
    return not measured.ci95[0] - ROUNDING <= demanded <= measured.ci95[1] + ROUNDING


def _agrees(measured: Estimate, expected: float) -> str:
    """Say how interval and demand go together."""
    if contradicted(measured, expected):
        return "contradicts"
    if measured.ci95[0] <= (expected if np.isfinite(expected) else 1.0) <= measured.ci95[1]:
        return "agrees with"
    return f"agrees, within the {ROUNDING:g} by which whole counts move it, with"


def _judged(name: str, measured: Estimate, expected: float, limit: float) -> str:
    interval = f"{signed(measured.value)} (95% interval {signed(measured.ci95[0])} to {signed(measured.ci95[1])})"
    demanded = f"{expected:.2f} at these sizes ({limit:.2g} for N → ∞)" if np.isfinite(expected) else f"{limit:.2g}"
    return f"{name} = {interval} {_agrees(measured, expected)} the theory's {demanded}"
