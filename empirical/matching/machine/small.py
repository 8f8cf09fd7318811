"""Small matchings: one thread and no compiler, because waking and loading these takes longer than the work itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

from ....lazy import imported

SMALL = 2e10  # products of two activations; about a second of one core
_small: ContextVar[bool] = ContextVar("small", default=False)


def kernels() -> ModuleType:
    """Return the passes over memory around the products: in NumPy for a small matching, compiled for others."""
    if _small.get():
        from . import plain

        return plain
    from . import kernels as compiled

    return compiled


@contextmanager
def sized(products: float) -> Iterator[None]:
    """Work with one thread and `plain` kernels where fewer than `SMALL` products are to be formed.

    Numbers of threads are as before afterwards.
    """
    if products >= SMALL:
        yield
        return
    from threadpoolctl import threadpool_limits

    token = _small.set(True)
    numba, torch = imported("numba"), imported("torch")  # of the screened engine, and of tensors
    before = numba and numba.get_num_threads(), torch and torch.get_num_threads()
    try:
        with threadpool_limits(1, "blas"):
            _set_threads(numba and 1, torch and 1)
            yield
    finally:
        _set_threads(*before)
        _small.reset(token)


def _set_threads(of_numba: int | None, of_torch: int | None) -> None:
    if of_numba:
        sys.modules["numba"].set_num_threads(of_numba)
    if of_torch:
        sys.modules["torch"].set_num_threads(of_torch)
