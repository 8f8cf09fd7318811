"""Threads of the linear algebra, and pages of its memory, in a process that is a command's own.

OpenBLAS makes its threads when NumPy is loaded. Between products they look for work, at full load, for some hundredths
of a second: so long the threads of other kernels share processors with them, and take up to four times as long.

The first touch of memory costs more than a copy of it where pages have 4 kB. NumPy asks the system for large pages,
PyTorch does where an environment variable says so: pooling of activations is then up to three times as fast.
"""

from __future__ import annotations

import os

IDLE = "12"  # the logarithm, to base 2, of the clock ticks after which a thread without work sleeps


def prepare(few: bool = False) -> None:
    """Let threads without work sleep soon; where there is `few` arithmetic, make none. A user's settings are kept.

    To be called before NumPy is loaded; later it changes nothing but what processes to be started do.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", IDLE)
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if few:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
