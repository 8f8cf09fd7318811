"""The exponent of the count over the correlation at which pairs are counted, which in the theory is one number.

Every ladder is counted at the same ρ at all its sizes, from its largest ρ* up. Filled: the headline, at the largest ρ*;
hollow: each size at its own ρ*. Bands are pointwise 95% intervals of the fit.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import style
from .results_folder import MeasuredLadder, Results

if TYPE_CHECKING:
    from ..validation.series import Series

MOST = 4  # bands in one picture
NOTE = (
    "All sizes of a ladder counted at one ρ. Filled: the largest ρ* of its sizes, hollow: each size at its own ρ*. "
    "Bands: pointwise 95% intervals; neighbouring points share their pairs."
)


def make(results: Results, path: Path) -> list[Path]:
    """Draw measured ladders, those of the folder before those that come with the package."""
    rows = [row.series for row in results.rows if row.series.calibrated and not row.series.shared]
    return draw(sorted(rows, key=lambda series: series.reference)[:MOST], path)


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw one measured ladder for its own page; nothing without correlations."""
    from ..validation.series_from import of_ladder

    return draw([of_ladder(measured.ladder, measured.ladder.attrs.get("ladder", "ladder"))], path)


def draw(series: Sequence[Series], path: str | os.PathLike[str]) -> list[Path]:
    """Draw α(ρ) of ladders; save PNG and SVG. Those with fewer than five pairs at a size are left out."""
    from ..validation.common_rho import exponent_curve, own_fit

    curves = [(one, exponent_curve(one), own_fit(one)) for one in series]
    if not any(curve is not None for _, curve, _ in curves):
        return []
    with style.figure(size=(style.WIDTH + 0.7, 3.9)) as (figure, axis):
        for i, (one, curve, own) in enumerate((one, curve, own) for one, curve, own in curves if curve is not None):
            colour = style.CYCLE[i % len(style.CYCLE)]
            axis.plot(curve.rho, curve.exponent, color=colour, lw=1.6, label=one.name)
            axis.fill_between(curve.rho, curve.low, curve.high, color=colour, alpha=0.13, lw=0)
            ends = [[curve.exponent[0] - curve.low[0]], [curve.high[0] - curve.exponent[0]]]
            look = {"color": colour, "ms": 7, "elinewidth": 1.4, "zorder": 5}
            axis.errorbar(curve.rho[:1], curve.exponent[:1], ends, fmt="o", mec="white", mew=0.8, **look)
            if own is not None:
                axis.plot(curve.rho[0], own.exponent, "o", color=colour, mfc="white", mec=colour, ms=6, zorder=6)
        axis.axhline(1, color=style.GREY, lw=0.8, ls=":")
        axis.axhline(0, color=style.INK, lw=0.8)
        axis.set_ylim(max(axis.get_ylim()[0], -1), min(axis.get_ylim()[1], 2))
        axis.set_xlabel("pairs counted at correlations ≥ ρ")
        axis.set_ylabel("exponent α of the count")
        figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=1, fontsize=8)
        style.source_note(figure, NOTE)
        return style.save(figure, path)
