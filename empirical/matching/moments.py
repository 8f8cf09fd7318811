r"""Moments and products of activation blocks in one pass, without losing digits.

For two models with activations x (positions × N_A) and y (positions × N_B), a correlation (Eq. 2) needs

    C = Σ_t (x_t − x̄)(y_t − ȳ)ᵀ,    v = Σ_t (x_t − x̄)²,    w = Σ_t (y_t − ȳ)²,    ρ = C / √(v wᵀ).

The means are known only at the end, and subtracting T x̄ ȳᵀ then costs all digits when a mean is 10⁴ standard
deviations. So every block is centred by itself and blocks are merged by the rule of Chan, Golub and LeVeque (1983): for
a block of n positions with mean x̄_b, after m positions with mean x̄,

    C ← C + C_b + m n/(m + n) · (x̄_b − x̄)(ȳ_b − ȳ)ᵀ.

Both corrections are rank one, so they are two more rows of the block: a product of (n + 2)-row blocks does everything.
With a shift s near the block's mean, u = x − s (exact to float32's last digit) and ε = mean of u,

    row n + 1:   +√n ε   on side A,   −√n ε'  on side B      takes n ε ε'ᵀ off, which centres the block exactly;
    row n + 2:   √(mn/(m+n)) (x̄_b − x̄)   on both sides      merges its mean.

Means and sums of squares are kept in float64; the products run in float32 over one block and are added in float32.
A column is constant exactly when its sum of squares is exactly 0: constant blocks are recognised by comparing values.
A column whose standard deviation is below `FAINT` is taken as constant: products of such columns are less than float32
can hold, as those of columns beyond 1e18 are more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...console import say
from ..activations.source import ActivationSource, RandomAccess
from .machine import arrays, distributed
from .machine.arrays import Array
from .machine.small import kernels

FAINT = 1e-18
SAMPLED = 1024  # positions looked at for neurons that are faint but not constant
FIRST = 64  # positions whose mean a first block is centred by: near enough for the digits of float32
STRIP = 256  # rows centred at a time on other devices than the CPU


class NonFinite(Exception):
    """A NaN, an infinity, or a number whose square float32 cannot hold, in these columns of side 0 (A) or 1 (B)."""

    def __init__(self, side: int, columns: np.ndarray):
        self.side, self.columns = side, columns


@dataclass
class Moments:
    """Count, means and centred sums of squares of the columns seen so far (float64)."""

    count: int
    mean: Any
    square: Any

    @classmethod
    def empty(cls, columns: int) -> Moments:
        """Return moments of no positions, on the CPU."""
        return cls(0, np.zeros(columns), np.zeros(columns))

    def none(self) -> Moments:
        """Return moments of no positions, where these are."""
        zero = arrays.zeros_like(self.mean, len(self.mean))
        return Moments(0, zero, arrays.copied(zero))

    def merge(self, other: Moments) -> Array:
        """Take in the moments of more positions; return the row that merges their products."""
        total = self.count + other.count
        weight = self.count * other.count / total
        step = other.mean - self.mean
        # A first block is copied: 0 + (x − 0) · 1 would do, but a mean of −0.0 or a subnormal one should survive too.
        self.mean = arrays.copied(other.mean) if self.count == 0 else self.mean + step * (other.count / total)
        self.square = self.square + other.square + weight * step**2
        self.count = total
        return weight**0.5 * step


def steady(square: Any, positions: int) -> Any:
    """Return sums of squares, 0 where the standard deviation over so many positions is below `FAINT`."""
    return arrays.library(square).where(square < positions * FAINT**2, 0, square)


def say_faint(source: ActivationSource, excluded: np.ndarray) -> None:
    """Print how many of the neurons taken as constant vary after all, at some positions all over the source."""
    if len(excluded) == 0 or not isinstance(source, RandomAccess) or distributed.rank() > 0:
        return
    first, varies = source.rows(slice(0, 1))[:, excluded], np.zeros(len(excluded), bool)
    some = np.unique(np.linspace(0, source.positions - 1, SAMPLED).astype(int))
    for start in range(0, len(some), STRIP):
        varies |= (source.rows(some[start : start + STRIP])[:, excluded] != first).any(0)
    faint = excluded[varies]
    if len(faint):
        where = f"layer {source.layer[faint[0]]}, unit {source.unit[faint[0]]}"
        say(
            f"{source.name}: {len(faint)} neurons vary by less than {FAINT:g} and count as constant ({where}, …); "
            "correlations stay as they are where all activations are multiplied, for example by 1e20"
        )


class Centred:
    """One side's blocks, centred and bordered by the two rows that the head of this module derives.

    Parameters
    ----------
    rows : float32 tensor, shape (longest block + 2, neurons of this side)
        Memory to write to.
    sign : {1, −1}
        +1 for side A, −1 for side B: the sign of the centring row.
    """

    def __init__(self, rows: Any, sign: int):
        zero = arrays.zeros_like(rows, rows.shape[1])
        self.moments = Moments(0, zero, arrays.copied(zero))
        self._rows, self._sign = rows, sign

    def restart(self) -> None:
        """Forget the positions seen, for the next part of them."""
        self.moments = self.moments.none()

    def take(self, block: Any) -> Any:
        """Return a block of n positions as n + 2 float32 rows whose products merge with those before.

        Raises
        ------
        NonFinite
            If a column holds a number that cannot be used.
        """
        with np.errstate(all="ignore"):  # such numbers are looked for below
            x = arrays.like(block, self._rows)
            n, rows = len(x), self._rows[: len(x) + 2]
            seen, mean = self._of_block(x, rows)
            rows[n] = self._sign * n**0.5 * mean
            rows[n + 1] = self.moments.merge(seen)
        return rows

    def measure(self, block: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
        """Take in a block for its moments alone; lower `least` and raise `most` to the extremes of its columns."""
        with np.errstate(all="ignore"):
            self.moments.merge(self._of_block(arrays.like(block, self._rows), None, (least, most))[0])

    def _of_block(self, x: Any, rows: Any, ends: tuple[np.ndarray, ...] = ()) -> tuple[Moments, Any]:
        """Return a block's moments and its mean about the shift; write the block less the shift to `rows`, if any."""
        library, n = arrays.library(x), len(x)
        first = self.moments.count == 0
        shift = arrays.cast(x[:FIRST].mean(0, dtype=library.float64) if first else self.moments.mean, x.dtype)
        shift = library.nan_to_num(shift)
        total, square = _shift(x, shift, rows, *ends)
        bad = ~(library.isfinite(total) & library.isfinite(square))
        if bad.any():
            raise NonFinite(int(self._sign < 0), arrays.on_host(arrays.places(bad)))
        mean = total / n
        offset = arrays.cast(shift, library.float64) + mean

        # Where the shift missed by more than a standard deviation, centre again with the block's own mean.
        far = arrays.places((2 * n * mean**2 >= square) & (mean != 0))
        if len(far):
            x_far = x[:, far]
            constant = (x_far == x_far[0]).all(0)
            shift_far = arrays.cast(offset[far], x.dtype)
            shift_far[constant] = x_far[0, constant]
            rows_far = library.empty_like(self._rows[:n, far])
            total[far], square[far] = _shift(x_far, shift_far, rows_far)
            if rows is not None:
                rows[:n, far] = rows_far
            mean[far] = total[far] / n
            offset[far] = arrays.cast(shift_far, library.float64) + mean[far]
        return Moments(n, offset, (square - n * mean**2).clip(0)), mean


