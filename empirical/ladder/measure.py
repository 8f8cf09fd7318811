"""Measuring a ladder: every rung compared, saved as soon as it is measured, joined into one Dataset of kind "ladder".

A run that was interrupted reads the finished rungs back. The joined Dataset has the dimension ``rung``, smallest
network first; mutual pairs, null pairs and neurons of all rungs stand one after the other along ``pair``, ``null_pair``
and ``neuron``, with ``pair_rung`` and so on saying whose they are. The text around the neurons' top positions is read
from it by `snippets.KeptText`; where it makes the file too large, ``around = 0`` in [measurement] leaves it out.

Where a rung has three or more models, the first is the anchor. The main variables are those of the anchor and the
second model; counts of every comparison lie along ``comparison``, and ``anchor_…`` are the neurons of the anchor that
every comparison matches, without a threshold and above each comparison's own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import __version__
from ...console import progress, say
from ...errors import ForeignFileError, RosettaError, require
from ...results import dataset, load, save
from ..checkpoints import hub
from ..checkpoints.provenance import identity
from ..language.opening import require_text
from ..language.positions import text_part
from ..matching import Matches, Side, anchors
from ..matching.machine import distributed
from ..nulls import every_label
from ..sites import layer_numbers
from .models import ModelLadder, ModelRung
from .rung import COUNTS, EVIDENCE, measure_rung, steps
from .shared import Shared
from .side_by_side import is_small, measure_side_by_side
from .workers import Comparison, failed_rung, measure_on_workers

if TYPE_CHECKING:
    import xarray as xr

RAGGED = {"pair": "pair_rung", "null_pair": "null_rung", "neuron": "neuron_rung", "snippet": "snippet_rung"}
ONE_AFTER_THE_OTHER = (*RAGGED, "text", "read_document")  # variables of these dimensions are joined end to end
OF_ONE_RUNG = ("context", "data_size")  # measured at the largest rung alone
NUMBERS = {"context_pair": "pair", "snippet_begin": "text", "snippet_document": "read_document"}  # count along these
SEEDS = ("seed_a", "seed_b")
COMPARED = ("raw_count", "calibrated_count", "calibrated_count_se", "threshold")


def measure_ladder(
    ladder: ModelLadder,
    out: Path | None = None,
    quiet: bool = False,
    client: Any = None,
    workers: int | None = None,
) -> xr.Dataset:
    """Measure every rung of a ladder.

    Parameters
    ----------
    ladder : ModelLadder
        Checkpoints, text and plan, smallest rung first.
    out : path, optional
        Folder where each rung's result is saved, and read back by a later run.
    quiet : bool
        Show no progress bar.
    client : distributed.Client, optional
        The workers of this cluster measure; the results are the same.
    workers : int, optional
        Processes that measure small networks that were trained here (`side_by_side`); by default one for each
        available processor. The results do not depend on it.

    Returns
    -------
    xarray.Dataset
        Kind "ladder".

    Raises
    ------
    RosettaError
        If a checkpoint or the text cannot be used; the message names the rung, and finished rungs stay.
    """
    rungs = list(ladder.rungs)
    paths = [[_path(ladder, i, other, out) for other in range(1, len(rung.models))] for i, rung in enumerate(rungs)]
    weights = [_check(ladder, i) if _missing(paths[i]) else 1.0 for i in range(len(rungs))]
    measured: list[list[xr.Dataset]] = []
    elsewhere: dict[Comparison, xr.Dataset] = {}
    missing = {(i, n): path for i, of in enumerate(paths) for n, path in enumerate(of, start=1) if _missing([path])}
    if client is None and missing and is_small(ladder):
        elsewhere = measure_side_by_side(ladder, missing, weights, _counts_of, workers, quiet)
    said = set(elsewhere)
    with (
        distributed.shared_folder() as folder,
        progress(f"measuring {len(rungs)} rungs", sum(weights), quiet or bool(elsewhere)) as bar,
    ):
        shared = Shared(folder)
        if client is not None:
            elsewhere = measure_on_workers(client, ladder, paths, weights, bar)
        for i, rung in enumerate(rungs):
            label = f"rung {i + 1} of {len(rungs)}"
            share = weights[i] / (len(rung.models) - 1) / steps(ladder)
            comparisons = []
            for other, path in enumerate(paths[i], start=1):

                def step(what: str, label: str = label, share: float = share) -> None:
                    bar.update(description=f"{label}: {what}")
                    bar.advance(share)

                result = elsewhere.pop((i, other), None)
                if result is None and (result := distributed.once(partial(_saved_rung, path))) is not None:
                    bar.advance(share * steps(ladder))
                if result is None:
                    try:
                        result = measure_rung(ladder, rung, other, i == len(rungs) - 1, step, shared)
                    except RosettaError as error:
                        raise failed_rung(rung, i, error) from error
                    if path is not None:
                        distributed.once(partial(save, result, path))
                comparisons.append(result)
                if not quiet and (i, other) not in said:
                    say(_counts_of(result))
            measured.append(comparisons)
            shared.keep([model for later in rungs[i + 1 :] for model in later.models])
    measured.sort(key=lambda comparisons: comparisons[0]["neurons"].item())
    return join_rungs(
        [comparisons[0] for comparisons in measured],
        _compared(measured) if len(ladder.families) > 2 else {},
        ladder=ladder.name,
        families=list(ladder.families),
        corpus=ladder.corpus.name,
        corpus_sha256=ladder.corpus_sha256,
        grouping=ladder.grouping.name,
        measurement=dataclasses.asdict(ladder.measurement),
        seed=ladder.measurement.seed,
        training_seed=ladder.training_seed,
    )


def join_rungs(rungs: list[xr.Dataset], further: dict[str, Any] | None = None, **provenance: Any) -> xr.Dataset:
    """Join Datasets of kind "rung", smallest first, into one of kind "ladder"; `further` variables join them."""
    variables: dict[str, Any] = dict(further or {})
    categories = list(dict.fromkeys(name for rung in rungs for name in rung["category"].values.tolist()))
    rungs = [rung.reindex(category=np.array(categories, dtype=object)) for rung in rungs]  # of other text, others
    lengths = {dim: [rung.sizes.get(dim, 0) for rung in rungs] for dim in ONE_AFTER_THE_OTHER}
    rungs = [_counted_on(rung, {dim: sum(of[:i]) for dim, of in lengths.items()}) for i, rung in enumerate(rungs)]
    for name, variable in rungs[-1].data_vars.items():
        dims = variable.dims
        if any(dim in OF_ONE_RUNG for dim in dims):
            continue
        values = [rung[name].values for rung in rungs]
        if dims and dims[0] in ONE_AFTER_THE_OTHER:
            variables[str(name)] = (dims, np.concatenate(values))
        else:
            variables[str(name)] = (("rung", *dims), np.stack(values))
    for dim, owner in RAGGED.items():
        variables[owner] = (dim, np.repeat(np.arange(len(rungs)), lengths[dim]))
    for rung in rungs:
        for name in (name for name in rung.data_vars if rung[name].dims and rung[name].dims[0] in OF_ONE_RUNG):
            variables[str(name)] = (rung[name].dims, rung[name].values)
    for fact in ("model", "revision", "tokenizer"):
        for side in "ab":
            names = [rung.attrs[f"{fact}_{side}"] for rung in rungs]
            variables[f"{fact}_{side}"] = ("rung", np.array(names, dtype=object))
    coords = {str(name): rungs[0][name] for name in rungs[0].coords}
    return dataset("ladder", variables, {"rung": np.arange(len(rungs)), **coords}, **provenance)


def _counted_on(rung: xr.Dataset, before: dict[str, int]) -> xr.Dataset:
    """Return a rung whose indices along joined dimensions count on from the entries of smaller rungs."""
    return rung.assign({name: rung[name] + before[dim] for name, dim in NUMBERS.items() if name in rung})


def rung_records(ladder: xr.Dataset) -> list[dict[str, Any]]:
    """Return the counts of each rung as plain numbers, the way ``summary.json`` has them."""
    names = [*(name for name in SEEDS if name in ladder), *COUNTS, *(name for name in EVIDENCE if name in ladder)]
    return [{name: ladder[name].values[i].item() for name in names} for i in range(ladder.sizes["rung"])]


def _compared(measured: list[list[xr.Dataset]]) -> dict[str, Any]:
    """Return the counts of every comparison of each rung, and the anchors that all of them share."""
    variables: dict[str, Any] = {
        f"comparison_{name}": (
            ("rung", "comparison"),
            np.array([[one[name].item() for one in comparisons] for comparisons in measured]),
        )
        for name in (*COMPARED, *(f"{label}_raw" for label in every_label() if f"{label}_raw" in measured[0][0]))
    }
    names = [[one.attrs["model_b"] for one in comparisons] for comparisons in measured]
    variables["comparison_model"] = (("rung", "comparison"), np.array(names, dtype=object))
    raw, calibrated = [], []
    for comparisons in measured:
        matches = [_matches(one) for one in comparisons]
        thresholds = [np.nan_to_num(one["threshold"].item(), nan=np.inf) for one in comparisons]
        raw.append(anchors(matches))
        calibrated.append(anchors(matches, thresholds))
    for name, shared in (("anchor_raw", raw), ("anchor_calibrated", calibrated)):
        variables[f"{name}_count"] = ("rung", [one.count for one in shared])
        variables[f"{name}_by_chance"] = ("rung", [one.expected_by_chance for one in shared])
    return variables


def _matches(rung: xr.Dataset) -> Matches:
    """Return the pairs of a saved rung as a matching."""
    sides = [
        Side(
            rung.attrs[f"model_{side}"],
            rung["neuron_layer"].values[here],
            rung["neuron_unit"].values[here],
            np.zeros(0, dtype=np.int64),
        )
        for side, here in (("a", rung["neuron_side"].values == 0), ("b", rung["neuron_side"].values == 1))
    ]
    unit_a, unit_b, rho, margin = (rung[name].values for name in ("unit_a", "unit_b", "correlation", "margin"))
    positions = int(rung["positions"])
    return Matches(
        unit_a,
        unit_b,
        rho,
        margin,
        a=sides[0],
        b=sides[1],
        positions=positions,
        nulls={},
        k=1,
        absolute=False,
        engine="exact",
        seed=0,
    )


def _path(ladder: ModelLadder, i: int, other: int, out: Path | None) -> Path | None:
    """Return the file of a comparison; its name holds all that it depends on."""
    if out is None:
        return None
    rung = ladder.rungs[i]
    chosen = rung.models[0], rung.models[other]
    facts = {
        "models": [identity(model) for model in chosen],
        "patterns": [rung.pattern(0), rung.pattern(other)],
        "corpus": ladder.corpus.sha256,
        "measurement": _deciding(ladder),
        "grouping": ladder.grouping.category_of,
        "largest": i == len(ladder.rungs) - 1,
        "version": __version__,
    } | ({"layers": [str(rung.site(place)) for place in (0, other)]} if rung.layers else {})
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:10]
    name = re.sub(r"\W+", "-", Path(chosen[0]).name).strip("-")[:40]
    saved = sorted(out.glob(f"*-{name}-{digest}.nc")) if out.is_dir() else []  # as another rung of an earlier run
    return saved[0] if saved else out / f"{i + 1:02d}-{name}-{digest}.nc"


def _missing(paths: list[Path | None]) -> bool:
    return any(path is None or not path.exists() for path in paths)


def _check(ladder: ModelLadder, i: int) -> float:
    """Open the configurations of a rung's models before anything is computed; return about what it will cost."""
    rung, cost = ladder.rungs[i], 0.0
    for place, model in enumerate(rung.models):
        try:
            config = hub.open_config(model)
            require_text(model, config)
            _require_layers(rung, place, config)
        except RosettaError as error:
            raise failed_rung(rung, i, error) from error
        size = (getattr(config, name, None) or 1 for name in ("num_hidden_layers", "hidden_size"))
        cost += float(np.prod(list(size))) ** 1.5
    return cost


