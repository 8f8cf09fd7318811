"""The untrained null (section 4.2): networks of the same architectures with random weights, on the same positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ..activations.source import ActivationSource, untrained
from .null import Null, Sources


class Untrained(Null):
    """Both models with new random weights."""

    name, label, section = "untrained", "untrained", "4.2"
    keeps = "the architectures, the input and its alignment, and the autocorrelation that they give"
    breaks = "everything that was learned"
    fresh, architectures_alone = True, True

    def entropy(self, seed: int, number: int) -> list[int]:
        """Return the numbers that seed the weights of one draw."""
        return [seed, 0x0DD, number]

    def check(self, a: ActivationSource, b: ActivationSource, draws: int) -> None:
        """Refuse models that have no untrained twins: arrays, and layers taken out."""
        if any(untrained(source) is None for source in (a, b)):
            rule = "needs whole checkpoints: arrays, and layers taken out, have no untrained twins"
            raise InputError("--untrained", draws, rule, "--untrained 0")

    def draw(self, a: ActivationSource, b: ActivationSource, entropy: Sequence[int]) -> Sources:
        """Return untrained twins of A and B, each with weights of its own."""
        self.check(a, b, 1)
        seeds = np.random.SeedSequence(list(entropy)).generate_state(2)
        twins = [make(int(one)) for make, one in zip(map(untrained, (a, b)), seeds, strict=True) if make is not None]
        return twins[0], twins[1]
