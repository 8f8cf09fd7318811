"""Counts at sizes that were not measured, with the range in which a forecast means anything.

Inside the measured sizes the power law interpolates. Outside, the interval of one more count widens with the line's
own uncertainty, and with the curves that the measured counts cannot distinguish from a power law: a logarithm and a
saturating curve (each allowed unless its sum of squares exceeds the best by the F criterion), and the theory's
finite-size curve. The interval covers them all. Beyond `REACH` times the measured range the answer would be that of
the curve instead of the data: it is refused.

Where most counts of a size are zero, no curve here describes it. If the sizes with pairs are all larger, a forecast is
refused up to the empty size; if not, it is refused everywhere.

The held-out test does on measured data what a forecast does: the largest size is predicted from the smaller ones.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contents import ByContent
from ..display import for_output
from ..errors import require
from ..lazy import deferred
from . import theory_fit
from .counts import AT_SIZES, LARGEST, RULES, Counts, counts_from
from .curves import CURVES
from .inputs import numbers, require_all
from .power_law import PowerLawFit, fit_clean, student

stats = deferred("scipy.stats")  # half a second

if TYPE_CHECKING:
    import pandas as pd

REACH = 10.0
CALL = "--neurons 1e5,1e6"
RIVALS = ("logarithmic", "saturating")


class ForecastStatus(StrEnum):
    """Reach of a forecast, in words."""

    INSIDE = "inside the measured sizes"
    OUTSIDE = "outside the measured sizes: the interval covers every curve that the counts allow"
    REFUSED = f"refused: more than {REACH:g} times outside the measured sizes"
    EMPTY = "refused: no pairs were counted at this size or at a larger one, and the curves are of sizes with pairs"
    FELL = "refused: larger networks than the smallest with pairs have none, and no curve here describes that"


@dataclass(frozen=True, repr=False, eq=False)
class Forecast(ByContent):
    """The count expected at one size.

    Attributes
    ----------
    neurons : float
        N.
    count : float
        What the power law expects; NaN if refused.
    ci95 : tuple of float
        95% interval of one more measured count, and of every curve allowed.
    curves : dict of str to float
        What each curve expects that the counts allow.
    status : ForecastStatus
        Inside, outside or refused.
    """

    neurons: float
    count: float
    ci95: tuple[float, float]
    curves: dict[str, float]
    status: ForecastStatus

    def summary(self) -> str:
        """Return one line: size, count, interval and status."""
        low, high = self.ci95
        refused = np.isnan(self.count)
        count = "no forecast" if refused else f"{self.count:.4g} (95% interval {low:.4g} to {high:.4g})"
        return f"N = {self.neurons:,.0f}: {count}, {self.status}"

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row: ``neurons, count, low, high, status``."""
        import pandas as pd

        low, high = self.ci95
        row = {"neurons": self.neurons, "count": self.count, "low": low, "high": high, "status": str(self.status)}
        return pd.DataFrame([row])

    def __repr__(self) -> str:
        return f"Forecast at {self.summary()}"

    def __str__(self) -> str:
        return for_output(repr(self))

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


@dataclass(frozen=True, eq=False)
class HeldOut(ByContent):
    """The largest size predicted from the smaller ones.

    Attributes
    ----------
    neurons, measured : float
        The largest size and its count (geometric mean, if repeated; mean, if some are zero).
    predicted : float
        What the power law of the others expects.
    ci95 : tuple of float
        Student's interval of one more count, or of the mean of as many as were measured.
    holds : bool
        Whether the interval holds the measured count.
    """

    neurons: float
    measured: float
    predicted: float
    ci95: tuple[float, float]
    holds: bool

    def sentence(self) -> str:
        """Return one sentence: prediction and measurement."""
        low, high = self.ci95
        return (
            f"Held-out test: from the smaller sizes, {self.predicted:.3g} (95% interval {low:.3g} to {high:.3g}) are "
            f"predicted at N = {self.neurons:,.0f}; {self.measured:.3g} were measured, "
            f"{'inside' if self.holds else 'outside'} the interval."
        )


