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

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..contents import ByContent
from ..errors import require
from ..theory.parameters import positive
from .counts import Counts, clean
from .inputs import features_per_neuron, network_sizes, number
from .rounding import whole
from .theory_search import BETA_RANGE, GAMMA, TAU, TheorySearch, expected_count

TAU_RANGE = (0.5, 4.0)  # of τ where it is not given
CLOSE = 2.0  # difference in log-likelihood of two laws of scatter that a handful of counts may show by chance


class TheoryStatus(StrEnum):
    """Warnings of a fit of the theory, in words."""

    OK = "ok"
    FEW_SIZES = "β follows from the slope between two sizes; an interval needs repeated counts at these sizes"
    STEEP = "β is at its lower limit 1: at these sizes the counts grow as fast as the theory allows, or faster"
    FLAT = "β is not identified: the counts do not grow with the network"
    COARSE = (
        "ok, but these small whole counts hardly scatter: the interval of β allows for rounding and covers the truth "
        "in 95% of different ladders, although the same sizes measured again would mostly give the same counts"
    )
    OPEN_BELOW = "ok, but the interval includes its lower limit β = 1, where the theory's count is proportional to N"
    OPEN_ABOVE = "ok, but the interval has no upper end: the counts may not grow at all"


@dataclass(frozen=True, eq=False)
class TheoryFit(ByContent):
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
        neurons = network_sizes(neurons, "fit_counts([256, 512, 1024], [31, 46, 70]).predict([2048])")
        return expected_count(neurons, self.beta, self.kappa, self.tau, self.gamma)


@checked("fit_counts([256, 512, 1024], [31, 46, 70])", "weighted")
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
    others = TAU_RANGE if tau is None else ()
    tau = number("tau", TAU if tau is None else tau, positive, "must be a number greater than 0, such as 1", "tau=1")
    gamma = features_per_neuron(gamma, data.neurons)
    powers = (1, 2)
    if weighted or not whole(data.counts):
        powers = (2,)
    elif data.zero_sizes:
        powers = (1,)
    searches = [TheorySearch(data, tau, gamma, weighted, power) for power in powers]
    best = max(searches, key=lambda one: one.log_likelihood)
    plausible = [one for one in searches if best.log_likelihood - one.log_likelihood < CLOSE]
    plausible += [TheorySearch(data, other, gamma, weighted, best.power) for other in others]
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
        gamma=gamma,
        kappa=kappa if identified else np.nan,
        residuals=np.log(data.counts / expected_count(data.neurons, best.beta, kappa, tau, gamma)),
        variance_power=best.power,
        dispersion=best.least / freedom if freedom > 0 else np.nan,
        n=len(best.counts),
        data=data,
        status=status,
    )


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
