"""How many of the matched pairs are different from each other: many neurons of a small network nearly copy one another.

Pairs are taken from the best correlated on; one counts if neither of its neurons correlates to ½ or more (in absolute
value) with the neuron of the same model in a pair that was counted before. The order decides ties alone, and is fixed.
"""

from __future__ import annotations

import numpy as np

SAME = 0.5


def distinct(a: np.ndarray, b: np.ndarray, correlation: np.ndarray, same: float = SAME) -> np.ndarray:
    """Return which pairs are distinct.

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
    kept: list[int] = []
    for pair in np.argsort(-correlation, kind="stable"):
        if not alike[pair, kept].any():
            kept.append(int(pair))
    return np.array(kept, dtype=np.int64)
