"""Networks trained by gradient descent beside the optimal allocation of the theory, nothing fitted.

Large: the information of each trained network about every feature (points: median and range over seeds) and the
optimal allocation at the same size (lines). Small, each where a study has the cells for it: features with isolation of
at least 1 in one neuron, with the plain recipe hollow, and crosses for four times the updates on the same samples;
their share of the optimum's count, over the number of times that training showed the rarest; more and fewer features
than neurons; and the same objective without one ingredient at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import style
from .results_folder import Results

if TYPE_CHECKING:
    import xarray as xr

LAW, SCALED, FEW, MANY = "law", "scaled", "few features", "many updates"
SCAN = ("slow readout", "batch 32", "batch 128", "batch 2048", SCALED)
WORDS = {
    "linear": "no ReLU",
    "no noise": "no noise",
    "price": "a price for energy",
    "weight decay": "weight decay",
    "layer norm": "layer norm",
    "squared error": "squared error",
    "plain": "plain autoencoder",
}
FLOOR = 0.3
Cells = list[Any]


def make(results: Results, path: Path) -> list[Path]:
    """Draw the cells of all toy studies together; without a recipe that contains everything, nothing."""
    cells = [ds.isel(cell=i) for _, ds in results.of("toy") for i in range(ds.sizes["cell"])]
    return draw(cells, path) if _of(cells, LAW) or _of(cells, SCALED) else []


def draw(cells: Cells, path: str | os.PathLike[str]) -> list[Path]:
    """Draw cells of `rosettalaw.sims.toy_study`; save PNG and SVG."""
    best = _of(cells, SCALED) or _of(cells, LAW)
    beta = min({float(cell["beta"]) for cell in best}, key=lambda b: (-_widest(best, b), abs(b - 1.5)))
    panels: list[Callable[[Any], None]] = [lambda axis: _counts(axis, cells)]
    if len({_size(cell) for name in SCAN for cell in _of(cells, name)}) > 1 and _of(cells, "batch 128"):
        panels.append(lambda axis: _seen(axis, cells))
    if _of(cells, FEW):
        panels.append(lambda axis: _few(axis, cells))
    if any(_of(cells, name) for name in WORDS):
        panels.append(lambda axis: _controls(axis, cells))
    rows, columns = (2, 3) if len(panels) > 2 else (1, 1 + len(panels))
    look = {"size": (4.3 * columns, 4.0 * rows), "width_ratios": (1.3, *[1] * (columns - 1)), "squeeze": False}
    with style.figure(columns, rows, **look) as (figure, axes):
        grid = axes[0, 0].get_gridspec()
        for axis in axes[:, 0]:
            axis.remove()
        _profiles(figure.add_subplot(grid[:, 0]), [cell for cell in best if float(cell["beta"]) == beta], beta)
        free = list(axes[:, 1:].flat)
        for axis, panel in zip(free, panels, strict=False):
            panel(axis)
        for axis in free[len(panels) :]:
            axis.remove()
        return style.save(figure, path)


def _profiles(axis, cells: Cells, beta: float) -> None:
    cells = sorted(cells, key=_size)
    for i, cell in enumerate(cells):
        colour = style.shade(style.COLOURS["blue"], 0.3 + 0.7 * i / max(len(cells) - 1, 1))
        optimum, information = cell["toy_optimum"].values, cell["toy_information"].values
        information = information[~np.isnan(information).all(axis=1)]
        ranks = np.arange(1, len(optimum) + 1)
        on = optimum > FLOOR
        axis.plot(ranks[on], optimum[on], color=colour, lw=1.3)
        middle, low, high = (np.nanquantile(information[:, on], q, axis=0) for q in (0.5, 0, 1))
        errors = [np.maximum(middle - np.maximum(low, 1e-3), 0), high - middle]
        axis.errorbar(ranks[on], middle, errors, color=colour, fmt="o", ms=4, mew=0, elinewidth=0.8, capsize=0)
        where = {"xytext": (-5, 0), "textcoords": "offset points", "ha": "right", "va": "center", "fontsize": 8}
        axis.annotate(f"N = {_size(cell)}", (1, optimum[0]), color=style.dark(colour), **where)
    axis.axhline(1, color=style.GREY, lw=0.8, ls=":")
    style.log_sizes(axis)
    axis.set_ylim(bottom=FLOOR)
    axis.set_xlim(left=0.45)  # room for the labels
    axis.set_xlabel("feature rank r")
    axis.set_ylabel("isolation: Var x/MSE − 1")
    axis.set_title(f"Learned by gradient descent (points),\noptimal allocation (lines), β = {beta:g}")


def _counts(axis, cells: Cells) -> None:
    names = [name for name in (LAW, SCALED) if _of(cells, name)]
    shown = [cell for name in names for cell in _of(cells, name)]
    for i, beta in enumerate(_betas(shown)):
        colour = style.CYCLE[i % 7]
        line = sorted({(_size(c), float(c["optimal_count"])) for c in shown if float(c["beta"]) == beta})
        axis.plot(*zip(*line, strict=True), color=colour, lw=1.2)
        for name in names:
            here = [cell for cell in _of(cells, name) if float(cell["beta"]) == beta]
            counts = np.array([float(cell["count"]) for cell in here])
            sd = np.minimum(np.nan_to_num([float(cell["count_sd"]) for cell in here]), 0.9 * counts)
            face = "white" if len(names) == 2 and name == LAW else colour
            look = {"fmt": style.MARKERS[i % 7], "color": colour, "mfc": face, "mec": colour, "mew": 0.9, "ms": 5.5}
            label = f"β = {beta:g}" if face != "white" else None
            axis.errorbar([_size(cell) for cell in here], counts, sd, label=label, **look)
        wide = [cell for cell in _many(cells) if float(cell["beta"]) == beta]
        axis.plot([_size(c) for c in wide], [float(c["count"]) for c in wide], **_cross(colour))
    if _many(cells):
        axis.plot([], [], **_cross(style.GREY), label="4 × the updates")
    style.log_sizes(axis, [_size(cell) for cell in shown])
    axis.legend(loc="upper left")
    axis.set_xlabel("neurons per network, N")
    axis.set_title("features with s ≥ 1" + (" (hollow: plain recipe)" if len(names) == 2 else ""))


def _seen(axis, cells: Cells) -> None:
    shown = [cell for name in SCAN for cell in _of(cells, name) if _size(cell) >= 32]
    sizes = sorted({_size(cell) for cell in shown})
    for i, beta in enumerate(_betas(shown)):
        for j, size in enumerate(sizes):
            here = [cell for cell in shown if float(cell["beta"]) == beta and _size(cell) == size]
            share = [float(cell["count"]) / float(cell["optimal_count"]) for cell in here]
            look = {"color": style.CYCLE[i % 7], "mec": "white", "mew": 0.5, "ms": 6.5}
            axis.plot([float(cell["visits"]) for cell in here], share, style.MARKERS[j % 7], **look)
        wide = [cell for cell in _many(cells) if float(cell["beta"]) == beta]
        share = [float(cell["count"]) / float(cell["optimal_count"]) for cell in wide]
        axis.plot([float(cell["visits"]) for cell in wide], share, **_cross(style.CYCLE[i % 7]))
    for j, size in enumerate(sizes):
        axis.plot([], [], style.MARKERS[j % 7], color=style.GREY, label=f"N = {size}")
    if _many(cells):
        axis.plot([], [], **_cross(style.GREY), label="4 × the updates")
    _colours(axis, _betas(shown))
    axis.axhline(1, color=style.GREY, lw=0.8, ls=":")
    axis.set_xscale("log")
    axis.set_ylim(0, 1.4)
    axis.legend(loc="lower right", fontsize=8, ncols=2)
    axis.set_xlabel("times that training showed the rarest feature, V")
    axis.set_title("share of the optimum's count found")


def _many(cells: Cells) -> Cells:
    """Return the cells with four times the updates, and a quarter of the samples in each, of "scaled"."""
    return sorted((cell for cell in _of(cells, MANY) if _size(cell) >= 128), key=_size)


def _colours(axis, betas: list[float]) -> None:
    for i, beta in enumerate(betas):
        axis.plot([], [], color=style.CYCLE[i % 7], lw=3, label=f"β = {beta:g}")


def _cross(colour: str) -> dict[str, Any]:
    return {"ls": "none", "marker": "x", "ms": 7, "mew": 1.6, "color": style.dark(colour), "zorder": 4}


def _few(axis, cells: Cells) -> None:
    few = _of(cells, FEW)
    for name, words, face in ((LAW, "A = 4N", None), (FEW, "A = N/2", "white")):
        for i, beta in enumerate(_betas(few)):
            sizes = {_size(cell) for cell in few}
            here = sorted(
                (c for c in _of(cells, name) if float(c["beta"]) == beta and _size(c) in sizes),
                key=_size,
            )
            colour = style.CYCLE[i % 7]
            x = [_size(cell) for cell in here]
            axis.plot(x, [float(cell["optimal_count"]) for cell in here], color=colour, lw=1, ls="--" if face else "-")
            look = {"color": colour, "mfc": face or colour, "ms": 8 if face else 4.5, "zorder": 2 if face else 3}
            axis.plot(x, [float(cell["count"]) for cell in here], style.MARKERS[i % 7], **look)
        axis.plot([], [], "o", color=style.GREY, mfc=face or style.GREY, ms=8 if face else 4.5, label=words)
    _colours(axis, _betas(few))
    style.log_sizes(axis, [_size(cell) for cell in few])
    axis.legend(loc="upper left")
    axis.set_xlabel("neurons per network, N")
    axis.set_title("more and fewer features than neurons")


def _controls(axis, cells: Cells) -> None:
    controls = [cell for name in WORDS for cell in _of(cells, name)]
    law = _of(cells, LAW) or _of(cells, SCALED)
    keys = {(_size(c), float(c["beta"])) for c in controls} & {(_size(c), float(c["beta"])) for c in law}
    axis.set_title("without one ingredient")
    axis.set_xlabel("feature rank r")
    if not keys:
        axis.annotate("no controls in this result", (0.5, 0.5), xycoords="axes fraction", ha="center", color=style.GREY)
        return
    size, beta = max(keys, key=lambda key: (key[0], -abs(key[1] - 1.5)))
    chosen = [c for c in law + controls if (_size(c), float(c["beta"])) == (size, beta)]
    for cell in chosen:
        name = _name(cell)
        isolation = cell["toy_isolation"].values[..., : 2 * size]
        isolation = isolation[:, ~np.isnan(isolation).all(axis=0)]  # narrower cells end earlier
        s = np.nanmedian(isolation, axis=0)
        ranks = np.arange(1, len(s) + 1)
        s = np.where(np.isfinite(s) & (s > 0), s, np.nan)
        if name in (LAW, SCALED):
            optimum = cell["toy_optimum"].values[: len(s)]
            axis.plot(ranks, optimum, color=style.INK, lw=1.4, label="optimum")
            axis.plot(ranks, s, "o", color=style.INK, ms=4, label="all ingredients")
        else:
            line = "none" if name in ("no noise", "plain") else "-"  # their isolation is in no order
            k = list(WORDS).index(name)  # the last in grey crosses: black circles are the whole recipe's
            look = {"ls": line, "lw": 0.7, "ms": 3.2, "color": (*style.CYCLE[:6], style.GREY)[k], "label": WORDS[name]}
            axis.plot(ranks, s, marker=(*style.MARKERS[1:], "x")[k], **look)
    style.log_sizes(axis)
    best = max(float(np.nanmax(cell["toy_optimum"].values)) for cell in chosen)
    axis.set_ylim(FLOOR, 10 * best)  # without noise isolation has no bound
    axis.set_xlim(0.9, size)
    axis.legend(loc="upper center", bbox_to_anchor=(0.46, -0.14), fontsize=8, ncols=3)
    axis.set_title(f"without one ingredient (N = {size}, β = {beta:g})")
    axis.set_ylabel("isolation in one neuron, s")


def _name(cell: xr.Dataset) -> str:
    return str(cell["configuration"].values)


def _size(cell: xr.Dataset) -> int:
    return int(cell["neurons"])


def _of(cells: Cells, name: str) -> Cells:
    return [cell for cell in cells if _name(cell) == name]


def _betas(cells: Cells) -> list[float]:
    return sorted({float(cell["beta"]) for cell in cells})


def _widest(cells: Cells, beta: float) -> int:
    return max(_size(cell) for cell in cells if float(cell["beta"]) == beta)
