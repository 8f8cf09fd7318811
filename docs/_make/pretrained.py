"""The kept files, the figure and the tables of the study of pretrained models, from a finished run.

    python docs/pretrained/study.py WHEELS OUT
    python docs/_make/pretrained.py OUT

writes into ``docs/pretrained``: ``study.json`` with the numbers of every two models and of the text, ``pairs.csv`` with
the pairs above ρ*, ``families.csv`` with the neurons that recur in three and more models and their contexts,
``text.csv`` and ``checks.json`` of the run, ``pretrained.png``; ``FINDINGS.md``, which is ``page.txt`` with everything
between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; and the paragraph of the README between its marks
``pretrained``. Of a run that is not finished, the models are kept of which every two have been matched. Pages and
figure are made of the kept files alone:

    python docs/_make/pretrained.py
"""

from __future__ import annotations

import csv
import importlib.util
import itertools
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rosettalaw.empirical.several.recurrence import Edges, Families, closed_by_chance, families
from rosettalaw.validation.reporting.excerpts import SIGNS, excerpt, visible

if TYPE_CHECKING:
    import xarray as xr

DOCS = Path(__file__).resolve().parents[1]
FOLDER = DOCS / "pretrained"
NAMES = {"minilm": "MiniLM", "e5": "e5", "mpnet": "MPNet", "smollm2": "SmolLM2"}
ABOUT = {
    "minilm": ("all-MiniLM-L6-v2", "BERT, 6 layers", "single precision, as published"),
    "e5": ("multilingual-e5-small", "BERT, 12 layers", "4 bits (Q4_0)"),
    "mpnet": ("all-mpnet-base-v2", "MPNet, 12 layers", "single precision, as published"),
    "smollm2": ("SmolLM2-135M-Instruct", "Llama, 30 layers", "4 bits (Q4_1)"),
}
MODELS = ("mpnet", "minilm", "e5", "smollm2")  # in the order in which they are matched
NUMBERS = {2: "two", 3: "three", 4: "four"}
NULLS = ("shifted", "documents", "untrained")
SCALARS = ("raw_count", "calibrated_count", "calibrated_count_se", "threshold", "stable_count", "settled_count")
SCALARS = (*SCALARS, "split_half", "neurons_a", "neurons_b", "positions")
PAIR = ("layer_a", "layer_unit_a", "layer_b", "layer_unit_b", "correlation", "stability", "lexical_share")
STABLE = 0.9
LISTED = 12  # families of each kind on the page
AROUND = 40  # characters before and after the strongest position in an excerpt
SHOWN = 3  # strongest contexts of a family
DRAWS = 2000  # of layers, for the interval of a rank correlation


