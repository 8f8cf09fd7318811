"""Stored halves turned back into float32 as fast as memory allows.

A copy of half the size holds (x − shift)/scale as float16 (`copies`). Turned back expression by expression, a block is
written three times, to new memory each time, by one thread, and this takes several times as long as the reading. Here
it is done in strips that fit the processor's cache, by torch where the process has loaded it (its conversion uses all
threads), and in memory that was used before. All ways give the same bits: the scale is a power of two, so that only the
addition rounds.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

import numpy as np

STRIP = 1 << 19  # numbers turned back at a time


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
    """What all arrays of a piece of memory hold: its end gives the memory back."""

    def __init__(self, interface: dict[str, Any]):
        self.__array_interface__ = interface


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
    torch = sys.modules.get("torch")
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
