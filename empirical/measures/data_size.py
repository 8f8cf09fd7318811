"""Count and set of pairs as the matching data grow (appendix G): nested subsets of the positions.

The subsets are the first positions of the text, which are whole documents of every domain (`language.drawing`), in
sizes that fall by √10. Each is matched and calibrated by itself, against its own nulls. With too few positions,
null pairs inflate the raw count; the overlap (Jaccard) with the pairs at the previous size says how much of
the set is stable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from ...errors import require
from ..activations.source import RandomAccess
from ..activations.views import View
from ..matching.partners import overlap

RATIO = 10**0.5
FEWEST = 64


class FirstPositions(View):
    """The first positions of a source that can be read at random."""

    def __init__(self, source: RandomAccess, positions: int):
        rule = f"must be between 1 and the {source.positions} of {source.name}"
        require(1 <= positions <= source.positions, "positions", positions, rule)
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, positions
        self._source = source

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the activations of some of the first positions."""
        if isinstance(index, slice):
            index = slice(*index.indices(self.positions))
        return self._source.rows(index, columns)

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the labels of the first positions."""
        return {name: values[: self.positions] for name, values in super().labels().items()}


def sizes(positions: int, number: int) -> list[int]:
    """Return at most `number` sizes, the largest all positions, each √10 times the one before; none below 64."""
    wanted = [round(positions / RATIO**i) for i in range(max(number, 1))]
    return [size for size in reversed(wanted) if size >= FEWEST or size == positions]


def overlaps(sets: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[float]:
    """Yield the Jaccard overlap of each set of pairs (units of A, units of B) with the one before; NaN at first."""
    yield float("nan")
    for before, after in pairwise(sets):
        yield overlap(before, after)
