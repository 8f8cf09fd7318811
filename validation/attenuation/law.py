r"""Law of attenuated correlations: the theory's profile, each correlation multiplied by a factor of its own.

Two dedicated neurons of equal isolation correlate as ``ρ = s/(1 + s) = 1 − (r/r0)^b`` (Eqs. 14 and 62), so that over
ranks r up to r0 the unattenuated ρ follows Beta(1, c) with ``c = 1/b``. With a factor ``a ~ Beta(p, q)`` of each
feature's own, ``ρ = a (1 − u^b)`` is a product of two Beta variables. Its density and survival are, with
``K = c B(c, q)/B(p, q)``,

    g(x) = K x^(p−1) (1 − x)^(c+q−1) ₂F₁(c, p + q − 1; c + q; 1 − x)
    S(x) = K/(c + q) x^p (1 − x)^(c+q) ₂F₁(c + 1, p + q; c + q + 1; 1 − x)

Every term of both series is positive for ``p + q ≥ 1``, so they lose no digits. Neither N nor r0 occurs: under the
theory, with any attenuation that does not depend on N, correlations above a threshold have one law at every size.
``p = 1 + c`` makes the product Beta(1, c + q): a power-law profile again, of ``1/b' = 1/b + q``. So one profile never
tells an attenuated steep spectrum from a flat one: of a flat b', the mean of that a is ``(1 + 1/b)/(1 + 1/b')``.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ...compiled import kernel
from ...lazy import deferred

special = deferred("scipy.special")

NODES = 32  # of log ₂F₁ between the threshold and 1: interpolated to 1e-6 above ρ = 0.05, and far better above 0.2
TERMS = 20_000


def log_survival(x: np.ndarray, b: float, p: float, q: float) -> np.ndarray:
    """Return log S at correlations in (0, 1), shape of `x`."""
    x = np.asarray(x, dtype=float)
    c = 1 / b
    series = _log_series(c + 1, p + q, c + q + 1, 1 - x.ravel()).reshape(x.shape)
    return _log_constant(c, p, q) - np.log(c + q) + p * np.log(x) + (c + q) * np.log1p(-x) + series


def log_density(x: np.ndarray, b: float, p: float, q: float) -> np.ndarray:
    """Return log g at correlations in (0, 1), shape of `x`."""
    x = np.asarray(x, dtype=float)
    return _log_density(x, b, p, q, _log_series(1 / b, p + q - 1, 1 / b + q, 1 - x.ravel()).reshape(x.shape))


def beta_parameters(mean: float, sd: float) -> tuple[float, float]:
    """Return p and q of the Beta law of a mean in (0, 1) and a standard deviation."""
    total = mean * (1 - mean) / sd**2 - 1
    return mean * total, (1 - mean) * total


class Sample:
    """Correlations above one threshold, ready for many likelihoods.

    Parameters
    ----------
    rho : ndarray, shape (n,)
        Correlations, threshold ≤ ρ < 1.
    weights : ndarray, shape (n,)
        Weight of each: 1, or less where several matchings of one size share their features.
    threshold : float
        Correlation in (0, 1) above which pairs are in the sample.
    """

    def __init__(self, rho: np.ndarray, weights: np.ndarray, threshold: float):
        self.threshold = threshold
        self.weight = float(weights.sum())
        self.log_1m = float(weights @ np.log1p(-rho))
        self.log_rho = float(weights @ np.log(rho))
        unit, matrix = _interpolation()
        self.nodes = threshold + (1 - threshold) * unit
        position = (rho - threshold) / (1 - threshold)
        self.node_weights = weights @ _lagrange(position, unit, matrix)

    def log_likelihood(self, b: float, p: float, q: float) -> float:
        """Return the log-likelihood of b and Beta(p, q), given that every ρ is above the threshold."""
        c = 1 / b
        series = float(self.node_weights @ _log_series(c, p + q - 1, c + q, 1 - self.nodes))
        density = self.weight * _log_constant(c, p, q) + (p - 1) * self.log_rho + (c + q - 1) * self.log_1m + series
        return density - self.weight * float(log_survival(np.array([self.threshold]), b, p, q)[0])

    def plain_log_likelihood(self, b: float) -> float:
        """Return the log-likelihood of b without attenuation."""
        c = 1 / b
        return self.weight * (np.log(c) - c * np.log1p(-self.threshold)) + (c - 1) * self.log_1m

    @property
    def plain_b(self) -> float:
        """Exponent of greatest likelihood without attenuation: the mean of ``−log((1 − ρ)/(1 − threshold))``."""
        return np.log1p(-self.threshold) - self.log_1m / self.weight


def _log_density(x: np.ndarray, b: float, p: float, q: float, series: np.ndarray) -> np.ndarray:
    c = 1 / b
    return _log_constant(c, p, q) + (p - 1) * np.log(x) + (c + q - 1) * np.log1p(-x) + series


def _log_constant(c: float, p: float, q: float) -> float:
    return float(np.log(c) + special.betaln(c, q) - special.betaln(p, q))


def _log_series(a: float, b: float, c: float, z: np.ndarray) -> np.ndarray:
    return _log_terms.compiled(a, b, c, z)


@kernel(cache=True)
def _log_terms(a: float, b: float, c: float, z: np.ndarray) -> np.ndarray:
    """Return log ₂F₁(a, b; c; z) for 0 ≤ z < 1 and positive terms, scaled so that none overflows."""
    out = np.empty(len(z))
    for i in range(len(z)):
        total, term, scale = 1.0, 1.0, 0.0
        for k in range(TERMS):
            term *= (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z[i]
            total += term
            if total > 1e200:
                total, term, scale = total * 1e-200, term * 1e-200, scale + 200 * np.log(10.0)
            if term < 1e-13 * total and (a + k + 1) * (b + k + 1) * z[i] < (c + k + 1) * (k + 2.0):
                break
        out[i] = np.log(total) + scale
    return out


@cache
def _interpolation() -> tuple[np.ndarray, np.ndarray]:
    """Return Chebyshev nodes in [0, 1] and their barycentric weights."""
    k = np.arange(NODES)
    nodes = (1 - np.cos(np.pi * k / (NODES - 1))) / 2
    weights = (-1.0) ** k
    weights[[0, -1]] /= 2
    return nodes, weights


def _lagrange(position: np.ndarray, nodes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the matrix that interpolates values at the nodes, shape (n, nodes)."""
    gap = position[:, None] - nodes
    hit = gap == 0
    terms = weights / np.where(hit, 1.0, gap)
    matrix = terms / terms.sum(axis=1, keepdims=True)
    return np.where(hit.any(axis=1, keepdims=True), hit, matrix)
