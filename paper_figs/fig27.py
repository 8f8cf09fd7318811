"""Figure 27: synthetic networks over size: the count, the isolation of matched neurons, and that of all others.

Points are means over runs with their standard errors; lines are least squares on the logarithms. The number at each
line is its exponent with its 95% interval, and in brackets the limit for endless networks. Where nothing is left at so
many sizes that an exponent would have no interval, none is given.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import style
from .results_folder import Results

if TYPE_CHECKING:
    from ..sims import Simulation
    from ..sims.exponents import Exponent

PANELS = [
    ("count", "matched pairs", "1/β"),
    ("mean_isolation_matched", "their isolation", "(β−1)/β"),
    ("isolation_per_non_rosetta", "others: isolation", "(1−β)/β"),
]

KEY = "mean over runs ± standard error\nat each line: its exponent ± 95%,\nin brackets the theory's for N → ∞"


def make(results: Results, path: Path) -> list[Path]:
    """Draw each simulation."""
    from ..sims import Simulation

    files = []
    for name, ds in results.of("simulation"):
        files += draw(Simulation.from_dataset(ds), style.target_of(path, files, name))
    return files


def draw(simulation: Simulation, path: str | os.PathLike[str]) -> list[Path]:
    """Draw one simulation; save PNG and SVG."""
    betas = list(dict.fromkeys(point.packing.beta for point in simulation.points))
    with style.panels(3, 4.0, 3.6) as (figure, axes):
        for axis, (quantity, title, law) in zip(axes, PANELS, strict=True):
            labels = []
            for i, beta in enumerate(betas):
                points = [point for point in simulation.points if point.packing.beta == beta]
                fit = next(f for f in simulation.fits if f.beta == beta and f.quantity == quantity)
                labels += _series(axis, points, quantity, fit, i)
            axis.set_title(title)
            axis.set_xlabel("neurons per network, N")
            style.log_sizes(axis)
            axis.annotate(f"exponent ({law})", (1, 1.02), (6, 0), "axes fraction", "offset points", fontsize=8)
            style.label_ends(axis, labels)
        handles = axes[0].get_legend_handles_labels()
        figure.legend(*handles, title=KEY, **style.beside_panels(len(PANELS), len(betas)))
        return style.save(figure, path)


def _series(axis, points, quantity, fit, i) -> list[tuple[float, float, str, str]]:
    colour, marker = style.CYCLE[i % 7], style.MARKERS[i % 7]
    sizes = np.array([point.packing.neurons for point in points], dtype=float)
    values = np.array([point.mean(quantity) for point in points])
    runs = np.array([[getattr(run, quantity) for run in point.runs] for point in points], dtype=float)
    shown = values > 0
    if not shown.any():
        return []
    error = runs.std(axis=1, ddof=1) / np.sqrt(runs.shape[1]) if runs.shape[1] > 1 else np.zeros(len(points))
    error = np.minimum(np.nan_to_num(error), 0.9 * values)[shown]
    look = {"fmt": marker, "color": colour, "mec": "white", "mew": 0.6, "elinewidth": 1}
    axis.errorbar(sizes[shown], values[shown], error, label=f"β = {fit.beta:g}", **look)
    x, y = np.log(sizes[shown]), np.log(values[shown])
    line = np.exp(y.mean() + fit.exponent * (x - x.mean()))
    if np.isfinite(fit.exponent_ci95[0]):
        axis.plot(sizes[shown], line, color=colour, lw=1.1)
    else:
        line = values[shown]
    return [(sizes[shown][-1], line[-1], exponent_words(fit, shown), style.dark(colour))]


def exponent_words(fit: Exponent, shown: np.ndarray) -> str:
    """Return exponent, interval and limit; or at how many sizes anything is left, if those are too few."""
    low, high = fit.exponent_ci95
    if not np.isfinite(low):
        return f"at {shown.sum()} of {shown.size} sizes"
    digits = 3 if high - low < 0.02 else 2
    words = f"{fit.exponent:.{digits}f} ± {(high - low) / 2:.{digits}f}".replace("-", "−")
    return f"{words} ({style.signed(fit.asymptotic_exponent)})"
