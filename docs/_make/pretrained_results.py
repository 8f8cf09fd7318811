"""The kept files of the study of pretrained models, from the results of a finished run; see `pretrained`.

Of a run that is not finished, the models are kept of which every two have been matched.
"""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rosettalaw.empirical.several.recurrence import Edges, Families, closed_by_chance, families

if TYPE_CHECKING:
    import xarray as xr

MODELS = ("mpnet", "minilm", "e5", "smollm2")  # in the order in which they are matched
NULLS = ("shifted", "documents", "untrained")
SCALARS = ("raw_count", "calibrated_count", "calibrated_count_se", "threshold", "stable_count", "settled_count")
SCALARS = (*SCALARS, "split_half", "neurons_a", "neurons_b", "positions")
PAIR = ("layer_a", "layer_unit_a", "layer_b", "layer_unit_b", "correlation", "stability", "lexical_share")
AROUND = 40  # characters before and after the strongest position in an excerpt


def keep(out: Path, folder: Path) -> None:
    """Write the kept files of a finished run into a folder."""
    from rosettalaw.results import load

    finished = {
        (a, b): load(path, "pairs")
        for a, b in itertools.permutations(MODELS, 2)
        if (path := out / f"results/{a}--{b}.nc").exists()
    }
    names = _matched(list(finished))
    results = {(a, b): finished[a, b] for a, b in itertools.combinations(names, 2)}
    comparisons = [_numbers(a, b, ds) for (a, b), ds in results.items()]
    rows = [row for (a, b), ds in results.items() for row in _pairs(a, b, ds)]
    _write_rows(folder / "pairs.csv", rows)
    neurons, edges = _graph(names, results)
    _write_rows(folder / "families.csv", _families(families(neurons, edges), names, results))
    for name in ("text.csv", "checks.json"):
        shutil.copyfile(out / name, folder / name)
    study = {"models": names, "comparisons": comparisons, "levels": _levels(neurons, edges), **_facts(results)}
    (folder / "study.json").write_text(json.dumps(study, indent=1) + "\n", encoding="utf-8")


def _matched(pairs: list[tuple[str, str]]) -> list[str]:
    """Return the most models of which every two are among the pairs, in the order of the matching."""
    order = [name for name in MODELS if any(name in pair for pair in pairs)]
    chosen = (
        list(some)
        for number in range(len(order), 1, -1)
        for some in itertools.combinations(order, number)
        if all(pair in pairs for pair in itertools.combinations(some, 2))
    )
    return next(chosen)


def _graph(names: list[str], results: dict[tuple[str, str], xr.Dataset]) -> tuple[list[int], list[Edges]]:
    """Return the neurons of each model, and the pairs above ρ* of every two."""
    neurons = {name: int(ds[f"neurons_{side}"]) for side, name, ds in _sides(results)}
    edges = []
    for (a, b), ds in results.items():
        above = np.abs(ds["correlation"].values) >= float(ds["threshold"])
        columns = (ds[name].values[above] for name in ("unit_a", "unit_b", "correlation"))
        edges.append(Edges(names.index(a), names.index(b), *columns))
    return [neurons[name] for name in names], edges


def _sides(results: dict[tuple[str, str], xr.Dataset]) -> Iterator[tuple[str, str, xr.Dataset]]:
    """Yield the two sides of each result: a or b, the model, and the result."""
    for (a, b), ds in results.items():
        yield from (("a", a, ds), ("b", b, ds))


def _facts(results: dict[tuple[str, str], xr.Dataset]) -> dict[str, Any]:
    """Text, settings and versions, which all pairs have in common."""
    first = next(iter(results.values()))
    draws = {null: int(first[f"{null}_draws"]) for null in NULLS if f"{null}_draws" in first}
    facts = {name: first.attrs[name] for name in ("corpus_sha256", "tokens", "engine", "seed") if name in first.attrs}
    facts |= {"versions": json.loads(first.attrs["versions"])} if "versions" in first.attrs else {}
    revisions = {name: str(ds.attrs[f"revision_{side}"]) for side, name, ds in _sides(results)}
    facts = {name: one.item() if isinstance(one, np.generic) else one for name, one in facts.items()}
    together = json.loads(first.attrs["together"]) if isinstance(first.attrs["together"], str) else None
    facts["together"] = together or [str(name) for name in first.attrs["together"]]
    return {**facts, "draws": draws, "positions": int(first["positions"]), "revisions": revisions}


