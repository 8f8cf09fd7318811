"""The likelihood profile of one parameter: how far χ² rises above its minimum as the parameter is moved.

At each value all other parameters are refitted. Where the curve stays below `allowed` lies the 95% interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..looks import COLOURS, INK, axes, symbol

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MARGIN = 0.25  # of the interval that a curve shows on either side of it


@dataclass(frozen=True, eq=False)
class ProfileCurve:
    """A likelihood profile.

    Attributes
    ----------
    name : str
        The parameter.
    at, rise : ndarray, shape (points,)
        Its values, and χ² there above its minimum.
    best : float
        The fitted value.
    allowed : float
        Rise of χ² at the ends of the 95% interval.
    """

    name: str
    at: np.ndarray
    rise: np.ndarray
    best: float
    allowed: float

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row a value, with the rise of χ² there."""
        import pandas as pd

        return pd.DataFrame({self.name: self.at, "rise": self.rise})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the rise of χ² over the parameter, the fitted value and the level that ends the 95% interval."""
        with axes(ax) as drawing:
            drawing.plot(self.at, self.rise, color=COLOURS["blue"])
            drawing.axhline(self.allowed, color=COLOURS["vermilion"], ls="--", lw=1.2, label="95%")
            drawing.axvline(self.best, color=INK, ls=":", lw=1.2, label=f"{symbol(self.name)} = {self.best:.4g}")
            drawing.set_xlabel(symbol(self.name))
            drawing.set_ylabel("rise of χ²")
            drawing.set_ylim(0, 2 * self.allowed)
            drawing.legend()
        return drawing


def around(interval: tuple[float, float], limits: tuple[float, float], points: int) -> np.ndarray:
    """Return values over an interval and a quarter beyond, within the limits of the search."""
    low, high = np.clip(interval, *limits)
    margin = MARGIN * (high - low)
    return np.linspace(max(low - margin, limits[0]), min(high + margin, limits[1]), points)
