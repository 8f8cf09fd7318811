"""Exact correlations of chosen pairs of neurons, in float64, part by part of the positions.

Products are summed about the mean of all positions and kept for each of J parts, so that any subset of the parts is a
measurement again (the jackknife, the halves), as in `exact`. The same reading also serves the audit: some neurons of A
are multiplied with all of B.

Cost: one reading of the columns that take part, and a multiplication a pair and position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ..sources import ActivationSource
from . import distributed
from . import pair_kernels as kernels
from .checkpoint import Checkpoint
from .moments import Moments, wide
from .partners import Partners
from .reading import Block, aligned_blocks

STRIPS = 8  # of `SHORT` positions that are worked on side by side
ROWS = STRIPS * kernels.SHORT


@dataclass(frozen=True)
class Products:
    """Exact products of chosen pairs, part by part.

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

    def correlations(self, mask: np.ndarray | None = None) -> np.ndarray:
        """Return the pairs' correlations over the parts of a boolean mask, or all; NaN where a neuron is constant."""
        mask = np.full(len(self.counts), True) if mask is None else mask
        n = self.counts[mask].sum()
        (sum_a, square_a), (sum_b, square_b) = (side[mask].sum(0) for side in self.sums)
        cross = self.cross[mask].sum(0) - sum_a[self.unit_a] * sum_b[self.unit_b] / n
        spread_a, spread_b = square_a - sum_a**2 / n, square_b - sum_b**2 / n
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = cross / np.sqrt(spread_a[self.unit_a]) / np.sqrt(spread_b[self.unit_b])
        return np.where(np.isfinite(rho), np.clip(rho, -1, 1), np.nan)

    def some(self, mask: np.ndarray) -> Products:
        """Return the products of the pairs of a boolean mask."""
        return Products(self.unit_a[mask], self.unit_b[mask], self.cross[:, mask], self.sums, self.counts)

    def joined(self, other: Products) -> Products:
        """Put these products and those of other pairs together."""
        unit_a, unit_b = (np.concatenate(both) for both in ((self.unit_a, other.unit_a), (self.unit_b, other.unit_b)))
        sums = [np.where(one[:, 1:].any(0), one, two) for one, two in zip(self.sums, other.sums, strict=True)]
        cross = np.concatenate([self.cross, other.cross], axis=1)
        return Products(unit_a, unit_b, cross, (sums[0], sums[1]), self.counts)

    @cached_property
    def _groups(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For each side: the pairs in the order of its units and their partners, each unit's first, and whose it is."""
        groups = []
        for unit, partner in ((self.unit_a, self.unit_b), (self.unit_b, self.unit_a)):
            order = np.lexsort((partner, unit))
            begins = np.diff(unit[order], prepend=-1) > 0
            groups.append((order, np.flatnonzero(begins), np.cumsum(begins) - 1))
        return groups

    def partners(self, keep: int, absolute: bool, mask: np.ndarray | None = None) -> tuple[Partners, Partners]:
        """Return the best partners of both sides among the pairs, over the parts of a boolean mask."""
        rho = self.correlations(mask)
        key = np.nan_to_num(np.abs(rho) if absolute else rho, nan=-np.inf)
        sides = []
        for total, unit, partner, (order, starts, group) in zip(
            self.sums, (self.unit_a, self.unit_b), (self.unit_b, self.unit_a), self._groups, strict=True
        ):
            side = Partners(total.shape[2], keep)
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


def exact_products(
    a: ActivationSource,
    b: ActivationSource,
    pairs: tuple[np.ndarray, np.ndarray],
    moments: tuple[Moments, Moments],
    parts: Sequence[Sequence[Block]],
    checkpoint: Checkpoint,
    name: str,
    advance: Callable[[float], None],
    watched: np.ndarray | None = None,
) -> tuple[Products, np.ndarray]:
    """Correlate pairs over all positions; with several processes each reads its own parts.

    Parameters
    ----------
    pairs : pair of int arrays
        Units of A and of B.
    moments : pair of Moments
        Their means are taken off before anything is multiplied.
    watched : int array, optional
        Units of A that are multiplied with all of B, in float32 within a part.

    Returns
    -------
    products : Products
    crossed : ndarray, shape (watched, neurons of B)
        Σ (x − x̄) (y − ȳ) of the watched units.
    """
    neurons = len(a.layer), len(b.layer)
    watched = np.empty(0, dtype=np.int64) if watched is None else watched
    order = np.lexsort((pairs[1], pairs[0]))
    pair = pairs[0][order], pairs[1][order]
    cross = torch.zeros(len(parts), len(order), dtype=torch.float64)
    sums = [torch.zeros(len(parts), 2, n, dtype=torch.float64) for n in neurons]
    crossed = [torch.zeros(len(watched), neurons[1], dtype=torch.float64) for _ in range(distributed.size())]
    own = []
    for j in range(distributed.rank(), len(parts), distributed.size()):
        held = checkpoint.load(f"{name}-pairs{j}")
        if held is None:
            own.append(j)
            continue
        cross[j] = torch.from_numpy(held["cross"])
        for total, side in zip(sums, "ab", strict=True):
            total[j] = torch.from_numpy(held[side])
        crossed[distributed.rank()] += torch.from_numpy(held["watched"])
        advance(sum(stop - start for start, stop in parts[j]))
    units = np.union1d(pair[0], watched), np.arange(neurons[1]) if len(watched) else np.unique(pair[1])
    places = tuple(np.searchsorted(unit, side) for unit, side in zip(units, pair, strict=True))
    means = [moment.mean.numpy()[unit].astype(np.float32) for moment, unit in zip(moments, units, strict=True)]
    rooms = kernels.workspace(len(units[0])), kernels.workspace(len(units[1]))
    drawn = np.searchsorted(units[0], watched)
    stream = aligned_blocks(
        a, b, [block for j in own for block in parts[j]], (slice(0, neurons[0]), slice(0, neurons[1]))
    )
    for j in own:
        products = np.zeros((STRIPS, len(order)))
        totals = [np.zeros((STRIPS, 2, len(unit))) for unit in units]
        seen = kernels.watchroom(STRIPS, len(units[1]), len(watched))
        for _ in parts[j]:
            whole = next(stream)
            for start in range(0, len(whole[0]), ROWS):
                x, y = (wide(side[start : start + ROWS]) for side in whole)
                about = means[0], means[1], units[0], units[1], places[0], places[1]
                kernels.add_products(x, y, *about, *rooms, products, totals[0], totals[1], drawn, seen)
            advance(len(whole[0]))
        cross[j] = torch.from_numpy(products.sum(0))
        for total, unit, found in zip(sums, units, totals, strict=True):
            total[j][:, torch.from_numpy(unit)] = torch.from_numpy(found.sum(0))
        crosses = torch.zeros(len(watched), neurons[1], dtype=torch.float64)
        if len(watched):
            crosses += torch.from_numpy(seen.sum(0, dtype=np.float64).T[: len(watched), : neurons[1]])
        crossed[distributed.rank()] += crosses
        kept = {"cross": cross[j], "a": sums[0][j], "b": sums[1][j], "watched": crosses}
        checkpoint.save(f"{name}-pairs{j}", {key: value.numpy() for key, value in kept.items()})
    for j in range(len(parts)):
        for tensor in (cross[j], sums[0][j], sums[1][j]):
            distributed.send(tensor, j % distributed.size())
    for owner, tensor in enumerate(crossed):
        distributed.send(tensor, owner)
    counts = np.array([sum(stop - start for start, stop in blocks) for blocks in parts])
    found = Products(pair[0], pair[1], cross.numpy(), (sums[0].numpy(), sums[1].numpy()), counts)
    return found, sum(crossed).numpy()  # pyright: ignore[reportAttributeAccessIssue]
