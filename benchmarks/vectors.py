"""Speed of the vector operations of the screened engine's kernels: vector instructions against plain loops.

Both give the same bits. Processor seconds of one thread, in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

import numba
import numpy as np

from rosettalaw.empirical.matching.machine import loops, simd
from rosettalaw.empirical.matching.screening.pair_kernels import SHORT

from .timing import Ratio, seconds

UNITS, PAIRS = 2048, 40_000
FASTER = {"products of pairs": 3.0, "turns of 16 × 16": 1.5, "products of 8 × 32": 3.0}


def run() -> list[Ratio]:
    slow, fast = _works(loops), _works(simd)
    ratios = []
    for name, bound in FASTER.items():
        plain, instructions = seconds(slow[name], fast[name], repeats=10, clock=time.process_time)
        detail = f"({1e3 * instructions:.3g} ms against {1e3 * plain:.3g} ms)"
        ratios.append(
            Ratio(f"{name}, vector instructions against plain loops", plain / instructions, bound, True, detail)
        )
    return ratios


def _works(operations: ModuleType) -> dict[str, Callable[[], object]]:
    """Return each operation as a computation on random numbers, as `add_products` calls it."""
    inner, turn, multiply = operations.inner, operations.turn, operations.multiply

    @numba.njit
    def pairs(a, b, of_a, of_b, cross):
        for p in range(len(of_a)):
            cross[p] += inner(a, of_a[p] * SHORT, b, of_b[p] * SHORT, SHORT)

    @numba.njit
    def turns(rows, shift, turned, totals):
        for j in range(0, UNITS, 16):
            for low in range(0, SHORT, 16):
                turn(rows, low * UNITS + j, UNITS, shift, j, turned, j * SHORT + low, SHORT, totals, 0, totals, 16)

    @numba.njit
    def products(b, some, crossed):
        for v in range(0, UNITS, 8):
            multiply(b, v * SHORT, SHORT, some, 0, crossed, v * 32, 32, SHORT)

    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((UNITS, SHORT), dtype=np.float32) for _ in "ab")
    of_a, of_b = np.sort(rng.integers(0, UNITS, PAIRS)), rng.integers(0, UNITS, PAIRS)
    rows, some = (rng.standard_normal(shape, dtype=np.float32) for shape in ((SHORT, UNITS), (SHORT, 32)))
    cross, totals, shift = np.zeros(PAIRS), np.zeros((2, 16), np.float32), np.zeros(UNITS, np.float32)
    turned, crossed = np.zeros((UNITS, SHORT), np.float32), np.zeros((UNITS, 32), np.float32)
    return {
        "products of pairs": lambda: pairs(a, b, of_a, of_b, cross),
        "turns of 16 × 16": lambda: turns(rows, shift, turned, totals),
        "products of 8 × 32": lambda: products(b, some, crossed),
    }
