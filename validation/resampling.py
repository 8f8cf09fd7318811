"""Dependence of a fit on its points: bootstrap, leaving out one size, and tests of the residuals.

Bootstrap
---------
Residuals are drawn with replacement, scaled by √(n/(n−2)) to undo the fit's shrinkage, and added to the fitted line;
the percentile interval of the refitted exponents is reported. With three or four sizes a bootstrap sees only those few
residuals and is too narrow: t is the interval to quote, and the test suite measures by how much.

Residual checks
---------------
A handful of points can contradict a straight line in three ways: by curvature (a t-test of a quadratic term in log N),
by a largest size that is an outlier, and by any one size that is. Each size is left out and predicted
from the rest; its deviation over the prediction's standard error is Student's t with n − 3 degrees of freedom if errors
are normal. Of m sizes the farthest has a p-value below 5%/m in at most 5% of ladders (Bonferroni): the null
distribution of the most influential size. Small counts may scatter more than large ones, so two laws of scatter are
asked, one variance of all logarithms and one that falls as 1/count (there the deviation is that of square roots, of
which small counts have no long tail), and a size is an outlier if it is one under both. Whole counts' rounding is part
of the prediction's error. In ladders of 4 to 12 sizes without an outlier a size is named in at most 5%
(`tests/validation/test_likelihoods.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contents import ByContent
from .counts import Counts
from .distributions import student_tail
from .power_law import PowerLawFit, fit_clean
from .rounding import ROUNDING, whole

SIGNIFICANT = 0.05


@dataclass(frozen=True, eq=False)
class ResidualChecks(ByContent):
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
    outlier : float
        Size that lies farthest from the line through the others, in its p-value; NaN with fewer than four sizes.
    outlier_factor : float
        Its count over that expected from the others (of geometric means, if repeated).
    outlier_p : float
        p-value of the farthest of all sizes lying so far, times their number, at most 1.
    """

    curvature: float
    curvature_p: float
    largest_z: float
    largest_p: float
    outlier: float = np.nan
    outlier_factor: float = np.nan
    outlier_p: float = np.nan

    @property
    def out_of_line(self) -> bool:
        """True where one size contradicts the line through the others at 5%."""
        return bool(self.outlier_p < SIGNIFICANT)


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
    """Test a straight line in log-log for curvature, and for a size that is an outlier."""
    x, y = np.log(data.neurons), np.log(data.counts)
    curvature = curvature_p = largest_z = largest_p = np.nan
    if data.sizes >= 4:
        design = np.vander(x - x.mean(), 3)
        coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
        freedom = len(y) - 3
        variance = np.sum((y - design @ coefficients) ** 2) / freedom * np.linalg.inv(design.T @ design)[0, 0]
        curvature = float(coefficients[0])
        curvature_p = 2 * student_tail(freedom, curvature / float(np.sqrt(max(variance, 1e-300))))
        sizes = np.unique(data.neurons)
        largest_z, largest_p = _deviation(
            data, sizes[-1], fit_clean(data.without(sizes[-1])), weighted=False, rounded=False
        )[1:]
        apart = {float(size): _apart(data, size) for size in sizes}
        outlier = min(apart, key=lambda size: apart[size][1])
        factor, p = apart[outlier]
        return ResidualChecks(
            curvature=curvature,
            curvature_p=curvature_p,
            largest_z=largest_z,
            largest_p=largest_p,
            outlier=outlier,
            outlier_factor=factor,
            outlier_p=min(p * len(sizes), 1.0),
        )
    return ResidualChecks(curvature, curvature_p, largest_z, largest_p)


def _apart(data: Counts, size: float) -> tuple[float, float]:
    """Return a size's count over that expected from the others, and its larger p-value of the two laws."""
    rest = fit_clean(data.without(size))
    laws = [_deviation(data, size, rest, weighted, rounded=True) for weighted in (False, True)]
    return laws[0][0], max(p for _, _, p in laws)


def _deviation(
    data: Counts, size: float, rest: PowerLawFit, weighted: bool, rounded: bool
) -> tuple[float, float, float]:
    """Return a size's count over that expected from the others, its deviation in standard errors, and the p-value.

    Parameters
    ----------
    data : Counts
        All counts.
    size : float
        The size to be predicted.
    rest : PowerLawFit
        The line through the other sizes.
    weighted : bool
        Whether the variance of a log count falls as 1/count.
    rounded : bool
        Whether the rounding of the predicted whole count is part of its error.
    """
    measured = np.log(data.counts[data.neurons == size])
    weights = rest.predict(rest.data.neurons) if weighted else np.ones(rest.n)
    weight = float(rest.predict(size)) if weighted else 1.0
    design = np.stack([np.ones(rest.n), np.log(rest.data.neurons)], axis=1)
    inverse = np.linalg.inv(design.T @ (weights[:, None] * design))
    coefficients = inverse @ design.T @ (weights * np.log(rest.data.counts))
    left = np.log(rest.data.counts) - design @ coefficients
    variance = float(np.sum(weights * left**2)) / (rest.n - 2)
    if rounded and whole(data.counts):
        variance = max(variance, float(np.mean(weights * ROUNDING / rest.data.counts**2)))
    elif not weighted:
        variance = rest.variance
    at = np.array([1.0, np.log(size)])
    error = variance * (1 / (weight * len(measured)) + at @ inverse @ at)
    if rounded and whole(data.counts):
        error += ROUNDING * float(np.exp(-2 * (at @ coefficients)))
    residual = factor = float(np.mean(measured) - at @ coefficients)
    if weighted:
        residual = 2 * float(np.expm1(residual / 2))
    z = residual / max(float(np.sqrt(error)), 1e-300)
    return float(np.exp(factor)), z, 2 * student_tail(rest.n - 2, z)
