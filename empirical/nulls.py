"""The untrained null: networks of the same architectures with random weights, through the same code (section 4.2).

The permutation null (appendix C.3) is drawn by the engine itself, which permutes all positions of one model
(`rosettalaw.empirical.matching.match`, ``permutations``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .matching import match
from .sources import ActivationSource


def untrained_twins(
    sources: Sequence[ActivationSource], draw: int, seed: int = 0
) -> tuple[ActivationSource, ActivationSource]:
    """Return untrained twins of two models: their architectures' own random weights, others for each draw.

    Raises
    ------
    InputError
        If a source is not a whole checkpoint.
    """
    seeds = np.random.SeedSequence([seed, 0x0DD, draw]).generate_state(2)
    twins = []
    for source, one in zip(sources, seeds, strict=True):
        make = getattr(source, "untrained", None)
        if make is None:
            rule = "needs whole checkpoints: arrays, and layers taken out, have no untrained twins"
            raise InputError("--untrained", draw + 1, rule, "--untrained 0")
        twins.append(make(int(one)))
    return twins[0], twins[1]


def untrained_null(sources: Sequence[ActivationSource], draws: int, seed: int = 0, **options: Any) -> list[np.ndarray]:
    """Match untrained twins of two models; return the correlations of the mutual pairs, one array for each draw.

    Parameters
    ----------
    sources : two ActivationSource
        The trained models; each must have an ``untrained(seed)`` that gives it new random weights.
    draws : int
        Number of independent draws; in each, both models get weights of their own.
    seed : int
        Decides all weights.
    **options
        Passed to `match`, as for the trained models.

    Raises
    ------
    InputError
        If a source is not a whole checkpoint.
    """
    null = {**options, "permutations": 0, "jackknife_blocks": 0}
    return [match(*untrained_twins(sources, draw, seed), seed=seed, **null).correlation for draw in range(draws)]