def _of_ladder() -> Any:
    """The module that writes the page of the full ladder: its tables look the same."""
    spec = importlib.util.spec_from_file_location("full_ladder_page", Path(__file__).with_name("full_ladder.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = _of_ladder()


def keep(out: Path) -> None:
    """Write the kept files of a finished run."""
    from rosettalaw.results import load

    finished = {
        (a, b): load(path, "pairs")
        for a, b in itertools.permutations(NAMES, 2)
        if (path := out / f"results/{a}--{b}.nc").exists()
    }
    names = _matched(list(finished))
    results = {(a, b): finished[a, b] for a, b in itertools.combinations(names, 2)}
    comparisons = [_numbers(a, b, ds) for (a, b), ds in results.items()]
    rows = [row for (a, b), ds in results.items() for row in _pairs(a, b, ds)]
    _write_rows(FOLDER / "pairs.csv", rows)
    neurons, edges = _graph(names, results)
    _write_rows(FOLDER / "families.csv", _families(families(neurons, edges), names, results))
    for name in ("text.csv", "checks.json"):
        shutil.copyfile(out / name, FOLDER / name)
    study = {"models": names, "comparisons": comparisons, "levels": _levels(neurons, edges), **_facts(results)}
    (FOLDER / "study.json").write_text(json.dumps(study, indent=1) + "\n", encoding="utf-8")


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


def blocks(folder: Path = FOLDER) -> dict[str, str]:
    """Return the text of each marked part of the page, from the kept files."""
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    checks = json.loads((folder / "checks.json").read_text(encoding="utf-8"))
    pairs, families = PAGE.rows_of(folder / "pairs.csv"), PAGE.rows_of(folder / "families.csv")
    text = PAGE.rows_of(folder / "text.csv")
    return {
        "size": PAGE.filled(_size(study, text)),
        "models": _models(study),
        "waiting": PAGE.filled(_waiting(study)),
        "checks": PAGE.filled(_checks(checks)),
        "counts": _counts(study, pairs),
        "nulls": _null_table(study),
        "lexical": PAGE.filled(_lexical(pairs)),
        "depth": _depth(study, pairs),
        "map": _map(pairs),
        "families": _levels_table(study),
        "recurring": _recurring(study, families),
        "sizes": PAGE.filled(_sizes(study)),
    }


def _size(study: dict[str, Any], text: list[dict[str, str]]) -> str:
    domains = Counter(row["domain"] for row in text)
    said = ", ".join(f"{number} of domain `{domain}`" for domain, number in domains.items())
    draws = ", ".join(f"{number} {null}" for null, number in study["draws"].items())
    tokens = study["tokens"][0] if isinstance(study["tokens"], list) else study["tokens"]
    return (
        f"The text has {len(text)} documents: {said}. Of it {tokens:,} tokens of {NAMES[study['models'][0]]} were "
        f"read, which gives {study['positions']:,} positions at which all tokenizers agree. Draws of the nulls: "
        f"{draws}. Engine: {study['engine']}."
    )


def _models(study: dict[str, Any]) -> str:
    neurons, names = _neurons(study), [name for name in ABOUT if name in study["models"]]
    columns = {
        "model": [f"{NAMES[name]}: {ABOUT[name][0]}" for name in names],
        "architecture": [ABOUT[name][1] for name in names],
        "weights": [ABOUT[name][2] for name in names],
        "neurons": [f"{neurons[name]:,}" for name in names],
    }
    return PAGE.markdown(columns)


def _waiting(study: dict[str, Any]) -> str:
    """The models that were read on the same text, and are not matched yet."""
    others = [NAMES[name] for name in study.get("together", study["models"]) if name not in study["models"]]
    if not others:
        return "Every two of these models were matched."
    return (
        f"Every two of these models were matched. The text was read by {' and '.join(others)} too, so that positions "
        f"are those at which the tokenizers of all {NUMBERS[len(study['together'])]} agree; its pairs wait for the "
        f"rest of the run."
    )


def _neurons(study: dict[str, Any]) -> dict[str, int]:
    return {one[side]: int(one[f"neurons_{side}"]) for one in study["comparisons"] for side in ("a", "b")}


def _checks(checks: dict[str, Any]) -> str:
    encoders = ", ".join(
        f"{NAMES[name]} {checks[name]['right']} of {checks[name]['sentences']}"
        for name in ABOUT
        if "right" in checks[name]
    )
    completions = "; ".join(f"“{start}” with “{word.strip()}”" for start, word in checks["smollm2"]["completions"])
    own = checks["e5"]["cosine_with_own_engine"]
    engine = (
        ""
        if own is None
        else (
            f" Embeddings of the unpacked e5 and of the package's own program, which rounds activations to 8 bits, "
            f"have a cosine of at least {own:.4f}."
        )
    )
    return f"Sentences whose nearest one is their paraphrase: {encoders}.{engine} SmolLM2 completes {completions}."


def _title(one: dict[str, Any]) -> str:
    return f"{NAMES[one['a']]} × {NAMES[one['b']]}"


def _of(pairs: list[dict[str, str]], one: dict[str, Any]) -> list[dict[str, str]]:
    return [row for row in pairs if row["a"] == one["a"] and row["b"] == one["b"]]


def _values(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def _counts(study: dict[str, Any], pairs: list[dict[str, str]]) -> str:
    every = study["comparisons"]
    columns = {
        "models": [_title(one) for one in every],
        "without a threshold": [f"{one['raw_count']:,.0f}" for one in every],
        "pairs above ρ*": [f"{one['calibrated_count']:,.0f} ± {one['calibrated_count_se']:.0f}" for one in every],
        "stable": [f"{np.sum(_values(_of(pairs, one), 'stability') >= STABLE - 1e-9)}" for one in every],
        "of the smaller model": [
            f"{one['calibrated_count'] / min(one['neurons_a'], one['neurons_b']):.1%}" for one in every
        ],
        "ρ*": [f"{one['threshold']:.2f}" for one in every],
        "decided by": [one["binding_null"] for one in every],
        "overlap of halves": [f"{one['split_half']:.2f}" for one in every],
    }
    return PAGE.markdown(columns)


def _null_table(study: dict[str, Any]) -> str:
    every = study["comparisons"]
    columns = {"models": [_title(one) for one in every]}
    columns["trained"] = [f"{one['calibrated_count']:,.0f}" for one in every]
    for null in NULLS:
        if f"{null}_above_threshold" in every[0]:
            columns[null] = [f"{one[f'{null}_above_threshold']:.1f}" for one in every]
    return PAGE.markdown(columns)


def _lexical(pairs: list[dict[str, str]]) -> str:
    said = []
    for (a, b), rows in itertools.groupby(pairs, key=lambda row: (row["a"], row["b"])):
        shares = _values(list(rows), "lexical_share")
        low, middle, high = np.nanpercentile(shares, [25, 50, 75])
        said.append(f"{NAMES[a]} × {NAMES[b]} {middle:.0%} ({low:.0%} to {high:.0%})")
    return f"Median share of a pair's covariance that the text of its span explains, with quartiles: {'; '.join(said)}."


def _depth(study: dict[str, Any], pairs: list[dict[str, str]]) -> str:
    every = study["comparisons"]
    depths = [depth_rank(depth_map(pairs, one["a"], one["b"])) for one in every]
    columns = {
        "models": [_title(one) for one in every],
        "rank correlation of layers": [f"{rank:.2f}" for rank, _, _ in depths],
        "95% interval": [_interval(low, high) for _, low, high in depths],
        "pairs": [f"{len(_of(pairs, one)):,}" for one in every],
    }
    return PAGE.markdown(columns)


def _interval(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}" if np.isfinite(low) else "–"


def depth_rank(table: np.ndarray) -> tuple[float, float, float]:
    """Return Spearman's correlation of the layers that pairs join, and the ends of its 95% interval.

    Pairs of one layer are no independent observations. So layers are drawn with replacement, those of each model
    separately, and a pair counts as often as both of its layers together were drawn (the pigeonhole bootstrap of
    Owen, Annals of Applied Statistics 1, 2007, which is conservative). The interval is NaN where more than one draw in
    twenty has all pairs in one layer.

    Parameters
    ----------
    table : ndarray of int, shape (layers of A, layers of B)
        Number of pairs.
    """
    table = table[table.any(1)][:, table.any(0)].astype(float)
    rng = np.random.default_rng(0)
    often = [rng.multinomial(size, np.full(size, 1 / size), DRAWS) for size in table.shape]
    drawn_ranks = _rank_correlation(often[0][:, :, None] * often[1][:, None, :] * table)
    known = drawn_ranks[np.isfinite(drawn_ranks)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) > 0.95 * DRAWS else (np.nan, np.nan)
    return float(_rank_correlation(table)), float(low), float(high)


def _rank_correlation(tables: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of rows with columns in tables of counts; NaN where there is one row or column."""
    centred = []
    for margin in (tables.sum(-1), tables.sum(-2)):
        rank = np.cumsum(margin, -1) - margin / 2
        centred.append(rank - (margin * rank).sum(-1, keepdims=True) / margin.sum(-1, keepdims=True).clip(1e-9))
    (of_rows, of_columns), counts = centred, tables.sum((-1, -2))
    together = np.einsum("...ij,...i,...j->...", tables, of_rows, of_columns)
    alone = np.einsum("...ij,...i->...", tables, of_rows**2) * np.einsum("...ij,...j->...", tables, of_columns**2)
    apart = alone > 1e-9 * np.maximum(counts, 1) ** 4
    return np.where(apart, together / np.sqrt(np.where(apart, alone, 1.0)), np.nan)


def depth_map(pairs: list[dict[str, str]], a: str = "mpnet", b: str = "minilm") -> np.ndarray:
    """Return the pairs above ρ* that join each layer of one model with each layer of the other."""
    rows = _of(pairs, {"a": a, "b": b})
    layers = [np.array([int(row[f"layer_{side}"]) for row in rows], dtype=int) for side in ("a", "b")]
    sizes = [int(ABOUT[name][1].split()[-2]) for name in (a, b)]
    table = np.zeros(sizes, dtype=int)
    np.add.at(table, tuple(layers), 1)
    return table


def _map(pairs: list[dict[str, str]]) -> str:
    table = depth_map(pairs).T
    columns = {"MiniLM's layer": [str(layer) for layer in range(len(table))]}
    columns |= {f"{layer}": [str(count) for count in table[:, layer]] for layer in range(table.shape[1])}
    return PAGE.markdown(columns)


def _small(number: float) -> str:
    return f"{number:.1g}" if number >= 0.001 else "< 0.001"


def _levels_table(study: dict[str, Any]) -> str:
    rows = study["levels"][::-1]

    def chance(row: dict[str, Any]) -> str:
        return "–" if row["closed_by_chance"] is None else _small(row["closed_by_chance"])

    columns = {
        "models": [str(row["shared_by"]) for row in rows],
        "families": [f"{row['families']:,}" for row in rows],
        "closed": [f"{row['closed_families']:,}" for row in rows],
        "closed by chance": [chance(row) for row in rows],
    }
    return PAGE.markdown(columns)


def _recurring(study: dict[str, Any], families: list[dict[str, str]]) -> str:
    rows: list[dict[str, str]] = []
    for models in (4, 3):
        rows += [row for row in families if row["models"] == str(models)][:LISTED]
    columns = {NAMES[name]: [row[name] or "–" for row in rows] for name in study["models"]}
    columns["weakest ρ"] = [f"{float(row['weakest']):.2f}" for row in rows]
    columns["strongest at"] = [_spans(row["strongest"]) for row in rows]
    columns["a context"] = [_context(row["context"]) for row in rows]
    return PAGE.markdown(columns)


def _spans(text: str) -> str:
    return ", ".join(_code(visible(one)) for one in text.split(" | ")[:SHOWN] if one) or "–"


def _context(text: str) -> str:
    """Return an excerpt, cut at the ends of words, with signs for its line breaks and for the blanks of its span."""
    if not text:
        return "–"
    shown = excerpt(*re.split("[⟦⟧]", text), AROUND)
    before, after = (shown[side].translate(SIGNS) for side in ("before", "after"))
    return _code(f"{before}⟦{shown['span']}⟧{after}")


def _code(text: str) -> str:
    """Return text as code in a cell of a table."""
    shown = re.sub(r"[\n\t\r]", "", text).replace("`", "ˋ").replace("|", "∣")
    return f"`{shown}`"


def _sizes(study: dict[str, Any]) -> str:
    every = sorted(study["comparisons"], key=lambda one: one["neurons_a"] * one["neurons_b"])
    said = (
        f"{_title(one)} have {one['neurons_a'] * one['neurons_b'] / 1e6:,.0f} million possible pairs and "
        f"{one['calibrated_count']:,.0f} above ρ*"
        for one in (every[0], every[-1])
    )
    return f"{'; '.join(said)}."


def in_readme(study: dict[str, Any], pairs: list[dict[str, str]]) -> str:
    """Return the paragraph of the README, between its marks `pretrained`."""
    one = next(one for one in study["comparisons"] if {one["a"], one["b"]} == {"mpnet", "minilm"})
    every, models = {row["shared_by"]: row for row in study["levels"]}, len(study["models"])

    numbers = range(models, 2, -1)
    recur = [f"{every[number]['closed_families']:,} in {NUMBERS[number]} models" for number in numbers]
    chances = [every[number]["closed_by_chance"] for number in numbers]
    chance = "" if None in chances else f" (expected by chance: {_small(max(chances)).replace('<', 'less than')})"
    count = f"{one['calibrated_count']:,.0f} ± {one['calibrated_count_se']:.0f}"
    return (
        f"[{NUMBERS[models].capitalize()} pretrained models](docs/pretrained/FINDINGS.md), matched on "
        f"{study['positions']:,} positions of prose and code: {_title(one)} have **{count}** pairs that chance does "
        f"not explain, of which {one['stable_count']:,.0f} are stable. {_depth_in_words(study, pairs)} Some neurons "
        f"recur in more than two models, and every two of them are a pair: {' and '.join(recur)}{chance}."
    )


def _depth_in_words(study: dict[str, Any], pairs: list[dict[str, str]]) -> str:
    """Return how the depths of paired neurons correlate: of MPNet and MiniLM, and of the other models."""
    depths = {(a, b): depth_rank(depth_map(pairs, a, b)) for a, b in ((o["a"], o["b"]) for o in study["comparisons"])}
    rank, low, high = depths.pop(("mpnet", "minilm"))
    sure = [one for one, end, _ in depths.values() if end > 0]
    doubtful = [one for one, end, _ in depths.values() if not end > 0]
    start = (
        "Neurons of a pair lie at similar depth"
        if low > 0
        else "Whether neurons of a pair lie at similar depth is open"
    )
    said = f"{start}: the rank correlation of their layers is {rank:.2f} (95% interval {_interval(low, high)})"
    said += (
        f", and {min(sure):.2f} to {max(sure):.2f} for {'other pairs of models' if doubtful else 'the other models'}"
        if sure
        else ""
    )
    if not doubtful:
        return f"{said}."
    many = f"{NUMBERS.get(len(doubtful), len(doubtful))} pairs" if len(doubtful) > 1 else "one pair"
    return (
        f"{said}. It is {min(doubtful):.2f} to {max(doubtful):.2f} for {many} of models, where the interval includes 0."
    )


def draw(folder: Path = FOLDER) -> None:
    """Draw the counts, and the layers that the pairs of MiniLM and MPNet join."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from rosettalaw import looks

    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    pairs = PAGE.rows_of(folder / "pairs.csv")
    every = sorted(study["comparisons"], key=lambda one: one["calibrated_count"])
    with mpl.rc_context({**looks.RC, "backend": "agg"}):
        figure, (left, right) = plt.subplots(1, 2, figsize=(looks.WIDTH, 2.7), width_ratios=(1, 1.15))
        counts = [one["calibrated_count"] for one in every]
        stable = [int(np.sum(_values(_of(pairs, one), "stability") >= STABLE - 1e-9)) for one in every]
        titles = [_title(one) for one in every]
        left.barh(titles, counts, color=looks.COLOURS["sky"], label="above ρ*")
        left.barh(titles, stable, color=looks.COLOURS["blue"], label="of these stable")
        left.set(xlabel="pairs of neurons", title="Pairs that chance\ndoes not explain", xlim=(0, 1.6 * max(counts)))
        left.grid(visible=False, axis="y")
        left.legend(loc="lower right")
        table = depth_map(pairs).T
        right.imshow(np.sqrt(table), cmap="Blues", origin="lower", aspect="auto")
        for (row, column), count in np.ndenumerate(table):
            bright = np.sqrt(count) > 0.6 * np.sqrt(table.max())
            right.text(
                column, row, str(count), ha="center", va="center", fontsize=6.5, color="white" if bright else looks.INK
            )
        right.set(xlabel="layer of MPNet", ylabel="layer of MiniLM", title="Their layers\nlie at similar depth")
        right.set_xticks(range(table.shape[1]))
        right.grid(visible=False)
        figure.savefig(folder / "pretrained.png", metadata={"Software": None})
        plt.close(figure)


def write(folder: Path = FOLDER, readme: Path = DOCS.parent / "README.md") -> None:
    """Write the figure, the page, and the paragraph of the README."""
    draw(folder)
    page = PAGE.replaced((FOLDER / "page.txt").read_text(encoding="utf-8"), blocks(folder))
    (folder / "FINDINGS.md").write_text(page, encoding="utf-8")
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    paragraph = PAGE.filled(in_readme(study, PAGE.rows_of(folder / "pairs.csv")))
    before, rest = readme.read_text(encoding="utf-8").split("<!-- pretrained -->\n")
    after = rest.split("<!-- /pretrained -->")[1]
    whole = f"{before}<!-- pretrained -->\n{paragraph}\n<!-- /pretrained -->{after}"
    readme.write_text(whole, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        keep(Path(sys.argv[1]))
    write()
