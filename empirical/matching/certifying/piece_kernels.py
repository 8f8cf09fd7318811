"""Numba kernels: columns standardised, rounded to bfloat16 or split into two such pieces (`bound`), and products added.

Columns become rows, sixteen at a time: matrix products read both sides along positions. Rounding at random adds sixteen
random bits below the eight that are left and cuts: the next number of the grid is reached with the probability that
leaves the mean unchanged. The bits are a hash of position and column, the same whatever the number of threads.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from ....compiled import njit
from ..machine.vectors import LANES, turn
from .bound import RUN

GROUP = 32  # blocks of columns worked on together: what is turned stays in the processor's cache
ZERO, ONE = np.float32(0), np.uint32(1)
SIXTEEN = np.uint32(16)
LOWER, UPPER, POWER = np.uint32(0xFFFF), np.uint32(0xFFFF0000), np.uint32(0x7F800000)
NEAREST = np.uint32(0x7FFF)  # and the last bit that is left, for ties to even
FOURTH = 2.0**-28  # of a step of the grid: a number of eight bits ends 2⁻⁷ below its first


@numba.njit(inline="always")
def mixed(bits):
    """Return a hash of 32 bits: the finaliser of MurmurHash3 (A. Appleby, public domain), each value once."""
    bits = np.uint32(bits ^ (bits >> SIXTEEN))
    bits = np.uint32(bits * np.uint32(0x85EBCA6B))
    bits = np.uint32(bits ^ (bits >> np.uint32(13)))
    bits = np.uint32(bits * np.uint32(0xC2B2AE35))
    return np.uint32(bits ^ (bits >> SIXTEEN))


@numba.njit(inline="always")
def nearest(bits):
    """Return the bits of the nearest number of eight bits; halves go to the even one."""
    return np.uint32(np.uint32(bits + np.uint32(NEAREST + ((bits >> SIXTEEN) & ONE))) & UPPER)


def _reinterpreted(context, builder, signature, arguments):
    return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))


def _bits_of(context, number):
    """Return the bits of a float32 number."""
    return types.uint32(types.float32), _reinterpreted


def _number_of(context, bits):
    """Return the float32 number of some bits."""
    return types.float32(types.uint32), _reinterpreted


bits_of: Any = intrinsic(_bits_of)
number_of: Any = intrinsic(_number_of)


@njit(cache=True)
def keys(first, number):
    """Return hashes of `number` integers from `first`."""
    out = np.empty(number, np.uint32)
    for i in range(number):
        whole = np.uint64(first + i)
        out[i] = mixed(np.uint32(whole & np.uint64(0xFFFFFFFF)) ^ mixed(np.uint32(whole >> np.uint64(32))))
    return out


@njit(cache=True)
def turn_blocks(x, low, length, begins, first, last, shift, turned, totals):
    """Write `length` rows of x from `low` on, of blocks of columns from `first` up to `last`, as columns."""
    stride = x.shape[1]
    for part in range(0, length, LANES):
        for block in range(first, last):
            here, there = (low + part) * stride + begins[block], (block - first) * LANES * RUN + part
            turn(x, here, stride, shift, block * LANES, turned, there, RUN, totals, 0, totals, LANES)


@njit(parallel=True, cache=True)
def split(x, begins, targets, shift, scale, rows, columns, two, out, second, sums):
    """Write the pieces of (x − shift) scale, columns as rows, as the bits of bfloat16, and add to `sums`.

    Parameters
    ----------
    x : float32 array, C-ordered, shape (a multiple of `LANES`, any)
    begins : int array, shape (blocks,)
        First column of each block of `LANES` in x.
    targets : int array, shape (blocks,)
        Its place in `out`; columns of two blocks are written twice, the same.
    shift, scale : float32 arrays, shape (blocks · `LANES`,)
    rows, columns : uint32 arrays
        Keys of random bits: one for two positions of a run, one for a column.
    two : bool
        Whether there are two pieces, rounded to nearest, or one, rounded at random.
    out, second : uint16 arrays, shape (columns, positions)
        Room for the first and the second piece.
    sums : float64 array, shape (6, blocks · `LANES`)
        See `bound.SUMS`.
    """
    runs, groups = -(-x.shape[0] // RUN), -(-len(begins) // GROUP)
    added = np.zeros((runs, 6, len(shift)))
    for task in numba.prange(runs * groups):
        run, group = task // groups, task % groups
        low, sums_of_run = run * RUN, added[run]
        length = min(RUN, x.shape[0] - low)
        blocks = range(group * GROUP, min((group + 1) * GROUP, len(begins)))
        turned, totals = np.empty((GROUP * LANES, RUN), np.float32), np.zeros((2, LANES), np.float32)
        turn_blocks(x, low, length, begins, blocks.start, blocks.stop, shift, turned, totals)
        random = rows[low // 2 : (low + length) // 2]
        for block in blocks:
            for lane in range(LANES):
                place, column = targets[block] + lane, block * LANES + lane
                values = turned[(block - blocks.start) * LANES + lane, :length]
                total, target = sums_of_run[:, column], out[place, low : low + length]
                if two:
                    others = second[place, low : low + length]
                    total[0], total[1], total[2], total[3] = _nearest(values, scale[column], target, others)
                else:
                    about = values, scale[column], random, columns[column], target
                    total[0], total[1], total[3], total[4], step = _random(*about)
                    total[5] = step * FOURTH
    sums += added.sum(0)


@njit(cache=True, fastmath={"reassoc"})
def _random(values, scale, rows, column, out):
    """Round numbers at random; return sums of q, q², r², q⁴ and of the fourth powers of 2⁷ g."""
    total = square = rest = fourth = step = ZERO
    for i in range(len(rows)):
        random = mixed(np.uint32(rows[i] ^ column))
        for half in range(2):
            place = i + half * len(rows)
            q = values[place] * scale
            bits = bits_of(q)
            more = random & LOWER if half == 0 else random >> SIXTEEN
            piece = np.uint32(np.uint32(bits + more) & UPPER)
            out[place] = np.uint16(piece >> SIXTEEN)
            left, power, grid = q - number_of(piece), q * q, number_of(np.uint32(bits & POWER))
            grid *= grid
            total += q
            square += power
            rest += left * left
            fourth += power * power
            step += grid * grid
    return total, square, rest, fourth, step


@njit(cache=True, fastmath={"reassoc"})
def _nearest(values, scale, out, second):
    """Split numbers into two pieces, rounded to nearest; return sums of q, q², p₂² and r²."""
    total = square = lower = rest = ZERO
    for i in range(len(values)):
        q = values[i] * scale
        piece = nearest(bits_of(q))
        left = q - number_of(piece)
        other = nearest(bits_of(left))
        low = number_of(other)
        out[i], second[i] = np.uint16(piece >> SIXTEEN), np.uint16(other >> SIXTEEN)
        left -= low
        total += q
        square += q * q
        lower += low * low
        rest += left * left
    return total, square, lower, rest


@njit(parallel=True, cache=True)
def add_bits(products, total, size):
    """Add numbers of bfloat16, given by their bits, to float32 sums, and their sizes to others, one after the other."""
    for i in numba.prange(total.shape[0]):
        row = np.empty(total.shape[1], np.uint32)
        number = row.view(np.float32)
        for product in range(len(products)):
            for j in range(total.shape[1]):
                row[j] = np.uint32(products[product, i, j]) << SIXTEEN
            for j in range(total.shape[1]):
                total[i, j] += number[j]
                size[i, j] += abs(number[j])


@njit(parallel=True, cache=True)
def add_numbers(product, total, size):
    """Add float32 numbers to float32 sums, and their sizes to others."""
    for i in numba.prange(total.shape[0]):
        for j in range(total.shape[1]):
            total[i, j] += product[i, j]
            size[i, j] += abs(product[i, j])


@njit(parallel=True, cache=True)
def correlate(
    total, size, rho, error, sums_a, sums_b, scale_a, scale_b, round_a, round_b, share, flat, factor, at_random, width
):
    """Write correlations to `rho`, and what each can be off to `error`; these may be `total` and `size` themselves.

    Parameters
    ----------
    sums_a, sums_b : float64 arrays
        Σq of each column, one side's over T.
    scale_a, scale_b : float64 arrays
        1/√D, NaN where there is no correlation.
    round_a, round_b : float64 arrays, shape (4, columns)
        ε, γ, φ₄, γ (`bound.Norms.roundings`).
    share : float
        Error of a size: of 8 bits, and of the sum over blocks.
    """
    for i in numba.prange(total.shape[0]):
        for j in range(total.shape[1]):
            scale = scale_a[i] * scale_b[j]
            value = (total[i, j] - sums_a[i] * sums_b[j]) * scale
            lost = round_a[0, i] + (1 + round_a[0, i]) * round_b[0, j]
            if at_random:
                one, other = round_a[1, i] * round_b[2, j], round_a[2, i] * round_b[1, j]
                lost = min(lost, width * ((one * one + other * other) ** 0.5 + round_a[3, i] * round_b[3, j]))
            off = flat + factor * lost + share * size[i, j] * scale
            rho[i, j] = 1.0 if value > 1.0 else (-1.0 if value < -1.0 else value)
            error[i, j] = off * (1 + 2.0**-22)


@njit(parallel=True, cache=True)
def count_reaching(key, error, bars_a, bars_b):
    """Return how many keys of each row, with their errors, reach the bar of their row or of their column."""
    number = np.zeros(len(key), np.int64)
    for i in numba.prange(len(key)):
        bar, here = bars_a[i], 0
        for j in range(key.shape[1]):
            most = key[i, j] + error[i, j]
            here += (most >= bar) | (most >= bars_b[j])
        number[i] = here
    return number


@njit(parallel=True, cache=True)
def list_reaching(key, error, bars_a, bars_b, first, rows, columns):
    """Write the rows and columns of these keys, those of a row from its place `first`."""
    for i in numba.prange(len(key)):
        place = first[i]
        for j in range(key.shape[1]):
            most = key[i, j] + error[i, j]
            if (most >= bars_a[i]) | (most >= bars_b[j]):
                rows[place], columns[place] = i, j
                place += 1
