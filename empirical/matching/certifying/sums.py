"""Products of two sides' pieces, added over blocks of positions, and the correlations and bounds that they give.

On the CPU torch multiplies bfloat16 by the processor's instructions for it, where there are any. Those products are
rounded to bfloat16 in the end, which the bound allows for: float32 ones would take longer than all else. On CUDA
products are float32, formed on the tensor cores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..machine import arrays, distributed
from .bound import EIGHT_BITS, WIDTH, Bound, Norms, gamma

SMALL = 2**20  # terms of a product below which torch multiplies bfloat16 by other kernels, which may round more often
TOGETHER = 4  # blocks whose products are added to sums at once


class HostSums:
    """Sums of products on the CPU, and of their sizes, in float32.

    Products of `TOGETHER` blocks wait for each other, so that sums are read and written once for all of them.
    """

    def __init__(self, columns: tuple[int, int], two: bool):
        import torch

        self._sums = {name: arrays.apart(columns, np.float32) for name in ("total", "size")}
        rooms = torch.from_numpy(arrays.apart((TOGETHER, *columns), np.int16)).view(torch.bfloat16)
        self._two, self._rooms, self._waiting = two, rooms, 0

    @property
    def sums(self) -> dict[str, np.ndarray]:
        """Sums so far: "total" and "size", float32, shape (columns of A, columns of B)."""
        self._add_waiting()
        return self._sums

    @sums.setter
    def sums(self, values: dict[str, np.ndarray]) -> None:
        self._sums = values

    def add(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> None:
        """Add the products of two blocks' pieces (`pieces.HostPieces.take`)."""
        import torch

        from . import piece_kernels as kernels

        for one, other in zip(a[: 1 + self._two], b, strict=False):
            product = host_product(one, other, self._rooms[self._waiting])
            if product.dtype == torch.float32:
                kernels.add_numbers(product.numpy(), **self.sums)
                continue
            self._waiting += 1
            if self._waiting == TOGETHER:
                self._add_waiting()

    def _add_waiting(self) -> None:
        import torch

        from . import piece_kernels as kernels

        if self._waiting:
            bits = self._rooms[: self._waiting].view(torch.int16).numpy().view(np.uint16)
            kernels.add_bits(bits, **self._sums)
            self._waiting = 0

    def correlations(self, norms: tuple[Norms, Norms], bound: Bound, blocks: int) -> tuple[Any, Any]:
        """Return float32 correlations, NaN where there are none, and how far each can be off; sums are written over.

        Parameters
        ----------
        blocks : int
            How many blocks were added.
        """
        from . import piece_kernels as kernels

        added = gamma((1 + self._two) * blocks, 2.0**-24)
        share = (EIGHT_BITS + added) * (1 + added)
        total, size = self.sums["total"], self.sums["size"]
        del self._rooms
        kernels.correlate(total, size, total, size, *of_columns(*norms), share, *of_bound(bound))
        return total, size


class DeviceSums:
    """Sums of products elsewhere, in float64; see `HostSums`."""

    def __init__(self, columns: tuple[int, int], two: bool, device: str):
        import torch

        self.sums = {"total": torch.zeros(columns, dtype=torch.float64, device=device)}
        self._two, self._room = two, torch.empty(columns, dtype=torch.float32, device=device)

    def add(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> None:
        """Add the products of two blocks' pieces (`pieces.Pieces.take`)."""
        self.sums["total"] += device_product(a, b, self._two, self._room)

    def correlations(self, norms: tuple[Norms, Norms], bound: Bound, blocks: int) -> tuple[Any, Any]:
        """Return float32 correlations, and how far all of them can be off."""
        total = self.sums["total"]
        one, other, sums_a, sums_b = (
            arrays.placed(values, total) for values in (*map(scales, norms), *(side.sums[0] for side in norms))
        )
        total.addr_(sums_a, sums_b, alpha=-1 / norms[0].positions)
        return total.mul_(one[:, None]).mul_(other).clamp_(-1, 1).float(), bound.everywhere


def host_product(one: Any, other: Any, room: Any) -> Any:
    """Return the product of bfloat16 rows with bfloat16 rows, shapes (M, K) and (N, K): in `room`, or in float32."""
    import torch

    if len(one) * len(other) * one.shape[1] < SMALL:
        # `out` keeps torch.autocast from rounding it to another format.
        return torch.mm(one.float(), other.float().T, out=torch.empty(len(one), len(other), dtype=torch.float32))
    return torch.mm(one, other.T, out=room)


def device_product(a: tuple[Any, Any], b: tuple[Any, Any], two: bool, room: Any) -> Any:
    """Return the products of two blocks' pieces summed in float32; `room` is written to where it can be."""
    import torch

    (first, stacked), (other, others) = a, b
    if first.device.type == "cuda":
        large = torch.mm(first.T, other, out_dtype=torch.float32)
        return large.add_(torch.mm(stacked.T, others, out_dtype=torch.float32)) if two else large
    first, stacked, other, others = (one.float() for one in (first, stacked, other, others))
    if not two:
        return torch.mm(first.T, other, out=room)
    torch.mm(stacked.T, others, out=room)
    return torch.addmm(room, first.T, other, out=room)


def of_columns(a: Norms, b: Norms) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the facts of each column that correlations need: Σq, one side's over T, 1/√D, and roundings."""
    return a.sums[0], b.sums[0] / b.positions, scales(a), scales(b), a.roundings(), b.roundings()


def of_bound(bound: Bound) -> tuple[float, float, bool, float]:
    """Return the facts of a tile's bound that they need."""
    return bound.flat, bound.factor, bound.at_random, WIDTH


def scales(norms: Norms) -> np.ndarray:
    """Return 1/√D of each column, NaN of those without a correlation."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(norms.rated, 1 / np.sqrt(norms.spread), np.nan)


def merge(sums: dict[str, Any]) -> dict[str, Any]:
    """Return the sums of all processes, in the order of the processes."""
    return {name: merged(values) for name, values in sums.items()}


def merged(own: Any) -> Any:
    """Return the sum of all processes' arrays, in the order of the processes."""
    if distributed.size() == 1:
        return own
    total = arrays.library(own).zeros_like(own)
    for owner in range(distributed.size()):
        one = arrays.copied(own)
        distributed.send(one, owner)
        total += one
    return total
