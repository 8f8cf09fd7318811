"""Depth of Rosetta Neurons in the network (appendix E.3): their share in each twelfth of the normalised depth.

Depth of layer ℓ of L is ``ℓ/(L − 1)``, 0 the first and 1 the last; twelve equal bins, the last closed. Networks of
fewer than twelve layers leave bins empty, so the share of *all* neurons per bin stands beside it.
"""

from __future__ import annotations

import numpy as np

BINS = 12


def depth_profile(layer: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the members, and of all neurons, in each bin of depth; each of shape (12,).

    Parameters
    ----------
    layer : ndarray of int, shape (neurons,)
        Layer of every neuron of the network, from 0.
    member : ndarray of bool, shape (neurons,)
        Which of them are Rosetta Neurons. Without any, their shares are NaN.
    """
    last = max(int(layer.max(initial=0)), 1)
    place = np.minimum(layer * BINS // last, BINS - 1)  # in whole numbers: ℓ/(L − 1) · 12 rounds down at the edges
    everyone, members = (np.bincount(place[chosen], minlength=BINS).astype(float) for chosen in (layer >= 0, member))
    return members / (members.sum() or np.nan), everyone / everyone.sum()
