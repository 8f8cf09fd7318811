"""Drawings of allocations: isolation over rank, with the threshold and the frontier where it crosses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..looks import COLOURS, INK, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .allocation import Allocation

FEW = 60  # ranks that are marked one by one


def draw_allocation(allocation: Allocation, ax: Axes | None, tau: float | None) -> Axes:
    """Draw the isolation of the active features, most isolated first, on logarithmic axes."""
    s = np.sort(allocation.isolation[allocation.isolation > 0])[::-1]
    rank = np.arange(1, len(s) + 1)
    with axes(ax) as drawing:
        mark = "o" if len(s) <= FEW else ""
        drawing.plot(rank, s, marker=mark, mec="white", mew=0.6, color=COLOURS["blue"], label=f"n = {len(s)} active")
        if tau is not None:
            count = allocation.count(tau)
            drawing.axhline(tau, color=COLOURS["vermilion"], ls="--", lw=1.2, label=f"τ = {tau:g}")
            if count:
                drawing.axvline(count, color=INK, ls=":", lw=1.2, label=f"R_τ = {count}")
        drawing.set_xscale("log")
        drawing.set_yscale("log")
        drawing.set_xlabel("rank of the feature, r")
        drawing.set_ylabel("isolation, s_r")
        drawing.legend()
    return drawing
