"""Whole counts are rounded: how far an interval must reach where a few of them happen to fit too well.

A whole number is off by a rounding error e of variance 1/12. Drawn over ladders of different sizes, or with different
truths, whose frontiers lie anywhere between whole features, e is scatter like any other, and Student's interval, which
estimates scatter from the residuals, allows for it. What Student's interval does not know is that scatter cannot be
less: three or four whole numbers may lie closer to a curve than they are rounded. It therefore reaches at least
`reach` = q_ν standard deviations of the effect of rounding on the slope, with

    P( |z| > q_ν and |z| > t_ν s ) = 1 − SURE,      z standard normal, ν s² of χ²_ν, t_ν Student's 97.5% quantile

so that a 95% interval holds the truth in `SURE` = 97.5% of ladders if rounding is all their scatter, and the nearer to
95% the more there is: q_1 = 1.18, q_2 = 1.50, q_∞ = 2.24. Counts of hundreds scatter by so much more than rounding
that Student's interval stands.

Coverage
--------
One truth (β, κ, τ), simulated with networks that are up to a fifth narrower or wider from ladder to ladder, smallest
counts from 5 to 25 (`tests/validation/test_coverage_of_counts.py`): of 200 ladders the interval holds it in

    M         sizes     β = 1.3   1.6   1.8   2.0   2.5
    1000      3            96.5  94.5  98.5  94.0  95.5%
    1000      4            96.0  97.0  98.5  98.5  93.5
    10 000    3            96.5  94.5  97.5  92.5  98.0
    10 000    4            96.5  98.0  98.0  96.0  94.0

and averaged over truths (features that cross the frontier with the error of M inputs, four hundred truths a case, β
between 1.3 and 3, sizes over factors of 8 to 32; the same tests do it with simulated networks) in

    smallest count    M         3, 4, 6, 8 sizes
    5 to 20           1000      95.8  95.2  98.0  97.8%
    5 to 20           10 000    97.2  96.2  96.5  96.2%
    5 to 20           10⁶       97.8  98.8  98.5  98.0%      rounding alone
    20 to 60          1000      96.2  96.0  96.0  95.5%
    20 to 60          10 000    95.2  96.8  96.0  95.8%

Limits
------
One truth and the very same sizes. Over 10 000 inputs counts hardly scatter: such networks, simulated again, mostly give
the same whole numbers, and an interval made from them, by whatever rule, holds their truth nearly always or seldom. A
rule that held it in 88% of repetitions everywhere would have to reach so far (three standard deviations) that it held
99.9% of truths. So repeated, 5 to 14% of the truths with counts from 5 on lie inside in less than 88%, over 10 000
inputs some in one of ten; with counts from 20 on up to 10%, and the least of 200 truths in half. More seeds at the same
sizes therefore say less than other sizes do, and the status names such counts.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ..theory.roots import root
from .distributions import gamma_shares, student_quantile

ROUNDING = 1 / 12  # variance of the error of a number rounded to whole ones
SURE = 0.975
FARTHEST = 12.0  # standard deviations, beyond which a normal density is below 1e-31
NODES = 64  # of the quadrature, which is then exact to rounding


def whole(counts: np.ndarray) -> bool:
    """Return whether all counts are whole numbers; means over runs are not, nor are they rounded."""
    return bool(np.array_equal(counts, np.round(counts)))


def slope_variance(x: np.ndarray, weight: np.ndarray, per_count: np.ndarray) -> float:
    """Return the variance per residual with which a slope errs as rounding makes it err.

    Counts of one size, such as repeats over seeds, are rounded alike: their errors do not average out.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Log sizes.
    weight : ndarray, shape (n,)
        Derivative of each residual by the slope, over x.
    per_count : ndarray, shape (n,)
        How much one more feature moves each residual.
    """
    lever = weight * (x - np.average(x, weights=weight**2))
    moved = np.bincount(np.unique(x, return_inverse=True)[1], lever * per_count)
    return float(ROUNDING * np.sum(moved**2) / np.sum(lever**2))


@cache
def reach(freedom: int) -> float:
    """Return q_ν, how many standard deviations of rounding an interval reaches at least."""
    t, half = student_quantile(freedom, 0.975), freedom / 2
    nodes, weights = np.polynomial.legendre.leggauss(NODES)

    def missed(q: float) -> float:
        """P(|z| > q and |z| > t s): a normal density times the chance of χ²_ν below ν (z/t)²."""
        reach = (FARTHEST - q) / 2
        z = q + reach * (1 + nodes)
        tail = reach * weights @ (np.exp(-z * z / 2) * gamma_shares(half, half * (z / t) ** 2))
        return float(np.sqrt(2 / np.pi) * tail)

    return root(lambda q: missed(q) - (1 - SURE), 0.0, 4.0, xtol=1e-12)
