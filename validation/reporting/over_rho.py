"""Counts and exponent of a ladder at many correlations: the data of the page's slider, and of the table beside it.

At each ρ the pairs of every size are counted, and a power law is fitted where every size has some. Below the largest ρ*
of the ladder some sizes have not cleared their nulls; the page says so there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from .. import power_law
from ..common_rho import counts_at
from ..seeds.crossed import of_series

if TYPE_CHECKING:
    from ..series import Series

STEP = 0.01
FEWEST_SIZES = 3  # with pairs, for an exponent with an interval
ROWS = 8  # of the table


@dataclass(frozen=True)
class OverRho:
    """Counts over correlation.

    Attributes
    ----------
    sizes : list of float
        Neurons of each matching.
    calibrated : float
        Correlation from which all sizes clear their nulls.
    headline : float
        Correlation of the page's headline, on the grid.
    rows : list of dict
        For each ρ, rising: ``rho``, ``counts`` (one a matching), ``alpha`` and its interval ``low``, ``high``, and the
        line's ``prefactor``; None where a size has no pair.
    """

    sizes: list[float]
    calibrated: float
    headline: float
    rows: list[dict[str, Any]]

    @property
    def columns(self) -> list[float]:
        """Return the different sizes."""
        return sorted(set(self.sizes))

    def table(self) -> list[dict[str, Any]]:
        """Return some of the rows, evenly spaced, the headline's among them, with the mean count of each size."""
        chosen = {round(i) for i in np.linspace(0, len(self.rows) - 1, min(ROWS, len(self.rows)))}
        rows = [row for i, row in enumerate(self.rows) if i in chosen or row["rho"] == self.headline]
        sizes = np.array(self.sizes)
        means = [[float(np.mean(np.array(row["counts"])[sizes == size])) for size in self.columns] for row in rows]
        return [row | {"counts": mean} for row, mean in zip(rows, means, strict=True)]

    def record(self) -> dict[str, Any]:
        """Return the data as the page's script reads them."""
        return {"sizes": self.sizes, "calibrated": self.calibrated, "headline": self.headline, "rows": self.rows}


def over_rho(series: Series) -> OverRho | None:
    """Return counts and exponents of a ladder over ρ; None without correlations of each matching or with few sizes."""
    if series.correlations is None or series.sizes_matched is not None or not np.isfinite(series.threshold):
        return None
    ranked = [np.sort(np.asarray(rho, dtype=float))[::-1] for rho in series.correlations]
    if len(ranked) != len(series.neurons) or len(np.unique(series.neurons)) < FEWEST_SIZES:
        return None
    thresholds = series.threshold if series.thresholds is None else np.nanmin(series.thresholds)
    headline = round(float(series.threshold), 4)
    top = max((float(rho[0]) for rho in ranked if len(rho)), default=0.0)
    steps = np.arange(np.ceil(float(thresholds) / STEP), np.floor(top / STEP) + 1) * STEP
    rows = []
    for rho in sorted({headline, *np.round(steps, 4).tolist()}):
        counts = counts_at(ranked, series.threshold if rho == headline else rho)
        if len(np.unique(series.neurons[counts > 0])) < FEWEST_SIZES:
            break
        rows.append({"rho": rho, "counts": [int(one) for one in counts], **_fitted(series, counts)})
    if not any(row["rho"] == headline for row in rows):
        return None
    return OverRho(series.neurons.tolist(), headline, headline, rows)


def _fitted(series: Series, counts: np.ndarray) -> dict[str, float | None]:
    nothing: dict[str, float | None] = dict.fromkeys(("alpha", "low", "high", "prefactor"))
    try:
        if not counts.all():  # a fit on logarithms would leave such a size out, and flatter the rest
            return nothing
        here = replace(series, counts=counts, sd=None)
        line, seeds = power_law.fit_clean(here.clean()), of_series(here)
        if seeds is not None:  # the interval of crossed seeds, as in the headline
            line = line.with_exponent(seeds.exponent, seeds.se, seeds.exponent_ci95)
    except InputError:
        return nothing
    values = (line.exponent, *line.exponent_ci95, line.prefactor)
    if not np.isfinite(values).all():
        return nothing
    return dict(zip(nothing, (round(float(value), 6) for value in values), strict=True))
