"""The triangle of exponents: three observables that the theory ties together without a free parameter.

    α   exponent of the count over N                            1/β          (Eq. 23)
    b   exponent of the profile, from correlations in rank order   β            (Eqs. 14, 62)
    p   exponent of the mean isolation of the matched pairs        (β − 1)/β    (Eq. 26)

so that whatever β, κ, τ and γ are,

    α · b = 1        and        α + p = 1

for N → ∞. At finite N the demand is a little below 1 and is computed for the ladder's own sizes, with β = b
(`rosettalaw.validation.demands`). A profile with b < 1 lies outside the paper (β > 1); the theory with β = b then
demands α = 1, and so α·b = b.
The sum is no independent evidence by itself: mean isolation × count + tail = κN.

b and p rest on correlations that are isolation itself. Attenuation that differs between features flattens the profile
of a theory that is exactly true: then α·b < 1 contradicts the theory *with unattenuated correlations*, no more. The
test that no attenuation can fool, if it does not depend on N, is that of the shares of strong pairs
(`rosettalaw.validation.attenuation.share`).

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
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..contents import ByContent
from ..errors import require
from ..lazy import deferred
from ..theory.parameters import positive
from .attenuation.fit import Attenuation, fit_attenuation
from .attenuation.share import Share, default_levels, fit_shares
from .counts import CALLS, RULES, usable
from .demands import ROUNDING, Estimate, estimate, expected_exponents
from .inputs import correlations_of, number, numbers, require_all
from .profiles import Profile, fit_profile, mean_profile
from .theory_search import GAMMA
from .triangle_words import sentence

stats = deferred("scipy.stats")  # half a second


class TriangleStatus(StrEnum):
    """Warnings of a triangle, in words."""

    OK = "ok"
    FEW_RUNGS = "fewer than three sizes with at least five pairs: no interval, so nothing is tested"


@dataclass(frozen=True, eq=False)
class Matched(ByContent):
    """Correlations that a triangle was measured on: one list a matching, and the size, γ and levels of the tests.

    Attributes
    ----------
    neurons : ndarray, shape (matchings,)
        Size of each matching.
    correlations : tuple of ndarray
        Correlations at or above the threshold.
    gamma : float
        γ = A/N of the theory.
    levels : tuple of (ρ1, ρ2), or None
        Correlations of the shares that are tested; None for those that the threshold gives.
    """

    neurons: np.ndarray
    correlations: tuple[np.ndarray, ...]
    gamma: float = GAMMA
    levels: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True, eq=False)
class Triangle(ByContent):
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
    matched : Matched or None
        Correlations behind it, from which attenuation and shares are fitted on first use.
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
    matched: Matched | None = field(default=None, repr=False)

    @cached_property
    def attenuation(self) -> Attenuation | None:
        """The distribution of attenuations fitted to the correlations; None without them, or with too few."""
        if self.matched is None or self.status is not TriangleStatus.OK:
            return None
        one = self.matched
        return fit_attenuation(one.neurons, one.correlations, self.threshold, self.count, one.gamma)

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        """The shares of strong pairs over network size: the test that no attenuation can fool."""
        if self.matched is None or self.status is not TriangleStatus.OK:
            return ()
        levels = default_levels(self.threshold) if self.matched.levels is None else self.matched.levels
        return fit_shares(self.matched.neurons, self.matched.correlations, levels)

    @property
    def steep_p(self) -> float:
        """p-value, among the family of `shares`, of a profile that is steeper than the theory with any attenuation."""
        if not (np.isfinite(self.expected_product) and self.product.freedom > 0):
            return np.nan
        t = (self.product.value - self.expected_product - ROUNDING) / max(self.product.se, 1e-300)
        return min(float(stats.t.sf(t, self.product.freedom)) * (len(self.shares) + 1), 1.0)

    @property
    def theory_contradicted(self) -> bool:
        """True where the theory fails under any attenuation that does not depend on N (family-wise error 5%)."""
        tested = [share.p for share in self.shares] + ([self.steep_p] if self.matched is not None else [])
        return any(p < 0.05 for p in tested)

    @property
    def unattenuated_contradicted(self) -> bool:
        """True where one of the two demands of the theory with unattenuated correlations fails."""
        demands = (self.product, self.expected_product), (self.sum, self.expected_sum)
        return self.status is TriangleStatus.OK and any(contradicted(one, demand) for one, demand in demands)

    def verdict(self) -> str:
        """Return the sentences on the parts of the theory that survive: under any attenuation, then under none."""
        return sentence(self)

    def record(self) -> dict[str, Any]:
        """Return the answer as plain values; NaN where nothing can be said."""
        names = ("mean", "sd", "smallest_reconciling_mean", "profile_likelihood")
        nothing = dict.fromkeys(names, np.nan) | {"profile_likelihood": []}
        fitted = nothing if self.attenuation is None else self.attenuation.record()
        shown = ("low", "high", "exponent", "exponent_ci95", "p")
        return {
            "alpha": self.count.value,
            "profile": self.profile.value,
            "purity": self.purity.value,
            "product": self.product.value,
            "product_ci95": list(self.product.ci95),
            "expected_product": self.expected_product,
            "share": [{name: share.record()[name] for name in shown} for share in self.shares],
            "attenuation": {name: fitted[name] for name in names},
            "verdict": self.verdict(),
            "status": str(self.status),
        }


@checked(
    "measure_triangle([256, 512, 1024], [rho_256, rho_512, rho_1024], threshold=0.3)",
    "threshold",
    "attenuated",
    "shared",
)
def measure_triangle(
    neurons: ArrayLike,
    correlations: Sequence[ArrayLike],
    threshold: float | None = None,
    attenuated: bool = False,
    gamma: float = GAMMA,
    shared: bool = False,
    levels: Sequence[tuple[float, float]] | None = None,
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
        Whether each profile is fitted with one common attenuation, which cannot be below its largest correlation;
        `Triangle.attenuation` fits one that differs between features, from correlations that are taken as they are.
    gamma : float
        γ = A/N of the theory that the ladder is compared with.
    shared : bool
        Whether matchings of one size share networks and so err together: they are then taken as one, their mean.
    levels : sequence of (ρ1, ρ2), optional
        Correlations of the shares that are tested, chosen beforehand; by default `default_levels` of the threshold.

    Raises
    ------
    InputError
        If sizes and matchings differ in number, or a number cannot be used.
    """
    sizes = numbers("neurons", neurons, CALLS["neurons"])
    require(np.ndim(neurons) == 1, "neurons", neurons, "must be a list of sizes", CALLS["neurons"])
    require_all(usable("neurons", sizes), "neurons", neurons, RULES["neurons"], CALLS["neurons"])
    rule = "must be numbers between -1 and 1"
    matched = correlations_of(sizes, correlations, lambda rho: np.abs(rho) <= 1 + 1e-6, rule)
    if threshold is None:
        threshold = max((float(rho.min()) for rho in matched if len(rho)), default=0.0)
    gamma = number("gamma", gamma, positive, "must be a number greater than 0, such as 4", "gamma=4")
    chosen = None if levels is None else _chosen(levels)
    behind = Matched(sizes, tuple(rho[rho >= threshold] for rho in matched), gamma, chosen)
    profiles = [fit_profile(rho, threshold, attenuated) for rho in matched]
    if shared:
        different = np.unique(sizes)
        profiles = [mean_profile([profiles[i] for i in np.flatnonzero(sizes == size)]) for size in different]
        sizes = different
    return replace(triangle_of(sizes, profiles, threshold, gamma), matched=None if attenuated else behind)


def _chosen(levels: Any) -> tuple[tuple[float, float], ...]:
    rule, example = "must be pairs of correlations, the lower first", "levels=[(0.5, 0.7), (0.6, 0.8)]"
    pairs = numbers("levels", levels, example)
    require(pairs.ndim == 2 and pairs.shape[1:] == (2,), "levels", levels, rule, example)
    return tuple((low, high) for low, high in pairs.tolist())


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
