"""Best partners, mutual pairs, and how ties are broken.

Unit u of A and unit v of B are a pair if v is among the k best partners of u and u among the k best of v (Eq. 3), where
better means a larger correlation (or a larger absolute one). Of equal correlations the lower index wins. Float32
cannot distinguish equal from nearly equal, so a unit whose k-th and next best are closer than the rounding error

    2⁻²³ (8 |ρ| + 16/√T)

is *contested* and is decided by float64 correlations; those that agree to 1e-12 are
equal. Replicates (jackknife, halves) are statistics and are left at float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..activations.source import ActivationSource
from .machine import arrays
from .machine.reading import Block, cut, read
from .machine.small import kernels
from .moments import Moments
from .pairs import pair_correlations

EQUAL = 1e-12


class Partners:
    """The best partners of each unit of one side, updated as tiles arrive in increasing order of the other side.

    Attributes
    ----------
    key, rho, index : ndarray, shape (units, keep)
        What is ranked (ρ or |ρ|; −inf for no partner), the correlation, and the partner's index (−1 for none).
    parts : float32 ndarray, shape (units, keep, J)
        Products of each part of the positions; J is 0 where they are not kept.
    """

    def __init__(self, units: int, keep: int, parts: int = 0):
        self.key = np.full((units, keep), -np.inf)
        self.rho = np.full((units, keep), np.nan)
        self.index = np.full((units, keep), -1, dtype=np.int64)
        self.parts = np.zeros((units, keep, parts), dtype=np.float32)

    def offer(
        self,
        units: slice | np.ndarray,
        key: np.ndarray,
        rho: np.ndarray,
        index: np.ndarray,
        parts: np.ndarray | None = None,
    ) -> None:
        """Take in partners (units × any number), whose indices are above those already offered to these units."""
        key = np.concatenate([self.key[units], key], axis=1)
        best = np.argsort(-key, axis=1, kind="stable")[:, : self.key.shape[1]]
        self.key[units] = np.take_along_axis(key, best, axis=1)
        self.rho[units] = np.take_along_axis(np.concatenate([self.rho[units], rho], axis=1), best, axis=1)
        self.index[units] = np.take_along_axis(np.concatenate([self.index[units], index], axis=1), best, axis=1)
        if parts is not None and self.parts.shape[2]:
            both = np.concatenate([self.parts[units], parts], axis=1)
            self.parts[units] = np.take_along_axis(both, best[:, :, None], axis=1)

    def contested(self, k: int, positions: int) -> np.ndarray:
        """Return the units whose k-th and next best partner float32 cannot distinguish."""
        if self.key.shape[1] <= k:
            return np.empty(0, dtype=np.int64)
        last, following = self.key[:, k - 1], self.key[:, k]
        with np.errstate(invalid="ignore"):  # −inf − (−inf): no partners at all
            close = last - following <= rounding_error(np.abs(last), positions)
        return np.flatnonzero(close & np.isfinite(following))


def in_play(one: Partners, other: Partners, k: int, positions: int) -> np.ndarray:
    """Return the first side's units that rounding alone keeps from a pair, or in one: mutual up to the rounding error.

    Both sides must keep more than k partners.
    """
    units, places = np.nonzero(one.index >= 0)
    partner, key = one.index[units, places], one.key[units, places]
    last, last_of_partner = one.key[units, k - 1], other.key[partner, k - 1]
    error = rounding_error(np.abs(key), positions)
    near = (key >= last - error) & (key >= last_of_partner - error)
    return np.unique(units[near])


def rounding_error(rho: np.ndarray, positions: int) -> np.ndarray:
    """Return a bound on how far a float32 correlation is from the float64 one (module head)."""
    return 2.0**-23 * (8 * rho + 16 / positions**0.5)


def top(rho: Any, keep: int, absolute: bool, axis: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return key, correlation and column of the `keep` best of each row; the lower column wins a tie.

    With ``axis=0``: key, correlation and row of the best of each column.
    """
    keep = min(keep, rho.shape[axis])
    if not isinstance(rho, np.ndarray):
        return _top_elsewhere(rho if axis == 1 else rho.T, keep, absolute)
    shape = rho.shape[1 - axis], keep
    key, index = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.int64)
    (kernels().best_of_rows if axis == 1 else kernels().best_of_columns)(rho, absolute, key, index)
    own = np.arange(len(index))[:, None]
    value = rho[(own, index) if axis == 1 else (index, own)]  # of no partner: the last one's, and then NaN
    return key.astype(float), np.where(index < 0, np.nan, value.astype(float)), index


