"""Speed of the vector operations of the screened engine's kernels: vector instructions against plain loops.

Both give the same bits. Processor seconds of one thread, in turn. Lines that are asked for ahead are measured in the
kernel itself, with all threads, on a file larger than caches: plain loops ask for none.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from unittest import mock

import numba
import numpy as np

from rosettalaw.empirical.matching.machine import loops, simd
from rosettalaw.empirical.matching.screening import pair_kernels
from rosettalaw.empirical.matching.screening.pair_kernels import SHORT
from rosettalaw.empirical.matching.screening.pair_products import _Sums

from .timing import Ratio, seconds

UNITS, PAIRS = 2048, 40_000
POSITIONS, WIDE = 32_768, 8192  # of the file
FASTER = {
    "products of pairs": 3.0,
    "turns of 16 × 16": 1.5,
    "products of 8 × 32": 3.0,
    "copies of 64 numbers": 1.1,
}


def run() -> list[Ratio]:
    slow, fast = _works(loops), _works(simd)
    ratios = []
    for name, bound in FASTER.items():
        plain, instructions = seconds(slow[name], fast[name], repeats=10, clock=time.process_time)
        detail = f"({1e3 * instructions:.3g} ms against {1e3 * plain:.3g} ms)"
        ratios.append(
            Ratio(f"{name}, vector instructions against plain loops", plain / instructions, bound, True, detail)
        )
    return [*ratios, _ahead()]


def _ahead() -> Ratio:
    """Correlate half of a file's units with each other, with and without asking for lines ahead."""
    names = vars(pair_kernels)
    columns = FunctionType(names["_columns"].py_func.__code__, {**names, "fetch": loops.fetch})
    whole = FunctionType(names["add_products"].py_func.__code__, {**names, "_columns": numba.njit(columns)})
    ways = numba.njit(parallel=True)(whole), pair_kernels.add_products
    units = np.arange(0, WIDE, 2)
    pairs, shift = (np.arange(len(units)), np.arange(len(units))[::-1]), np.zeros(len(units), np.float32)
    sums = _Sums((units, units), (shift, shift), pairs, units[:0], (WIDE, WIDE))
    sums.restart()

    def work(kernel: Callable[..., object], file: np.ndarray) -> None:
        with mock.patch.object(pair_kernels, "add_products", kernel):
            sums.add(file[: POSITIONS // 2], file[POSITIONS // 2 :])

    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        file = np.lib.format.open_memmap(Path(folder) / "x.npy", mode="w+", dtype=np.float32, shape=(POSITIONS, WIDE))
        file[:] = np.random.default_rng(0).standard_normal((POSITIONS, 1), np.float32)
        plain, ahead = seconds(*(partial(work, kernel, file) for kernel in ways))
    claim = "products of chosen pairs from a file, without asking for lines ahead over with it"
    return Ratio(claim, plain / ahead, 1.0, True, f"({plain:.3g} s and {ahead:.3g} s)")


def _works(operations: ModuleType) -> dict[str, Callable[[], object]]:
    """Return each operation as a computation on random numbers, as `add_products` calls it."""
    inner, turn, multiply = operations.inner, operations.turn, operations.multiply
    move = operations.move

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

    @numba.njit
    def copies(a, of_a, out):
        for p in range(len(of_a)):
            move(a, of_a[p] * SHORT, out, p % UNITS * SHORT, SHORT)

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
        "copies of 64 numbers": lambda: copies(a, of_a, turned),
    }
