"""Columns standardised and split into half-precision pieces, block by block, and products of two sides' pieces.

On CUDA pieces are float16, multiplied on the tensor cores. On the CPU they are bfloat16 numbers stored as float32.
Where the processor has instructions for bfloat16, torch multiplies such arrays with them in its "medium" precision,
which may round factors to bfloat16 (these are rounded already) and adds in float32. Elsewhere the same numbers are
multiplied as float32, no faster. That precision is a setting of torch for the whole process, changed while a tile is
multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..machine import arrays
from ..moments import wide

KINDS = {"cpu": "bfloat16", "cuda": "float16"}


def kind_on(device: str) -> str:
    """Return the name of the pieces' format on a device."""
    return KINDS.get(device.split(":")[0], "bfloat16")


class Pieces:
    """One side's columns of a tile; their norms are measured as blocks are taken.

    Parameters
    ----------
    mean, square : float64 ndarray, shape (columns,)
        Moments over all positions.
    positions : int
        How many there are.
    two : bool
        Whether columns are split into two pieces, or rounded to one.
    rows : int
        Largest block.
    side : {0, 1}
        A or B.
    device : str
        Where they are multiplied.
    """

    def __init__(
        self, mean: np.ndarray, square: np.ndarray, positions: int, two: bool, rows: int, side: int, device: str
    ):
        power = np.round(np.log2(np.where(square > 0, positions / np.where(square > 0, square, 1), 1)) / 2)
        scale = np.where(square > 0, np.exp2(power), 0).astype(np.float32)
        self._room = arrays.empty([rows * (1 + two), len(mean)], device)
        self._mean, self._scale = arrays.placed(mean, self._room), arrays.placed(scale, self._room)
        self._two, self._side = two, side
        if not isinstance(self._room, np.ndarray):
            self._room = self._room.to(getattr(arrays.library(self._room), kind_on(device)))
        self.sums = arrays.zeros([4, len(mean)], device)

    def take(self, x: Any) -> tuple[Any, Any]:
        """Split a block; return its first pieces, and of A the first above the second, of B the second above the first.

        The product of the stacked ones is p₂p₁' + p₁p₂'; both are tensors that stay until the next block.
        """
        n = len(x)
        room = self._room[: n * (1 + self._two)]
        first, second = (room[:n], room[n:]) if self._side == 0 or not self._two else (room[n:], room[:n])
        x = arrays.like(x, self._mean)
        shift = arrays.cast(self._mean, x.dtype)
        if isinstance(x, np.ndarray):
            from . import piece_kernels

            columns = x.shape[1]
            piece_kernels.split(wide(x), columns, shift, self._scale, self._two, first, second, self.sums)
            import torch

            return torch.from_numpy(first), torch.from_numpy(room)
        self._split(x, shift, first, second)
        return first, room

    def _split(self, x: Any, shift: Any, first: Any, second: Any) -> None:
        """Do what `piece_kernels.split` does, in torch."""
        left = (x - shift).float() * self._scale
        squares = []
        for target in (left, first, second)[: 2 + self._two]:
            if target is left:
                self.sums[0] += left.sum(0, dtype=self.sums.dtype)
                squares.append(left)
                continue
            target.copy_(left)
            piece = target.float()
            left = left - piece
            squares.append(piece)
        for place, values in zip((1, 2, 3), (squares[0], squares[2] if self._two else None, left), strict=True):
            if values is not None:
                self.sums[place] += (values * values).sum(0, dtype=self.sums.dtype)


def product(a: tuple[Any, Any], b: tuple[Any, Any], two: bool, out: Any) -> Any:
    """Return the products of two blocks' pieces summed in float32; `out` is written to where it can be."""
    import torch

    (first, stacked), (other, others) = a, b
    if first.device.type == "cuda":
        large = torch.mm(first.T, other, out_dtype=torch.float32)
        return large.add_(torch.mm(stacked.T, others, out_dtype=torch.float32)) if two else large
    first, stacked, other, others = (one.float() for one in (first, stacked, other, others))
    if not two:
        return torch.mm(first.T, other, out=out)
    torch.mm(stacked.T, others, out=out)
    return torch.addmm(out, first.T, other, out=out)


def add(products: Any, total: Any) -> None:
    """Add float32 products to float64 sums, in place."""
    if total.device.type == "cpu":
        from . import piece_kernels

        piece_kernels.add(products.numpy(), total.numpy())
    else:
        total += products


@contextmanager
def half_precision(device: str = "cpu") -> Iterator[None]:
    """Let torch multiply float32 arrays as bfloat16 for as long as the block runs, where the processor can.

    Pieces of another format would be rounded once more; they are multiplied as they are.
    """
    import torch

    if kind_on(device) != "bfloat16":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
