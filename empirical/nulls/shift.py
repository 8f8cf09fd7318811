"""The shift null: B's positions shifted around the end by a random lag.

Signals that change slowly correlate by accident, whatever their networks learned. A shift leaves each signal as slow as
it was and only takes the alignment away, so that its pairs are the accidents of such signals (the surrogates of Theiler
et al. 1992, Physica D 58, 77–94, for series that are compared with each other).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ..activations.reordered import Shifted
from ..activations.source import ActivationSource
from .null import Null, Sources

LEAST = 0.1  # of the positions that a lag is at least, in either direction
FEWEST = 20  # positions
GOLDEN = (5**0.5 - 1) / 2
MANY = 2**17  # positions from which on a lag may be a sum: two sketches then serve three draws (`screening.shifts`)


def lag(positions: int, entropy: Sequence[int]) -> int:
    """Return the lag of one draw, between a tenth and nine tenths of the positions.

    The last number of `entropy` is the draw's. Draws of one seed lie apart by multiples of the golden ratio, so that no
    two are nearly the same. For many positions, every third lag is the sum of the two before it.
    """
    *seed, draw = entropy
    start = np.random.default_rng(np.random.SeedSequence(seed)).random()
    least = -int(-LEAST * positions // 1)

    def golden(number: int) -> int:
        return least + int((start + GOLDEN * number) % 1 * (positions - 2 * least + 1))

    if positions < MANY or draw % 3 == 0:
        return golden(draw)
    begin = draw - draw % 3
    first = golden(begin)
    second = next(  # whatever the start, the sum with one of them lies within the bounds by a twentieth
        one for one in map(golden, (begin + 1, begin + 2)) if least <= (first + one) % positions <= positions - least
    )
    return second if draw % 3 == 1 else (first + second) % positions


class Shift(Null):
    """B's positions shifted around the end."""

    name, label = "shift", "shifted"
    keeps = "each neuron's autocorrelation over positions, and all correlations within a model"
    breaks = "the alignment of the two models"

    def check(self, a: ActivationSource, b: ActivationSource, draws: int) -> None:
        """Refuse positions that are too few to be shifted by a tenth."""
        if b.positions < FEWEST:
            rule = f"needs at least {FEWEST} positions, for a lag is at least a tenth of them; there are {b.positions}"
            raise InputError("--null", self.name, rule, "--null permute")

    def draw(self, a: ActivationSource, b: ActivationSource, entropy: Sequence[int]) -> Sources:
        """Return A, and B from another place of the text."""
        return a, Shifted(b, lag(b.positions, entropy))
