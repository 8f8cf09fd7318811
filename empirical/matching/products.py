"""Products of tiles: parts computed here, read from disk, or received from other processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..activations.source import ActivationSource
from .exact import Tile
from .machine import arrays, distributed
from .machine.checkpoint import Checkpoint
from .machine.precision import Product
from .machine.reading import Block, read
from .moments import Centred, Moments

SAVE_EVERY = 5.0  # seconds of work that a killed run may lose


class Workspace:
    """The memory that tiles are computed in, allotted once for all that follow each other (`free`).

    Parameters
    ----------
    tile : pair of int
        Largest tile.
    parts : sequence of sequences of (start, stop)
        Blocks of positions of each part.
    product : Product
        In which precision blocks are multiplied.
    device : str
        Where.
    memory : int
        Bytes that the screened engine's sums may take on it.
    at_once : int
        Largest number of sources that A is multiplied with in one reading.
    draws : bool
        Whether draws of nulls follow, for which the screened engine keeps small sketches of both sides.
    """

    def __init__(
        self,
        tile: tuple[int, int],
        parts: Sequence[Sequence[Block]],
        product: Product,
        device: str,
        memory: int = 0,
        at_once: int = 1,
        draws: bool = False,
    ):
        self.parts, self.product, self.memory, self.at_once, self._device = parts, product, memory, at_once, device
        self.sketch: Any = None  # side A's, which the screened engine's nulls share
        self.weakest = float("nan")  # correlation of the screened engine's pairs, below which its nulls do not matter
        self.moments: Any = (
            None  # A's, with its reach, which the certified engine's nulls share; B's of the screened one
        )
        self.draws = draws
        self.shifts: Any = None  # and these sketches
        self.rounded: Any = None  # columns that the certified engine has rounded
        self._longest = max(stop - start for blocks in parts for start, stop in blocks)
        self._tile = tile
        self._allotted: tuple[Any, list[Any]] | None = None

    def free(self) -> None:
        """Give up the memory of tiles until the next one: what is made of their best partners takes as much."""
        self._allotted = None

    def _rooms(self) -> tuple[Any, list[Any]]:
        """Return the memory of products, and that of centred rows of both sides."""
        if self._allotted is None:
            flat = arrays.empty([self.at_once * len(self.parts) * self._tile[0] * self._tile[1]], self._device)
            rows = [arrays.empty([(self._longest + 2) * width], self._device) for width in self._tile]
            self._allotted = flat, rows
        return self._allotted

    def tiles(
        self,
        a: ActivationSource,
        several: Sequence[ActivationSource],
        columns: tuple[slice, slice],
        names: Sequence[str],
        checkpoint: Checkpoint,
        advance: Callable[[int], None],
    ) -> list[Tile]:
        """Return the products of A's columns with those of each source, reading A once.

        Parameters
        ----------
        several : sequence of ActivationSource
            At most `at_once`.
        columns : pair of slice
            Neurons of A, and of each source.
        names : sequence of str
            What the parts of each source's tile are called on disk.
        """
        widths = tuple(piece.stop - piece.start for piece in columns)
        count, number = len(self.parts), len(several)
        flat, rooms = self._rooms()
        cross = flat[: number * count * widths[0] * widths[1]].reshape(number, count, *widths)
        moments = arrays.zeros([number, count, 2 * sum(widths)], self._device)

        own = [j for j in range(count) if j % distributed.size() == distributed.rank()]
        pending = [j for j in own if not self._recall(j, names, checkpoint, cross, moments)]
        advance(number * sum(_length(self.parts[j]) for j in set(own) - set(pending)))

        sized = zip(rooms, widths, strict=True)
        rows_a, rows_b = (rows[: (self._longest + 2) * width].reshape(-1, width) for rows, width in sized)
        # One room for all B's rows: a product is done with them before the next source's are written.
        left, right = Centred(rows_a, +1), [Centred(rows_b, -1) for _ in several]
        blocks = [block for j in pending for block in self.parts[j]]
        # Each source's block is asked for when it is its turn: one of B's is held at a time, however many there are.
        first = read(a, blocks, columns[0], self._device)
        others = [read(source, blocks, columns[1], self._device) for source in several]
        unsaved, saved_at = [], time.monotonic()
        for j in pending:
            for side in (left, *right):
                side.restart()
            for turn, (start, stop) in enumerate(self.parts[j]):
                rows = left.take(next(first))
                for product, side, stream in zip(cross[:, j], right, others, strict=True):
                    self.product.add(product, rows, side.take(next(stream)), first=turn == 0)
                advance(number * (stop - start))
            for loaded, side in zip(moments[:, j], right, strict=True):
                values = [value for one in (left, side) for value in (one.moments.mean, one.moments.square)]
                loaded[:] = arrays.library(loaded).concatenate(values)
            unsaved.append(j)
            if time.monotonic() - saved_at > SAVE_EVERY:
                self._keep(unsaved, names, checkpoint, cross, moments)
                unsaved, saved_at = [], time.monotonic()

        for j in range(count):
            for loaded in (*cross[:, j], *moments[:, j]):
                distributed.send(loaded, j % distributed.size())
        lengths = [_length(part) for part in self.parts]
        return [_tile(product, loaded, lengths, widths) for product, loaded in zip(cross, moments, strict=True)]

    def _recall(self, j: int, names: Sequence[str], checkpoint: Checkpoint, cross: Any, moments: Any) -> bool:
        """Take part j of all tiles from disk, or say that it is not all there."""
        loaded = [checkpoint.load(f"{name}-part{j}") for name in names]
        for number, one in enumerate(loaded):
            if one is not None:
                cross[number, j] = arrays.like(one["cross"], cross)
                moments[number, j] = arrays.placed(one["moments"], moments)
        return all(one is not None for one in loaded)

    def _keep(self, parts: list[int], names: Sequence[str], checkpoint: Checkpoint, cross: Any, moments: Any) -> None:
        for number, name in enumerate(names):
            for j in parts:
                values = {"cross": cross[number, j], "moments": moments[number, j]}
                checkpoint.save(f"{name}-part{j}", {key: arrays.on_host(value) for key, value in values.items()})

    def forget(self, name: str, checkpoint: Checkpoint) -> None:
        """Remove a finished tile's parts from disk."""
        for j in range(len(self.parts)):
            checkpoint.drop(f"{name}-part{j}")


def _tile(cross: Any, moments: Any, lengths: Sequence[int], widths: Sequence[int]) -> Tile:
    """Return a tile from its parts' products, and the means and sums of squares of A and B of each part in a row."""
    ends = np.cumsum([0, widths[0], widths[0], widths[1], widths[1]])
    split = [[values[ends[i] : ends[i + 1]] for i in range(4)] for values in moments]
    a = [Moments(n, part[0], part[1]) for n, part in zip(lengths, split, strict=True)]
    b = [Moments(n, part[2], part[3]) for n, part in zip(lengths, split, strict=True)]
    return Tile(cross, a, b)


def _length(blocks: Sequence[Block]) -> int:
    return int(np.sum([stop - start for start, stop in blocks]))
