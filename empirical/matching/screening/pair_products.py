"""Exact correlations of chosen pairs of neurons, in float64, part by part of the positions.

Products are summed about the mean of all positions and kept for each of J parts, so that any weighting of the parts
is a measurement again (`replicates`), as in `exact`. The same reading also serves the audit: some neurons of A
are multiplied with all of B.

Cost: one reading of the columns that take part, and a multiplication a pair and position. Numba does it on the CPU,
torch on other devices (`device_kernels`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...activations.source import ActivationSource
from ..evidence.part_products import PartProducts
from ..machine import distributed
from ..machine.checkpoint import Checkpoint
from ..machine.loops import LANES
from ..machine.reading import Block, aligned_blocks
from ..moments import Moments, wide
from . import pair_kernels as kernels
from .device_kernels import PairSums

STRIPS = 8  # of `SHORT` positions that are worked on side by side
ROWS = STRIPS * kernels.SHORT
TOGETHER = 1024  # columns of B whose products with all of A's are formed before the next
SPARSE = 4  # columns for each unit that takes part, from which on units are copied next to each other


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
) -> tuple[PartProducts, np.ndarray]:
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
    products : PartProducts
    crossed : ndarray, shape (watched, neurons of B)
        Σ (x − x̄) (y − ȳ) of the watched units.
    """
    neurons = len(a.layer), len(b.layer)
    watched = np.empty(0, dtype=np.int64) if watched is None else watched
    order = np.lexsort((pairs[1], pairs[0]))
    pair = pairs[0][order], pairs[1][order]
    cross = np.zeros((len(parts), len(order)))
    sums = [np.zeros((len(parts), 2, n)) for n in neurons]
    crossed = [np.zeros((len(watched), neurons[1])) for _ in range(distributed.size())]
    own = []
    for j in range(distributed.rank(), len(parts), distributed.size()):
        stored = checkpoint.load(f"{name}-pairs{j}")
        if stored is None:
            own.append(j)
            continue
        cross[j] = stored["cross"]
        for total, side in zip(sums, "ab", strict=True):
            total[j] = stored[side]
        crossed[distributed.rank()] += stored["watched"]
        advance(sum(stop - start for start, stop in parts[j]))
    units = np.union1d(pair[0], watched), np.arange(neurons[1]) if len(watched) else np.unique(pair[1])
    places = np.searchsorted(units[0], pair[0]), np.searchsorted(units[1], pair[1])
    means = tuple(moment.mean[unit].astype(np.float32) for moment, unit in zip(moments, units, strict=True))
    about = units, (means[0], means[1]), places, np.searchsorted(units[0], watched)
    room = _Sums(*about, neurons) if device == "cpu" else PairSums(*about, device)
    everything = slice(0, neurons[0]), slice(0, neurons[1])
    stream = aligned_blocks((a, b), [block for j in own for block in parts[j]], everything, device)
    for j in own:
        room.restart()
        for _ in parts[j]:
            x, y = next(stream)
            room.add(x, y)
            advance(len(x))
        products, *totals, seen = room.totals()
        cross[j] = products
        for total, unit, result in zip(sums, units, totals, strict=True):
            total[j][:, unit] = result
        crosses = np.zeros((len(watched), neurons[1]))
        if len(watched):
            crosses += seen
        crossed[distributed.rank()] += crosses
        arrays = {"cross": cross[j], "a": sums[0][j], "b": sums[1][j], "watched": crosses}
        checkpoint.save(f"{name}-pairs{j}", arrays)
    for j in range(len(parts)):
        for array in (cross[j], sums[0][j], sums[1][j]):
            distributed.send(array, j % distributed.size())
    for owner, array in enumerate(crossed):
        distributed.send(array, owner)
    counts = np.array([sum(stop - start for start, stop in blocks) for blocks in parts])
    result = PartProducts(unit_a=pair[0], unit_b=pair[1], cross=cross, sums=(sums[0], sums[1]), counts=counts)
    return result, np.sum(crossed, axis=0)


