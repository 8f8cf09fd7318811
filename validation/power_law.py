"""The power law of counts, fitted as the paper does (section 4.1).

Model
-----
    R = c N^α        log R_i = log c + α log N_i + ε_i,   ε_i independent, equal variance σ²

Ordinary least squares on the logarithms. The interval of α is Student's t with n − 2 degrees of freedom, exact for
normal ε; σ² is estimated from the same few points, which is why three sizes give intervals of ± 12.7 standard errors.
R² is that of the logarithms. Whole counts are rounded, which a few may hide by lying close to a line: σ² is not taken
below what makes the interval of α reach as far as `rosettalaw.validation.rounding` says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import is_list, is_number
from ..contents import ByContent
from ..errors import require
from .counts import Counts, clean
from .distributions import chi_square_tail, student_quantile
from .inputs import network_sizes, number, whole_number
from .rounding import reach, slope_variance, whole

CALL = "fit_power_law([128, 256, 512], [21, 33, 48])"
LEVEL = 0.95
SCATTER = 0.25  # of a log count: a factor of 1.3 from size to size
BEYOND_CHANCE = 1e-3  # p-value of scatter being Poisson's


class PowerLawStatus(StrEnum):
    """Warnings of a fit of the power law, in words."""

    OK = "ok"
    TWO_SIZES = "two sizes only: a line passes through any two, so its form is not tested"
    SCATTERED = "ok, but the counts scatter about the line far more than expected by chance"
    NO_SCATTER = "all counts are equal: R² is undefined"


@dataclass(frozen=True, eq=False)
class PowerLawFit(ByContent):
    """A fitted power law ``R = prefactor · N^exponent``.

    Attributes
    ----------
    exponent, prefactor : float
        α and c.
    exponent_ci95 : tuple of float
        95% interval of α; (NaN, NaN) with no residual degree of freedom.
    exponent_se : float
        Standard error of α.
    r2 : float
        Explained share of the variance of log R; NaN if all counts are equal.
    residuals : ndarray, shape (n,)
        ``log R − log(c N^α)``, in order of size.
    n : int
        Counts fitted.
    variance : float
        σ² of one log count, not below what rounding leaves; NaN with no residual degree of freedom.
    covariance : ndarray, shape (2, 2)
        Of (log c, α).
    excess_scatter : float
        Root mean square of the residuals, in units of the stated errors of the logarithms (about 1 if the line holds
        and the errors are all there is); NaN if none were stated.
    data : Counts
        What was fitted.
    status : PowerLawStatus
        "ok", or what is wrong.
    """

    exponent: float
    exponent_ci95: tuple[float, float]
    exponent_se: float
    prefactor: float
    r2: float
    residuals: np.ndarray
    n: int
    variance: float
    covariance: np.ndarray
    excess_scatter: float
    data: Counts
    status: PowerLawStatus

    def predict(self, neurons: ArrayLike) -> np.ndarray:
        """Return ``c N^α``."""
        return self.prefactor * network_sizes(neurons, f"{CALL}.predict([1024])") ** self.exponent

    def with_exponent(self, exponent: float, se: float, interval: tuple[float, float]) -> PowerLawFit:
        """Return the line of another estimate of the exponent, through the same mean of the logarithms."""
        call = f"{CALL}.with_exponent(0.6, 0.02, (0.55, 0.65))"
        exponent = number("exponent", exponent, np.isfinite, "must be a finite number", call)
        se = number("se", se, lambda se: not se < 0, "must be at least 0, or NaN", call)
        good = is_list(interval) and len(interval) == 2 and all(map(is_number, interval))
        require(good, "interval", interval, "must be two numbers, NaN if unknown", call)
        x, y = np.log(self.data.neurons), np.log(self.data.counts)
        log_c = float(np.mean(y - exponent * x))
        return replace(
            self,
            exponent=exponent,
            exponent_ci95=interval,
            exponent_se=se,
            prefactor=float(np.exp(log_c)),
            residuals=y - log_c - exponent * x,
        )

    def band(self, neurons: ArrayLike, new_counts: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return the pointwise 95% band of the line, or of the geometric mean of `new_counts` more counts at a size."""
        x = np.log(network_sizes(neurons, f"{CALL}.band([1024])"))
        new_counts = whole_number("new_counts", new_counts, 0, f"{CALL}.band([1024])")
        design = np.stack([np.ones_like(x), x], axis=-1)
        variance = np.einsum("...i,ij,...j->...", design, self.covariance, design)
        if new_counts:
            variance = variance + self.variance / new_counts
        half = student(self.n - 2) * np.sqrt(variance)
        return self.predict(neurons) * np.exp(-half), self.predict(neurons) * np.exp(half)


