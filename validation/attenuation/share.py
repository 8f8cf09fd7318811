r"""A test valid under any attenuation: the share of strong pairs among all must not depend on the network's size.

By Eq. 14 isolation is a function of r/r0 alone. So under the theory, and under any attenuation of correlations that
does not depend on N, the share of pairs above ρ2 among those above ρ1 is the same at every N (up to whole ranks).
With k_i of n_i pairs above ρ2 at size N_i,

    k_i ~ Binomial(n_i, c N_i^e)    with variance φ n_i p_i (1 − p_i)

is fitted by quasi-likelihood. φ is estimated from the residuals; ranks are more regular than coins, so that φ < 1 is
usual, but of few sizes some scatter next to nothing by luck: it is taken as ¼ at least. The theory demands e = 0, up to
the `ROUNDING` of whole counts. Student's t with n − 2 degrees of freedom gives intervals. Matchings of one size share
networks, so their pairs are added up.

The pairs (ρ1, ρ2) are chosen before the correlations are seen, from the threshold ρ1 alone. Correlations can only be
attenuated, never raised: a profile steeper than the theory's, ``α·b`` above its demand, has no attenuation to blame
either, and is one more test of the family. Intervals and p-values are Bonferroni's over the family, so that the 95%
applies to all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...contents import ByContent
from ...errors import require
from ...lazy import deferred
from ..demands import ROUNDING

stats = deferred("scipy.stats")  # half a second

LEVELS = (0.5, 0.6, 0.7)  # ρ2 above a threshold that is well below them ...
QUARTERS = (0.25, 0.5, 0.75)  # ... or these parts of the way from a higher threshold to 1
LOW = 0.45  # the highest threshold that `LEVELS` suit
FEWEST = 10  # pairs above ρ2, and below it, in all: with fewer nothing is tested
LEAST_DISPERSION = 0.25
TURNS = 100


@dataclass(frozen=True, eq=False)
class Share(ByContent):
    """The share of pairs above one correlation among those above a lower one, over network size.

    Attributes
    ----------
    low, high : float
        ρ1 and ρ2.
    exponent : float
        e of ``share ∝ N^e``; 0 is the theory's. NaN with too few pairs.
    exponent_ci95 : tuple of float
        Interval whose 95% applies to all shares of the family together.
    p : float
        p-value of e = 0, multiplied by the number of tests in the family.
    p_alone : float
        p-value of this test by itself.
    above, pairs : tuple of int
        k and n at each size.
    """

    low: float
    high: float
    exponent: float
    exponent_ci95: tuple[float, float]
    p: float
    p_alone: float
    above: tuple[int, ...]
    pairs: tuple[int, ...]

    def record(self) -> dict[str, Any]:
        """Return the share as plain values."""
        return vars(self)


def default_levels(threshold: float) -> tuple[tuple[float, float], ...]:
    """Return the pairs (ρ1, ρ2) that a ladder with this threshold is tested at."""
    if threshold <= LOW:
        return tuple((threshold, high) for high in LEVELS)
    return tuple((threshold, threshold + part * (1 - threshold)) for part in QUARTERS)


def fit_shares(
    neurons: np.ndarray,
    correlations: Sequence[np.ndarray],
    levels: Sequence[tuple[float, float]],
    further_tests: int = 1,
) -> tuple[Share, ...]:
    """Fit the exponent of each share.

    Parameters
    ----------
    neurons : ndarray, shape (matchings,)
        Size of each matching.
    correlations : sequence of ndarray
        Correlations of the matched pairs of each.
    levels : sequence of (ρ1, ρ2)
        Chosen beforehand, 0 ≤ ρ1 < ρ2 < 1.
    further_tests : int
        Tests of the family beside these.

    Raises
    ------
    InputError
        If a pair of levels is out of order.
    """
    for low, high in levels:
        rule = "must be two correlations, the lower one first, from 0 to below 1"
        require(0 <= low < high < 1, "levels", f"{low:g}:{high:g}", rule, "levels=[(0.3, 0.5), (0.3, 0.7)]")
    sizes = np.unique(neurons)
    of_size = [np.concatenate([r for n, r in zip(neurons, correlations, strict=True) if n == size]) for size in sizes]
    tests = len(levels) + further_tests
    shares = []
    for low, high in levels:
        above = np.array([np.sum(rho >= high) for rho in of_size])
        pairs = np.array([np.sum(rho >= low) for rho in of_size])
        exponent, se, freedom = _exponent(sizes, above, pairs)
        half = float(stats.t.ppf(1 - 0.025 / tests, freedom)) * se if freedom > 0 else np.nan
        alone = float(2 * stats.t.sf(abs(exponent) / se, freedom)) if freedom > 0 and se > 0 else np.nan
        shares.append(
            Share(
                low=float(low),
                high=float(high),
                exponent=exponent,
                exponent_ci95=(exponent - half, exponent + half),
                p=min(tests * alone, 1.0) if np.isfinite(alone) else np.nan,
                p_alone=alone,
                above=tuple(above.tolist()),
                pairs=tuple(pairs.tolist()),
            )
        )
    return tuple(shares)


def _exponent(sizes: np.ndarray, above: np.ndarray, pairs: np.ndarray) -> tuple[float, float, int]:
    """Return e, its standard error and degrees of freedom, by Fisher scoring of the binomial with a log link."""
    some = pairs > 0
    x, k, n = np.log(sizes[some]), above[some].astype(float), pairs[some].astype(float)
    if len(x) < 3 or k.sum() < FEWEST or (n - k).sum() < FEWEST or np.sum(k > 0) < 2:
        return np.nan, np.nan, 0
    design = np.stack([np.ones_like(x), x - np.average(x, weights=n)], axis=1)
    at = np.array([np.log(k.sum() / n.sum()), 0.0])
    information = np.eye(2)
    for _ in range(TURNS):
        p = np.minimum(np.exp(design @ at), 1 - 1e-6)
        weight = n * p / (1 - p)
        information = design.T @ (design * weight[:, None])
        step = np.linalg.solve(information, design.T @ ((k - n * p) / (1 - p)))
        at = at + step * min(1.0, 0.5 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-10:
            break
    p = np.minimum(np.exp(design @ at), 1 - 1e-6)
    freedom = len(x) - 2
    dispersion = max(float(np.sum((k - n * p) ** 2 / (n * p * (1 - p)))) / freedom, LEAST_DISPERSION)
    se = np.sqrt(dispersion * np.linalg.inv(information)[1, 1] + (ROUNDING / 2) ** 2)
    return float(at[1]), float(se), freedom
