"""Drawings of allocations: isolation over rank, with the threshold and the frontier where it crosses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..looks import COLOURS, INK, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .allocation import Allocation
    from .solution import Solution

FEW = 60  # ranks that are marked one by one
POINTS = 400  # ranks of a curve


def draw_allocation(allocation: Allocation, ax: Axes | None, tau: float | None) -> Axes:
    """Draw the isolation of the active features, most isolated first, on logarithmic axes."""
    s = np.sort(allocation.isolation[allocation.isolation > 0])[::-1]
    return _draw(allocation, np.arange(1, len(s) + 1), s, ax, tau)


def draw_solution(solution: Solution, ax: Axes | None, tau: float | None) -> Axes:
    """Draw the same of a power law's optimum: all ranks if they are few, else some, evenly spaced in the logarithm."""
    rank = np.unique(np.geomspace(1, max(solution.active, 1), POINTS).round()) if solution.active > POINTS else None
    rank = np.arange(1, solution.active + 1) if rank is None else rank
    return _draw(solution, rank, solution.isolation_at(rank), ax, tau)


def _draw(optimum: Allocation | Solution, rank: np.ndarray, s: np.ndarray, ax: Axes | None, tau: float | None) -> Axes:
    with axes(ax) as drawing:
        mark, label = "o" if len(s) <= FEW else "", f"n = {optimum.active:,} active"
        drawing.plot(rank, s, marker=mark, mec="white", mew=0.6, color=COLOURS["blue"], label=label)
        if tau is not None:
            count = optimum.count(tau)
            drawing.axhline(tau, color=COLOURS["vermilion"], ls="--", lw=1.2, label=f"τ = {tau:g}")
            if count:
                drawing.axvline(count, color=INK, ls=":", lw=1.2, label=f"R_τ = {count:,}")
        drawing.set_xscale("log")
        drawing.set_yscale("log")
        drawing.set_xlabel("rank of the feature, r")
        drawing.set_ylabel("isolation, s_r")
        drawing.legend()
    return drawing
