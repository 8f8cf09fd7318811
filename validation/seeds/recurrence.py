"""Recurrence of Rosetta Neurons in a ladder with seeds: with another seed of the partner, and around four networks.

At every size, pairs are those at or above one correlation, that of the headline exponent.

- *Anchored*: neurons that are Rosetta Neurons against two or more seeds of the other family (`anchored`), the mean over
  the networks of both families.
- *Squares*: with seeds 1 and 2 of either family, a pair a₁–b₁ goes on if b₁ has a partner a₂ and a₁ a partner b₂; it
  closes if a₂–b₂ is a pair. Partners drawn at random close ``R₂₂/(|A| |B|)`` of them, where A and B are the neurons of
  a₂'s and b₂'s networks that have partners among the first two, and R₂₂ the pairs between A and B.

The exponent of the anchored count is least squares over the sizes, its interval Student's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contents import ByContent
from .anchored import anchored_count

if TYPE_CHECKING:
    import xarray as xr

Pairs = dict[tuple[int, int], np.ndarray]  # seeds of A and B: pairs of neurons, shape (pairs, 2)


@dataclass(frozen=True, eq=False)
class Recurrence(ByContent):
    """Recurrence at each size of a ladder; arrays of shape (sizes,).

    Attributes
    ----------
    neurons : ndarray
        N.
    pairs : ndarray
        Mean number of pairs of two networks, at or above `rho`.
    anchored, by_chance : ndarray
        Mean number of neurons of a network that are in pairs with two or more seeds of the partner, and the number that
        independent matchings give.
    squares, closed, closed_by_chance : ndarray
        Pairs that go on around four networks, those that close, and the number that chance closes.
    rho : float
        Correlation at which pairs are counted.
    """

    neurons: np.ndarray
    pairs: np.ndarray
    anchored: np.ndarray
    by_chance: np.ndarray
    squares: np.ndarray
    closed: np.ndarray
    closed_by_chance: np.ndarray
    rho: float

    def sentence(self) -> str:
        """Return the recurrence in words."""
        share = 100 * self.anchored / np.maximum(self.pairs, 1)
        said = (
            f"Of a network's Rosetta Neurons (ρ ≥ {self.rho:.2f}), {share.min():.0f}% to {share.max():.0f}% are "
            f"Rosetta Neurons against two or more seeds of the partner: {self.anchored.sum():.0f} neurons at all sizes "
            f"together, where chance would make {self.by_chance.sum():.0f}"
        )
        if self.squares.sum():
            said += (
                f". Of {self.squares.sum():.0f} chains of pairs around four networks, {self.closed.sum():.0f} close, "
                f"where chance would close {self.closed_by_chance.sum():.1f}"
            )
        return f"{said}."

    def record(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        names = ("neurons", "pairs", "anchored", "by_chance", "squares", "closed", "closed_by_chance")
        return {name: getattr(self, name).tolist() for name in names} | {"rho": self.rho, "sentence": self.sentence()}


def recurrence(ladder: xr.Dataset, rho: float) -> Recurrence | None:
    """Return the recurrence of a measured ladder at one correlation; None without two seeds of either family."""
    if "seed_a" not in ladder or "unit_a" not in ladder or not np.isfinite(rho):
        return None
    both = np.stack([ladder["unit_a"].values, ladder["unit_b"].values], axis=1)
    strong, owner = ladder["correlation"].values >= rho, ladder["pair_rung"].values
    rows = [
        _size(size, {seeds: both[(owner == i) & strong] for seeds, i in rungs.items()})
        for size, rungs in crossed_rungs(ladder)
    ]
    if not rows:
        return None
    return Recurrence(*(np.array(column, dtype=float) for column in zip(*rows, strict=True)), rho=float(rho))


def crossed_rungs(ladder: xr.Dataset) -> Iterator[tuple[float, dict[tuple[int, int], int]]]:
    """Yield each size at which several seeds of both families are crossed, with the rung of each pair of seeds."""
    neurons = ladder["neurons"].values
    for size in np.unique(neurons):
        rungs = np.flatnonzero(neurons == size)
        seeds = {(int(ladder["seed_a"].values[i]), int(ladder["seed_b"].values[i])): int(i) for i in rungs}
        a, b = ({key[side] for key in seeds} for side in (0, 1))
        if len(a) > 1 and len(b) > 1 and len(seeds) == len(a) * len(b):
            yield float(size), seeds


def _size(size: float, pairs: Pairs) -> tuple[float, ...]:
    seeds = [sorted({key[side] for key in pairs}) for side in (0, 1)]
    counts = [
        anchored_count(
            [pairs[(one, other) if side == 0 else (other, one)][:, side] for other in seeds[1 - side]], int(size)
        )
        for side in (0, 1)
        for one in seeds[side]
    ]
    squares = np.sum(
        [
            _squares(pairs[a, b], pairs[c, b], pairs[a, d], pairs[c, d])
            for a, c in itertools.combinations(seeds[0], 2)
            for b, d in itertools.combinations(seeds[1], 2)
        ],
        axis=0,
    )
    return (
        size,
        float(np.mean([len(one) for one in pairs.values()])),
        float(np.mean([one.count for one in counts])),
        float(np.mean([one.expected for one in counts])),
        *map(float, squares),
    )


def _squares(first: np.ndarray, over_b: np.ndarray, over_a: np.ndarray, last: np.ndarray) -> tuple[float, float, float]:
    """Return the pairs of `first` that go on, those that close, and the number that chance closes."""
    of_b, of_a = {b: a for a, b in over_b.tolist()}, dict(over_a.tolist())
    ends = {tuple(pair) for pair in last.tolist()}
    met = [(of_b[b], of_a[a]) for a, b in first.tolist() if b in of_b and a in of_a]
    a_met, b_met = set(of_b.values()), set(of_a.values())
    possible = sum(a in a_met and b in b_met for a, b in ends)
    chance = possible / (len(a_met) * len(b_met)) if a_met and b_met else 0.0
    return len(met), sum(pair in ends for pair in met), len(met) * chance