def _require_layers(rung: ModelRung, place: int, config: Any) -> None:
    """Refuse layers that a model does not have, where its configuration says how many there are."""
    depth = getattr(text_part(config), "num_hidden_layers", None)
    if rung.layers and isinstance(depth, int) and not getattr(config, "is_encoder_decoder", False):
        entry = rung.layers[place if len(rung.layers) > 1 else 0]
        rule = f"{rung.models[place]} has the layers 0 to {depth - 1}"
        require(max(layer_numbers(entry)) < depth, "layers", entry, rule, f'layers = ["0-{depth - 1}"]')


def _saved_rung(path: Path | None) -> xr.Dataset | None:
    if path is None or not path.exists():
        return None
    try:
        return load(path, "rung")
    except ForeignFileError as error:
        say(f"{error}; measured again")
        return None


def _counts_of(rung: xr.Dataset) -> str:
    """Return the line that tells a comparison's counts."""
    fact = {name: float(rung[name]) for name in COUNTS}
    shared = (
        f"{fact['calibrated_count']:.0f} ± {fact['calibrated_count_se']:.1f} pairs above ρ* = {fact['threshold']:.2f}"
        if fact["calibrated_count"]
        else "no pair exceeds the nulls"
    )
    means = {label: float(rung[f"{label}_raw"]) for label in every_label() if f"{label}_raw" in rung}
    nulls = ", ".join(f"{mean:.0f} {label}" for label, mean in means.items() if np.isfinite(mean))
    return f"  N = {fact['neurons']:.0f}: {shared}; without a threshold {fact['raw_count']:.0f} pairs, {nulls}"


def _deciding(ladder: ModelLadder) -> dict[str, Any]:
    """Return the settings that decide a comparison's counts: "auto" gives those of "exact", and resumes its files."""
    facts = dataclasses.asdict(ladder.measurement)
    return facts | ({"engine": "exact"} if facts["engine"] == "auto" else {})
