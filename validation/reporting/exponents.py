"""Every exponent on the page of a ladder, with its interval and the reason why it differs from the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..findings import size_means, slope_interval
from ..seeds.recurrence import recurrence
from ..verdict import ends, signed

if TYPE_CHECKING:
    import xarray as xr

    from ..analysis import Analysis

COUNTED = {  # variable of a ladder: pairs that it counts, and the reason
    "stable_count": (
        "stable pairs",
        "Each size above its own ρ*, and only pairs found again in at least nine of ten halves of the text. Larger "
        "networks have relatively fewer of them.",
    ),
    "beyond_token_count": (
        "pairs beyond the token",
        (
            "A different set of pairs: those found after the mean activation of each string is subtracted from every "
            "neuron."
        ),
    ),
    "raw_count": (
        "pairs without a threshold",
        "The paper's count. It includes pairs that unrelated networks also have.",
    ),
}
ANCHORED = "neurons that recur with another seed of the partner"
SECOND_SEED = (
    "Neurons of one network, at the correlation of the headline, that are Rosetta Neurons against two or more seeds of "
    "the other family."
)


@dataclass(frozen=True)
class ListedExponent:
    """One exponent in words: the pairs that it counts, value, interval, reason."""

    pairs: str
    value: str
    interval: str
    reason: str


def exponents(ladder: xr.Dataset, analysis: Analysis | None) -> list[ListedExponent]:
    """Return the exponents of the page, the headline first; none where nothing was fitted."""
    return [] if analysis is None else list(_each(ladder, analysis))


def _each(ladder: xr.Dataset, analysis: Analysis) -> Iterator[ListedExponent]:
    common = np.isfinite(analysis.common_rho)
    yield ListedExponent(
        f"pairs at ρ ≥ {analysis.common_rho:.2f} at every size" if common else "calibrated pairs",
        signed(analysis.power_law.exponent),
        ends(analysis.power_law.exponent_ci95),
        "The headline: one correlation for all sizes, the lowest at which every size exceeds its nulls. The theory "
        "and its tests count this way."
        if common
        else "The headline.",
    )
    if common and analysis.own is not None:
        yield ListedExponent(
            "pairs above each size's own ρ*",
            signed(analysis.own.exponent),
            ends(analysis.own.exponent_ci95),
            (
                "ρ* falls as networks grow, so larger networks are counted at lower correlations. This alone raises "
                "counts."
            ),
        )
    recurs = recurrence(ladder, analysis.common_rho)
    if recurs is not None and (recurs.anchored > 0).all():
        slope, *interval = slope_interval(np.log(recurs.neurons), np.log(recurs.anchored))
        if np.isfinite(interval).all():
            yield ListedExponent(ANCHORED, signed(slope), ends((interval[0], interval[1])), SECOND_SEED)
    for name, (pairs, reason) in COUNTED.items():
        if name not in ladder or not (ladder[name].values > 0).all():
            continue
        sizes, logs = size_means(ladder["neurons"].values, np.log(ladder[name].values.astype(float)))
        slope, *interval = slope_interval(np.log(sizes), logs)
        if np.isfinite(interval).all():
            yield ListedExponent(pairs, signed(slope), ends((interval[0], interval[1])), reason)
