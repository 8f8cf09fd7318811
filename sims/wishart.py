"""The default engine: correlations drawn from their law, without inputs.

Write ``h = W z + R η``: W holds the loadings on the n candidates' features, and ``R Rᵀ = V Vᵀ + σ∞² I`` (Cholesky)
the interference V of all other features and the noise. Over M inputs, centred, the Gaussian signals (z, η) appear in
nothing but their inner products, which are Wishart with M − 1 degrees of freedom. Bartlett's triangle T stands
for them: n rows for z, 2m for η, with m neurons per side,

    X = W T_z + R T_η,        ρ̂_ij = X_i · X_j / (|X_i| |X_j|)

The paper standardises the columns of Z: the rows of T_z are scaled to norm √M. (Those of the inactive features are
left as they are; a neuron spreads over so many of them that no correlation notices.) The cost is some 25 m³ operations
and four matrices of (n + 2m)² numbers, whatever M and A are; drawing inputs would cost ``4 M A m``.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cholesky, get_blas_funcs

from .backgrounds import backgrounds, bartlett
from .packing import Outcome, Packing, match_networks

LARGEST = 7000  # rows of T, n + 2m: 0.4 GB per matrix


def draw(packing: Packing, rng: np.random.Generator) -> Outcome:
    """Draw one pair of networks and match them."""
    return match_networks(packing, correlations(packing, rng))


def correlations(packing: Packing, rng: np.random.Generator) -> np.ndarray:
    """Draw the sample correlations of network A's neurons with network B's, shape (matched, matched)."""
    n, m = packing.candidates, packing.matched
    W, products = backgrounds(packing, rng, 2 * m)
    own = np.arange(n)
    W[own, own] = W[m + own, own] = packing.loading[:n]
    products.flat[:: 2 * m + 1] += packing.choices.noise
    R = cholesky(products.T, lower=False, overwrite_a=True, check_finite=False).T

    T = bartlett(rng, n + 2 * m, packing.inputs - 1)
    width = n if T.shape[0] == T.shape[1] else T.shape[1]  # of T_z; beyond it the triangle is 0
    Z, eta = T[:n, :width], T[n:]
    Z = Z * (np.sqrt(packing.inputs) / np.linalg.norm(Z, axis=1, keepdims=True))
    X = lower_times(R, eta)
    X[:, :width] += W @ Z
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X[:m] @ X[m:].T


def lower_times(L: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return ``L X`` for lower-triangular L, at half the operations; X is overwritten."""
    (trmm,) = get_blas_funcs(("trmm",), (L, X))
    return trmm(1.0, L.T, X.T, side=1, lower=0, overwrite_b=1).T
