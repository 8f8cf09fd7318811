"""The discrete allocation solved exactly, for any importance weights, and for other utilities and costs.

Problem (Eq. 11), with weights ``w_r ≥ 0``, budget ``B = κN``, utility U and unit costs ``c_r``:

    maximise  Σ_r w_r U(s_r)   over  s_r ≥ 0,  Σ_r c_r s_r ≤ B;      the paper: U = log(1 + s), c = 1.

It is concave, so these conditions are necessary and sufficient (Eq. 16): there is ``λ > 0`` with

    w_r U'(s_r) = λ c_r  where s_r > 0,       w_r U'(0) ≤ λ c_r  where s_r = 0,       Σ_r c_r s_r = B.

Logarithmic utility: ``s_r = [w_r/(λ c_r) − 1]_+``. Sorted by ``w_r/c_r`` the active features are a prefix, and with
``P_n = Σ_{r≤n} w_r``, ``C_n = Σ_{r≤n} c_r`` the budget gives ``1/λ = (B + C_n)/P_n``. The prefix is the largest ``n``
with ``w_n (B + C_n) > c_n P_n``; beyond the first failure every later rank fails too, so one pass over the sorted
weights ends it. Other utilities: the spending falls monotonically with λ, and a root finder in log λ does it.

Certificate
-----------
For any ``λ > 0`` weak duality bounds the optimum from above by

    d(λ) = λB + Σ_r max_s [w_r U(s) − λ c_r s],

so ``d(λ) − Σ w_r U(s_r)`` bounds what a feasible ``s`` can be short of the optimum, however it was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import REFUSED, Kernel, kernel
from ..errors import InputError, require
from .parameters import as_floats
from .roots import root
from .utilities import Log, Utility

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

LOG = Log()
TIE = 3e-14  # relative, in 1 + s: what rounding leaves between s and τ that are equal
EXAMPLE = "allocate(weights=[1.0, 0.5, 0.25], budget=2.0)"
LEAST = 1e-300  # isolation below it is as good as 0: floats lose their digits there
CERTAIN = 1e-6  # by how much a solution by root may miss its certificate
REACH = 1e18  # distance in log λ beyond which no price is looked for
THINNED = 512  # ranks that give a start for λ
FEW = 512  # weights that are interpreted
BLOCK = 2048  # weights summed between two looks at the stopping rule


@dataclass(frozen=True)
class Certificate:
    """Bounds on a solution's distance from the optimum; each figure is relative and 0 at the optimum.

    Attributes
    ----------
    budget_residual : float
        ``Σ s / B − 1`` (Eq. 11's constraint).
    first_order_residual : float
        Largest violation of the first-order conditions (Eq. 16) over all features, relative to λ.
    duality_gap : float
        ``(d(λ) − Σ w U(s)) / (λB)``: the possible gain from a better allocation, in units of the budget's worth.
    """

    budget_residual: float
    first_order_residual: float
    duality_gap: float

    def holds(self, tolerance: float = 1e-9) -> bool:
        """Return whether all three figures are within `tolerance`."""
        figures = (self.budget_residual, self.first_order_residual, self.duality_gap)
        return all(abs(figure) <= tolerance for figure in figures)


@dataclass(frozen=True, eq=False)
class Allocation:
    """The optimal isolation of every feature.

    Attributes
    ----------
    isolation : ndarray, shape (features,)
        s_r ≥ 0, in the order of the weights given.
    multiplier : float
        λ, the value of one more unit of budget (Eq. 16).
    active : int
        n, the number of features with positive isolation.
    weights : ndarray, shape (features,)
        w_r as given.
    budget : float
        B = κN.
    utility : Utility
        U, the logarithm unless another was asked for.
    costs : ndarray, shape (features,), or None
        c_r; None stands for unit costs.
    log_weights : ndarray, shape (features,), or None
        log w_r, for weights that underflow; None takes them from `weights`.
    log_multiplier : float or None
        log λ, for a multiplier that underflows; None takes it from `multiplier`.
    """

    isolation: np.ndarray
    multiplier: float
    active: int
    weights: np.ndarray
    budget: float
    utility: Utility = LOG
    costs: np.ndarray | None = None
    log_weights: np.ndarray | None = None
    log_multiplier: float | None = None

    @property
    def log_level(self) -> float:
        """Log λ, finite also where λ underflows."""
        if self.log_multiplier is not None and not 1e-300 < self.multiplier < 1e300:
            return self.log_multiplier
        return float(np.log(self.multiplier))

    def reached(self, tau: float) -> np.ndarray:
        """Return which features have isolation at least `tau`; one that meets it but for rounding does."""
        return (1 + self.isolation) * (1 + TIE) >= 1 + tau

    def count(self, tau: float) -> int:
        """Return R_τ, the number of features with isolation at least `tau` (Eq. 10)."""
        return int(np.count_nonzero(self.reached(tau)))

    def plot(self, ax: Axes | None = None, tau: float | None = None) -> Axes:
        """Draw isolation over rank; with `tau` also the threshold and the count."""
        from .drawings import draw_allocation

        return draw_allocation(self, ax, tau)

    @property
    def certificate(self) -> Certificate:
        """Residuals and duality gap of this solution; the module's head derives them."""
        with np.errstate(divide="ignore"):
            log_w = np.log(self.weights) if self.log_weights is None else self.log_weights
        wanted = log_w > -np.inf  # a worthless feature has no share in any sum below
        s, log_w = self.isolation[wanted], log_w[wanted]
        c = np.ones_like(s) if self.costs is None else self.costs[wanted]
        log_price = self.log_level + np.log(c) - log_w
        with np.errstate(over="ignore", invalid="ignore"):
            # 1 where s > 0, at most 1 where s = 0, which stands for all that is too small for a float
            gain = np.exp(self.utility.log_marginal(np.maximum(s, LEAST)) - log_price)
            best = self.utility.demand_at_log(log_price)
            # Where s is the best but for rounding, the difference of values is noise; its first order is not.
            rise, far = gain * (best - s), ~(np.abs(best - s) <= 1e-8 * (1 + s))
            if far.any():
                gained = self.utility.value(best[far]) - self.utility.value(s[far])
                rise[far] = np.exp(-log_price[far]) * gained
        violation = np.where(s > LEAST, np.abs(gain - 1.0), np.maximum(gain - 1.0, 0.0))
        return Certificate(
            budget_residual=(float(np.sum(c * s)) - self.budget) / self.budget,
            first_order_residual=float(violation.max()),
            duality_gap=1.0 + float(np.sum(c * (rise - best))) / self.budget,
        )


def allocate(weights: ArrayLike, budget: float, utility: Utility = LOG, costs: ArrayLike | None = None) -> Allocation:
    """Solve the discrete allocation (Eq. 11) for any importance weights, in any order.

    Parameters
    ----------
    weights : array_like, shape (features,)
        Importances w_r ≥ 0, at least one of them positive; ties and zeros are fine. Weights that already descend are
        solved in one pass, others are sorted first.
    budget : float
        κN > 0.
    utility : Utility
        One of `rosettalaw.theory.utilities`; the logarithm is solved in closed form.
    costs : array_like, shape (features,), optional
        Cost c_r > 0 of a unit of isolation.

    Raises
    ------
    InputError
        For weights that are not a vector, are negative, infinite, NaN or all zero, for costs of another shape or that
        are not positive, and for a budget that is not.

    Examples
    --------
    >>> allocate([4.0, 2.0, 1.0], budget=4.0).isolation.tolist()
    [3.0, 1.0, 0.0]
    """
    w = as_floats("weights", weights, EXAMPLE)
    require(w.ndim == 1 and w.size > 0, "weights", f"array of shape {w.shape}", "must be a vector of features", EXAMPLE)
    level = as_floats("budget", budget, EXAMPLE)
    if level.ndim or not 0 < level < np.inf:
        raise InputError("budget", budget, "must be a finite number greater than 0", EXAMPLE)

    c = None if costs is None else _costs(costs, w)
    if c is None and utility == LOG:
        multiplier, active, isolation = _unit_log(w, float(level))
    else:
        _check(w)
        require(bool(w.any()), "weights", w, "must hold at least one positive weight", EXAMPLE)
        if utility != LOG:
            with np.errstate(divide="ignore"):
                return allocate_logs(w, np.log(w), float(level), utility, c)
        with np.errstate(over="ignore", divide="ignore"):
            price = c / w  # of a unit of U', at λ = 1
        multiplier = _level_log(w, c, price, float(level))
        isolation = np.where(w > 0, utility.demand(multiplier * price), 0.0)
        active = int(np.count_nonzero(isolation))
    return Allocation(
        isolation=isolation,
        multiplier=multiplier,
        active=active,
        weights=w,
        budget=float(level),
        utility=utility,
        costs=c,
    )


def allocate_logs(
    weights: np.ndarray, log_weights: np.ndarray, budget: float, utility: Utility, costs: np.ndarray | None
) -> Allocation:
    """Solve for any utility, with the weights' logs: the weights themselves and λ may underflow.

    Raises
    ------
    InputError
        Where no price spends the budget: the utility is not concave, or jumps.
    """
    log_price = -log_weights if costs is None else np.log(costs) - log_weights
    log_level = _level_by_root(log_price, costs, budget, utility)
    with np.errstate(over="ignore"):
        isolation = np.where(log_weights > -np.inf, utility.demand_at_log(log_level + log_price), 0.0)
    active = int(np.count_nonzero(isolation))
    level = float(np.exp(log_level))
    allocation = Allocation(
        isolation=isolation,
        multiplier=level,
        active=active,
        weights=weights,
        budget=budget,
        utility=utility,
        costs=costs,
        log_weights=log_weights,
        log_multiplier=log_level,
    )
    certificate = allocation.certificate
    if not certificate.holds(CERTAIN):
        raise InputError("utility", utility, f"{_why(utility)}; {certificate}", "Log(), or U' that descends smoothly")
    return allocation


def _why(utility: Utility) -> str:
    """Return the rule that a utility breaks whose allocation is no optimum."""
    with np.errstate(all="ignore"):
        marginal = utility.log_marginal(np.geomspace(1e-9, 1e9, 2000))
        step = np.diff(marginal[np.isfinite(marginal)])
    if step.size and step.max() >= 0 and marginal[np.isfinite(marginal)].max() > -700:
        return "must be concave: U' must fall with s"
    return "has no solution here: U' must be positive, finite beyond s = 0, and fall without jumps"


def _unit_log(w: np.ndarray, budget: float) -> tuple[float, int, np.ndarray]:
    isolation = np.empty_like(w)
    if _run(_descends, w):
        multiplier, active = _run(_fill, w, budget, isolation)
    else:
        _check(w)
        order = np.argsort(-w, kind="stable")
        descending = np.empty_like(w)
        multiplier, active = _run(_fill, w[order], budget, descending)
        isolation[order] = descending
    require(active > 0, "weights", w, "must hold at least one positive weight", EXAMPLE)
    return multiplier, active, isolation


def _level_log(w, c, price, budget) -> float:
    """Return λ for logarithmic utility and any costs: the prefix rule, sorted by w/c."""
    order = np.argsort(price, kind="stable")[: np.count_nonzero(w)]
    spent, total = np.cumsum(c[order]), np.cumsum(w[order])
    active = np.flatnonzero((budget + spent) > price[order] * total)[-1]
    return float(total[active] / (budget + spent[active]))


def _level_by_root(log_price, c, budget, utility) -> float:
    """Return log λ at which exactly the budget is spent, by bracketing and Brent's method.

    Many ranks are first thinned out, each that stays standing for those up to the next: their λ is a start.
    """
    wanted = log_price < np.inf
    if not wanted.all():
        log_price, c = log_price[wanted], None if c is None else c[wanted]
    start, step = -float(log_price.min()), 1.0
    if log_price.size > 2 * THINNED:
        at = np.unique(np.geomspace(1, log_price.size, THINNED).astype(int)) - 1
        gaps = np.diff(at, append=log_price.size)
        start, step = _level_by_root(log_price[at], gaps if c is None else gaps * c[at], budget, utility), 1e-3

    def excess(log_level: float) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            demand = utility.demand_at_log(log_level + log_price)
            spent = float(np.sum(demand) if c is None else np.dot(c, demand))
        if np.isnan(spent):
            raise InputError("utility", utility, f"demand is NaN; {_why(utility)}", "Log()")
        # the log of a power is straight, which Brent's method likes
        return float(np.log(min(max(spent, 1e-300), 1e300)) - np.log(budget))

    first = excess(start)
    if first == 0:
        return start
    sign = 1.0 if first > 0 else -1.0  # of the way to go
    near, far, reach = start, start + sign * step, step
    while sign * excess(far) > 0:
        if reach > REACH:
            raise InputError("utility", utility, _why(utility), "Log()")
        reach *= 2 if step == 1.0 else 8
        near, far = far, far + sign * reach
    return root(excess, min(near, far), max(near, far))


def _costs(costs: ArrayLike, weights: np.ndarray) -> np.ndarray:
    example = "allocate([4.0, 2.0], budget=4.0, costs=[1.0, 2.0])"
    c = as_floats("costs", costs, example)
    require(c.shape == weights.shape, "costs", f"shape {c.shape}", f"must be {weights.shape} like weights", example)
    require(bool(((c > 0) & np.isfinite(c)).all()), "costs", c, "must be finite and greater than 0", example)
    return c


def _check(weights: np.ndarray) -> None:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(f"weights[{at}]", weights[at], "must be finite and at least 0", EXAMPLE)


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
    while start < size:
        stop = min(start + BLOCK, size)
        block = 0.0
        for r in range(start, stop):
            block += w[r]
        if not w[stop - 1] * (budget + stop) > total + carried + block:
            break
        new = total + block
        carried += (total - new) + block
        total, active, start = new, stop, stop
    for r in range(start, min(start + BLOCK, size)):  # the block in which the prefix ends
        if not w[r] * budget > total + carried - r * w[r]:  # without loss where the budget is tiny
            break
        carried += w[r]
        active = r + 1
    isolation[active:] = 0.0
    if active == 0:
        return 0.0, 0
    inverse = (budget + active) / (total + carried)
    for r in range(active):
        isolation[r] = (w[r] * budget + (active * w[r] - (total + carried))) / (total + carried)
    return 1.0 / inverse, active
