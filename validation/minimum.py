"""Minima of functions of one number, by Brent's method: parabolas, with golden sections wherever they lag.

R. P. Brent, Algorithms for Minimization without Derivatives (1973), chapter 5, in place of SciPy's, whose import takes
longer than a whole fit of eight counts. Where no interval is known that has the minimum inside, one is looked for
downhill.
"""

from __future__ import annotations

import math
from collections.abc import Callable

GOLDEN = (3 - math.sqrt(5)) / 2
GROWTH = (1 + math.sqrt(5)) / 2
ROUNDING = 1.5e-8  # root of the least relative difference: a parabola's vertex cannot be told better
MOST = 500  # values of the function
FARTHEST = 200  # steps downhill

Function = Callable[[float], float]


def minimum(function: Function, low: float, high: float, precision: float = 0.0) -> tuple[float, float]:
    """Return where `function` is least between `low` and `high`, and its value, to ``precision + 1.5e-8 |x|``.

    Of several minima it is one.
    """
    low, high = min(low, high), max(low, high)
    best = second = third = low + GOLDEN * (high - low)
    at_best = at_second = at_third = float(function(best))
    step = last = 0.0
    for _ in range(MOST):
        middle, near = (low + high) / 2, ROUNDING * abs(best) + precision / 3 + 1e-300
        if abs(best - middle) <= 2 * near - (high - low) / 2:
            break
        parabola = None
        if abs(last) > near:
            parabola = _vertex((best, at_best), (second, at_second), (third, at_third))
        if parabola is not None and low < best + parabola < high and abs(parabola) < abs(last) / 2:
            last, step = step, parabola
            if best + step - low < 2 * near or high - best - step < 2 * near:
                step = math.copysign(near, middle - best)
        else:
            last = (high if best < middle else low) - best
            step = GOLDEN * last
        at = best + (step if abs(step) >= near else math.copysign(near, step))
        value = float(function(at))
        if value <= at_best:
            low, high = (low, best) if at < best else (best, high)
            third, at_third, second, at_second, best, at_best = second, at_second, best, at_best, at, value
        else:
            low, high = (at, high) if at < best else (low, at)
            if value <= at_second or second == best:
                third, at_third, second, at_second = second, at_second, at, value
            elif value <= at_third or third in (best, second):
                third, at_third = at, value
    return best, at_best


def minimum_near(function: Function, first: float, second: float, precision: float = 0.0) -> tuple[float, float]:
    """Return a minimum downhill from two places, and its value, as `minimum` does."""
    known: dict[float, float] = {}

    def remembered(at: float) -> float:
        if at not in known:
            known[at] = float(function(at))
        return known[at]

    behind, here = (first, second) if remembered(second) <= remembered(first) else (second, first)
    for _ in range(FARTHEST):
        ahead = here + GROWTH * (here - behind)
        if not remembered(ahead) < remembered(here):
            break
        behind, here = here, ahead
    return minimum(remembered, behind, here + GROWTH * (here - behind), precision)


def _vertex(best: tuple[float, float], second: tuple[float, float], third: tuple[float, float]) -> float | None:
    """Return how far the vertex of the parabola through three points is from the first; None if there is no parabola.

    Each point is a place and the function's value there.
    """
    toward, beyond = second[0] - best[0], third[0] - best[0]
    if toward == 0 or beyond == 0 or toward == beyond:
        return None
    rise, other = (second[1] - best[1]) / toward, (third[1] - best[1]) / beyond
    bend = (other - rise) / (beyond - toward)
    return (toward - rise / bend) / 2 if bend > 0 else None
