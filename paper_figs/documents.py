"""Documents that fire the neurons (figures 7, 29 and 30): share of top activations over the category's share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..validation.published import read
from . import style, zeros
from .results_folder import Results, side_title

CATEGORIES = ["code", "math", "formal", "prose", "conversational"]


def draw(results: Results, path: Path, panels: list[tuple[str, str]]) -> list[Path]:
    """Draw one panel for each (family, population), a line for each model from small (light) to large (dark).

    Our ladders follow with the same populations of their first family.
    """
    table = read("fig07_29_30_document_firing")
    ladders = [each for each in results.of("ladder") if "firing_rosetta" in each[1]]
    populations = list(dict.fromkeys(population for _, population in panels))
    mine = [
        (ladder, population, name if len(ladders) > 1 else "") for name, ladder in ladders for population in populations
    ]
    with style.panels(len(panels) + len(mine), 3.6, 3.5) as (figure, axes):
        for axis, (family, population) in zip(axes, panels, strict=False):
            rows = table[(table["family"] == family) & (table["population"] == population)]
            shades = np.linspace(0.25, 1, len(rows))
            for i, (_, row) in enumerate(rows.iterrows()):
                colour = style.shade(style.COLOURS["blue"], shades[i])
                style.published(axis, range(5), row[CATEGORIES].astype(float), str(row["model"]), i, color=colour)
            axis.set_title(f"{family}: {'Rosetta' if population == 'rosetta' else population}")
            axis.set_ylim(0.3, 2.1)
            _finish(axis, CATEGORIES)
        for axis, (ladder, population, name) in zip(axes[len(panels) :], mine, strict=True):
            draw_population(axis, ladder, 0, "rosetta" if population == "rosetta" else "control", name)
        for axis in axes:
            if axis.get_subplotspec().is_first_col():
                axis.set_ylabel("firing, 1 = corpus share")
        quality = table.attrs["quality"].split("quality: ")[-1]
        note = f"Hollow: arXiv 2606.03990, {quality}."
        style.source_note(figure, note + (" Filled: this package, 95% interval of the largest." if mine else ""))
        return style.save(figure, path)


def draw_ladder(ladder, path: Path) -> list[Path]:
    """Draw both populations of one ladder's first family alone."""
    with style.figure(columns=2, size=(style.WIDTH + 1.6, 3.5), sharey=True) as (figure, axes):
        draw_population(axes[0], ladder, 0, "rosetta")
        draw_population(axes[1], ladder, 0, "control")
        axes[0].set_ylabel("firing, 1 = corpus share")
        return style.save(figure, path)


def draw_population(axis, ladder, side: int, group: str, name: str = "") -> None:
    """Draw the firing of one side's Rosetta Neurons or control at every size, the largest with its interval."""
    here = ladder.isel(side=side)
    names = ladder["category"].values.tolist()
    every = ladder["neurons"].values
    sizes, firing = style.over_seeds(every, here[f"firing_{group}"].values)
    shades = np.linspace(0.25, 1, len(sizes))
    blue = style.COLOURS["blue"]
    for i, size in enumerate(sizes):
        colour = style.shade(blue, shades[i])
        style.ours(axis, range(len(names)), firing[i], f"N = {style.short(float(size))}", i, color=colour)
    value, low, high = (
        style.over_seeds(every, here[f"firing_{group}{end}"].values)[1][-1] for end in ("", "_low", "_high")
    )
    zeros.say_none(axis, firing, "no Rosetta Neuron at any size")
    style.bars(axis, range(len(names)), value, np.maximum(low, 0), high)
    # The same for both populations, with room for the legend above every line.
    heights = [here[f"firing_{each}"] for each in ("rosetta", "control")]
    heights += [here[f"firing_{each}_high"][every == sizes[-1]] for each in ("rosetta", "control")]
    values = np.concatenate([np.ravel(each) for each in heights])
    # With no Rosetta Neuron at any size, the corpus share alone is drawn.
    highest = np.max(values, initial=1, where=np.isfinite(values))
    axis.set_ylim(-0.05 * highest, 1.75 * highest)
    words = "Rosetta" if group == "rosetta" else "random others"
    axis.set_title(f"{side_title(ladder, side, name)}: {words}")
    shares = ladder["category_share"].values[-1]
    _finish(axis, [f"{name} ({share:.2g})" for name, share in zip(names, shares, strict=True)])
    axis.set_xlabel("category (its share of the positions)")


def _finish(axis, names: list[str]) -> None:
    axis.axhline(1, color=style.INK, lw=0.8)
    axis.set_xticks(range(len(names)), names, rotation=25, ha="right")
    axis.legend(ncols=2, fontsize=7.5, loc="upper right")
