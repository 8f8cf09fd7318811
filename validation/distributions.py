"""Tails and quantiles of Student's t, F and χ² for single numbers, as few tests of a fit need them.

    I_x(a, b) = x^a (1−x)^b / (a B(a, b)) · 1/(1 + d₁/(1 + d₂/(1 + …)))           regularised incomplete beta
    P(a, x)   = x^a e^−x / Γ(a+1) · Σ xᵏ / ((a+1) … (a+k))                          regularised incomplete gamma
    1 − P     = x^a e^−x / Γ(a) · 1/(x+1−a − 1(1−a)/(x+3−a − …))                    where x > a + 1

(Abramowitz and Stegun 26.5.8, 6.5.29, 6.5.31.) In place of `scipy.special`, whose import takes longer than a whole fit
of eight counts.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from ..theory.roots import root

TURNS = 500
SMALL = 1e-300
ENOUGH = 1e-16


def beta_share(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b)."""
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(b, a, 1 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, TURNS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d, c = 1 / _away(1 + term * d), _away(1 + term / c)
            change *= c * d
        fraction *= change
        if abs(change - 1) < ENOUGH:
            break
    return math.exp(log_front) * fraction / a


def gamma_share(a: float, x: float) -> float:
    """Return the regularised incomplete gamma function P(a, x)."""
    return 1 - _upper_gamma(a, x) if x > a + 1 else _lower_gamma(a, x)


def gamma_shares(a: float, x: np.ndarray) -> np.ndarray:
    """Return P(a, x) at each x."""
    return np.array([gamma_share(a, float(one)) for one in x])


def chi_square_tail(freedom: float, x: float) -> float:
    """Return P(χ² > x)."""
    a, half = freedom / 2, x / 2
    return _upper_gamma(a, half) if half > a + 1 else 1 - _lower_gamma(a, half)


@cache
def chi_square_quantile(freedom: float, probability: float) -> float:
    """Return x with P(χ² < x) = `probability`."""
    high = freedom
    while gamma_share(freedom / 2, high / 2) < probability:
        high *= 2
    return root(lambda x: gamma_share(freedom / 2, x / 2) - probability, 0.0, high)


def f_tail(above: float, below: float, x: float) -> float:
    """Return P(F > x) with `above` and `below` degrees of freedom."""
    if above * x < below:  # near 1 the share's argument would lose its digits
        return 1 - beta_share(above / 2, below / 2, above * x / (below + above * x))
    return beta_share(below / 2, above / 2, below / (below + above * x))


def student_tail(freedom: float, t: float) -> float:
    """Return P(T < −|t|), the tail on one side."""
    if t * t < freedom:
        return (1 - beta_share(0.5, freedom / 2, t * t / (freedom + t * t))) / 2
    return beta_share(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2


@cache
def student_quantile(freedom: float, probability: float) -> float:
    """Return t with P(T < t) = `probability`, from ½ to 1; of a normal variable where `freedom` is infinite."""
    tail = 1 - probability
    if math.isinf(freedom):
        return root(lambda z: math.erfc(z / math.sqrt(2)) / 2 - tail, 0.0, 40.0)
    high = 1.0
    while student_tail(freedom, high) > tail:
        high *= 2
    return root(lambda t: student_tail(freedom, t) - tail, 0.0, high)


def log_gamma(x: np.ndarray) -> np.ndarray:
    """Return log Γ at each x."""
    return np.array([math.lgamma(one) for one in np.ravel(x)]).reshape(np.shape(x))


def xlogy(x: np.ndarray, y: np.ndarray | float) -> np.ndarray:
    """Return x log y, 0 where x is 0."""
    return np.where(x == 0, 0.0, x * np.log(np.where(x == 0, 1.0, y)))


def _lower_gamma(a: float, x: float) -> float:
    if x <= 0:
        return 0.0
    term = total = 1.0
    for k in range(1, 100 * TURNS):
        term *= x / (a + k)
        total += term
        if term < ENOUGH * total:
            break
    return math.exp(a * math.log(x) - x - math.lgamma(a + 1)) * total


def _upper_gamma(a: float, x: float) -> float:
    b = x + 1 - a
    c, d = 1 / SMALL, 1 / b
    fraction = d
    for k in range(1, TURNS):
        term = -k * (k - a)
        b += 2
        d, c = 1 / _away(term * d + b), _away(b + term / c)
        fraction *= d * c
        if abs(d * c - 1) < ENOUGH:
            break
    return math.exp(a * math.log(x) - x - math.lgamma(a)) * fraction


def _away(value: float) -> float:
    """Return a number that can be divided by."""
    return value if abs(value) > SMALL else SMALL
