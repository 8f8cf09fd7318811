"""The exact engine: every correlation of two models, tile by tile, in one pass over the positions for each tile.

A tile is a range of A's neurons times a range of B's. Its products are kept in J parts, one for each of J consecutive
stretches of positions, because any subset of the parts is again a measurement: all of them give the correlations, all
but one the jackknife's replicates, each half of them the split-half overlap. The parts cost memory (4 J bytes per pair
of neurons of the tile) and no arithmetic. For a subset S with means x̄_S,

    C_S = Σ_{j∈S} C_j + Σ_{j∈S} n_j (x̄_j − x̄_S)(ȳ_j − ȳ_S)ᵀ,

whose last term is a product of |S|-row matrices. Products of a block run in float32; sums over parts in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .machine import kernels
from .moments import Moments, steady
from .partners import SPARE, Partners, Replicate, top


@dataclass(frozen=True)
class Subsets:
    """Subsets of J parts that are matched beside all of them: all but one each (the jackknife), and two halves."""

    parts: int

    @property
    def half(self) -> int:
        """Parts of the first half."""
        return (self.parts + 1) // 2

    def masks(self) -> list[np.ndarray]:
        """Return a boolean mask of parts for each replicate: J times all but one, then the halves; none for J = 1."""
        number = np.arange(self.parts)
        return [number != j for j in number] + [number < self.half, number >= self.half] if self.parts > 1 else []


@dataclass(frozen=True)
class TileBest:
    """Best partners found in one tile.

    Attributes
    ----------
    row_key, row_rho, row_index : ndarray, shape (tile's A, k + SPARE)
        Key, correlation and unit of B of each row's best, over all positions; −1 for none.
    column_key, column_rho, column_index : ndarray, shape (tile's B, k + SPARE)
        The same for columns.
    replicate_key, replicate_index : ndarray, shape (replicates, tile's A, k)
        Each row's best over a subset of the positions.
    replicate_bar : ndarray, shape (replicates, tile's B, k)
        Each column's best keys over that subset.
    mean_a, square_a, mean_b, square_b : ndarray
        Moments over all positions.
    """

    row_key: np.ndarray
    row_rho: np.ndarray
    row_index: np.ndarray
    column_key: np.ndarray
    column_rho: np.ndarray
    column_index: np.ndarray
    replicate_key: np.ndarray
    replicate_index: np.ndarray
    replicate_bar: np.ndarray
    mean_a: np.ndarray
    square_a: np.ndarray
    mean_b: np.ndarray
    square_b: np.ndarray

    def offer(
        self, tile: tuple[slice, slice], best: tuple[Partners, Partners], replicates: Sequence[Replicate]
    ) -> None:
        """Show the tile to the best partners of both sides, and to the replicates."""
        best[0].offer(tile[0], self.row_key, self.row_rho, self.row_index)
        best[1].offer(tile[1], self.column_key, self.column_rho, self.column_index)
        for s, replicate in enumerate(replicates):
            replicate.offer(tile, self.replicate_key[s], self.replicate_index[s], self.replicate_bar[s])


@dataclass(frozen=True)
class Tile:
    """Products and moments of one tile, part by part.

    Attributes
    ----------
    parts : float32 tensor, shape (J, tile's A, tile's B)
        C_j.
    a, b : sequence of Moments
        Moments of the tile's neurons in each part.
    """

    parts: torch.Tensor
    a: Sequence[Moments]
    b: Sequence[Moments]

    def correlations(self, mask: np.ndarray) -> torch.Tensor:
        """Return ρ, shape (tile's A, tile's B), over the parts of a boolean mask; NaN for constant neurons."""
        chosen = np.flatnonzero(mask).tolist()
        a, rows_a = pooled([self.a[j] for j in chosen])
        b, rows_b = pooled([self.b[j] for j in chosen])
        cross = rows_a.T @ rows_b
        for j in chosen:
            cross += self.parts[j]
        cross *= _scale(b.square)
        cross *= _scale(a.square)[:, None]
        rho = cross.clamp_(-1, 1).float()
        rho[a.square == 0] = torch.nan
        rho[:, b.square == 0] = torch.nan
        return rho

    def best(self, where: tuple[slice, slice], k: int, absolute: bool, replicates: bool, keep: int = 0) -> TileBest:
        """Rank the tile's correlations; `where` it lies tells the partners; `keep` (or k + SPARE) stay."""
        masks = Subsets(len(self.parts)).masks() if replicates else []
        if self.parts.device.type == "cpu" and k == 1:
            rho, key, index, bar = self._fused(masks, absolute)
        else:
            rho = self.correlations(np.full(len(self.parts), True))
            ranked = [self._ranked(mask, k, absolute) for mask in masks]
            empty = np.empty((0, len(rho), 1)), np.empty((0, len(rho), 1), int), np.empty((0, rho.shape[1], 1))
            key, index, bar = (np.stack(one) for one in zip(*ranked, strict=True)) if ranked else empty
        keep = keep or k + SPARE
        row, column = top(rho, keep, absolute), top(rho.T, keep, absolute)
        a, b = pooled(self.a)[0], pooled(self.b)[0]
        return TileBest(
            *(row[0], row[1], _placed(row[2], where[1])),
            *(column[0], column[1], _placed(column[2], where[0])),
            *(key, _placed(index, where[1]), bar),
            *(moment.cpu().numpy() for moment in (a.mean, a.square, b.mean, b.square)),
        )

    def _ranked(self, mask: np.ndarray, k: int, absolute: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rho = self.correlations(mask)
        key, _, index = top(rho, k, absolute)
        return key, index, top(rho.T, k, absolute)[0]

    def _fused(
        self, masks: Sequence[np.ndarray], absolute: bool
    ) -> tuple[torch.Tensor, np.ndarray, np.ndarray, np.ndarray]:
        """Return ρ over all positions and each subset's best keys, in one pass over the parts (k = 1, CPU)."""
        whole_a, rows_a = pooled(self.a)
        whole_b, rows_b = pooled(self.b)
        masks = [np.full(len(self.parts), True), *masks]
        shift_a, scale_a = _about(whole_a, self.a, masks)
        shift_b, scale_b = _about(whole_b, self.b, masks)
        _, height, width = self.parts.shape
        rho = np.empty((height, width), dtype=np.float32)
        value = np.empty((len(masks), height), dtype=np.float32)
        place = np.empty((len(masks), height), dtype=np.int64)
        column = np.full((kernels.THREADS, len(masks), width), -np.inf, dtype=np.float32)
        half = Subsets(len(self.parts)).half
        parts, rows = self.parts.numpy(), (rows_a.numpy(), rows_b.numpy())
        about = (shift_a, shift_b, scale_a, scale_b)
        kernels.subsets(parts, *rows, half, *about, absolute, rho, value, place, column)
        return torch.from_numpy(rho), value[1:, :, None], place[1:, :, None], column.max(0)[1:, :, None]


def pooled(parts: Sequence[Moments]) -> tuple[Moments, torch.Tensor]:
    """Merge the moments of parts; return them and the rows √n_j (x̄_j − x̄) that merge the parts' products."""
    whole = Moments.empty(len(parts[0].mean), parts[0].mean.device)
    for part in parts:
        whole.merge(part)
    whole.square = steady(whole.square, whole.count)
    rows = torch.stack([part.count**0.5 * (part.mean - whole.mean) for part in parts])
    return whole, rows


def _about(whole: Moments, parts: Sequence[Moments], masks: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each subset, √n_S (x̄_S − x̄) and one over the root of its sum of squares (0 for constants)."""
    shifts, scales = [], []
    for mask in masks:
        subset, _ = pooled([parts[j] for j in np.flatnonzero(mask).tolist()])
        shifts.append(subset.count**0.5 * (subset.mean - whole.mean))
        scales.append(torch.where(subset.square > 0, _scale(subset.square), 0))
    return torch.stack(shifts).numpy(), torch.stack(scales).numpy()


def _scale(square: torch.Tensor) -> torch.Tensor:
    return 1 / square.sqrt()


def _placed(index: np.ndarray, where: slice) -> np.ndarray:
    return np.where(index < 0, -1, index + where.start)
