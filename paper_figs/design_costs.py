"""Half-width of the exponent over the cost of a ladder: every design that was tried, and those that are proposed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import style

if TYPE_CHECKING:
    from ..validation.design.search import Candidate


def draw(tried: Sequence[Candidate], proposed: Sequence[Candidate], path: str | os.PathLike[str]) -> list[Path]:
    """Draw the designs by number of seeds, and mark those proposed; save PNG and SVG."""
    with style.figure() as (figure, axis):
        seeds = sorted({one.design.seeds for one in tried})
        for i, number in enumerate(seeds):
            those = [one for one in tried if one.design.seeds == number]
            hours, half = np.array([(one.cost.hours, one.half_width) for one in those]).T
            colour, marker = style.CYCLE[i % len(style.CYCLE)], style.MARKERS[i % len(style.MARKERS)]
            axis.plot(hours, half, marker, color=colour, markersize=2.5, alpha=0.6, label=f"{number}")
        for one in proposed:
            axis.plot(one.cost.hours, one.half_width, "o", color=style.INK, markersize=9, fillstyle="none")
            axis.annotate(one.effort, (one.cost.hours, one.half_width), xytext=(7, 5), textcoords="offset points")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("hours on this machine")
        axis.set_ylabel("expected half-width of α")
        axis.set_title("Cost of a narrower interval")
        figure.legend(title="seeds", loc="outside right upper")
        return style.save(figure, path)
