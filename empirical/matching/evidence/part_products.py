"""Products of chosen pairs of neurons, part by part of the positions: any weighting of the parts is a matching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..machine.small import kernels
from ..partners import Partners


@dataclass(frozen=True)
class PartProducts:
    """Products of chosen pairs, part by part.

    Attributes
    ----------
    unit_a, unit_b : ndarray of int, shape (pairs,)
        The pairs, sorted.
    cross : ndarray, shape (J, pairs)
        Σ of products about the means of all positions.
    sums : ndarray, shape (J, 2, neurons) for each side
        Σ and Σ of squares about the mean of all positions; zero for neurons in no pair.
    counts : ndarray, shape (J,)
        Positions of each part.
    """

    unit_a: np.ndarray
    unit_b: np.ndarray
    cross: np.ndarray
    sums: tuple[np.ndarray, np.ndarray]
    counts: np.ndarray

    @property
    def neurons(self) -> tuple[int, int]:
        """Number of A's and of B's neurons."""
        return self.sums[0].shape[2], self.sums[1].shape[2]

    def correlations(self, weights: np.ndarray | None = None, out: np.ndarray | None = None) -> np.ndarray:
        """Return the pairs' correlations, NaN where a neuron is constant.

        Parameters
        ----------
        weights : ndarray, shape (J,) or (several, J), optional
            How often each part counts; a boolean mask leaves parts out. All parts once by default.
        out : float64 ndarray, shape (several, pairs), optional
            Room for the result.

        Returns
        -------
        ndarray, shape (pairs,) or (several, pairs)
        """
        weights = np.ones(len(self.counts)) if weights is None else np.asarray(weights, dtype=float)
        several = np.atleast_2d(weights)
        n = (several @ self.counts)[:, None]
        (sum_a, square_a), (sum_b, square_b) = [
            [np.tensordot(several, side[:, moment], 1) for moment in (0, 1)] for side in self.sums
        ]
        cross = np.tensordot(several.astype(self.cross.dtype), self.cross, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale_a, scale_b, mean_b = np.sqrt(square_a - sum_a**2 / n), np.sqrt(square_b - sum_b**2 / n), sum_b / n
        rho = np.empty(cross.shape) if out is None else out
        kernels().weighted_correlations(cross, self.unit_a, self.unit_b, sum_a, mean_b, scale_a, scale_b, rho)
        return rho if weights.ndim == 2 else rho[0]

    def some(self, mask: np.ndarray) -> PartProducts:
        """Return the products of the pairs of a boolean mask."""
        return PartProducts(
            unit_a=self.unit_a[mask],
            unit_b=self.unit_b[mask],
            cross=self.cross[:, mask],
            sums=self.sums,
            counts=self.counts,
        )

    def joined(self, other: PartProducts) -> PartProducts:
        """Put these products and those of other pairs together."""
        unit_a, unit_b = (np.concatenate(both) for both in ((self.unit_a, other.unit_a), (self.unit_b, other.unit_b)))
        sums = [np.where(one[:, 1:].any(0), one, two) for one, two in zip(self.sums, other.sums, strict=True)]
        cross = np.concatenate([self.cross, other.cross], axis=1)
        return PartProducts(unit_a=unit_a, unit_b=unit_b, cross=cross, sums=(sums[0], sums[1]), counts=self.counts)

    @cached_property
    def _groups(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each side: the pairs in the order of its units and their partners, each unit's first, and whose it is."""
        groups = []
        for unit, partner in ((self.unit_a, self.unit_b), (self.unit_b, self.unit_a)):
            order = np.lexsort((partner, unit))
            begins = np.diff(unit[order], prepend=-1) > 0
            groups.append((order, np.flatnonzero(begins), np.cumsum(begins) - 1))
        return groups

    def partners(self, keep: int, absolute: bool, weights: np.ndarray | None = None) -> tuple[Partners, Partners]:
        """Return the best partners of both sides among the pairs, over all parts or a weighting of them."""
        return self.ranked(self.correlations(weights), keep, absolute)

    def ranked(self, rho: np.ndarray, keep: int, absolute: bool) -> tuple[Partners, Partners]:
        """Return the best partners of both sides among the pairs, by correlations of shape (pairs,)."""
        key = np.nan_to_num(np.abs(rho) if absolute else rho, nan=-np.inf)
        sides = []
        for neurons, unit, partner, (order, starts, group) in zip(
            self.neurons, (self.unit_a, self.unit_b), (self.unit_b, self.unit_a), self._groups, strict=True
        ):
            side = Partners(neurons, keep)
            left = key[order]
            for rank in range(keep if len(order) else 0):
                best = np.maximum.reduceat(left, starts)
                hits = np.flatnonzero(left == best[group])
                first = hits[np.searchsorted(hits, starts)][best > -np.inf]  # of equal ones the lower partner
                chosen = order[first]
                side.key[unit[chosen], rank] = left[first]
                side.rho[unit[chosen], rank] = rho[chosen]
                side.index[unit[chosen], rank] = partner[chosen]
                left[first] = -np.inf
            sides.append(side)
        return sides[0], sides[1]


@dataclass(frozen=True)
class PartMoments:
    """Means and centred sums of squares of one side's neurons in each part, shapes (J, neurons)."""

    mean: np.ndarray
    square: np.ndarray

    @classmethod
    def empty(cls, parts: int, neurons: int) -> PartMoments:
        """Return zeros, to be written to."""
        return cls(np.zeros((parts, neurons)), np.zeros((parts, neurons)))

    def about(self, centre: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return Σ and Σ of squares about one centre, shape (J, 2, neurons)."""
        step = self.mean - centre
        return np.stack([counts[:, None] * step, self.square + counts[:, None] * step**2], axis=1)


def of_partners(
    partners: tuple[Partners, Partners], moments: tuple[PartMoments, PartMoments], counts: Sequence[int]
) -> PartProducts:
    """Return the products of all pairs in two lists of best partners that have their parts (`Partners.parts`)."""
    n = np.asarray(counts)
    units, products = [], []
    for turn, side in enumerate(partners):
        unit, place = np.nonzero(side.index >= 0)
        pair = unit, side.index[unit, place]
        units.append(pair if turn == 0 else pair[::-1])
        products.append(side.parts[unit, place])
    number = np.concatenate([a * len(partners[1].key) + b for a, b in units])
    number, first = np.unique(number, return_index=True)
    unit_a, unit_b = number // len(partners[1].key), number % len(partners[1].key)
    cross = np.ascontiguousarray(np.concatenate(products)[first].T)
    centres = [np.average(side.mean, axis=0, weights=n) for side in moments]
    steps = [side.mean - centre for side, centre in zip(moments, centres, strict=True)]
    for j in range(len(n)):
        cross[j] += (n[j] * steps[0][j, unit_a] * steps[1][j, unit_b]).astype(np.float32)
    sums = [side.about(centre, n) for side, centre in zip(moments, centres, strict=True)]
    return PartProducts(unit_a=unit_a, unit_b=unit_b, cross=cross, sums=(sums[0], sums[1]), counts=n)
