"""The isolation profile of one matching, read off its correlations in rank order.

Two dedicated neurons of equal isolation s correlate as ``ρ = s/(1 + s)`` (Eq. 62 with s' = s), and the optimum is
``1 + s_r = (r0/r)^β`` (Eq. 14). So the correlations of the matched pairs, sorted downwards, are the profile itself:

    1 − ρ_(r) = 1/(1 + s_r) = (r/r0)^b,        b = β in the paper's theory

a line of slope b in log-log, free of any scale. The sampling error of ρ̂ over M positions, ``(1 − ρ²)/√M``, is nearly
the same multiple of 1 − ρ at every rank, so plain least squares on the logarithms is right. If something outside the
theory attenuates all correlations alike (pooling, tokenizers, measurement noise), ``ρ = a s/(1 + s)`` with a < 1:

    1 − ρ_(r)/a = (r/r0)^b

Ranks are not independent draws, so one matching has no honest interval; the scatter of b over rungs is one
(`rosettalaw.validation.triangle`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..contents import ByContent
from ..errors import require
from ..lazy import deferred
from ..looks import COLOURS, axes
from .inputs import finite, number, numbers, require_all

if TYPE_CHECKING:
    from matplotlib.axes import Axes

optimize = deferred("scipy.optimize")  # half a second, which a fit of counts does not take

FEWEST_PAIRS = 5


@dataclass(frozen=True, eq=False)
class Profile(ByContent):
    """The profile of one matching.

    Attributes
    ----------
    exponent : float
        b; NaN with fewer than five pairs.
    r0 : float
        Rank at which the profile reaches zero isolation.
    attenuation : float
        a, 1 if it was not fitted.
    rms : float
        Root mean square error of the correlations themselves.
    pairs : float
        Pairs used (a mean over runs need not be whole).
    mean_isolation : float
        Mean of ``ρ/(1 − ρ)`` over the pairs; with a fitted attenuation, that of the fitted profile, since ``ρ/(a − ρ)``
        has no mean once noise carries a ρ past a.
    """

    exponent: float
    r0: float
    attenuation: float
    rms: float
    pairs: float
    mean_isolation: float

    def correlation(self, rank: ArrayLike) -> np.ndarray:
        """Return the fitted correlation ``a (1 − (r/r0)^b)`` at each rank."""
        ranks = numbers("rank", rank, "profile.correlation([1, 2, 3])")
        require(bool(np.all(ranks > 0)), "rank", rank, "must be positive", "profile.correlation([1, 2, 3])")
        return self.attenuation * (1 - (ranks.reshape(np.shape(rank)) / self.r0) ** self.exponent)

    def plot(self, ax: Axes | None = None, correlations: ArrayLike | None = None) -> Axes:
        """Draw 1 − ρ over rank on logarithmic axes: the fitted line, and correlations as points if they are given."""
        with axes(ax) as drawing:
            if correlations is not None:
                rho = np.sort(finite("correlations", correlations, "profile.plot(correlations=[0.9, 0.7])"))[::-1]
                drawing.plot(
                    np.arange(1, len(rho) + 1), 1 - rho, "o", ms=3.5, color=COLOURS["sky"], label="matched pairs"
                )
            if np.isfinite(self.exponent):
                rank = np.geomspace(1, max(self.pairs, 2.0), 200)
                drawing.plot(rank, 1 - self.correlation(rank), color=COLOURS["blue"], label=f"b = {self.exponent:.2f}")
            drawing.set_xscale("log")
            drawing.set_yscale("log")
            drawing.set_xlabel("rank of the pair, r")
            drawing.set_ylabel("1 − ρ")
            drawing.legend()
        return drawing


def mean_profile(profiles: Sequence[Profile]) -> Profile:
    """Return the mean of profiles of one size, of those that have an exponent: b as it is, the rest in logarithms."""
    some = [profile for profile in profiles if np.isfinite(profile.exponent)]
    if len(some) < 2:
        return (some or profiles)[0]

    def geometric(name: str) -> float:
        return float(np.exp(np.mean(np.log([getattr(profile, name) for profile in some]))))

    exponent = float(np.mean([profile.exponent for profile in some]))
    return Profile(exponent, *(geometric(field.name) for field in fields(Profile)[1:]))


@checked("fit_profile([.9, .8, .65, .5])", "attenuated")
def fit_profile(correlations: ArrayLike, threshold: float = 0.0, attenuated: bool = False) -> Profile:
    """Fit the profile of one matching.

    Parameters
    ----------
    correlations : array_like, shape (pairs,)
        Correlations of the matched pairs, in any order.
    threshold : float
        Only pairs with at least this correlation (0 < ρ < 1) are used: a truncated profile is still exact.
    attenuated : bool
        Whether to fit a common attenuation a ≤ 1 as well.

    Raises
    ------
    InputError
        If a correlation is not a number in [−1, 1].
    """
    example = "fit_profile([0.9, 0.8, 0.7, 0.5])"
    rho = numbers("correlations", correlations, example)
    require(np.ndim(correlations) == 1, "correlations", correlations, "must be a list of correlations", example)
    require_all(np.abs(rho) <= 1 + 1e-6, "correlations", correlations, "must be numbers between -1 and 1", example)
    threshold = number("threshold", threshold, lambda at: -1 <= at <= 1, "must be a correlation", "threshold=0.5")
    rho = np.sort(rho)[::-1]
    rho = np.minimum(rho[(rho >= threshold) & (rho > 0)], 1 - 1e-9)
    if len(rho) < FEWEST_PAIRS:
        return Profile(
            exponent=np.nan, r0=np.nan, attenuation=np.nan, rms=np.nan, pairs=len(rho), mean_isolation=np.nan
        )
    log_rank = np.log(np.arange(1, len(rho) + 1))
    b, intercept = np.polyfit(log_rank, np.log1p(-rho), 1)
    log_r0, a = -intercept / b if b > 0 else np.inf, 1.0
    if attenuated and b > 0:
        b, log_r0, a = _attenuated(rho, log_rank, b, log_r0)
    residual = rho - a * (1 - np.exp(b * (log_rank - log_r0)))
    isolation = np.exp(b * (log_r0 - log_rank)) - 1 if attenuated else rho / (1 - rho)
    return Profile(
        exponent=float(b),
        r0=float(np.exp(log_r0)),
        attenuation=a,
        rms=float(np.sqrt(np.mean(residual**2))),
        pairs=len(rho),
        mean_isolation=float(np.mean(isolation)),
    )


def _attenuated(rho: np.ndarray, log_rank: np.ndarray, b: float, log_r0: float) -> tuple[float, float, float]:
    """Fit b, r0 and a by least squares on log(1 − ρ), whose error is the same at every rank."""

    def residuals(parameters: np.ndarray) -> np.ndarray:
        log_b, at, a = parameters
        model = a * (1 - np.exp(np.minimum(np.exp(log_b) * (log_rank - at), 50)))
        return np.log1p(-rho) - np.log(np.maximum(1 - model, 1e-12))

    top = float(rho[0])
    starts = [(np.log(b), log_r0, 0.5 * (1 + top)), (np.log(b) + 0.5, log_r0 - 0.5, min(top * 1.02, 1.0))]
    bounds = ([-5, -5, 0.5 * top], [4, 60, 1.0])
    fits = [optimize.least_squares(residuals, start, bounds=bounds, x_scale=(1, 1, 0.1)) for start in starts]
    log_b, at, a = min(fits, key=lambda fit: fit.cost).x
    return float(np.exp(log_b)), float(at), float(a)