def forecast(data: Any, neurons: Sequence[float]) -> list[Forecast]:
    """Forecast the count at each size.

    `data` are `Counts`, a file of them, or columns ``neurons, count``.

    Raises
    ------
    InputError
        If `data` holds no counts, there are fewer than three sizes (no interval), or a size is not positive.
    """
    data = counts_from(data, "forecast(clean(neurons, counts), [1e5])")
    require(
        data.sizes >= 3, "counts", f"{data.sizes} sizes", "a forecast needs counts at three sizes or more", AT_SIZES
    )
    sizes = numbers("neurons", neurons, CALL)
    require(sizes.ndim == 1 and sizes.size, "neurons", neurons, "must be one size or more, in one list", CALL)
    require_all((sizes >= 1) & (sizes <= LARGEST), "neurons", neurons, RULES["neurons"], CALL)
    line = fit_clean(data)
    allowed = _allowed(data, line)
    return [_at(size, data, line, allowed) for size in sizes.tolist()]


forecast_counts = forecast  # the face's name: `rosettalaw.validation.forecast` is this module


def held_out_largest(data: Counts) -> HeldOut | None:
    """Predict the largest size from the smaller ones; None with fewer than four sizes."""
    data = counts_from(data, "held_out_largest(clean(neurons, counts))")
    if data.sizes < 4:
        return None
    neurons, counts = data.with_zeros()
    largest = float(neurons.max())
    rest = fit_clean(data.without(largest))
    at_largest = counts[neurons == largest]
    (lower,), (upper,) = rest.band([largest], new_counts=len(at_largest))
    if np.ptp(at_largest) == 0:
        measured = float(at_largest[0])
    else:
        measured = float(np.exp(np.mean(np.log(at_largest))) if at_largest.all() else at_largest.mean())
    predicted = float(rest.predict(largest))
    return HeldOut(
        neurons=largest,
        measured=measured,
        predicted=predicted,
        ci95=(float(lower), float(upper)),
        holds=bool(lower <= measured <= upper),
    )


def _allowed(data: Counts, line: PowerLawFit) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return log R of each rival that the counts do not reject, and of the theory where it is identified."""
    x, y = np.log(data.neurons), np.log(data.counts)
    freedom = len(data) - 2
    rivals = {name: CURVES[name][1](x, y) for name in RIVALS}
    squares = {name: float(np.sum((y - curve(x)) ** 2)) for name, curve in rivals.items()}
    best = min(*squares.values(), float(line.residuals @ line.residuals))
    limit = best * (1 + float(stats.f.ppf(0.95, 1, freedom)) / freedom) + 1e-18
    allowed = {name: curve for name, curve in rivals.items() if squares[name] <= limit}
    theory = theory_fit.fit_clean(data, theory_fit.TAU)
    if np.isfinite(theory.beta):
        allowed["theory"] = lambda at: np.log(theory.predict(np.exp(at)))
    return allowed


def _at(size: float, data: Counts, line: PowerLawFit, allowed: dict) -> Forecast:
    low, high = data.neurons[0], data.neurons[-1]
    refused = None
    if any(empty > low for empty in data.empty_sizes):
        refused = ForecastStatus.FELL
    elif any(empty >= size for empty in data.empty_sizes):
        refused = ForecastStatus.EMPTY
    elif not low / REACH <= size <= high * REACH:
        refused = ForecastStatus.REFUSED
    if refused is not None:
        return Forecast(neurons=size, count=np.nan, ci95=(np.nan, np.nan), curves={}, status=refused)
    (lower,), (upper,) = line.band([size], new_counts=1)
    count = float(line.predict(size))
    if low <= size <= high:
        return Forecast(
            neurons=size,
            count=count,
            ci95=(float(lower), float(upper)),
            curves={"power law": count},
            status=ForecastStatus.INSIDE,
        )
    curves = {name: float(np.exp(curve(np.log(np.array([size])))[0])) for name, curve in allowed.items()}
    scatter = np.exp(student(line.n - 2) * np.sqrt(line.variance))
    lower = min(lower, *(value / scatter for value in curves.values()), count)
    upper = max(upper, *(value * scatter for value in curves.values()), count)
    return Forecast(
        neurons=size,
        count=count,
        ci95=(float(lower), float(upper)),
        curves={"power law": count, **curves},
        status=ForecastStatus.OUTSIDE,
    )
