"""Kernels of many points run: interpreted where points are few, compiled where they are many, in threads of slices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..compiled import REFUSED, Kernel

SLICE = 8192  # points solved at a time
FEW = 256  # points that are interpreted, a curve of a figure among them, in less time than the compiler is loaded
PATIENCE = 40_000  # points that a process interprets; then the compiler has paid

_interpreted = 0  # points, in this process


def run(points: Kernel, inputs: Sequence[np.ndarray], flag: bool, out: np.ndarray) -> np.ndarray:
    """Run a points kernel over `out`: interpreted for few points, compiled for many; the numbers are the same."""
    global _interpreted
    if len(out) <= FEW and _interpreted < PATIENCE and not points.in_use:
        _interpreted += len(out)
        try:
            points.interpreted(*(np.asarray(x, dtype=float).tolist() for x in inputs), flag, out)
            return out
        except REFUSED:
            pass
    points.compiled(*(np.ascontiguousarray(x, dtype=float) for x in inputs), flag, out)
    return out


def in_threads(points: Kernel, inputs: Sequence[np.ndarray], flag: bool, out: np.ndarray) -> np.ndarray:
    """Run a points kernel over `out` in slices that fit the cache; each point is computed alone, so bits agree.

    Own threads rather than numba's, one per core: a kernel may then be called from dask's workers or after a fork.
    """

    def work(part: slice) -> None:
        run(points, [x[part] for x in inputs], flag, out[part])

    slices = [slice(start, start + SLICE) for start in range(0, len(out), SLICE)]
    if len(slices) < 3:
        for part in slices:
            work(part)
        return out
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(work, slices):  # to the end, so that an error comes out
            pass
    return out
