"""Roots of monotone functions to rounding, by Brent's method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where `function` vanishes between `low` and `high`, at which its signs differ."""
    from scipy.optimize import brentq

    tightest: Any = 1e-15
    zero: Any = brentq(function, low, high, xtol=tightest, rtol=tightest, maxiter=500)
    return float(zero)
