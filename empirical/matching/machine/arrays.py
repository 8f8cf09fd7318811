"""Arrays of the exact engine: NumPy's on the CPU, torch's on other devices.

Both are indexed and calculated with alike. Here are the few operations that differ. Torch is imported only where a
device asks for it, so that arrays are matched on the CPU without it.
"""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from ....errors import require_extra

if TYPE_CHECKING:
    import torch

Array: TypeAlias = Union[np.ndarray, "torch.Tensor"]
APART = 2**22  # bytes from which an array has memory of its own
LINE = 16  # float32 numbers of a line of the cache


def library(array: Any) -> Any:
    """Return the library that an array is of: numpy or torch."""
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def empty(shape: Sequence[int], device: str) -> Any:
    """Return a float32 array that is not written to yet; on the CPU it begins with a line of the cache.

    The processor reads and writes a vector that lies across two lines as two.
    """
    if device == "cpu":
        size = math.prod(shape)
        room = np.empty(size + LINE, dtype=np.float32)
        first = -room.ctypes.data // room.itemsize % LINE
        return room[first : first + size].reshape(tuple(shape))
    import torch

    return torch.empty(tuple(shape), dtype=torch.float32, device=device)


def apart(shape: Sequence[int], kind: Any) -> np.ndarray:
    """Return zeros in memory of their own, which goes back to the system when nobody has the array any more.

    Where commands let memory be used again (`threads`), large arrays that come and go leave room between smaller ones
    that stay, too small for the next large one: with every tile a process would grow.
    """
    size = math.prod(shape) * np.dtype(kind).itemsize
    if size < APART or not hasattr(mmap, "MAP_PRIVATE"):
        return np.zeros(tuple(shape), dtype=kind)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a system without large pages
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=kind).reshape(tuple(shape))


def zeros(shape: Sequence[int], device: str) -> Any:
    """Return float64 zeros.

    Raises
    ------
    InputError
        If the device does not exist, or has no such numbers.
    MissingExtraError
        If it is another than the CPU, and torch is missing.
    """
    if device == "cpu":
        return np.zeros(tuple(shape))
    require_extra("torch")
    import torch

    from ...checkpoints.hub import moved

    return moved(torch.zeros(tuple(shape), dtype=torch.float64), device)


def zeros_like(array: Any, columns: int) -> Any:
    """Return float64 zeros, shape (columns,), where an array is."""
    return (
        np.zeros(columns) if isinstance(array, np.ndarray) else array.new_zeros(columns, dtype=library(array).float64)
    )


def like(block: Any, array: Any) -> Any:
    """Return a block of activations, rows contiguous, where an array is."""
    if isinstance(block, np.ndarray):
        # The passes over a block go row by row: an array kept column by column is turned once, not in each of them.
        by_rows = block.shape[1] == 1 or block.strides[1] == block.itemsize
        block = block if by_rows else np.ascontiguousarray(block)
    if isinstance(array, np.ndarray):
        return block if isinstance(block, np.ndarray) else block.cpu().numpy()
    torch = library(array)
    return (torch.from_numpy(block) if isinstance(block, np.ndarray) else block).to(array.device)


def placed(values: np.ndarray, array: Any) -> Any:
    """Return NumPy's values where an array is."""
    return values if isinstance(array, np.ndarray) else library(array).from_numpy(values.copy()).to(array.device)


def on_host(array: Any) -> np.ndarray:
    """Return an array as NumPy's."""
    return array if isinstance(array, np.ndarray) else array.cpu().numpy()


def copied(array: Any) -> Any:
    """Return a copy that keeps every bit."""
    return array.copy() if isinstance(array, np.ndarray) else array.clone()


def cast(array: Any, kind: Any) -> Any:
    """Return an array in the precision of another dtype of its library."""
    return array.astype(kind, copy=False) if isinstance(array, np.ndarray) else array.to(kind)


def places(mask: Any) -> Any:
    """Return where a mask of one dimension is true."""
    return mask.nonzero()[0] if isinstance(mask, np.ndarray) else mask.nonzero()[:, 0]