def fit_power_law(neurons: ArrayLike, counts: ArrayLike, count_sd: ArrayLike | None = None) -> PowerLawFit:
    """Fit ``R = c N^α`` by least squares on the logarithms.

    Parameters
    ----------
    neurons : array_like, shape (n,)
        Neurons of one network, N.
    counts : array_like, shape (n,)
        Rosetta counts R; zeros are left out (see `rosettalaw.validation.counts`).
    count_sd : array_like, shape (n,), optional
        Standard deviations of the counts. They do not weight this fit (the paper's has none;
        `rosettalaw.validation.likelihoods` has those that do): they say whether the scatter exceeds them.

    Raises
    ------
    InputError
        If a number cannot be used, or fewer than two sizes have a positive count.
    """
    return fit_clean(clean(neurons, counts, count_sd))


def fit_clean(data: Counts) -> PowerLawFit:
    """Fit counts that `rosettalaw.validation.counts.clean` has checked."""
    x, y = np.log(data.neurons), np.log(data.counts)
    design = np.stack([np.ones_like(x), x], axis=1)
    (log_c, alpha), *_ = np.linalg.lstsq(design, y, rcond=None)
    residuals = y - design @ (log_c, alpha)
    freedom = len(data) - 2
    total = float(np.sum((y - y.mean()) ** 2))
    flat = total <= 1e-24 * len(y) * (1 + float(np.max(np.abs(y)))) ** 2
    variance = _variance(data, residuals, freedom)
    covariance = variance * np.linalg.inv(design.T @ design)
    se = float(np.sqrt(covariance[1, 1]))
    half = student(freedom) * se
    if data.sizes < 3:
        status = PowerLawStatus.TWO_SIZES
    elif flat:
        status = PowerLawStatus.NO_SCATTER
    else:
        scattered = _scattered(data.counts, residuals, freedom)
        status = PowerLawStatus.SCATTERED if scattered else PowerLawStatus.OK
    return PowerLawFit(
        exponent=float(alpha),
        exponent_ci95=(float(alpha - half), float(alpha + half)),
        exponent_se=se,
        prefactor=float(np.exp(log_c)),
        r2=np.nan if flat else float(1 - residuals @ residuals / total),
        residuals=residuals,
        n=len(data),
        variance=variance,
        covariance=covariance,
        excess_scatter=np.nan
        if data.sd is None or freedom < 1
        else float(np.sqrt(np.sum((residuals * data.counts / data.sd) ** 2) / freedom)),
        data=data,
        status=status,
    )


def _variance(data: Counts, residuals: np.ndarray, freedom: int) -> float:
    """Return σ²: that of the residuals, or that which lets Student's interval reach as far as rounding does."""
    if freedom < 1:
        return np.nan
    estimated = float(residuals @ residuals) / freedom
    if not whole(data.counts):
        return estimated
    rounded = slope_variance(np.log(data.neurons), np.ones(len(data)), 1 / data.counts)
    return max(estimated, (reach(freedom) / student(freedom)) ** 2 * rounded)


def _scattered(counts: np.ndarray, residuals: np.ndarray, freedom: int) -> bool:
    """Return whether counts lie a third or so off the line, and farther than Poisson's counts of their size would."""
    if freedom < 1 or residuals @ residuals / freedom < SCATTER**2:
        return False
    expected = counts * np.exp(-residuals)
    return chi_square_tail(freedom, float(np.sum((counts - expected) ** 2 / expected))) < BEYOND_CHANCE


def student(freedom: int) -> float:
    """Return the two-sided 95% quantile of Student's t, NaN without a degree of freedom."""
    return student_quantile(freedom, (1 + LEVEL) / 2) if freedom > 0 else float("nan")
