"""Numba kernels of the CPU: the passes over memory around the products, each fused into one.

`plain` has the same functions in NumPy, for small matchings. What other devices do is in torch, beside the callers.
"""

from __future__ import annotations

import numba
import numpy as np

from ....compiled import announce_compilation, njit

announce_compilation()
STRIP = 64  # rows summed in float32 before they are added in float64
PIECES = 8  # of a block, worked on side by side
COLUMNS = 256  # of a tile, whose best are looked for together


@njit(parallel=True, cache=True)
def subtract(x, columns, shift, out, total, square):
    """Write x − shift to `out` (float32) and its column sums and sums of squares to `total` and `square` (float64).

    The rows are cut into `PIECES` whatever the number of threads, so that the sums do not depend on it. Four rows at a
    time are added to the sums, one after the other, so that these are read and written a quarter as often.
    """
    share = (x.shape[0] + PIECES - 1) // PIECES
    sums = np.zeros((PIECES, 2, columns))
    for piece in numba.prange(PIECES):
        part, part_square = np.empty(columns, np.float32), np.empty(columns, np.float32)
        middle = shift[:columns].copy()
        stop = min((piece + 1) * share, x.shape[0])
        for first in range(piece * share, stop, STRIP):
            part[:] = 0
            part_square[:] = 0
            last = min(first + STRIP, stop)
            fours = first + (last - first) // 4 * 4
            for i in range(first, fours, 4):
                x0, x1, x2, x3 = x[i, :columns], x[i + 1, :columns], x[i + 2, :columns], x[i + 3, :columns]
                out0, out1, out2, out3 = (
                    out[i, :columns],
                    out[i + 1, :columns],
                    out[i + 2, :columns],
                    out[i + 3, :columns],
                )
                for j in range(columns):
                    u0, u1 = np.float32(x0[j] - middle[j]), np.float32(x1[j] - middle[j])
                    u2, u3 = np.float32(x2[j] - middle[j]), np.float32(x3[j] - middle[j])
                    out0[j], out1[j], out2[j], out3[j] = u0, u1, u2, u3
                    part[j] = part[j] + u0 + u1 + u2 + u3
                    part_square[j] = part_square[j] + u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3
            for i in range(fours, last):
                for j in range(columns):
                    u = np.float32(x[i, j] - middle[j])
                    out[i, j] = u
                    part[j] += u
                    part_square[j] += u * u
            for j in range(columns):
                sums[piece, 0, j] += part[j]
                sums[piece, 1, j] += part_square[j]
    total[:] = sums[:, 0].sum(0)
    square[:] = sums[:, 1].sum(0)


@njit(parallel=True, cache=True)
def measure(x, columns, shift, total, square, least, most):
    """Write the sums of x − shift and of their squares as `subtract` does, and each column's extremes, in float64."""
    share = (x.shape[0] + PIECES - 1) // PIECES
    sums = np.zeros((PIECES, 4, columns))
    for piece in numba.prange(PIECES):
        part, part_square = np.empty(columns, np.float32), np.empty(columns, np.float32)
        middle, low, high = shift[:columns].copy(), x[0, :columns].copy(), x[0, :columns].copy()
        stop = min((piece + 1) * share, x.shape[0])
        for first in range(piece * share, stop, STRIP):
            part[:] = 0
            part_square[:] = 0
            last = min(first + STRIP, stop)
            fours = first + (last - first) // 4 * 4
            for i in range(first, fours, 4):
                x0, x1, x2, x3 = x[i, :columns], x[i + 1, :columns], x[i + 2, :columns], x[i + 3, :columns]
                for j in range(columns):
                    u0, u1 = np.float32(x0[j] - middle[j]), np.float32(x1[j] - middle[j])
                    u2, u3 = np.float32(x2[j] - middle[j]), np.float32(x3[j] - middle[j])
                    part[j] = part[j] + u0 + u1 + u2 + u3
                    part_square[j] = part_square[j] + u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3
                    low[j] = min(low[j], min(min(x0[j], x1[j]), min(x2[j], x3[j])))
                    high[j] = max(high[j], max(max(x0[j], x1[j]), max(x2[j], x3[j])))
            for i in range(fours, last):
                for j in range(columns):
                    u = np.float32(x[i, j] - middle[j])
                    part[j] += u
                    part_square[j] += u * u
                    low[j], high[j] = min(low[j], x[i, j]), max(high[j], x[i, j])
            for j in range(columns):
                sums[piece, 0, j] += part[j]
                sums[piece, 1, j] += part_square[j]
        sums[piece, 2], sums[piece, 3] = low, high
    total[:] = sums[:, 0].sum(0)
    square[:] = sums[:, 1].sum(0)
    for piece in range(PIECES):
        for j in range(columns):
            least[j], most[j] = min(least[j], sums[piece, 2, j]), max(most[j], sums[piece, 3, j])


