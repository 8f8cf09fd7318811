"""The permutation null (appendix C.3): all positions of B in a random order drawn uniformly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ..activations.reordered import Reordered
from ..activations.source import ActivationSource, RandomAccess
from .null import Null, Sources


class Permuted(Reordered):
    """The same activations with their positions in a random order.

    Parameters
    ----------
    source : RandomAccess
        The activations.
    seed : int or sequence of int
        Seed of the permutation (`numpy.random.SeedSequence`).
    """

    def __init__(self, source: RandomAccess, seed: int | Sequence[int]):
        super().__init__(source, np.random.default_rng(np.random.SeedSequence(seed)).permutation(source.positions))


class Permute(Null):
    """B's positions permuted one by one."""

    name, label, section = "permute", "permuted", "C.3"
    keeps = "each neuron's distribution of activations, and all correlations within a model"
    breaks = "the alignment of the two models, and the autocorrelation over positions"
    random_access = True

    def entropy(self, seed: int, number: int) -> list[int]:
        """Return the numbers that seed one permutation."""
        return [seed, number]

    def draw(self, a: ActivationSource, b: ActivationSource, entropy: Sequence[int]) -> Sources:
        """Return A, and B in another order."""
        return a, Permuted(cast(RandomAccess, b), list(entropy))
