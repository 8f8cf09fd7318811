"""Figure 3: the count of Rosetta Neurons over network size, with its nulls, which the paper's figure lacks.

One ladder of model pairs. Filled circles: pairs above one correlation at all sizes, the largest calibrated threshold,
with standard errors, the fitted power law with its 95% band, and the theory's curve at the fitted β. Small diamonds:
pairs above each size's own threshold, where that is lower. Hollow: mutual nearest neighbours without a threshold (the
paper's count), for the trained networks and for the nulls. Thin vertical lines: 95% intervals over the draws of a null,
with an arrow where one extends below the axis. Zeros lie in a separate row at the bottom.

Counts without a ladder (tables, saved laws, matchings of several sizes) are drawn alone, with the same fits.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import style
from .results_folder import MeasuredLadder, Results
from .zeros import Zeros, interrupted, intervals, of_means

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from ..validation.analysis import Analysis

Look = tuple[str, str, str, str]  # variable, label, marker, colour
Label = tuple[float, float, str, str]  # point, text, colour: `style.label_ends`
STEP = 2.5  # points between the intervals of different nulls at one size
TRAINED: Look = ("raw_count", "trained, no threshold", "o", style.COLOURS["sky"])


def raw() -> list[Look]:
    """Return the looks of counts without a threshold: of trained networks, and of each null."""
    nulls = [(f"{one.label}_raw", f"{one.label}, no threshold", one.marker, one.colour) for one in style.null_looks()]
    return [TRAINED, *nulls]


def above() -> list[Look]:
    """Return the look of each null's counts above ρ*."""
    return [(f"{n.label}_above_threshold", f"{n.label} above ρ*", n.marker, n.colour) for n in style.null_looks()]


def make(results: Results, path: Path) -> list[Path]:
    """Draw every ladder, and every other series of counts that can be fitted."""
    from ..validation.analysis import analyse_series
    from ..validation.series_from import of_ladder

    files = []
    for (name, ladder), (title, _) in zip(results.of("ladder"), results.ladders(), strict=True):
        series = of_ladder(ladder, name)
        fitted = len(np.unique(series.neurons[series.counts > 0])) > 1  # seeds of one size make no curve
        analysis = analyse_series(series) if fitted else None
        files += draw(ladder, analysis, style.target_of(path, files, name), title)
    for row in results.counted:
        if row.analysis is not None:
            files += draw_alone(row.analysis, style.target_of(path, files, row.series.name), row.series.name)
    return files


def draw_alone(analysis: Analysis, path: str | os.PathLike[str], title: str = "") -> list[Path]:
    """Draw counts without a ladder and their fits; save PNG and SVG."""
    with style.figure(size=(style.WIDTH + 0.4, 4.2)) as (figure, axis):
        draw_counts(axis, analysis)
        if title:
            axis.set_title(title)
        return style.save(figure, path)


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw the counts of one measured ladder for its own page, without a title."""
    return draw(measured.ladder, measured.analysis, path)


def draw(ladder: xr.Dataset, analysis: Analysis | None, path: str | os.PathLike[str], title: str = "") -> list[Path]:
    """Draw a ladder's counts, nulls and fits; save PNG and SVG.

    Parameters
    ----------
    ladder : xarray.Dataset
        Dimension ``rung``; ``neurons`` and ``calibrated_count``, and of the other measured variables those there are.
    analysis : Analysis or None
        Fits of the calibrated counts (`rosettalaw.validation.analysis.analyse`); None draws points alone.
    path : path
        File; its ending is replaced.
    title : str
        Models that are matched ("GPT-2 × GPT-NeoX, trained here").
    """
    with style.figure(size=(style.WIDTH + 0.7, 4.4)) as (figure, axis):
        draw_on(axis, ladder, analysis)
        if title:
            axis.set_title(title)
        return style.save(figure, path)


def draw_on(axis: Axes, ladder: xr.Dataset, analysis: Analysis | None) -> None:
    """Draw a ladder's counts, nulls and fits into axes."""
    neurons = np.asarray(ladder["neurons"].values, dtype=float)
    style.log_sizes(axis, neurons)
    zeros, labels, nowhere = Zeros(axis), [], []
    for looks, hollow in ((raw(), True), (above(), False)):
        for name, words, marker, colour in looks:
            if name in ladder and np.isfinite(ladder[name].values).any():  # a null that was not drawn has no count
                label = _series(axis, neurons, ladder[name].values, words, marker, colour, hollow, zeros)
                labels += label
                nowhere += [] if label else [words]
    labels += _counted(axis, ladder, neurons, analysis, zeros)
    ends = _intervals(ladder, neurons)
    axis.set_ylim(top=max([axis.get_ylim()[1], *(1.05 * high.max() for *_, high in ends)]))
    if analysis is not None:
        _fits(axis, neurons, analysis)
    _frame(axis, neurons)
    for i, (colour, sizes, low, high) in enumerate(ends):
        intervals(axis, sizes, low, high, colour, STEP * (i - (len(ends) - 1) / 2))
    row = zeros.draw()
    if row is not None and nowhere:
        labels.append((neurons.max(), row, "at no size:\n" + "\n".join(nowhere), style.dark(style.GREY)))
    style.label_ends(axis, labels)


