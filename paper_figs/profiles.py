"""The isolation profile, read off the correlations in rank order: one curve a size, and the fitted lines.

By Eqs. 14 and 62, ``1 − ρ_(r) = (r/r0)^b``: straight in log-log, with b = β. Points are the pairs above the ladder's
common threshold; the dashed line has the slope that the counts ask for, 1/α, through the largest size's last pair.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import style
from .found import Found

if TYPE_CHECKING:
    from ..validation.series import Series
    from ..validation.triangle import Triangle


def make(found: Found, path: Path) -> list[Path]:
    """Draw each ladder whose triangle can be measured."""
    from ..validation.triangle import TriangleStatus

    files = []
    for row in found.rows:
        if row.series.source in ("language", "vision", "ladder") and not row.series.reference:
            if row.triangle is None or row.triangle.status is not TriangleStatus.OK:
                continue
            target = path if not files else path.with_name(f"{path.name}-{row.series.name}")
            files += draw(row.series, row.triangle, target)
    return files


def draw(series: Series, triangle: Triangle, path: str | os.PathLike[str]) -> list[Path]:
    """Draw the profiles of one ladder; save PNG and SVG."""
    assert series.correlations is not None
    with style.figure(size=(style.WIDTH + 0.4, 4.2)) as (figure, axis):
        style.log_sizes(axis)
        labels = []
        for i, (size, profile) in enumerate(zip(triangle.neurons, triangle.profiles, strict=True)):
            colour = style.shade(style.COLOURS["blue"], 0.25 + 0.75 * i / max(len(triangle.neurons) - 1, 1))
            rho = np.sort(series.correlations[int(np.flatnonzero(series.neurons == size)[0])])[::-1]
            rho = rho[rho >= triangle.threshold]
            ranks = np.arange(1, len(rho) + 1)
            axis.plot(ranks, 1 - rho, style.MARKERS[i % 7], color=colour, ms=3.5, mew=0)
            axis.plot(ranks, 1 - profile.correlation(ranks), color=colour, lw=1)
            nudge = 1 + 1e-6 * i  # all end at the threshold: in order of size
            labels.append(
                (
                    ranks[-1],
                    (1 - triangle.threshold) * nudge,
                    f"N = {style.short(size)}, b = {profile.exponent:.2f}",
                    style.dark(colour),
                )
            )
        last, alpha = triangle.profiles[-1], triangle.count.value
        if alpha > 0:
            ranks = np.array([last.pairs / 8, last.pairs])
            line = labels[-1][1] * (ranks / last.pairs) ** (1 / alpha)
            axis.plot(ranks, line, "--", color=style.INK, lw=1.1)
            axis.annotate(
                f"slope 1/α = {1 / alpha:.2f},\nwhat the counts ask for",
                (ranks[0], line[0]),
                (-6, 4),
                textcoords="offset points",
                va="bottom",
                ha="right",
                fontsize=8,
            )
        axis.set_xlabel("rank of the pair by correlation, r")
        axis.set_ylabel("1 − ρ")
        axis.set_title(f"{series.name}: b = {triangle.profile.value:.2f}, α = {alpha:.2f}")
        style.label_ends(axis, labels)
        return style.save(figure, path)
