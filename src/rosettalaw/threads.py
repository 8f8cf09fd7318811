"""Threads of the linear algebra, and memory of its arrays, in a process that is a command's own.

OpenBLAS makes its threads when NumPy is loaded. Between products they look for work, at full load, for some hundredths
of a second: so long the threads of other kernels share processors with them, and take up to four times as long.

The first touch of memory costs more than a copy of it where pages have 4 kB. NumPy asks the system for large pages,
PyTorch does where an environment variable says so: pooling of activations is then up to three times as fast. And glibc
gives every large array that is freed back to the system, which clears the pages again for the next one: up to a quarter
of the time of a model that is read in batches. Commands let it use them again instead, and give back what is left when
a model was read (`return_memory`): what was needed for that would stay in use until the end.
"""

from __future__ import annotations

import contextlib
import os
import sys

IDLE = "12"  # the logarithm, to base 2, of the clock ticks after which a thread without work sleeps
TRIM_THRESHOLD, MMAP_MAX = -1, -4  # of glibc's mallopt
MOST = 2**31 - 1


def prepare(few: bool = False) -> None:
    """Let threads without work sleep soon; where there is `few` arithmetic, make none. A user's settings are kept.

    To be called before NumPy is loaded; later it changes nothing but what processes to be started do.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", IDLE)
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if few:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    elif not any(name.startswith("MALLOC_") for name in os.environ):
        reuse_memory()


def reuse_memory() -> None:
    """Let memory of freed arrays be used again, where the C library is glibc; elsewhere nothing changes."""
    for name, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, MOST)):
        _of_glibc("mallopt", name, value)


def return_memory() -> None:
    """Give memory of freed arrays back to the system, after a stage that needed more than the next one will."""
    _of_glibc("malloc_trim", 0)


def _of_glibc(function: str, *values: int) -> None:
    """Call a function of the C library, where it is glibc."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), function)(*values)
