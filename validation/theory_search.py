"""The search for the theory that counts follow: least squares over β and the budget over threshold, and profiles of β.

`rosettalaw.validation.theory_fit` states the model and what its intervals hold.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..theory.kernel_runs import run
from ..theory.power_law import ROUNDING_UP, frontier_points, level_points
from ..theory.roots import root
from .counts import Counts
from .least_squares import least_squares
from .power_law import student
from .profile_interval import profile_interval
from .rounding import ROUNDING, reach, slope_variance, whole

TAU, GAMMA = 1.0, 4.0
BETA_RANGE = (1.001, 20.0)
SMALL = 20  # a count below it moves by more than 5% from one whole number to the next
TURNS = 3
SMALLEST = 0.5  # least expected count that a variance is taken from
WIDEST = 600.0  # of log κ/(1+τ), which is β log R − log N and passes 60 where β is 10 and R is 1000
EXACT = 1e-14  # precision of a search: counts of 10^12 say β to nine digits
STEP = 1e-7  # of a forward difference in β
SETTLED = 1e-12  # share of a sum of squares by which its minimum may still fall
NEWTON_STEPS = 8  # before the careful search
FLOOR = 1e-3  # least value of r_τ − ½ whose logarithm is taken: the search may pass where no feature is matched


def expected_count(neurons: np.ndarray, beta: float, kappa: float | np.ndarray, tau: float, gamma: float) -> np.ndarray:
    """Return ``r_τ − ½``, not below `FLOOR`: the theory's `frontier` without its checks, as a fit asks for hundreds.

    κ is one number, or one for each size.
    """
    flat = np.ascontiguousarray(neurons, dtype=float).ravel()
    betas, taus, gammas = (np.full(flat.shape, float(value)) for value in (beta, tau, gamma))
    kappas = np.full(flat.shape, kappa, dtype=float)
    r_tau = run(frontier_points, [flat, betas, kappas, taus, gammas], False, np.empty(flat.shape))
    return np.maximum(r_tau - 0.5, FLOOR).reshape(np.shape(neurons))


def budget_slopes(
    neurons: np.ndarray, expected: np.ndarray, beta: float, kappa: float, tau: float, gamma: float
) -> np.ndarray:
    """Return d R/d log κ of `expected_count`, 0 at either end: where nothing is matched, or every feature."""
    r_tau = expected + 0.5
    log_r0 = np.log(np.maximum(r_tau, 0.5)) + np.log1p(tau) / beta
    slope = r_tau * level_slopes(neurons, log_r0, beta, kappa, gamma)
    slope[(expected <= FLOOR) | (r_tau >= np.floor(gamma * neurons))] = 0
    return slope


def levels(neurons: np.ndarray, beta: float, kappa: float, gamma: float) -> np.ndarray:
    """Return log r0 at each size (Eq. 20), as `expected_count` without its checks."""
    betas, kappas, gammas = (np.full(neurons.shape, float(value)) for value in (beta, kappa, gamma))
    return run(level_points, [neurons, betas, kappas, gammas], False, np.empty(neurons.shape))


def level_slopes(neurons: np.ndarray, log_r0: np.ndarray, beta: float, kappa: float, gamma: float) -> np.ndarray:
    """Return d log r0/d log κ = (1/β) κN/(κN + n), n active features (`rosettalaw.theory.power_law`)."""
    budget = kappa * neurons
    active = np.minimum(np.exp(np.minimum(log_r0, 700.0)), np.floor(gamma * neurons))
    return budget / (beta * (budget + np.floor(active * ROUNDING_UP)))


class TheorySearch:
    """Least squares over β and log b, for one variance of the counts."""

    def __init__(self, data: Counts, tau: float, gamma: float, weighted: bool, power: int):
        self.data, self.tau, self.gamma, self.power = data, tau, gamma, power
        self.neurons, self.counts = data.neurons, data.counts
        if power == 1:
            self.neurons, self.counts = data.with_zeros()
        self.weights = data.counts / data.sd if weighted and data.sd is not None else np.ones(len(self.counts))
        self.weights = self.weights / np.sqrt(np.mean(self.weights**2))

        at = len(data) // 2
        slope = np.polyfit(np.log(data.neurons), np.log(data.counts), 1)[0]
        self.beta = float(np.clip(1 / max(slope, 1e-3), 1.05, BETA_RANGE[1] - 0.5))
        self.log_budget = budget_at(data.neurons[at], data.counts[at], self.beta, tau, gamma)
        for _ in range(1 if power == 2 else TURNS):  # the variance φ μ follows the curve that it weights
            if power == 1:
                self.weights = np.maximum(self.expected(self.beta, self.log_budget), SMALLEST) ** -0.5
            self.minimize()

    def expected(self, beta: float, log_budget: float) -> np.ndarray:
        return expected_count(self.neurons, beta, self._kappa(log_budget), self.tau, self.gamma)

    def residuals(self, beta: float, log_budget: float) -> np.ndarray:
        mu = self.expected(beta, log_budget)
        return self.weights * (self.counts - mu if self.power == 1 else np.log(self.counts / mu))

    def slopes(self, beta: float, log_budget: float, left: np.ndarray) -> np.ndarray:
        """Return the derivatives by log b of residuals, in closed form from the residuals themselves."""
        left = left / self.weights
        mu = self.counts - left if self.power == 1 else self.counts * np.exp(-left)
        slope = budget_slopes(self.neurons, mu, beta, self._kappa(log_budget), self.tau, self.gamma)
        return -self.weights * (slope if self.power == 1 else slope / mu)

    def _kappa(self, log_budget: float) -> float:
        return float(np.exp(np.clip(log_budget, -WIDEST, WIDEST))) * (1 + self.tau)

    def minimize(self) -> None:
        """Take β and log b of least squares at the weights as they are."""

        def residuals(at: np.ndarray) -> np.ndarray:
            return self.residuals(*at.tolist())

        def jacobian(at: np.ndarray, left: np.ndarray) -> np.ndarray:
            beta, log_budget = at.tolist()
            moved = self.residuals(beta + STEP, log_budget)
            return np.stack([(moved - left) / STEP, self.slopes(beta, log_budget, left)], axis=1)

        limits = (BETA_RANGE[0], -np.inf), (BETA_RANGE[1], np.inf)
        best, left = least_squares(residuals, (self.beta, self.log_budget), jacobian, EXACT, limits)
        self.beta, self.log_budget = best.tolist()
        self.least = float(left @ left)
        by_beta, by_budget = jacobian(best, left).T
        squared = float(by_budget @ by_budget)
        rough = float(np.mean(np.log(self.data.counts)))  # r_τ^β is about b N
        tangent = -float(by_beta @ by_budget) / squared if squared > 0 else rough
        across = by_beta + tangent * by_budget
        self.curvature = float(across @ across)
        capped = bool(np.any(self.expected(*best.tolist()) >= np.floor(self.gamma * self.neurons) - 1))
        self.ways = (tangent, rough) if capped or self.beta in BETA_RANGE else (tangent,)

    def squares(self, beta: float) -> float:
        """Return S(β), least squares over the budget: where features run out it has two valleys, each with its way."""
        return min(self._valley(beta, self.log_budget + (beta - self.beta) * way) for way in self.ways)

    def _valley(self, beta: float, log_budget: float) -> float:
        """Return the least squares near a budget: a few Gauss–Newton steps, or the careful search where they lag."""
        left = self.residuals(beta, log_budget)
        squares = float(left @ left)
        for _ in range(NEWTON_STEPS):
            slopes = self.slopes(beta, log_budget, left)
            downhill, bend = -float(slopes @ left), float(slopes @ slopes)
            if not bend > 0:
                break
            if downhill**2 <= SETTLED * squares * bend:
                return squares
            there = self.residuals(beta, log_budget + downhill / bend)
            if not there @ there < squares:
                break
            log_budget, left, squares = log_budget + downhill / bend, there, float(there @ there)
        _, left = least_squares(
            lambda at: self.residuals(beta, float(at[0])),
            [log_budget],
            lambda at, left: self.slopes(beta, float(at[0]), left)[:, None],
            EXACT,
        )
        return float(left @ left)

    def interval(self) -> tuple[float, float]:
        """Return the 95% profile interval of β."""
        freedom = len(self.counts) - 2
        allowed = unknown_variance(self.least, freedom)
        if freedom > 0:
            allowed = max(allowed, self.least + reach(freedom) ** 2 * self.rounding())
        step = float(np.sqrt((allowed - self.least) / self.curvature)) if self.curvature > 0 else np.nan
        known = step if 0 < step < self.beta else None  # half the width, were the profile a parabola
        return profile_interval(self.squares, self.beta, allowed, BETA_RANGE, known)

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of the counts at the best φ, up to a constant."""
        n, jacobian = len(self.counts), np.log(self.weights)
        if self.power == 2:
            jacobian = jacobian - np.log(self.counts)  # residuals are of log R
        return float(np.sum(jacobian) - n / 2 * np.log(self.least + ROUNDING * np.sum(self._per_count() ** 2)))

    def _per_count(self) -> np.ndarray:
        """Return how much one more neuron moves each residual."""
        return self.weights if self.power == 1 else self.weights / self.counts

    def coarse(self) -> bool:
        """Return whether small whole counts scatter by less than a pair: half a pair squared, six times rounding."""
        left = self.counts - self.expected(self.beta, self.log_budget)
        small = whole(self.counts) and self.counts.min() < SMALL
        return bool(small and left @ left / (len(left) - 2) < 6 * ROUNDING)

    def rounding(self) -> float:
        """Return the variance of a residual from rounding, as the slope sees it; 0 if counts are not whole."""
        per_count = self._per_count()
        weight = self.weights if self.power == 2 else 1 / per_count
        return slope_variance(np.log(self.neurons), weight, per_count) if whole(self.counts) else 0.0


