"""The theory fitted to counts: the finite-size relation, not its asymptote.

Model
-----
The optimal allocation gives feature r the isolation ``s_r = [(r0/r)^β − 1]_+`` (Eq. 17) under the budget
``Σ s_r = κN``; the frontier is ``r_τ = r0 (1+τ)^(−1/β)`` (Eq. 22), and a count is the number of whole ranks up to
it (Eq. 10). A whole number R stands for frontiers in [R, R + 1), so that in the mean ``R = r_τ − ½``:

    log R_i = log( r_τ(N_i; β, κ, τ) − ½ ) + ε_i

Fitting the slope of a straight line and calling it 1/β is biased: the local slope is ``(1/β) κN/(κN + n)``, with n the
number of features of positive isolation.

What counts can say
-------------------
To leading order ``ζ(β) r0^β = κN``, so ``r_τ^β = (κ/(1+τ)) N / ζ(β)``: κ and τ enter through the budget over
threshold ``b = κ/(1+τ)`` alone. The fit frees β and log b at a τ that is given; another τ changes β through the next
order in N, by some 0.02 at counts of ten to a hundred. Where τ is not given, β is that of τ = 1 and the interval
reaches over those of `TAU_RANGE`, correlations of a third to four fifths at the frontier (Eq. 62).

How counts scatter
------------------
Matching finds a feature at the frontier or misses it, so that a count's variance is proportional to the count; scatter
between trained networks rather multiplies it. Both are tried, each with a factor φ that is estimated, not assumed:

    variance φ μ        residuals (R − μ)/√μ        φ = 1 is Poisson's; a simulated ladder has φ ≈ 0.02
    variance φ μ²       residuals log R − log μ     the paper's least squares

and β is that of the likelier. Where their log-likelihoods differ by less than `CLOSE`, counts do not tell which, and
the interval reaches over both. Means over runs, which are not whole, and stated errors take the second; whole counts
with zeros among them, which have no logarithm, the first.

Intervals are profile likelihoods with unknown φ: with S(β) the least sum of squares over b, the interval holds
all β with ``S(β) ≤ S_min (1 + F_{1,n−2}(95%)/(n−2))``, which for a model linear in its parameters is Student's t.

Whole counts are rounded, and a few may by chance lie closer to a curve than that: the interval reaches at least as far
as `rosettalaw.validation.rounding` says. It holds the truth in 92 to 98% of simulated ladders, of one truth with sizes
that differ from ladder to ladder as of truths of their own, and under log-normal scatter between networks
(`tests/data/coverage_of_beta.csv`; more often where τ is not given, which is one more thing unknown). The very same
sizes, simulated again, mostly give the same counts if these are small, and hold their truth nearly always or seldom;
that module says why no interval can mend it, and the status names such counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from ..errors import require
from ..theory.power_law import frontier_points, run
from .counts import Counts, clean
from .power_law import LEVEL
from .profile_interval import profile_interval
from .rounding import ROUNDING, reach, slope_variance, whole

TAU, GAMMA = 1.0, 4.0
TAU_RANGE = (0.5, 4.0)  # of τ where it is not given
CLOSE = 2.0  # difference in log-likelihood of two laws of scatter that a handful of counts may show by chance
BETA_RANGE = (1.001, 20.0)
SMALL = 20  # a count below it moves by more than 5% from one whole number to the next
TURNS = 3
SMALLEST = 0.5  # least expected count that a variance is taken from
WIDEST = 600.0  # of log κ/(1+τ), which is β log R − log N and passes 60 where β is 10 and R is 1000
EVALUATIONS = 12_000  # at most, of a least-squares search
EXACT: dict[str, Any] = {"ftol": 1e-14, "xtol": 1e-14}  # counts of 10^12 say β to nine digits
FLOOR = 1e-3  # least value of r_τ − ½ whose logarithm is taken: the search may pass where no feature is matched


class TheoryStatus(StrEnum):
    """Warnings of a fit of the theory, in words."""

    OK = "ok"
    FEW_SIZES = "β follows from the slope between two sizes; only repeats at them give it an interval"
    STEEP = "β is at its lower limit 1: at these sizes the counts grow as fast as the theory allows, or faster"
    FLAT = "β is not identified: the counts do not grow with the network"
    COARSE = (
        "ok, but small whole counts that hardly scatter: β's interval allows for rounding and holds the truth in 95% "
        "of different ladders, but the same sizes measured again would mostly give the same counts"
    )
    OPEN_BELOW = "ok, but the interval reaches β = 1, where the theory's exponent is that of a constant share"
    OPEN_ABOVE = "ok, but the interval has no upper end: the counts may not grow at all"


@dataclass(frozen=True)
class TheoryFit:
    """The theory fitted to counts.

    Attributes
    ----------
    beta : float
        Spectrum exponent β; NaN where it is not identified.
    beta_ci95 : tuple of float
        95% profile interval; an end at the edge of `BETA_RANGE` is that edge (1) or infinity.
    budget_over_threshold : float
        κ/(1+τ), the only combination of κ and τ that counts identify.
    tau, gamma : float
        τ (1 if none was given) and γ = A/N.
    kappa : float
        κ at that τ; another τ gives another κ and as good a fit.
    residuals : ndarray, shape (n,)
        ``log R − log(r_τ − ½)`` of the counts above zero.
    variance_power : {1, 2}
        p of the likelier variance φ μ^p.
    dispersion : float
        φ; NaN with two counts.
    n : int
        Counts fitted, zeros included.
    data : Counts
        What was fitted.
    status : TheoryStatus
        "ok", or what is wrong.
    """

    beta: float
    beta_ci95: tuple[float, float]
    budget_over_threshold: float
    tau: float
    gamma: float
    kappa: float
    residuals: np.ndarray
    variance_power: int
    dispersion: float
    n: int
    data: Counts
    status: TheoryStatus

    def predict(self, neurons: ArrayLike) -> np.ndarray:
        """Return the expected count ``r_τ − ½`` at each size."""
        return expected_count(np.asarray(neurons, dtype=float), self.beta, self.kappa, self.tau, self.gamma)


def expected_count(neurons: np.ndarray, beta: float, kappa: float, tau: float, gamma: float) -> np.ndarray:
    """Return ``r_τ − ½``, not below `FLOOR`: the theory's `frontier` without its checks, as a fit asks for hundreds."""
    flat = np.ascontiguousarray(neurons, dtype=float).ravel()
    betas, kappas, taus, gammas = (np.full(flat.shape, float(value)) for value in (beta, kappa, tau, gamma))
    r_tau = run(frontier_points, [flat, betas, kappas, taus, gammas], False, np.empty(flat.shape))
    return np.maximum(r_tau - 0.5, FLOOR).reshape(np.shape(neurons))


