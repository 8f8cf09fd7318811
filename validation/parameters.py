"""A fitted parameter with its interval, as every fit of several parameters gives it, and tables of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..contents import ByContent

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Parameter(ByContent):
    """A fitted parameter.

    Attributes
    ----------
    value : float
        Estimate.
    interval : tuple of float
        95% interval.
    open : bool
        Whether the interval ends where the search, or the prior, does: that end is a limit and no finding.
    """

    value: float
    interval: tuple[float, float]
    open: bool = False

    def __str__(self) -> str:
        low, high = self.interval
        if low != low:
            return f"{self.value:.4g} (no interval)"
        return f"{self.value:.4g} (95% interval {low:.4g} to {high:.4g}{', open' if self.open else ''})"


def lines(params: Mapping[str, Parameter]) -> list[str]:
    """Return one line per parameter."""
    return [f"{name} = {one}" for name, one in params.items()]


def table(params: Mapping[str, Parameter]) -> pd.DataFrame:
    """Return one row per parameter: ``value, low, high, open``."""
    import pandas as pd

    rows = {name: (one.value, *one.interval, one.open) for name, one in params.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "open"])
