"""Small sketches of shifted sources, made so that two of them serve three draws of the null `shift`.

A sketch of A whose positions are shifted by −m, and one of B shifted by l, have the same buckets and signs for the same
place. So their product estimates correlations at the lag l + m, as that of A itself and B shifted by l + m does. Each
side's sketch at no shift is there from the matching; the first draw needs one of B at its lag l, the second one of A at
minus its lag m, and a draw at the lag l + m, as `nulls.shift.lag` chooses every third one, reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ...activations.source import ActivationSource
from .sketch import Sketch

Pair = tuple[Sketch, Sketch]


class ShiftedSketches:
    """Small sketches of both sides: of the activations as they are, and of those at the last shift of each.

    Parameters
    ----------
    a, b : Sketch
        Of both sides as they are (`Sketch.coarsened`).
    source : ActivationSource
        B as it is.
    """

    def __init__(self, a: Sketch, b: Sketch, source: ActivationSource):
        self.source, self._positions = source, source.positions
        self._sides: tuple[dict[int, Sketch], dict[int, Sketch]] = {0: a}, {0: b}
        self._next = 1  # the side that a sketch is made of

    def pair(self, lag: int, make: Callable[[int, int], Sketch]) -> Pair:
        """Return sketches of A and B that estimate correlations of A with B shifted by `lag`.

        Parameters
        ----------
        lag : int
            Position of B that meets the first one of A.
        make : callable
            Returns the sketch of a side, 0 or 1, whose positions begin at the given one.
        """
        known = self._known(lag)
        if known is None:
            side, begin = self._next, lag if self._next else self._positions - lag
            for old in [shift for shift in self._sides[side] if shift]:
                del self._sides[side][old]  # before there is a new one: both would take memory
            self._sides[side][begin] = make(side, begin)
            self._next = 1 - side
            known = self._known(lag)
        assert known is not None
        return known

    def _known(self, lag: int) -> Pair | None:
        for begin_a, of_a in self._sides[0].items():
            for begin_b, of_b in self._sides[1].items():
                if (begin_b - begin_a - lag) % self._positions == 0:
                    return of_a, of_b
        return None
