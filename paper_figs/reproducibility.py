"""Irreproducible discovery rate (Li, Brown, Huang and Bickel 2011): pairs that keep their rank on other text.

Left: margins of each pair on both halves of the text, the darker the likelier to be reproducible. Right: the expected
share of irreproducible pairs among the first m, the surest first (`rosettalaw.validation.reproducibility`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..model_names import model_name
from . import style
from .results_folder import MeasuredLadder, Results

if TYPE_CHECKING:
    import xarray as xr

RATE = 0.05


def make(results: Results, path: Path) -> list[Path]:
    """Draw the largest size of every ladder, and every matching, that has its margins on both halves."""
    files = []
    for kind in ("ladder", "pairs"):
        for name, ds in results.of(kind):
            files += draw(ds, style.target_of(path, files, name), name)
    return files


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw the largest size of one measured ladder for its own page; nothing if it was measured without halves."""
    return draw(measured.ladder, path)


def draw(ds: xr.Dataset, path: str | os.PathLike[str], title: str = "") -> list[Path]:
    """Draw margins on both halves and the rate over pairs; save PNG and SVG; nothing with too few pairs."""
    from ..validation.reproducibility import margins_of, of_halves

    fit = of_halves(ds)
    if fit is None:
        return []
    margins = margins_of(ds)
    with style.figure(columns=2, size=(style.WIDTH + 1.2, 3.6)) as (figure, (left, right)):
        shades = [style.shade(style.COLOURS["blue"], 0.2 + 0.8 * (1 - rate)) for rate in fit.local]
        left.axhline(0, color=style.GREY, lw=0.7)
        left.axvline(0, color=style.GREY, lw=0.7)
        left.scatter(*margins, c=shades, s=16, edgecolors=style.COLOURS["blue"], linewidths=0.4)
        left.set_xlabel("margin on the first half of the text")
        left.set_ylabel("margin on the second half")
        left.set_title(title or _names(ds))
        rates = fit.rates()
        count = fit.count(RATE)
        pairs = np.arange(1, len(rates) + 1)
        right.plot(pairs, rates, "o-", color=style.COLOURS["vermilion"], ms=3, mec="none", lw=1.2)
        right.axhline(RATE, color=style.INK, lw=0.8, ls=":")
        right.set_ylim(0, max(0.1, 1.1 * float(rates[-1])))
        right.set_xlim(0, len(rates) + 1)
        right.set_xlabel("pairs, most certain first")
        right.set_ylabel("expected irreproducible share")
        right.set_title(f"{count} of {len(rates)} pairs at {RATE:.0%}")
        share, correlation = f"{100 * fit.share:.0f}%", style.signed(fit.correlation)
        style.source_note(
            figure,
            f"Copula mixture of Li, Brown, Huang and Bickel (2011): {share} of the pairs reproducible, their ranks on "
            f"the two halves correlated at {correlation}. A negative margin: another pair on that half.",
        )
        return style.save(figure, path)


def _names(ds: xr.Dataset) -> str:
    if "rung" in ds.sizes:
        return f"N = {style.short(float(ds['neurons'].values[-1]))}"
    return " × ".join(model_name(str(ds.attrs.get(f"model_{side}", side.upper()))) for side in "ab")