def draw_counts(axis: Axes, analysis: Analysis) -> None:
    """Draw counts alone, with their standard deviations where known, and their fits into axes."""
    data = analysis.power_law.data
    neurons, counts = np.asarray(data.neurons, dtype=float), np.asarray(data.counts, dtype=float)
    style.log_sizes(axis, neurons)
    shown = counts > 0
    sd = None if data.sd is None else np.asarray(data.sd, dtype=float)[shown]
    _points(axis, neurons[shown], counts[shown], sd, "")
    _fits(axis, neurons, analysis)
    zeros, sizes = Zeros(axis), np.asarray(data.with_zeros()[0], dtype=float)
    zeros.add(*data.with_zeros(), "o", style.COLOURS["blue"], style.COLOURS["blue"], "count")
    _frame(axis, sizes)
    zeros.draw()


def _frame(axis: Axes, neurons: np.ndarray) -> None:
    axis.set_xlim(neurons.min() / 1.12, neurons.max() * 1.12)
    axis.set_xlabel("MLP neurons per network, N")
    axis.set_ylabel("matched pairs")


def _series(axis, neurons, counts, words, marker, colour, hollow, zeros: Zeros) -> list[Label]:
    known = np.isfinite(counts)
    neurons, counts = style.over_seeds(neurons[known], counts[known])
    face = "white" if hollow else colour
    zeros.add(neurons, counts, marker, colour, face, words)
    if not counts.any():
        return []
    look: dict[str, Any] = {
        "ls": ":" if hollow else "-",
        "lw": 1,
        "color": colour,
        "mfc": face,
        "mec": colour,
        "ms": 5,
        "gid": words,
    }
    axis.plot(neurons, interrupted(counts), marker, **look)
    last = np.flatnonzero(counts)[-1]
    return [(neurons[last], counts[last], words, style.dark(colour))]


def _intervals(ladder, neurons: np.ndarray) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Return colour, sizes and ends of the 95% intervals of each null's mean, over draws and pairs of a size."""
    ends = []
    for name, _, _, colour in (*raw(), *above()):
        if f"{name}_low" in ladder:
            values = (ladder[name + end].values for end in ("", "_low", "_high"))
            sizes, low, high = of_means(neurons, *values, shared=name.startswith("untrained"))
            some = np.isfinite(low) & np.isfinite(high) & (high > 0)
            if some.any():
                ends.append((colour, sizes[some], low[some], high[some]))
    return ends


