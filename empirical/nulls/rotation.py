"""The rotation null: B's neurons turned within each layer by a random orthogonal matrix.

The layer spans the same space and is as well aligned as before, but its coordinates are no longer neurons. Pairs above
this null say that neurons are special directions: an arbitrary basis of the layer would have fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ...errors import InputError
from ..activations.source import ActivationSource, RandomAccess
from ..activations.views import View
from .null import Null, Sources


class Rotated(View):
    """The same layers in another orthonormal basis each.

    Parameters
    ----------
    source : RandomAccess
        The activations.
    seed : sequence of int
        Seed of the bases (`numpy.random.SeedSequence`).
    """

    def __init__(self, source: RandomAccess, seed: Sequence[int]):
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self._source = source
        seeds = np.random.SeedSequence(list(seed)).spawn(len(np.unique(self.layer)))
        self._members = [np.flatnonzero(self.layer == layer) for layer in np.unique(self.layer)]
        self._bases = [
            basis(len(members), np.random.default_rng(own)).astype(np.float32)
            for members, own in zip(self._members, seeds, strict=True)
        ]
        self._first = source.rows(slice(0, 1))[0]  # an offset of many standard deviations would cost digits

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some positions along some directions."""
        wanted = np.arange(len(self.layer))[columns]
        positions = len(np.arange(self.positions)[index]) if isinstance(index, slice) else len(index)
        out = np.empty((positions, len(wanted)), dtype=np.float32)
        for members, turn in zip(self._members, self._bases, strict=True):
            here = np.isin(members, wanted)
            if here.any():
                low, high = int(members[0]), int(members[-1]) + 1
                rows = self._source.rows(index, slice(low, high))[:, members - low] - self._first[members]
                out[:, np.searchsorted(wanted, members[here])] = rows.astype(np.float32) @ turn[:, here]
        return out


class Rotation(Null):
    """B's neurons turned within each layer."""

    name, label = "rotation", "rotated"
    keeps = "the space that each layer spans, its alignment, and the autocorrelation over positions"
    breaks = "the neurons: directions of the layer take their place"
    random_access = True

    def check(self, a: ActivationSource, b: ActivationSource, draws: int) -> None:
        """Refuse a layer of one neuron, which has no other basis."""
        layers, sizes = np.unique(b.layer, return_counts=True)
        if sizes.min() < 2:
            rule = f"needs two neurons or more in each layer; layer {layers[sizes.argmin()]} of {b.name} has one"
            raise InputError("--null", self.name, rule, "--null shift")

    def draw(self, a: ActivationSource, b: ActivationSource, entropy: Sequence[int]) -> Sources:
        """Return A, and B turned."""
        return a, Rotated(cast(RandomAccess, b), entropy)


def basis(neurons: int, rng: np.random.Generator) -> np.ndarray:
    """Return an orthogonal matrix drawn uniformly (Mezzadri 2007, Notices of the AMS 54, 592–604)."""
    q, r = np.linalg.qr(rng.standard_normal((neurons, neurons)))
    return q * np.sign(np.diag(r))
