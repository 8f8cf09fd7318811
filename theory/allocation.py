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
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import checked
from ..errors import InputError, require
from .certificate import Certificate
from .levels import (
    BY_ROOT,
    EXAMPLE,
    LEAST,
    TIE,
    TINY,
    at_nothing,
    broken_rule,
    check_costs,
    check_weights,
    costly_log,
    level_of_power,
    price_by_root,
    require_concave,
    unit_log,
)
from .parameters import RULES, as_floats, as_number, positive
from .utilities import Log, Utility, power_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

LOG = Log()
ROUNDED = 1e-14  # of U' over its price, which two logarithms and an exponential leave
CERTAIN = 1e-6  # by how much a solution by root may miss its certificate
MOST = 1e290  # of weights whose sums do not overflow
LARGEST = 1e300  # budget of a utility other than the logarithm
LITTLE = 1e-6  # isolation below which demand is straight in the price
ROUGH = 0.01  # of a budget: what rounding of a price near nothing may leave unspent


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
        U, the logarithm unless another was given.
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
        """Return which features have isolation at least `tau`; one that meets it up to rounding does.

        For the logarithm and powers of 1 + s, rounding is 3e-14 of 1 + s. Any other utility is solved by root: there
        it is 1e-12 of the price at which a feature buys, ``λ c_r/w_r``, beside U'(τ). Where nearly nothing is spent
        (budget or log price 0.001 above nothing) it is that part of the largest s. A feature without isolation
        reaches no threshold.

        Raises
        ------
        InputError
            If `tau` is no positive number.
        """
        tau = as_number("tau", tau, positive, RULES["tau"], "allocate([1.0, 0.5], 3.0).count(tau=2.0)")
        s, error = self.isolation, TIE if self._closed else BY_ROOT
        if self._nearly_nothing:
            reached = s >= tau - error * s.max()
        elif self._closed:
            reached = (1 + s) * (1 + error) >= 1 + tau
        else:
            worth = float(self.utility.log_marginal(np.array([tau]))[0])
            reached = (s >= tau) | (self._log_prices <= worth + error * max(1.0, abs(worth)))
        return reached & (s > 0)

    def count(self, tau: float) -> int:
        """Return R_τ, the number of features with isolation at least `tau` (Eq. 10)."""
        return int(np.count_nonzero(self.reached(tau)))

    def plot(self, ax: Axes | None = None, tau: float | None = None) -> Axes:
        """Draw isolation over rank; with `tau` also the threshold and the count."""
        from .drawings import draw_allocation

        return draw_allocation(self, ax, tau)

    @property
    def _closed(self) -> bool:
        """True where 1 + s is known in closed form."""
        return self.utility == LOG or (power_of(self.utility) is not None and self.budget > TINY)

    @property
    def _nearly_nothing(self) -> bool:
        """True where so little is spent that prices have lost its digits, while isolation still has them."""
        if self._closed:
            first = 1.0 if self.costs is None else float(self.costs[np.argmax(self.isolation)])
            return self.budget < TINY * first
        return float(self.utility.log_marginal(np.zeros(1))[0]) - float(self._log_prices.min()) < TINY

    @property
    def _log_prices(self) -> np.ndarray:
        """``log(λ c_r/w_r)``, infinite for a worthless feature."""
        with np.errstate(divide="ignore"):
            log_w = np.log(self.weights) if self.log_weights is None else self.log_weights
        return self.log_level - log_w if self.costs is None else self.log_level + np.log(self.costs) - log_w

    @property
    def certificate(self) -> Certificate:
        """Residuals and duality gap of this solution; the module's head derives them."""
        log_price = self._log_prices
        wanted = log_price < np.inf  # a worthless feature has no share in any sum below
        s, log_price = self.isolation[wanted], log_price[wanted]
        c = np.ones_like(s) if self.costs is None else self.costs[wanted]
        with np.errstate(over="ignore", invalid="ignore"):
            # 1 where s > 0, at most 1 where s = 0, which stands for all that is too small for a float
            gain = np.exp(self.utility.log_marginal(np.maximum(s, LEAST)) - log_price)
            best = self.utility.demand_at_log(log_price)
            # Where s is the best up to rounding, the difference of values is noise; its first order is not.
            best = np.where(np.abs(gain - 1.0) <= ROUNDED, s, best)
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


