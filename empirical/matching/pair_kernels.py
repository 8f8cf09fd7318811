"""Numba kernel of the exact products of chosen pairs."""

from __future__ import annotations

import numba
import numpy as np

from .simd import LANES, inner, turn

SHORT = 128  # positions turned to columns at a time


def workspace(units: int) -> np.ndarray:
    """Return room for the turned columns of so many units, one for each thread."""
    return np.zeros((numba.get_num_threads(), -(-units // LANES) * LANES, SHORT), dtype=np.float32)


@numba.njit(parallel=True, cache=True)
def add_products(
    x, y, shift_a, shift_b, units_a, units_b, pair_a, pair_b, room_a, room_b, cross, sums_a, sums_b, watched, kept
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
        Places in `units_a` whose columns are also written down:
    kept : float32 array, shape (watched, strips · SHORT)
        The columns less their shifts.
    """
    for strip in numba.prange((x.shape[0] + SHORT - 1) // SHORT):
        thread = numba.get_thread_id()  # pyright: ignore[reportPrivateImportUsage]
        turned_a, turned_b = room_a[thread], room_b[thread]
        _columns(x, strip * SHORT, shift_a, units_a, turned_a, sums_a[strip])
        _columns(y, strip * SHORT, shift_b, units_b, turned_b, sums_b[strip])
        for u in range(len(watched)):
            kept[u, strip * SHORT : (strip + 1) * SHORT] = turned_a[watched[u]]
        for p in range(len(pair_a)):
            cross[strip, p] += inner(turned_a, pair_a[p] * SHORT, turned_b, pair_b[p] * SHORT, SHORT)


@numba.njit(cache=True)
def _columns(x, start, shift, units, turned, sums):
    """Turn some columns of `SHORT` rows (zeros beyond the last) into rows, and add their sums and sums of squares."""
    count, width = len(units), turned.shape[0] + LANES  # rows a power of two apart would fall out of the cache
    rows = np.zeros((LANES, width), np.float32)
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
            turn(rows, j, width, turned, j * SHORT + low, SHORT)
    ones = np.ones(SHORT, np.float32)
    for j in range(count):
        sums[0, j] += inner(turned, j * SHORT, ones, 0, SHORT)
        sums[1, j] += inner(turned, j * SHORT, turned, j * SHORT, SHORT)
