"""Means, scales and extremes of all columns of a source, by one reading of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...activations.source import ActivationSource
from ..exact import pooled
from ..machine import arrays, distributed
from ..machine.checkpoint import Checkpoint
from ..machine.reading import Block, read
from ..moments import Centred, Moments, NonFinite


def moments_of(
    source: ActivationSource,
    side: int,
    width: int,
    parts: Sequence[Sequence[Block]],
    device: str,
    checkpoint: Checkpoint,
    name: str,
    advance: Callable[[float], None],
) -> tuple[Moments, np.ndarray]:
    """Return the moments of all columns, on the CPU, the same as the exact engine's, and their reach.

    Reach is the largest deviation from the mean; infinite on other devices than the CPU.

    Parameters
    ----------
    side : {0, 1}
        A or B.
    width : int
        Columns worked on at a time.
    parts : sequence of sequences of (start, stop)
        Blocks of positions; with several processes each reads its own parts.
    name : str
        What they are called on disk.

    Raises
    ------
    NonFinite
        If an activation is not finite.
    """
    stored = checkpoint.load(name)
    if stored is not None and "reach" in stored:
        advance(source.positions)
        return Moments(source.positions, stored["mean"], stored["square"]), stored["reach"]
    neurons, longest = len(source.layer), max(stop - start for blocks in parts for start, stop in blocks)
    whole = Moments(source.positions, np.zeros(neurons), np.zeros(neurons))
    own = range(distributed.rank(), len(parts), distributed.size())
    reach = np.full(neurons, np.inf)
    lengths = [sum(stop - start for start, stop in blocks) for blocks in parts]
    for low in range(0, neurons, width):
        columns = slice(low, min(low + width, neurons))
        count = columns.stop - low
        centred = Centred(arrays.empty([longest + 2, count], device), 1 - 2 * side)
        values = arrays.zeros([len(parts), 2, count], device)
        ends = np.tile([[np.inf], [-np.inf]], (len(parts), 1, count))
        blocks = read(source, [block for j in own for block in parts[j]], columns, device) if len(own) else iter(())
        for j in own:
            centred.restart()
            for start, stop in parts[j]:
                block = next(blocks)
                try:
                    if device == "cpu":
                        centred.measure(block, *ends[j])
                    else:
                        centred.take(block)
                except NonFinite as error:
                    raise NonFinite(side, error.columns + low) from None
                advance((stop - start) * count / neurons)
            values[j, 0], values[j, 1] = centred.moments.mean, centred.moments.square
        for j in range(len(parts)):
            distributed.send(values[j], j % distributed.size())
            distributed.send(ends[j], j % distributed.size())
        merged = pooled([Moments(n, *part) for n, part in zip(lengths, values, strict=True)])[0]
        whole.mean[columns], whole.square[columns] = arrays.on_host(merged.mean), arrays.on_host(merged.square)
        if device == "cpu":
            reach[columns] = np.maximum(
                ends[:, 1].max(0) - whole.mean[columns], whole.mean[columns] - ends[:, 0].min(0)
            )
    if distributed.rank() == 0:
        checkpoint.save(name, {"mean": whole.mean, "square": whole.square, "reach": reach})
    return whole, reach
