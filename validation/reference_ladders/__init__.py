"""Ladders trained and measured with this package, to be compared with: counts, nulls and ranked correlations.

One CSV file per ladder, made from its result file by `write`. Comments name the command that made it and
the data of the measurement; the column ``correlations`` holds the calibrated pairs of a rung, best first. Ladders with
several seeds per size have one row for each pair of networks.
"""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...empirical.nulls import every_label
from ...errors import UnknownNameError
from ...results import dataset, replacing
from ...vocabulary import LADDER_COUNTS
from ..common_rho import deviations_at

if TYPE_CHECKING:
    import xarray as xr

FACTS = (
    *("ladder", "families", "modality", "command", "corpus", "corpus_sha256", "images", "number_of_images"),
    *("images_sha256", "photographs_sha256", "seed", "training_seed", "training_seeds"),
)


DIGITS = {"common_count_se": 10}  # it weighs sizes in the exponent, which is read again to six decimals


def names() -> list[str]:
    """Return the names of all reference ladders."""
    return sorted(item.name.removesuffix(".csv") for item in resources.files(__name__).iterdir() if ".csv" in item.name)


def read(name: str) -> xr.Dataset:
    """Return a reference ladder as a Dataset of kind "ladder".

    Raises
    ------
    UnknownNameError
        If there is no such ladder.
    """
    import pandas as pd

    if name not in names():
        raise UnknownNameError("reference ladder", name, names())
    with (resources.files(__name__) / f"{name}.csv").open(encoding="utf-8") as file:
        facts = dict(line[1:].strip().split(" = ", 1) for line in file if line.startswith("#"))
        file.seek(0)
        table = pd.read_csv(file, comment="#")
    ranked = [np.array(row.split(), dtype=float) for row in table.pop("correlations").fillna("")]
    variables = {column: ("rung", table[column].to_numpy()) for column in table}
    variables["correlation"] = ("pair", np.concatenate(ranked))
    variables["pair_rung"] = ("pair", np.repeat(np.arange(len(ranked)), [len(rho) for rho in ranked]))
    return dataset("ladder", variables, None, **facts)


def write(ladder: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Save a measured ladder as a CSV file of a few kilobytes; correlations to six decimals."""
    rung, rho, threshold = (ladder[name].values for name in ("pair_rung", "correlation", "threshold"))
    rung, rho = rung[rho >= threshold[rung]], rho[rho >= threshold[rung]]
    counts = dict.fromkeys(["seed_a", "seed_b", *LADDER_COUNTS, *(f"{label}_raw" for label in every_label())])
    columns = [name for name in counts if name in ladder and np.isfinite(ladder[name].values).any()]
    errors = deviations_at(ladder, float(np.nanmax(threshold))) if np.isfinite(threshold).any() else None
    if errors is not None:
        ladder = ladder.assign(common_count_se=("rung", errors))
        columns.insert(columns.index("threshold") + 1, "common_count_se")
    lines = [f"# {name} = {ladder.attrs[name]}" for name in FACTS if name in ladder.attrs]
    lines.append(",".join([*columns, "correlations"]))
    for i in range(ladder.sizes["rung"]):
        ranked = np.sort(rho[rung == i])[::-1]
        cells = [f"{_rounded(name, ladder[name].values[i]):.{DIGITS.get(name, 6)}g}" for name in columns]
        lines.append(",".join([*cells, " ".join(f"{one:.6f}" for one in ranked)]))
    with replacing(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(path)


def _rounded(name: str, value: float) -> float:
    """Round a threshold down, so that the last pair, which often is the threshold, stays above it."""
    return float(np.floor(value * 1e6) / 1e6) if name == "threshold" else float(value)
