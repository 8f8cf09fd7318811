"""Threads of small matchings: one, for waking several takes longer than the work that they would share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

SMALL = 2e10  # products of two activations; about a second of one core


@contextmanager
def threads_for(products: float) -> Iterator[None]:
    """Work with one thread, in numba's kernels and in torch, where fewer than `SMALL` products are to be formed.

    Numbers of threads are as before afterwards.
    """
    import numba
    import torch

    before = torch.get_num_threads(), numba.get_num_threads()
    if products >= SMALL or max(before) == 1:
        yield
        return
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])
