"""The kept files and the tables of the full ladder, from a finished run.

    rosettalaw demo --ladder full --out results/full
    python -m rosettalaw.validation.attenuation.networks full results/networks.csv RHO
    python docs/_make/full_ladder.py results/full results/networks.csv

writes ``docs/full_ladder``: ``results.nc`` without null pairs and texts, with the neurons of the first seeds alone, in
single precision but for correlations; the two figures; ``networks.csv``; and, in ``FINDINGS.md``, everything between
``<!-- begin NAME -->`` and ``<!-- end NAME -->``.
"""

from __future__ import annotations

import csv
import re
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

DOCS = Path(__file__).resolve().parents[1]
FOLDER = DOCS / "full_ladder"
BEFORE = FOLDER / "one_seed.nc"  # with one seed of each family, and permuted positions as a null
COMMAND = "rosettalaw demo --ladder full --out results/full"
DROPPED = ("null_pair", "snippet", "text", "read_document", "top")


def thin(ladder: xr.Dataset) -> xr.Dataset:
    """Return a ladder without null pairs and texts, and with the neurons of the first seeds alone."""
    first = np.flatnonzero((ladder["seed_a"].values == 0) & (ladder["seed_b"].values == 0))
    ladder = ladder.drop_dims([dim for dim in DROPPED if dim in ladder.dims])
    ladder = ladder.isel(neuron=np.flatnonzero(np.isin(ladder["neuron_rung"].values, first)))
    # Correlations keep their digits: counts compare them with thresholds, which are some of them.
    short = [
        name
        for name, variable in ladder.data_vars.items()
        if variable.dims[:1] in (("pair",), ("neuron",)) and variable.dtype == np.float64 and name != "correlation"
    ]
    # The command that anyone can run gives these numbers, wherever this run had its folders and workers.
    return ladder.assign({name: ladder[name].astype(np.float32) for name in short}).assign_attrs(command=COMMAND)


def blocks(ladder: xr.Dataset, networks: list[dict[str, str]], before: xr.Dataset) -> dict[str, str]:
    """Return the text of each marked part of the page."""
    from rosettalaw.validation.analysis import analyse_series
    from rosettalaw.validation.attenuation.measured import measure_ladder_attenuation, words
    from rosettalaw.validation.compare import compare_series
    from rosettalaw.validation.findings import findings, table
    from rosettalaw.validation.seeds.recurrence import recurrence
    from rosettalaw.validation.series_from import of_ladder

    series = of_ladder(ladder, "full")
    analysis = analyse_series(series)
    recurs = recurrence(ladder, analysis.common_rho)
    assert analysis.seeds is not None
    assert recurs is not None
    measured = measure_ladder_attenuation(ladder, analysis.common_rho)
    between = words(measured)
    triangle = compare_series([series])[0].triangle
    return {
        "findings": table(findings(ladder, analysis)),
        "law": filled(" ".join(analysis.counting)),
        "theory": filled(triangle.verdict()),
        "needed": filled(needed(triangle.attenuation, measured, analysis.common_rho)),
        "partners": filled(partners(ladder)),
        "counts": counts(ladder),
        "before": against_before(ladder, before),
        "recurrence": filled(f"{recurs.sentence()} {between}".strip()),
        "networks": of_networks(networks),
        "size": data_size(ladder),
        "settles": filled(settles(ladder)),
    }


def needed(fitted: Any, measured: dict[int, Any], rho: float) -> str:
    """Return how the spread between networks compares with one of the likeliest attenuation, drawn for each pair."""
    most = max(one.spread for one in measured.values() if np.isfinite(one.spread))
    seen = seen_between_pairs(fitted, rho)
    said = (
        "If the likeliest attenuation were drawn anew for each pair of networks, log ρ of pairs as strong as these "
        f"would differ by {seen:.2f} between them; at most {most:.2f} is measured (below). "
    )
    if most < seen:
        return f"{said}So most of an attenuation that reconciled them would be the same in every network."
    return f"{said}So attenuation between networks may be what reconciles them."


