"""Columns standardised and rounded to half precision, or split into two pieces of it, block by block.

On CUDA pieces are float16. On the CPU they are bfloat16, columns as rows; one piece is rounded at random (`bound`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..machine import arrays
from ..machine.vectors import LANES
from ..moments import wide
from ..screening.pair_kernels import gather
from .bound import STRIP, SUMS

KINDS = {"cpu": "bfloat16", "cuda": "float16"}


def kind_on(device: str) -> str:
    """Return the name of the pieces' format on a device."""
    return KINDS.get(device.split(":")[0], "bfloat16")


def scale_of(square: np.ndarray, positions: int) -> np.ndarray:
    """Return powers of two that make the mean squares of columns about 1; 0 for constant ones."""
    some = square > 0
    power = np.round(np.log2(np.where(some, positions / np.where(some, square, 1), 1)) / 2)
    return np.where(some, np.exp2(power), 0).astype(np.float32)


def pieces_of(
    mean: np.ndarray, square: np.ndarray, positions: int, two: bool, rows: int, side: int, device: str
) -> HostPieces | Pieces:
    """Return room for one side's pieces on a device; see `Pieces`."""
    about = mean, square, positions, two, rows, side
    return HostPieces(*about) if device == "cpu" else Pieces(*about, device)


class Pieces:
    """One side's columns of a tile, elsewhere than on the CPU; their norms are measured as blocks are taken.

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
        import torch

        self._room = arrays.empty([rows * (1 + two), len(mean)], device).to(getattr(torch, kind_on(device)))
        self._mean = arrays.placed(mean, self._room)
        self._scale = arrays.placed(scale_of(square, positions), self._room)
        self._two, self._side = two, side
        self.sums = arrays.zeros([len(SUMS), len(mean)], device)

    def take(self, x: Any, start: int = 0) -> tuple[Any, Any]:
        """Split a block; return its first pieces, and of A the first above the second, of B the second above the first.

        The product of the stacked ones is p₂p₁' + p₁p₂'; both are tensors that stay until the next block.
        """
        n = len(x)
        room = self._room[: n * (1 + self._two)]
        first, second = (room[:n], room[n:]) if self._side == 0 or not self._two else (room[n:], room[:n])
        x = arrays.like(x, self._mean)
        left = (x - arrays.cast(self._mean, x.dtype)).float() * self._scale
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
        return first, room


class HostPieces:
    """One side's columns of a tile on the CPU; see `Pieces`. Here columns are rows, and one piece is rounded at random.

    Blocks of columns begin at multiples of `LANES`; the last one ends with the array, and may overlap the one before.
    """

    bytes_each = 2  # of a number

    def __init__(self, mean: np.ndarray, square: np.ndarray, positions: int, two: bool, rows: int, side: int):
        from . import piece_kernels as kernels

        self._columns = columns = len(mean)
        self._begins = np.minimum(np.arange(0, columns, LANES), max(columns - LANES, 0))
        self._neurons = np.minimum((self._begins[:, None] + np.arange(LANES)).ravel(), columns - 1)
        self._places = np.zeros(columns, dtype=np.int64)  # of each column among those of all blocks
        self._places[self._neurons] = np.arange(len(self._neurons))
        self._mean, self._shift = mean[self._neurons], mean[self._neurons].astype(np.float32)
        self._scale = scale_of(square, positions)[self._neurons]
        self._two, self._side = two, side
        self._keys = kernels.keys(side << 32, columns)[self._neurons]
        padded = -(-rows // STRIP) * STRIP
        self._room = arrays.apart([max(columns, LANES) * padded * (1 + two)], np.uint16)
        self._copy = np.empty((0, len(self._neurons)), dtype=np.float32)
        self._sums = np.zeros((len(SUMS), len(self._neurons)))

    @property
    def sums(self) -> np.ndarray:
        """Measured sums so far, shape (6, columns), in C order: for another, kernels would be compiled again."""
        return self._sums.take(self._places, axis=1)

    @sums.setter
    def sums(self, values: np.ndarray) -> None:
        self._sums = np.asarray(values, dtype=float).take(self._neurons, axis=1)

    def take(self, x: Any, start: int = 0) -> tuple[Any, Any]:
        """Split a block that begins at position `start`, on which random bits depend.

        Return first pieces, shape (columns, positions), and of A the first beside the second, of B the second beside
        the first, for the sum of p₂p₁' and p₁p₂'.
        """
        import torch

        from . import piece_kernels as kernels

        n = len(x)
        values, begins, shift, key = self._prepared(x, start)
        padded = len(values)
        room = self._room[: max(self._columns, LANES) * padded * (1 + self._two)]
        room = room.reshape(-1, 1 + self._two, padded)
        first = int(self._two and self._side == 1)
        targets = room[:, first], room[:, -1 - first] if self._two else room[:, first]
        about = values, begins, self._begins, shift, self._scale, key, self._keys, self._two
        kernels.split(*about, *targets, self._sums)
        bits = torch.from_numpy(room.view(np.int16)).view(torch.bfloat16)[: self._columns]
        return bits[:, first, :n], bits.reshape(self._columns, -1)

    def _prepared(self, x: Any, start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return a block as kernels take it, whole strips: rows, each block's first column, shifts, and keys."""
        from . import piece_kernels as kernels

        padded = -(-len(x) // STRIP) * STRIP
        values, begins, shift = wide(arrays.like(x, self._sums)), self._begins, self._shift
        if values.dtype != np.float32 or len(x) != padded or self._columns < LANES:
            if len(self._copy) < padded:
                self._copy = np.empty((padded, len(self._neurons)), dtype=np.float32)
            copy = self._copy[:padded]
            gather(values, self._neurons, self._mean if values.dtype != np.float32 else shift, copy)
            values, begins, shift = copy, np.arange(0, len(self._neurons), LANES), np.zeros_like(shift)
        key = kernels.keys(start, padded // 2)  # of no other block, where blocks have half a strip or more
        return values, begins, shift, key
