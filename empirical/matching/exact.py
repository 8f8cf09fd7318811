"""The exact engine: every correlation of two models, tile by tile, in one pass over the positions for each tile.

A tile is a range of A's neurons times a range of B's. Its products are kept in J parts, one for each of J consecutive
stretches of positions: all of them give the correlations, and any weighting of them is again a measurement, for which
the products of each neuron's best partners are kept part by part (`replicates`). The parts cost memory (4 J bytes per
neuron pair of the tile) and no arithmetic. With means x̄ over all positions and x̄_j over part j,

    C = Σ_j C_j + Σ_j n_j (x̄_j − x̄)(ȳ_j − ȳ)ᵀ,

whose last term is a product of J-row matrices. Products of a block run in float32; sums over parts in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .machine import arrays
from .machine.plain import correlations_of
from .machine.small import kernels
from .moments import Moments, steady
from .partners import Partners, top

MOMENTS = ("mean", "square")


@dataclass(frozen=True)
class TileBest:
    """Best partners found in one tile.

    Attributes
    ----------
    row_key, row_rho, row_index : ndarray, shape (tile's A, number)
        Key, correlation and unit of B of each row's best, over all positions; −1 for none.
    column_key, column_rho, column_index : ndarray, shape (tile's B, number)
        The same for columns.
    mean_a, square_a, mean_b, square_b : ndarray
        Moments over all positions.
    row_parts, column_parts : float32 ndarray, shapes (tile's A, number, J) and (tile's B, number, J)
        C_j of each row's and each column's best; J is 0 where there are no replicates, here and below.
    part_mean_a, part_square_a, part_mean_b, part_square_b : ndarray, shape (J, neurons)
        Moments of each part.
    """

    row_key: np.ndarray
    row_rho: np.ndarray
    row_index: np.ndarray
    column_key: np.ndarray
    column_rho: np.ndarray
    column_index: np.ndarray
    mean_a: np.ndarray
    square_a: np.ndarray
    mean_b: np.ndarray
    square_b: np.ndarray
    row_parts: np.ndarray
    column_parts: np.ndarray
    part_mean_a: np.ndarray
    part_square_a: np.ndarray
    part_mean_b: np.ndarray
    part_square_b: np.ndarray

    def offer(self, tile: tuple[slice, slice], best: tuple[Partners, Partners]) -> None:
        """Show the tile to the best partners of both sides."""
        best[0].offer(tile[0], self.row_key, self.row_rho, self.row_index, self.row_parts)
        best[1].offer(tile[1], self.column_key, self.column_rho, self.column_index, self.column_parts)


@dataclass(frozen=True)
class Tile:
    """Products and moments of one tile, part by part.

    Attributes
    ----------
    parts : float32 array, shape (J, tile's A, tile's B)
        C_j.
    a, b : sequence of Moments
        Moments of the tile's neurons in each part.
    """

    parts: Any
    a: Sequence[Moments]
    b: Sequence[Moments]

    def correlations(self) -> Any:
        """Return ρ, shape (tile's A, tile's B), over all parts; NaN for constant neurons."""
        a, rows_a = pooled(self.a)
        b, rows_b = pooled(self.b)
        scales = _scale(a.square), _scale(b.square)
        if isinstance(self.parts, np.ndarray):
            rho = np.empty(self.parts.shape[1:], dtype=np.float32)
            kernels().correlate(self.parts, rows_a, rows_b, *scales, rho)
            return rho
        rho = correlations_of(self.parts, rows_a, rows_b, *scales)
        return rho.float()

    def best(self, where: tuple[slice, slice], keep: int, absolute: bool, replicated: bool) -> TileBest:
        """Rank the tile's correlations.

        Parameters
        ----------
        where : pair of slice
            Neurons of A and B that the tile holds.
        keep : int
            Partners listed for each neuron.
        replicated : bool
            Whether their products are listed part by part.
        """
        rho = self.correlations()
        row, column = top(rho, keep, absolute), top(rho, keep, absolute, axis=0)
        del rho
        a, b = pooled(self.a)[0], pooled(self.b)[0]
        return TileBest(
            *(row[0], row[1], _placed(row[2], where[1])),
            *(column[0], column[1], _placed(column[2], where[0])),
            *(arrays.on_host(moment) for moment in (a.mean, a.square, b.mean, b.square)),
            *((self._products(row[2], 1), self._products(column[2], 2)) if replicated else [np.zeros((0, 0, 0))] * 2),
            *(_stacked(side, of) if replicated else np.zeros((0, 0)) for side in (self.a, self.b) for of in MOMENTS),
        )

    def _products(self, index: np.ndarray, axis: int) -> np.ndarray:
        """Return the products of each part of each row's (axis 1) or column's (axis 2) partners."""
        own, partner = np.arange(len(index))[:, None], np.maximum(index, 0)
        places = (own, partner) if axis == 1 else (partner, own)
        units = [arrays.placed(np.broadcast_to(one, index.shape), self.parts) for one in places]
        return np.ascontiguousarray(np.moveaxis(arrays.on_host(self.parts[:, units[0], units[1]]), 0, 2))


def pooled(parts: Sequence[Moments]) -> tuple[Moments, Any]:
    """Merge the moments of parts; return them and the rows √n_j (x̄_j − x̄) that merge the parts' products."""
    whole = parts[0].none()
    for part in parts:
        whole.merge(part)
    whole.square = steady(whole.square, whole.count)
    rows = [part.count**0.5 * (part.mean - whole.mean) for part in parts]
    return whole, arrays.library(rows[0]).stack(rows)


def _stacked(parts: Sequence[Moments], name: str) -> np.ndarray:
    return np.stack([arrays.on_host(getattr(part, name)) for part in parts])


def _scale(square: Any) -> Any:
    """Return one over the root of sums of squares; 0 for constants."""
    with np.errstate(divide="ignore"):
        return arrays.library(square).where(square > 0, 1 / square**0.5, 0)


def _placed(index: np.ndarray, where: slice) -> np.ndarray:
    return np.where(index < 0, -1, index + where.start)
