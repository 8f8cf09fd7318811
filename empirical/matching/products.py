"""Products of one tile: which parts are computed here, which are found on disk, which come from other processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..sources import ActivationSource
from . import distributed
from .checkpoint import Checkpoint
from .exact import Tile
from .moments import Centred, Moments
from .precision import Product
from .reading import Block, aligned_blocks

SAVE_EVERY = 5.0  # seconds of work that a killed run may lose


class Workspace:
    """The memory that tiles are computed in, allotted once.

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
    """

    def __init__(
        self, tile: tuple[int, int], parts: Sequence[Sequence[Block]], product: Product, device: str, memory: int = 0
    ):
        self.parts, self.product, self.memory, self._device = parts, product, memory, device
        self.sketch: Any = None  # side A's, which the screened engine's nulls share
        self._longest = max(stop - start for blocks in parts for start, stop in blocks)
        self._flat = torch.empty(len(parts) * tile[0] * tile[1], dtype=torch.float32, device=device)
        self._rows = [torch.empty((self._longest + 2) * width, device=device) for width in tile]

    def tile(
        self,
        a: ActivationSource,
        b: ActivationSource,
        columns: tuple[slice, slice],
        name: str,
        checkpoint: Checkpoint,
        advance: Callable[[int], None],
    ) -> Tile:
        """Return the products of a tile; `name` is what its parts are called on disk."""
        widths = tuple(piece.stop - piece.start for piece in columns)
        count = len(self.parts)
        cross = self._flat[: count * widths[0] * widths[1]].view(count, *widths)
        moments = [torch.zeros(2 * sum(widths), dtype=torch.float64, device=cross.device) for _ in range(count)]

        own = [j for j in range(count) if j % distributed.size() == distributed.rank()]
        pending = []
        for j in own:
            held = checkpoint.load(f"{name}-part{j}")
            if held is None:
                pending.append(j)
                continue
            cross[j] = torch.from_numpy(held["cross"])
            moments[j][:] = torch.from_numpy(held["moments"])
            advance(_length(self.parts[j]))

        sides = tuple(
            Centred(rows[: (self._longest + 2) * width].view(-1, width), sign)
            for rows, width, sign in zip(self._rows, widths, (+1, -1), strict=True)
        )
        stream = aligned_blocks(a, b, [block for j in pending for block in self.parts[j]], columns, self._device)
        unsaved, saved_at = [], time.monotonic()
        for j in pending:
            for side in sides:
                side.restart()
            for number, (start, stop) in enumerate(self.parts[j]):
                x, y = next(stream)
                self.product.add(cross[j], sides[0].take(x), sides[1].take(y), first=number == 0)
                advance(stop - start)
            moments[j][:] = torch.cat([value for side in sides for value in (side.moments.mean, side.moments.square)])
            unsaved.append(j)
            if time.monotonic() - saved_at > SAVE_EVERY:
                for one in unsaved:
                    arrays = {"cross": cross[one].cpu().numpy(), "moments": moments[one].cpu().numpy()}
                    checkpoint.save(f"{name}-part{one}", arrays)
                unsaved, saved_at = [], time.monotonic()

        for j in range(count):
            distributed.send(cross[j], j % distributed.size())
            distributed.send(moments[j], j % distributed.size())
        split = [torch.split(values, [widths[0], widths[0], widths[1], widths[1]]) for values in moments]
        lengths = [_length(blocks) for blocks in self.parts]
        return Tile(
            cross,
            [Moments(n, part[0], part[1]) for n, part in zip(lengths, split, strict=True)],
            [Moments(n, part[2], part[3]) for n, part in zip(lengths, split, strict=True)],
        )

    def forget(self, name: str, checkpoint: Checkpoint) -> None:
        """Remove a finished tile's parts from disk."""
        for j in range(len(self.parts)):
            checkpoint.drop(f"{name}-part{j}")


def _length(blocks: Sequence[Block]) -> int:
    return int(np.sum([stop - start for start, stop in blocks]))
