"""Selectivity of Rosetta and other neurons over size (figures 6, 28 and 37): published, and our ladders beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.published import read
from . import style, zeros
from .results_folder import Results, side_title

METRICS = {
    "vocab_excess_kurtosis": "excess kurtosis over the vocabulary",
    "vlm_monosemantic_rate": "share judged monosemantic",
}
GROUPS = (("rosetta", "Rosetta"), ("other", "other neurons"))


def draw(results: Results, path: Path, panels: list[str]) -> list[Path]:
    """Draw the named panels of ``fig06_28_37_selectivity`` side by side, then one for each model family of a ladder."""
    table = read("fig06_28_37_selectivity")
    language = (table[table["figure"].isin(panels)]["metric"] == "vocab_excess_kurtosis").any()
    ladders = [each for each in results.of("ladder") if language and "selectivity_rosetta" in each[1]]
    mine = [(ladder, side, name if len(ladders) > 1 else "") for name, ladder in ladders for side in (0, 1)]
    with style.panels(len(panels) + len(mine), 3.3, 3.4) as (figure, axes):
        for axis, panel in zip(axes, panels, strict=False):
            rows = table[table["figure"] == panel]
            style.published(axis, rows["neurons"], rows["rosetta"], "Rosetta", 0)
            style.published(axis, rows["neurons"], rows["non_rosetta"], "other neurons", 1)
            axis.set_title(rows["family"].iloc[0])
            axis.set_ylabel(METRICS[rows["metric"].iloc[0]])
            _finish(axis, rows["neurons"])
        for axis, (ladder, side, name) in zip(axes[len(panels) :], mine, strict=True):
            draw_side(axis, ladder, side, name)
        note = "Hollow: arXiv 2606.03990, machine-read from its figures (10–20%)."
        if mine:
            note += " Filled: this package; mean and 95% interval over neurons."
        style.source_note(figure, note)
        return style.save(figure, path)


def draw_ladder(ladder, path: Path) -> list[Path]:
    """Draw one ladder alone, one panel per model."""
    with style.figure(columns=2, size=(style.WIDTH + 1.2, 3.4)) as (figure, axes):
        for side, axis in enumerate(axes):
            draw_side(axis, ladder, side)
        return style.save(figure, path)


def draw_side(axis, ladder, side: int, name: str = "", measure: str = "output_kurtosis") -> None:
    """Draw the mean of a measure over Rosetta and other neurons of one side, with intervals over neurons."""
    every, here = ladder["neurons"].values, ladder.isel(side=side).sel(measure=measure)
    sizes = np.unique(every)
    for i, (group, words) in enumerate(GROUPS):
        of = f"selectivity_{group}"
        mean, low, high = (style.over_seeds(every, here[f"{of}{end}"].values)[1] for end in ("", "_low", "_high"))
        style.ours(axis, sizes, mean, words, i)
        style.bars(axis, sizes, mean, low, high, i)
    zeros.say_none(axis, here["selectivity_rosetta"], "no Rosetta Neuron at any size")
    axis.axhline(0, color=style.GREY, lw=0.6)
    axis.set_title(side_title(ladder, side, name))
    axis.set_ylabel(METRICS["vocab_excess_kurtosis"])
    axis.margins(y=0.25)  # room for the legend
    negative = (here["selectivity_rosetta_low"].values < 0).any()
    _finish(axis, sizes, bottom=None if negative else 0)


def _finish(axis, sizes, bottom: float | None = 0) -> None:
    axis.set_xscale("log")
    style.size_ticks(axis, sizes, apart=1.45)
    if bottom is not None:
        axis.set_ylim(bottom=bottom)
    axis.set_xlabel("MLP neurons, N")
    axis.legend()
