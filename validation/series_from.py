"""Series read from results: of ladders, single matchings, simulations and toy networks, and from a user's CSV."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import checked
from ..console import say
from ..errors import ForeignFileError, InputError
from ..model_names import matched_families
from ..results import KIND, interpreting, load, require_variables
from .common_rho import counts_at, deviations_at
from .counts import Counts, naming, read_columns, read_counts
from .pooling import groups, models
from .profiles import FEWEST_PAIRS, Profile
from .series import Series
from .verdict import nulls_of

if TYPE_CHECKING:
    import xarray as xr

TOY = (
    *("configuration", "beta", "neurons", "seeds", "count", "count_sd", "mean_isolation", "profile_slope"),
    *("optimal_count", "optimal_mean_isolation", "optimal_slope"),
)
RECIPE = ("seed", "steps", "tau", "kappa")  # facts of a toy study: cells that share them are of one kind
LAW = "law"  # the toy recipe that has all of the theory's ingredients
ROUNDED = 1e-6  # what a file in single precision may have taken off the pair that a threshold is read from
RUNS = 3  # of a simulation at each size, whose correlations make its profiles


@checked("read_series(['counts.csv', 'ladder.nc'])")
def read_series(paths: Iterable[str | os.PathLike[str]]) -> list[Series]:
    """Read result files and CSV files; files of single pairs in one folder make one series.

    Raises
    ------
    MissingFileError, ForeignFileError
        If a file is missing, corrupt, or holds no counts.
    """
    paths = _once_each([Path(path) for path in paths])
    times = Counter(map(_name, paths))
    series: list[Series] = []
    pairs: dict[Path, list[xr.Dataset]] = {}
    files: dict[int, Path] = {}
    toys: list[xr.Dataset] = []
    for path in paths:
        name = _name(path) if times[_name(path)] == 1 else str(path)
        if path.suffix.lower() != ".nc":
            series.append(Series(name, "counts", *read_columns(path)))
            continue
        ds = load(path)
        kind = ds.attrs[KIND]
        if kind == "ladder":
            series.append(of_ladder(ds, name))
        elif kind in ("pairs", "rung"):
            of_pairs([ds], str(path))  # one that cannot be read is named, not the folder
            pairs.setdefault(Path(os.path.realpath(path)).parent, []).append(ds)
            files[id(ds)] = path
        elif kind == "simulation":
            series.extend(of_simulation(ds, name))
        elif kind == "fit":
            series.append(of_law(ds, name))
        elif kind == "recurrence" and len(paths) > 1:
            say(f"{path}: neurons that recur in several models have no count over sizes; left out")
        elif kind == "toy":
            of_toys([ds], name=str(path))
            toys.append(ds)
        else:
            rule = "ladder, pairs, rung, simulation, toy, fit, or a CSV file with neurons,count"
            raise ForeignFileError(
                f"{path}: contains a result of kind {kind!r}, which has no measured counts (these have: {rule})"
            )
    return [*series, *of_folders(pairs, files), *of_toys(toys)]


def _once_each(paths: Sequence[Path]) -> list[Path]:
    """Return paths without repeats: the same result again is no further evidence."""
    files: dict[Path, Path] = {}
    for path in paths:
        first = files.setdefault(Path(os.path.realpath(path)), path)
        if first is not path:
            say(f"{path}: the same file as {first}; read once")
    return list(files.values())


def of_result(ds: xr.Dataset, name: str) -> list[Series]:
    """Return the series of a result in memory, none of one that has no counts over sizes.

    Raises
    ------
    ForeignFileError
        If a variable is missing.
    """
    kind = ds.attrs.get(KIND)
    if kind == "simulation":
        return of_simulation(ds, name)
    if kind == "toy":
        return of_toys([ds], name=name)
    if kind in ("pairs", "rung"):
        return [of_pairs([ds], name)]
    if kind == "fit":
        return [of_law(ds, name)]
    return [of_ladder(ds, name)] if "calibrated_count" in ds else []


def of_folders(pairs: Mapping[Path, list[xr.Dataset]], files: Mapping[int, Path] | None = None) -> list[Series]:
    """Return a series for each group of matchings of a folder that belong together (`pooling`).

    It is named after the folder (in full, where two have one name) and after its models, and after its facts where
    there are several groups. `files` has the file of each matching by its `id`: those that are pooled are said.
    """
    times = Counter(folder.name for folder in pairs)
    series = []
    for folder, members in pairs.items():
        name = folder.name if times[folder.name] == 1 else str(folder)
        for group, words in groups(members):
            shown = words or models(group)
            series.append(of_pairs(group, f"{name} ({shown})" if shown else name))
            if len(group) > 1 and files:
                say(f"{series[-1].name}: one series of {', '.join(files[id(ds)].name for ds in group)}")
    return series


def of_law(fit: xr.Dataset, name: str) -> Series:
    """Return the counts of a saved law, as they were fitted.

    Raises
    ------
    ForeignFileError
        If a variable is missing.
    """
    require_variables(fit, name, ("neurons", "count"))
    with interpreting(name):
        sd = fit["count_sd"].values if "count_sd" in fit else None
        neurons, counts = fit["neurons"].values, fit["count"].values
        return Series(name=name, source="counts", neurons=neurons, counts=counts, sd=sd)


def counts_of(path: str | os.PathLike[str]) -> Counts:
    """Return the counts of one file, CSV or result."""
    if Path(path).suffix.lower() != ".nc":
        return read_counts(path)
    with naming(path):
        return one_series(path).clean()


def one_series(path: str | os.PathLike[str]) -> Series:
    """Return the series of a result file that holds one.

    Raises
    ------
    InputError
        If the file holds several.
    """
    series = read_series([path])
    if len(series) != 1:
        raise InputError(
            "counts", str(path), f"contains {len(series)} series; one is needed", "a CSV file of one of them"
        )
    return series[0]


def of_ladder(ladder: xr.Dataset, name: str = "ladder") -> Series:
    """Return the counts of a measured ladder at one correlation, with its correlations and nulls.

    Where a ladder lacks its correlations the counts are those above each size's own ρ*.

    Raises
    ------
    ForeignFileError
        If a variable is missing, or a pair belongs to no rung: an older version's file, or somebody's edited one.
    """
    require_variables(ladder, name, ("neurons", "calibrated_count", "threshold"))
    with interpreting(name):
        return _of_ladder(ladder, name)


def _of_ladder(ladder: xr.Dataset, name: str) -> Series:
    neurons = np.asarray(ladder["neurons"].values, dtype=float)
    own, thresholds = (np.asarray(ladder[word].values, dtype=float) for word in ("calibrated_count", "threshold"))
    correlations, common, sd = None, _largest(thresholds), _deviations(ladder)
    counts, own_sd = own, sd
    if "correlation" in ladder and "pair_rung" in ladder:
        rung, rho = (ladder[key].values for key in ("pair_rung", "correlation"))
        if len(rung) and not 0 <= rung.min() <= rung.max() < len(neurons):  # also of one that was not loaded
            raise ForeignFileError(f"{name}: a ladder of {len(neurons)} rungs with a pair of rung {rung.max()}")
        # where nothing clears the nulls, the threshold is NaN and no pair is above it
        above = rho >= thresholds[rung] - ROUNDED
        correlations = tuple(rho[(rung == i) & above] for i in range(len(neurons)))
        thresholds = np.array([min([t, *rho]) for t, rho in zip(thresholds, correlations, strict=True)], dtype=float)
        common = _largest(thresholds)
        counts = np.where(own > 0, counts_at(correlations, common), 0.0)
        sd = sd if np.array_equal(counts, own) else deviations_at(ladder, common)
    seeds = None
    if _modality(ladder) == "language" and "seed_a" in ladder and "seed_b" in ladder:
        seeds = np.asarray(ladder["seed_a"].values), np.asarray(ladder["seed_b"].values)
    return Series(
        name=f"{name}{_families(ladder)}",
        source=_modality(ladder),
        neurons=neurons,
        counts=counts,
        sd=sd,
        correlations=correlations,
        threshold=common,
        own=own,
        own_sd=own_sd,
        thresholds=thresholds,
        nulls=nulls_of(ladder),
        shared=seeds is not None or len(set(json.loads(ladder.attrs.get("families", "[]")))) == 1,
        seeds=seeds,
    )


def of_pairs(members: list[xr.Dataset], name: str) -> Series:
    """Return one series of matchings that were saved one by one.

    Raises
    ------
    ForeignFileError
        If one lacks a variable.
    """
    for ds in members:
        sizes = ("neurons",) if "neurons" in ds else ("neurons_a", "neurons_b")
        require_variables(ds, name, (*sizes, "raw_count", "correlation"))
        require_variables(ds, name, ("threshold",) if "calibrated_count" in ds else ())
    with interpreting(name):
        return _of_pairs(members, name)


def _of_pairs(members: list[xr.Dataset], name: str) -> Series:
    sizes = [
        float(ds["neurons"]) if "neurons" in ds else float(ds["neurons_a"] + ds["neurons_b"]) / 2 for ds in members
    ]
    order = np.argsort(sizes, kind="stable")
    members = [members[i] for i in order]
    calibrated = all("calibrated_count" in ds for ds in members)
    word = "calibrated_count" if calibrated else "raw_count"
    thresholds = np.array([float(ds["threshold"]) for ds in members]) if calibrated else None
    raw = [nulls_of(ds) for ds in members] if calibrated else []
    # signed after --absolute
    correlations = tuple(np.abs(np.asarray(ds["correlation"].values, dtype=float)) for ds in members)
    own, common = np.array([float(ds[word]) for ds in members]), np.nan if thresholds is None else _largest(thresholds)
    return Series(
        name=name if calibrated else f"{name} (raw counts)",
        source="ladder",
        neurons=np.sort(sizes),
        counts=np.where(own > 0, counts_at(correlations, common), 0.0) if calibrated else own,
        sd=None,
        correlations=correlations,
        threshold=common,
        own=own if calibrated else None,
        thresholds=thresholds,
        nulls={
            word: np.array([one[word] for one in raw]) for word in (raw or [{}])[0] if all(word in one for one in raw)
        },
    )


def of_simulation(ds: xr.Dataset, name: str) -> list[Series]:
    """Return one series for each β of a simulation: mean counts over runs, with their standard errors.

    A simulation's file holds counts. Its seed gives the same networks again, and with them the correlations of the
    pairs above ½ (τ = 1), of a few runs per size, wherever the size was drawn instead of computed by the integral.
    """
    word = "count_run" if "count_run" in ds else "count"
    require_variables(ds, name, (word, "neurons", "beta"))
    with interpreting(name):
        return _of_simulation(ds, name, word)


def _of_simulation(ds: xr.Dataset, name: str, word: str) -> list[Series]:
    from ..sims import Simulation

    neurons = np.asarray(ds["neurons"].values, dtype=float)
    simulation = Simulation.from_dataset(ds) if "engine" in ds and "count_run" in ds else None
    series = []
    for beta in np.atleast_1d(ds["beta"].values):
        counts = ds[word].sel(beta=beta) if "beta" in ds[word].dims else ds[word]
        mean, se = counts.astype(float), None
        if "run" in counts.dims:
            mean = counts.mean("run")
            runs = counts.sizes["run"]
            se = (counts.std("run", ddof=1) / np.sqrt(runs)).values if runs > 1 else None
        matched = simulation.matched_correlations(float(beta), RUNS) if simulation else []
        series.append(
            Series(
                name=f"{name}, β = {beta:g}",
                source="simulation",
                neurons=neurons,
                counts=np.asarray(mean.values, dtype=float),
                sd=se,
                correlations=tuple(rho for _, rho in matched) or None,
                threshold=0.5,
                sizes_matched=np.array([float(size) for size, _ in matched]) if matched else None,
            )
        )
    return series


def of_toys(
    studies: Iterable[xr.Dataset], configurations: Sequence[str] | None = None, name: str = "a toy study"
) -> list[Series]:
    """Return one series for each configuration and β of toy studies, cells of the same recipe joined over sizes.

    Studies whose `RECIPE` differs stay apart, and their names say in what.
    `configurations` are those wanted; by default all, controls that are not expected to obey the theory included.

    Raises
    ------
    ForeignFileError
        If one lacks a variable; the message begins with `name`.
    """
    studies = list(studies)
    for ds in studies:
        require_variables(ds, name, TOY)
    with interpreting(name):
        return _of_toys(studies, configurations)


def _of_toys(studies: list[xr.Dataset], configurations: Sequence[str] | None) -> list[Series]:
    import pandas as pd

    recipes: dict[tuple, list[xr.Dataset]] = {}
    for ds in studies:
        recipes.setdefault(tuple(str(ds.attrs.get(fact, "")) for fact in RECIPE), []).append(ds)
    differ = [fact for fact, *values in zip(RECIPE, *recipes, strict=True) if len(set(values)) > 1]
    series = []
    for recipe, members in recipes.items():
        rows: Any = pd.concat([ds[list(TOY)].to_dataframe()[list(TOY)] for ds in members], ignore_index=True)
        toys = toy_series(rows if configurations is None else rows[rows["configuration"].isin(configurations)])
        difference = "".join(f", {fact} {value}" for fact, value in zip(RECIPE, recipe, strict=True) if fact in differ)
        series += [replace(one, name=one.name + difference) for one in toys]
    return series


def toy_series(rows: Any) -> list[Series]:
    """Return series of toy networks; b and ⟨s⟩ are those of their isolation itself, not of correlations.

    They pay ReLU's energy costs, which differ from feature to feature: the theory here is the water-filling at these
    costs, not the power law with β = b.
    """
    series = []
    for (name, beta), cells in rows.groupby(["configuration", "beta"], sort=False):
        cells = cells.sort_values(["neurons", "seeds"]).drop_duplicates("neurons", keep="last")
        se = (cells["count_sd"] / np.sqrt(cells["seeds"])).to_numpy(float)
        series.append(
            Series(
                name=f"toy, {name}, β = {beta:g}",
                source="toy",
                neurons=cells["neurons"].to_numpy(float),
                counts=cells["count"].to_numpy(float),
                sd=se if np.isfinite(se).all() else None,
                threshold=0.5,
                profiles=_profiles(cells, "profile_slope", "count", "mean_isolation"),
                optimum=_profiles(cells, "optimal_slope", "optimal_count", "optimal_mean_isolation"),
            )
        )
    return series


def _profiles(cells: Any, slope: str, count: str, isolation: str) -> tuple[Profile, ...]:
    """Return the profiles of toy networks, none where networks or optimum have too few features."""
    enough = cells[["count", "optimal_count"]].min(axis=1) >= FEWEST_PAIRS
    rows = zip(-cells[slope].where(enough), cells[count], cells[isolation], strict=True)
    return tuple(
        Profile(exponent=b, r0=np.nan, attenuation=1.0, rms=np.nan, pairs=pairs, mean_isolation=mean)
        for b, pairs, mean in rows
    )


def _modality(ladder: xr.Dataset) -> str:
    if "modality" in ladder.attrs:
        return str(ladder.attrs["modality"])
    return "language" if "corpus" in ladder.attrs else "ladder"


def _families(ladder: xr.Dataset) -> str:
    families = ladder.attrs.get("families")
    return f" ({matched_families(json.loads(families))})" if families else ""


def _largest(thresholds: np.ndarray) -> float:
    return float(np.nanmax(thresholds)) if np.isfinite(thresholds).any() else np.nan


def _deviations(ladder: xr.Dataset) -> np.ndarray | None:
    if "calibrated_count_se" not in ladder:
        return None
    sd = np.asarray(ladder["calibrated_count_se"].values, dtype=float)
    return sd if np.isfinite(sd).all() else None


def _name(path: Path) -> str:
    return path.parent.name if path.stem in ("results", "result") and path.parent.name else path.stem
