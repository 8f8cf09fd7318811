"""Pairs that bounds leave open: each could be among the best partners of one of its neurons.

The n-th best partner of a neuron correlates at least as strongly as the n-th largest lower bound among its partners
says. A partner whose upper bound reaches that could be among the n best; no other could. Neurons that tie up to
rounding are treated as the exact engine treats them, so partners within its rounding error of that bar count too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..exact import TileBest
from ..machine import arrays
from ..partners import rounding_error, top
from .tile import CertifiedTile

STRIP = 256  # rows of a tile looked through at a time
ROOM = 32  # undecided pairs of a tile, for each of its neurons, above which its correlations are computed in float32


@dataclass(frozen=True)
class OpenPairs:
    """Undecided pairs of one tile, as far as the tiles before it tell.

    Attributes
    ----------
    row_lower, column_lower : ndarray, shapes (tile's A, any) and (tile's B, any)
        Largest lower bounds of each row and column.
    unit_a, unit_b : ndarray of int
        The pairs' units.
    lower, upper : ndarray
        Bounds of their keys: of ρ, or of |ρ| where that ranks partners.
    """

    row_lower: np.ndarray
    column_lower: np.ndarray
    unit_a: np.ndarray
    unit_b: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


class Undecided:
    """Undecided pairs of two models, as far as their tiles were seen.

    Parameters
    ----------
    neurons : pair of int
        Neurons of A and of B.
    keep : int
        Best partners of each neuron that must be known.
    absolute : bool
        Whether |ρ| ranks partners.
    positions : int
        T.
    """

    def __init__(self, neurons: tuple[int, int], keep: int, absolute: bool, positions: int):
        self._keep, self._absolute, self._neurons_b = keep, absolute, neurons[1]
        self._error = float(rounding_error(np.ones(1), positions)[0])
        self._lower = tuple(np.full((n, keep), -np.inf) for n in neurons)  # the largest, rising
        self._seen: list[OpenPairs] = []

    def of_bounds(self, tile: CertifiedTile, columns: tuple[slice, slice]) -> OpenPairs | None:
        """Return the undecided pairs of a tile, or None if they are too many (`ROOM`)."""
        key = abs(tile.rho) if self._absolute else tile.rho
        at_least = _less(key, tile.error)
        lower = [top(at_least, self._keep, False, axis=side)[0] for side in (1, 0)]
        del at_least
        bars = []
        for side, values in enumerate(lower):
            bar = self._merged(side, columns[side], values)[:, 0] - self._error
            # In float32, rounded down, as correlations are.
            bars.append(arrays.placed(np.nextafter(bar.astype(np.float32), np.float32(-np.inf)), tile.rho))
        room = ROOM * sum(tile.rho.shape)
        doubtful = _of_either(*tile.doubtful)
        places = _reaching(key, tile.error, bars[0], bars[1], room - len(doubtful[0]))
        if places is None:
            return None
        rows, partners = places
        listed = arrays.on_host(key[rows, partners]).astype(float)
        error = tile.error if isinstance(tile.error, float) else tile.error[rows, partners].astype(float)
        unknown = np.full(len(doubtful[0]), np.inf)
        return OpenPairs(
            row_lower=lower[0],
            column_lower=lower[1],
            unit_a=np.concatenate([rows, doubtful[0]]) + columns[0].start,
            unit_b=np.concatenate([partners, doubtful[1]]) + columns[1].start,
            lower=np.concatenate([listed - error, -unknown]),
            upper=np.concatenate([listed + error, unknown]),
        )

    def of_float32(self, best: TileBest, columns: tuple[slice, slice]) -> OpenPairs:
        """Return the undecided pairs of a tile whose best partners are known in float32."""
        units_a, units_b, keys = [], [], []
        for side, (index, key) in enumerate(((best.row_index, best.row_key), (best.column_index, best.column_key))):
            unit, place = np.nonzero(index >= 0)
            pair = unit + columns[side].start, index[unit, place]
            units_a.append(pair[side])
            units_b.append(pair[1 - side])
            keys.append(key[unit, place])
        return OpenPairs(
            row_lower=best.row_key - self._error,
            column_lower=best.column_key - self._error,
            unit_a=np.concatenate(units_a),
            unit_b=np.concatenate(units_b),
            lower=np.full(sum(map(len, keys)), -np.inf),  # float32 has no proven bound
            upper=np.concatenate(keys) + self._error,
        )

    def offer(self, columns: tuple[slice, slice], pairs: OpenPairs) -> None:
        """Take in the pairs of a tile."""
        for side, values in enumerate((pairs.row_lower, pairs.column_lower)):
            self._lower[side][columns[side]] = self._merged(side, columns[side], values)
        self._seen.append(pairs)

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the units of A and B of all pairs that are undecided in the end, sorted, and the bounds of their keys.

        Bounds leave room for the rounding error of the values that they are compared with.
        """
        numbers, bounds = [np.empty(0, dtype=np.int64)], [np.empty((2, 0))]
        for one in self._seen:
            bar = np.minimum(self._lower[0][one.unit_a, 0], self._lower[1][one.unit_b, 0]) - self._error
            still = one.upper >= bar
            numbers.append(one.unit_a[still] * self._neurons_b + one.unit_b[still])
            bounds.append(np.stack([one.lower[still] - self._error, one.upper[still] + self._error]))
        number, first = np.unique(np.concatenate(numbers), return_index=True)
        return number // self._neurons_b, number % self._neurons_b, *np.concatenate(bounds, axis=1)[:, first]

    def _merged(self, side: int, units: slice, values: np.ndarray) -> np.ndarray:
        both = np.concatenate([self._lower[side][units], np.where(np.isnan(values), -np.inf, values)], axis=1)
        return np.sort(both, axis=1)[:, -self._keep :]


def _less(key: Any, error: Any) -> Any:
    """Return keys less their errors; on the CPU in memory that is given up with them."""
    if not isinstance(key, np.ndarray):
        return key - error
    return np.subtract(key, error, out=arrays.apart(key.shape, key.dtype))


def _of_either(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all places in a row or in a column of which nothing is known."""
    if not rows.any() and not columns.any():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    row, column = np.nonzero(rows[:, None] | columns)
    return row, column


def _reaching(key: Any, error: Any, bars_a: Any, bars_b: Any, room: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return rows and columns of keys that may reach the bar of their row or column, or None if more than `room`."""
    if isinstance(key, np.ndarray):
        from . import piece_kernels as kernels

        number = kernels.count_reaching(key, error, bars_a, bars_b)
        if number.sum() > room:
            return None
        rows, columns = np.empty((2, number.sum()), dtype=np.int64)
        kernels.list_reaching(key, error, bars_a, bars_b, np.cumsum(number) - number, rows, columns)
        return rows, columns
    rows, columns, listed = [], [], 0
    for start in range(0, len(key), STRIP):
        at_most = key[start : start + STRIP] + error
        row, column = ((at_most >= bars_a[start : start + STRIP, None]) | (at_most >= bars_b)).nonzero(as_tuple=True)
        rows.append(arrays.on_host(row) + start)
        columns.append(arrays.on_host(column))
        listed += len(row)
        if listed > room:
            return None
    return np.concatenate(rows), np.concatenate(columns)
