"""One power-law optimum as an object: any N, no arrays, with its certificate.

`allocation.Allocation` is the same for explicit weights; `predictions.predict` for grids of points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, require
from .certificate import Certificate
from .kernel_runs import run
from .parameters import RULES, as_floats, as_number, parameters, positive, require_solvable
from .power_law import ACTIVE, COLUMNS, R0, frontier_and_count, level_points, power_sum, solve_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUMMED = 1000  # active features whose isolation the certificate adds up
NEAR_ONE = 1.05
EXAMPLE = "solve(1e12, beta=1.6, kappa=0.5)"


@dataclass(frozen=True)
class Solution:
    """The discrete optimum for ``w_r = r^-β`` (Eqs. 11, 14).

    Attributes
    ----------
    beta, budget : float
        β, and B = κN.
    features : float
        A, possibly infinite.
    r0 : float
        Where the profile vanishes (Eq. 17).
    active : int
        n, the number of features with positive isolation.
    log_r0 : float or None
        log r0, for an r0 beyond the largest float; None takes it from `r0`.
    """

    beta: float
    budget: float
    features: float
    r0: float
    active: int
    log_r0: float | None = None

    @property
    def multiplier(self) -> float:
        """λ = r0^-β, the value of one more unit of budget (Eq. 17)."""
        return float(np.exp(-self.beta * self._log_ratio(1.0)))

    def _log_ratio(self, rank: float | np.ndarray) -> Any:
        """Return log(r0/rank), finite also where r0 overflows: β near 0, every feature active."""
        if self.r0 < np.inf or self.log_r0 is None:
            return np.log(self.r0 / rank)
        return self.log_r0 - np.log(rank)

    def isolation_at(self, rank: np.ndarray) -> np.ndarray:
        """Return ``s_r = [(r0/r)^β − 1]_+`` at ranks 1 … A of any shape (Eq. 14)."""
        ranks = as_floats("rank", rank, "solve(1e4, beta=1.6).isolation_at([1, 2, 3])")
        fine = bool((ranks > 0).all())
        require(fine, "rank", rank, "must be positive", "solve(1e4, beta=1.6).isolation_at([1, 2, 3])")
        return np.maximum(np.expm1(self.beta * self._log_ratio(ranks)), 0.0)

    def count(self, tau: float) -> int:
        """Return R_τ (Eqs. 10, 22)."""
        tau = as_number("tau", tau, positive, RULES["tau"], "solve(1e4, beta=1.6).count(tau=2.0)")
        point = (float(self._log_ratio(1.0)), self.beta, tau, self.features, float(self.active), self.budget)
        return int(frontier_and_count(*point)[1])

    def plot(self, ax: Axes | None = None, tau: float | None = None) -> Axes:
        """Draw isolation over rank; with `tau` also the threshold and the count."""
        from .drawings import draw_solution

        return draw_solution(self, ax, tau)

    @property
    def certificate(self) -> Certificate:
        """Residuals of this solution, with the sum over ranks from Hurwitz's zeta function where it converges.

        The gradient is level over active ranks by the form of s_r; what remains of the first-order conditions is that
        rank n is worth at least λ and rank n + 1 at most λ. The duality gap of `allocation` comes to
        ``1 + (n − r0^β H(n))/B``.
        """
        from scipy.special import zeta

        n, weight = float(self.active), np.empty(0)
        if n <= SUMMED:
            weight = np.arange(1.0, n + 1) ** -self.beta
            total = float(weight.sum())
        elif self.beta > NEAR_ONE:
            total = zeta(self.beta) - zeta(self.beta, n + 1)
        else:  # zeta has a pole at 1
            total = power_sum(0.0, n, self.beta)
        lifted = float(np.exp(self.beta * self._log_ratio(1.0)))  # r0^β
        spent = lifted * total - n
        if n <= SUMMED and self.budget < 1e-3 * n:  # r0 itself keeps few digits of it
            spent = float(np.sum((weight * self.budget + (n * weight - total)) / total))
        last, following = (float(np.exp(self.beta * self._log_ratio(rank))) for rank in (n, n + 1))
        violation = max(1 - last, following - 1 if n < self.features else 0.0, 0.0)
        return Certificate(spent / self.budget - 1, violation, 1 - spent / self.budget)


def solve(neurons: float, beta: float, kappa: float = 1.0, gamma: float = 4.0) -> Solution:
    """Solve one point.

    Raises
    ------
    InputError
        For values outside the model, and arrays.

    Examples
    --------
    >>> solution = solve(1e12, beta=1.6, kappa=0.5)
    >>> solution.active, solution.certificate.holds()
    (12231483, True)
    """
    arrays = parameters(neurons, beta, kappa, 1.0, gamma)
    for name, array in arrays.items():
        if array.ndim:
            raise InputError(name, f"array of shape {array.shape}", "must be one number; predict takes arrays", EXAMPLE)
    require_solvable(arrays, "discrete")
    out = np.empty((1, len(COLUMNS)))
    size, exponent, budget, tau, ratio = (array.reshape(1) for array in arrays.values())
    run(solve_points, [size, exponent, budget, tau, ratio], False, out)
    log_r0 = run(level_points, [size, exponent, budget, ratio], False, np.empty(1))
    return Solution(
        beta=float(beta),
        budget=float(kappa) * float(neurons),
        features=float(np.floor(arrays["gamma"] * arrays["neurons"])),
        r0=float(out[0, R0]),
        active=int(out[0, ACTIVE]),
        log_r0=float(log_r0[0]),
    )
