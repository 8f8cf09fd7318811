"""Levels λ of an allocation: in one pass for the logarithm, by a root for any other utility.

`allocation` states the conditions. For the logarithm the active features are a prefix in the order of ``w_r/c_r``, with
``1/λ = (B + C_n)/P_n`` and ``s_r = [w_r B + (C_n w_r − c_r P_n)]/(c_r P_n)``, where the bracket is a sum of differences
between features: small budgets keep their digits. For other utilities the unknown is the price of a unit of U' at the
first feature, since λ itself may have lost the digits by which it differs from w_1 U'(0).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import REFUSED, Kernel, kernel
from ..errors import InputError, require
from .parameters import as_floats
from .roots import TIGHTEST, root
from .utilities import Utility

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

EXAMPLE = "allocate(weights=[1.0, 0.5, 0.25], budget=2.0)"
REACH = 1e18  # distance in log λ beyond which no price is looked for
NOTHING = 800.0  # more than any logarithm of a float
THINNED = 128  # ranks that give a start for λ
START = 1e-6  # tolerance of the start from thinned ranks
FEW = 512  # weights that are interpreted
BLOCK = 2048  # weights summed between two looks at the stopping rule
LEAST = 1e-300  # isolation below it is as good as 0: floats lose their digits there
TIE = 3e-14  # relative, in 1 + s: what rounding leaves between s and a number that it equals
BY_ROOT = 1e-12  # of the price of a unit of U': what a root, logarithms and a table of U' leave
TINY = 1e-3  # budget, or isolation, below which features are compared with the first: λ has lost its digits


def unit_log(w: np.ndarray, budget: float) -> tuple[float, int, np.ndarray]:
    """Return λ, n and s for logarithmic utility and unit costs; n is 0 where no weight is positive.

    Raises
    ------
    InputError
        For a weight that is negative, infinite or NaN.
    """
    isolation = np.empty_like(w)
    if _run(_descends, w):
        multiplier, active = _run(_fill, w, budget, isolation)
    else:
        check_weights(w)
        order = np.argsort(-w, kind="stable")
        descending = np.empty_like(w)
        multiplier, active = _run(_fill, w[order], budget, descending)
        isolation[order] = descending
    return multiplier, active, isolation


def costly_log(w: np.ndarray, c: np.ndarray, budget: float) -> tuple[float, int, np.ndarray]:
    """Return λ, n and s for logarithmic utility and any costs: the prefix rule, sorted by w/c.

    ``C_n w_r − c_r P_n`` is summed from differences to the first feature, so that tiny budgets keep their digits.
    """
    with np.errstate(over="ignore", divide="ignore"):
        order = np.argsort(c / w, kind="stable")[: np.count_nonzero(w)]
    first = order[0]
    ws, cs, unit = w[order] / w[first], c[order] / c[first], budget / c[first]
    behind = cs - ws  # c_r (w_1/c_1 − w_r/c_r) ≥ 0, in units of the first feature
    spent, total, less = np.cumsum(cs), np.cumsum(ws), np.cumsum(behind)
    if unit < TINY:
        positive = ws * unit > behind * spent - cs * less
    else:  # a feature that meets the level up to rounding has s = 0
        positive = ws * (unit + spent) > (1 + TIE) * cs * total
    active = int(np.flatnonzero(positive)[-1]) + 1
    ws, cs, behind = ws[:active], cs[:active], behind[:active]
    short = cs * less[active - 1] - behind * spent[active - 1]  # C_n w_r − c_r P_n
    isolation = np.zeros_like(w)
    isolation[order[:active]] = (ws * unit + short) / (cs * total[active - 1])
    return float(w[first] / c[first] * total[active - 1] / (unit + spent[active - 1])), active, isolation


def level_of_power(above: np.ndarray, c: np.ndarray | None, budget: float, eta: float) -> tuple[float, np.ndarray]:
    """Return the log price at the first feature and s where ``U' = (1 + s)^-η``.

    ``w_r (1 + s_r)^-η = λ c_r`` is the logarithm's condition for weights ``c_r (w_r/c_r)^(1/η)`` and λ^(1/η).
    """
    with np.errstate(under="ignore"):
        weights = np.exp(-above / eta)
    costs = np.ones_like(weights) if c is None else c  # a thousand ranks need no compiler
    root_of_level, _, s = costly_log(costs * weights, costs, budget)
    return eta * float(np.log(root_of_level)), s


def price_by_root(above: np.ndarray, c: np.ndarray | None, budget: float, utility: Utility) -> float:
    """Return the log price x of a unit of U' at the first feature, where the others cost `above` more in logs.

    Exactly the budget is spent there, by bracketing and Brent's method. Where U'(0) is finite the unknown is
    ``log(log U'(0) − x)``, which has digits for tiny budgets too. Many ranks are first thinned out, each that stays
    standing for those around it: their price is a start.
    """
    with np.errstate(invalid="ignore"):  # of a negative U', which is refused below
        dearest = float(utility.log_marginal(np.zeros(1))[0])
    return _to_price(_unknown(above, c, budget, utility, dearest, TIGHTEST), dearest)


def _to_price(unknown: float, dearest: float) -> float:
    return dearest - float(np.exp(unknown)) if dearest < np.inf else unknown


def _unknown(
    above: np.ndarray, c: np.ndarray | None, budget: float, utility: Utility, dearest: float, near: float
) -> float:
    finite = dearest < np.inf
    start, step = min(float(np.log(budget)), 0.0) if finite else 0.0, 1.0
    if above.size > 2 * THINNED:
        at = np.unique(np.geomspace(1, above.size, THINNED).round().astype(int)) - 1
        half = np.diff(at) / 2  # sums between two ranks by the trapezoid rule
        gaps = 0.5 + np.append(half, 0.5) + np.insert(half - 0.5, 0, 0.0)
        start, step = _unknown(above[at], gaps if c is None else gaps * c[at], budget, utility, dearest, START), 1e-3

    @cache  # the search meets both ends of its bracket again
    def excess(unknown: float) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            demand = utility.demand_at_log(_to_price(unknown, dearest) + above)
            spent = float(np.sum(demand) if c is None else np.dot(c, demand))
        if np.isnan(spent):
            raise InputError("utility", utility, f"demand is NaN; {broken_rule(utility)}", "Log()")
        # the log of a power is straight, which Brent's method likes
        log_spent = np.log(spent) if 0 < spent < np.inf else np.copysign(NOTHING, spent - 1)
        return float(log_spent - np.log(budget))

    first = excess(start)
    if first == 0:
        return start
    sign = 1.0 if (first > 0) != finite else -1.0  # of the way to go
    here, far, reach = start, start + sign * step, step
    furthest = NOTHING if finite else REACH
    while (excess(far) > 0) == (first > 0):
        if abs(far) > furthest or far == here:
            raise InputError("utility", utility, broken_rule(utility), "Log()")
        reach *= 2 if step == 1.0 else 8
        here, far = far, far + sign * reach
        far = float(np.clip(far, -NOTHING - 1, 709)) if finite else far
    return root(excess, min(here, far), max(here, far), near, near)


def broken_rule(utility: Utility) -> str:
    """Return the rule that a utility breaks whose allocation is no optimum."""
    with np.errstate(all="ignore"):
        marginal = utility.log_marginal(np.geomspace(1e-9, 1e9, 2000))
        step = np.diff(marginal[np.isfinite(marginal)])
    if step.size and step.max() >= 0 and marginal[np.isfinite(marginal)].max() > -700:
        return "must be concave: U' must fall with s"
    return "has no solution here: U' must be positive, finite for s > 0, decreasing and continuous"


def at_nothing(depth: float, above: np.ndarray) -> np.ndarray:
    """Return which features cost U'(0) or more, up to rounding: their s is 0, as `Allocation.reached` has it.

    The first feature's log price lies `depth` below log U'(0), those of the others `above` it.
    """
    return above >= depth - BY_ROOT * (depth if depth < TINY else max(1.0, depth))


def require_concave(utility: Utility, most: float, whole: float) -> None:
    """Raise where U' rises between no isolation and the whole budget on one feature: the conditions decide nothing."""
    with np.errstate(all="ignore"):
        marginal = utility.log_marginal(np.geomspace(max(1e-6 * most, LEAST), min(max(whole, most), 1e300), 400))
        rise = np.diff(marginal[np.isfinite(marginal)])
    if rise.size and rise.max() > 1e-9:
        raise InputError("utility", utility, "must be concave: U' must fall with s", "Log(), or U' that descends")


def check_weights(weights: np.ndarray) -> None:
    """Raise unless every weight is a finite number at least 0."""
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(f"weights[{at}]", weights[at], "must be finite and at least 0", EXAMPLE)


def check_costs(costs: ArrayLike, weights: np.ndarray) -> np.ndarray:
    """Return the costs as numbers; raise unless each is finite and positive, and there are as many as weights."""
    example = "allocate([4.0, 2.0], budget=4.0, costs=[1.0, 2.0])"
    c = as_floats("costs", costs, example)
    require(c.shape == weights.shape, "costs", f"shape {c.shape}", f"must be {weights.shape} like weights", example)
    require(bool(((c > 0) & np.isfinite(c)).all()), "costs", c, "must be finite and greater than 0", example)
    return c


def _run(of: Kernel, weights: np.ndarray, *rest: Any) -> Any:
    """Run a kernel on weights: interpreted on few of them, until its compiled form is in use."""
    if weights.size <= FEW and not of.in_use:
        try:
            return of.interpreted(weights.tolist(), *rest)
        except REFUSED:
            pass
    return of.compiled(weights, *rest)


@kernel(cache=True, nogil=True)
def _descends(w):
    """Return whether the weights are finite, non-negative and in descending order (false for any NaN)."""
    in_order = w[0] < np.inf and w[-1] >= 0.0
    for r in range(len(w) - 1):
        in_order &= w[r] >= w[r + 1]
    return in_order


@kernel(cache=True, nogil=True)
def _fill(w, budget, isolation):
    """Fill `isolation` for descending weights and return (λ, n).

    Blocks are summed plainly and the blocks' sums with a carried remainder (Neumaier), which is quicker than a
    running sum and keeps the budget to rounding over millions of weights.
    """
    size = len(w)
    total, carried, active, start = 0.0, 0.0, 0, 0
    behind = 0.0  # Σ_{j≤n} (w_1 − w_j), which keeps the digits of tiny budgets
    while budget < TINY and active < size and w[active] * budget > active * (w[0] - w[active]) - behind:
        behind += w[0] - w[active]
        carried += w[active]
        active += 1
    while budget >= TINY and start < size:
        stop = min(start + BLOCK, size)
        block = 0.0
        for r in range(start, stop):
            block += w[r]
        if not w[stop - 1] * (budget + stop) > (1.0 + TIE) * (total + carried + block):
            break
        new = total + block
        carried += (total - new) + block
        total, active, start = new, stop, stop
    for r in range(start, min(start + BLOCK, size) if budget >= TINY else 0):  # the block in which the prefix ends
        if not w[r] * budget > (1.0 + TIE) * (total + carried) - r * w[r]:  # s = 0 up to rounding
            break
        carried += w[r]
        active = r + 1
    isolation[active:] = 0.0
    if active == 0:
        return 0.0, 0
    weight = total + carried
    if budget >= TINY:
        for r in range(active):
            isolation[r] = (w[r] * budget + (active * w[r] - weight)) / weight
    else:
        for r in range(active):
            isolation[r] = (w[r] * budget + (behind - active * (w[0] - w[r]))) / weight
    return weight / (budget + active), active
