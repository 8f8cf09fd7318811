"""The reference engine: draw the inputs, build both networks and match them, as in the paper (D.7, Eqs. 64–65).

It uses the definitions alone: the reference for the other engines. Features are drawn in
blocks; memory is one block of Z and the activations, work ``4 M A m`` operations per run.
"""

from __future__ import annotations

import numpy as np

from .packing import Outcome, Packing, match_networks

LARGEST = 4096  # N
BLOCK = 2048  # features


def draw(packing: Packing, rng: np.random.Generator) -> Outcome:
    """Draw one pair of networks and match them."""
    return match_networks(packing, correlations(packing, rng))


def correlations(packing: Packing, rng: np.random.Generator) -> np.ndarray:
    """Draw inputs and two networks, and return the Pearson correlations, shape (matched, matched)."""
    M, A, m, n = packing.inputs, packing.features, packing.matched, packing.candidates
    background = np.vstack([_background(packing, rng) for _ in "AB"])  # W_jk, shape (2m, A)
    h = np.zeros((M, 2 * m))
    for start in range(0, A, BLOCK):
        Z = rng.standard_normal((M, min(BLOCK, A - start)))
        Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
        h += Z @ background[:, start : start + BLOCK].T
        features = np.arange(start, min(start + BLOCK, n))
        target = Z[:, features - start] * packing.loading[features]
        h[:, features] += target
        h[:, m + features] += target
    h += np.sqrt(packing.choices.noise) * rng.standard_normal(h.shape)
    h -= h.mean(axis=0)
    h /= np.linalg.norm(h, axis=0)
    return h[:, :m].T @ h[:, m:]


def _background(packing: Packing, rng: np.random.Generator) -> np.ndarray:
    """Return the background loadings of one network, shape (matched, A)."""
    W = np.zeros((packing.matched, packing.features))
    for j in range(packing.matched):
        pool = np.arange(packing.features)
        if packing.choices.pool == "inactive":
            pool = pool[packing.candidates :]
        elif j < packing.candidates:
            pool = np.delete(pool, j)
        if packing.choices.background is not None:
            pool = rng.permutation(pool)[: packing.choices.background]
        direction = rng.standard_normal(len(pool))
        W[j, pool] = packing.choices.interference_norm * direction / np.linalg.norm(direction)
    return W
