"""Correlations of one tile from half-precision products, and their bound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...activations.source import ActivationSource
from .. import products
from ..machine import arrays, distributed
from ..machine.checkpoint import Checkpoint
from ..machine.reading import Block, read
from ..moments import Moments
from .bound import UNIT, Norms, bound
from .integers import HostIntegers, IntegerSums, rows_at_once
from .pieces import pieces_of
from .rounded import Rounded
from .sums import DeviceSums, HostSums, merge, merged

ROWS = 2048  # positions summed in float32 on the CPU: more are faster, and loosen the bound
ROWS_ELSEWHERE = 1024
DIGITS = 2.0**20


@dataclass(frozen=True)
class CertifiedTile:
    """Correlations of a tile, float32, and how far they can be off.

    Attributes
    ----------
    rho : array, shape (tile's A, tile's B)
        NaN for constant columns, and for doubtful ones.
    error : array of the same shape, or float
        No other correlation is further than this from the true one.
    doubtful : pair of ndarray of bool
        Columns of A and of B of which nothing is known (`bound`).
    """

    rho: Any
    error: Any
    doubtful: tuple[np.ndarray, np.ndarray]

    @property
    def largest_error(self) -> float:
        """The largest error of a correlation, rounded up to a few digits; 0 if there is none."""
        if isinstance(self.error, float):
            return self.error
        some = np.fmax.reduce(self.error, axis=None, initial=0)
        return float(np.ceil(some * DIGITS) / DIGITS)


def certified_tile(
    sources: tuple[ActivationSource, ActivationSource],
    columns: tuple[slice, slice],
    moments: tuple[Moments, Moments],
    two: bool,
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
    title: str = "",
    advance: Callable[[float], None] = lambda positions: None,
    reach: tuple[np.ndarray, np.ndarray] | None = None,
    rounded: Rounded | None = None,
) -> CertifiedTile:
    """Correlate some columns of two sources; with several processes each reads its own blocks.

    Parameters
    ----------
    moments : pair of Moments
        Of all columns (`standard`).
    two : bool
        Whether columns are split into two pieces.
    checkpoint, title :
        Where the sums so far are saved, and under which name.
    reach : pair of ndarray, optional
        Largest deviation of each column from its mean (`standard`): columns become whole numbers of eight bits.
    rounded : Rounded, optional
        Columns of earlier tiles, which need no second reading; for one piece or whole numbers on the CPU.
    """
    checkpoint = checkpoint or Checkpoint(None, {})
    title = _name(title, two, reach is not None)
    widths = columns[0].stop - columns[0].start, columns[1].stop - columns[1].start
    positions = sources[0].positions
    most = ROWS if device == "cpu" else ROWS_ELSEWHERE
    rows = min(most if reach is None else rows_at_once(widths), positions)
    blocks = [(start, min(start + rows, positions)) for start in range(0, positions, rows)]
    ((mean, square), (mean2, square2)) = [
        (known.mean[some], known.square[some]) for known, some in zip(moments, columns, strict=True)
    ]
    if reach is None:
        how = positions, two, rows
        pieces = pieces_of(mean, square, *how, 0, device), pieces_of(mean2, square2, *how, 1, device)
        added = HostSums(widths, two) if device == "cpu" else DeviceSums(widths, two, device)
    else:
        one, other = reach[0][columns[0]], reach[1][columns[1]]
        pieces = (
            HostIntegers(mean, square, one, positions, rows, 0),
            HostIntegers(mean2, square2, other, positions, rows, 1),
        )
        added = IntegerSums(widths)
    own, done, saved_at = blocks[distributed.rank() :: distributed.size()], 0, time.monotonic()
    stored = checkpoint.load(title)
    if stored is not None:
        done = int(stored["done"])
        for name, values in added.sums.items():
            values[:] = arrays.placed(stored[name], values)
        for one, side in zip(pieces, "ab", strict=True):
            one.sums = arrays.placed(stored[side], one.sums)
    advance(sum(stop - start for start, stop in own[:done]))
    pending = own[done:]
    if two or device != "cpu" or done:
        rounded = None
    sides = [_Side(*of, rows, rounded) for of in zip(sources, pieces, columns, (0, 1), strict=True)]
    # Sums of columns from an earlier tile are those of all positions. Such tiles take seconds.
    resumable = all(side.earlier is None for side in sides)
    streams = [side.blocks(pending, device) for side in sides]
    for (start, stop), one, other in zip(pending, *streams, strict=True):
        added.add(one, other)
        advance(stop - start)
        done += 1
        if resumable and time.monotonic() - saved_at > products.SAVE_EVERY:
            sums = {side: arrays.on_host(one.sums) for one, side in zip(pieces, "ab", strict=True)}
            so_far = {name: arrays.on_host(values) for name, values in added.sums.items()}
            checkpoint.save(title, {"done": np.array(done), **so_far, **sums})
            saved_at = time.monotonic()
    added.sums = merge(added.sums)
    norms = tuple(Norms(arrays.on_host(merged(one.sums)), positions, reach is not None) for one in pieces)
    unit = UNIT.get(device.split(":")[0], max(UNIT.values())) if reach is None else 0.0
    number = len(blocks) + distributed.size()
    whole = bound(norms[0], norms[1], rows, number, unit)
    rho, error = added.correlations((norms[0], norms[1]), whole, number)
    return CertifiedTile(rho, error, (norms[0].doubtful, norms[1].doubtful))


class _Side:
    """One side's rounded blocks of a tile: those of an earlier tile, or read and rounded now."""

    def __init__(
        self, source: ActivationSource, pieces: Any, columns: slice, side: int, rows: int, rounded: Rounded | None
    ):
        self._source, self._pieces, self._columns, self._side, self._rounded = source, pieces, columns, side, rounded
        self._key = type(pieces).__name__, columns.start, columns.stop, rows
        self.earlier = rounded.whole(side, self._key) if rounded else None

    def blocks(self, pending: list[Block], device: str) -> Iterator[tuple[Any, Any]]:
        if self.earlier is not None:
            self._pieces.sums = self.earlier.sums
            yield from ((block, block) for block in self.earlier.blocks)
            return
        new = None
        if self._rounded:
            width = (self._columns.stop - self._columns.start) * self._pieces.bytes_each
            new = self._rounded.begun(self._side, width * sum(stop - start for start, stop in pending))
        for (start, _), x in zip(pending, read(self._source, pending, self._columns, device), strict=True):
            one, both = self._pieces.take(x, start)
            if new is not None:
                new.blocks.append(one.clone())
            yield one, both
        if new is not None and self._rounded:
            new.sums = self._pieces.sums
            self._rounded.ended(self._side, self._key, new)


def forget(title: str, checkpoint: Checkpoint) -> None:
    """Remove this process's sums of a finished tile."""
    for two, whole in ((False, True), (False, False), (True, False)):
        checkpoint.drop(_name(title, two, whole))


def _name(title: str, two: bool, whole: bool) -> str:
    kind = "whole" if whole else 1 + two
    return f"{title}-{kind}-blocks{distributed.rank()}of{distributed.size()}"
