"""Matched pairs without near-copies: many neurons of a small network nearly copy one another.

Pairs are taken from the best correlated on; one counts if neither of its neurons correlates to ½ or more (in absolute
value) with the neuron of the same model in a pair that was counted before. The order decides ties alone, and is fixed.
"""

from __future__ import annotations

import numpy as np

SAME = 0.5


def distinct(a: np.ndarray, b: np.ndarray, correlation: np.ndarray, same: float = SAME) -> np.ndarray:
    """Return a mask of the distinct pairs.

    Parameters
    ----------
    a, b : ndarray, shape (positions, pairs)
        Activations of the pairs' neurons in either model.
    correlation : ndarray, shape (pairs,)
        Correlation of each pair.
    same : float
        Correlation from which two neurons of one model count as one.

    Returns
    -------
    ndarray of int
        Indices of the distinct pairs, best correlated first.
    """
    if a.shape[1] < 2:
        return np.arange(a.shape[1])
    alike = np.maximum(np.abs(np.corrcoef(a.T)), np.abs(np.corrcoef(b.T))) >= same
    distinct_pairs: list[int] = []
    for pair in np.argsort(-correlation, kind="stable"):
        if not alike[pair, distinct_pairs].any():
            distinct_pairs.append(int(pair))
    return np.array(distinct_pairs, dtype=np.int64)