def log_curve(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Fit log counts y over log sizes x by least squares, at τ = 1 and γ = 4; return the curve of log counts."""
    low, high = BETA_RANGE
    slope, middle = np.polyfit(x, y, 1)[0], len(x) // 2
    beta = float(np.clip(1 / max(slope, 1e-3), low + 0.05, high - 0.5))
    start = beta, budget_at(float(np.exp(x[middle])), float(np.exp(y[middle])), beta)

    neurons, limits = np.exp(x), ((low, -np.inf), (high, np.inf))

    def kappa_of(log_budget: float) -> float:
        return float(np.exp(np.clip(log_budget, -WIDEST, WIDEST))) * (1 + TAU)

    def curve(at: np.ndarray, beta: float, log_budget: float) -> np.ndarray:
        return np.log(expected_count(at, beta, kappa_of(log_budget), TAU, GAMMA))

    def residuals(at: np.ndarray) -> np.ndarray:
        return y - curve(neurons, *at.tolist())

    def jacobian(at: np.ndarray, left: np.ndarray) -> np.ndarray:
        (beta, log_budget), expected = at.tolist(), np.exp(y - left)
        by_beta = (residuals(np.array([beta + STEP, log_budget])) - left) / STEP
        by_budget = budget_slopes(neurons, expected, beta, kappa_of(log_budget), TAU, GAMMA) / expected
        return np.stack([by_beta, -by_budget], axis=1)

    best, _ = least_squares(residuals, start, jacobian, limits=limits)
    return lambda at: curve(np.exp(at), *best.tolist())


def unknown_variance(least: float, freedom: int) -> float:
    """Return ``S_min (1 + F_{1,ν}(95%)/ν)``, NaN without a degree of freedom."""
    return least * (1 + student(freedom) ** 2 / freedom) + 1e-18 if freedom > 0 else np.nan


def budget_at(neurons: float, count: float, beta: float, tau: float = TAU, gamma: float = GAMMA) -> float:
    """Return log κ/(1+τ) at which the theory expects this count at this size (a rough one if none does)."""
    target = np.log(count)

    def excess(log_budget: float) -> float:
        kappa = np.exp(log_budget) * (1 + tau)
        return float(np.log(expected_count(np.array([neurons]), beta, kappa, tau, gamma)[0]) - target)

    guess = beta * target - np.log(neurons)  # r_τ^β = b N, up to ζ(β)
    low, high = guess - 2.0, guess + 2.0
    while excess(low) > 0 and low > guess - 80:
        low -= 2.0
    while excess(high) < 0 and high < guess + 80:
        high += 2.0
    crossed = excess(low) < 0 < excess(high)
    return root(excess, low, high, xtol=1e-3) if crossed else guess
