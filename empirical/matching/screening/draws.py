"""Null draws by a small sketch: what matters in a null is as strong as the weakest pair of the matching.

A null is asked how many of its pairs reach the correlation of a pair of the matching (`calibration`). So its pairs
below the matching's weakest correlation r need not be known exactly. Where r lies far above the noise of the coarse
sketch, B alone is sketched anew, without the fine sketch, and candidates come from that sketch folded as far as

    (REACH √(1 + r²) + z + SLACK) σ ≤ r

allows, for its noise σ and the quantile z that a neuron's last candidate reaches by noise. Pairs that may reach r, by
`REACH` standard deviations, are correlated exactly. All others are listed with their estimates, which are below r:
they change no count at or above r, nor the mutuality of a pair there.

Where a neuron's last candidate comes too close to r after all (signals that correlate by accident), a pair at r might
be no candidate. Then the draw is searched like the matching itself (`screened`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...activations.source import ActivationSource
from ..evidence.part_products import PartProducts
from ..machine.checkpoint import Checkpoint
from ..machine.reading import Block
from ..partners import mutual
from .candidates import REACH, candidates, possible_pairs
from .pair_products import exact_products
from .sketch import Sketch, coarse_noise, fine_noise

WIDER = 4  # times the candidates of the matching, so that a neuron's last one stays far below r
SLACK = 0.8  # standard deviations by which last candidates differ
SMALLEST = 256  # buckets of a folded sketch


def folds(buckets: int, positions: int, neurons: tuple[int, int], count: int, weakest: float) -> int:
    """Return how often a sketch may be folded in a draw that asks for pairs from `weakest` on; 0 if it is too noisy.

    Parameters
    ----------
    buckets : int
        Of the coarse sketch.
    positions : int
        T.
    neurons : pair of int
        Neurons of A and B.
    count : int
        Candidates of each neuron in the matching.
    weakest : float
        r, from 0 to 1, or infinity.

    Examples
    --------
    >>> folds(2048, 200_000, (8192, 8192), 16, weakest=0.25), folds(2048, 200_000, (8192, 8192), 16, weakest=0.1)
    (2, 0)
    """
    from scipy.special import ndtri

    quantile = -ndtri(min(WIDER * count / max(neurons), 0.5))
    deviations, most = REACH * (1 + min(weakest, 1.0) ** 2) ** 0.5 + quantile + SLACK, 0
    for number in (1, 2, 4, 8, 16):
        small = number > 1 and buckets // number < SMALLEST
        if buckets % number == 0 and not small and deviations * coarse_noise(buckets // number, positions) <= weakest:
            most = number
    return most


def null_draw(
    sources: tuple[ActivationSource, ActivationSource],
    sketches: tuple[Sketch, Sketch],
    weakest: float,
    count: int,
    k: int,
    absolute: bool,
    parts: Sequence[Sequence[Block]],
    checkpoint: Checkpoint,
    name: str,
    advance: Callable[[float], None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Return the mutual pairs of a draw (units of A and B, correlations, margins), or None where it cannot say.

    Parameters
    ----------
    sketches : pair of Sketch
        Of A, and of B as the draw has it, without fine sketches (`Sketch.coarsened`).
    weakest : float
        r: pairs from there on are exact, others estimates.
    """
    positions, neurons = sources[0].positions, (len(sources[0].layer), len(sources[1].layer))
    buckets = sketches[0].coarse.shape[1]
    most = folds(buckets, positions, neurons, count, weakest)
    for number in [most, 1][: 1 + (most > 1)] if most else []:
        near = candidates(*sketches, min(WIDER * count, *neurons), absolute, folds=number)
        noise = coarse_noise(buckets // number, positions) * (1 + min(weakest, 1.0) ** 2) ** 0.5
        if max(side.bar.max() for side in near) <= weakest - REACH * noise:
            break
    else:
        return None
    pairs, estimate = possible_pairs(sketches, near, k, absolute)
    rho = estimate.astype(float)
    strong = estimate + REACH * fine_noise(sketches, *pairs, estimate) >= weakest
    moments = sketches[0].moments, sketches[1].moments
    if strong.any():
        chosen = pairs[0][strong], pairs[1][strong]
        products, _ = exact_products(*sources, chosen, moments, parts, checkpoint, f"{name}-strong", advance)
        rho[strong] = products.correlations()
    else:
        advance(positions)
    none = [np.zeros((1, 2, number)) for number in neurons]
    listed = PartProducts(
        unit_a=pairs[0],
        unit_b=pairs[1],
        cross=np.zeros((1, len(rho))),
        sums=(none[0], none[1]),
        counts=np.array([positions]),
    )
    return mutual(*listed.ranked(rho, k + 1, absolute), k, absolute)
