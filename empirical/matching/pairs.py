"""Float64 correlations of given pairs of neurons, as reported, whatever precision matched them.

One more reading of the positions, five sums per pair: cheap beside the N_A N_B of the search.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..activations.source import ActivationSource
from .machine import arrays, distributed
from .machine.reading import Block, aligned_blocks
from .machine.small import kernels
from .moments import Moments, wide

STRIPS = 8  # independent of the number of threads, and so are the sums


def pair_correlations(
    a: ActivationSource,
    b: ActivationSource,
    units_a: np.ndarray,
    units_b: np.ndarray,
    moments: tuple[Moments, Moments],
    parts: Sequence[Sequence[Block]],
) -> np.ndarray:
    """Return the correlations of some pairs of neurons in float64; NaN where one is constant.

    Parameters
    ----------
    units_a, units_b : ndarray of int, shape (pairs,)
        The pairs.
    moments : pair of Moments
        Means of all neurons, subtracted before anything is multiplied.
    parts : sequence of sequences of (start, stop)
        Blocks of positions; with several processes each reads its own parts.
    """
    if not len(units_a):
        return np.empty(0)
    shift_a, shift_b = (arrays.on_host(m.mean)[u] for m, u in zip(moments, (units_a, units_b), strict=True))
    sums = np.zeros((len(parts), 5, len(units_a)))
    own = [j for j in range(len(parts)) if j % distributed.size() == distributed.rank()]
    everything = slice(0, len(a.layer)), slice(0, len(b.layer))
    stream = aligned_blocks((a, b), [block for j in own for block in parts[j]], everything)
    for j in own:
        strips = np.zeros((STRIPS, 5, len(units_a)))
        for _ in parts[j]:
            x, y = next(stream)
            kernels().pair_sums(wide(x), wide(y), units_a, units_b, shift_a, shift_b, strips)
        sums[j] = strips.sum(0)
    for j in range(len(parts)):
        distributed.send(sums[j], j % distributed.size())
    x, y, xx, yy, xy = sums.sum(0)
    positions = a.positions
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = (xy - x * y / positions) / np.sqrt(xx - x * x / positions) / np.sqrt(yy - y * y / positions)
    return np.clip(rho, -1, 1)
