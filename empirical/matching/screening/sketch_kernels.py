"""Numba kernels of the screened engine: the sketch, and the candidates that it gives."""

from __future__ import annotations

import numba
import numpy as np

from ....compiled import njit

REFINED = 8  # the fine sketch has as many times the buckets, and about a third of the noise: it prunes candidates
COLUMNS = 8192  # neurons sketched at a time, in float32; of a stream as many as fit, since it runs a model each time

WIDE = 1024  # columns whose best one thread looks for, along rows
TILE = 512  # columns one thread turns at a time
LINE = 64  # estimates that are looked at together
ROWS = 32  # positions added up in float32 before they are added in float64


@njit(parallel=True, cache=True)
def add_to_sketch(x, first, columns, share, shift, turn, sign, buckets, sketch, total, square):
    """Add a block of positions, which starts at position `first`, to a sketch and to the moments of its columns.

    Position t of stripe p = t // buckets goes to the bucket (t + turn[p]) mod buckets with sign[t]; buckets that agree
    modulo the length of `sketch` are one there. All stripes are added to one bucket before the next, so that the sketch
    is read and written once a block, and four at a time, so that sums are read and written a quarter as often. A thread
    works on `share` columns, which change no sum. Moments are left out where `total` is empty.
    """
    merged, measured = sketch.shape[0], len(total) > 0
    last = first + x.shape[0]
    for chunk in numba.prange((columns + share - 1) // share):
        low = chunk * share
        width = min(share, columns - low)
        high = low + width
        sums, squares = np.zeros(width, np.float32), np.zeros(width, np.float32)
        middle = shift[low:high].copy()
        rows, added = np.empty(4, np.int64), 0
        for place in range(merged):
            bin = sketch[place, low:high]
            pending = 0
            for bucket in range(place, buckets, merged):
                for stripe in range(first // buckets, (last + buckets - 1) // buckets):
                    t = stripe * buckets + (bucket - turn[stripe]) % buckets
                    if t < first or t >= last:
                        continue
                    rows[pending] = t
                    pending += 1
                    if pending < 4:
                        continue
                    s, z = np.float32(sign[rows[0]]), np.float32(sign[rows[1]])
                    v, w = np.float32(sign[rows[2]]), np.float32(sign[rows[3]])
                    one, two = x[rows[0] - first, low:high], x[rows[1] - first, low:high]
                    three, four = x[rows[2] - first, low:high], x[rows[3] - first, low:high]
                    if measured:
                        for j in range(width):
                            a, b = np.float32(one[j] - middle[j]), np.float32(two[j] - middle[j])
                            c, d = np.float32(three[j] - middle[j]), np.float32(four[j] - middle[j])
                            bin[j] += (s * a + z * b) + (v * c + w * d)
                            sums[j] += (a + b) + (c + d)
                            squares[j] += (a * a + b * b) + (c * c + d * d)
                    else:
                        for j in range(width):
                            a, b = np.float32(one[j] - middle[j]), np.float32(two[j] - middle[j])
                            c, d = np.float32(three[j] - middle[j]), np.float32(four[j] - middle[j])
                            bin[j] += (s * a + z * b) + (v * c + w * d)
                    pending = 0
                    added += 4
                if bucket + merged >= buckets:
                    for t in rows[:pending]:
                        s = np.float32(sign[t])
                        row = x[t - first, low:high]
                        for j in range(width):
                            a = np.float32(row[j] - middle[j])
                            bin[j] += s * a
                            sums[j] += a
                            squares[j] += a * a
                    added += pending
                    pending = 0
                if measured and (added >= ROWS or bucket == buckets - 1):
                    added = 0
                    for j in range(width):
                        total[low + j] += sums[j]
                        square[low + j] += squares[j]
                        sums[j] = 0
                        squares[j] = 0


@njit(parallel=True, cache=True, fastmath={"nnan", "nsz", "contract"})
def merge(sums, ones, offset, scale, coarse, step):
    """Merge buckets of the sketch ``scale_j (S_bj − ones_b offset_j)`` of sums S, shape (buckets, neurons).

    `coarse`, shape (merged, neurons), gets the sums over buckets that agree modulo its length, and `step` the largest
    magnitude of each neuron over 127.
    """
    buckets, neurons = sums.shape
    merged = coarse.shape[0]
    for chunk in numba.prange((neurons + TILE - 1) // TILE):
        first, last = chunk * TILE, min(chunk * TILE + TILE, neurons)
        middle, factor, largest = offset[first:last], scale[first:last], np.zeros(last - first, np.float32)
        for m in range(merged):
            folded = coarse[m, first:last]
            folded[:] = 0
            for b in range(m, buckets, merged):
                row, one = sums[b, first:last], ones[b]
                for j in range(len(row)):
                    s = factor[j] * (row[j] - one * middle[j])
                    folded[j] += s
                    largest[j] = max(largest[j], abs(s))
        step[first:last] = largest / np.float32(127)


@njit(parallel=True, cache=True, fastmath={"nnan", "nsz", "contract"})
def to_bytes(sums, ones, offset, scale, step, out):
    """Write the same sketch in whole steps, turned to shape (neurons, buckets)."""
    buckets, neurons = sums.shape
    for chunk in numba.prange((neurons + TILE - 1) // TILE):
        first, last = chunk * TILE, min(chunk * TILE + TILE, neurons)
        middle, factor = offset[first:last], np.zeros(last - first, np.float32)
        for j in range(last - first):
            factor[j] = scale[first + j] / step[first + j] if step[first + j] > 0 else np.float32(0)
        tile = np.empty((64, TILE), np.int8)
        for low in range(0, buckets, 64):
            high = min(low + 64, buckets)
            for b in range(high - low):
                row, line, one = sums[low + b, first:last], tile[b], ones[low + b]
                for j in range(len(row)):
                    s = factor[j] * (row[j] - one * middle[j])
                    line[j] = np.int8(np.int32(s + (np.float32(0.5) if s > 0 else np.float32(-0.5))))
            for some in range(0, last - first, 64):  # lines of so many bytes come from the cache together
                for j in range(some, min(some + 64, last - first)):
                    line = out[first + j, low:high]
                    for b in range(len(line)):
                        line[b] = tile[b, j]


@njit(parallel=True, cache=True)
def steps(sums, out):
    """Write the largest magnitude of each column of sums, shape (buckets, neurons), over 127."""
    buckets, neurons = sums.shape
    for chunk in numba.prange((neurons + TILE - 1) // TILE):
        first, last = chunk * TILE, min(chunk * TILE + TILE, neurons)
        largest = np.zeros(last - first, np.float32)
        for b in range(buckets):
            row = sums[b, first:last]
            for j in range(len(row)):
                largest[j] = max(largest[j], abs(row[j]))
        out[first:last] = largest / np.float32(127)


@njit(parallel=True, cache=True)
def fold(sums, out):
    """Add up buckets that agree modulo those of `out`, round sums to bfloat16 and turn them.

    Parameters
    ----------
    sums : float32 array, shape (a multiple of buckets, neurons)
        Finite.
    out : uint16 array, shape (neurons, buckets)
        Receives the bits of the numbers that are nearest, of two equally near ones the even one, as in torch.
    """
    neurons, buckets = out.shape
    for chunk in numba.prange((neurons + TILE - 1) // TILE):
        first, last = chunk * TILE, min(chunk * TILE + TILE, neurons)
        tile, turned = np.empty((64, TILE), np.float32), np.empty((64, TILE), np.uint16)
        for low in range(0, buckets, 64):
            high = min(low + 64, buckets)
            for b in range(high - low):
                line, whole, row = tile[b, : last - first], turned[b, : last - first], sums[low + b, first:last]
                for j in range(len(line)):
                    line[j] = row[j]
                for other in range(low + b + buckets, len(sums), buckets):
                    row = sums[other, first:last]
                    for j in range(len(line)):
                        line[j] += row[j]
                bits = line.view(np.uint32)
                for j in range(len(bits)):
                    even = np.uint32(bits[j] >> np.uint32(16)) & np.uint32(1)
                    whole[j] = np.uint16(np.uint32(bits[j] + np.uint32(0x7FFF) + even) >> np.uint32(16))
            for some in range(0, last - first, 64):  # lines of so many bytes come from the cache together
                for j in range(some, min(some + 64, last - first)):
                    line = out[first + j, low:high]
                    for b in range(len(line)):
                        line[b] = turned[b, j]


@njit(cache=True)
def _insert(keys, units, key, unit):
    """Put a key into a falling list in place of its last; of equal keys the earlier stays first."""
    place = len(keys) - 1
    while place > 0 and keys[place - 1] < key:
        keys[place], units[place] = keys[place - 1], units[place - 1]
        place -= 1
    keys[place], units[place] = key, unit


@njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "nnan"})
def offer_rows(estimate, keys, units):
    """Keep the largest estimates of each row: keys and units, shape (rows, number), falling; ties keep the lower."""
    size = keys.shape[1]
    for row in numba.prange(estimate.shape[0]):
        for low in range(0, estimate.shape[1], 64):
            high = min(low + 64, estimate.shape[1])
            largest = np.float32(-np.inf)
            for v in range(low, high):
                key = estimate[row, v]
                largest = max(largest, key)
            if largest > keys[row, size - 1]:
                for v in range(low, high):
                    key = estimate[row, v]
                    if key > keys[row, size - 1]:
                        _insert(keys[row], units[row], key, v)


@njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "nnan"})
def offer_columns(estimate, first, keys, units):
    """Keep the largest estimates of each column; rows are numbered from `first`."""
    size = keys.shape[1]
    for strip in numba.prange((estimate.shape[1] + WIDE - 1) // WIDE):
        begin, end = strip * WIDE, min(strip * WIDE + WIDE, estimate.shape[1])
        bar = keys[begin:end, size - 1].copy()
        for row in range(estimate.shape[0]):
            for low in range(begin, end, 64):
                high = min(low + 64, end)
                above = np.float32(-np.inf)
                for v in range(low, high):
                    least = bar[v - begin]
                    above = max(above, estimate[row, v] - least if least > -np.inf else np.float32(1))
                if above > 0:
                    for v in range(low, high):
                        key = estimate[row, v]
                        if key > bar[v - begin]:
                            _insert(keys[v], units[v], key, first + row)
                            bar[v - begin] = keys[v, size - 1]


@njit(parallel=True, cache=True)
def lines_above(estimate, bar, signs, above):
    """Say which lines of `LINE` estimates hold one that reaches a bar.

    Parameters
    ----------
    estimate : int16 or int32 array, shape (rows, columns)
        Bits of bfloat16 or float32 numbers, which are in the order of the numbers from 0 on.
    bar, signs : int of the same type
        Bits of a positive number, and those that are looked at: all, or all but the sign for magnitudes.
    above : bool array, shape (rows, lines)
        Receives the answer.
    """
    columns = estimate.shape[1]
    for row in numba.prange(estimate.shape[0]):
        bits = estimate[row]
        for line in range(above.shape[1]):
            hits = 0
            for v in range(line * LINE, min(line * LINE + LINE, columns)):
                hits += (bits[v] & signs) >= bar
            above[row, line] = hits > 0


@njit(parallel=True, cache=True)
def row_products(a, b, units_a, units_b, out):
    """Write the inner products of given rows of two arrays of bytes."""
    for chunk in numba.prange((len(out) + 255) // 256):
        for p in range(chunk * 256, min(chunk * 256 + 256, len(out))):
            one, other = a[units_a[p]], b[units_b[p]]
            product = np.int32(0)
            for i in range(a.shape[1]):  # numba would widen to 64 bits
                product = np.int32(product + np.int32(np.int32(one[i]) * np.int32(other[i])))
            out[p] = product
