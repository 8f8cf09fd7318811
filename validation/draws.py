"""Draws from a posterior: a table with one column per parameter, which draws itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.plotting._core import PlotAccessor

from ..errors import UnknownNameError
from ..looks import COLOURS, INK, axes, symbol

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INTERVAL = [0.025, 0.5, 0.975]


class DrawsPlots(PlotAccessor):
    """Pandas's plots of a table, and the posterior when called."""

    def __call__(self, ax: Axes | None = None, x: str | None = None, y: str | None = None) -> Axes:
        """Draw the posterior of one parameter as a histogram, or of two as a cloud; medians and 95% are lines.

        Parameters
        ----------
        ax : Axes, optional
            Axes to draw on; new ones by default.
        x, y : str, optional
            Parameters: the first by default, and none.

        Raises
        ------
        UnknownNameError
            For a parameter that was not drawn.
        """
        draws = self._parent
        x = x or str(draws.columns[0])
        for name in (x, y):
            if name is not None and name not in draws:
                raise UnknownNameError("parameter", name, map(str, draws.columns))
        with axes(ax) as drawing:
            if y is None:
                drawing.hist(draws[x], bins="auto", density=True, color=COLOURS["sky"])
                drawing.set_ylabel("posterior density")
            else:
                drawing.plot(draws[x], draws[y], ".", ms=2, alpha=0.4, color=COLOURS["blue"])
                drawing.set_ylabel(symbol(y))
                for at, line in zip(np.quantile(draws[y], INTERVAL), (":", "-", ":"), strict=True):
                    drawing.axhline(at, color=INK, ls=line, lw=1)
            for at, line in zip(np.quantile(draws[x], INTERVAL), (":", "-", ":"), strict=True):
                drawing.axvline(at, color=INK, ls=line, lw=1)
            drawing.set_xlabel(symbol(x))
        return drawing


class Draws(pd.DataFrame):
    """A posterior's draws."""

    @property
    def _constructor(self) -> type[Draws]:
        return Draws

    @property
    def plot(self) -> Any:
        """Pandas's plots, and a call that draws the posterior: `DrawsPlots`."""
        return DrawsPlots(self)


def posterior_draws(chain: pd.DataFrame, status: str) -> Draws:
    """Return a chain of draws with its status."""
    draws = Draws(chain)
    draws.attrs["status"] = status
    return draws
