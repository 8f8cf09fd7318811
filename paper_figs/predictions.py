"""Predictions and sweeps of the theory that were saved: the count and its local exponent, or the share of domains.

A line over network size for each value of the longest other dimension, a map where these are many. Of further
dimensions the first value is drawn, which the title says.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..drawn import Drawn
from ..results import DRAWN
from . import style
from .results_folder import Results

if TYPE_CHECKING:
    import xarray as xr

SECOND = ("local_exponent", "enrichment")  # beside the count, whichever there is


def make(results: Results, path: Path) -> list[Path]:
    """Draw each result that has more than one point."""
    files: list[Path] = []
    for kind in DRAWN:
        for name, ds in results.of(kind):
            files += draw(ds, style.target_of(path, files, name), name)
    return files


def draw(ds: xr.Dataset, path: Path, name: str) -> list[Path]:
    """Draw one prediction or sweep; nothing for a single point."""
    shown = ds.squeeze()
    variables = [one for one in ("count", *SECOND) if one in shown and shown[one].dims]
    if not variables:
        return []
    dims = sorted(map(str, shown["count"].dims), key=lambda dim: (dim != "neurons", -shown.sizes[dim]))
    first = {dim: 0 for dim in dims[2:]}
    part = shown.isel(first)
    fixed = [f"{part[dim].attrs.get('symbol') or dim} = {part[dim].values[()]:.4g}" for dim in first]
    with style.panels(len(variables), 4.4, 3.6) as (figure, axes):
        for axis, variable in zip(axes, variables, strict=True):
            Drawn(part.data_vars, part.coords, part.attrs).plot(ax=axis, y=variable)
            axis.set_title(", ".join([name, *fixed]) if axis is axes[0] else "")
            legend = axis.get_legend()
            if legend is not None and axis is not axes[0]:  # the lines are those of the first panel
                legend.remove()
        return style.save(figure, path)
