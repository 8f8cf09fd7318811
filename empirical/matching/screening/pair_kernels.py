"""Numba kernel of the exact products of chosen pairs."""

from __future__ import annotations

import numba
import numpy as np

from ..machine.vectors import DEEP, LANES, STEP, inner, multiply, turn

SHORT = 128  # positions turned to columns at a time
LINE = 16  # float32 numbers of a line of the cache


def workspace(units: int) -> np.ndarray:
    """Return room for the turned columns of so many units, one for each thread."""
    return _aligned((numba.get_num_threads(), padded(units, LANES), SHORT))


def watchroom(strips: int, units: int, watched: int) -> np.ndarray:
    """Return room for the products of watched units with so many units, one for each strip."""
    return _aligned((strips, padded(units, LANES), padded(watched, STEP)))


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Return float32 zeros that begin with a line of the cache, so that no vector lies across two."""
    room = np.zeros(int(np.prod(shape)) + LINE, dtype=np.float32)
    first = -room.ctypes.data // room.itemsize % LINE
    return room[first : first + int(np.prod(shape))].reshape(shape)


def padded(number: int, step: int) -> int:
    """Return the next multiple of `step`."""
    return -(-number // step) * step


@numba.njit(parallel=True, cache=True)
def add_products(
    x, y, shift_a, shift_b, units_a, units_b, pair_a, pair_b, room_a, room_b, cross, sums_a, sums_b, watched, crossed
):
    """Add Σ xy of chosen pairs, and Σ x and Σ x² of their units, over a block of at most strips · `SHORT` positions.

    Parameters
    ----------
    units_a, units_b : int arrays
        Columns that take part, sorted; `shift_a` and `shift_b` are taken off them.
    pair_a, pair_b : int arrays, shape (pairs,)
        Places in `units_a` and `units_b`, in the pairs' order.
    room_a, room_b : float32 arrays
        See `workspace`.
    cross : float64 array, shape (strips, pairs)
        One strip for `SHORT` positions, whatever the number of threads. Products of a strip are summed in float32,
        those sums in float64: an error of about 1e-8/√T.
    sums_a, sums_b : float64 arrays, shapes (strips, 2, units)
    watched : int array
        Places in `units_a` whose products with all of `units_b` are added to
    crossed : float32 array
        See `watchroom`.
    """
    for strip in numba.prange((x.shape[0] + SHORT - 1) // SHORT):
        thread = numba.get_thread_id()  # pyright: ignore[reportPrivateImportUsage]
        turned_a, turned_b = room_a[thread], room_b[thread]
        _columns(x, strip * SHORT, shift_a, units_a, turned_a, sums_a[strip])
        _columns(y, strip * SHORT, shift_b, units_b, turned_b, sums_b[strip])
        for p in range(len(pair_a)):
            cross[strip, p] += inner(turned_a, pair_a[p] * SHORT, turned_b, pair_b[p] * SHORT, SHORT)
        width = crossed.shape[2]
        for low in range(0, len(watched), STEP):
            some = np.zeros((SHORT, STEP), np.float32)
            for u in range(min(STEP, len(watched) - low)):
                some[:, u] = turned_a[watched[low + u]]
            for v in range(0, crossed.shape[1], DEEP):
                multiply(turned_b, v * SHORT, SHORT, some, 0, crossed[strip], v * width + low, width, SHORT)


@numba.njit(cache=True)
def _columns(x, start, shift, units, turned, sums):
    """Turn some columns of `SHORT` rows (zeros beyond the last) into rows, and add their sums and sums of squares."""
    count, width = len(units), turned.shape[0] + LANES  # rows a power of two apart would fall out of the cache
    rows = np.zeros((LANES, width), np.float32)
    totals = np.zeros((2, width), np.float32)
    gapless = count > 0 and units[-1] - units[0] == count - 1
    for low in range(0, SHORT, LANES):
        for i in range(LANES):
            row = rows[i]
            if start + low + i >= x.shape[0]:
                row[:] = 0
            elif gapless:
                given = x[start + low + i, units[0] : units[0] + count]
                for j in range(count):
                    row[j] = given[j] - shift[j]
            else:
                given = x[start + low + i]
                for j in range(count):
                    row[j] = given[units[j]] - shift[j]
        for j in range(0, count, LANES):
            turn(rows, j, width, turned, j * SHORT + low, SHORT, totals, j, totals, width + j)
    for j in range(count):
        sums[0, j] += totals[0, j]
        sums[1, j] += totals[1, j]
