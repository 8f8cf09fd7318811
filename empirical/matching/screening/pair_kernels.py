"""Numba kernels of the exact products of chosen pairs.

Columns are turned into rows in blocks of `LANES` neighbours, straight from the array. All positions of a block are
turned before those of the next: what is written lies side by side then, and `SHORT` positions of thousands of columns
stay in the processor's cache until they are multiplied.
"""

from __future__ import annotations

import numba
import numpy as np

from ....compiled import njit
from ..machine import arrays
from ..machine.vectors import DEEP, LANES, STEP, inner, multiply, turn

SHORT = 64  # positions turned to columns at a time


def workspace(columns: int) -> np.ndarray:
    """Return room for so many turned columns, one for each thread."""
    return arrays.empty((numba.get_num_threads(), columns, SHORT), "cpu")


def watchroom(strips: int, columns: int, watched: int) -> np.ndarray:
    """Return room for the products of watched units with so many columns, one for each strip."""
    room = arrays.empty((strips, columns, padded(watched, STEP)), "cpu")
    room[:] = 0
    return room


def padded(number: int, step: int) -> int:
    """Return the next multiple of `step`."""
    return -(-number // step) * step


@njit(parallel=True, cache=True)
def add_products(
    x, begins_a, shift_a, y, begins_b, shift_b, pair_a, pair_b, room_a, room_b, cross, sums_a, sums_b, watched, crossed
):
    """Add Σ xy of chosen pairs, and Σ x and Σ x² of their units, over at most strips · `SHORT` positions.

    Parameters
    ----------
    x, y : float32 arrays, C-ordered, shape (a multiple of `SHORT`, neurons)
    begins_a, begins_b : int arrays, shape (blocks,)
        First column of each block of `LANES`.
    shift_a, shift_b : float32 arrays, shape (blocks · `LANES`,)
        What is taken off these columns.
    pair_a, pair_b : int arrays, shape (pairs,)
        Places among the blocks' columns, in the pairs' order.
    room_a, room_b : float32 arrays
        See `workspace`.
    cross : float64 array, shape (strips, pairs)
        One strip for `SHORT` positions, whatever the number of threads. Products of a strip are summed in float32,
        those sums in float64: an error of about 1e-8/√T.
    sums_a, sums_b : float64 arrays, shapes (strips, 2, blocks · `LANES`)
    watched : int array
        Places of A's columns whose products with all of B's are added to
    crossed : float32 array
        See `watchroom`.
    """
    for strip in numba.prange(x.shape[0] // SHORT):
        thread = numba.get_thread_id()  # pyright: ignore[reportPrivateImportUsage]
        turned_a, turned_b = room_a[thread], room_b[thread]
        _columns(x, strip * SHORT, shift_a, begins_a, turned_a, sums_a[strip])
        _columns(y, strip * SHORT, shift_b, begins_b, turned_b, sums_b[strip])
        for p in range(len(pair_a)):
            cross[strip, p] += inner(turned_a, pair_a[p] * SHORT, turned_b, pair_b[p] * SHORT, SHORT)
        width = crossed.shape[2]
        for low in range(0, len(watched), STEP):
            some = np.zeros((SHORT, STEP), np.float32)
            for u in range(min(STEP, len(watched) - low)):
                some[:, u] = turned_a[watched[low + u]]
            for v in range(0, crossed.shape[1], DEEP):
                multiply(turned_b, v * SHORT, SHORT, some, 0, crossed[strip], v * width + low, width, SHORT)


@njit(parallel=True, cache=True)
def gather(x, columns, shift, out):
    """Write some columns of an array about their shift, and rows of zeros beyond its last row."""
    for row in numba.prange(out.shape[0]):
        if row < x.shape[0]:
            for j in range(len(columns)):
                out[row, j] = x[row, columns[j]] - shift[j]
        else:
            out[row] = 0


@njit(cache=True)
def _columns(x, start, shift, begins, turned, sums):
    """Turn the blocks' columns of `SHORT` rows into rows, and add their sums and sums of squares."""
    stride = x.shape[1]
    totals = np.zeros((2, LANES), np.float32)
    for block in range(len(begins)):
        totals[:] = 0
        first = block * LANES
        for low in range(0, SHORT, LANES):
            here, there = (start + low) * stride + begins[block], first * SHORT + low
            turn(x, here, stride, shift, first, turned, there, SHORT, totals, 0, totals, LANES)
        for lane in range(LANES):
            sums[0, first + lane] += totals[0, lane]
            sums[1, first + lane] += totals[1, lane]
