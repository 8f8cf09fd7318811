"""Triangles of exponents measured on a user's pairs: a CSV file, columns, or a ladder's result file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import checked
from ..errors import InputError, require
from .counts import LARGEST
from .inputs import comma_hint
from .series_from import one_series
from .table import read_table
from .triangle import Triangle, measure_triangle, triangle_of

NEEDED = ("neurons", "correlation")
SEEDS = ("seed_a", "seed_b")
EXAMPLE = (
    "a CSV file with the columns neurons,correlation (and seed_a,seed_b, if known), one row per pair; or a ladder's .nc"
)
CALL = "read_triangle('pairs.csv'), or read_triangle({'neurons': [128, 128, 256], 'correlation': [.9, .7, .8]})"


@checked(CALL, "threshold")
def read_triangle(
    pairs: str | os.PathLike[str] | Mapping[str, Any],
    threshold: float | None = None,
    levels: Sequence[tuple[float, float]] | None = None,
) -> Triangle:
    """Measure the triangle of exponents on matched pairs; `Triangle.record` is what ``rosettalaw triangle`` prints.

    Parameters
    ----------
    pairs : path, or mapping of columns
        A CSV file or columns (a dict, a data frame) with ``neurons`` and ``correlation`` of each matched pair and, if
        known, ``seed_a`` and ``seed_b`` of its networks; or a result file of a ladder (.nc).
    threshold : float, optional
        Least correlation of a pair, for all sizes; by default the largest of the sizes' own least correlations.
    levels : sequence of (ρ1, ρ2), optional
        Correlations of the shares that are tested, chosen before the pairs are seen.

    Raises
    ------
    MissingFileError, ForeignFileError
        If there is no such file, or it is none with these columns.
    InputError
        If a number cannot be used, or a matching has more pairs than neurons.
    """
    if threshold is not None:
        require(0 < threshold < 1, "threshold", threshold, "must be a correlation between 0 and 1", "threshold=0.3")
    if isinstance(pairs, str | os.PathLike) and Path(pairs).suffix.lower() == ".nc":
        return _of_result(Path(pairs), threshold, levels)
    if isinstance(pairs, str | os.PathLike):
        table = read_table(pairs, NEEDED, SEEDS, _cell, EXAMPLE)
    else:
        table = _columns(pairs)
    neurons, rho = table["neurons"], table["correlation"]
    labels = [neurons.tolist(), *(table[name].tolist() for name in SEEDS if name in table)]
    matchings: dict[tuple, list[float]] = {}
    for *key, one in zip(*labels, rho.tolist(), strict=True):
        matchings.setdefault(tuple(key), []).append(one)
    for (size, *seeds), ones in matchings.items():
        of = f" of seeds {' and '.join(map(str, seeds))}" if seeds else ""
        rule = f"are more than neurons, impossible in a mutual matching; {'name' if not seeds else 'check'} the seeds"
        require(len(ones) <= size, f"pairs at N = {size:g}{of}", len(ones), rule, EXAMPLE)
    sizes = np.array([key[0] for key in matchings])
    shared = len(np.unique(sizes)) < len(sizes)
    return measure_triangle(sizes, list(matchings.values()), threshold, shared=shared, levels=levels)


def _of_result(path: Path, threshold: float | None, levels: Sequence[tuple[float, float]] | None) -> Triangle:
    series = one_series(path)
    if series.correlations is None:
        rule = "contains no correlations of matched pairs"
        require(series.profiles is not None, "pairs", str(path), rule, EXAMPLE)
        best = series.triangle()
        return best if best is not None else triangle_of(series.neurons, (), series.threshold)
    sizes = series.neurons if series.sizes_matched is None else series.sizes_matched
    if threshold is None and np.isfinite(series.threshold):
        threshold = series.threshold
    return measure_triangle(sizes, series.correlations, threshold, shared=series.shared, levels=levels)


def _columns(pairs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    try:
        given = {name: np.asarray(pairs[name]) for name in (*NEEDED, *SEEDS) if name in pairs}
    except (TypeError, IndexError):
        raise InputError("pairs", pairs, "must be a file, or have the columns neurons and correlation", CALL) from None
    missing = [name for name in NEEDED if name not in given]
    require(not missing, "pairs", list(given), f"must have a column {' and '.join(missing)}", CALL)
    lengths = {name: np.shape(column) for name, column in given.items()}
    same = len(set(lengths.values())) == 1 and all(len(shape) == 1 for shape in lengths.values())
    require(same, "pairs", lengths, "must have columns of equal length", CALL)
    require(len(given["neurons"]) > 0, "pairs", lengths, "must not be empty", CALL)
    cells = {
        name: np.array([_cell(str(one), name, f"{name}[{i}]") for i, one in enumerate(column.tolist())])
        for name, column in given.items()
    }
    return cells


def _cell(text: str, name: str, where: str) -> float | str:
    if name in SEEDS:
        require(text, where, text, "must name a seed; omit the column if it is unknown", EXAMPLE)
        return text
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if name == "neurons":
        good, rule = 1 <= value <= LARGEST, f"must be a number of neurons, from 1 to {LARGEST:g}"
    else:
        good, rule = abs(value) <= 1, "must be a correlation, from −1 to 1; omit the row if it was not measured"
    require(good, where, text, rule + comma_hint(text), EXAMPLE)
    return value
