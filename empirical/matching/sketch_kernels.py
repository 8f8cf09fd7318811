"""Numba kernels of the screened engine: the sketch, the candidates, and the candidates' products."""

from __future__ import annotations

import numba
import numpy as np

WIDTH = 2048  # columns one thread works on
SHORT = 128  # positions turned to columns at a time, so that they stay in the cache


@numba.njit(parallel=True, cache=True)
def add_to_sketch(x, columns, shift, first, turn, sign, sketch, total, square, spread):
    """Add a block of positions to a sketch and to the moments of its columns.

    The block starts at a multiple of the number of buckets; row i of stripe p = i // buckets goes to the bucket
    (i + turn[p]) mod buckets with sign[i]. All stripes are added to one bucket before the next, so that the sketch is
    read and written once a block.
    """
    buckets = sketch.shape[0]
    stripes = (x.shape[0] + buckets - 1) // buckets
    for chunk in numba.prange((columns + WIDTH - 1) // WIDTH):
        low = chunk * WIDTH
        width = min(WIDTH, columns - low)
        sums, squares, far = np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width, np.float32)
        for bucket in range(buckets):
            for stripe in range(stripes):
                i = stripe * buckets + (bucket - turn[stripe]) % buckets
                if i >= x.shape[0]:
                    continue
                s = sign[i]
                for j in range(width):
                    u = np.float32(x[i, low + j] - shift[low + j])
                    sketch[bucket, low + j] += s * u
                    sums[j] += u
                    squares[j] += u * u
                    far[j] = max(far[j], abs(np.float32(x[i, low + j] - first[low + j])))
            if bucket % 16 == 15 or bucket == buckets - 1:
                for j in range(width):
                    total[low + j] += sums[j]
                    square[low + j] += squares[j]
                    sums[j] = 0
                    squares[j] = 0
        for j in range(width):
            spread[low + j] = max(spread[low + j], far[j])


@numba.njit(cache=True)
def _insert(keys, units, key, unit):
    """Put a key into a falling list in place of its last; of equal keys the earlier stays first."""
    place = len(keys) - 1
    while place > 0 and keys[place - 1] < key:
        keys[place], units[place] = keys[place - 1], units[place - 1]
        place -= 1
    keys[place], units[place] = key, unit


@numba.njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "nnan"})
def offer_rows(estimate, keys, units):
    """Keep the largest estimates of each row: keys and units, shape (rows, kept), falling; ties keep the lower unit."""
    kept = keys.shape[1]
    for row in numba.prange(estimate.shape[0]):
        for low in range(0, estimate.shape[1], 64):
            high = min(low + 64, estimate.shape[1])
            largest = np.float32(-np.inf)
            for v in range(low, high):
                key = estimate[row, v]
                largest = max(largest, key)
            if largest > keys[row, kept - 1]:
                for v in range(low, high):
                    key = estimate[row, v]
                    if key > keys[row, kept - 1]:
                        _insert(keys[row], units[row], key, v)


@numba.njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "nnan"})
def offer_columns(estimate, first, keys, units):
    """Keep the largest estimates of each column; rows are numbered from `first`."""
    kept = keys.shape[1]
    columns = estimate.shape[1]
    for chunk in numba.prange((columns + 63) // 64):
        low, high = chunk * 64, min(chunk * 64 + 64, columns)
        bar = np.empty(64, np.float32)
        for v in range(low, high):
            bar[v - low] = keys[v, kept - 1]
        for row in range(estimate.shape[0]):
            above = np.float32(-np.inf)
            for v in range(low, high):
                key = estimate[row, v]
                above = max(above, key - bar[v - low] if bar[v - low] > -np.inf else np.float32(1))
            if above > 0:
                for v in range(low, high):
                    key = estimate[row, v]
                    if key > keys[v, kept - 1]:
                        _insert(keys[v], units[v], key, first + row)
                        bar[v - low] = keys[v, kept - 1]


@numba.njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "contract"})
def row_products(a, b, units_a, units_b, out):
    """Write the inner products of given rows of two arrays."""
    for chunk in numba.prange((len(out) + 255) // 256):
        for p in range(chunk * 256, min(chunk * 256 + 256, len(out))):
            one, other = units_a[p], units_b[p]
            product = np.float32(0)
            for i in range(a.shape[1]):
                product += a[one, i] * b[other, i]
            out[p] = product


@numba.njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "contract"})
def add_products(x, y, shift_a, shift_b, units_a, units_b, pair_a, pair_b, cross, sums_a, sums_b):
    """Add Σ xy of candidate pairs, and Σ x and Σ x² of their units, over a block of positions.

    Parameters
    ----------
    units_a, units_b : int arrays
        Columns that take part, sorted; `shift_a` and `shift_b` are taken off them.
    pair_a, pair_b : int arrays, shape (pairs,)
        Places in `units_a` and `units_b`, in the pairs' order.
    cross : float64 array, shape (strips, pairs)
        The block is cut into as many strips, whatever the number of threads. Products of `SHORT` positions are summed
        in float32, those sums in float64.
    sums_a, sums_b : float64 arrays, shapes (strips, 2, units)
    """
    strips = cross.shape[0]
    shorts = (x.shape[0] + SHORT - 1) // SHORT
    share = (shorts + strips - 1) // strips * SHORT
    for strip in numba.prange(strips):
        turned_a = np.empty((len(units_a), SHORT), np.float32)
        turned_b = np.empty((len(units_b), SHORT), np.float32)
        for start in range(strip * share, min((strip + 1) * share, x.shape[0]), SHORT):
            _turn(x, start, shift_a, units_a, turned_a, sums_a[strip])
            _turn(y, start, shift_b, units_b, turned_b, sums_b[strip])
            for p in range(len(pair_a)):
                one, other = pair_a[p], pair_b[p]
                product = np.float32(0)
                for i in range(SHORT):
                    product += turned_a[one, i] * turned_b[other, i]
                cross[strip, p] += product


@numba.njit(cache=True, fastmath={"reassoc", "nsz", "contract"})
def _turn(x, start, shift, units, turned, sums):
    """Turn rows to columns, 16 rows at a time: streams that a processor fetches ahead, and whole lines written."""
    length = min(SHORT, x.shape[0] - start)
    if length < SHORT:
        turned[:] = 0
    for low in range(0, length, 16):
        if low + 16 <= length:
            for j in range(len(units)):
                column, middle = units[j], shift[j]
                for i in range(16):
                    turned[j, low + i] = x[start + low + i, column] - middle
        else:
            for j in range(len(units)):
                for i in range(low, length):
                    turned[j, i] = x[start + i, units[j]] - shift[j]
    for j in range(len(units)):
        one, two = np.float32(0), np.float32(0)
        for i in range(SHORT):
            one += turned[j, i]
            two += turned[j, i] * turned[j, i]
        sums[0, j] += one
        sums[1, j] += two
