"""Figures in axes of one's own, in place of files.

Every script draws into what `style.figure` hands out, and ends with `style.save`. Within `onto`, the former hands out
the axes that a caller gave, or those of a new figure of pyplot, and the latter writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from ..display import in_figure
from ..errors import InputError, require
from ..looks import plain_ticks, require_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALONE = "plot(name, results), which makes a figure of its own"


class Panels:
    """The axes that a caller gave, in the place of a figure: legends go into the first, notes below are left out."""

    def __init__(self, axes: Sequence[Axes]):
        self.axes = list(axes)

    def legend(self, *handles: Any, **options: Any) -> Any:
        """Draw the figure's legend into the first axes."""
        return self.axes[0].legend(*handles, fontsize=options.get("fontsize"), title=options.get("title"))

    def findobj(self, match: Any) -> list[Any]:
        """Return the parts of these axes of a kind."""
        return [part for axis in self.axes for part in axis.findobj(match)]

    def supxlabel(self, *_: Any, **__: Any) -> None:
        """Leave out the note below the figure."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.axes[0].figure, name)


class Drawings:
    """Axes that are drawn within `onto`.

    Attributes
    ----------
    given : list of Axes
        Those of the caller; none for new figures.
    completed : list of Axes
        Those of the figures that are complete.
    """

    def __init__(self, given: list[Axes]):
        self.given: list[Axes] = given
        self.completed: list[Axes] = []
        self._panels: list[Axes] = []

    def open(self, rows: int, columns: int, size: Any, **options: Any) -> tuple[Any, Any]:
        """Return a figure and its axes, as ``subplots`` would.

        Raises
        ------
        InputError
            If the caller gave another number of axes.
        """
        if not self.given:
            from matplotlib import pyplot

            drawing = pyplot.figure(figsize=size)
            axes = drawing.subplots(rows, columns, **options)
            self._panels = list(np.ravel(axes))
            return drawing, axes
        own = "width_ratios" in options  # its panels have a layout that no row of axes has
        require(not own and not self.completed, "ax", self.given, "must be None for this figure", ALONE)
        shown, panels = len(self.given), rows * columns
        require(shown == panels, "ax", f"{shown} axes", f"must be as many axes as panels, {panels} here", ALONE)
        grid = np.array(self.given, dtype=object).reshape(rows, columns)
        self._panels = list(self.given)
        return Panels(self.given), grid if not options.get("squeeze", True) else grid.squeeze()[()]

    def close(self, drawing: Any) -> None:
        """Note the panels of a figure that is complete."""
        complete = [axis for axis in self._panels if axis in drawing.axes] or list(drawing.axes)
        for one in complete:
            plain_ticks(one)
        in_figure(drawing)
        self.completed += complete
        self._panels = []

    def abandon(self) -> None:
        """Close the new figure that an error has left half-drawn."""
        if self._panels and not self.given:
            from matplotlib import pyplot

            pyplot.close(self._panels[0].get_figure(root=True))


ONTO: ContextVar[Drawings | None] = ContextVar("ONTO", default=None)


@contextmanager
def onto(ax: Axes | Sequence[Axes] | None) -> Iterator[list[Axes]]:
    """Draw the figures within into these axes; yields the list of the axes drawn, complete at the end.

    Raises
    ------
    InputError
        If `ax` is neither axes of matplotlib, nor several, nor None.
    """
    given: list[Any] = list(ax) if isinstance(ax, list | tuple | np.ndarray) else [] if ax is None else [ax]
    for axis in given:
        require_axes(axis)
    drawings = Drawings(given)
    before = ONTO.set(drawings)
    try:
        yield drawings.completed
    finally:
        ONTO.reset(before)
        drawings.abandon()


def axes_of(completed: list[Axes], name: str, waits_for: str) -> Axes | tuple[Axes, ...]:
    """Return the axes of a figure, alone if it has one panel.

    Raises
    ------
    InputError
        If nothing was drawn, as its data are missing.
    """
    if not completed:
        raise InputError("figure", name, f"has no data here; it needs {waits_for or 'a ladder with these measures'}")
    return completed[0] if len(completed) == 1 else tuple(completed)
