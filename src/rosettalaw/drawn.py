"""Datasets that draw themselves: ``predict(...).plot()``, ``sweep(...).plot(y="local_exponent")``.

Their tables have a row for each point, also where there is a single one.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.plot.accessor import DatasetPlotAccessor

from .errors import UnknownNameError, require
from .looks import CYCLE, LINES, MARKERS, axes, plain_ticks

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

MOST_LINES = 7  # more of them are a map
WIDE = 20.0  # ratio of largest and smallest value from which an axis is logarithmic
FEW = 40  # points that are marked one by one
EXAMPLE = "predict(neurons, beta=[1.3, 1.6]).plot()"


class Plots(DatasetPlotAccessor):
    """Xarray's plots of a Dataset, and one of its own when called."""

    def __call__(self, ax: Axes | None = None, y: str = "count", x: str | None = None) -> Axes:
        """Draw a variable over one dimension, a line for each value of a second, or a map where these are many.

        Parameters
        ----------
        ax : Axes, optional
            Axes to draw on; new ones by default.
        y : str
            The variable.
        x : str, optional
            Dimension along the horizontal axis; ``neurons`` by default, or else the first.

        Returns
        -------
        Axes

        Raises
        ------
        InputError, UnknownNameError
            For variables and dimensions that there are not, and for more dimensions than two.
        """
        ds = self._ds
        if y not in ds:
            raise UnknownNameError("variable", y, map(str, ds.data_vars))
        dims = [str(dim) for dim in ds[y].dims]
        require(
            dims,
            "dimensions",
            dims,
            "a single point cannot be plotted; a dimension with at least two values is needed",
            EXAMPLE,
        )
        if x is not None and x not in dims:
            raise UnknownNameError("dimension", x, dims)
        along = x or ("neurons" if "neurons" in dims else dims[0])
        others = [dim for dim in dims if dim != along]
        rule = "must be at most two; choose a value of the others"
        require(len(others) <= 1, "dimensions", dims, rule, f"ds.isel({others[-1] if others else 'tau'}=0).plot()")
        with axes(ax) as drawing:
            if others and ds.sizes[others[0]] > MOST_LINES:
                _map(drawing, ds, y, along, others[0])
            else:
                _lines(drawing, ds, y, along, others)
            drawing.set_xlabel(words(ds[along]))
            if wide(ds[along]):
                drawing.set_xscale("log")
        return drawing


class Drawn(xr.Dataset):
    """A Dataset whose `plot` can be called."""

    __slots__ = ()

    @property
    def plot(self) -> Any:
        """Xarray's plots, and a call that draws a variable: `Plots`."""
        return Plots(self)

    def to_dataframe(self, dim_order: Sequence[Hashable] | None = None) -> pd.DataFrame:
        """Return the table, a row for each point; a single point has one row, and its parameters are columns.

        Parameters
        ----------
        dim_order : sequence of str, optional
            Order of the dimensions in the index.
        """
        if self.dims or dim_order:
            return super().to_dataframe(dim_order)
        import pandas as pd

        columns = {**self.data_vars, **self.coords}
        return pd.DataFrame({name: [column.values[()]] for name, column in columns.items()})


def words(array: xr.DataArray) -> str:
    """Return the name of a variable as an axis says it."""
    name, symbol = str(array.attrs.get("long_name", array.name)), array.attrs.get("symbol", "")
    return textwrap.fill(f"{name}, {symbol}" if symbol else name, 44)


def wide(array: xr.DataArray) -> bool:
    """Return whether values span enough to need a logarithmic axis."""
    values = np.asarray(array.values, dtype=float)
    values = values[np.isfinite(values)]
    return values.size > 0 and values.min() > 0 and values.max() / values.min() >= WIDE


def _lines(ax: Axes, ds: xr.Dataset, y: str, along: str, others: list[str]) -> None:
    for i in range(ds.sizes[others[0]] if others else 1):
        part = ds.isel({others[0]: i}) if others else ds
        mark = MARKERS[i % len(MARKERS)] if part.sizes[along] <= FEW else ""
        look = {"color": CYCLE[i % len(CYCLE)], "ls": LINES[i % len(LINES)], "marker": mark, "mec": "white", "mew": 0.6}
        label = _value(part[others[0]]) if others else None
        ax.plot(part[along].values, part[y].values, label=label, **look)
    ax.set_ylabel(words(ds[y]))
    if wide(ds[y]) and "exponent" not in y:
        ax.set_yscale("log")
    if others:
        ax.legend()


def _value(point: xr.DataArray) -> str:
    """Return a value of a dimension in words: ``β = 1.3``; a text is enough alone."""
    value = point.values[()]
    return str(value) if point.dtype.kind in "UOS" else f"{point.attrs.get('symbol') or point.name} = {float(value):g}"


def _map(ax: Axes, ds: xr.Dataset, y: str, along: str, across: str) -> None:
    from matplotlib.colors import LogNorm

    norm = LogNorm() if wide(ds[y]) and "exponent" not in y else None
    values = ds[y].transpose(across, along).values
    cells = ax.pcolormesh(
        ds[along].values, ds[across].values, values, norm=norm, cmap="cividis", shading="nearest", rasterized=True
    )
    plain_ticks(ax.figure.colorbar(cells, ax=ax, label=words(ds[y])).ax)
    ax.set_ylabel(words(ds[across]))
    ax.grid(False)
    if wide(ds[across]):
        ax.set_yscale("log")
