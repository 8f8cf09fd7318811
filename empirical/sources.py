"""The one input shape of every measurement: aligned activation blocks, positions × neurons.

A source is one model seen at a list of aligned positions (text spans, image cells, or rows of an array). It can be
read any number of times, always in the same order, so that two sources with equally many positions can be read side
by side. Whatever produced the activations, only sources are matched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class ActivationSource(Protocol):
    """Activations of one model at aligned positions.

    A source that makes them on a device may also have a method ``tensors(size)``, which yields the same blocks as
    torch tensors that stay there. One that can begin at a later position may have ``blocks_from(size, first)``, which
    yields the same positions as ``blocks(size)`` from `first` on, to the last bit.

    Attributes
    ----------
    name : str
        What messages and results call the model (a path, a hub id).
    layer, unit : ndarray of int, shape (neurons,)
        Layer of each neuron, and its index within that layer; neurons count over all layers in order.
    positions : int
        Number of aligned positions.
    """

    name: str
    layer: np.ndarray
    unit: np.ndarray
    positions: int

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield float32 blocks of shape (size, neurons), the last one shorter, `positions` rows in all."""
        ...


def blocks_from(source: ActivationSource, size: int, first: int) -> Iterator[np.ndarray]:
    """Yield a source's activations from position `first` on; a source that cannot begin there is read up to it."""
    begun = getattr(source, "blocks_from", None)
    if first and begun is not None:
        yield from begun(size, first)
        return
    left = first
    for block in source.blocks(size):
        if left < len(block):
            yield block[left:]
        left = max(left - len(block), 0)


def tensors(source: ActivationSource, size: int) -> Iterator[Any]:
    """Yield a source's blocks where they were made: as tensors on their device, or else as arrays."""
    made = getattr(source, "tensors", None)
    return source.blocks(size) if made is None else made(size)
