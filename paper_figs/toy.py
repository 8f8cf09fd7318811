"""Networks trained by gradient descent beside the allocation that theory calls optimal, nothing fitted.

Left: what each trained network tells about every feature (points: median and range over seeds) and the optimal
allocation at the same size (lines). Middle: features with isolation of at least 1 in one neuron. Right: the same
objective without one ingredient at a time, at one size.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import style
from .found import Found

if TYPE_CHECKING:
    import xarray as xr

LAW, BETA = "law", 1.5
WORDS = {
    "linear": "no ReLU",
    "no noise": "no noise",
    "price": "a price for energy",
    "layer norm": "layer norm",
    "squared error": "squared error",
    "plain": "plain autoencoder",
}
FLOOR = 0.3


def make(found: Found, path: Path) -> list[Path]:
    """Draw the cells of all toy studies together; without the recipe that contains everything, nothing."""
    cells = [ds.isel(cell=i) for _, ds in found.of("toy") for i in range(ds.sizes["cell"])]
    if not any(_name(cell) == LAW for cell in cells):
        return []
    return draw(cells, path)


def draw(cells: list[xr.Dataset], path: str | os.PathLike[str]) -> list[Path]:
    """Draw cells of `rosettalaw.sims.toy_study`; save PNG and SVG."""
    law = [cell for cell in cells if _name(cell) == LAW]
    betas = sorted({float(cell["beta"]) for cell in law})
    shown = BETA if BETA in betas else betas[0]
    with style.figure(columns=3, size=(12.4, 4.6), width_ratios=(1.35, 1, 1)) as (figure, (left, middle, right)):
        _profiles(left, [cell for cell in law if float(cell["beta"]) == shown], shown)
        _counts(middle, law, betas)
        _controls(right, cells, shown)
        return style.save(figure, path)


def _profiles(axis, cells: list[xr.Dataset], beta: float) -> None:
    for i, cell in enumerate(cells):
        colour = style.shade(style.COLOURS["blue"], 0.3 + 0.7 * i / max(len(cells) - 1, 1))
        optimum = cell["toy_optimum"].values
        told = cell["toy_information"].values
        ranks = np.arange(1, len(optimum) + 1)
        on = optimum > FLOOR
        axis.plot(ranks[on], optimum[on], color=colour, lw=1.3)
        middle, low, high = (np.nanquantile(told[:, on], q, axis=0) for q in (0.5, 0, 1))
        errors = [np.maximum(middle - np.maximum(low, 1e-3), 0), high - middle]
        look = {"fmt": "o", "ms": 4.4, "mew": 0, "elinewidth": 0.8, "capsize": 0}
        axis.errorbar(ranks[on], middle, errors, color=colour, **look)
        axis.annotate(
            f"N = {int(cell['neurons'])}",
            (1, optimum[0]),
            (-5, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
            color=style.dark(colour),
        )
    axis.axhline(1, color=style.GREY, lw=0.8, ls=":")
    style.log_sizes(axis)
    axis.set_ylim(bottom=FLOOR)
    axis.set_xlim(left=0.5)  # room for the labels
    axis.set_xlabel("feature rank r")
    axis.set_ylabel("isolation: Var x/MSE − 1")
    axis.set_title(f"Learned (points) and optimal (lines), β = {beta:g}")


def _counts(axis, cells: list[xr.Dataset], betas: list[float]) -> None:
    for i, beta in enumerate(betas):
        here = sorted((cell for cell in cells if float(cell["beta"]) == beta), key=lambda cell: int(cell["neurons"]))
        sizes = np.array([int(cell["neurons"]) for cell in here])
        optimum = np.array([float(cell["optimal_count"]) for cell in here])
        counts = np.array([float(cell["count"]) for cell in here])
        sd = np.nan_to_num([float(cell["count_sd"]) for cell in here])
        colour = style.CYCLE[i % 7]
        axis.plot(sizes, optimum, color=colour, lw=1.2)
        look = {"fmt": style.MARKERS[i % 7], "color": colour, "mec": "white", "mew": 0.7, "ms": 6.5}
        axis.errorbar(sizes, counts, np.minimum(sd, 0.9 * counts), label=f"β = {beta:g}", **look)
    style.log_sizes(axis, sizes)
    axis.legend(loc="upper left")
    axis.set_xlabel("neurons per network, N")
    axis.set_title("features with s ≥ 1")


def _controls(axis, cells: list[xr.Dataset], beta: float) -> None:
    controls = [cell for cell in cells if _name(cell) in WORDS and float(cell["beta"]) == beta]
    law = [cell for cell in cells if _name(cell) == LAW and float(cell["beta"]) == beta]
    common = {int(c["neurons"]) for c in controls} & {int(c["neurons"]) for c in law}
    axis.set_title("without one ingredient")
    axis.set_xlabel("feature rank r")
    axis.set_ylabel("isolation in one neuron, s")
    if not common:
        axis.annotate("no controls here", (0.5, 0.5), xycoords="axes fraction", ha="center", color=style.GREY)
        return
    size = max(common)
    chosen = [c for c in law + controls if int(c["neurons"]) == size]
    for i, cell in enumerate(chosen):
        name = _name(cell)
        isolation = cell["toy_isolation"].values[..., : 2 * size]
        isolation = isolation[:, ~np.isnan(isolation).all(axis=0)]  # narrower cells end earlier
        s = np.nanmedian(isolation, axis=0)
        ranks = np.arange(1, len(s) + 1)
        s = np.where(np.isfinite(s) & (s > 0), s, np.nan)
        if name == LAW:
            optimum = cell["toy_optimum"].values[: len(s)]
            axis.plot(ranks, optimum, color=style.INK, lw=1.4, label="optimum")
            axis.plot(ranks, s, "o", color=style.INK, ms=4, label="all ingredients")
        else:
            line = "none" if name == "no noise" else "-"  # its isolation is unbounded and in no order
            look = {"ls": line, "lw": 0.7, "ms": 3.5, "color": style.CYCLE[(i - 1) % 7], "label": WORDS[name]}
            axis.plot(ranks, s, style.MARKERS[i % 7], **look)
    style.log_sizes(axis)
    best = max(float(np.nanmax(cell["toy_optimum"].values)) for cell in chosen)
    axis.set_ylim(FLOOR, 10 * best)  # without noise isolation has no bound
    axis.set_xlim(0.9, 2 * size)
    axis.legend(loc="upper center", bbox_to_anchor=(0.46, -0.14), fontsize=8, ncols=3)
    axis.set_title(f"without one ingredient, N = {size}")


def _name(cell: xr.Dataset) -> str:
    return str(cell["configuration"].values)
