r"""Variance components of counts with crossed seeds: those of either family, and of the pair.

Inside a size of k_A × k_B pairs, the sums of squares of log counts have the expectations

    SS_A    (k_A − 1)(σ_AB² + k_B σ_A²)
    SS_B    (k_B − 1)(σ_AB² + k_A σ_B²)
    SS_AB   (k_A − 1)(k_B − 1) σ_AB²

Summed over sizes, they are solved for the components. Pairs that share no seed at a size are independent repeats: their
variance is σ_A² + σ_B² + σ_AB² together, and is taken as that of the pair where nothing is crossed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...contents import ByContent
from ...errors import require
from ..inputs import numbers
from .table import SeedTable

CALL = "components.variance(seeds_a=3, seeds_b=3)"


@dataclass(frozen=True)
class Components:
    """Variance components of the log of a count.

    Attributes
    ----------
    a, b, pair : float
        σ_A², σ_B² and σ_AB².
    freedom : float
        Satterthwaite's degrees of freedom of the variance of a size's mean.
    """

    a: float
    b: float
    pair: float
    freedom: float

    @property
    def sd(self) -> float:
        """Standard deviation of the log count of one pair of networks."""
        return float(np.sqrt(self.a + self.b + self.pair))

    def variance(self, seeds_a: np.ndarray, seeds_b: np.ndarray, crossed: np.ndarray | bool = True) -> np.ndarray:
        """Return the variance of the mean log count of a size with given numbers of seeds of either family."""
        k_a, k_b = numbers_of_seeds("seeds_a", seeds_a), numbers_of_seeds("seeds_b", seeds_b)
        both = np.asarray(crossed)
        require(both.dtype.kind in "biu", "crossed", crossed, "must be True or False, or an array of them", CALL)
        return self.a / k_a + self.b / k_b + self.pair / np.where(both, k_a * k_b, k_a)

    def record(self) -> dict[str, Any]:
        """Return standard deviations and degrees of freedom as plain values."""
        sds = {f"sd_{name}": float(np.sqrt(getattr(self, name))) for name in ("a", "b", "pair")}
        return sds | {"sd": self.sd, "freedom": self.freedom}


def numbers_of_seeds(name: str, given: Any) -> np.ndarray:
    """Return numbers of seeds as floats in their shape, or raise `InputError` unless all are positive."""
    seeds = numbers(name, given, CALL)
    require(bool(np.all(seeds > 0)), name, given, "must be positive", CALL)
    return seeds.reshape(np.shape(given))


@dataclass(frozen=True, eq=False)
class SizeMeans(ByContent):
    """Means of the log counts of each size, all arrays of shape (sizes,)."""

    neurons: np.ndarray
    log_count: np.ndarray
    text_sd: np.ndarray
    seeds_a: np.ndarray
    seeds_b: np.ndarray
    pairs: np.ndarray
    crossed: np.ndarray


def estimate_components(table: SeedTable) -> tuple[Components | None, SizeMeans]:
    """Return the components of a ladder (None without repeats) and the means of its sizes."""
    squares, expected, freedom = np.zeros(3), np.zeros((3, 3)), np.zeros(3)
    repeats, spare = 0.0, 0
    rows = []
    for size, grid, text in table.grids():
        k_a, k_b = grid.shape
        crossed = not np.isnan(grid).any()
        log = np.log(grid)
        if crossed:
            squares, expected, freedom = (
                total + part for total, part in zip((squares, expected, freedom), _sums(log), strict=True)
            )
        else:
            diagonal = log[~np.isnan(log)]
            repeats, spare = repeats + float(np.sum((diagonal - diagonal.mean()) ** 2)), spare + len(diagonal) - 1
        pairs = int(np.sum(~np.isnan(grid)))
        rows.append((size, float(np.nanmean(log)), text, k_a, k_b, pairs, crossed))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    names = ("neurons", "log_count", "text_sd", "seeds_a", "seeds_b", "pairs", "crossed")
    means = SizeMeans(**dict(zip(names, columns, strict=True)))
    if not freedom.any():
        return (Components(0.0, 0.0, repeats / spare, float(spare)) if spare else None), means
    result = solve_components(squares, expected, freedom)
    a, b, pair = result.a, result.b, result.pair
    if spare:  # sizes of independent pairs say the total: what is crossed says how it is divided
        total = (repeats + (a + b + pair) * freedom.sum()) / (spare + freedom.sum())
        a, b, pair = (float(part) for part in np.array([a, b, pair]) * total / max(a + b + pair, 1e-300))
    return Components(a, b, pair, result.freedom + spare), means


def solve_components(squares: np.ndarray, expected: np.ndarray, freedom: np.ndarray) -> Components:
    """Return the components whose expected sums of squares these are, none below 0.

    Parameters
    ----------
    squares : ndarray, shape (3,)
        Sums of squares of A, B and the pair.
    expected : ndarray, shape (3, 3)
        Their expectations per unit of each component.
    freedom : ndarray, shape (3,)
        Their degrees of freedom.
    """
    a, b, pair = np.maximum(np.linalg.lstsq(expected, squares, rcond=None)[0], 0.0)
    return Components(float(a), float(b), float(pair), _freedom(squares, freedom))


def expected_squares(k_a: int, k_b: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected sums of squares of one size per unit of each component, and their degrees of freedom."""
    freedom = np.array([k_a - 1, k_b - 1, (k_a - 1) * (k_b - 1)])
    return freedom[:, None] * np.array([[k_b, 0, 1], [0, k_a, 1], [0, 0, 1]]), freedom


def _sums(log: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sums of squares, their expectations by component, and degrees of freedom of one size."""
    k_a, k_b = log.shape
    rows, columns, mean = log.mean(axis=1), log.mean(axis=0), log.mean()
    left = log - rows[:, None] - columns + mean
    squares = np.array([k_b * np.sum((rows - mean) ** 2), k_a * np.sum((columns - mean) ** 2), np.sum(left**2)])
    return squares, *expected_squares(k_a, k_b)


def _freedom(squares: np.ndarray, freedom: np.ndarray) -> float:
    """Return Satterthwaite's degrees of freedom of V = (MS_A + MS_B − MS_AB)/(k_A k_B)."""
    mean_squares = squares / np.maximum(freedom, 1)
    value = mean_squares[0] + mean_squares[1] - mean_squares[2]
    least = max(float(value), float(mean_squares.max()) / 2)
    errors = np.sum(mean_squares[freedom > 0] ** 2 / freedom[freedom > 0])
    return float(np.clip(least**2 / max(errors, 1e-300), freedom[freedom > 0].min(), freedom.sum()))
