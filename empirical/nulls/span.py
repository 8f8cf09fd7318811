"""The span null: B's positions permuted among those whose span has the same text.

A pair of neurons that both detect a string correlates as before. Pairs above this null share more than the string under
the span: a conditional permutation (Berrett et al. 2020, J. R. Stat. Soc. B 82, 175–197) given the string.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ...errors import InputError
from ..activations.reordered import Reordered
from ..activations.source import ActivationSource, RandomAccess, common_labels
from .null import Null, Sources


class Span(Null):
    """B's positions permuted among those with the same text."""

    name, label = "span", "span"
    keeps = "each neuron's activations on each string, and with them all that depends on the string alone"
    breaks = "the alignment of contexts beyond the string, and the autocorrelation over positions"
    random_access = True

    def check(self, a: ActivationSource, b: ActivationSource, draws: int) -> None:
        """Refuse positions whose text is unknown."""
        if "span" not in common_labels(a, b):
            rule = "needs the text of each span, which only language models that read a text know"
            raise InputError("--null", self.name, rule, "--null shift")

    def draw(self, a: ActivationSource, b: ActivationSource, entropy: Sequence[int]) -> Sources:
        """Return A, and B with the positions of each string in a random order."""
        self.check(a, b, 1)
        span = common_labels(a, b)["span"]
        return a, Reordered(cast(RandomAccess, b), within(span, np.random.default_rng(list(entropy))))


def within(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the positions, those of each group in a random order."""
    order = np.empty(len(groups), dtype=np.int64)
    order[np.argsort(groups, kind="stable")] = np.lexsort((rng.random(len(groups)), groups))
    return order
