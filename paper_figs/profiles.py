"""The isolation profile, read off the correlations in rank order: one curve per size, and the fitted lines.

By Eqs. 14 and 62, ``1 − ρ_(r) = (r/r0)^b``: straight in log-log, with b = β. Points are the pairs above the ladder's
common threshold; of very many, those at ranks in equal steps of log r. The dashed line has the slope that the counts
require for large networks, 1/α, and ends at the largest size's last pair.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import style
from .results_folder import Results

if TYPE_CHECKING:
    from ..validation.series import Series
    from ..validation.triangle import Triangle

MOST_POINTS = 2000  # that are all drawn; a page with more would be slow to open
STEPS = 60  # of the logarithm of the rank, where fewer are drawn


def make(results: Results, path: Path) -> list[Path]:
    """Draw each ladder whose triangle can be measured."""
    from ..validation.triangle import TriangleStatus

    files = []
    for row in results.rows:
        if row.series.source in ("language", "vision", "ladder") and not row.series.reference:
            if row.triangle is None or row.triangle.status is not TriangleStatus.OK:
                continue
            target = style.target_of(path, files, row.series.name.split(" (")[0])
            files += draw(row.series, row.triangle, target)
    return files


def draw(series: Series, triangle: Triangle, path: str | os.PathLike[str]) -> list[Path]:
    """Draw the profiles of one ladder; save PNG and SVG."""
    with style.figure(size=(style.WIDTH + 0.4, 4.2)) as (figure, axis):
        style.log_sizes(axis)
        labels = []
        sizes = np.unique(triangle.neurons)
        colours = [style.shade(style.COLOURS["blue"], depth) for depth in np.linspace(0.25, 1, len(sizes))]
        cut = _cut(series, triangle)
        many = sum(len(rho) for _, rho in cut) > MOST_POINTS
        for size, rho in cut:
            i = int(np.searchsorted(sizes, size))
            ranks = spread_ranks(len(rho)) if many else np.arange(1, len(rho) + 1)
            axis.plot(ranks, 1 - rho[ranks - 1], style.MARKERS[i % 7], color=colours[i], ms=3.5, mew=0)
        for size, profile in zip(triangle.neurons, triangle.profiles, strict=True):
            ranks = np.arange(1, round(profile.pairs) + 1)
            axis.plot(ranks, 1 - profile.correlation(ranks), color=colours[int(np.searchsorted(sizes, size))], lw=1)
        for i, size in enumerate(sizes):
            here = [profile for profile, at in zip(triangle.profiles, triangle.neurons, strict=True) if at == size]
            slopes = ", ".join(f"{profile.exponent:.2f}" for profile in here)
            level = (1 - triangle.threshold) * (1 + 1e-6 * i)  # all end at the threshold: in order of size
            words = f"{style.SIGNS[i % 7]} N = {style.short(size)}, b = {slopes}"
            labels.append((max(profile.pairs for profile in here), level, words, style.dark(colours[i])))
        last, alpha = triangle.profiles[-1], triangle.count.value
        if triangle.count.ci95[0] > 0:  # counts that may not grow ask for no slope
            low = axis.get_ylim()[0] / 1.2
            first = last.pairs * max((low / (1 - triangle.threshold)) ** alpha, 1 / 8)
            ranks = np.array([first, last.pairs])
            line = labels[-1][1] * (ranks / last.pairs) ** (1 / alpha)
            axis.plot(ranks, line, "--", color=style.INK, lw=1.1)
            axis.annotate(
                f"slope 1/α = {1 / alpha:.2f},\nrequired by the counts for N → ∞",
                (ranks[0], line[0]),
                (-8, 0),
                textcoords="offset points",
                va="bottom",
                ha="right",
                fontsize=8,
            )
        axis.set_xlabel("rank of the pair by correlation, r")
        axis.set_ylabel("1 − ρ")
        estimates = [
            f"{symbol} = {one.value:.2f} ({one.ci95[0]:.2f} to {one.ci95[1]:.2f})".replace("-", "−")
            for symbol, one in (("b", triangle.profile), ("α", triangle.count))
        ]
        axis.set_title(f"{series.name}\n{', '.join(estimates)}")
        style.label_ends(axis, labels)
        if many:
            style.source_note(figure, "Points: pairs at ranks in equal steps of log r. Lines: fits to all pairs.")
        return style.save(figure, path)


def spread_ranks(pairs: int) -> np.ndarray:
    """Ranks from the first to the last in steps of their logarithm, each once; whole numbers, ascending."""
    return np.unique(np.round(np.geomspace(1, pairs, STEPS)).astype(int))


def _cut(series: Series, triangle: Triangle) -> list[tuple[float, np.ndarray]]:
    """Return size and correlations of each matching that has enough above the threshold, best first."""
    from ..validation.profiles import FEWEST_PAIRS

    assert series.correlations is not None
    cut = [np.sort(rho[rho >= triangle.threshold])[::-1] for rho in series.correlations]
    return [(size, rho) for size, rho in zip(series.neurons.tolist(), cut, strict=True) if len(rho) >= FEWEST_PAIRS]
