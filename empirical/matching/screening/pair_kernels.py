"""Numba kernels of the exact products of chosen pairs.

Columns are turned into rows in blocks of `LANES` neighbours, straight from the array, into room that stays in the
nearest cache. There they meet the audited units, and those of chosen units are copied next to each other: `SHORT`
positions of thousands of units stay in the processor's cache until they are multiplied. What is not needed is never
written beyond it.
"""

from __future__ import annotations

import numba
import numpy as np

from ....compiled import njit
from ..machine import arrays
from ..machine.vectors import DEEP, LANES, STEP, fetch, inner, move, multiply, turn

SHORT = 64  # positions turned to columns at a time
AHEAD = LANES  # columns that are asked for before they are turned: the processor does not foresee so many rows


def workspace(units: int) -> np.ndarray:
    """Return room for so many turned units and a block of columns, one for each thread."""
    return arrays.empty((numba.get_num_threads(), units + LANES, SHORT), "cpu")


def besides(watched: int) -> np.ndarray:
    """Return room for the positions of watched units side by side, one for each thread; zeros beyond them."""
    room = arrays.empty((numba.get_num_threads(), -(-watched // STEP), SHORT, STEP), "cpu")
    room[:] = 0
    return room


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
    x, begins_a, places_a, shift_a, y, begins_b, places_b, shift_b,
    pair_a, pair_b, room_a, room_b, cross, sums_a, sums_b, watched, beside, crossed,
):  # fmt: skip
    """Add Σ xy of chosen pairs, and Σ x and Σ x² of their units, over at most strips · `SHORT` positions.

    Parameters
    ----------
    x, y : float32 arrays, C-ordered, shape (a multiple of `SHORT`, neurons)
    begins_a, begins_b : int arrays, shape (blocks,)
        First column of each block of `LANES`.
    places_a, places_b : int arrays, shape (blocks · `LANES`,)
        Place of each of these columns among the units, or −1.
    shift_a, shift_b : float32 arrays, shape (blocks · `LANES`,)
        What is taken off these columns.
    pair_a, pair_b : int arrays, shape (pairs,)
        Places among the units, in the pairs' order.
    room_a, room_b : float32 arrays
        See `workspace`.
    cross : float64 array, shape (strips, pairs)
        One strip for `SHORT` positions, whatever the number of threads. Products of a strip are summed in float32,
        those sums in float64: an error of about 1e-8/√T.
    sums_a, sums_b : float64 arrays, shapes (strips, 2, blocks · `LANES`)
    watched : int array
        Places of A's units whose products with all columns of B's blocks are added to
    beside, crossed : float32 arrays
        See `besides` and `watchroom`.
    """
    for strip in numba.prange(x.shape[0] // SHORT):
        thread = numba.get_thread_id()  # pyright: ignore[reportPrivateImportUsage]
        turned_a, turned_b, some = room_a[thread], room_b[thread], beside[thread]
        _columns(x, strip * SHORT, begins_a, places_a, shift_a, turned_a, sums_a[strip], some[:0], crossed[strip])
        for u in range(len(watched)):
            some[u // STEP, :, u % STEP] = turned_a[watched[u]]
        _columns(y, strip * SHORT, begins_b, places_b, shift_b, turned_b, sums_b[strip], some, crossed[strip])
        for p in range(len(pair_a)):
            cross[strip, p] += inner(turned_a, pair_a[p] * SHORT, turned_b, pair_b[p] * SHORT, SHORT)


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
def _columns(x, start, begins, places, shift, turned, sums, beside, crossed):
    """Turn units of `SHORT` rows into rows, and add their sums and squares, and products of all with units `beside`.

    A block is turned in the last rows of `turned`, which begin with a line of the cache as all others do.
    """
    stride, width, block_room = x.shape[1], crossed.shape[1], (len(turned) - LANES) * SHORT
    totals = np.zeros((2, LANES), np.float32)
    for block in range(len(begins)):
        totals[:] = 0
        first = block * LANES
        for low in range(0, SHORT, LANES):
            here, there = (start + low) * stride + begins[block], block_room + low
            fetch(x, here + AHEAD, stride)
            turn(x, here, stride, shift, first, turned, there, SHORT, totals, 0, totals, LANES)
        for group in range(len(beside)):
            for low in range(0, LANES, DEEP):
                here, there = block_room + low * SHORT, (first + low) * width + group * STEP
                multiply(turned, here, SHORT, beside, group * SHORT * STEP, crossed, there, width, SHORT)
        for lane in range(LANES):
            sums[0, first + lane] += totals[0, lane]
            sums[1, first + lane] += totals[1, lane]
        for lane in range(LANES):
            place = places[first + lane]
            if place >= 0:
                move(turned, block_room + lane * SHORT, turned, place * SHORT, SHORT)
