"""The threshold ρ* between calibrated pairs and chance: pairs that reach a correlation, in trained networks and nulls.

Curves are numbers of mutual pairs with correlation at least ρ, for the null a mean over draws. The shaded region holds
the pairs of the calibrated count (`rosettalaw.empirical.calibration`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import style
from .results_folder import MeasuredLadder, Results

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes


MOST = 4  # matchings of two models that have a figure each


def make(results: Results, path: Path) -> list[Path]:
    """Draw the largest rung of every ladder that has its nulls' correlations, and the first few single matchings."""
    files: list[Path] = []
    for (name, ladder), (title, _) in zip(results.of("ladder"), results.ladders(), strict=True):
        if "null_correlation" not in ladder:
            continue
        files += draw(ladder, style.target_of(path, files, name), title=title)
    matched = [(name, ds) for name, ds in results.of("pairs") if "correlation" in ds and matching_nulls(ds)]
    for name, ds in matched[:MOST]:
        files += _draw_matching(ds, style.target_of(path, files, name), name)
    return files


def matching_nulls(ds: xr.Dataset) -> dict[str, tuple[np.ndarray, int]]:
    """Return the correlations of all draws of each null of one matching, and the number of draws.

    Parameters
    ----------
    ds : xarray.Dataset
        Kind "pairs".
    """
    suffix, nulls = "_correlation", {}
    for name in map(str, ds.data_vars):
        label = name.removesuffix(suffix)
        if name.endswith(suffix) and f"{label}_draws" in ds:
            nulls[label] = (ds[name].values, int(ds[f"{label}_draws"]))
    return nulls


def _draw_matching(ds: xr.Dataset, path: Path, name: str) -> list[Path]:
    threshold, count = (float(ds[word]) if word in ds else None for word in ("threshold", "calibrated_count"))
    with style.figure(size=(style.WIDTH, 3.5)) as (figure, axis):
        known = None if count is None or np.isnan(count) else int(count)
        draw_on(axis, ds["correlation"].values, matching_nulls(ds), threshold, known)
        axis.set_title(name)
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return style.save(figure, path)


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw the largest rung of one measured ladder for its own page."""
    return draw(measured.ladder, path)


def draw(ladder: xr.Dataset, path: str | os.PathLike[str], rung: int = -1, title: str = "") -> list[Path]:
    """Draw one rung's pairs over correlation; save PNG and SVG.

    Parameters
    ----------
    ladder : xarray.Dataset
        Kind "ladder", with ``correlation`` along ``pair`` and ``null_correlation`` along ``null_pair``.
    path : path
        File; its ending is replaced.
    rung : int
        Which rung; by default the largest.
    title : str
        Models that were matched; their size is added.
    """
    rung = rung % ladder.sizes["rung"]
    trained = ladder["correlation"].values[ladder["pair_rung"].values == rung]
    threshold = float(ladder["threshold"].values[rung])
    pairs = int(ladder["calibrated_count"].values[rung])
    here = ladder["null_rung"].values == rung
    nulls = {}
    for look in style.null_looks():
        chosen = here & (ladder["null_kind"].values == look.label)
        if chosen.any():
            draws = len(np.unique(ladder["null_draw"].values[chosen]))
            nulls[look.label] = ladder["null_correlation"].values[chosen], draws
    with style.figure(size=(style.WIDTH, 3.5)) as (figure, axis):
        draw_on(axis, trained, nulls, threshold, pairs)
        size = f"N = {style.short(float(ladder['neurons'].values[rung]))}"
        axis.set_title(f"{title}, {size}" if title else size)
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return style.save(figure, path)


def draw_on(
    axis: Axes,
    trained: np.ndarray,
    nulls: Mapping[str, tuple[np.ndarray, int]],
    threshold: float | None,
    count: int | None,
) -> None:
    """Draw pairs over correlation into axes.

    Parameters
    ----------
    axis : Axes
        Where to draw.
    trained : ndarray, shape (pairs,)
        Correlations of the trained networks' pairs.
    nulls : mapping of str to (ndarray, int)
        Correlations of all draws of each null, and the number of draws.
    threshold : float or None
        ρ*, NaN where nothing reaches it; None without a null.
    count : int or None
        Pairs at or above it.
    """
    _curve(axis, trained, 1, style.COLOURS["blue"], "-", "trained")
    for look in style.null_looks():
        correlations, draws = nulls.get(look.label, (np.empty(0), 0))
        if len(correlations):
            of = f"mean of {draws} draws" if draws > 1 else "one draw"
            _curve(axis, correlations, draws, look.colour, look.dashes, f"{look.label} ({of})")
    if count is not None and (threshold is None or not np.isfinite(threshold)):
        at = {"xycoords": "axes fraction", "ha": "right", "va": "top", "fontsize": 8.5}
        axis.annotate("no correlation separates them from the nulls: 0 calibrated pairs", (0.99, 0.98), **at)
    elif threshold is not None:
        axis.axvspan(threshold, 1, color=style.COLOURS["blue"], alpha=0.07, lw=0)
        axis.axvline(threshold, color=style.INK, lw=0.9)
        left = threshold > 0.75  # of the line there is room then
        axis.annotate(
            f"ρ* = {threshold:.2f}\n{count} calibrated pairs",
            (threshold, 1),
            (-6 if left else 6, -4),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            fontsize=8.5,
        )
    axis.set_yscale("log")
    axis.set_ylim(bottom=0.3)
    axis.set_xlim(0, 1)
    axis.set_xlabel("correlation of the pair, ρ")
    axis.set_ylabel("mutual pairs with correlation ≥ ρ")
    axis.yaxis.set_major_formatter(lambda value, _: style.short(value))


def _curve(axis, correlations: np.ndarray, draws: int, colour: str, dashes, label: str) -> None:
    ordered = np.sort(np.asarray(correlations, dtype=float))
    reached = np.arange(len(ordered), 0, -1) / draws
    x = np.concatenate([[0.0], ordered, ordered[-1:]])
    y = np.concatenate([reached[:1], reached, [1e-9]])
    axis.step(x, y, where="pre", color=colour, ls=dashes, label=label)