def _shift(x: Any, shift: Any, out: Any, *ends: np.ndarray) -> tuple[Any, Any]:
    """Write x − shift to `out`, if there is one; return its column sums and sums of squares in float64."""
    total, square = (arrays.zeros_like(x, x.shape[1]) for _ in range(2))
    if out is None:
        kernels().measure(wide(x), x.shape[1], shift, total, square, *ends)
        return total, square
    if isinstance(x, np.ndarray):
        kernels().subtract(wide(x), x.shape[1], shift, out, total, square)
        return total, square
    for start in range(0, len(x), STRIP):
        strip = out[start : min(start + STRIP, len(x))]
        strip.copy_(x[start : start + STRIP] - shift)
        total += strip.sum(0)
        square += (strip * strip).sum(0)
    return total, square


def wide(x: np.ndarray) -> np.ndarray:
    """Return an array that starts at x and has its row stride as its width, so that kernels know it is contiguous.

    A range of columns of a file's rows is read in place; the entries beyond that range must not be touched.
    """
    spread = x.strides[1] == x.itemsize and x.strides[0] >= x.shape[1] * x.itemsize and x.strides[0] % x.itemsize == 0
    if x.flags.c_contiguous or not spread:  # such as rows that are read backwards, or one row for all positions
        return np.ascontiguousarray(x)
    return np.lib.stride_tricks.as_strided(x, (len(x), x.strides[0] // x.itemsize), x.strides)