def seen_between_pairs(fitted: Any, rho: float, features: int = 20_000) -> float:
    """Return the spread that `measure_attenuation` finds in squares of the theory, attenuated pair by pair."""
    from rosettalaw.validation import measure_attenuation
    from rosettalaw.validation.attenuation.law import beta_parameters

    rng = np.random.default_rng(0)
    unit = np.arange(features)
    isolation = 1 - rng.random(features) ** fitted.beta  # 1 − (r/r₀)^β over uniform ranks
    law = beta_parameters(fitted.mean, fitted.sd)
    pairs = {(x, y): (unit, unit, isolation * rng.beta(*law, features)) for x in ("a0", "a1") for y in ("b0", "b1")}
    return measure_attenuation(pairs, {"a0": "a", "a1": "a", "b0": "b", "b1": "b"}, 1e9, rho).spread


def filled(text: str) -> str:
    """Return a text in lines of the page's width."""
    return "\n".join(textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False))


def by_size(ladder: xr.Dataset, name: str) -> np.ndarray:
    """Return the mean of a variable over the pairs of networks of each size."""
    neurons, values = ladder["neurons"].values, ladder[name].values.astype(float)
    return np.array([values[neurons == size].mean() for size in np.unique(neurons)])


def counts(ladder: xr.Dataset) -> str:
    """Return the table of counts: means over the pairs of networks of each size."""
    neurons = ladder["neurons"].values
    sizes = np.unique(neurons)
    least, most = (
        [fold(ladder["calibrated_count"].values[neurons == size]) for size in sizes] for fold in (np.min, np.max)
    )
    columns = {
        "N": [f"{size:.0f}" for size in sizes],
        "pairs above ρ*": [f"{mean:.0f}" for mean in by_size(ladder, "calibrated_count")],
        "over pairs of networks": [f"{low:.0f} to {high:.0f}" for low, high in zip(least, most, strict=True)],
        "stable": [f"{mean:.0f}" for mean in by_size(ladder, "stable_count")],
        "beyond the token": [f"{mean:.0f}" for mean in by_size(ladder, "beyond_token_count")],
        "without a threshold": [f"{mean:.0f}" for mean in by_size(ladder, "raw_count")],
        "shifted": [f"{mean:.0f}" for mean in by_size(ladder, "shifted_raw")],
        "documents": [f"{mean:.0f}" for mean in by_size(ladder, "documents_raw")],
        "untrained": [f"{mean:.0f}" for mean in by_size(ladder, "untrained_raw")],
        "ρ*": [f"{mean:.2f}" for mean in by_size(ladder, "threshold")],
        "bits per byte, GPT-2": [f"{mean:.2f}" for mean in by_size(ladder, "bits_per_byte_a")],
    }
    return markdown(columns)


def against_before(ladder: xr.Dataset, before: xr.Dataset) -> str:
    """Return counts and thresholds of the earlier run with one seed, beside those of the same seed now."""
    first = ladder.isel(rung=np.flatnonzero((ladder["seed_a"].values == 0) & (ladder["seed_b"].values == 0)))
    before = before.isel(rung=np.flatnonzero(np.isin(before["neurons"].values, first["neurons"].values)))
    columns = {
        "N": [f"{value:.0f}" for value in before["neurons"].values],
        "pairs above ρ*, before": [f"{value:.0f}" for value in before["calibrated_count"].values],
        "same networks now": [f"{value:.0f}" for value in first["calibrated_count"].values],
        "ρ*, before": [f"{value:.2f}" for value in before["threshold"].values],
        "ρ*, now": [f"{value:.2f}" for value in first["threshold"].values],
    }
    return markdown(columns)


def partners(ladder: xr.Dataset) -> str:
    """Return the exponents of counts with more partners allowed."""
    from rosettalaw.validation.findings import size_means, slope_interval

    said = []
    for k in ladder["k"].values.tolist():
        sizes, logs = size_means(ladder["neurons"].values, np.log(ladder["k_calibrated_count"].sel(k=k).values))
        slope, low, high = slope_interval(np.log(sizes), logs)
        said.append(f"k = {k}: {slope:.2f} ({low:.2f} to {high:.2f})")
    return f"Exponents of the count above each size's own ρ*, with 95% intervals: {'; '.join(said)}."


