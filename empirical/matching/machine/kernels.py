"""Numba kernels of the CPU: the passes over memory around the products, each fused into one.

Every kernel has a plain torch twin beside its caller, which runs on other devices and which the tests compare it with.
"""

from __future__ import annotations

import numba
import numpy as np

STRIP = 64  # rows summed in float32 before they are added in float64
THREADS = numba.get_num_threads()
PIECES = 8  # of a block, worked on side by side


@numba.njit(parallel=True, cache=True)
def subtract(x, columns, shift, out, total, square):
    """Write x − shift to `out` (float32) and its column sums and sums of squares to `total` and `square` (float64).

    The rows are cut into `PIECES` whatever the number of threads, so that the sums do not depend on it.
    """
    share = (x.shape[0] + PIECES - 1) // PIECES
    sums = np.zeros((PIECES, 2, columns))
    for piece in numba.prange(PIECES):
        part, part_square = np.empty(columns, np.float32), np.empty(columns, np.float32)
        stop = min((piece + 1) * share, x.shape[0])
        for first in range(piece * share, stop, STRIP):
            part[:] = 0
            part_square[:] = 0
            for i in range(first, min(first + STRIP, stop)):
                for j in range(columns):
                    u = np.float32(x[i, j] - shift[j])
                    out[i, j] = u
                    part[j] += u
                    part_square[j] += u * u
            for j in range(columns):
                sums[piece, 0, j] += part[j]
                sums[piece, 1, j] += part_square[j]
    total[:] = sums[:, 0].sum(0)
    square[:] = sums[:, 1].sum(0)


@numba.njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "nnan"})
def subsets(parts, rows_a, rows_b, last, shift_a, shift_b, scale_a, scale_b, absolute, rho, value, place, column):
    """Evaluate a tile for all positions, for all but one part, and for two halves, reading each part once.

    With Q_j = C_j + a_j b_jᵀ, the products of part j about the mean of all positions, a subset's products about its own
    mean are Σ_{j∈S} Q_j − e_S f_Sᵀ. Sums over all but one part are a sum from the left plus one from the right, never a
    difference: a part that holds an outlier would leave no digits.

    Parameters
    ----------
    parts : float32 array, shape (J, A, B)
        C_j, products about each part's mean.
    rows_a, rows_b : float64 arrays, shapes (J, A) and (J, B)
        a_j and b_j.
    last : int
        Parts before `last` are the first half.
    shift_a, shift_b, scale_a, scale_b : float64 arrays, shapes (S, A) and (S, B)
        e_S, f_S and one over the root of the sums of squares (0: constant), for all positions, without part 0, 1, …,
        and for the two halves; S = J + 3, or 1 where only all positions are asked for.
    rho : float32 array, shape (A, B)
        Receives the correlations over all positions, NaN for constant neurons.
    value, place : arrays, shape (S, A)
        Receive each row's best key and its column (−1: none) over the subsets; the first entry is left alone.
    column : float32 array, shape (threads, S, B)
        Raised to each column's best key.
    """
    count, height, width = parts.shape
    threads, sets = column.shape[:2]
    share = (height + threads - 1) // threads
    for thread in numba.prange(threads):
        right = np.zeros((count + 1, width))
        left, half, key = np.empty(width), np.empty(width), np.empty(width, np.float32)
        for u in range(thread * share, min((thread + 1) * share, height)):
            for j in range(count - 1, -1, -1):
                weight = rows_a[j, u]
                for v in range(width):
                    right[j, v] = right[j + 1, v] + (parts[j, u, v] + weight * rows_b[j, v])
            for v in range(width):
                left[v] = right[0, v] * scale_a[0, u] * scale_b[0, v]
                rho[u, v] = min(max(left[v], -1.0), 1.0) if scale_a[0, u] * scale_b[0, v] > 0 else np.nan
                left[v] = 0
            for s in range(1, sets):
                shift, scale = shift_a[s, u], scale_a[s, u]
                value[s, u], place[s, u] = -np.inf, -1
                best = np.float32(-np.inf)
                j = s - 1
                if j == last:
                    half[:] = left
                for v in range(width):
                    if j < count:
                        total = left[v] + right[j + 1, v]
                    elif j == count:
                        total = half[v]
                    else:
                        total = right[last, v]
                    estimate = np.float32((total - shift * shift_b[s, v]) * scale * scale_b[s, v])
                    estimate = abs(estimate) if absolute else estimate
                    key[v] = estimate if scale * scale_b[s, v] > 0 else -np.inf
                if j < count:
                    weight = rows_a[j, u]
                    for v in range(width):
                        left[v] += parts[j, u, v] + weight * rows_b[j, v]
                for v in range(width):
                    best = max(best, key[v])
                    column[thread, s, v] = max(column[thread, s, v], key[v])
                if best > -np.inf:
                    v = 0
                    while key[v] != best:
                        v += 1
                    value[s, u], place[s, u] = best, v


@numba.njit(parallel=True, cache=True)
def pair_sums(x, y, u, v, shift_x, shift_y, sums):
    """Add Σx, Σy, Σx², Σy², Σxy of the pairs (u_p, v_p) over a block to `sums`, shape (strips, 5, pairs), in float64.

    The rows are cut into as many strips as `sums` has, so that the result does not depend on the number of threads.
    """
    strips = sums.shape[0]
    share = (x.shape[0] + strips - 1) // strips
    for strip in numba.prange(strips):
        for i in range(strip * share, min((strip + 1) * share, x.shape[0])):
            for p in range(len(u)):
                one = np.float64(x[i, u[p]]) - shift_x[p]
                other = np.float64(y[i, v[p]]) - shift_y[p]
                sums[strip, 0, p] += one
                sums[strip, 1, p] += other
                sums[strip, 2, p] += one * one
                sums[strip, 3, p] += other * other
                sums[strip, 4, p] += one * other
