"""Irreproducible discovery rate: which pairs, ranked by their margin, keep their rank on other text.

A pair has a margin on each half of the text: its correlation less that of the best rival of either neuron. Where
pairs are reproducible, both margins are large, in much the same order; of irreproducible pairs the halves agree on
nothing. Li, Brown, Huang and Bickel (2011, Ann. Appl. Stat. 5, 1752–1779) describe ranks alone, by a mixture of
two Gaussian copulas: a pair is reproducible with probability π₁, and the latent scores (z₁, z₂) of its two ranks are

    reproducible      normal, means μ₁ > 0, variances σ₁², correlation ρ₁ > 0,
    irreproducible    normal, means 0, variances 1, independent.

Ranks become scores by the quantiles of the mixture itself (its marginal G), ``z = G⁻¹(rank / (n + 1))``, so scores and
parameters are found in turn: scores from parameters, then one step of expectation and maximisation. Such steps raise
the likelihood of given scores, which is not that of the copula: run to their end they pass its maximum and drift to
small σ₁ (Bilgrau et al. 2016, J. Stat. Softw. 70(2)). So they go on while the likelihood of the copula rises, and its
maximum is then sought directly, by the simplex method. The best of several starts is taken.

The local rate of a pair is the probability that it is irreproducible, given its scores; that of the first m pairs, in
the order of the local rate, is the mean of theirs: the share of them that is expected to be irreproducible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..contents import ByContent
from ..errors import require
from ..lazy import deferred

if TYPE_CHECKING:
    import xarray as xr

optimize, special, stats = (deferred(f"scipy.{part}") for part in ("optimize", "special", "stats"))

HALVES = ("margin_first_half", "margin_second_half")
Parameters = tuple[float, float, float, float]  # π₁, μ₁, σ₁, ρ₁
FEWEST = 20  # pairs with a margin on both halves
STEPS, TOLERANCE = 300, 1e-6
STARTS = ((0.5, 2.0, 1.0, 0.7), (0.8, 1.5, 1.0, 0.9), (0.2, 3.0, 1.0, 0.5))
GRID = 1001  # points at which the marginal is tabled
LEAST = 1e-3  # π₁ and 1 − π₁, σ₁, and 1 − ρ₁ stay above it


@dataclass(frozen=True, eq=False)
class Reproducibility(ByContent):
    """The mixture fitted to two rankings.

    Attributes
    ----------
    share, mean, deviation, correlation : float
        π₁, μ₁, σ₁ and ρ₁.
    local : ndarray, shape (n,)
        Probability of each member of being irreproducible, in the order given.
    log_likelihood : float
        Of the copula.
    """

    share: float
    mean: float
    deviation: float
    correlation: float
    local: np.ndarray
    log_likelihood: float

    def rates(self) -> np.ndarray:
        """Return the expected share of irreproducible members among the first m, m = 1 … n, the surest first."""
        ordered = np.sort(self.local)
        return np.cumsum(ordered) / np.arange(1, len(ordered) + 1)

    def count(self, rate: float = 0.05) -> int:
        """Return how many members can be taken with at most this share of irreproducible ones expected."""
        return int(np.sum(self.rates() <= rate))


def fit_reproducibility(first: ArrayLike, second: ArrayLike) -> Reproducibility:
    """Fit the copula mixture to two rankings of the same members.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Scores of the members in two replicates, the larger the better; only their order counts.

    Raises
    ------
    InputError
        If they have different lengths, a score is not finite, or there are fewer than twenty.
    """
    x, y = (np.asarray(one, dtype=float).ravel() for one in (first, second))
    call = "fit_reproducibility(margins_on_one_half, margins_on_the_other)"
    require(len(x) == len(y), "second", len(y), f"must have as many scores as the first, {len(x)}", call)
    require(len(x) >= FEWEST, "first", len(x), f"must have at least {FEWEST} scores", call)
    require(bool(np.isfinite([x, y]).all()), "scores", "NaN or infinite", "must be finite numbers", call)
    ranks = [stats.rankdata(one) / (len(one) + 1) for one in (x, y)]
    return max((_fitted(ranks, start) for start in STARTS), key=lambda one: one.log_likelihood)


def margins_of(ds: xr.Dataset) -> np.ndarray:
    """Return the margins of the largest size's pairs on both halves, shape (2, pairs); no pair where not measured."""
    if not all(name in ds for name in HALVES):
        return np.empty((2, 0))
    last = np.ones(ds.sizes["pair"], dtype=bool)
    if "pair_rung" in ds:
        last = ds["pair_rung"].values == ds.sizes["rung"] - 1
    margins = np.stack([ds[name].values for name in HALVES])[:, last]
    return margins[:, np.isfinite(margins).all(0)].astype(float)


