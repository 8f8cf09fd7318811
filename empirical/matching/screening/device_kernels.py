"""The screened engine on other devices than the CPU, in torch: the work of `sketch_kernels` and `pair_kernels`.

The same sums in another order, so that results agree to rounding. No sum is left to the order in which a device's
threads arrive: positions of a stripe never share a bucket, and estimates are made distinct before they are ranked.
"""

from __future__ import annotations

import numpy as np
import torch

from ...checkpoints.hub import moved
from .pair_kernels import padded

STRIP = 1024  # positions sketched at a time
COLUMNS = 4096  # neurons whose finished sketch is turned into bytes at a time
SHORT = 128  # positions whose products are added in float32
ROWS = 2 * SHORT  # positions whose pairs are multiplied at a time: all columns are turned, and take room
PAIRS = 2**14  # of so many pairs: their gathered columns stay in a GPU's cache
FOLD = 2**32 - 1  # units are taken off it and added to keys, so that of equal keys the lower unit is the larger number
MOST, NONE = torch.iinfo(torch.int32).max, torch.iinfo(torch.int64).min


class SketchSums:
    """The sketch and the moments of some neurons, about a shift; see `rosettalaw.empirical.matching.screening.sketch`.

    Parameters
    ----------
    shift : ndarray, shape (neurons,)
        Taken off each neuron.
    turn, sign : int arrays
        Each stripe's first bucket, each position's sign.
    """

    def __init__(self, buckets: int, shift: np.ndarray, turn: np.ndarray, sign: np.ndarray, device: str):
        self._device, self._turn = device, turn
        self._shift = moved(torch.from_numpy(shift), device)
        self._sign = moved(torch.from_numpy(sign), device).float()
        self._sketch = torch.zeros(buckets, len(shift), device=device)
        self._total, self._square = (torch.zeros(len(shift), dtype=torch.float64, device=device) for _ in range(2))

    def add(self, x: np.ndarray | torch.Tensor, first: int) -> None:
        """Add a block of positions, which starts at position `first`."""
        x = torch.as_tensor(x)
        buckets = len(self._sketch)
        start = first
        while start < first + len(x):
            stripe = start // buckets
            bucket = (start + int(self._turn[stripe])) % buckets
            stop = min(first + len(x), (stripe + 1) * buckets, start + buckets - bucket, start + STRIP)
            u = (x[start - first : stop - first].to(self._device) - self._shift).float()
            self._sketch[bucket : bucket + stop - start].addcmul_(u, self._sign[start:stop, None])
            self._total += u.sum(0, dtype=torch.float64)
            self._square += torch.linalg.vector_norm(u, dim=0, dtype=torch.float64) ** 2
            start = stop

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return Σ and Σ of squares about the shift; infinite where float32 cannot hold the squares."""
        square = torch.where(self._square > torch.finfo(torch.float32).max, torch.inf, self._square)
        return self._total.cpu().numpy(), square.cpu().numpy()

    def finish(
        self, ones: np.ndarray, offset: np.ndarray, scale: np.ndarray, merged: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the fine sketch in bytes, its steps, and the coarse sketch of `merged` buckets, neurons first."""
        parts = []
        sign_sums, middle, factor = (moved(torch.from_numpy(one), self._device) for one in (ones, offset, scale))
        for low in range(0, len(offset), COLUMNS):
            some = slice(low, low + COLUMNS)
            sketch = (self._sketch[:, some] - sign_sums[:, None] * middle[some]) * factor[some]
            step = sketch.abs().amax(0) / 127
            coarse = sketch.view(-1, merged, sketch.shape[1]).sum(0)
            whole = torch.where(step > 0, sketch / step, 0)
            whole += torch.copysign(torch.tensor(0.5, device=whole.device), whole)
            parts.append((whole.to(torch.int8).T.cpu().numpy(), step.cpu().numpy(), coarse.T.cpu().numpy()))
        fine, steps, coarse = (np.concatenate(one) for one in zip(*parts, strict=True))
        return fine, steps, coarse