def _counted(axis, ladder, neurons, analysis: Analysis | None, zeros: Zeros) -> list[Label]:
    """Draw the counts that were fitted, those at one correlation if there is one, and each size's own beside them."""
    if analysis is None or not np.isfinite(analysis.common_rho):
        return _calibrated(axis, ladder, neurons, zeros)
    data, own = analysis.power_law.data, np.asarray(ladder["calibrated_count"].values, dtype=float)
    sizes, means = style.over_seeds(neurons, own)
    dark = style.dark(style.COLOURS["blue"])
    look: dict[str, Any] = {"color": dark, "mec": "white", "mew": 0.5, "ms": 5, "ls": "none", "zorder": 4}
    axis.plot(sizes, interrupted(means), "D", gid="trained, above each size's own ρ*", **look)
    zeros.add(sizes, means, "D", dark, dark, "trained, above each size's own ρ*")
    if "seed_a" in ladder and "pair_rung" in ladder:  # each pair of seeds, behind their mean
        rung, rho = ladder["pair_rung"].values, ladder["correlation"].values
        each = [np.sum(rho[rung == i] >= analysis.common_rho) for i in range(len(neurons))]
        axis.plot(neurons, each, "o", ms=3, color=style.COLOURS["blue"], alpha=0.45, mew=0, zorder=2)
    labels = _points(axis, data.neurons, data.counts, data.sd, f"trained, ρ ≥ {analysis.common_rho:.2f}")
    higher = means[-1] > 1.05 * labels[0][1]
    return [*labels, (sizes[-1], means[-1], "each size's own ρ*", dark)] if higher else labels


def _calibrated(axis, ladder, neurons, zeros: Zeros) -> list[Label]:
    counts = np.asarray(ladder["calibrated_count"].values, dtype=float)
    shown = counts > 0
    zeros.add(neurons, counts, "o", style.COLOURS["blue"], style.COLOURS["blue"], "trained, above ρ*")
    if not shown.any():
        return []
    se = ladder.get("calibrated_count_se")
    sd = None if se is None else np.nan_to_num(np.asarray(se.values, dtype=float)[shown])
    return _points(axis, neurons[shown], counts[shown], sd, "trained, above ρ*")


def _points(axis, neurons, counts, sd, words: str) -> list[Label]:
    errors = None if sd is None else np.stack([np.minimum(sd, 0.9 * counts), sd])
    blue = style.COLOURS["blue"]
    look = {"fmt": "o", "ms": 6.5, "elinewidth": 1.2, "color": blue, "mec": "white", "mew": 0.8, "zorder": 5}
    axis.errorbar(neurons, counts, errors, gid=words, **look)
    return [(neurons[-1], counts[-1], words if sd is None else f"{words}\n(± 1 s.e.)", blue)]


def _fits(axis, neurons, analysis: Analysis) -> None:
    line, theory = analysis.power_law, analysis.theory
    grid = np.geomspace(neurons.min() / 1.1, neurons.max() * 1.1, 200)
    limits = axis.get_ylim()
    blue = style.COLOURS["blue"]
    axis.plot(grid, line.predict(grid), color=blue, label=_estimate("power law, α", line.exponent, line.exponent_ci95))
    if line.n > 2:
        axis.fill_between(grid, *line.band(grid), color=blue, alpha=0.13, lw=0, label="its 95% band")
    if np.isfinite(theory.beta):
        words = _estimate("theory, β", theory.beta, theory.beta_ci95)
        axis.plot(grid, theory.predict(grid), "--", lw=1.5, color=style.INK, label=words)
    data = [value for values in (line.data.counts, limits) for value in values]
    low, high = min(data) / 1.1, max(data) * 1.1  # a wide band may leave the picture; the counts may not
    axis.set_ylim(low, high * (high / low) ** 0.15)
    axis.legend(loc="upper left")


def _estimate(words: str, value: float, interval: tuple[float, float]) -> str:
    ends = "" if np.isnan(interval).any() else f" (95%: {style.signed(interval[0])} to {style.signed(interval[1])})"
    return f"{words} = {style.signed(value)}{ends}"