def _top_elsewhere(rho: Any, keep: int, absolute: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the best of each row of a tensor."""
    import torch

    key = torch.nan_to_num(rho.abs() if absolute else rho, nan=-torch.inf)
    values, places = key.topk(keep, dim=1)
    # Of equal ones torch may list any first.
    by_column = places.argsort(dim=1)
    values, places = values.gather(1, by_column), places.gather(1, by_column)
    by_value = values.argsort(dim=1, descending=True, stable=True)
    values, places = values.gather(1, by_value), places.gather(1, by_value)
    index = torch.where(torch.isneginf(values), -1, places)
    return values.double().cpu().numpy(), rho.gather(1, places).double().cpu().numpy(), index.cpu().numpy()


def settle(
    partners: Partners,
    k: int,
    sources: tuple[ActivationSource, ActivationSource],
    moments: tuple[Moments, Moments],
    parts: Sequence[Sequence[Block]],
    absolute: bool,
    among: np.ndarray | None = None,
) -> int:
    """Decide the contested units of the first source by float64 correlations; return how many there were.

    Where the last partner kept is clearly worse than the k-th, only the partners kept can tie; else all must be tried.
    `among` restricts it to some units (their numbers).
    """
    units = partners.contested(k, sources[0].positions)
    if among is not None:
        units = np.intersect1d(units, among)
    if not len(units):
        return 0
    last, kth = partners.key[units, -1], partners.key[units, k - 1]
    clear = kth - last > rounding_error(np.abs(kth), sources[0].positions)
    some = units[clear]
    index = partners.index[some]
    flat = np.where(index < 0, 0, index).ravel()
    rho = pair_correlations(*sources, np.repeat(some, index.shape[1]), flat, moments, parts).reshape(index.shape)
    rho = np.where(index < 0, np.nan, rho)
    for unit, row, candidates in zip(some, index, rho, strict=True):
        order = np.argsort(row)  # of equal ones the lower index comes first
        _rank(partners, int(unit), candidates[order], row[order], absolute)
    rest = units[~clear]
    for chosen in np.array_split(rest, -(-len(rest) // 512)) if len(rest) else []:
        everyone = np.arange(len(sources[1].layer))
        for unit, candidates in zip(chosen, float64_correlations(sources, moments, chosen, 1024), strict=True):
            _rank(partners, int(unit), candidates, everyone, absolute)
    return len(units)


def _rank(partners: Partners, unit: int, rho: np.ndarray, index: np.ndarray, absolute: bool) -> None:
    """Replace a unit's partners by the best of `rho`, whose indices rise; of `EQUAL` ones the first."""
    left = np.nan_to_num(np.abs(rho) if absolute else rho, nan=-np.inf)
    for place in range(partners.key.shape[1]):
        best = int(np.flatnonzero(left >= left.max() - EQUAL)[0])
        candidates = np.isfinite(left[best])
        partners.key[unit, place] = left[best]
        partners.rho[unit, place] = rho[best] if candidates else np.nan
        partners.index[unit, place] = index[best] if candidates else -1
        left[best] = -np.inf


def float64_correlations(
    sources: tuple[ActivationSource, ActivationSource],
    moments: tuple[Moments, Moments],
    units: np.ndarray,
    block: int,
) -> np.ndarray:
    """Correlate some units of the first source with all of the second in float64; constant units give NaN."""
    first, second = sources
    shift_first, shift_second = (arrays.on_host(m.mean) for m in moments)
    varies_first, varies_second = (arrays.on_host(m.square) > 0 for m in moments)
    blocks = [one for part in cut(first.positions, min(block, 1024), 1) for one in part]
    low, high = int(units.min()), int(units.max()) + 1
    cross = np.zeros((len(units), len(shift_second)))
    sum_x, sum_y, square_x, square_y = (np.zeros(len(side)) for side in (units, shift_second, units, shift_second))
    streams = read(first, blocks, slice(low, high)), read(second, blocks, slice(0, len(shift_second)))
    for x_block, y_block in zip(*streams, strict=True):
        x, y = x_block[:, units - low] - shift_first[units], y_block - shift_second
        cross += x.T @ y
        sum_x, sum_y = sum_x + x.sum(0), sum_y + y.sum(0)
        square_x, square_y = square_x + (x * x).sum(0), square_y + (y * y).sum(0)
    cross -= np.outer(sum_x, sum_y) / first.positions
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = cross / np.sqrt(square_x - sum_x**2 / first.positions)[:, None]
        rho /= np.sqrt(square_y - sum_y**2 / first.positions)
    return np.where(varies_first[units][:, None] & varies_second, np.clip(rho, -1, 1), np.nan)


def mutual(a: Partners, b: Partners, k: int, absolute: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the mutual pairs, sorted by A's unit then B's: units of A and B, correlations, margins.

    The margin of a pair is how much its |ρ| or ρ exceeds the best partner of either unit outside their k best: for
    k = 1 the second-best partner. It is NaN where neither unit has another partner.
    """
    units = np.repeat(np.arange(len(a.index)), min(k, a.index.shape[1]))
    partner = a.index[:, :k].ravel()
    listed = partner >= 0
    units, partner, rho, key = (
        units[listed],
        partner[listed],
        a.rho[:, :k].ravel()[listed],
        a.key[:, :k].ravel()[listed],
    )
    both = (b.index[partner, :k] == units[:, None]).any(1)
    if not absolute:
        both &= rho > 0
    units, partner, rho, key = units[both], partner[both], rho[both], key[both]
    rival = np.maximum(_next(a, k)[units], _next(b, k)[partner])
    margin = np.where(np.isfinite(rival), key - rival, np.nan)
    order = np.lexsort((partner, units))
    return units[order], partner[order], rho[order], margin[order]


def _next(partners: Partners, k: int) -> np.ndarray:
    keys = partners.key
    return keys[:, k] if keys.shape[1] > k else np.full(len(keys), -np.inf)


def overlap(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """Return the Jaccard overlap of two sets of pairs; NaN if both are empty."""
    one, other = (
        set(zip(candidates[0].tolist(), candidates[1].tolist(), strict=True)) for candidates in (first, second)
    )
    return len(one & other) / len(one | other) if one | other else float("nan")
