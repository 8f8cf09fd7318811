"""Counts of a ladder with seeds as a table: sizes, seeds of both families, counts, and the error of the text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contents import ByContent
from ...errors import InputError, require
from ...results import load
from ..counts import LARGEST
from ..inputs import comma_hint
from ..table import read_table

if TYPE_CHECKING:
    from ..series import Series

NEEDED = ("neurons", "seed_a", "seed_b", "count")
OPTIONAL = ("text_sd",)
EXAMPLE = "a table with the columns neurons,seed_a,seed_b,count (and text_sd, if known), one row per pair of networks"


@dataclass(frozen=True, eq=False)
class SeedTable(ByContent):
    """Counts of pairs of networks, all arrays of shape (pairs,).

    Attributes
    ----------
    neurons, counts, text_sd : ndarray
        N, R > 0, and the standard deviation of log R over texts (0 if it is not known).
    seed_a, seed_b : ndarray of int
        Labels of the seeds, whole numbers from 0.
    """

    neurons: np.ndarray
    seed_a: np.ndarray
    seed_b: np.ndarray
    counts: np.ndarray
    text_sd: np.ndarray

    def __post_init__(self):
        few = len(np.unique(self.neurons)) < 3
        require(not few, "sizes", len(np.unique(self.neurons)), "must be at least three for an interval", EXAMPLE)
        for size, grid, _ in self.grids():
            some = ~np.isnan(grid)
            parallel = some.sum(axis=0).max() <= 1 and some.sum(axis=1).max() <= 1
            if not (some.all() or parallel):
                whole = f"{grid.size} pairs of its {grid.shape[0]} × {grid.shape[1]} seeds"
                rule = f"lacks {int(np.sum(~some))} of the {whole}"
                raise InputError(f"N = {size:g}", f"{int(some.sum())} pairs", rule, "all pairs of a size's seeds")

    def grids(self) -> Iterator[tuple[float, np.ndarray, float]]:
        """Yield each size with its counts, shape (seeds of A, seeds of B), NaN where there is no pair, and text_sd."""
        for size in np.unique(self.neurons):
            here = self.neurons == size
            a, row = np.unique(self.seed_a[here], return_inverse=True)
            b, column = np.unique(self.seed_b[here], return_inverse=True)
            grid = np.full((len(a), len(b)), np.nan)
            for i, j, count in zip(row, column, self.counts[here], strict=True):
                rule = "a pair of seeds that occurs twice; give each pair once"
                require(np.isnan(grid[i, j]), f"N = {size:g}", f"seeds {a[i]} and {b[j]}", rule, EXAMPLE)
                grid[i, j] = count
            yield float(size), grid, float(np.sqrt(np.mean(self.text_sd[here] ** 2)))


def read_seeds(data: str | os.PathLike[str] | Mapping[str, Any]) -> SeedTable:
    """Read the table from a CSV file, columns, or a ladder's result file (.nc).

    Raises
    ------
    MissingFileError, ForeignFileError, InputError
        If there is no such file, or a cell cannot be used.
    """
    if isinstance(data, str | os.PathLike):
        if Path(data).suffix.lower() == ".nc":
            return of_ladder(load(Path(data), "ladder"))
        return _table(read_table(data, NEEDED, OPTIONAL, _cell, EXAMPLE))
    try:
        given = {name: list(np.asarray(data[name]).tolist()) for name in (*NEEDED, *OPTIONAL) if name in data}
    except (TypeError, IndexError):
        raise InputError("data", data, "must be a file, or have the columns neurons, seed_a, seed_b, count") from None
    missing = [name for name in NEEDED if name not in given]
    require(not missing, "data", list(given), f"must have a column {' and '.join(missing)}", EXAMPLE)
    require(
        len({len(column) for column in given.values()}) == 1, "data", list(given), "must have columns of equal length"
    )
    cells = {
        name: np.array([_cell(str(one), name, f"{name}[{i}]") for i, one in enumerate(column)])
        for name, column in given.items()
    }
    return _table(cells)


def of_ladder(ladder: Any) -> SeedTable:
    """Return the calibrated counts of a measured ladder; rungs of one size without seeds are independent repeats."""
    neurons = np.asarray(ladder["neurons"].values, dtype=float)
    counts = np.asarray(ladder["calibrated_count"].values, dtype=float)
    each = np.arange(len(neurons)).astype(str)
    a, b = (np.asarray(ladder[name].values).astype(str) if name in ladder else each for name in ("seed_a", "seed_b"))
    good = counts > 0
    se = ladder["calibrated_count_se"].values if "calibrated_count_se" in ladder else np.zeros(len(neurons))
    text = np.where(np.isfinite(se), se, 0.0)[good] / counts[good]
    return _table(
        {"neurons": neurons[good], "seed_a": a[good], "seed_b": b[good], "count": counts[good], "text_sd": text}
    )


def of_series(series: Series) -> SeedTable:
    """Return the counts of a series with seeds, at the correlation at which it counts.

    Raises
    ------
    InputError
        If pairs of a size are missing, or there are fewer than three sizes.
    """
    require(series.seeds is not None, "series", series.name, "must have seeds of both networks")
    assert series.seeds is not None
    good = series.counts > 0
    sd = np.zeros(len(good)) if series.sd is None else series.sd
    labels = {f"seed_{side}": seed[good].astype(str) for side, seed in zip("ab", series.seeds, strict=True)}
    counts = series.counts[good]
    return _table({"neurons": series.neurons[good], **labels, "count": counts, "text_sd": sd[good] / counts})


def _table(columns: Mapping[str, np.ndarray]) -> SeedTable:
    n = len(columns["neurons"])
    return SeedTable(
        neurons=columns["neurons"].astype(float),
        seed_a=np.unique(columns["seed_a"], return_inverse=True)[1],
        seed_b=np.unique(columns["seed_b"], return_inverse=True)[1],
        counts=columns["count"].astype(float),
        text_sd=columns.get("text_sd", np.zeros(n)).astype(float),
    )


def _cell(text: str, name: str, where: str) -> float | str:
    if name in ("seed_a", "seed_b"):
        require(text, where, text, "must name a seed", EXAMPLE)
        return text
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if name == "neurons":
        good, rule = 1 <= value <= LARGEST, f"must be a number of neurons, from 1 to {LARGEST:g}"
    elif name == "count":
        good, rule = 0 < value <= LARGEST, "must be a count above 0, which has a logarithm"
    else:
        good, rule = 0 <= value <= 10, "must be the standard deviation of a log count, from 0 to 10"
    require(good, where, text, rule + comma_hint(text), EXAMPLE)
    return value
