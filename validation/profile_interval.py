"""Ends of a profile interval: where a sum of squares, or a deviance, rises above its allowance.

The search has no scale of its own: an interval of counts of 10^12 may be ten decimals wide, one of five counts of a
handful may have no end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..theory.roots import root


def profile_interval(
    squares: Callable[[float], float],
    best: float,
    allowed: float,
    limits: tuple[float, float],
    step: float | None = None,
    precision: float = 1e-6,
) -> tuple[float, float]:
    """Return the two places where the profile sum of squares crosses the allowed one.

    Parameters
    ----------
    squares : callable
        S(θ), least squares over all other parameters.
    best : float
        θ at the minimum.
    allowed : float
        Largest S inside the interval; NaN (no degree of freedom) gives (NaN, NaN).
    limits : tuple of float
        Ends of the search: a lower end beyond is the lower limit, an upper end beyond is infinity.
    step : float, optional
        First step from the minimum, where the half width is about known; by default 2%.
    precision : float
        Of a crossing, as a share of the step in which it lies.
    """
    if np.isnan(allowed):
        return np.nan, np.nan

    known: dict[float, float] = {}  # a search that begins at the nearest fit so far may not find the same twice

    def excess(at: float) -> float:
        if at not in known:
            known[at] = squares(at) - allowed
        return min(known[at], 0.0) if at == best else known[at]

    def crossing(limit: float) -> float:
        """Bracket the crossing from a step of 2%: outwards until it is passed, or inwards, to the scale of rounding."""
        sign, stride = np.sign(limit - best), step or 0.02 * max(abs(best), 0.1)

        def place(step: float) -> float:
            return max(best - step, limit) if sign < 0 else min(best + step, limit)

        if best == limit:
            return limit
        inside, outside = best, place(stride)
        while excess(outside) <= 0:
            if outside == limit:
                return limit
            inside, stride = outside, 1.6 * stride
            outside = place(abs(outside - best) + stride)
        while inside == best and stride > 8 * np.spacing(max(abs(best), 0.1)):
            stride = abs(outside - best) / 16
            nearer = place(stride)
            inside, outside = (nearer, outside) if excess(nearer) <= 0 else (best, nearer)
        fine = max(precision * abs(outside - inside), np.spacing(abs(best)))
        return root(excess, inside, outside, xtol=fine)

    lower, upper = (crossing(limit) for limit in limits)
    return lower, upper if upper < limits[1] else np.inf
