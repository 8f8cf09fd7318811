"""Selectivity of neurons: on the side of its output weights, and on the side of its activations.

Output side (section 5.1 of the paper): the excess kurtosis, over the vocabulary, of the cosine between a neuron's
output weight and each token's unembedding vector. A neuron that writes a few tokens has a heavy tail. The cosines of
all N neurons with all V tokens are never in memory: the vocabulary is streamed, V/block products of shape block × N.

Activation side, over the aligned positions:

- excess kurtosis of the activation h;
- lifetime sparsity of Treves and Rolls (1991) in the form of Vinje and Gallant (2000), between 0 (always equally
  active) and 1 (active once), over the rectified activation r = max(h, 0) at n positions:

      S = (1 − ⟨r⟩² / ⟨r²⟩) / (1 − 1/n)

  It is a measure of firing rates, which are not negative; what a neuron does below 0 does not enter.
- entropy (bits) of the domains of its top contexts: 0 if they all come from one domain (`firing`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import require
from ..activations.source import ActivationSource
from .moments import ColumnMoments
from .top import TopPositions

BLOCK = 2048


@dataclass(frozen=True)
class Activity:
    """Statistics of each neuron from one pass over a model's activations.

    Attributes
    ----------
    mean, deviation : ndarray, shape (neurons,)
        Mean and standard deviation over the positions.
    kurtosis, sparsity : ndarray, shape (neurons,)
        Excess kurtosis, and lifetime sparsity of the rectified activation; NaN where a neuron is constant or silent.
    top_position, top_activation : ndarray, shape (neurons, tops)
        Where each neuron is most active, most active first; −1 and NaN where there are fewer positions.
    """

    mean: np.ndarray
    deviation: np.ndarray
    kurtosis: np.ndarray
    sparsity: np.ndarray
    top_position: np.ndarray
    top_activation: np.ndarray


def activity(source: ActivationSource, tops: int = 20, block: int = BLOCK) -> Activity:
    """Read a model's activations once; return their shape and the `tops` most active positions of each neuron."""
    moments, top = ColumnMoments(), TopPositions(len(source.layer), tops)
    rate, power = np.zeros((2, len(source.layer)))
    for piece in source.blocks(block):
        moments.add(piece)
        top.add(piece)
        rectified = np.maximum(piece, 0)
        rate += rectified.sum(0, dtype=float)
        power += np.einsum("ij,ij->j", rectified, rectified, dtype=float)
    deviation = np.sqrt(np.maximum(moments.variance, 0))
    sparsity = lifetime_sparsity(rate, power, source.positions)
    return Activity(
        mean=moments.mean,
        deviation=deviation,
        kurtosis=moments.excess_kurtosis,
        sparsity=sparsity,
        top_position=top.position,
        top_activation=top.activation,
    )


def lifetime_sparsity(rate: np.ndarray, power: np.ndarray, positions: int) -> np.ndarray:
    """Return S from Σr and Σr² over the positions; NaN where a neuron is never above 0."""
    fires = power > 0
    filled = rate**2 / np.where(fires, power, 1.0) / positions
    return np.where(fires & (positions > 1), (1 - filled) / (1 - 1 / max(positions, 2)), np.nan)


def output_kurtosis(weights: np.ndarray, unembedding: np.ndarray, block: int = BLOCK) -> np.ndarray:
    """Return the excess kurtosis over the vocabulary of cos(output weight, unembedding vector).

    Parameters
    ----------
    weights : ndarray, shape (neurons, width)
        What each neuron writes into the residual stream, for one unit of activation.
    unembedding : ndarray, shape (vocabulary, width)
        One vector a token. Tokens whose vector is zero (padding) have no direction and are left out.
    block : int
        Tokens at a time: ``block × neurons`` cosines are in memory.

    Returns
    -------
    ndarray, shape (neurons,)
        NaN for a neuron without output.

    Raises
    ------
    InputError
        If the widths differ.
    """
    rule = f"must have the width of the output weights, {weights.shape[1]}"
    require(weights.shape[1] == unembedding.shape[1], "unembedding", unembedding.shape, rule)
    directions = _normalised(weights)
    moments = ColumnMoments()
    for start in range(0, len(unembedding), block):
        tokens = _normalised(unembedding[start : start + block])
        tokens = tokens[np.isfinite(tokens[:, 0])]
        if len(tokens):
            moments.add(tokens @ directions.T)
    return moments.excess_kurtosis


def _normalised(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, np.nan)
