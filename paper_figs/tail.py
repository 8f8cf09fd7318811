"""Isolation of the other neurons, which follows its law when matches need a correlation (not in figure 27).

Without a threshold nearly every neuron with a feature is matched, and the rest is an accident of the few at the
edge. With ``ρ ≥ 0.5``, that is isolation of at least 1 (Eq. 62), the tail of Eq. 32 is left. Points are draws from the
exact law of the correlations (means over runs, standard errors), lines the detectability integral where it leaves more
than 1e-7, dashes the slope (1 − β)/β. Numbers are exponents of the points, as in figure 27.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import style
from .fig27 import exponent_words
from .results_folder import Results

BETAS = (1.5, 2.0, 3.0)
SIZES, RUNS = 2 ** np.arange(9, 15), 10
FLOOR = 1e-7
PANELS = [(-1.0, "no threshold"), (0.5, "ρ ≥ 0.5")]


def make(results: Results, path: Path) -> list[Path]:
    """Simulate and draw; a few seconds."""
    from ..sims import Choices, simulate

    with style.figure(columns=2, size=(8.8, 3.8)) as (figure, axes):
        for axis, (threshold, title) in zip(axes, PANELS, strict=True):
            choices, labels = Choices(threshold=threshold), []
            line = simulate(SIZES, BETAS, engine="expected", choices=choices, quiet=True)
            samples = simulate(SIZES, BETAS, runs=RUNS, engine="wishart", choices=choices, quiet=True)
            for i, beta in enumerate(BETAS):
                labels += _series(axis, line, samples, beta, i)
            axis.set_xlabel("neurons per network, N")
            axis.set_title(title)
            axis.annotate("fitted ± 95% ((1−β)/β)", (1, 1.01), (6, 0), "axes fraction", "offset points", fontsize=8)
            style.log_sizes(axis)
            axis.set_ylim(bottom=max(axis.get_ylim()[0], FLOOR))  # less than this is nothing left
            style.label_ends(axis, labels)
        axes[0].set_ylabel("isolation per other neuron, tail/(N − R)")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(BETAS))
        style.source_note(
            figure, "Points: simulated networks. Solid: expected value. Dashed: the paper's limit (1−β)/β."
        )
        return style.save(figure, path)


def _series(axis, line, samples, beta: float, i: int) -> list[tuple[float, float, str, str]]:
    colour, quantity = style.CYCLE[i], "isolation_per_non_rosetta"
    expected = np.array([point.mean(quantity) for point in line.points if point.packing.beta == beta])
    runs = [[getattr(run, quantity) for run in p.runs] for p in samples.points if p.packing.beta == beta]
    mean, error = np.mean(runs, axis=1), np.std(runs, axis=1, ddof=1) / np.sqrt(RUNS)
    shown = mean > 0
    look = {"fmt": style.MARKERS[i], "color": colour, "mec": "white", "mew": 0.6, "elinewidth": 1}
    axis.errorbar(SIZES[shown], mean[shown], np.minimum(error, 0.9 * mean)[shown], label=f"β = {beta:g}", **look)
    axis.plot(SIZES, np.where(expected > FLOOR, expected, np.nan), color=colour, lw=1.3)
    limit = expected[0] * (SIZES / SIZES[0]) ** ((1 - beta) / beta)
    axis.plot(SIZES, limit, "--", color=colour, lw=0.9)
    fit = next(f for f in samples.fits if f.beta == beta and f.quantity == quantity)
    end = expected[-1] if expected[-1] > FLOOR else np.max(mean, initial=FLOOR)
    return [(SIZES[-1], end, exponent_words(fit, shown), style.dark(colour))]
