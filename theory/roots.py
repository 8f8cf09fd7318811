"""Roots of functions of one number, by Brent's method: secants and parabolas, with halving wherever they lag.

The algorithm and its tolerances are those of SciPy's ``brentq``, with the same steps to the last bit; importing
``scipy.optimize`` takes longer than a whole fit of eight counts. R. P. Brent, Algorithms for Minimization without
Derivatives (1973), chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable

TIGHTEST = 1e-15
MOST = 500  # steps


def root(
    function: Callable[[float], float], low: float, high: float, xtol: float = TIGHTEST, rtol: float = TIGHTEST
) -> float:
    """Return where `function` vanishes between `low` and `high`, at which its signs differ, to ``xtol + rtol |x|``.

    Raises
    ------
    ValueError
        If the signs at both ends are the same, or the function is NaN.
    ArithmeticError
        If no root is met in `MOST` steps.
    """
    low, high = float(low), float(high)
    before, here = low, high  # the last two places, of which `here` is the better one
    at_before, at_here = _number(function, before), _number(function, here)
    if at_before == 0 or at_here == 0:
        return before if at_before == 0 else here
    if (at_before < 0) == (at_here < 0):
        raise ValueError(f"the function has one sign at {low:g} and {high:g}")
    beyond, at_beyond, last, step = 0.0, 0.0, 0.0, 0.0  # the place across the root, and the last two steps
    for _ in range(MOST):
        if at_before != 0 and (at_before < 0) != (at_here < 0):
            beyond, at_beyond = before, at_before
            last = step = here - before
        if abs(at_beyond) < abs(at_here):
            before, here, beyond = here, beyond, here
            at_before, at_here, at_beyond = at_here, at_beyond, at_here
        near, half = (xtol + rtol * abs(here)) / 2, (beyond - here) / 2
        if at_here == 0 or abs(half) < near:
            return here
        last, step = _steps(before, here, beyond, at_before, at_here, at_beyond, last, step, near)
        before, at_before = here, at_here
        here += step if abs(step) > near else (near if half > 0 else -near)
        at_here = _number(function, here)
    raise ArithmeticError(f"no root between {low:g} and {high:g} in {MOST} steps")


def _steps(
    before: float,
    here: float,
    beyond: float,
    at_before: float,
    at_here: float,
    at_beyond: float,
    last: float,
    step: float,
    near: float,
) -> tuple[float, float]:
    """Return the step before and the next one: along a secant or a parabola of the inverse, or half of the way."""
    half = (beyond - here) / 2
    if abs(last) > near and abs(at_here) < abs(at_before):
        if before == beyond:
            wanted, slopes = -at_here * (here - before), at_here - at_before
        else:
            slope = (at_before - at_here) / (before - here)
            across = (at_beyond - at_here) / (beyond - here)
            wanted = -at_here * (at_beyond * across - at_before * slope)
            slopes = across * slope * (at_beyond - at_before)
        if slopes != 0 and 2 * abs(wanted / slopes) < min(abs(last), 3 * abs(half) - near):  # 0 where it underflows
            return step, wanted / slopes
    return half, half


def _number(function: Callable[[float], float], at: float) -> float:
    value = float(function(at))
    if value != value:
        raise ValueError(f"the function is NaN at {at:g}")
    return value
