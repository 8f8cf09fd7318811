"""Measuring a ladder: at each rung, match two trained models, their permuted and their untrained nulls, calibrate.

One rung becomes one Dataset of kind "rung", saved as soon as it is measured; a run that was interrupted reads the
finished ones back. `measure_ladder` joins them into one Dataset of kind "ladder" along the dimension ``rung``, with the
matched pairs of all rungs along ``pair`` and the pairs of all null draws along ``null_pair``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..console import progress, say
from ..errors import ForeignFileError, RosettaError
from ..results import dataset, load, save
from .contexts import to_variables, top_contexts
from .families import Measurement, Rung
from .fleet import TrainedLadder
from .language import TextSource, text_sources
from .matching import match
from .nulls import untrained_null
from .training import RECORD

if TYPE_CHECKING:
    import xarray as xr

    from .matching import Matches

SHOWN_PAIRS, SHOWN_CONTEXTS = 8, 4
COUNTS = (
    "neurons",
    "raw_count",
    "calibrated_count",
    "calibrated_count_se",
    "threshold",
    "permuted_raw",
    "untrained_raw",
    "permuted_above_threshold",
    "untrained_above_threshold",
)


def measure_ladder(trained: TrainedLadder, out: Path | None = None, quiet: bool = False) -> xr.Dataset:
    """Measure every rung of a trained ladder of two families.

    Parameters
    ----------
    trained : TrainedLadder
        Checkpoints and the held-out text.
    out : path, optional
        Folder where each rung's result is kept, and read back by a later run.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    xarray.Dataset
        Kind "ladder".

    Raises
    ------
    RosettaError
        If the ladder does not have exactly two families, or a checkpoint or the text cannot be used.
    """
    ladder = trained.ladder
    if len(ladder.family) != 2:
        raise RosettaError(f"ladder {ladder.name!r}: {len(ladder.family)} families; a measurement pairs exactly two")
    rungs = sorted(ladder.rung, key=lambda rung: rung.neurons)
    measured = []
    with progress(f"measuring {len(rungs)} rungs", sum(rung.neurons for rung in rungs), quiet) as bar:
        for rung in rungs:
            bar.update(description=f"measuring N = {rung.neurons}")
            measured.append(_measured_before_or_now(trained, rung, out, largest=rung is rungs[-1]))
            bar.advance(rung.neurons)
            _tell(measured[-1], quiet)
    return join_rungs(
        measured,
        ladder=ladder.name,
        families=[family.name for family in ladder.family],
        corpus=trained.held_out.name,
        corpus_sha256=trained.corpus_sha256,
        seed=ladder.measurement.seed,
        training_seed=ladder.training.seed,
    )


def measure_pair(
    a: TextSource, b: TextSource, permutations: int, untrained: int, seed: int = 0
) -> tuple[Matches, dict[str, list[np.ndarray]]]:
    """Match two models on the same text; return the matches, and the untrained null beside the permuted one.

    Draw d of the untrained null gives both architectures new random weights and goes through the same code.
    """
    matches = match(a, b, permutations=permutations, seed=seed, quiet=True)
    draws = untrained_null((a, b), untrained, seed, quiet=True)
    return matches, {"untrained": draws} if draws else {}


def _measured_before_or_now(trained: TrainedLadder, rung: Rung, out: Path | None, largest: bool) -> xr.Dataset:
    folders = [trained.folders[family.name, rung] for family in trained.ladder.family]
    facts = [str(folder.name) for folder in folders]
    facts += [trained.corpus_sha256, json.dumps(vars(trained.ladder.measurement)), str(largest), __version__]
    path = (
        out / f"neurons-{rung.neurons}-{hashlib.sha256('|'.join(facts).encode()).hexdigest()[:10]}.nc" if out else None
    )
    if path is not None and path.exists():
        try:
            return load(path, "rung")
        except ForeignFileError as error:
            say(f"{error}; measured again")
    result = _measure_rung(trained, rung, folders, largest)
    if path is not None:
        save(result, path)
    return result


def _measure_rung(trained: TrainedLadder, rung: Rung, folders: list[Path], largest: bool) -> xr.Dataset:
    plan: Measurement = trained.ladder.measurement
    a, b = text_sources(folders[0], folders[1], trained.held_out, plan.tokens, plan.seed)
    matches, nulls = measure_pair(a, b, plan.permutations, plan.untrained, plan.seed)
    calibration = matches.calibrate(nulls)
    if calibration is None:
        raise RosettaError("a ladder needs a null: permutations and untrained are both 0 in its [measurement]")
    records = [json.loads((folder / RECORD).read_text(encoding="utf-8")) for folder in folders]
    tokens = a.text.tokens
    drawn = {"permuted": matches.null_correlations, **nulls}
    variables: dict[str, Any] = {
        "neurons": (len(a.layer) + len(b.layer)) / 2,
        "raw_count": matches.count,
        "calibrated_count": calibration.count,
        "calibrated_count_se": calibration.standard_error,
        "threshold": calibration.threshold,
        **{f"{kind}_raw": calibration.null_raw.get(kind, np.nan) for kind in ("permuted", "untrained")},
        **{f"{kind}_above_threshold": calibration.null_above.get(kind, np.nan) for kind in ("permuted", "untrained")},
        "positions": matches.positions,
        "split_half": matches.split_half,
        "tokens_a": tokens[0],
        "tokens_b": tokens[1],
        "bits_per_byte_a": records[0]["bits_per_byte"],
        "bits_per_byte_b": records[1]["bits_per_byte"],
        "unit_a": ("pair", matches.unit_a),
        "unit_b": ("pair", matches.unit_b),
        "layer_a": ("pair", a.layer[matches.unit_a]),
        "layer_b": ("pair", b.layer[matches.unit_b]),
        "layer_unit_a": ("pair", a.unit[matches.unit_a]),
        "layer_unit_b": ("pair", b.unit[matches.unit_b]),
        "correlation": ("pair", matches.correlation),
        "margin": ("pair", matches.margin),
        "null_correlation": ("null_pair", np.concatenate([r for draws in drawn.values() for r in draws])),
        "null_draw": (
            "null_pair",
            np.concatenate([np.full(len(r), i) for d in drawn.values() for i, r in enumerate(d)]),
        ),
        "null_kind": ("null_pair", np.repeat(list(drawn), [sum(map(len, d)) for d in drawn.values()]).astype(object)),
    }
    if largest:
        variables |= _shown(matches, calibration.count, a, b)
    names = {"model_a": folders[0].name, "model_b": folders[1].name}
    return dataset("rung", variables, {}, **names, status=matches.status)


def _shown(matches: Matches, kept: int, a: TextSource, b: TextSource) -> dict[str, Any]:
    """Return contexts of some calibrated pairs, spread evenly from the best correlated to the last one kept."""
    order = np.argsort(-matches.correlation, kind="stable")[:kept]
    places = np.unique(np.linspace(0, kept - 1, min(SHOWN_PAIRS, kept)).round().astype(int)) if kept else []
    chosen = order[places] if kept else np.zeros(0, dtype=int)
    pairs = [(int(matches.unit_a[i]), int(matches.unit_b[i])) for i in chosen]
    variables = to_variables(top_contexts(a, b, pairs, SHOWN_CONTEXTS))
    dims, numbers = variables["context_pair"]
    return {**variables, "context_pair": (dims, chosen[numbers] if len(numbers) else numbers)}


def join_rungs(rungs: list[xr.Dataset], **provenance: Any) -> xr.Dataset:
    """Join Datasets of kind "rung", smallest first, into one of kind "ladder"."""
    scalars = [name for name in rungs[0].data_vars if rungs[0][name].ndim == 0]
    variables: dict[str, Any] = {
        str(name): ("rung", np.array([rung[name].item() for rung in rungs])) for name in scalars
    }
    lengths = {dim: [rung.sizes[dim] for rung in rungs] for dim in ("pair", "null_pair")}
    for dim, numbers in lengths.items():
        for name in (name for name in rungs[0].data_vars if rungs[0][name].dims == (dim,)):
            variables[str(name)] = (dim, np.concatenate([rung[name].values for rung in rungs]))
        variables["pair_rung" if dim == "pair" else "null_rung"] = (dim, np.repeat(np.arange(len(rungs)), numbers))
    last = rungs[-1]
    for name in (name for name in last.data_vars if last[name].dims == ("context",)):
        variables[str(name)] = ("context", last[name].values)
    variables["context_pair"] = ("context", last["context_pair"].values + sum(lengths["pair"][:-1]))
    for side in ("model_a", "model_b"):
        variables[side] = ("rung", np.array([rung.attrs[side] for rung in rungs], dtype=object))
    return dataset("ladder", variables, {"rung": np.arange(len(rungs))}, **provenance)


def rung_records(ladder: xr.Dataset) -> list[dict[str, Any]]:
    """Return the counts of each rung as plain numbers, the way ``summary.json`` has them."""
    return [{name: ladder[name].values[i].item() for name in COUNTS} for i in range(ladder.sizes["rung"])]


def _tell(rung: xr.Dataset, quiet: bool) -> None:
    if quiet:
        return
    fact = {name: float(rung[name]) for name in COUNTS}
    kept = (
        f"{fact['calibrated_count']:.0f} ± {fact['calibrated_count_se']:.1f} pairs above ρ* = {fact['threshold']:.2f}"
        if fact["calibrated_count"]
        else "no pair above what the nulls have"
    )
    say(
        f"  N = {fact['neurons']:.0f}: {kept}; without a threshold {fact['raw_count']:.0f} pairs, "
        f"{fact['permuted_raw']:.0f} permuted, {fact['untrained_raw']:.0f} untrained"
    )