class Best:
    """The largest estimates of every neuron of both sides so far, and whose they are.

    Keys and units are folded into one whole number each, which no two partners of a neuron share.
    """

    def __init__(self, neurons: tuple[int, int], number: int, device: str):
        self._sides = [torch.full((n, number), NONE, device=device) for n in neurons]

    def offer(self, estimate: torch.Tensor, row: int, column: int) -> None:
        """Show a tile of estimates, whose rows and columns are numbered from `row` and `column` on."""
        bits = (estimate + 0.0).view(torch.int32)  # −0 is 0
        keys = (bits ^ ((bits >> 31) & MOST)).long() * 2**32  # as floats rise, so do these
        for side, own, other, turned in ((0, row, column, keys), (1, column, row, keys.T)):
            folded = turned + (FOLD - other - torch.arange(turned.shape[1], device=keys.device))
            folded = folded.masked_fill((estimate if side == 0 else estimate.T) == -torch.inf, NONE)
            current = self._sides[side][own : own + len(folded)]
            current[:] = torch.cat([current, folded], 1).topk(current.shape[1]).values

    def listed(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return each side's keys, falling, and units, shape (neurons, number); −∞ and −1 for none."""
        sides = []
        for current in self._sides:
            rising, none = (current >> 32).int(), current == NONE
            key = (rising ^ ((rising >> 31) & MOST)).view(torch.float32).masked_fill(none, -torch.inf)
            sides.append((key.cpu().numpy(), (FOLD - (current & FOLD)).masked_fill(none, -1).cpu().numpy()))
        return sides


class PairSums:
    """Products of chosen pairs, and the moments of their units; see `pair_kernels.add_products`.

    Parameters
    ----------
    units : pair of int arrays
        Columns that take part, sorted.
    shifts : pair of ndarray
        Shift subtracted from them.
    places : pair of int arrays, shape (pairs,)
        Each pair's places in `units`.
    watched : int array
        Places in A's units that are multiplied with all of B's.
    """

    def __init__(
        self,
        units: tuple[np.ndarray, np.ndarray],
        shifts: tuple[np.ndarray, np.ndarray],
        places: tuple[np.ndarray, np.ndarray],
        watched: np.ndarray,
        device: str,
    ):
        self._device = device
        self._units, self._shifts, self._places = (
            tuple(moved(torch.from_numpy(one), device) for one in both) for both in (units, shifts, places)
        )
        self._watched = moved(torch.from_numpy(watched), device)
        self.restart()

    def restart(self) -> None:
        """Start again from zero."""
        sizes = ((len(self._places[0]),), *((2, len(unit)) for unit in self._units))
        rooms = (*sizes, (len(self._watched), len(self._units[1])))
        self._cross, *self._sums, self._crossed = (
            torch.zeros(size, dtype=torch.float64, device=self._device) for size in rooms
        )

    def add(self, x: np.ndarray | torch.Tensor, y: np.ndarray | torch.Tensor) -> None:
        """Add a block of positions of both sides."""
        for start in range(0, len(x), ROWS):
            a, b = (self._turned(side, block[start : start + ROWS]) for side, block in enumerate((x, y)))
            for low in range(0, len(self._cross), PAIRS):
                one, other = (place[low : low + PAIRS] for place in self._places)
                products = a[one].mul_(b[other])  # `SHORT` of them are added in float32, those sums in float64
                self._cross[low : low + PAIRS] += products.sum(-1).sum(-1, dtype=torch.float64)
            if len(self._watched):
                self._crossed += (a[self._watched].flatten(1) @ b.flatten(1).T).double()

    def _turned(self, side: int, block: np.ndarray | torch.Tensor) -> torch.Tensor:
        """Return columns about their shift, shape (units, …, `SHORT`), zeros at the end; and add their moments."""
        rows = torch.as_tensor(block).to(self._device)[:, self._units[side]]
        turned = rows.new_zeros((rows.shape[1], padded(len(rows), SHORT)), dtype=torch.float32)
        turned[:, : len(rows)] = rows.T - self._shifts[side][:, None]
        self._sums[side][0] += turned.sum(1, dtype=torch.float64)
        self._sums[side][1] += torch.linalg.vector_norm(turned, dim=1, dtype=torch.float64) ** 2
        return turned.view(len(turned), -1, SHORT)

    def totals(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return Σ xy of the pairs, Σ and Σ of squares of both sides' units, and the watched units' products."""
        whole = tuple(one.cpu().numpy() for one in (self._cross, *self._sums, self._crossed))
        return whole[0], whole[1], whole[2], whole[3]
