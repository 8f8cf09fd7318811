"""Null draws by a small sketch: only what is as strong as the weakest pair of the matching is looked for.

A null is asked how many of its pairs reach the correlation of a pair of the matching (`calibration`). So its pairs
below the matching's weakest correlation r need not be known. Where r lies far above the noise of the coarse sketch, at
most one side is sketched anew (`shifts`), without the fine sketch, and every pair is listed whose estimate, from a
sketch folded until its noise is σ, reaches

    r − REACH √(1 + r²) σ

Where the noise is normal, a correlation of r or more is missed by this once in 10⁵. It is not normal where few
positions carry a signal: two of them share a bucket once in B, which can hide a pair, here as in the matching itself.

What is listed is estimated again without folds, and correlated exactly where it may still reach r and be among the best
of either neuron. Whoever beats a pair at or above r is then among these too, so that the null's mutual pairs there are
the exact ones.

Where too many pairs are listed (by noise, or since signals correlate by accident), the sketch is folded less; where
that does not help, the draw is searched like the matching itself (`screened`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ...activations.source import ActivationSource
from ..evidence.part_products import PartProducts
from ..machine.checkpoint import Checkpoint
from ..machine.reading import Block, tiles
from ..partners import mutual
from .candidates import REACH, Pairs, kth
from .pair_products import exact_products
from .sketch import ROUNDING, Sketch, coarse_noise, fine_estimates, fine_noise
from .sketch_kernels import LINE, lines_above

BY_NOISE = 8  # pairs a neuron that noise alone may list
MOST = 64  # pairs a neuron beyond which a list is given up
SMALLEST = 256  # buckets of a folded sketch
EDGES = 2048, 4096  # neurons of A and of B whose estimates are made at a time


def least_estimate(noise: float, weakest: float) -> float:
    """Return the estimate that a pair of correlation `weakest` or more reaches, for the noise of estimates at ρ = 0."""
    return weakest - REACH * noise * (1 + min(weakest, 1.0) ** 2) ** 0.5


def folds(buckets: int, positions: int, neurons: tuple[int, int], weakest: float) -> int:
    """Return how often a sketch may be folded in a draw that asks for pairs from `weakest` on; 0 if it is too noisy.

    Parameters
    ----------
    buckets : int
        Of the coarse sketch.
    positions : int
        T.
    neurons : pair of int
        Neurons of A and B.
    weakest : float
        r, from 0 to 1, or infinity.

    Examples
    --------
    >>> folds(2048, 200_000, (8192, 8192), weakest=0.25), folds(2048, 200_000, (8192, 8192), weakest=0.1)
    (2, 0)
    """
    from scipy.special import ndtri

    quantile, most = -ndtri(min(BY_NOISE / min(neurons), 0.5)), 0
    for number in (1, 2, 4, 8, 16):
        small = number > 1 and buckets // number < SMALLEST
        noise = coarse_noise(buckets // number, positions)
        if buckets % number == 0 and not small and least_estimate(noise, weakest) >= quantile * noise:
            most = number
    return most


def pairs_from(sketches: tuple[Sketch, Sketch], bar: float, most: int, absolute: bool, folds: int = 1) -> Pairs | None:
    """Return all pairs whose coarse estimates reach `bar`, or None where there are more than `most`.

    Parameters
    ----------
    folds : int
        How many buckets of the coarse sketches are added up to one first.
    """
    left, right = (one.folded(folds) for one in sketches)
    varies_a, varies_b = (one.moments.square > 0 for one in sketches)
    chosen, room = [], most
    bar -= ROUNDING * abs(bar)  # estimates and their bar may be rounded to bfloat16
    # Fresh memory would take as long as the product.
    memory = torch.empty(min(EDGES[0], len(left)) * min(EDGES[1], len(right)), dtype=left.dtype)
    for rows, columns in tiles(len(left), len(right), EDGES):
        one, other = left[rows], right[columns]
        estimate = torch.mm(one, other.T, out=memory[: len(one) * len(other)].view(len(one), len(other)))
        unit, partner = _reaching(estimate, bar, absolute)
        unit, partner = unit + rows.start, partner + columns.start
        both = varies_a[unit] & varies_b[partner]
        chosen.append((unit[both], partner[both]))
        room -= int(both.sum())
        if room < 0:
            return None
    units_a, units_b = (np.concatenate(side) for side in zip(*chosen, strict=True))
    return units_a, units_b


def _reaching(estimate: torch.Tensor, bar: float, absolute: bool) -> Pairs:
    """Return the places of estimates (or magnitudes) that reach a bar above 0, row by row.

    Few do, so lines without any are passed over, and numbers are compared by their bits.
    """
    kind = torch.int16 if estimate.dtype == torch.bfloat16 else torch.int32
    bits, least = (one.view(kind).numpy() for one in (estimate, torch.tensor([bar]).to(estimate.dtype)))
    signs = np.iinfo(bits.dtype).max if absolute else -1
    lines = np.empty((len(bits), -(-bits.shape[1] // LINE)), dtype=bool)
    lines_above(bits, least[0], bits.dtype.type(signs), lines)
    row, line = lines.nonzero()
    column = line[:, None] * LINE + np.arange(LINE)
    inside = np.minimum(column, bits.shape[1] - 1)
    hits = ((bits[row[:, None], inside] & bits.dtype.type(signs)) >= least[0]) & (column == inside)
    some, place = hits.nonzero()
    return row[some], column[some, place]


def null_draw(
    sources: tuple[ActivationSource, ActivationSource],
    sketches: tuple[Sketch, Sketch],
    weakest: float,
    k: int,
    absolute: bool,
    parts: Sequence[Sequence[Block]],
    checkpoint: Checkpoint,
    name: str,
    advance: Callable[[float], None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Return the mutual pairs of a draw from `weakest` on (units of A and B, correlations, margins).

    None where the sketch cannot say. A margin is NaN where the next partner is below `weakest`.

    Parameters
    ----------
    sketches : pair of Sketch
        Of A, and of B as the draw has it, without fine sketches (`Sketch.coarsened`).
    weakest : float
        r.
    """
    positions, neurons = sources[0].positions, (len(sources[0].layer), len(sources[1].layer))
    buckets = sketches[0].coarse.shape[1]
    number, pairs = folds(buckets, positions, neurons, weakest), None
    while number and pairs is None:
        bar = least_estimate(coarse_noise(buckets // number, positions), weakest)
        pairs = pairs_from(sketches, bar, MOST * max(neurons), absolute, number)
        number //= 2
    if pairs is None:
        return None
    pairs = _strong(sketches, pairs, weakest, k, absolute)
    if len(pairs[0]):
        moments = sketches[0].moments, sketches[1].moments
        products, _ = exact_products(*sources, pairs, moments, parts, checkpoint, f"{name}-strong", advance)
        rho = products.correlations()
    else:
        advance(positions)
        rho = np.zeros(0)
    some = (np.abs(rho) if absolute else rho) >= weakest
    none = [np.zeros((1, 2, number)) for number in neurons]
    listed = PartProducts(
        unit_a=pairs[0][some],
        unit_b=pairs[1][some],
        cross=np.zeros((1, int(some.sum()))),
        sums=(none[0], none[1]),
        counts=np.array([positions]),
    )
    return mutual(*listed.ranked(rho[some], k + 1, absolute), k, absolute)


def _strong(sketches: tuple[Sketch, Sketch], pairs: Pairs, weakest: float, k: int, absolute: bool) -> Pairs:
    """Return those of some pairs that may reach `weakest` and be among the k best of either neuron."""
    estimate = fine_estimates(sketches, *pairs)
    estimate = np.abs(estimate) if absolute else estimate
    noise = REACH * fine_noise(sketches, *pairs, np.maximum(estimate, 0))
    band = noise * np.sqrt(2)  # two estimates stray
    best = [
        estimate >= kth(unit, estimate, k, len(sketch.fine))[unit] - band
        for unit, sketch in zip(pairs, sketches, strict=True)
    ]
    strong = (estimate + noise >= weakest) & (best[0] | best[1])
    return pairs[0][strong], pairs[1][strong]
