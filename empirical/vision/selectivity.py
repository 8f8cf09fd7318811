"""Selectivity of a vision model's neurons, from labels: the class selectivity index.

A neuron's score for an image is its mean activation over the patches. With μ_c the mean of the rectified scores over
the images of class c, and μ_rest the mean of all other classes' means, the index of Morcos et al. (2018) is

    (μ_max − μ_rest) / (μ_max + μ_rest),

0 for a neuron that does not distinguish classes, 1 for one that a single class alone excites. Rectification keeps it in
[0, 1] where activations dip below 0. Excess kurtosis is that of `rosettalaw.empirical.measures`.
"""

from __future__ import annotations

import numpy as np

from ...errors import require
from ..activations.source import ActivationSource


def image_scores(source: ActivationSource, images: int, block: int = 2048) -> np.ndarray:
    """Return each image's mean activation over its cells, float64, shape (images, neurons).

    Raises
    ------
    InputError
        If the positions are not a whole number of cells an image.
    """
    rule = f"must be a multiple of the {images} images"
    require(source.positions % images == 0, "positions", source.positions, rule)
    cells = source.positions // images
    sums = np.zeros((images, len(source.layer)))
    start = 0
    for piece in source.blocks(block):
        owner = np.arange(start, start + len(piece)) // cells
        first, begin = np.unique(owner, return_index=True)
        sums[first] += np.add.reduceat(np.asarray(piece, dtype=float), begin, axis=0)
        start += len(piece)
    return sums / cells


def class_selectivity(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the class selectivity index of each neuron.

    Parameters
    ----------
    scores : ndarray, shape (images, neurons)
        Mean activation of each neuron on each image.
    labels : ndarray of int, shape (images,)
        Class of each image; at least two classes.

    Returns
    -------
    ndarray, shape (neurons,)
        NaN for a neuron that no image excites.

    Raises
    ------
    InputError
        If there is one class only.
    """
    _, labels = np.unique(labels, return_inverse=True)
    classes = labels.max() + 1
    require(classes > 1, "labels", classes, "must have at least two classes")
    sums = np.zeros((classes, scores.shape[1]))
    np.add.at(sums, labels, np.maximum(scores, 0))
    means = sums / np.bincount(labels)[:, None]
    most = means.max(0)
    rest = (means.sum(0) - most) / (classes - 1)
    total = most + rest
    return np.where(total > 0, (most - rest) / np.where(total > 0, total, 1.0), np.nan)
