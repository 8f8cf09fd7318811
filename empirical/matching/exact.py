"""The exact engine: every correlation of two models, tile by tile, in one pass over the positions for each tile.

A tile is a range of A's neurons times a range of B's. Its products are kept in J parts, one for each of J consecutive
stretches of positions (`Part`), because any subset of the parts is again a measurement: all of them give the
correlations, all but one the jackknife's replicates, each half of them the split-half stability. The parts cost memory
(4 J bytes a neuron pair of the tile) and no arithmetic. For a subset S with means x̄_S,

    C_S = Σ_{j∈S} C_j + Σ_{j∈S} n_j (x̄_j − x̄_S)(ȳ_j − ȳ_S)ᵀ,

whose last term is a product of |S|-row matrices. Sums over parts run in float64 for the full set; a replicate's float32
correlations differ from float64 ones by about 1e-7. Which partner is best is settled beyond that: see `ties`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..sources import ActivationSource
from .moments import Centred, Moments
from .reading import aligned_blocks


@dataclass
class Part:
    """Products and moments of one stretch of positions in one tile."""

    cross: torch.Tensor
    a: Moments
    b: Moments


def products(
    a: ActivationSource,
    b: ActivationSource,
    columns: tuple[slice, slice],
    parts: Sequence[Sequence[tuple[int, int]]],
    device: torch.device | str = "cpu",
    advance: Callable[[int], None] = lambda positions: None,
) -> list[Part]:
    """Return the products of one tile, one `Part` for each list of blocks.

    Parameters
    ----------
    columns : pair of slice
        The tile: neurons of A, neurons of B.
    parts : sequence of sequences of (start, stop)
        Blocks of positions of each part, in order.
    advance : callable
        Told how many positions each block had.
    """
    widths = tuple(piece.stop - piece.start for piece in columns)
    longest = max(stop - start for blocks in parts for start, stop in blocks)
    side_a, side_b = Centred(widths[0], longest, +1, device), Centred(widths[1], longest, -1, device)
    stream = aligned_blocks(a, b, [block for blocks in parts for block in blocks], columns)
    finished = []
    for blocks in parts:
        side_a.restart()
        side_b.restart()
        cross = torch.zeros(widths, dtype=torch.float32, device=device)
        for (start, stop), (x, y) in zip(blocks, stream, strict=False):
            cross.addmm_(side_a.take(x).T, side_b.take(y))
            advance(stop - start)
        finished.append(Part(cross, side_a.moments, side_b.moments))
    return finished


class Tile:
    """Correlations of one tile over any subset of its parts.

    Parameters
    ----------
    parts : list of Part
        Products over disjoint stretches of positions.
    """

    def __init__(self, parts: list[Part]):
        self.parts = parts
        total = parts[0].cross.double()
        for part in parts[1:]:
            total += part.cross
        self._total = total
        self._total32 = total.float()

    def correlations(self, subset: np.ndarray) -> torch.Tensor:
        """Return ρ, shape (tile's A, tile's B), over the parts of a boolean mask; NaN for constant neurons."""
        left_out = np.flatnonzero(~subset)
        kept = [self.parts[j] for j in np.flatnonzero(subset)]
        a, rows_a = pooled([part.a for part in kept])
        b, rows_b = pooled([part.b for part in kept])
        if not len(left_out):
            cross = self._total.clone()
        elif len(left_out) <= len(kept):
            cross = self._total32.clone()
            for j in left_out:
                cross -= self.parts[j].cross
        else:
            cross = kept[0].cross.clone()
            for part in kept[1:]:
                cross += part.cross
        cross.addmm_(rows_a.to(cross.dtype).T, rows_b.to(cross.dtype))
        cross *= (1 / b.square.sqrt()).to(cross.dtype)
        cross *= (1 / a.square.sqrt()).to(cross.dtype)[:, None]
        rho = cross.float().clamp_(-1, 1)
        rho[a.square == 0] = torch.nan
        rho[:, b.square == 0] = torch.nan
        return rho


def pooled(parts: list[Moments]) -> tuple[Moments, torch.Tensor]:
    """Merge the moments of parts; return them and the rows √n_j (x̄_j − x̄) that merge the parts' products."""
    whole = Moments.empty(len(parts[0].mean), parts[0].mean.device)
    for part in parts:
        whole.merge(part)
    rows = torch.stack([part.count**0.5 * (part.mean - whole.mean) for part in parts])
    return whole, rows
