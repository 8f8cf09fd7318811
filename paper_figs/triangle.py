"""The triangle of exponents: count, profile and purity as measured, and as the theory demands them.

Left: count exponent α over profile exponent b. The theory allows one curve, α = 1/b; a budget growing as N^θ lowers it
to θ/b, and left of b = 1 (outside the paper) the count follows the budget, α = θ. Right: purity exponent p over α. The
theory allows one line, α + p = 1; a slower budget, α + p = θ. Ellipses are joint 95% regions; sources whose exponents
are known to no better than `WIDEST` are named below instead of drawn.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import style
from .results_folder import MeasuredLadder, Results

if TYPE_CHECKING:
    from ..validation.triangle import Triangle

THETAS = (1.0, 0.8, 0.6)
NOTE = (
    "Ellipses: joint 95% regions, all sizes of a source cut at one correlation. Black: the theory for "
    "N → ∞. Grey: a budget that grows as N^θ."
)
WIDEST = 0.6  # half-width of an interval of α or p beyond which a region would cover the figure


def make(results: Results, path: Path) -> list[Path]:
    """Draw the triangles of every source that has correlations: synthetic networks with known β always do."""
    from ..validation.triangle import TriangleStatus

    rows = [(row.series.name, row.triangle) for row in results.rows if row.triangle is not None]
    rows = [(name, triangle) for name, triangle in rows if triangle.status is TriangleStatus.OK]
    return draw(rows, path) if rows else []


def draw_measured(measured: MeasuredLadder, path: Path) -> list[Path]:
    """Draw the triangle of one measured ladder for its own page; nothing if it could not be measured."""
    from ..validation.triangle import TriangleStatus

    if measured.triangle is None or measured.triangle.status is not TriangleStatus.OK:
        return []
    return draw([(measured.ladder.attrs["ladder"], measured.triangle)], path)


def draw(triangles: Sequence[tuple[str, Triangle]], path: str | os.PathLike[str]) -> list[Path]:
    """Draw measured triangles against the theory; save PNG and SVG.

    Parameters
    ----------
    triangles : sequence of (name, Triangle)
        Those with a status other than "ok" are left out.
    path : path
        File; its ending is replaced.
    """
    from ..validation.triangle import TriangleStatus

    tested = [(name, triangle) for name, triangle in triangles if triangle.status is TriangleStatus.OK]
    shown = [(name, triangle) for name, triangle in tested if _half_width(triangle) <= WIDEST]
    wide = [name for name, triangle in tested if _half_width(triangle) > WIDEST]
    columns = 2 if wide or any(len(name) > 30 for name, _ in shown) else 3  # of the legend
    size = (style.WIDTH + 1.2, 3.8 + 0.18 * -(-len(tested) // columns))
    with style.figure(columns=2, size=size) as (figure, (left, right)):
        steepest = max([2.6, *(t.profile.ci95[1] * 1.05 for _, t in shown if t.profile.ci95[1] < 6)])
        _theory(left, right, min([0.2, *(max(t.profile.ci95[0] - 0.05, 0.0) for _, t in shown)]), steepest)
        for i, (name, triangle) in enumerate(shown):
            colour, marker = style.CYCLE[i % 7], style.MARKERS[(i + i // 7) % 7]  # no pair of them comes twice
            for axis, (x, y) in ((left, (1, 0)), (right, (0, 2))):
                _region(axis, triangle, x, y, colour)
                values = (triangle.count.value, triangle.profile.value, triangle.purity.value)
                axis.plot(values[x], values[y], marker, color=colour, mec="white", ms=7, zorder=5, label=name)
                low, high = axis.get_ylim()
                axis.set_ylim(min(low, values[y] - 0.05), max(high, values[y] + 0.05))
            right.set_xlim(min(right.get_xlim()[0], triangle.count.value - 0.05))
        left.set_xlabel("profile exponent b")
        left.set_ylabel("count exponent α")
        right.set_xlabel("count exponent α")
        right.set_ylabel("exponent p of the mean isolation")
        left.set_title("α·b = 1 ?")
        right.set_title("α + p = 1 ?")
        for name in wide:
            left.plot([], [], " ", label=f"{name}: too uncertain to draw")
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=columns)
        style.source_note(figure, NOTE)
        return style.save(figure, path)


def _half_width(triangle: Triangle) -> float:
    ends = np.array([triangle.count.ci95, triangle.purity.ci95])
    return float(np.max(ends[:, 1] - ends[:, 0])) / 2


def _theory(left, right, flattest: float, steepest: float) -> None:
    """Draw the theory's curves between two profile exponents."""
    b = np.linspace(flattest, steepest, 400)
    alpha = np.linspace(0, 1, 2)
    for theta, dashes in zip(THETAS, ("-", (0, (5, 2)), (0, (1.5, 1.5))), strict=True):
        colour = style.INK if theta == 1 else style.GREY
        width = 1.8 if theta == 1 else 1.1
        left.plot(b, theta / np.maximum(b, 1), color=colour, ls=dashes, lw=width)
        right.plot(alpha, theta - alpha, color=colour, ls=dashes, lw=width)
        words = "theory" if theta == 1 else f"θ = {theta:g}"
        look = {"textcoords": "offset points", "fontsize": 8, "color": colour}
        clear = {"bbox": {"fc": "white", "ec": "none", "pad": 0.8}}
        if theta == 1:
            left.annotate(words, (1, theta), (5, 2), **look)
        else:
            left.annotate(words, (steepest, theta / steepest), (3, 0), va="center", **look)
        right.annotate(words, (1, theta - 1), (4, 0), va="center", **look, **clear)
    left.axvspan(flattest, 1, color=style.GREY, alpha=0.08, lw=0)
    left.annotate(
        "outside the paper\n(β < 1)",
        (flattest, 1.0),
        xytext=(4, 4),
        textcoords="offset points",
        fontsize=8,
        color=style.GREY,
    )
    right.axhline(0, color=style.GREY, lw=0.7)
    left.set_xlim(flattest, steepest)
    left.set_ylim(0, 1.2)
    right.set_xlim(0, 1.2)
    right.set_ylim(-0.45, 1.15)


def _region(axis, triangle: Triangle, x: int, y: int, colour: str) -> None:
    """Draw the joint 95% region of two of (α, b, p): Hotelling's ellipse, with the slopes' freedom ν."""
    from scipy import stats

    values = np.array([triangle.count.value, triangle.profile.value, triangle.purity.value])[[x, y]]
    covariance = triangle.covariance[np.ix_([x, y], [x, y])]
    fewer = max(triangle.count.freedom - 1, 1)  # one degree has no region: the caller leaves such triangles out as wide
    scale = np.sqrt(2 * triangle.count.freedom / fewer * stats.f.ppf(0.95, 2, fewer))
    turn = np.linspace(0, 2 * np.pi, 200)
    lengths, directions = np.linalg.eigh(covariance)
    edge = values[:, None] + scale * directions @ (
        np.sqrt(np.maximum(lengths, 0))[:, None] * [np.cos(turn), np.sin(turn)]
    )
    axis.fill(*edge, color=colour, alpha=0.08, lw=0)
    axis.plot(*edge, color=colour, lw=1)