def of_networks(rows: list[dict[str, str]]) -> str:
    """Return the table of attenuation and triangles in all networks of each size."""

    def number(row: dict[str, str], name: str) -> str:
        return "–" if row[name] == "nan" else f"{float(row[name]):.2f}"

    def interval(row: dict[str, str], name: str) -> str:
        ends = (number(row, f"{name}_{end}") for end in ("low", "high"))
        return f"{number(row, name)} ({' to '.join(ends)})" if row[name] != "nan" else "–"

    def closed(row: dict[str, str], kind: str) -> str:
        close, on, chance = (float(row[f"{kind}_{name}"]) for name in ("close", "go_on", "by_chance"))
        return f"{close:.0f} of {on:.0f} ({chance:.1f})"

    return markdown(
        {
            "N": [row["neurons"] for row in rows],
            "features": [row["features"] for row in rows],
            "spread of log ρ": [interval(row, "spread") for row in rows],
            "of the pair": [number(row, "pair_sd") for row in rows],
            "of the network": [number(row, "network_sd") for row in rows],
            "between families / within": [interval(row, "between") for row in rows],
            "communality": [number(row, "communality") for row in rows],
            "triangles in a family": [closed(row, "within") for row in rows],
            "triangles across": [closed(row, "across") for row in rows],
        }
    )


def data_size(ladder: xr.Dataset) -> str:
    """Return the table of nested subsets of the positions at the largest size."""

    def overlap(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.2f}"

    columns = {
        "aligned positions": [f"{value:.0f}" for value in ladder["size_positions"].values],
        "pairs": [f"{value:.0f}" for value in ladder["size_raw_count"].values],
        "above ρ*": [f"{value:.0f}" for value in ladder["size_calibrated_count"].values],
        "overlap with the size before": [overlap(value) for value in ladder["size_raw_overlap"].values],
        "of pairs above ρ*": [overlap(value) for value in ladder["size_calibrated_overlap"].values],
    }
    return markdown(columns)


def settles(ladder: xr.Dataset) -> str:
    """Return how far the pairs are those that less text, or another half of it, gives."""
    before, last = ladder["size_raw_count"].values[-2:].astype(float)
    overlap = float(ladder["size_raw_overlap"][-1])
    common = overlap * (before + last) / (1 + overlap)  # of Jaccard's c/(a + b − c)
    halves, neurons = by_size(ladder, "split_half"), np.unique(ladder["neurons"].values)
    return (
        f"On all positions {last:.0f} pairs are found, and {common / last:.0%} of them were among those of a third of "
        f"the positions. The pairs of two halves of the text overlap by {halves[0]:.2f} (Jaccard) at "
        f"N = {neurons[0]:,.0f} and by {halves[-1]:.2f} at N = {neurons[-1]:,.0f}, means over the pairs of networks."
    )


def markdown(columns: dict[str, list[str]]) -> str:
    """Return a table whose numbers stand at the right, and whose words stand at the left."""
    head, *rows = [f"| {' | '.join(row)} |" for row in [list(columns), *zip(*columns.values(), strict=True)]]
    numbers = [all(re.match(r"[\d–<−-]", cell) for cell in column) for column in columns.values()]
    return "\n".join([head, "|" + "|".join("--:" if one else "---" for one in numbers) + "|", *rows])


def replaced(page: str, parts: dict[str, str]) -> str:
    """Return a page with its marked parts replaced.

    Raises
    ------
    SystemExit
        If a part has no marks in the page.
    """
    for name, text in parts.items():
        marked = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if not marked.search(page):
            raise SystemExit(f"FINDINGS.md: no part {name!r} between <!-- begin {name} --> and <!-- end {name} -->")
        page = marked.sub(lambda at, text=text: f"{at[1]}\n{text}\n\n{at[2]}", page)
    return page


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a CSV table."""
    with path.open(encoding="utf-8", newline="") as table:  # cells may hold line breaks
        return list(csv.DictReader(table))


def write(results: Path, networks: Path) -> None:
    """Write the kept files and the page."""
    from rosettalaw.results import load, save

    ladder = thin(load(results / "results.nc", "ladder"))
    save(ladder, FOLDER / "results.nc")
    for name in ("scaling.png", "superiority.png"):
        shutil.copyfile(results / name, FOLDER / name)
    if networks.resolve() != (FOLDER / "networks.csv").resolve():
        shutil.copyfile(networks, FOLDER / "networks.csv")
    page = FOLDER / "FINDINGS.md"
    parts = blocks(ladder, rows_of(FOLDER / "networks.csv"), load(BEFORE, "ladder"))
    page.write_text(replaced(page.read_text(encoding="utf-8"), parts), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