class _Sums:
    """Products of chosen pairs on the CPU; see `PairSums`, which does it elsewhere."""

    def __init__(
        self,
        units: tuple[np.ndarray, np.ndarray],
        shifts: tuple[np.ndarray, np.ndarray],
        places: tuple[np.ndarray, np.ndarray],
        watched: np.ndarray,
        neurons: tuple[int, int],
    ):
        chosen = units[0], np.unique(units[1][places[1]])  # all of B meets the watched units, these the others
        self._sides = [_Side(*side) for side in zip(units, chosen, shifts, neurons, strict=True)]
        place_a, place_b = places[0], np.searchsorted(chosen[1], units[1][places[1]])
        # Some of B's units at a time, so that their strip stays in the processor's cache.
        self._order = np.lexsort((place_a, place_b // TOGETHER))
        self._places = place_a[self._order], place_b[self._order]
        self._rooms = [kernels.workspace(len(some)) for some in chosen]
        self._watched, self._beside = watched, kernels.besides(len(watched))

    def restart(self) -> None:
        self._products = np.zeros((STRIPS, len(self._places[0])))
        self._totals = [np.zeros((STRIPS, 2, len(side.columns))) for side in self._sides]
        self._seen = kernels.watchroom(STRIPS, len(self._sides[1].columns), len(self._watched))

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        for start in range(0, len(x), ROWS):
            each = zip(self._sides, (x, y), strict=True)
            one, other = (side.taken(wide(rows[start : start + ROWS])) for side, rows in each)
            sums = self._products, self._totals[0], self._totals[1]
            about = *one, *other, *self._places, self._rooms[0], self._rooms[1]
            kernels.add_products(*about, *sums, self._watched, self._beside, self._seen)

    def totals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        watched = self._seen.sum(0, dtype=np.float64).T[: len(self._watched), self._sides[1].firsts]
        products = np.empty(len(self._order))
        products[self._order] = self._products.sum(0)
        one, other = (sums.sum(0)[:, side.firsts] for side, sums in zip(self._sides, self._totals, strict=True))
        return products, one, other, watched


class _Side:
    """The columns of one side that are turned, in blocks of `LANES`.

    Where many units take part, blocks are neighbours in the array, which are turned in place, with columns between that
    do not take part. Few units are copied next to each other first.

    Parameters
    ----------
    units, chosen : int arrays, sorted
        Units that take part, and those of them that are in pairs.
    shift : ndarray, shape (units,)
        What is taken off them.
    neurons : int
        Columns of the array.

    Attributes
    ----------
    columns : int array, shape (a multiple of `LANES`,)
        Neuron of each column.
    firsts : int array, shape (units,)
        First column of each unit.
    """

    def __init__(self, units: np.ndarray, chosen: np.ndarray, shift: np.ndarray, neurons: int):
        blocks = np.unique(units // LANES)
        self._in_place = neurons >= LANES and len(units) * SPARSE >= len(blocks) * LANES
        self._begins = np.minimum(blocks * LANES, neurons - LANES)  # the last one ends with the array
        if self._in_place:
            self.columns = (self._begins[:, None] + np.arange(LANES)).ravel()
        else:
            self.columns = np.concatenate([units, np.repeat(units[-1:], -len(units) % LANES)])
        columns, firsts = np.unique(self.columns, return_index=True)
        self.firsts = firsts[np.searchsorted(columns, units)]
        self._places = np.full(len(self.columns), -1)
        self._places[self.firsts[np.searchsorted(units, chosen)]] = np.arange(len(chosen))
        self._shift = np.zeros(len(self.columns), dtype=np.float32)
        self._shift[self.firsts] = shift
        self._copy = np.empty((0 if self._in_place else ROWS, len(self.columns)), dtype=np.float32)

    def taken(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return rows as the kernel takes them, each block's first column, places, and the shift still to be taken off.

        Float64 and a last strip that is not full are copied too: the shift comes off there.
        """
        if self._in_place and rows.dtype == np.float32 and not len(rows) % kernels.SHORT:
            return rows, self._begins, self._places, self._shift
        if not len(self._copy):
            self._copy = np.empty((ROWS, len(self.columns)), dtype=np.float32)
        copy = self._copy[: kernels.padded(len(rows), kernels.SHORT)]
        kernels.gather(rows, self.columns, self._shift, copy)
        return copy, np.arange(0, len(self.columns), LANES), self._places, np.zeros_like(self._shift)
