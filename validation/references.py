"""References of every comparison: the paper's counts and nulls, networks with known β, toys and ladders of ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from . import reference_ladders
from .published import read, reading_error
from .series import Series
from .series_from import of_ladder, toy_series


def reference_series() -> list[Series]:
    """Return the references of every comparison: the paper, networks with known β, trained toys, measured ladders."""
    return [*published_series(), *(simulated(beta) for beta in (1.3, 1.8)), *toys(), *ladders()]


def published_series() -> list[Series]:
    """Return the paper's counts that its figures give as points, and its nulls."""
    series = []
    table = read("fig38_dinov3_failure")
    for model in ("DINOv2", "DINOv3"):
        rows = table.dropna(subset=[model])
        series.append(_published(f"paper: diffusion × {model}", rows, model))
    for name, word in (("fig04_untrained_null", "untrained"), ("fig26_permutation_null", "permuted")):
        for modality, rows in read(name).groupby("modality"):
            series.append(_published(f"paper: {word} null, {modality}", rows, "count", chance=True))
    return series


def simulated(
    beta: float, sizes: Iterable[int] = (256, 512, 1024, 2048), inputs: int = 10_000, seed: int = 0
) -> Series:
    """Return a ladder of synthetic networks with known β: mutual pairs above a correlation of ½ (τ = 1)."""
    from ..sims import Packing, wishart
    from ..sims.packing import mutual_nearest

    rng = np.random.default_rng(seed)
    correlations = []
    for size in sizes:
        matrix = wishart.correlations(Packing(neurons=size, beta=beta, inputs=inputs), rng)
        correlations.append(matrix[mutual_nearest(matrix, 0.5)])
    neurons, counts = np.array(list(sizes), dtype=float), np.array([float(len(rho)) for rho in correlations])
    name = f"synthetic, β = {beta:g}"
    return Series(
        name=name,
        source="synthetic",
        neurons=neurons,
        counts=counts,
        sd=None,
        correlations=tuple(correlations),
        threshold=0.5,
        reference=True,
    )


def ladders() -> list[Series]:
    """Return the ladders of language and vision models that come with this package, which trained and measured them."""
    saved = {name: reference_ladders.read(name) for name in reference_ladders.names()}
    pairings = {name: name.split("-")[0] for name in saved}  # families distinguish those of one kind
    named = [(f"package: {pairings[name]}", ladder) for name, ladder in saved.items()]
    return [replace(of_ladder(ladder, name), reference=True) for name, ladder in named]


def toys() -> list[Series]:
    """Return the toy study that comes with the package: all of the theory's ingredients, trained enough when wide."""
    from importlib import resources

    import pandas as pd

    with (resources.files("rosettalaw.sims") / "toy_study.csv").open(encoding="utf-8") as file:
        rows = pd.read_csv(file, comment="#")
    scaled = rows[rows["configuration"] == "scaled"]
    return [replace(one, name=f"package: {one.name}", reference=True) for one in toy_series(scaled)]


def _published(name: str, table: Any, column: str, chance: bool = False) -> Series:
    """Return one column of counts, the error with which it was read off its figure as standard deviation."""
    sizes, counts = (table[each].to_numpy(float) for each in ("neurons", column))
    return Series(
        name=name,
        source="published",
        neurons=sizes,
        counts=counts,
        sd=reading_error(table) * counts,
        chance=chance,
        reference=True,
    )
