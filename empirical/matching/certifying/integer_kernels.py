"""Numba kernels: columns rounded at random to whole numbers of eight bits (`bound`), and products of these added.

q is taken as a whole number of 2⁻²⁴, and to the nearest sixteen bits after the point. Sixteen random bits are added to
these and all are cut: the next whole number is reached with the probability that leaves the mean unchanged.
"""

from __future__ import annotations

import numba
import numpy as np

from ....compiled import njit
from ..machine.vectors import LANES
from .bound import RUN
from .piece_kernels import GROUP, ZERO, bits_of, mixed, turn_blocks

UNITS, AFTER, EIGHT, NEXT = np.float32(2.0**24), np.int32(24), np.uint32(8), np.int32(128)  # half of the last bit
RANDOM = np.uint32(0x00FFFF00)  # places of the sixteen random bits
SIZE, LARGEST = np.uint32(0x7FFFFFFF), np.uint32(0x42FE0000)  # all bits but the sign, and those of 127


@njit(parallel=True, cache=True)
def to_integers(x, begins, targets, shift, scale, rows, columns, out, sums):
    """Write (x − shift) scale as whole numbers, columns as rows, and add to Σq, Σq² and Σr² of `sums`.

    Σq² is infinite where a number is beyond 127. All else is as in `piece_kernels.split`, with `out` of int8.
    """
    runs, groups = -(-x.shape[0] // RUN), -(-len(begins) // GROUP)
    added = np.zeros((runs, 3, len(shift)))
    for task in numba.prange(runs * groups):
        run, group = task // groups, task % groups
        low, sums_of_run = run * RUN, added[run]
        length = min(RUN, x.shape[0] - low)
        first, last = group * GROUP, min((group + 1) * GROUP, len(begins))
        turned, totals = np.empty((GROUP * LANES, RUN), np.float32), np.zeros((2, LANES), np.float32)
        turn_blocks(x, low, length, begins, first, last, shift, turned, totals)
        random = rows[low // 2 : (low + length) // 2]
        for block in range(first, last):
            for lane in range(LANES):
                place, column = targets[block] + lane, block * LANES + lane
                values, total = turned[(block - first) * LANES + lane, :length], sums_of_run[:, column]
                about = values, scale[column], random, columns[column], out[place, low : low + length]
                total[0], total[1], total[2], most = _rounded(*about)
                if most > LARGEST:
                    total[1] = np.inf
    of_all = added.sum(0)
    sums[0] += of_all[0]
    sums[1] += of_all[1]
    sums[3] += of_all[2]


@njit(cache=True, fastmath={"reassoc"})
def _rounded(values, scale, rows, column, out):
    """Round numbers at random; return sums of q, q² and r², and the bits of the largest size."""
    total = square = rest = ZERO
    most = np.uint32(0)
    for i in range(len(rows)):
        random = mixed(np.uint32(rows[i] ^ column))
        for half in range(2):
            place = i + half * len(rows)
            q = values[place] * scale
            most = max(most, np.uint32(bits_of(q) & SIZE))
            more = np.int32((random << EIGHT if half == 0 else random >> EIGHT) & RANDOM) | NEXT
            whole = np.int32(np.int32(np.int32(q * UNITS) + more) >> AFTER)
            out[place] = np.int8(whole)
            left = q - np.float32(whole)
            total += q
            square += q * q
            rest += left * left
    return total, square, rest, most


@njit(parallel=True, cache=True)
def add_integers(product, total):
    """Add whole numbers to float64 sums."""
    for i in numba.prange(total.shape[0]):
        for j in range(total.shape[1]):
            total[i, j] += product[i, j]
