"""Exact correlations of chosen pairs of neurons, in float64, part by part of the positions.

Products are summed about the mean of all positions and kept for each of J parts, so that any subset of the parts is a
measurement again (the jackknife, the halves), as in `exact`. The same reading also serves the audit: some neurons of A
are multiplied with all of B.

Cost: one reading of the columns that take part, and a multiplication a pair and position. Numba does it on the CPU,
torch on other devices (`device_kernels`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ...activations.source import ActivationSource
from ..machine import distributed
from ..machine.checkpoint import Checkpoint
from ..machine.reading import Block, aligned_blocks
from ..moments import Moments, wide
from ..partners import Partners
from . import pair_kernels as kernels
from .device_kernels import PairSums

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
        return Products(
            unit_a=self.unit_a[mask],
            unit_b=self.unit_b[mask],
            cross=self.cross[:, mask],
            sums=self.sums,
            counts=self.counts,
        )

    def joined(self, other: Products) -> Products:
        """Put these products and those of other pairs together."""
        unit_a, unit_b = (np.concatenate(both) for both in ((self.unit_a, other.unit_a), (self.unit_b, other.unit_b)))
        sums = [np.where(one[:, 1:].any(0), one, two) for one, two in zip(self.sums, other.sums, strict=True)]
        cross = np.concatenate([self.cross, other.cross], axis=1)
        return Products(unit_a=unit_a, unit_b=unit_b, cross=cross, sums=(sums[0], sums[1]), counts=self.counts)

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
    device: str = "cpu",
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
    device : str
        Where it is done.

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
        stored = checkpoint.load(f"{name}-pairs{j}")
        if stored is None:
            own.append(j)
            continue
        cross[j] = torch.from_numpy(stored["cross"])
        for total, side in zip(sums, "ab", strict=True):
            total[j] = torch.from_numpy(stored[side])
        crossed[distributed.rank()] += torch.from_numpy(stored["watched"])
        advance(sum(stop - start for start, stop in parts[j]))
    units = np.union1d(pair[0], watched), np.arange(neurons[1]) if len(watched) else np.unique(pair[1])
    places = np.searchsorted(units[0], pair[0]), np.searchsorted(units[1], pair[1])
    means = tuple(moment.mean.numpy()[unit].astype(np.float32) for moment, unit in zip(moments, units, strict=True))
    room = (_Sums if device == "cpu" else PairSums)(
        units, (means[0], means[1]), places, np.searchsorted(units[0], watched), device
    )
    everything = slice(0, neurons[0]), slice(0, neurons[1])
    stream = aligned_blocks((a, b), [block for j in own for block in parts[j]], everything, device)
    for j in own:
        room.restart()
        for _ in parts[j]:
            x, y = next(stream)
            room.add(x, y)
            advance(len(x))
        products, *totals, seen = room.totals()
        cross[j] = torch.from_numpy(products)
        for total, unit, result in zip(sums, units, totals, strict=True):
            total[j][:, torch.from_numpy(unit)] = torch.from_numpy(result)
        crosses = torch.zeros(len(watched), neurons[1], dtype=torch.float64)
        if len(watched):
            crosses += torch.from_numpy(seen)
        crossed[distributed.rank()] += crosses
        arrays = {"cross": cross[j], "a": sums[0][j], "b": sums[1][j], "watched": crosses}
        checkpoint.save(f"{name}-pairs{j}", {key: value.numpy() for key, value in arrays.items()})
    for j in range(len(parts)):
        for tensor in (cross[j], sums[0][j], sums[1][j]):
            distributed.send(tensor, j % distributed.size())
    for owner, tensor in enumerate(crossed):
        distributed.send(tensor, owner)
    counts = np.array([sum(stop - start for start, stop in blocks) for blocks in parts])
    result = Products(
        unit_a=pair[0], unit_b=pair[1], cross=cross.numpy(), sums=(sums[0].numpy(), sums[1].numpy()), counts=counts
    )
    return result, sum(crossed).numpy()  # pyright: ignore[reportAttributeAccessIssue]


class _Sums:
    """Products of chosen pairs on the CPU; see `PairSums`, which does it elsewhere."""

    def __init__(
        self,
        units: tuple[np.ndarray, np.ndarray],
        shifts: tuple[np.ndarray, np.ndarray],
        places: tuple[np.ndarray, np.ndarray],
        watched: np.ndarray,
        device: str,
    ):
        self._units, self._watched = units, watched
        self._about = *shifts, *units, *places, kernels.workspace(len(units[0])), kernels.workspace(len(units[1]))

    def restart(self) -> None:
        pairs = len(self._about[4])
        self._products = np.zeros((STRIPS, pairs))
        self._totals = [np.zeros((STRIPS, 2, len(unit))) for unit in self._units]
        self._seen = kernels.watchroom(STRIPS, len(self._units[1]), len(self._watched))

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        for start in range(0, len(x), ROWS):
            strips = wide(x[start : start + ROWS]), wide(y[start : start + ROWS])
            sums = self._products, self._totals[0], self._totals[1]
            kernels.add_products(*strips, *self._about, *sums, self._watched, self._seen)

    def totals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        seen = self._seen.sum(0, dtype=np.float64).T[: len(self._watched), : len(self._units[1])]
        return self._products.sum(0), self._totals[0].sum(0), self._totals[1].sum(0), seen