@njit(parallel=True, cache=True, fastmath={"reassoc", "nsz", "nnan"})
def correlate(parts, rows_a, rows_b, scale_a, scale_b, rho):
    """Write the correlations of a tile, reading each part once.

    Parameters
    ----------
    parts : float32 array, shape (J, A, B)
        C_j, products about each part's mean.
    rows_a, rows_b : float64 arrays, shapes (J, A) and (J, B)
        √n_j times the step from the mean of all positions to the part's.
    scale_a, scale_b : float64 arrays, shapes (A,) and (B,)
        One over the root of the sums of squares; 0 for constant neurons, whose correlations are NaN.
    rho : float32 array, shape (A, B)
        Receives them.
    """
    count, height, width = parts.shape
    fours = count // 4 * 4
    for u in numba.prange(height):
        total = np.zeros(width)
        for j in range(0, fours, 4):  # four at a time, so that totals are read and written a quarter as often
            w0, w1, w2, w3 = rows_a[j, u], rows_a[j + 1, u], rows_a[j + 2, u], rows_a[j + 3, u]
            for v in range(width):
                c0, c1 = parts[j, u, v] + w0 * rows_b[j, v], parts[j + 1, u, v] + w1 * rows_b[j + 1, v]
                c2, c3 = parts[j + 2, u, v] + w2 * rows_b[j + 2, v], parts[j + 3, u, v] + w3 * rows_b[j + 3, v]
                total[v] += (c0 + c1) + (c2 + c3)
        for j in range(fours, count):
            weight = rows_a[j, u]
            for v in range(width):
                total[v] += parts[j, u, v] + weight * rows_b[j, v]
        for v in range(width):
            scale = scale_a[u] * scale_b[v]
            rho[u, v] = min(max(total[v] * scale, -1.0), 1.0) if scale > 0 else np.nan


@njit(cache=True)
def _insert(keys, places, key, place):
    """Put a key among some that fall, behind those that equal it, and drop the last."""
    at = len(keys) - 1
    while at > 0 and keys[at - 1] < key:
        keys[at], places[at] = keys[at - 1], places[at - 1]
        at -= 1
    keys[at], places[at] = key, place


@njit(parallel=True, cache=True)
def best_of_rows(rho, absolute, key, index):
    """Write the best keys of each row and their columns, best first; of equal ones the lower column is first.

    Parameters
    ----------
    rho : float32 array, shape (A, B)
        Correlations; NaN is never listed.
    absolute : bool
        Rank by |ρ|.
    key, index : float32 and int64 arrays, shape (A, number)
        Receive keys and columns; −inf and −1 where fewer are left.
    """
    for u in numba.prange(rho.shape[0]):
        keys, places = key[u], index[u]
        keys[:] = -np.inf
        places[:] = -1
        for v in range(rho.shape[1]):
            value = abs(rho[u, v]) if absolute else rho[u, v]
            if value > keys[-1]:
                _insert(keys, places, value, v)


@njit(parallel=True, cache=True)
def best_of_columns(rho, absolute, key, index):
    """Write the best keys of each column and their rows, reading `rho` row by row; see `best_of_rows`."""
    key[:] = -np.inf
    index[:] = -1
    strips = (rho.shape[1] + COLUMNS - 1) // COLUMNS
    for strip in numba.prange(strips):
        first = strip * COLUMNS
        width = min(COLUMNS, rho.shape[1] - first)
        least = np.full(width, -np.inf, np.float32)
        for u in range(rho.shape[0]):
            for j in range(width):
                value = abs(rho[u, first + j]) if absolute else rho[u, first + j]
                if value > least[j]:
                    _insert(key[first + j], index[first + j], value, u)
                    least[j] = key[first + j, -1]


