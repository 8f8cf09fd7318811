"""Numba kernels of the screened engine: the sketch, the candidates, and the candidates' products."""

from __future__ import annotations

import numba
import numpy as np

WIDTH = 1024  # columns one thread works on: a position's are a page of memory, and all that is added to fits the cache
ROWS = 16  # positions added up in float32 before they are added in float64
SHORT = 128  # positions turned to columns at a time, so that they stay in the cache


@numba.njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "contract"})
def add_to_sketch(x, first, columns, shift, turn, sign, sketch, total, square):
    """Add a block of positions, which starts at position `first`, to a sketch and to the moments of its columns.

    Position t of stripe p = t // buckets goes to the bucket (t + turn[p]) mod buckets with sign[t]. All stripes are
    added to one bucket before the next, so that the sketch is read and written once a block.
    """
    buckets = sketch.shape[0]
    last = first + x.shape[0]
    for chunk in numba.prange((columns + WIDTH - 1) // WIDTH):
        low = chunk * WIDTH
        width = min(WIDTH, columns - low)
        sums, squares = np.zeros(width, np.float32), np.zeros(width, np.float32)
        middle = shift[low : low + width].copy()
        added = 0
        for bucket in range(buckets):
            bin = sketch[bucket, low : low + width]
            for stripe in range(first // buckets, (last + buckets - 1) // buckets):
                t = stripe * buckets + (bucket - turn[stripe]) % buckets
                if t < first or t >= last:
                    continue
                s = np.float32(sign[t])
                row = x[t - first, low : low + width]
                for j in range(width):
                    u = np.float32(row[j] - middle[j])
                    bin[j] += s * u
                    sums[j] += u
                    squares[j] += u * u
                added += 1
            if added >= ROWS or bucket == buckets - 1:
                added = 0
                for j in range(width):
                    total[low + j] += sums[j]
                    square[low + j] += squares[j]
                    sums[j] = 0
                    squares[j] = 0


@numba.njit(parallel=True, cache=True, fastmath={"nnan", "nsz", "contract"})
def standardise(sums, ones, offset, scale, coarse, step):
    """Turn sums S, shape (buckets, neurons), into sketches ``scale_j (S_bj − ones_b offset_j)``, in place.

    `coarse`, shape (merged, neurons), gets their sums over buckets that agree modulo its length, and `step` the largest
    magnitude of each neuron over 127.
    """
    buckets, neurons = sums.shape
    merged = coarse.shape[0]
    for chunk in numba.prange((neurons + 511) // 512):
        first, last = chunk * 512, min(chunk * 512 + 512, neurons)
        middle, factor, largest = offset[first:last], scale[first:last], np.zeros(last - first, np.float32)
        for m in range(merged):
            folded = coarse[m, first:last]
            folded[:] = 0
            for b in range(m, buckets, merged):
                row, one = sums[b, first:last], ones[b]
                for j in range(len(row)):
                    s = factor[j] * (row[j] - one * middle[j])
                    row[j] = s
                    folded[j] += s
                    largest[j] = max(largest[j], abs(s))
        step[first:last] = largest / np.float32(127)


@numba.njit(parallel=True, cache=True, fastmath={"nnan", "nsz", "contract"})
def to_bytes(sketch, step, out):
    """Write a sketch, shape (buckets, neurons), in whole steps, turned to shape (neurons, buckets)."""
    buckets, neurons = sketch.shape
    for chunk in numba.prange((neurons + 63) // 64):
        first, last = chunk * 64, min(chunk * 64 + 64, neurons)
        factor = np.zeros(last - first, np.float32)
        for j in range(last - first):
            factor[j] = 1 / step[first + j] if step[first + j] > 0 else np.float32(0)
        tile = np.empty((64, 64), np.int8)
        for low in range(0, buckets, 64):
            high = min(low + 64, buckets)
            for b in range(high - low):
                row, line = sketch[low + b, first:last], tile[b]
                for j in range(len(row)):
                    s = factor[j] * row[j]
                    line[j] = np.int8(s + (np.float32(0.5) if s > 0 else np.float32(-0.5)))
            for j in range(last - first):
                line = out[first + j, low:high]
                for b in range(len(line)):
                    line[b] = tile[b, j]


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


@numba.njit(parallel=True, cache=True)
def row_products(a, b, units_a, units_b, out):
    """Write the inner products of given rows of two arrays of bytes."""
    for chunk in numba.prange((len(out) + 255) // 256):
        for p in range(chunk * 256, min(chunk * 256 + 256, len(out))):
            one, other = a[units_a[p]], b[units_b[p]]
            product = np.int32(0)
            for i in range(a.shape[1]):
                product += np.int32(one[i]) * np.int32(other[i])
            out[p] = product


@numba.njit(parallel=True, cache=True)
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
        in float32, those sums in float64: an error of about 1e-8/√T.
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
                cross[strip, p] += _inner(turned_a[pair_a[p]], turned_b[pair_b[p]])


@numba.njit(cache=True)
def _inner(x, y):
    """Return Σ xy of `SHORT` positions, as eight sums side by side in a stated order.

    A compiler that may choose the order was seen to choose another when its work comes from the cache.
    """
    a = b = c = d = e = f = g = h = np.float32(0)
    for i in range(0, SHORT, 8):
        a, b, c, d = a + x[i] * y[i], b + x[i + 1] * y[i + 1], c + x[i + 2] * y[i + 2], d + x[i + 3] * y[i + 3]
        i += 4
        e, f, g, h = e + x[i] * y[i], f + x[i + 1] * y[i + 1], g + x[i + 2] * y[i + 2], h + x[i + 3] * y[i + 3]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@numba.njit(cache=True)
def _turn(x, start, shift, units, turned, sums):
    """Turn rows to columns, 16 rows at a time: streams that a processor fetches ahead, and whole lines written."""
    length = min(SHORT, x.shape[0] - start)
    if length < SHORT:
        turned[:] = 0
    for low in range(0, length, 16):
        high = min(low + 16, length)
        for j in range(len(units)):
            column, middle = units[j], shift[j]
            for i in range(low, high):
                turned[j, i] = np.float32(x[start + i, column] - middle)
    ones = np.ones(SHORT, np.float32)
    for j in range(len(units)):
        sums[0, j] += _inner(turned[j], ones)
        sums[1, j] += _inner(turned[j], turned[j])
