"""The discrete allocation solved exactly, for any importance weights.

Problem (Eq. 11), with weights ``w_r ≥ 0`` and budget ``B = κN``:

    maximise  Σ_r w_r log(1 + s_r)   over  s_r ≥ 0,  Σ_r s_r ≤ B.

It is concave, so these conditions are necessary and sufficient (Eq. 16): there is ``λ > 0`` with

    w_r/(1 + s_r) = λ  where s_r > 0,       w_r ≤ λ  where s_r = 0,       Σ_r s_r = B,

that is ``s_r = [w_r/λ − 1]_+``. Sorted by weight the active features are a prefix, and with ``P_n = Σ_{r≤n} w_r`` the
budget gives ``1/λ = (B + n)/P_n``. The prefix is the largest ``n`` with ``w_n (B + n) > P_n``; beyond the first
failure every later rank fails too, so one pass over the sorted weights ends it.

Certificate
-----------
For any ``λ > 0`` weak duality bounds the optimum from above by

    d(λ) = λB + Σ_r max_s [w_r log(1 + s) − λs] = λB + Σ_{w_r>λ} (w_r log(w_r/λ) − w_r + λ),

so ``d(λ) − Σ w_r log(1 + s_r)`` bounds what a feasible ``s`` can be short of the optimum, however it was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from ..errors import InputError, require
from .parameters import as_floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

EXAMPLE = "allocate(weights=[1.0, 0.5, 0.25], budget=2.0)"
BLOCK = 2048  # weights summed between two looks at the stopping rule


@dataclass(frozen=True)
class Certificate:
    """How far a solution can be from the optimum; each figure is relative and 0 at the optimum.

    Attributes
    ----------
    budget_residual : float
        ``Σ s / B − 1`` (Eq. 11's constraint).
    first_order_residual : float
        Largest violation of the first-order conditions (Eq. 16) over all features, relative to λ.
    duality_gap : float
        ``(d(λ) − Σ w U(s)) / (λB)``: the possible gain from a better allocation, in units of what the budget is worth.
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
    """

    isolation: np.ndarray
    multiplier: float
    active: int
    weights: np.ndarray
    budget: float

    def count(self, tau: float) -> int:
        """Return R_τ, the number of features with isolation at least `tau` (Eq. 10)."""
        return int(np.count_nonzero(self.isolation >= tau))

    @property
    def certificate(self) -> Certificate:
        """Residuals and duality gap of this solution; the module's head derives them."""
        s, w, level = self.isolation, self.weights, self.multiplier
        gradient = w / (1.0 + s)
        violation = np.where(s > 0, np.abs(gradient - level), np.maximum(gradient - level, 0.0))
        above = w[w > level]
        dual = level * self.budget + float(np.sum(above * np.log(above / level) - above + level))
        worth = level * self.budget
        return Certificate(
            budget_residual=float(s.sum()) / self.budget - 1.0,
            first_order_residual=float(violation.max()) / level,
            duality_gap=(dual - float(np.sum(w * np.log1p(s)))) / worth,
        )


def allocate(weights: ArrayLike, budget: float) -> Allocation:
    """Solve the discrete allocation (Eq. 11) for any importance weights, in any order.

    Parameters
    ----------
    weights : array_like, shape (features,)
        Importances w_r ≥ 0, at least one of them positive; ties and zeros are fine. Weights that already descend are
        solved in one pass, others are sorted first.
    budget : float
        κN > 0.

    Raises
    ------
    InputError
        For weights that are not a vector, are negative, infinite, NaN or all zero, and for a budget that is not
        positive.

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

    isolation = np.empty_like(w)
    if _descends(w):
        multiplier, active = _fill(w, float(level), isolation)
    else:
        _check(w)
        order = np.argsort(-w, kind="stable")
        descending = np.empty_like(w)
        multiplier, active = _fill(w[order], float(level), descending)
        isolation[order] = descending
    require(active > 0, "weights", w, "must hold at least one positive weight", EXAMPLE)
    return Allocation(isolation, multiplier, active, w, float(level))


def _check(weights: np.ndarray) -> None:
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(f"weights[{at}]", weights[at], "must be finite and at least 0", EXAMPLE)


@njit(cache=True, nogil=True)
def _descends(w):
    """Return whether the weights are finite, non-negative and in descending order (false for any NaN)."""
    in_order = w[0] < np.inf and w[-1] >= 0.0
    for r in range(len(w) - 1):
        in_order &= w[r] >= w[r + 1]
    return in_order


@njit(cache=True, nogil=True)
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
        if not w[r] * (budget + r + 1) > total + carried + w[r]:
            break
        carried += w[r]
        active = r + 1
    isolation[active:] = 0.0
    if active == 0:
        return 0.0, 0
    inverse = (budget + active) / (total + carried)
    for r in range(active):
        isolation[r] = w[r] * inverse - 1.0
    return 1.0 / inverse, active
