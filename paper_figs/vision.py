"""Vision ladders trained here: each pairing's calibrated counts, seed by seed, beside its nulls.

Filled: pairs above the calibrated threshold, one point per pair of seeds; open circles: those that are no
near-copies of each other. Dotted: mutual nearest neighbours without a threshold, of the trained networks and of both
nulls. A line is drawn where the exponent's interval lies above 0; a count of zero is a cross on the lower edge.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..model_names import family_name
from . import style
from .results_folder import Results

if TYPE_CHECKING:
    import xarray as xr

    from ..validation.analysis import Analysis


def raw(ladder: xr.Dataset) -> list[tuple[str, str, str, str]]:
    """Return variable, label, marker and colour of a ladder's counts without a threshold: trained, and each null."""
    nulls = [(f"{one.label}_raw", f"{one.label}, no threshold", one.marker, one.colour) for one in style.null_looks()]
    every = [("raw_count", "trained, no threshold", "o", "#bdbdbd"), *nulls]
    return [look for look in every if look[0] in ladder]


def make(results: Results, path: Path) -> list[Path]:
    """Draw every vision ladder."""
    from ..validation.analysis import analyse_series
    from ..validation.series_from import of_ladder

    panels = []
    for name, ladder in results.of("ladder"):
        if ladder.attrs.get("modality") == "vision":
            series = of_ladder(ladder, name)
            fitted = len(np.unique(series.neurons[series.counts > 0])) > 1
            panels.append((ladder, analyse_series(series) if fitted else None))
    return draw(panels, path) if panels else []


def draw(panels: Sequence[tuple[xr.Dataset, Analysis | None]], path: str | os.PathLike[str]) -> list[Path]:
    """Draw one panel per pairing; save PNG and SVG."""
    with style.panels(len(panels), 3.3, 3.4, sharey=True) as (figure, axes):
        for axis, (ladder, analysis) in zip(axes, panels, strict=True):
            sizes, counts = ladder["neurons"].values, ladder["calibrated_count"].values
            for name, label, marker, colour in raw(ladder):
                means = [ladder[name].values[sizes == size].mean() for size in np.unique(sizes)]
                axis.plot(np.unique(sizes), means, marker, mfc="none", color=colour, label=label, ls=":", lw=0.8)
            blue, some = style.COLOURS["blue"], counts > 0
            axis.plot(sizes[some], counts[some], "o", color=blue, label="calibrated, one point per pair of seeds")
            distinct = ladder["distinct_count"].values
            axis.plot(sizes[some], distinct[some], "o", mfc="white", color=blue, ms=4, label="of these, distinct")
            style.log_sizes(axis, np.unique(sizes))
            axis.set_ylim(bottom=3)
            axis.plot(sizes[~some], np.full((~some).sum(), 3.2), "x", color=blue)
            a, b = map(family_name, json.loads(ladder.attrs["families"]))
            title = f"{a} × {b}" if a != b else f"{a}, two seeds"
            axis.set_title(f"{title}\n{_exponent(analysis)}", fontsize=9)
            if analysis is not None and analysis.power_law.exponent_ci95[0] > 0:
                line = np.array([sizes.min(), sizes.max()])
                axis.plot(line, analysis.power_law.prefactor * line**analysis.power_law.exponent, color=blue)
            axis.set_xlabel("MLP neurons per network, N")
            if axis.get_subplotspec().is_first_col():
                axis.set_ylabel("pairs")
        tallest = max(float(ladder[name].max()) for ladder, _ in panels for name, *_ in raw(ladder))
        axes[0].set_ylim(top=1.3 * tallest)  # one scale for all panels, no marker cut
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, **style.beside_panels(len(panels), 3))
        return style.save(figure, path)


def _exponent(analysis: Analysis | None) -> str:
    if analysis is None:
        return "pairs at fewer than two sizes: no fit"
    low, high = (style.signed(end) for end in analysis.power_law.exponent_ci95)
    return f"α = {style.signed(analysis.power_law.exponent)} ({low} to {high})"