def of_halves(ds: xr.Dataset) -> Reproducibility | None:
    """Return the mixture of a ladder's largest size, or of a matching; None with fewer than twenty margins on both."""
    margins = margins_of(ds)
    return _fit_once(margins.tobytes()) if margins.shape[1] >= FEWEST else None


@lru_cache(maxsize=8)
def _fit_once(margins: bytes) -> Reproducibility:
    """Fit once for all readers of one result: its figure and its caption."""
    return fit_reproducibility(*np.frombuffer(margins).reshape(2, -1))


def _fitted(ranks: list[np.ndarray], start: Parameters) -> Reproducibility:
    parameters = _refined(ranks, _by_steps(ranks, start))
    local, likelihood = _expected(_scores(ranks, parameters), parameters)
    share, mean, deviation, correlation = parameters
    return Reproducibility(
        share=share, mean=mean, deviation=deviation, correlation=correlation, local=local, log_likelihood=likelihood
    )


def _by_steps(ranks: list[np.ndarray], start: Parameters) -> Parameters:
    """Return the parameters of the last step of expectation and maximisation that raised the copula's likelihood."""
    parameters, best, highest = start, start, -np.inf
    for _ in range(STEPS):
        z = _scores(ranks, parameters)
        local, likelihood = _expected(z, parameters)
        if likelihood <= highest + TOLERANCE * abs(likelihood):
            break
        best, highest, parameters = parameters, likelihood, _maximised(z, 1 - local)
    return best


def _refined(ranks: list[np.ndarray], start: Parameters) -> Parameters:
    """Return the parameters near the given ones at which the copula's likelihood is highest."""

    def open_scale(free: np.ndarray) -> Parameters:
        share, correlation = LEAST + (1 - 2 * LEAST) / (1 + np.exp(np.minimum(-free[[0, 3]], 700)))
        mean, deviation = np.exp(np.clip(free[1:3], -6, 4))
        return float(share), float(mean), float(deviation), float(correlation)

    share, mean, deviation, correlation = start
    inside = np.clip([share, correlation], 2 * LEAST, 1 - 2 * LEAST)
    logits = np.log(inside / (1 - inside))
    free = np.array([logits[0], np.log(max(mean, LEAST)), np.log(deviation), logits[1]])
    highest = optimize.minimize(
        lambda one: -_expected(_scores(ranks, open_scale(one)), open_scale(one))[1],
        free,
        method="Nelder-Mead",
        options={"maxiter": STEPS, "xatol": 1e-3, "fatol": 1e-4},
    )
    return open_scale(highest.x)


def _scores(ranks: list[np.ndarray], parameters: Parameters) -> np.ndarray:
    """Return ``G⁻¹`` of both rankings, shape (2, n)."""
    share, mean, deviation, _ = parameters
    reach = 8 * max(deviation, 1.0)
    grid = np.linspace(min(-8.0, mean - reach), max(8.0, mean + reach), GRID)
    marginal = share * special.ndtr((grid - mean) / deviation) + (1 - share) * special.ndtr(grid)
    return np.stack([np.interp(one, marginal, grid) for one in ranks])


def _expected(z: np.ndarray, parameters: Parameters) -> tuple[np.ndarray, float]:
    """Return each member's probability of being irreproducible, and the log-likelihood of the copula."""
    share, mean, deviation, correlation = parameters
    a, b = (z - mean) / deviation
    rest = 1 - correlation**2
    log_one = -(a * a - 2 * correlation * a * b + b * b) / (2 * rest) - np.log(2 * np.pi * deviation**2 * rest**0.5)
    log_none = -(z * z).sum(0) / 2 - np.log(2 * np.pi)
    both = np.logaddexp(np.log(share) + log_one, np.log1p(-share) + log_none)
    marginal = np.log(share * _density((z - mean) / deviation) / deviation + (1 - share) * _density(z)).sum(0)
    return np.exp(np.log1p(-share) + log_none - both), float(np.sum(both - marginal))


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def _maximised(z: np.ndarray, weight: np.ndarray) -> Parameters:
    """Return the parameters that are likeliest with these probabilities of being reproducible."""
    total = max(float(weight.sum()), 1e-9)
    mean = max(float(weight @ z.sum(0)) / (2 * total), 0.0)
    away = z - mean
    variance = max(float(weight @ (away**2).sum(0)) / (2 * total), LEAST**2)
    correlation = float(weight @ away.prod(0)) / (total * variance)
    share = float(np.clip(weight.mean(), LEAST, 1 - LEAST))
    return share, mean, variance**0.5, float(np.clip(correlation, 0, 1 - LEAST))
