"""Correlations of one tile from half-precision products, and their bound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...activations.source import ActivationSource
from .. import products
from ..machine import arrays, distributed
from ..machine.checkpoint import Checkpoint
from ..machine.reading import Block, aligned_blocks
from ..moments import Moments
from .bound import UNIT, Norms, bound
from .pieces import Pieces, add, half_precision, product

ROWS = 1024  # positions summed in float32: more are faster, and loosen the bound


@dataclass(frozen=True)
class CertifiedTile:
    """Correlations of a tile, float32, and how far they can be off.

    Attributes
    ----------
    rho : array, shape (tile's A, tile's B)
        NaN for constant columns, and for doubtful ones.
    bound : float
        No other correlation is further than this from the true one.
    doubtful : pair of ndarray of bool
        Columns of A and of B of which nothing is known (`bound`).
    """

    rho: Any
    bound: float
    doubtful: tuple[np.ndarray, np.ndarray]


def certified_tile(
    sources: tuple[ActivationSource, ActivationSource],
    columns: tuple[slice, slice],
    moments: tuple[Moments, Moments],
    parts: Sequence[Sequence[Block]],
    two: bool,
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
    title: str = "",
    advance: Callable[[float], None] = lambda positions: None,
) -> CertifiedTile:
    """Correlate some columns of two sources; with several processes each reads its own parts.

    Parameters
    ----------
    moments : pair of Moments
        Of all columns (`standard`).
    two : bool
        Whether columns are split into two pieces.
    checkpoint, title :
        Where the sums so far are saved, and under which name.
    """
    import torch

    checkpoint = checkpoint or Checkpoint(None, {})
    title = f"{title}-{1 + two}-part{distributed.rank()}of{distributed.size()}"
    widths = [piece.stop - piece.start for piece in columns]
    rows = min(ROWS, max(stop - start for blocks in parts for start, stop in blocks))
    positions, place = sources[0].positions, torch.device(device)
    pieces = [
        Pieces(known.mean[some], known.square[some], positions, two, rows, side, device)
        for side, (known, some) in enumerate(zip(moments, columns, strict=True))
    ]
    total = torch.zeros(tuple(widths), dtype=torch.float64, device=place)
    out = torch.empty(tuple(widths), dtype=torch.float32, device=place)
    own, done, saved_at = range(distributed.rank(), len(parts), distributed.size()), 0, time.monotonic()
    stored = checkpoint.load(title)
    if stored is not None:
        done = int(stored["done"])
        total.copy_(torch.from_numpy(stored["total"]))
        for one, side in zip(pieces, "ab", strict=True):
            one.sums += arrays.placed(stored[side], one.sums)
    advance(sum(stop - start for j in own[:done] for start, stop in parts[j]))
    pending = [block for j in own[done:] for block in parts[j]]
    stream = aligned_blocks(sources, pending, columns, device) if pending else iter(())
    with half_precision(device):
        for j in own[done:]:
            for start, stop in parts[j]:
                for x, y in _pieces_of(next(stream), rows):
                    add(product(pieces[0].take(x), pieces[1].take(y), two, out), total)
                advance(stop - start)
            done += 1
            if time.monotonic() - saved_at > products.SAVE_EVERY:
                sums = {side: arrays.on_host(one.sums) for one, side in zip(pieces, "ab", strict=True)}
                checkpoint.save(title, {"done": np.array(done), "total": arrays.on_host(total), **sums})
                saved_at = time.monotonic()
    del out
    total = _summed(total)
    norms = tuple(Norms(arrays.on_host(_summed(one.sums)), positions) for one in pieces)
    blocks = sum(-(-(stop - start) // rows) for part in parts for start, stop in part) + distributed.size()
    largest = bound(norms[0], norms[1], rows, blocks, UNIT.get(place.type, max(UNIT.values())))
    return CertifiedTile(_correlations(total, (norms[0], norms[1])), largest, (norms[0].doubtful, norms[1].doubtful))


def forget(title: str, two: bool, checkpoint: Checkpoint) -> None:
    """Remove this process's sums of a finished tile."""
    checkpoint.drop(f"{title}-{1 + two}-part{distributed.rank()}of{distributed.size()}")


def _pieces_of(blocks: tuple[Any, ...], rows: int) -> Iterator[tuple[Any, Any]]:
    x, y = blocks
    for start in range(0, len(x), rows):
        yield x[start : start + rows], y[start : start + rows]


def _correlations(total: Any, norms: tuple[Norms, Norms]) -> Any:
    """Return float32 correlations from the products of shifted columns; `total` is written over."""
    import torch

    scales, sums = [], []
    for one in norms:
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(one.doubtful | (one.spread == 0), np.nan, 1 / np.sqrt(one.spread))
        scales.append(torch.from_numpy(scale).to(total.device))
        sums.append(torch.from_numpy(one.sums[0]).to(total.device))
    total.addr_(sums[0], sums[1], alpha=-1 / norms[0].positions)
    rho = total.mul_(scales[0][:, None]).mul_(scales[1]).clamp_(-1, 1).float()
    return rho.numpy() if rho.device.type == "cpu" else rho


def _summed(own: Any) -> Any:
    """Return the sum of all processes' arrays, in the order of the processes."""
    if distributed.size() == 1:
        return own
    total = arrays.library(own).zeros_like(own)
    for owner in range(distributed.size()):
        one = arrays.copied(own)
        distributed.send(one, owner)
        total += one
    return total