@njit(parallel=True, cache=True, error_model="numpy")
def weighted_correlations(cross, unit_a, unit_b, sum_a, mean_b, scale_a, scale_b, out):
    """Write the correlations of pairs from their products, in each of several matchings; NaN where one is constant.

    Parameters
    ----------
    cross : float array, shape (matchings, pairs)
        Products about one centre.
    unit_a, unit_b : int arrays, shape (pairs,)
        The pairs.
    sum_a, mean_b, scale_a, scale_b : float64 arrays, shapes (matchings, A) and (matchings, B)
        Sums of A and means of B about that centre, and roots of both sides' centred sums of squares.
    out : float64 array, shape (matchings, pairs)
        Receives them.
    """
    for matching in numba.prange(cross.shape[0]):
        for pair in range(len(unit_a)):
            u, v = unit_a[pair], unit_b[pair]
            rho = cross[matching, pair] - sum_a[matching, u] * mean_b[matching, v]
            rho = rho / scale_a[matching, u] / scale_b[matching, v]
            out[matching, pair] = min(max(rho, -1.0), 1.0) if np.isfinite(rho) else np.nan


@njit(parallel=True, cache=True)
def keys(rho, absolute, least, out):
    """Write what ranks correlations, of any shape in two dimensions: ρ or |ρ|; −inf for NaN and up to `least`."""
    for row in numba.prange(rho.shape[0]):
        for column in range(rho.shape[1]):
            value = abs(rho[row, column]) if absolute else rho[row, column]
            out[row, column] = value if value > least else -np.inf


@njit(parallel=True, cache=True)
def mutual_pairs(key, unit_a, unit_b, neurons_a, neurons_b, k, out):
    """Say which candidates are among the k best of both their neurons, in each of several matchings.

    Parameters
    ----------
    key : float array, shape (matchings, candidates)
        What is ranked; −inf for no pair.
    unit_a, unit_b : int arrays, shape (candidates,)
        Sorted by A's unit, then B's: of equal keys the first wins.
    out : bool array, shape (matchings, candidates)
        Receives the answer.
    """
    for matching in numba.prange(key.shape[0]):
        if k == 1:
            own = key[matching]
            most_a, most_b = np.full(neurons_a, -np.inf), np.full(neurons_b, -np.inf)
            for candidate in range(len(unit_a)):  # without branches, which the processor could not foresee
                value, u, v = own[candidate], unit_a[candidate], unit_b[candidate]
                of_a, of_b = most_a[u], most_b[v]
                most_a[u] = value if value > of_a else of_a
                most_b[v] = value if value > of_b else of_b
            seen_a, seen_b = np.zeros(neurons_a, np.bool_), np.zeros(neurons_b, np.bool_)
            for candidate in range(len(unit_a)):
                value, u, v = own[candidate], unit_a[candidate], unit_b[candidate]
                here, there = value == most_a[u], value == most_b[v]
                out[matching, candidate] = here & there & (value > -np.inf) & (not seen_a[u]) & (not seen_b[v])
                seen_a[u] |= here
                seen_b[v] |= there
            continue
        best_a, best_b = np.full((neurons_a, k), -1), np.full((neurons_b, k), -1)
        for best, unit in ((best_a, unit_a), (best_b, unit_b)):
            for candidate in range(len(unit)):
                own, place = best[unit[candidate]], k
                if not key[matching, candidate] > -np.inf:
                    continue
                while place > 0 and (own[place - 1] < 0 or key[matching, own[place - 1]] < key[matching, candidate]):
                    place -= 1
                for later in range(k - 1, place, -1):
                    own[later] = own[later - 1]
                if place < k:
                    own[place] = candidate
        for candidate in range(len(unit_a)):
            here = there = False
            for place in range(k):
                here |= best_a[unit_a[candidate], place] == candidate
                there |= best_b[unit_b[candidate], place] == candidate
            out[matching, candidate] = here and there


