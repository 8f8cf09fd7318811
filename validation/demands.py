"""Estimates of exponents, and the theory's demands on the exponents of a ladder of given sizes.

At finite N the local slope of the frontier is ``(1/β) κN/(κN + n)``, so the exponents that least squares finds on the
theory's own counts are a little below their limits. They are computed for the ladder's own sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contents import ByContent
from ..lazy import deferred
from ..theory.predictions import predict_arrays
from .inputs import number
from .theory_search import GAMMA, budget_at

stats = deferred("scipy.stats")  # half a second

ROUNDING = 0.02  # how far whole counts move the exponents of a ladder of a few sizes


@dataclass(frozen=True, eq=False)
class Estimate(ByContent):
    """A number with its standard error, 95% interval, and the degrees of freedom behind it."""

    value: float
    se: float
    ci95: tuple[float, float]
    freedom: float

    def p_value(self, truth: float) -> float:
        """Return the two-sided p-value of the true value being `truth`."""
        truth = number("truth", truth, np.isfinite, "must be a finite number", "estimate.p_value(1.0)")
        if not self.freedom > 0:
            return float("nan")
        return float(2 * stats.t.sf(abs(self.value - truth) / max(self.se, 1e-300), self.freedom))


def estimate(value: float, variance: float, freedom: float) -> Estimate:
    """Return an `Estimate` with Student's interval."""
    se = float(np.sqrt(max(variance, 0.0)))
    half = (float(stats.t.ppf(0.975, freedom)) if freedom > 0 else np.nan) * se
    return Estimate(float(value), se, (float(value - half), float(value + half)), freedom)


def expected_exponents(
    sizes: np.ndarray, beta: float, tau: float, middle_count: float, gamma: float = GAMMA, theta: float = 1.0
) -> tuple[float, float]:
    """Return α and p that least squares would find on the theory's own counts and mean isolations at these sizes.

    The budget is ``κ N^θ``, with κ such that the middle size has `middle_count`.
    """
    middle = sizes[len(sizes) // 2]
    kappa = np.exp(budget_at(float(middle), middle_count, beta, tau, gamma)) * (1 + tau)
    budgets = kappa * (sizes / middle) ** (theta - 1)
    given = {"neurons": sizes, "beta": beta, "kappa": budgets, "tau": tau, "gamma": gamma}
    theory = predict_arrays({name: np.asarray(value, dtype=float) for name, value in given.items()}, continuum=False)
    rows = np.log(np.stack([theory["r_tau"] - 0.5, theory["mean_isolation"]], axis=1))
    x = np.log(sizes)
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    alpha, p = weights @ rows
    return float(alpha), float(p)