def fit_counts(
    neurons: ArrayLike,
    counts: ArrayLike,
    count_sd: ArrayLike | None = None,
    tau: float | None = None,
    gamma: float = GAMMA,
    weighted: bool = False,
) -> TheoryFit:
    """Fit β and κ/(1+τ) to counts; the module's head states the model.

    Parameters
    ----------
    neurons, counts, count_sd : array_like, shape (n,)
        As `rosettalaw.validation.power_law.fit_power_law` takes them.
    tau : float, optional
        Detectability threshold τ > 0 (the paper has τ > 1). By default β is that of τ = 1, and its interval reaches
        over those of `TAU_RANGE`.
    gamma : float
        Latent features per neuron, γ = A/N.
    weighted : bool
        Weight the logarithms by the stated `count_sd`; the default weights all sizes alike, as the paper does.

    Raises
    ------
    InputError
        If a number cannot be used, or fewer than two sizes have a positive count.
    """
    data = clean(neurons, counts, count_sd)
    require(not weighted or data.sd is not None, "count_sd", None, "a weighted fit needs a positive one for each count")
    return fit_clean(data, tau, gamma, weighted)


def fit_clean(data: Counts, tau: float | None = None, gamma: float = GAMMA, weighted: bool = False) -> TheoryFit:
    """Fit counts that `rosettalaw.validation.counts.clean` has checked."""
    number = tau is None or (np.ndim(tau) == 0 and 0 < tau < np.inf)
    require(number, "tau", tau, "must be a number greater than 0, such as 1")
    others = TAU_RANGE if tau is None else ()
    tau = TAU if tau is None else float(tau)
    require(0 < gamma < np.inf, "gamma", gamma, "must be a number greater than 0, such as 4")
    powers = (1, 2)
    if weighted or not whole(data.counts):
        powers = (2,)
    elif data.zero_sizes:
        powers = (1,)
    searches = [_Search(data, tau, gamma, weighted, power) for power in powers]
    best = max(searches, key=lambda one: one.log_likelihood)
    plausible = [one for one in searches if best.log_likelihood - one.log_likelihood < CLOSE]
    plausible += [_Search(data, other, gamma, weighted, best.power) for other in others]
    lows, highs = np.array([one.interval() for one in plausible]).T
    interval, freedom = (float(lows.min()), float(highs.max())), len(best.counts) - 2
    status = _status(best.beta, interval, data)
    if status is TheoryStatus.OK and best.coarse():
        status = TheoryStatus.COARSE
    identified = status is not TheoryStatus.FLAT
    kappa = float(np.exp(best.log_budget) * (1 + tau))
    return TheoryFit(
        beta=best.beta if identified else np.nan,
        beta_ci95=(1.0 if interval[0] <= BETA_RANGE[0] else interval[0], interval[1]),
        budget_over_threshold=kappa / (1 + tau) if identified else np.nan,
        tau=tau,
        gamma=float(gamma),
        kappa=kappa if identified else np.nan,
        residuals=np.log(data.counts / expected_count(data.neurons, best.beta, kappa, tau, gamma)),
        variance_power=best.power,
        dispersion=best.least / freedom if freedom > 0 else np.nan,
        n=len(best.counts),
        data=data,
        status=status,
    )


