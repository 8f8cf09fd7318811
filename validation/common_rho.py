"""Counts of a ladder at one correlation, and the exponent of the count as a function of it.

A calibrated count is taken above a ρ* that each size reads off its own nulls. ρ* falls as networks grow, so larger ones
are counted further down, and that alone makes such counts grow. In the theory α is the same at every ρ (Eq. 23, with
ρ = τ/(1 + τ)), so the headline exponent is taken at one ρ for all sizes: the largest ρ* of the ladder, the lowest at
which all of them clear their nulls. The exponent above each size's own ρ* is reported beside it, and so is the curve
α(ρ) from there up, as far as every size has `FEWEST_PAIRS` pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..contents import ByContent
from ..errors import InputError
from . import power_law
from .profiles import FEWEST_PAIRS
from .verdict import signed

if TYPE_CHECKING:
    import xarray as xr

    from .power_law import PowerLawFit
    from .series import Series

POINTS = 60


def counts_at(correlations: Sequence[np.ndarray], rho: float) -> np.ndarray:
    """Return how many pairs of each size reach a correlation, shape (sizes,); none do where it is NaN."""
    return np.array([float(np.sum(np.asarray(one) >= rho)) for one in correlations])


def deviations_at(ladder: xr.Dataset, rho: float) -> np.ndarray | None:
    """Return the standard errors of a ladder's counts at a correlation, where it records them; shape (rungs,).

    A reference ladder has those at its largest ρ* alone.
    """
    if not np.isfinite(rho):
        return None
    if "common_count_se" in ladder:
        sd = np.asarray(ladder["common_count_se"].values, dtype=float)
    elif "count_error" in ladder:
        grid = ladder["rho"].values
        sd = np.array([np.interp(rho, grid, errors) for errors in ladder["count_error"].values])
    else:
        return None
    return sd if np.isfinite(sd).all() else None


def own_fit(series: Series) -> PowerLawFit | None:
    """Return the power law of the counts above each size's own ρ*; None where there are none, or too few."""
    if series.own is None:
        return None
    try:
        return power_law.fit_clean(replace(series, counts=series.own, sd=series.own_sd).clean())
    except InputError:
        return None


def sentences(series: Series, own: PowerLawFit | None) -> list[str]:
    """Return the sentences on how the pairs were counted: the correlation, and the effect of calibration."""
    said = []
    if series.thresholds is not None and np.isfinite(series.threshold):
        one = f"Pairs are counted at one correlation at all sizes, ρ ≥ {series.threshold:.2f}, the largest of their ρ*"
        if own is not None and series.own is not None and not np.array_equal(series.counts, series.own):
            range_of = f"{np.nanmin(series.thresholds):.2f} to {series.threshold:.2f}"
            numbers = f"{signed(own.exponent)} ({_ends(own.exponent_ci95)})"
            one += f". Above each size's own ρ* ({range_of}) the exponent is {numbers}"
        said.append(f"{one}.")
    raw = series.nulls.get("raw")
    if series.own is not None and raw is not None:
        same = int(np.sum((series.own == raw) & (raw > 0)))
        if same:
            sizes = "size" if len(np.unique(series.neurons)) == len(raw) else "matching"
            every = f"any of {len(raw)} {sizes}s" if same == len(raw) else f"{same} of {len(raw)} {sizes}s"
            said.append(
                f"Calibration removed no pair at {every}: there ρ* is the lowest correlation of a matched pair, "
                "and the count is the raw one."
            )
    return said


@dataclass(frozen=True, eq=False)
class ExponentCurve(ByContent):
    """The exponent of the count over the correlation at which pairs are counted; arrays of shape (points,).

    Attributes
    ----------
    rho : ndarray
        Correlations, the common ρ of the headline first.
    exponent, low, high : ndarray
        α and the ends of its pointwise 95% interval.
    fewest : ndarray
        Pairs of the size that has fewest.
    """

    rho: np.ndarray
    exponent: np.ndarray
    low: np.ndarray
    high: np.ndarray
    fewest: np.ndarray


def exponent_curve(series: Series, points: int = POINTS) -> ExponentCurve | None:
    """Return α(ρ) of a ladder; None without correlations, or where a size has too few pairs at the common ρ.

    Neighbouring points share most of their pairs, so the curve is smoother than its band.
    """
    if series.correlations is None or series.sizes_matched is not None or not np.isfinite(series.threshold):
        return None
    ranked = [np.sort(np.asarray(rho, dtype=float))[::-1] for rho in series.correlations]
    if min(map(len, ranked)) < FEWEST_PAIRS or len(np.unique(series.neurons)) < 3:
        return None
    last = min(float(rho[FEWEST_PAIRS - 1]) for rho in ranked)
    if last < series.threshold:
        return None
    grid = np.linspace(series.threshold, last, points) if last > series.threshold else np.array([last])
    counts = [counts_at(ranked, rho) for rho in grid]
    fits = [power_law.fit_clean(replace(series, counts=one, sd=None).clean()) for one in counts]
    low, high = np.array([fit.exponent_ci95 for fit in fits]).T
    exponent, fewest = np.array([fit.exponent for fit in fits]), np.array([one.min() for one in counts])
    return ExponentCurve(rho=grid, exponent=exponent, low=low, high=high, fewest=fewest)


def _ends(interval: tuple[float, float]) -> str:
    if not np.isfinite(interval).all():
        return "no interval"
    return f"95% interval {signed(interval[0])} to {signed(interval[1])}"
