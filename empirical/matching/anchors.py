"""Neurons that are matched in every comparison: the paper's rule for three and more families (section 3.3).

One model, the anchor, is compared with each of the others. Its anchor neurons are those with a partner in all of them;
each comes with its partners and its weakest correlation. By chance alone, comparisons with count c_i among N neurons
share about N Π c_i/N of them; that expectation stands beside the count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from .matches import Matches


@dataclass(frozen=True)
class Anchors:
    """Neurons of the anchor model that every comparison matches.

    Attributes
    ----------
    unit : ndarray of int, shape (anchors,)
        Neurons of the anchor model, sorted.
    partner : ndarray of int, shape (anchors, comparisons)
        Their partners (the best correlated one where k > 1).
    correlation : ndarray, shape (anchors, comparisons)
        Correlations with them.
    expected_by_chance : float
        Anchors that independent comparisons of the same counts would have.
    """

    unit: np.ndarray
    partner: np.ndarray
    correlation: np.ndarray
    expected_by_chance: float

    @property
    def count(self) -> int:
        """Number of anchors."""
        return len(self.unit)


def anchors(comparisons: Sequence[Matches], thresholds: Sequence[float] | None = None) -> Anchors:
    """Intersect, inside the shared model A, the neurons matched in every comparison.

    Parameters
    ----------
    comparisons : sequence of Matches
        Matchings with the same model as A.
    thresholds : sequence of float, optional
        Smallest |ρ| that counts in each comparison, its calibrated threshold for example; none by default.

    Raises
    ------
    InputError
        If there are fewer than two comparisons, thresholds of another number, or different models A.
    """
    example = "anchors([match(a, b), match(a, c)])"
    if len(comparisons) < 2:
        raise InputError("comparisons", len(comparisons), "needs at least two matchings of one model", example)
    first = comparisons[0].a
    for other in comparisons[1:]:
        if other.a.name != first.name or not np.array_equal(other.a.layer, first.layer):
            raise InputError("comparisons", [first.name, other.a.name], "must share model A", example)
    bars = [0.0] * len(comparisons) if thresholds is None else list(thresholds)
    if len(bars) != len(comparisons):
        raise InputError(
            "thresholds", len(bars), f"must be one for each of the {len(comparisons)} comparisons", example
        )
    best = []
    for matches, bar in zip(comparisons, bars, strict=True):
        strong = np.abs(matches.correlation) >= bar
        order = np.argsort(-np.abs(matches.correlation[strong]), kind="stable")
        units, place = np.unique(matches.unit_a[strong][order], return_index=True)
        best.append((units, matches.unit_b[strong][order][place], matches.correlation[strong][order][place]))
    shared = best[0][0]
    for units, _, _ in best[1:]:
        shared = np.intersect1d(shared, units)
    rows = [np.searchsorted(units, shared) for units, _, _ in best]
    neurons = len(first.layer)
    return Anchors(
        unit=shared,
        partner=np.stack([one[1][row] for one, row in zip(best, rows, strict=True)], axis=1),
        correlation=np.stack([one[2][row] for one, row in zip(best, rows, strict=True)], axis=1),
        expected_by_chance=float(neurons * np.prod([len(units) / neurons for units, _, _ in best])),
    )
