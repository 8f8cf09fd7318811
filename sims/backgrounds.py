"""The interference of synthetic neurons: loadings of fixed norm, in isotropic Gaussian directions over B_j (Eq. 64).

Inactive features appear in backgrounds alone, so only the inner products of the neurons' loadings on them matter. When
B_j is the whole pool, the rows are standard Gaussian in L dimensions before they are scaled to their norm, and
their inner products are Wishart with L degrees of freedom: they come from Bartlett's triangle, p² numbers for p
neurons instead of p L. A smaller B_j is sampled literally, as a sparse matrix.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import get_lapack_funcs

from .packing import Packing


def bartlett(rng: np.random.Generator, size: int, freedom: int) -> np.ndarray:
    """Return lower-triangular T, shape (size, size), with ``T Tᵀ ~ Wishart(I, freedom)``.

    Bartlett (1933): below the diagonal standard normal, ``T_ii² ~ χ²(freedom − i)`` for i = 0, 1, …, all independent.
    With fewer degrees of freedom than rows the product is singular: T is then a Gaussian matrix of `freedom` columns.
    """
    if freedom < size:
        return rng.standard_normal((size, freedom))
    T = np.tril(rng.standard_normal((size, size)), -1)
    np.fill_diagonal(T, np.sqrt(rng.chisquare(freedom - np.arange(size))))
    return T


def backgrounds(packing: Packing, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the backgrounds of `rows` neurons; row j belongs to candidate ``j mod matched``, or to an idle neuron.

    Returns
    -------
    on_candidates : ndarray, shape (rows, candidates)
        Loadings on the candidates' features, 0 on a neuron's own.
    products : ndarray, shape (rows, rows)
        Inner products of the loadings on all other features.
    """
    if packing.choices.background is not None and packing.choices.background < packing.pool_size:
        return _sparse(packing, rng, rows)
    n = packing.candidates
    on_candidates = np.zeros((rows, n))
    if packing.choices.pool == "all":
        on_candidates = rng.standard_normal((rows, n))
        feature = np.arange(rows) % packing.matched
        neuron = np.flatnonzero(feature < n)
        on_candidates[neuron, feature[neuron]] = 0.0
    elsewhere = bartlett(rng, rows, packing.features - n)
    square = np.einsum("ij,ij->i", on_candidates, on_candidates) + np.einsum("ij,ij->i", elsewhere, elsewhere)
    scale = packing.choices.interference_norm / np.sqrt(np.where(square > 0, square, 1.0))[:, None]
    elsewhere *= scale
    return on_candidates * scale, _row_products(elsewhere)


def _row_products(T: np.ndarray) -> np.ndarray:
    """Return ``T Tᵀ``, at a third of the operations where T is lower triangular and square."""
    if T.shape[0] != T.shape[1]:
        return T @ T.T
    # LAPACK multiplies a lower triangle by its transpose from the left; in reversed order it is ours.
    reverse = np.asfortranarray(T[::-1, ::-1].T)
    (lauum,) = get_lapack_funcs(("lauum",), (reverse,))
    products, _ = lauum(reverse, lower=1, overwrite_c=1)
    lower = np.tril(products)[::-1, ::-1]
    return lower + np.triu(lower, 1).T


def _sparse(packing: Packing, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw literal backgrounds on |B_j| features each."""
    from scipy.sparse import csr_array

    size, n = packing.choices.background or 0, packing.candidates
    first = 0 if packing.choices.pool == "all" else n
    columns = np.empty((rows, size), dtype=np.int64)
    for j in range(rows):
        feature = j % packing.matched
        excluded = packing.choices.pool == "all" and feature < n
        chosen = first + rng.choice(packing.features - first - excluded, size, replace=False, shuffle=False)
        columns[j] = chosen + (chosen >= feature) if excluded else chosen
    values = rng.standard_normal((rows, size))
    values *= packing.choices.interference_norm / np.linalg.norm(values, axis=1, keepdims=True)
    pointers = np.arange(rows + 1, dtype=np.int64) * size
    loadings = csr_array((values.ravel(), columns.ravel(), pointers), shape=(rows, packing.features))
    elsewhere = loadings[:, n:]
    return loadings[:, :n].toarray(), (elsewhere @ elsewhere.T).toarray()
