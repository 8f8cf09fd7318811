"""Vector operations of kernels: in the processor's vector instructions, or in plain loops with the same bits.

`simd` writes these instructions through interfaces that numba calls private, so that a later numba may lack them or
give them another meaning. It is taken with the versions up to `NEWEST`, which were tried; `loops` beyond them, and
where an interface is missing. ``python -m benchmarks vectors`` measures what it gains.
"""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any

from . import loops

NEWEST = {"numba": (0, 68), "llvmlite": (0, 50)}  # tried; raise them when tests/matching/test_vectors.py passes
LOG = logging.getLogger("rosettalaw")


def chosen(newest: dict[str, tuple[int, int]] = NEWEST) -> ModuleType:
    """Return `simd`, or `loops` where numba or llvmlite is newer than those tested or lacks an operation."""
    for name, tried in newest.items():
        installed = tuple(int(part) for part in re.findall(r"\d+", version(name))[:2])
        if installed > tried:
            LOG.debug("%s %s is newer than any tried: kernels use plain loops", name, version(name))
            return loops
    try:
        return importlib.import_module(f"{__package__}.simd")
    except (ImportError, AttributeError, TypeError) as error:
        LOG.debug("numba's private interface differs: kernels use plain loops (%s)", error)
        return loops


_CHOSEN = chosen()
DEEP, LANES, STEP = loops.DEEP, loops.LANES, loops.STEP
inner: Callable[..., Any] = _CHOSEN.inner
turn: Callable[..., Any] = _CHOSEN.turn
fetch: Callable[..., Any] = _CHOSEN.fetch
move: Callable[..., Any] = _CHOSEN.move
multiply: Callable[..., Any] = _CHOSEN.multiply
