"""Counts of zero on a logarithmic axis: a separate row under the smallest count, labelled 0.

A logarithm has no place for zero. A line that skips such a size invents counts there, and a line that ends before it
hides that nothing was found. So lines are interrupted, and the zeros of all series lie side by side in a row below.
An interval that includes zero has no lower end on such an axis either: it ends at the floor with an arrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEP = 5.0  # points between zeros of different series at one size
DOWN = 7  # matplotlib's marker whose tip, pointing down, lies on the point


def interrupted(counts: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return counts with NaN for zeros, so that a line through them is interrupted there."""
    counts = np.asarray(counts, dtype=float)
    return np.where(counts > 0, counts, np.nan)


def of_means(
    sizes: np.ndarray, mean: np.ndarray, low: np.ndarray, high: np.ndarray, shared: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the different sizes and the ends of a 95% interval of the mean over the pairs of each.

    Parameters
    ----------
    mean, low, high : ndarray, shape (pairs,)
        A null's mean over its draws for each pair of networks, and the ends of its interval.
    shared : bool
        Whether pairs of a size have the same draws. Then their errors do not average out; otherwise the half-width of a
        mean over k pairs is √(Σ half-width²) / k.
    """
    sizes, mean, low, high = (np.asarray(one, dtype=float) for one in (sizes, mean, low, high))
    different, ends = np.unique(sizes), []
    for size in different:
        here = sizes == size
        half, k = (high - mean)[here], int(here.sum())
        width = half.mean() if shared else np.sqrt(np.sum(half**2)) / k
        middle = mean[here].mean()
        ends.append((low[here][0], high[here][0]) if k == 1 else (middle - width, middle + width))
    return different, *np.array(ends).T


def intervals(
    axis: Axes, sizes: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, points: float = 0.0
) -> None:
    """Draw intervals as vertical lines, some points to the right; below the floor they are cut, with an arrow."""
    floor, top = axis.get_ylim()
    known = np.isfinite(low) & np.isfinite(high) & (high > floor)
    sizes, low, high = (np.asarray(one, dtype=float)[known] for one in (sizes, low, high))
    place = style.beside(axis, points)
    axis.vlines(sizes, np.maximum(low, floor), high, color=colour, lw=1, zorder=1, transform=place)
    look: dict[str, Any] = {"color": colour, "ms": 5, "mew": 0, "ls": "none", "zorder": 1, "transform": place}
    for size in sizes[low <= floor]:
        (arrow,) = axis.plot([size], [floor], marker=DOWN, **look)
        arrow.set_gid(f"=interval below the axis\n{axis.get_xlabel() or 'N'}: {size:,.0f}")
    axis.set_ylim(floor, top)


@dataclass
class Zeros:
    """The zeros of several series, drawn when the axes' other contents are complete.

    Attributes
    ----------
    axis : Axes
        Axes whose vertical scale is logarithmic.
    """

    axis: Axes
    _series: list[tuple[np.ndarray, str, str, str, str]] = field(default_factory=list)

    def add(self, sizes: np.ndarray, counts: np.ndarray, marker: str, colour: str, face: str, words: str) -> None:
        """Note the sizes at which a series has no pair, with the look of its marks."""
        none = np.asarray(sizes, dtype=float)[np.asarray(counts) == 0]
        if len(none):
            self._series.append((none, marker, colour, face, words))

    def draw(self) -> float | None:
        """Draw the row and return its height in data units; None where there is no zero."""
        from matplotlib.transforms import ScaledTranslation

        if not self._series:
            return None
        low, high = self.axis.get_ylim()
        decade = (high / low) ** 0.09
        row, edge = low / decade, low / decade**0.5
        figure = self.axis.get_figure()
        assert figure is not None
        middle = (len(self._series) - 1) / 2
        for i, (none, marker, colour, face, words) in enumerate(self._series):
            aside = ScaledTranslation((i - middle) * STEP / 72, 0, figure.dpi_scale_trans)
            look: dict[str, Any] = {
                "color": colour,
                "mfc": face,
                "mec": colour,
                "ms": 5,
                "ls": "none",
                "zorder": 4,
                "clip_on": False,
            }
            for size in none:
                (mark,) = self.axis.plot([size], [row], marker, transform=self.axis.transData + aside, **look)
                mark.set_gid(f"={words}\nN: {size:,.0f}\n0 pairs")
        self.axis.axhline(edge, color=style.GREY, lw=0.6, ls=(0, (1, 2)))
        place: dict[str, Any] = {
            "xycoords": ("axes fraction", "data"),
            "textcoords": "offset points",
            "ha": "right",
            "va": "center",
        }
        self.axis.annotate("0", (0, row), (-7, 0), fontsize=style.RC["ytick.labelsize"], annotation_clip=False, **place)
        self.axis.set_ylim(row / decade**0.5, high)
        for minor in (False, True):
            ticks = [tick for tick in self.axis.get_yticks(minor=minor) if edge < tick <= high]
            self.axis.set_yticks(ticks, minor=minor)
        return row


def say_none(axis: Axes, values: Any, words: str) -> None:
    """Write `words` into an axis whose values are all NaN, so that no one takes the picture for broken."""
    if not np.isfinite(np.asarray(values, dtype=float)).any():
        axis.text(0.5, 0.5, words, transform=axis.transAxes, ha="center", va="center")
