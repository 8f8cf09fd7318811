"""Neurons that recur in three or more networks, as the page of a ladder with seeds shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...model_names import family_name
from ..seeds.recurring_neurons import recurring_neurons

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class RecurringTable:
    """Counts by size and number of networks, and the first families of the largest size.

    Attributes
    ----------
    rho : float
        Correlation at which pairs are counted.
    networks : list of str
        Names of the networks, the columns of `rows`.
    counts : list of dict
        ``neurons``, ``networks``, ``families``, ``closed``, ``closed_by_chance``.
    rows : list of dict
        ``networks``, ``closed``, ``weakest``, and ``neurons``, one text for each network.
    size : float
        N of the rows.
    """

    rho: float
    networks: list[str]
    counts: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    size: float


def recurring_table(ladder: xr.Dataset, rho: float) -> RecurringTable | None:
    """Return the table of the page; None without two seeds of either family, or where nothing recurs."""
    table = recurring_neurons(ladder, rho)
    if table is None or not table.rows:
        return None
    rows = [
        {name: row[name] for name in ("networks", "closed", "weakest")}
        | {"neurons": [row[network] for network in table.networks]}
        for row in table.largest()
    ]
    names = [" ".join([family_name(family), *rest]) for family, *rest in (one.split(" ") for one in table.networks)]
    size = max(one["neurons"] for one in table.counts)
    return RecurringTable(rho=table.rho, networks=names, counts=table.counts, rows=rows, size=size)