def log_curve(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Fit log counts y over log sizes x by least squares, at τ = 1 and γ = 4; return the curve of log counts."""
    low, high = BETA_RANGE
    slope, middle = np.polyfit(x, y, 1)[0], len(x) // 2
    beta = float(np.clip(1 / max(slope, 1e-3), low + 0.05, high - 0.5))
    start = beta, budget_at(float(np.exp(x[middle])), float(np.exp(y[middle])), beta)

    def curve(at: np.ndarray, beta: float, log_budget: float) -> np.ndarray:
        kappa = float(np.exp(np.clip(log_budget, -WIDEST, WIDEST))) * (1 + TAU)
        return np.log(expected_count(np.exp(at), float(np.clip(beta, low, high)), kappa, TAU, GAMMA))

    def residuals(at: np.ndarray) -> np.ndarray:
        return np.append(y - curve(x, *at), 1e3 * (at[0] - np.clip(at[0], low, high)))  # a wall outside the range

    best, *_ = optimize.leastsq(residuals, start, full_output=True)
    return lambda at: curve(at, *best)


class _Search:
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
            self._minimize()

    def expected(self, beta: float, log_budget: float) -> np.ndarray:
        return expected_count(self.neurons, beta, float(np.exp(log_budget)) * (1 + self.tau), self.tau, self.gamma)

    def residuals(self, beta: float, log_budget: float) -> np.ndarray:
        mu = self.expected(beta, float(np.clip(log_budget, -WIDEST, WIDEST)))
        return self.weights * (self.counts - mu if self.power == 1 else np.log(self.counts / mu))

    def _minimize(self) -> None:
        low, high = BETA_RANGE

        def beta(angle: float) -> float:
            """Return β within its range, as MINUIT and lmfit keep a parameter there."""
            return float(low + (np.sin(angle) + 1) * (high - low) / 2)

        start = np.arcsin(2 * (self.beta - low) / (high - low) - 1), self.log_budget
        with np.errstate(all="ignore"):  # the covariance, which is not used, of fits at a limit
            best, *_ = optimize.leastsq(
                lambda at: self.residuals(beta(at[0]), at[1]), start, full_output=True, maxfev=EVALUATIONS, **EXACT
            )
        self.beta, self.log_budget = beta(best[0]), float(best[1])
        self.least = float(np.sum(self.residuals(self.beta, self.log_budget) ** 2))

    def squares(self, beta: float) -> float:
        """Return S(β), least squares over the budget."""
        start = self.log_budget + (beta - self.beta) * float(np.mean(np.log(self.data.counts)))
        at, *_ = optimize.leastsq(
            lambda log_budget: self.residuals(beta, log_budget[0]), start, full_output=True, **EXACT
        )
        return float(np.sum(self.residuals(beta, at[0]) ** 2))

    def interval(self) -> tuple[float, float]:
        """Return the 95% profile interval of β."""
        freedom = len(self.counts) - 2
        allowed = unknown_variance(self.least, freedom)
        if freedom > 0:
            allowed = max(allowed, self.least + reach(freedom) ** 2 * self.rounding())
        return profile_interval(self.squares, self.beta, allowed, BETA_RANGE)

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


def unknown_variance(least: float, freedom: int) -> float:
    """Return ``S_min (1 + F_{1,ν}(95%)/ν)``, NaN without a degree of freedom."""
    return least * (1 + float(special.fdtri(1, freedom, LEVEL)) / freedom) + 1e-18 if freedom > 0 else np.nan


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
    return float(optimize.root_scalar(excess, bracket=(low, high), xtol=1e-3).root) if crossed else guess


def _status(beta: float, interval: tuple[float, float], data: Counts) -> TheoryStatus:
    if beta >= BETA_RANGE[1] - 1e-3:
        return TheoryStatus.FLAT
    if beta <= BETA_RANGE[0] + 1e-3:
        return TheoryStatus.STEEP
    if data.sizes < 3:
        return TheoryStatus.FEW_SIZES
    if np.isinf(interval[1]):
        return TheoryStatus.OPEN_ABOVE
    return TheoryStatus.OPEN_BELOW if interval[0] <= BETA_RANGE[0] else TheoryStatus.OK
