"""Every source side by side: exponent of the count, and the theory's two parameter-free demands.

Rows are sources; hollow markers are numbers that the paper published, filled ones were computed here. Bars are 95%
intervals; an arrow marks a bar that ends outside the picture. Vertical lines are the theory's values for N → ∞; a short
tick is its value at the sizes of that row.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import style
from .results_folder import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..validation.compare import Row

COLOURS = {
    "published": style.GREY,
    "synthetic": style.COLOURS["orange"],
    "simulation": style.COLOURS["green"],
    "toy": style.COLOURS["vermilion"],
    "language": style.COLOURS["blue"],
    "vision": style.COLOURS["sky"],
    "ladder": style.COLOURS["blue"],
    "counts": style.COLOURS["purple"],
}

PANELS = (("exponent α", (-0.5, 1.25)), ("α·b", (-0.3, 1.6)), ("α + p", (-0.3, 1.6)))
NOTE = (
    "Bars: 95% intervals; an arrow if one ends outside the picture. Hollow: published counts. Vertical lines: "
    "growth from 0 to 1, and the theory's values for N → ∞; short ticks: its values at the sizes of a "
    "row. –: not testable."
)


def make(results: Results, path: Path) -> list[Path]:
    """Draw every source with more than one size, the paper's included."""
    return draw([row for row in results.rows if len(np.unique(row.series.neurons)) > 1], path)


def draw(rows: Sequence[Row], path: str | os.PathLike[str]) -> list[Path]:
    """Draw a comparison of sources; save PNG and SVG."""
    height = 1.6 + 0.34 * max(len(rows), 2)
    panels = {"width_ratios": (1.35, 1, 1)}
    with style.figure(columns=3, size=(style.WIDTH + 2.2, height), sharey=True, gridspec_kw=panels) as (figure, axes):
        for axis, (title, limits) in zip(axes, PANELS, strict=True):
            axis.set_title(title)
            axis.set_xlim(limits)
            axis.grid(axis="y", visible=False)
        for place, row in enumerate(rows):
            record, colour = row.record(), COLOURS[row.series.source]
            hollow = row.series.source == "published"
            for axis, name in zip(axes, ("exponent", "product", "sum"), strict=True):
                _bar(axis, place, record[name], record[f"{name}_ci95"], colour, hollow)
            for axis, name in ((axes[1], "expected_product"), (axes[2], "expected_sum")):
                if record[name] is not None and np.isfinite(record[name]):
                    axis.plot([record[name]] * 2, [place - 0.3, place + 0.3], color=style.INK, lw=1.6)
        axes[0].axvline(0, color=style.INK, lw=0.8)
        axes[0].axvline(1, color=style.GREY, lw=0.8, ls=":")
        for axis in axes[1:]:
            axis.axvline(1, color=style.INK, lw=1.2)
        axes[0].set_yticks(range(len(rows)), [row.series.name for row in rows])
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        style.source_note(figure, NOTE)
        return style.save(figure, path)


def draw_exponents(axis: Axes, rows: Sequence[Row]) -> None:
    """Draw each source's exponent with its 95% interval into axes."""
    axis.set_xlim(PANELS[0][1])
    axis.grid(axis="y", visible=False)
    for place, row in enumerate(rows):
        record, hollow = row.record(), row.series.source == "published"
        _bar(axis, place, record["exponent"], record["exponent_ci95"], COLOURS[row.series.source], hollow)
    axis.axvline(0, color=style.INK, lw=0.8)
    axis.axvline(1, color=style.GREY, lw=0.8, ls=":")
    axis.set_yticks(range(len(rows)), [row.series.name for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlabel(PANELS[0][0])


def _bar(axis, place: int, value: float | None, interval, colour: str, hollow: bool) -> None:
    if value is None or not np.isfinite(value):
        axis.annotate("–", (0.03, place), xycoords=("axes fraction", "data"), va="center", color=style.GREY)
        return
    low, high = interval
    left, right = axis.get_xlim()
    if np.isfinite([low, high]).all():
        for end, marker, leaves in ((left, "<", low < left), (right, ">", high > right)):
            if leaves:
                axis.plot(end, place, marker, color=colour, ms=5, clip_on=False)
        axis.plot([low, high], [place, place], color=colour, lw=1.6, ls=(0, (3, 1.5)) if hollow else "-")
    axis.plot(value, place, "o", color=colour, mfc="white" if hollow else colour, mec=colour, ms=6, zorder=4)
