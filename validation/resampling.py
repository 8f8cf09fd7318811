"""Dependence of a fit on its points: bootstrap, leaving out one size, and tests of the residuals.

Bootstrap
---------
Residuals are drawn with replacement, scaled by √(n/(n−2)) to undo the fit's shrinkage, and added to the fitted line;
the percentile interval of the refitted exponents is reported. With three or four sizes a bootstrap sees only those few
residuals and is too narrow: t is the interval to quote, and the test suite measures by how much.

Residual checks
---------------
A curvature t-test (a quadratic term in log N) and a split of the sizes (is the largest out of line?) are the two ways
in which a handful of points can contradict a straight line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from .counts import Counts
from .power_law import PowerLawFit, fit_clean


@dataclass(frozen=True)
class ResidualChecks:
    """Tests of a straight line in log-log.

    Attributes
    ----------
    curvature : float
        Coefficient of (log N)², positive if the slope rises; NaN with fewer than four sizes.
    curvature_p : float
        Two-sided p-value of that coefficient being 0.
    largest_z : float
        Deviation of the largest size from the line through the others, in prediction standard errors.
    largest_p : float
        Its two-sided p-value (Student's t); NaN with fewer than four counts.
    """

    curvature: float
    curvature_p: float
    largest_z: float
    largest_p: float


def bootstrap_exponent(fit: PowerLawFit, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Return the 95% percentile interval of the exponent over residual bootstraps."""
    if fit.n < 3:
        return np.nan, np.nan
    x = np.log(fit.data.neurons)
    slope_weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    errors = np.random.default_rng(seed).choice(fit.residuals, size=(draws, fit.n)) * np.sqrt(fit.n / (fit.n - 2))
    lower, upper = np.quantile(fit.exponent + errors @ slope_weights, [0.025, 0.975])
    return float(lower), float(upper)


def leave_one_size_out(data: Counts) -> dict[float, float]:
    """Return, for each size left out, the exponent of the others (empty with fewer than three sizes)."""
    if data.sizes < 3:
        return {}
    return {float(size): fit_clean(data.without(size)).exponent for size in np.unique(data.neurons)}


def check_residuals(data: Counts) -> ResidualChecks:
    """Test a straight line in log-log for curvature, and for a largest size that is out of line."""
    x, y = np.log(data.neurons), np.log(data.counts)
    curvature = curvature_p = largest_z = largest_p = np.nan
    if data.sizes >= 4:
        design = np.vander(x - x.mean(), 3)
        coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
        freedom = len(y) - 3
        variance = np.sum((y - design @ coefficients) ** 2) / freedom * np.linalg.inv(design.T @ design)[0, 0]
        curvature = float(coefficients[0])
        curvature_p = float(2 * stats.t.sf(abs(curvature) / np.sqrt(max(variance, 1e-300)), freedom))
        largest = data.neurons[-1]
        rest = fit_clean(data.without(largest))
        measured = y[data.neurons == largest]
        residual = float(np.mean(measured)) - float(np.log(rest.predict(largest)))
        lower, upper = rest.band(largest, new_counts=len(measured))
        unit = float(np.log(upper / lower)) / 2 / float(stats.t.ppf(0.975, rest.n - 2))
        largest_z = residual / max(unit, 1e-300)
        largest_p = float(2 * stats.t.sf(abs(largest_z), rest.n - 2))
    return ResidualChecks(curvature, curvature_p, largest_z, largest_p)