def _numbers(a: str, b: str, ds: xr.Dataset) -> dict[str, Any]:
    """The numbers of two models."""
    numbers: dict[str, Any] = {"a": a, "b": b, "binding_null": ds.attrs["binding_null"], "status": ds.attrs["status"]}
    numbers |= {name: round(ds[name].item(), 6) for name in SCALARS if name in ds}
    for null in NULLS:
        if f"{null}_above_threshold" in ds:
            numbers[f"{null}_above_threshold"] = round(ds[f"{null}_above_threshold"].item(), 3)
    return numbers


def _pairs(a: str, b: str, ds: xr.Dataset) -> list[dict[str, Any]]:
    """The pairs above ρ*, strongest first."""
    above = np.flatnonzero(np.abs(ds["correlation"].values) >= float(ds["threshold"]))
    order = above[np.argsort(-ds["correlation"].values[above], kind="stable")]
    columns = {name: ds[name].values[order] for name in PAIR}
    rows = []
    for i in range(len(order)):
        row = {"a": a, "b": b, **{name: int(columns[name][i]) for name in PAIR[:4]}}
        rows.append(row | {name: f"{columns[name][i]:.4f}" for name in PAIR[4:]})
    return rows


def _levels(neurons: list[int], edges: list[Edges]) -> list[dict[str, Any]]:
    """Families by the number of their models."""
    every, rows = families(neurons, edges), []
    for number in range(2, len(neurons) + 1):
        of_size = every.models == number
        row: dict[str, Any] = {"shared_by": number, "families": int(of_size.sum())}
        row["closed_families"] = int((of_size & every.closed).sum())
        row["closed_by_chance"] = None if number == 2 else closed_by_chance(neurons, edges, number)
        rows.append(row)
    return rows


def _families(every: Families, names: list[str], results: dict[tuple[str, str], xr.Dataset]) -> list[dict[str, Any]]:
    """The closed families of three and more models, each with the strongest contexts of its strongest pair."""
    places: dict[tuple[str, int], tuple[int, int]] = {}
    for side, name, ds in _sides(results):
        columns = (ds[f"{column}_{side}"].values.tolist() for column in ("unit", "layer", "layer_unit"))
        places |= {(name, unit): (layer, own) for unit, layer, own in zip(*columns, strict=True)}
    members: dict[int, dict[str, tuple[int, int]]] = {}
    columns = (every.member_family.tolist(), every.member_model.tolist(), every.member_unit.tolist())
    for family, model, unit in zip(*columns, strict=True):
        members.setdefault(family, {})[names[model]] = places[names[model], unit]
    closed, sizes, weakest = every.closed, every.models, every.weakest
    chosen = [family for family in members if closed[family] and sizes[family] >= 3]
    rows = []
    for family in sorted(chosen, key=lambda one: (-sizes[one], -weakest[one])):
        neurons = members[family]
        peaks, excerpt = _strongest(neurons, names, results)
        row: dict[str, Any] = {"models": int(sizes[family]), "weakest": f"{weakest[family]:.4f}"}
        row |= {name: "{}:{}".format(*neurons[name]) if name in neurons else "" for name in names}
        rows.append({**row, "strongest": " | ".join(peaks), "context": excerpt})
    return rows


def _strongest(
    neurons: dict[str, tuple[int, int]], names: list[str], results: dict[tuple[str, str], xr.Dataset]
) -> tuple[list[str], str]:
    """The spans of the strongest contexts, and the first of them with the text around it; empty if none is kept."""
    from rosettalaw.empirical.viewer.items import Judged
    from rosettalaw.empirical.viewer.saved_contexts import keeps, saved_pairs

    for a, b in itertools.combinations([name for name in names if name in neurons], 2):
        ds = results[a, b]
        here = np.ones(ds.sizes["pair"], dtype=bool)
        for side, name in (("a", a), ("b", b)):
            for word, value in zip(("layer", "layer_unit"), neurons[name], strict=True):
                here &= ds[f"{word}_{side}"].values == value
        place = np.flatnonzero(here)
        if len(place) == 1 and keeps(ds, place, None):
            (pair,) = saved_pairs(ds, place, None, [Judged()] * ds.sizes["pair"])
            contexts = [pair.contexts[number] for number in pair.top[0]]
            return [one.spans[one.peak] for one in contexts], _excerpt(contexts[0])
    return [], ""


def _excerpt(context: Any) -> str:
    """The text around the strongest position, which stands in brackets."""
    before, after = "".join(context.spans[: context.peak]), "".join(context.spans[context.peak + 1 :])
    return f"{before[-AROUND:]}⟦{context.spans[context.peak]}⟧{after[:AROUND]}"


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