@njit(parallel=True, cache=True)
def rivals(key, unit_a, unit_b, neurons_a, neurons_b, out):
    """Write the best key that either neuron of each candidate has with another partner, in each of several matchings.

    Parameters
    ----------
    key : float array, shape (matchings, candidates)
        What is ranked; −inf for no pair.
    unit_a, unit_b : int arrays, shape (candidates,)
        The candidates' neurons.
    out : float array, shape (matchings, candidates)
        Receives it; −inf without another partner.
    """
    for matching in numba.prange(key.shape[0]):
        own = key[matching]
        most_a, next_a = np.full(neurons_a, -np.inf), np.full(neurons_a, -np.inf)
        most_b, next_b = np.full(neurons_b, -np.inf), np.full(neurons_b, -np.inf)
        for candidate in range(len(unit_a)):
            value, u, v = own[candidate], unit_a[candidate], unit_b[candidate]
            of_a, of_b = most_a[u], most_b[v]
            most_a[u] = value if value > of_a else of_a
            most_b[v] = value if value > of_b else of_b
            lower_a, lower_b = of_a if value > of_a else value, of_b if value > of_b else value
            next_a[u] = lower_a if lower_a > next_a[u] else next_a[u]
            next_b[v] = lower_b if lower_b > next_b[v] else next_b[v]
        for candidate in range(len(unit_a)):
            value, u, v = own[candidate], unit_a[candidate], unit_b[candidate]
            of_a = next_a[u] if most_a[u] == value else most_a[u]
            of_b = next_b[v] if most_b[v] == value else most_b[v]
            out[matching, candidate] = max(of_a, of_b)


@njit(parallel=True, cache=True)
def pair_sums(x, y, u, v, shift_x, shift_y, sums):
    """Add Σx, Σy, Σx², Σy², Σxy of the pairs (u_p, v_p) over a block to `sums`, shape (strips, 5, pairs), in float64.

    The rows are cut into as many strips as `sums` has, so that the result does not depend on the number of threads.
    Four rows at a time are added, so that sums are read and written a quarter as often.
    """
    strips = sums.shape[0]
    share = (x.shape[0] + strips - 1) // strips
    for strip in numba.prange(strips):
        first, stop = strip * share, min((strip + 1) * share, x.shape[0])
        fours = first + max(stop - first, 0) // 4 * 4
        s_x, s_y, s_xx, s_yy, s_xy = sums[strip, 0], sums[strip, 1], sums[strip, 2], sums[strip, 3], sums[strip, 4]
        rows = np.empty((8, len(u)))
        x0, x1, x2, x3, y0, y1, y2, y3 = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
        for i in range(first, fours, 4):
            for p in range(len(u)):  # apart: what follows is then worked on several numbers at a time
                x0[p], x1[p], x2[p], x3[p] = x[i, u[p]], x[i + 1, u[p]], x[i + 2, u[p]], x[i + 3, u[p]]
            for p in range(len(u)):
                y0[p], y1[p], y2[p], y3[p] = y[i, v[p]], y[i + 1, v[p]], y[i + 2, v[p]], y[i + 3, v[p]]
            for p in range(len(u)):
                a0, a1, a2, a3 = x0[p] - shift_x[p], x1[p] - shift_x[p], x2[p] - shift_x[p], x3[p] - shift_x[p]
                b0, b1, b2, b3 = y0[p] - shift_y[p], y1[p] - shift_y[p], y2[p] - shift_y[p], y3[p] - shift_y[p]
                s_x[p] += (a0 + a1) + (a2 + a3)
                s_y[p] += (b0 + b1) + (b2 + b3)
                s_xx[p] += (a0 * a0 + a1 * a1) + (a2 * a2 + a3 * a3)
                s_yy[p] += (b0 * b0 + b1 * b1) + (b2 * b2 + b3 * b3)
                s_xy[p] += (a0 * b0 + a1 * b1) + (a2 * b2 + a3 * b3)
        for i in range(fours, stop):
            for p in range(len(u)):
                one, other = x[i, u[p]] - shift_x[p], y[i, v[p]] - shift_y[p]
                s_x[p] += one
                s_y[p] += other
                s_xx[p] += one * one
                s_yy[p] += other * other
                s_xy[p] += one * other
