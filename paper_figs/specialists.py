"""Rosetta Neurons against the other neurons of their layers: how likely each is the more selective one, over size.

The probability of superiority is ½ where the groups do not differ (`rosettalaw.empirical.measures.superiority`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import style, zeros
from .results_folder import MeasuredLadder, Results, side_title

MEASURES = {
    "output_kurtosis": "kurtosis over the vocabulary",
    "activation_kurtosis": "kurtosis of the activation",
    "lifetime_sparsity": "lifetime sparsity",
    "domain_entropy": "entropy of top categories",
}


def make(results: Results, path: Path) -> list[Path]:
    """Draw every ladder whose neurons were compared."""
    files = []
    ladders = results.of("ladder")
    for name, ladder in ladders:
        if "superiority" in ladder:
            own = style.target_of(path, files, name)
            files += draw(ladder, own, name if len(ladders) > 1 else "")
    return files


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw one measured ladder for its own page."""
    return draw(measured.ladder, path)


def draw(ladder, path: str | Path, name: str = "") -> list[Path]:
    """Draw the probability of superiority in each measure, one panel per model, with 95% intervals."""
    every = ladder["neurons"].values
    sizes = np.unique(every)
    with style.figure(columns=2, size=(style.WIDTH + 1.6, 3.7), sharey=True) as (figure, axes):
        for side, axis in enumerate(axes):
            axis.set_xscale("log")
            axis.set_xlim(sizes.min() / 1.15, sizes.max() * 1.15)
            for i, (measure, words) in enumerate(MEASURES.items()):
                here = ladder.isel(side=side).sel(measure=measure)
                ends = (here[f"superiority{end}"].values for end in ("", "_low", "_high"))
                value, low, high = (style.over_seeds(every, one)[1] for one in ends)
                look = {"transform": style.beside(axis, 4 * (i - 1.5))}
                style.ours(axis, sizes, value, words, i, **look)
                style.bars(axis, sizes, value, low, high, i, **look)
            zeros.say_none(axis, ladder.isel(side=side)["superiority"], "no Rosetta Neuron at any size")
            axis.axhline(0.5, color=style.INK, lw=0.8)
            style.size_ticks(axis, sizes)
            axis.set_ylim(0, 1)
            axis.set_title(side_title(ladder, side, name))
            axis.set_xlabel("MLP neurons per network, N")
        axes[0].set_ylabel("probability that a Rosetta Neuron\nexceeds another of its layer")
        axes[1].legend(fontsize=7.5, loc="lower right")
        style.source_note(figure, "This package; 95% intervals over neurons, not over training seeds.")
        return style.save(figure, path)
