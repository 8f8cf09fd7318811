"""The vector operations of `simd` in plain loops: slower, the same bits, and no private interface of numba.

A product is added without being rounded first, as by the processor's fused instruction: in float64 the product of two
float32 is exact, and where the sum lies halfway between two float32, what float64 lost of it decides.
"""

from __future__ import annotations

import numpy as np

from ....compiled import njit

LANES = 16  # float32 numbers in a vector, and rows and columns of a turn
STEP = 2 * LANES  # what `inner` takes at a time
DEEP = 8  # rows that `multiply` takes at a time: with two vectors each, what fits the registers


@njit(cache=True)
def fused(x, y, z):
    """Return x y + z of float32 numbers, rounded once."""
    product, other = np.float64(x) * np.float64(y), np.float64(z)
    total = product + other
    back = total - product
    lost = (product - (total - back)) + (other - back)
    near = np.float32(total)
    apart = total - np.float64(near)
    twin = np.float64(near) + 2 * apart
    if lost != 0 and apart != 0 and np.float64(np.float32(twin)) == twin and (lost > 0) == (apart > 0):
        return np.float32(twin)
    return near


@njit(cache=True)
def inner(x, i, y, j, length):
    """Return Σ x y over `length` numbers, in float32, of two C-ordered float32 arrays from flat places i and j.

    `length` is a multiple of `STEP`; nothing is checked.
    """
    one, other = x.reshape(x.size), y.reshape(y.size)
    sums = np.zeros(STEP, np.float32)
    for place in range(0, length, STEP):
        for lane in range(STEP):
            sums[lane] = fused(one[i + place + lane], other[j + place + lane], sums[lane])
    width = STEP
    while width > 1:
        width //= 2
        for lane in range(width):
            sums[lane] += sums[lane + width]
    return sums[0]


@njit(cache=True)
def turn(x, i, stride, shift, s, out, j, stride_out, sums, k, squares, l):
    """Write 16 rows of 16 numbers, `stride` apart from flat place i of x, as columns to `out`, from flat place j.

    Each row is taken about 16 numbers of `shift`, from flat place s. The sum of the rows is added to `sums` from flat
    place k, and the sum of their squares to `squares` from place l, row by row in halves. Nothing is checked.
    """
    source, about, target = x.reshape(x.size), shift.reshape(shift.size), out.reshape(out.size)
    all_sums, all_squares = sums.reshape(sums.size), squares.reshape(squares.size)
    rows, powers = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    for column in range(LANES):
        for row in range(LANES):
            value = source[i + row * stride + column] - about[s + column]
            target[j + column * stride_out + row] = value
            rows[row], powers[row] = value, value * value
        half = LANES
        while half > 1:
            half //= 2
            for row in range(half):
                rows[row] += rows[row + half]
                powers[row] += powers[row + half]
        all_sums[k + column] += rows[0]
        all_squares[l + column] += powers[0]


@njit(cache=True)
def fetch(x, i, stride):
    """Ask for the lines of 16 rows, `stride` apart from flat place i of x, before they are used: nothing in loops."""


@njit(cache=True)
def move(x, i, out, j, length):
    """Copy `length` numbers of x, from flat place i, to `out`, from flat place j.

    `length` is a multiple of `STEP`; nothing is checked.
    """
    source, target = x.reshape(x.size), out.reshape(out.size)
    for place in range(length):
        target[j + place] = source[i + place]


@njit(cache=True)
def multiply(x, i, stride, y, j, out, k, stride_out, length):
    """Add the product of `DEEP` rows of x, from flat place i, `stride` apart, with y to `out`, from flat place k.

    y holds `length` rows of `STEP` numbers, from flat place j, side by side; `out` gets `DEEP` rows of `STEP`,
    `stride_out` apart. Each number of a product is summed in order. Nothing is checked.
    """
    rows, columns, target = x.reshape(x.size), y.reshape(y.size), out.reshape(out.size)
    for row in range(DEEP):
        sums = np.zeros(STEP, np.float32)
        for place in range(length):
            factor = rows[i + row * stride + place]
            for lane in range(STEP):
                sums[lane] = fused(factor, columns[j + place * STEP + lane], sums[lane])
        for lane in range(STEP):
            target[k + row * stride_out + lane] += sums[lane]
