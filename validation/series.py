"""Counts over sizes from any source, in one shape: the paper, simulations, ladders trained here, a user's files.

A series carries what its source has: counts always, and correlations of the matched pairs and null counts where a
measurement made them. Everything that compares sources starts here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ForeignFileError, InputError
from ..results import KIND, load
from .counts import Counts, clean, read_counts
from .published import read

if TYPE_CHECKING:
    import xarray as xr

REFERENCES = ("published", "synthetic")


@dataclass(frozen=True)
class Series:
    """Counts of one source over sizes.

    Attributes
    ----------
    name : str
        What tables and figures call it.
    source : str
        "published", "synthetic" (references with known β), "simulation", "ladder" or "counts".
    neurons, counts : ndarray, shape (n,)
        Sizes and counts, zeros included.
    sd : ndarray, shape (n,), or None
        Standard deviations, where known.
    correlations : tuple of ndarray, or None
        Correlations of the matched pairs of each size.
    threshold : float
        Correlation at which all of them clear their nulls; NaN if unknown.
    nulls : dict of str to ndarray
        Raw counts (``raw``) and those of each null, as `rosettalaw.validation.verdict.verdict` takes them.
    """

    name: str
    source: str
    neurons: np.ndarray
    counts: np.ndarray
    sd: np.ndarray | None = None
    correlations: tuple[np.ndarray, ...] | None = None
    threshold: float = np.nan
    nulls: dict[str, np.ndarray] = field(default_factory=dict)

    def clean(self) -> Counts:
        """Return the counts as the fits take them."""
        return clean(self.neurons, self.counts, self.sd)


def read_series(paths: Iterable[str | os.PathLike[str]]) -> list[Series]:
    """Read result files and CSV files; files of single pairs in one folder make one series.

    Raises
    ------
    MissingFileError, ForeignFileError
        If a file is missing, corrupt, or holds no counts.
    """
    found: list[Series] = []
    pairs: dict[Path, list[xr.Dataset]] = {}
    for path in map(Path, paths):
        if path.suffix.lower() != ".nc":
            data = read_counts(path)
            neurons = np.append(data.neurons, data.zero_sizes)
            counts = np.append(data.counts, np.zeros(len(data.zero_sizes)))
            found.append(Series(path.stem, "counts", neurons, counts, None if data.zero_sizes else data.sd))
            continue
        ds = load(path)
        kind = ds.attrs[KIND]
        if kind == "ladder":
            found.append(of_ladder(ds, _name(path)))
        elif kind in ("pairs", "rung"):
            pairs.setdefault(path.resolve().parent, []).append(ds)
        elif kind == "simulation":
            found.extend(of_simulation(ds, _name(path)))
        else:
            rule = "ladder, pairs, rung, simulation, or a CSV file with neurons,count"
            raise ForeignFileError(
                f"{path}: holds a result of kind {kind!r}, which has no measured counts ({rule} have)"
            )
    found.extend(of_pairs(members, folder.name) for folder, members in pairs.items())
    return found


def counts_of(path: str | os.PathLike[str]) -> Counts:
    """Return the counts of one file, CSV or result."""
    return read_counts(path) if Path(path).suffix.lower() != ".nc" else one_series(path).clean()


def one_series(path: str | os.PathLike[str]) -> Series:
    """Return the series of a result file that holds one.

    Raises
    ------
    InputError
        If the file holds several.
    """
    series = read_series([path])
    if len(series) != 1:
        raise InputError("counts", str(path), f"holds {len(series)} series, one is needed", "a CSV file of one of them")
    return series[0]


def of_ladder(ladder: xr.Dataset, name: str = "ladder") -> Series:
    """Return the calibrated counts of a measured ladder, with its correlations and nulls."""
    neurons = np.asarray(ladder["neurons"].values, dtype=float)
    correlations = None
    if "correlation" in ladder and "pair_rung" in ladder:
        rung = ladder["pair_rung"].values
        correlations = tuple(ladder["correlation"].values[rung == i] for i in range(len(neurons)))
    raw = {"raw": "raw_count", "permuted": "permuted_raw", "untrained": "untrained_raw"}
    return Series(
        name,
        "ladder",
        neurons,
        np.asarray(ladder["calibrated_count"].values, dtype=float),
        _deviations(ladder),
        correlations,
        float(np.nanmax(ladder["threshold"].values)) if np.isfinite(ladder["threshold"].values).any() else np.nan,
        {word: np.asarray(ladder[key].values, dtype=float) for word, key in raw.items() if key in ladder},
    )


def of_pairs(members: list[xr.Dataset], name: str) -> Series:
    """Return one series of matchings that were saved one by one."""
    sizes = [
        float(ds["neurons"]) if "neurons" in ds else float(ds["neurons_a"] + ds["neurons_b"]) / 2 for ds in members
    ]
    order = np.argsort(sizes, kind="stable")
    members = [members[i] for i in order]
    calibrated = all("calibrated_count" in ds for ds in members)
    word = "calibrated_count" if calibrated else "raw_count"
    thresholds = [float(ds["threshold"]) for ds in members] if calibrated else []
    return Series(
        name if calibrated else f"{name} (raw counts)",
        "ladder",
        np.sort(sizes),
        np.array([float(ds[word]) for ds in members]),
        None,
        tuple(np.asarray(ds["correlation"].values, dtype=float) for ds in members),
        float(np.nanmax(thresholds)) if np.isfinite(thresholds).any() else np.nan,
    )


def of_simulation(ds: xr.Dataset, name: str) -> list[Series]:
    """Return one series for each β of a simulation: mean counts over runs, with their standard errors."""
    word = "count_run" if "count_run" in ds else "count"
    if word not in ds or "neurons" not in ds or "beta" not in ds:
        raise ForeignFileError(f"{name}: a simulation without the variables count, neurons and beta")
    neurons = np.asarray(ds["neurons"].values, dtype=float)
    found = []
    for beta in np.atleast_1d(ds["beta"].values):
        counts = ds[word].sel(beta=beta) if "beta" in ds[word].dims else ds[word]
        mean, se = counts.astype(float), None
        if "run" in counts.dims:
            mean = counts.mean("run")
            runs = counts.sizes["run"]
            se = (counts.std("run", ddof=1) / np.sqrt(runs)).values if runs > 1 else None
        found.append(Series(f"{name}, β = {beta:g}", "simulation", neurons, np.asarray(mean.values, dtype=float), se))
    return found


def published_series() -> list[Series]:
    """Return the paper's counts that its figures give as points, and its nulls."""
    found = []
    table = read("fig38_dinov3_failure")
    for model in ("DINOv2", "DINOv3"):
        rows = table.dropna(subset=[model])
        found.append(_published(f"paper: diffusion × {model}", rows["neurons"], rows[model]))
    for name, word in (("fig04_untrained_null", "untrained"), ("fig26_permutation_null", "permuted")):
        for modality, rows in read(name).groupby("modality"):
            found.append(_published(f"paper: {word} null, {modality}", rows["neurons"], rows["count"]))
    return found


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
    return Series(f"synthetic, β = {beta:g}", "synthetic", neurons, counts, None, tuple(correlations), 0.5)


def reference_series() -> list[Series]:
    """Return what every comparison begins with: the paper's counts, and synthetic networks with known β."""
    return [*published_series(), *(simulated(beta) for beta in (1.3, 1.8))]


def _published(name: str, neurons, counts) -> Series:
    return Series(name, "published", np.asarray(neurons, dtype=float), np.asarray(counts, dtype=float))


def _deviations(ladder: xr.Dataset) -> np.ndarray | None:
    if "calibrated_count_se" not in ladder:
        return None
    sd = np.asarray(ladder["calibrated_count_se"].values, dtype=float)
    return sd if np.isfinite(sd).all() else None


def _name(path: Path) -> str:
    return path.parent.name if path.stem in ("results", "result") and path.parent.name else path.stem
