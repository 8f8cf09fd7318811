"""The theory with one more parameter: a budget that grows as κ N^θ, fitted where the plain theory (θ = 1) is rejected.

With ``Σ s_r = κ N^θ`` instead of κN, every N of the allocation becomes N^θ (up to κ), while A = γN stays:

    regime        count α      profile b     mean isolation p
    β > 1         θ/β          β             θ (β − 1)/β
    β < 1         θ            β             0

and the sum rule ``α + p = θ`` holds in both. In the second regime the sum ``Σ r^−β`` diverges: ``κN^θ ≈ (β/(1−β)) r0``,
so that the frontier follows the budget itself. It needs r0 < A: at θ = 1 and β < 1 either κ is small or all features
are active, and the count is a constant share of N.

Three exponents, two parameters: one degree of freedom tests the extension, none of its numbers being tuned to it.
(α, b, p) are fitted by generalised least squares with their measured covariance (and `ROUNDING` of whole counts); the
statistic is referred to F with the freedom ν of the slopes, as the covariance is itself estimated from few rungs. θ = 1
leaves two degrees of freedom, and by Hotelling's law ``(ν − 1)/2ν`` of its statistic is F(2, ν − 1): three sizes cannot
test it. In normal slopes of 4, 6 and 8 sizes it rejects a true θ = 1 in 0.4 to 4.5% at its 5%. What finite size
adds to α and p is computed from the exact allocation at the estimate, and iterated. Where a source has an optimum of
its own (toy networks, whose features differ in cost), what is added is by how much its α and p differ from those of
its b for N → ∞, times θ: a budget κN^θ runs through the same allocations as κN does, at N^θ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contents import ByContent
from ..errors import require
from ..lazy import deferred
from ..theory.parameters import positive
from .demands import ROUNDING, Estimate, estimate, expected_exponents
from .inputs import number
from .theory_search import GAMMA
from .triangle import Triangle, TriangleStatus
from .verdict import signed

optimize = deferred("scipy.optimize")
stats = deferred("scipy.stats")  # half a second

FINITE_TURNS = 5  # the finite-size part settles to well below `ROUNDING` in three


@dataclass(frozen=True, eq=False)
class Extension(ByContent):
    """The extended theory fitted to one triangle.

    Attributes
    ----------
    theta, beta : Estimate
        Budget exponent θ and spectrum exponent β.
    misfit_p : float
        p-value of the extension itself: small means that no (β, θ) gives these three exponents.
    plain_p : float
        p-value of θ = 1 with β free: small means that the paper's theory is rejected; NaN with three sizes.
    expected : tuple of float
        (α, b, p) at the estimate.
    unattenuated : bool
        Whether the exponents rest on correlations, which are taken as unattenuated.
    """

    theta: Estimate
    beta: Estimate
    misfit_p: float
    plain_p: float
    expected: tuple[float, float, float]
    unattenuated: bool = False

    def verdict(self) -> str:
        """Return the judgement of both budgets, a sentence each."""
        if not np.isfinite(self.theta.value):
            return "The budget's exponent cannot be estimated from fewer than three sizes."
        low, high = map(signed, self.theta.ci95)
        theta = f"θ = {signed(self.theta.value)} (95% interval {low} to {high})"
        plain = f"{'rejected' if self.plain_p < 0.05 else 'not rejected'} (p = {self.plain_p:.2g})"
        if np.isnan(self.plain_p):
            plain = "not tested with three sizes"
        either = " either" if self.plain_p < 0.05 else ""
        fits = f"does not fit{either}" if self.misfit_p < 0.05 else "is compatible with all three exponents"
        whose = " with unattenuated correlations" if self.unattenuated else ""
        return (
            f"A budget proportional to N{whose} is {plain}. A budget κN^θ with {theta} and "
            f"β = {self.beta.value:.2f} {fits} (p = {self.misfit_p:.2g})."
        )


def exponents(beta: float, theta: float) -> np.ndarray:
    """Return (α, b, p) of the extended theory for N → ∞."""
    if beta >= 1:
        return np.array([theta / beta, beta, theta * (beta - 1) / beta])
    return np.array([theta, beta, 0.0])


def fit_extension(triangle: Triangle, gamma: float = GAMMA) -> Extension:
    """Fit β and θ to the three exponents of a triangle.

    Raises
    ------
    InputError
        If it is none, or γ is not a positive number.
    """
    example = "fit_extension(measure_triangle(neurons, correlations))"
    require(isinstance(triangle, Triangle), "triangle", triangle, "must be a result of measure_triangle", example)
    gamma = number("gamma", gamma, positive, "must be a number greater than 0, such as 4", "gamma=4")
    if triangle.status is not TriangleStatus.OK:
        nothing = Estimate(np.nan, np.nan, (np.nan, np.nan), 0)
        return Extension(
            theta=nothing, beta=nothing, misfit_p=np.nan, plain_p=np.nan, expected=(np.nan, np.nan, np.nan)
        )
    measured = np.array([triangle.count.value, triangle.profile.value, triangle.purity.value])
    rounding = np.diag([ROUNDING, ROUNDING * measured[1], ROUNDING]) / 2
    whitener = np.linalg.inv(np.linalg.cholesky(triangle.covariance + rounding**2))
    beta, theta, misfit, jacobian, finite = _least(triangle, whitener, measured, gamma, plain=False)
    *_, plain, _, _ = _least(triangle, whitener, measured, gamma, plain=True)
    covariance = np.linalg.pinv(jacobian.T @ jacobian)
    freedom = triangle.count.freedom
    fewer = max(freedom - 1, 1)  # as in Hotelling's T²: a second slope was estimated with the covariance
    return Extension(
        theta=estimate(theta, covariance[1, 1], fewer),
        beta=estimate(beta, covariance[0, 0], fewer),
        misfit_p=float(stats.f.sf(misfit, 1, freedom)),
        plain_p=float(stats.f.sf(plain * fewer / (2 * freedom), 2, fewer)) if freedom > 1 else np.nan,
        expected=tuple((exponents(beta, theta) + finite).tolist()),
        unattenuated=triangle.matched is not None,
    )


def _least(triangle: Triangle, whitener: np.ndarray, measured: np.ndarray, gamma: float, plain: bool):
    """Return β, θ, the least squares, its Jacobian and the finite-size part; θ stays 1 if `plain`."""
    thetas = (1 - 1e-9, 1 + 1e-9) if plain else (0.01, 5.0)
    bounds = ([0.01, thetas[0]], [20.0, thetas[1]])
    betas = (0.5, 0.95, 1.3, 2.0, float(np.clip(measured[1], 0.02, 19)))  # both regimes, and the profile's own
    starts = [(beta, theta) for beta in betas for theta in ((1.0,) if plain else (1.0, 0.6))]

    def searched(finite: np.ndarray, starts: list[tuple[float, float]]):
        """Return the least squares from every start, the best first."""

        def residuals(parameters: np.ndarray) -> np.ndarray:
            return whitener @ (measured - finite - exponents(*parameters))

        fits = [optimize.least_squares(residuals, at, bounds=bounds) for at in starts]
        return sorted(fits, key=lambda fit: fit.cost)

    fits, finite = searched(np.zeros(3), starts), np.zeros(3)
    for turn in range(FINITE_TURNS):
        beta, theta = fits[0].x
        part = _finite_part(triangle, beta, theta, gamma)
        finite = part if turn == 0 else (finite + part) / 2  # halved steps settle where whole ranks jump
        fits = searched(finite, _further(fits, starts))
    fit = fits[0]
    return float(fit.x[0]), float(fit.x[1]), float(2 * fit.cost), fit.jac, finite


def _further(fits: list[Any], starts: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return starts near the last turn's best fit of each regime, β < 1 and β ≥ 1; all of a regime without a fit."""
    best = {bool(fit.x[0] >= 1): tuple(fit.x.tolist()) for fit in reversed(fits)}
    return [*best.values(), *(at for at in starts if bool(at[0] >= 1) not in best)]


def _finite_part(triangle: Triangle, beta: float, theta: float, gamma: float) -> np.ndarray:
    """Return the part of finite size in (α, b, p) at the sizes and middle count of a triangle."""
    if triangle.optimum is not None:
        own = np.array(triangle.optimum)
        return theta * (own - exponents(own[1], 1.0)) * [1, 0, 1]
    tau = triangle.threshold / (1 - triangle.threshold)
    middle = triangle.profiles[len(triangle.neurons) // 2].pairs
    alpha, p = expected_exponents(triangle.neurons, beta, tau, middle, gamma, theta)
    limit = exponents(beta, theta)
    return np.array([alpha - limit[0], 0.0, p - limit[2]])
