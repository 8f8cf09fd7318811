"""Columns rounded at random to whole numbers of eight bits on the CPU, and their products, which are exact.

Matrix units multiply such numbers up to twice as fast as bfloat16, and twice as many of them fit a cache. A column's
largest deviation takes all of their range, so that heavy-tailed columns are rounded coarsely (`bound`): `search` takes
them where the bound stays near the noise of correlations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cost import ROUNDED_AT_ONCE
from ..machine import arrays
from ..machine.vectors import LANES
from .bound import MOST, STRIP, WIDTH, Bound, Norms
from .pieces import HostPieces
from .sums import of_bound, of_columns

FEWEST, MOST_ROWS = 2048, ROUNDED_AT_ONCE  # positions multiplied at once: sums of so many products of 127² fit 32 bits
LIMIT = 0.7  # of a typical pair's bound, in standard deviations of the correlations of unrelated columns
NARROW = 2.0**-100  # of a column; more would not be finite after scaling


def rows_at_once(columns: tuple[int, int]) -> int:
    """Return how many positions are multiplied at once for tiles of this shape: blocks are no larger than sums.

    They are whole strips, which are rounded from where they are; others are copied first.
    """
    return int(np.clip(-(-2 * max(columns) // STRIP) * STRIP, FEWEST, MOST_ROWS))


def fine_enough(reach: tuple[np.ndarray, np.ndarray], square: tuple[np.ndarray, np.ndarray], positions: int) -> bool:
    """Return whether the bound of a typical pair stays below `LIMIT`.

    Parameters
    ----------
    reach, square : pairs of ndarray
        Largest deviation from the mean, and sum of squares, of each column of A and of B.
    """
    widest = []
    for most, total in zip(reach, square, strict=True):
        vary = total > 0
        widest.append(float(np.median(most[vary] / np.sqrt(total[vary] / positions))) if vary.any() else 0.0)
    return WIDTH * np.hypot(*widest) / MOST < LIMIT


class HostIntegers(HostPieces):
    """One side's columns of a tile, as rows of int8; see `HostPieces`.

    Parameters
    ----------
    reach : float64 ndarray, shape (columns,)
        Largest deviation from the mean.
    """

    bytes_each = 1

    def __init__(
        self, mean: np.ndarray, square: np.ndarray, reach: np.ndarray, positions: int, rows: int, side: int
    ) -> None:
        super().__init__(mean, square, positions, False, rows, side)
        scale = np.where((square > 0) & (reach > 0), MOST / np.maximum(reach, NARROW), 0)
        self._scale = scale.astype(np.float32)[self._neurons]
        self._room = np.empty(len(self._room), dtype=np.int8)

    def take(self, x: Any, start: int = 0) -> tuple[Any, Any]:
        """Round a block that begins at position `start`; return it, shape (columns, positions), twice."""
        import torch

        from . import integer_kernels as kernels

        values, begins, shift, key = self._prepared(x, start)
        room = self._room[: max(self._columns, LANES) * len(values)].reshape(-1, len(values))
        about = values, begins, self._begins, shift, self._scale, key, self._keys
        kernels.to_integers(*about, room, self._sums)
        whole = torch.from_numpy(room)[: self._columns]
        return whole, whole


class IntegerSums:
    """Sums of products of whole numbers; see `sums.HostSums`.

    Attributes
    ----------
    sums : dict of str to float64 ndarray, shape (columns of A, columns of B)
        "total", exact.
    """

    def __init__(self, columns: tuple[int, int]):
        import torch

        self.sums = {"total": arrays.apart(columns, np.float64)}
        self._room = torch.from_numpy(arrays.apart(columns, np.int32))

    def add(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> None:
        """Add the product of two blocks (`HostIntegers.take`)."""
        from . import integer_kernels as kernels

        integer_product(a[0], b[0], self._room)
        kernels.add_integers(self._room.numpy(), self.sums["total"])

    def correlations(self, norms: tuple[Norms, Norms], bound: Bound, blocks: int) -> tuple[Any, Any]:
        """Return float32 correlations, NaN where there are none, and how far each can be off."""
        from . import piece_kernels as kernels

        del self._room
        total = self.sums["total"]
        rho, error = (arrays.apart(total.shape, np.float32) for _ in range(2))
        kernels.correlate(total, error, rho, error, *of_columns(*norms), 0.0, *of_bound(bound))
        return rho, error


def integer_product(one: Any, other: Any, room: Any) -> Any:
    """Write the product of int8 rows with int8 rows, shapes (M, K) and (N, K), to `room`, int32, and return it."""
    import torch

    return torch._int_mm(one, other.T, out=room)  # pyright: ignore[reportPrivateImportUsage]
