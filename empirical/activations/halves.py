"""Activations as halves and back, as fast as memory allows.

A copy of half the size holds (x − shift)/scale as float16 (`copies`): in each block of positions the shift is a
neuron's first value, and the scale the power of two that brings its largest deviation below 2¹⁵. Made and turned back
expression by expression, a block is written several times, to new memory each time, and this takes several times as
long as the reading. Here it is done in strips that fit the processor's cache, by torch's conversion where the process
has loaded it, and in memory that was used before. All ways give the same bits.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ...lazy import imported

STRIP = 1 << 19  # numbers worked on at a time
ALONE = 1 << 14  # numbers that torch converts in the thread that asks for it


class Room:
    """Memory for blocks, which is used again once no array of it is left.

    The system clears new memory page by page when it is first written to, which takes longer than the writing.
    """

    def __init__(self) -> None:
        self._free: list[np.ndarray] = []

    def array(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return a float32 array with any numbers in it."""
        size = int(np.prod(shape))
        try:
            memory = self._free.pop()
        except IndexError:
            memory = np.empty(size, dtype=np.float32)
        if memory.size < size:
            memory = np.empty(size, dtype=np.float32)
        lease = _Lease(memory[:size].__array_interface__)
        weakref.finalize(lease, self._free.append, memory).atexit = False
        return np.asarray(lease).reshape(shape)


class _Lease:
    """The object that all arrays of a piece of memory refer to: its end gives the memory back."""

    def __init__(self, interface: dict[str, Any]):
        self.__array_interface__ = interface


def halved(block: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a block as halves, by one thread: a model that runs meanwhile needs the others.

    Parameters
    ----------
    block : ndarray, shape (positions, neurons)

    Returns
    -------
    stored : float16 array, shape (positions, neurons)
    shift, scale : float32 arrays, shape (neurons,)
        ``scale * stored + shift`` is the block.
    """
    block = np.ascontiguousarray(block, dtype=np.float32)
    stored, rows = np.empty(block.shape, dtype=np.float16), max(STRIP // max(block.shape[1], 1), 1)
    room = np.empty((min(rows, len(block)), block.shape[1]), dtype=np.float32)
    with np.errstate(all="ignore"):  # the engine tells which neurons are not finite
        shift = block[0]
        largest = np.maximum(block.max(0) - shift, shift - block.min(0))  # rounding keeps order: of |x − shift| too
        scale = np.exp2(np.frexp(largest)[1] - 15.0).astype(np.float32)
        for first in range(0, len(block), rows):
            strip = block[first : first + rows]
            deviation = np.subtract(strip, shift, out=room[: len(strip)])
            np.divide(deviation, scale, out=deviation)
            _convert(deviation.reshape(-1), stored[first : first + rows].reshape(-1))
    return stored, shift, scale


def _convert(numbers: np.ndarray, out: np.ndarray) -> None:
    torch = imported("torch")
    if torch is None:
        out[:] = numbers
        return
    source, target = torch.from_numpy(numbers), torch.from_numpy(out)
    for first in range(0, len(numbers), ALONE):
        target[first : first + ALONE].copy_(source[first : first + ALONE])


def restore(stored: np.ndarray, scale: np.ndarray, shift: np.ndarray, out: np.ndarray) -> None:
    """Write scale · stored + shift to `out`.

    Parameters
    ----------
    stored : float16 array, shape (positions, neurons)
    scale, shift : float32 arrays, shape (neurons,)
        A power of two, and the value that was taken off.
    out : float32 array, shape (positions, neurons)
    """
    rows = max(STRIP // max(stored.shape[1], 1), 1)
    torch = imported("torch")
    if torch is None or not stored.flags.writeable:
        with np.errstate(all="ignore"):  # the engine tells which neurons are not finite
            for first in range(0, len(stored), rows):
                strip = out[first : first + rows]
                strip[:] = stored[first : first + rows]
                strip *= scale
                strip += shift
        return
    source, target, *each = (torch.from_numpy(one) for one in (stored, out, scale, shift))
    for first in range(0, len(stored), rows):
        target[first : first + rows].copy_(source[first : first + rows]).mul_(each[0]).add_(each[1])
