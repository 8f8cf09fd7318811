"""The kernels in NumPy, for small matchings: a pass over memory for each operation, and nothing to compile.

Functions have the names, the arguments and the order of sums of `kernels` (but for a single column, which NumPy sums
in another order); tests compare them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import arrays

STRIP, PIECES = 64, 8  # as in `kernels`


def subtract(
    x: np.ndarray, columns: int, shift: np.ndarray, out: np.ndarray, total: np.ndarray, square: np.ndarray
) -> None:
    """Write x − shift to `out` (float32) and its column sums and sums of squares to `total` and `square` (float64)."""
    rows = len(x)
    np.subtract(x[:, :columns], shift, out=out[:rows], casting="same_kind")
    share = -(-rows // PIECES)
    sums = np.zeros((PIECES, 2, columns))
    for piece in range(PIECES):
        stop = min((piece + 1) * share, rows)
        for first in range(piece * share, stop, STRIP):
            strip = out[first : min(first + STRIP, stop)]
            sums[piece, 0] += strip.sum(0)
            sums[piece, 1] += (strip * strip).sum(0)
    total[:], square[:] = sums.sum(0)


def measure(
    x: np.ndarray,
    columns: int,
    shift: np.ndarray,
    total: np.ndarray,
    square: np.ndarray,
    least: np.ndarray,
    most: np.ndarray,
) -> None:
    """Write the sums of x − shift and of their squares as `subtract` does, and each column's extremes, in float64."""
    subtract(x, columns, shift, np.empty((len(x), columns), dtype=np.float32), total, square)
    np.minimum(least, x[:, :columns].min(0), out=least)
    np.maximum(most, x[:, :columns].max(0), out=most)


def correlate(
    parts: np.ndarray,
    rows_a: np.ndarray,
    rows_b: np.ndarray,
    scale_a: np.ndarray,
    scale_b: np.ndarray,
    rho: np.ndarray,
) -> None:
    """Write the correlations of a tile to `rho`."""
    rho[:] = correlations_of(parts, rows_a, rows_b, scale_a, scale_b)


def correlations_of(parts: Any, rows_a: Any, rows_b: Any, scale_a: Any, scale_b: Any) -> Any:
    """Return the correlations of a tile, float64, in NumPy or in torch.

    Parameters
    ----------
    parts : float32 array, shape (J, A, B)
        C_j, products about each part's mean.
    rows_a, rows_b : float64 arrays, shapes (J, A) and (J, B)
        √n_j times the step from the mean of all positions to the part's.
    scale_a, scale_b : float64 arrays, shapes (A,) and (B,)
        One over the root of the sums of squares; 0 for constant neurons, whose correlations are NaN.
    """
    rho = rows_a.T @ rows_b
    for part in parts:
        rho += part
    rho *= scale_b
    rho *= scale_a[:, None]
    rho = arrays.library(rho).clip(rho, -1, 1)
    rho[scale_a == 0] = float("nan")
    rho[:, scale_b == 0] = float("nan")
    return rho


def best_of_rows(rho: np.ndarray, absolute: bool, key: np.ndarray, index: np.ndarray) -> None:
    """Write the best keys of each row and their columns, best first; of equal ones the lower column is first."""
    left = np.where(np.isnan(rho), -np.inf, np.abs(rho) if absolute else rho)
    rows = np.arange(len(rho))
    for place in range(key.shape[1]):
        best = left.argmax(1)
        key[:, place] = left[rows, best]
        index[:, place] = np.where(key[:, place] > -np.inf, best, -1)
        left[rows, best] = -np.inf


def best_of_columns(rho: np.ndarray, absolute: bool, key: np.ndarray, index: np.ndarray) -> None:
    """Write the best keys of each column and their rows."""
    best_of_rows(np.ascontiguousarray(rho.T), absolute, key, index)


def weighted_correlations(
    cross: np.ndarray,
    unit_a: np.ndarray,
    unit_b: np.ndarray,
    sum_a: np.ndarray,
    mean_b: np.ndarray,
    scale_a: np.ndarray,
    scale_b: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write the correlations of pairs from their products, in each of several matchings; NaN where one is constant."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = cross - sum_a[:, unit_a] * mean_b[:, unit_b]
        rho = rho / scale_a[:, unit_a] / scale_b[:, unit_b]
    out[:] = np.where(np.isfinite(rho), np.clip(rho, -1, 1), np.nan)


def keys(rho: np.ndarray, absolute: bool, least: float, out: np.ndarray) -> None:
    """Write what ranks correlations: ρ or |ρ|; −inf for NaN and up to `least`."""
    value = np.abs(rho) if absolute else rho
    out[:] = np.where(value > least, value, -np.inf)


def mutual_pairs(
    key: np.ndarray, unit_a: np.ndarray, unit_b: np.ndarray, neurons_a: int, neurons_b: int, k: int, out: np.ndarray
) -> None:
    """Say which candidates are among the k best of both their neurons, in each of several matchings."""
    out[:] = True
    for unit in (unit_a, unit_b):
        here = np.zeros(key.shape, dtype=bool)
        for _, first in _ranked(key, unit, k):
            here |= first
        out &= here


def rivals(
    key: np.ndarray, unit_a: np.ndarray, unit_b: np.ndarray, neurons_a: int, neurons_b: int, out: np.ndarray
) -> None:
    """Write the best key that either neuron of each candidate has with another partner, in each matching."""
    out[:] = -np.inf
    for unit in (unit_a, unit_b):
        (best, _), (second, _) = _ranked(key, unit, 2)
        np.maximum(out, np.where(best == key, second, best), out=out)


def _ranked(key: np.ndarray, unit: np.ndarray, k: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, for each of k ranks, the key of that rank of each candidate's unit, and which candidate has it.

    Candidates are sorted by A's unit, then B's; of equal keys the first has the better rank.
    """
    if not len(unit):
        return [(key, np.zeros(key.shape, dtype=bool))] * k
    order = np.argsort(unit, kind="stable")
    back = np.argsort(order)
    begins = np.diff(unit[order], prepend=-1) > 0
    starts, group = np.flatnonzero(begins), np.cumsum(begins) - 1
    left, ranks = key[:, order], []
    for _ in range(k):
        best = np.maximum.reduceat(left, starts, axis=1)[:, group]
        hit = (left == best) & (left > -np.inf)
        seen = np.cumsum(hit, axis=1)
        before = (seen - hit)[:, starts][:, group]
        first = hit & (seen - before == 1)
        ranks.append((best[:, back], first[:, back]))
        left = np.where(first, -np.inf, left)
    return ranks


def pair_sums(
    x: np.ndarray,
    y: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    shift_x: np.ndarray,
    shift_y: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Add Σx, Σy, Σx², Σy², Σxy of the pairs (u_p, v_p) over a block to `sums`, float64, shape (strips, 5, pairs)."""
    share = -(-len(x) // len(sums))
    for strip in range(len(sums)):
        rows = slice(strip * share, min((strip + 1) * share, len(x)))
        one = np.take(x[rows], u, axis=1).astype(float) - shift_x
        other = np.take(y[rows], v, axis=1).astype(float) - shift_y
        for place, terms in enumerate((one, other, one * one, other * other, one * other)):
            # Four rows at once, and one row more, of the sums so far: numbers are then added in the order of the
            # compiled kernel.
            fours = len(terms) // 4 * 4
            at_once = (terms[0:fours:4] + terms[1:fours:4]) + (terms[2:fours:4] + terms[3:fours:4])
            sums[strip, place] = np.concatenate([sums[strip, place][None], at_once, terms[fours:]]).sum(0)
