"""Lexical share: how much of a pair's covariance lies between the texts of its spans.

Positions are grouped by the characters of their span (``span`` of a source's ``labels``). A pair's covariance over
positions t in groups g, of n_g positions each, has two parts (analysis of covariance):

    Σ_t (x_t − x̄)(y_t − ȳ) = Σ_g n_g (x̄_g − x̄)(ȳ_g − ȳ) + Σ_g Σ_{t ∈ g} (x_t − x̄_g)(y_t − ȳ_g).

The lexical share is the first part over the whole. It is 1 for two detectors of the same strings, 0 where a pair agrees
on context alone; where the parts have different signs it lies outside of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....errors import InputError, require
from ...activations.source import ActivationSource

BLOCK = 4096
MEMORY = 1 << 30


def lexical_share(
    a: ActivationSource,
    b: ActivationSource,
    unit_a: Sequence[int] | np.ndarray,
    unit_b: Sequence[int] | np.ndarray,
    span: np.ndarray,
    memory: int = MEMORY,
) -> np.ndarray:
    """Return the lexical share of each pair, shape (pairs,); NaN where a pair has no covariance.

    One pass over the positions, or several with some of the pairs each where their sums exceed the memory.

    Parameters
    ----------
    a, b : ActivationSource
        The two models.
    unit_a, unit_b : sequence of int, shape (pairs,)
        The pairs' neurons, counted over all layers.
    span : ndarray of int, shape (positions,)
        Number of each position's span text.
    memory : int
        Bytes for the sums: 16 for each pair and distinct span text.

    Raises
    ------
    InputError
        If there is not one label for each position.
    """
    groups = grouped(span, a)
    units = np.asarray(unit_a, dtype=np.int64), np.asarray(unit_b, dtype=np.int64)
    rule = f"the sources must have equally many positions; {a.name} has {a.positions:,}"
    require(a.positions == b.positions, "positions", b.positions, rule)
    counts = np.bincount(groups)
    at_once = max(int(memory // (16 * len(counts))), 1)
    shares = [
        _shares(a, b, units[0][i : i + at_once], units[1][i : i + at_once], groups, counts)
        for i in range(0, len(units[0]), at_once)
    ]
    return np.concatenate([np.empty(0), *shares])


def _shares(
    a: ActivationSource,
    b: ActivationSource,
    unit_a: np.ndarray,
    unit_b: np.ndarray,
    groups: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    sums = np.zeros((2, len(counts), len(unit_a)))
    products, shift = np.zeros(len(unit_a)), np.zeros((2, len(unit_a)))
    begin = 0
    for pieces in zip(a.blocks(BLOCK), b.blocks(BLOCK), strict=True):
        chosen = [piece[:, unit].astype(float) for piece, unit in zip(pieces, (unit_a, unit_b), strict=True)]
        if begin == 0:  # sums of squares keep their digits where a mean is far from 0
            shift = np.stack([one.mean(0) for one in chosen])
        x, y = (one - away for one, away in zip(chosen, shift, strict=True))
        here = groups[begin : begin + len(x)]
        add_by_group(sums[0], here, x)
        add_by_group(sums[1], here, y)
        products += np.einsum("tp,tp->p", x, y)
        begin += len(x)
    both = sums.sum(1).prod(0) / begin
    between = np.einsum("gp,gp,g->p", sums[0], sums[1], 1 / counts) - both
    whole = products - both
    return np.divide(between, whole, out=np.full(len(whole), np.nan), where=whole != 0)


def grouped(span: np.ndarray, source: ActivationSource) -> np.ndarray:
    """Return the labels of a source's positions, numbered from 0 without gaps.

    Raises
    ------
    InputError
        If there is not one label for each position.
    """
    span = np.asarray(span)
    if span.shape != (source.positions,):
        rule = f"must have one label for each of the {source.positions:,} positions of {source.name}"
        raise InputError("span", f"array of shape {span.shape}", rule, "span=source.labels()['span']")
    return np.unique(span, return_inverse=True)[1]


def add_by_group(sums: np.ndarray, groups: np.ndarray, block: np.ndarray) -> None:
    """Add the rows of a block, shape (rows, columns), to the sums of their groups, shape (groups, columns)."""
    import scipy.sparse  # here: most matchings of arrays know no spans

    present, row = np.unique(groups, return_inverse=True)
    one = np.ones(len(groups), dtype=block.dtype)
    sums[present] += (
        scipy.sparse.csr_array((one, (row, np.arange(len(groups)))), shape=(len(present), len(groups))) @ block
    )
