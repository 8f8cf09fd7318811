"""Numba kernels: columns standardised and split into bfloat16 pieces (Veltkamp's splitting, see `bound`), and sums."""

from __future__ import annotations

import numba
import numpy as np

from .bound import STRIP

PIECES = 8  # of a block, worked on side by side
SPLITTER = np.float32(2**16 + 1)  # leaves 24 − 16 = 8 bits


@numba.njit(parallel=True, cache=True)
def split(x, columns, shift, scale, two, first, second, sums):
    """Write the pieces of (x − shift) scale to `first` and `second` (float32) and add to `sums` (`bound.SUMS`).

    The rows are cut into `PIECES` whatever the number of threads, so that the sums do not depend on it.
    """
    share = (x.shape[0] + PIECES - 1) // PIECES
    added = np.zeros((PIECES, 4, columns))
    for piece in numba.prange(PIECES):
        part = np.empty((4, columns), np.float32)
        stop = min((piece + 1) * share, x.shape[0])
        for low in range(piece * share, stop, STRIP):
            part[:] = 0
            for i in range(low, min(low + STRIP, stop)):
                for j in range(columns):
                    q = np.float32(x[i, j] - shift[j]) * scale[j]
                    wide = q * SPLITTER
                    high = wide - (wide - q)
                    left = q - high
                    first[i, j] = high
                    part[0, j] += q
                    part[1, j] += q * q
                    if two:
                        wide = left * SPLITTER
                        high = wide - (wide - left)
                        second[i, j] = high
                        part[2, j] += high * high
                        left -= high
                    part[3, j] += left * left
            for n in range(4):
                for j in range(columns):
                    added[piece, n, j] += part[n, j]
    sums += added.sum(0)


@numba.njit(parallel=True, cache=True)
def add(product, total):
    """Add a float32 array to a float64 one; torch and NumPy, which convert it first, take ten times as long."""
    for i in numba.prange(total.shape[0]):
        for j in range(total.shape[1]):
            total[i, j] += product[i, j]