@checked("allocate([1.0, 0.5, 0.2], budget=3.0)")
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

    c = None if costs is None else check_costs(costs, w)
    log_multiplier = None
    if c is None and utility == LOG:
        top = float(w.max())
        scale = 1.0 if not 0 < top < np.inf or LEAST < top < MOST else top  # only ratios of weights matter
        multiplier, active, isolation = unit_log(w if scale == 1.0 else w / scale, float(level))
        require(active > 0, "weights", w, "must hold at least one positive weight", EXAMPLE)
        if scale != 1.0:
            log_multiplier, multiplier = float(np.log(multiplier) + np.log(scale)), multiplier * scale
    else:
        check_weights(w)
        require(bool(w.any()), "weights", w, "must hold at least one positive weight", EXAMPLE)
        if utility != LOG:
            with np.errstate(divide="ignore"):
                return allocate_logs(w, np.log(w), float(level), utility, c)
        assert c is not None  # without costs the logarithm was solved above
        multiplier, active, isolation = costly_log(w, c, float(level))
    return Allocation(
        isolation=isolation,
        multiplier=multiplier,
        active=active,
        weights=w,
        budget=float(level),
        utility=utility,
        costs=c,
        log_multiplier=log_multiplier,
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
    extent = "must lie between 1e-300 and 1e300 for a utility other than the logarithm"
    require(LEAST <= budget <= LARGEST, "budget", budget, extent, EXAMPLE)
    log_price = -log_weights if costs is None else np.log(costs) - log_weights
    cheapest, wanted = float(log_price.min()), log_price < np.inf
    require(bool(wanted.any()), "weights", weights, "must hold at least one positive weight", EXAMPLE)
    above = log_price[wanted] - cheapest
    c = None if costs is None else costs[wanted]
    eta, isolation, depth = power_of(utility), np.zeros_like(log_price), np.inf
    closed = eta is not None and budget > TINY
    if eta is not None and closed:
        price, isolation[wanted] = level_of_power(above, c, budget, eta)
        log_level = price - cheapest
    else:
        price = price_by_root(above, c, budget, utility)
        depth = float(utility.log_marginal(np.zeros(1))[0]) - price
        log_level = price - cheapest
        with np.errstate(over="ignore"):
            isolation[wanted] = utility.demand_at_log(log_level + log_price[wanted])
            if float(isolation.max()) < TINY:  # the first feature's price keeps the digits that λ has lost
                isolation[wanted] = utility.demand_at_log(price + above)
        if float(isolation.min()) < 0:
            below, example = float(isolation.min()), "np.maximum(..., 0)"
            least = "must be at least 0 at every price"
            require(below > -TIE, f"{type(utility).__name__}.demand", below, least, example)
            isolation = np.maximum(isolation, 0.0)
        isolation[wanted] = np.where(at_nothing(depth, above), 0.0, isolation[wanted])
    spent = float(np.sum(isolation) if costs is None else np.dot(costs, isolation))
    nearly = depth < TINY and abs(spent - budget) < ROUGH * budget  # farther off, no price spends the budget
    if 0 < float(isolation.max()) < LITTLE or nearly:  # prices have no digits left for the last of it
        isolation *= budget / spent
    active = int(np.count_nonzero(isolation))
    with np.errstate(over="ignore"):
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
    if not closed:
        require_concave(utility, float(isolation.max()), budget if costs is None else budget / float(costs.min()))
    certificate = allocation.certificate
    rounding = 8 * float(np.spacing(max(abs(price), abs(price + float(above.max())))))  # of a price, in logs
    if not certificate.holds(max(CERTAIN, rounding)):
        most = float(isolation.max())
        if most < TIE or not most < np.inf:
            rule = f"is too {'small' if most < TIE else 'large'} to be allocated in floating point with {utility}"
            raise InputError("budget", budget, rule, EXAMPLE)
        raise InputError(
            "utility", utility, f"{broken_rule(utility)}; {certificate}", "Log(), or U' that descends smoothly"
        )
    return allocation
