"""Measuring one rung: two models on one text, everything that is counted, compared and kept of them.

    checkpoints + text → `compare` (pairs and nulls) → calibrated set → selectivity, documents, depth → Dataset "rung"

One function measures models that were trained here and models that were given. Dimensions of the Dataset:

| dimension | one entry for each |
|---|---|
| ``pair``, ``null_pair`` | mutual pair of the trained models, of a null draw |
| ``side`` | model: a, b |
| ``neuron`` | neuron of either model, A's first |
| ``measure`` | measure of selectivity |
| ``category`` | kind of document |
| ``depth_bin`` | twelfth of the depth |
| ``k`` | number of partners allowed |
| ``data_size`` | nested subset of the positions (largest rung) |
| ``context`` | shown context of a shown pair (largest rung) |
| ``top`` | place among a neuron's most active positions |
| ``snippet``, ``read_document``, ``text`` | distinct top position, document, byte of the kept text (`snippets`) |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import RosettaError
from ..results import dataset
from ..vocabulary import LADDER_COUNTS
from .calibration import Calibration
from .checkpoint_ladder import ModelLadder, ModelRung
from .comparison import Comparison, Matched, Sources, compare, keep
from .contexts import to_variables, top_contexts
from .hub import Loading
from .intervals import mean_interval
from .language import text_sources
from .matching import Matches
from .measures.data_size import overlaps
from .provenance import model_facts
from .snippets import keep_text
from .specialists import MEASURES, Neurons, describe, describe_groups

if TYPE_CHECKING:
    import xarray as xr

SHOWN_PAIRS, SHOWN_CONTEXTS = 8, 4
KINDS = ("permuted", "untrained")
COUNTS = (*LADDER_COUNTS, "permuted_above_threshold", "untrained_above_threshold")


def measure_rung(
    ladder: ModelLadder,
    rung: ModelRung,
    other: int = 1,
    largest: bool = False,
    step: Callable[[str], None] = lambda what: None,
) -> xr.Dataset:
    """Compare a rung's first model with another one.

    Parameters
    ----------
    ladder : ModelLadder
        Text and plan of the measurement.
    rung : ModelRung
        The checkpoints.
    other : int
        Which model of the rung the first is compared with.
    largest : bool
        Whether to match on fewer data too, and to keep the contexts of some pairs.
    step : callable
        Told what begins; called `steps` times.

    Returns
    -------
    xarray.Dataset
        Kind "rung".

    Raises
    ------
    RosettaError
        If a checkpoint or the text cannot be used.
    """
    plan = ladder.measurement
    checkpoints = rung.models[0], rung.models[other]
    step("reading")
    patterns = rung.pattern(0), rung.pattern(other)
    loading = Loading(plan.device, plan.device_map or None, plan.allow_pickle_weights, plan.weights)
    sources = text_sources(*checkpoints, ladder.corpus, plan.tokens, plan.seed, patterns, loading)
    facts = [model_facts(checkpoint) for checkpoint in checkpoints]
    with TemporaryDirectory(prefix="rosettalaw-") as folder:
        kept = keep(sources, Path(folder))
        found = compare(sources, kept, plan, largest, step)
        calibration = found.whole.calibrate()
        if calibration is None:
            raise RosettaError("a count needs a null: permutations and untrained are both 0 in [measurement]")
        step("selectivity and documents")
        names = ladder.grouping.names(sources[0].text.corpus.domains())
        pickled = plan.allow_pickle_weights
        neurons = describe(sources, kept, checkpoints, ladder.grouping, names, plan.contexts, pickled)
        sets = _rosetta_sets(found.whole.matches, calibration, kept)
        variables = {
            **_counts(found.whole, calibration, kept),
            **_pairs(found.whole, kept),
            **_at_k(found),
            **_neurons(neurons, sets),
            **describe_groups(neurons, sets, plan),
            **keep_text(sources[0].text, _top_positions(neurons), plan.around),
        }
        if largest:
            variables |= _by_size(found)
            variables |= _shown(found.whole.matches, calibration.count, sources[0].text, kept)
    variables |= {f"tokens_{side}": read for side, read in zip("ab", sources[0].text.tokens, strict=True)}
    variables |= {f"bits_per_byte_{side}": fact.bits_per_byte for side, fact in zip("ab", facts, strict=True)}
    provenance: dict[str, Any] = {
        f"{word}_{side}": getattr(fact, field)
        for side, fact in zip("ab", facts, strict=True)
        for word, field in (("model", "name"), ("revision", "revision"), ("tokenizer", "tokenizer"))
    }
    coords = {
        "side": ["a", "b"],
        "measure": list(MEASURES),
        "category": np.array(names, dtype=object),
        "k": [1, *found.at_k],
    }
    provenance |= {
        "ladder": ladder.name,
        "corpus": ladder.corpus.name,
        "corpus_sha256": ladder.corpus_sha256,
        "grouping": ladder.grouping.name,
        "measurement": dataclasses.asdict(plan),
        "seed": plan.seed,
    }
    return dataset("rung", variables, coords, **provenance, status=found.whole.matches.status)


def steps(ladder: ModelLadder) -> int:
    """Return how often `measure_rung` says what begins."""
    return 3 + ladder.measurement.untrained


def _rosetta_sets(matches: Matches, calibration: Calibration, kept: Sources) -> tuple[np.ndarray, np.ndarray]:
    """Return which neurons of either model belong to a calibrated pair."""
    strong = matches.correlation >= calibration.threshold  # nothing, where the threshold is NaN
    first, second = (np.zeros(len(source.layer), dtype=bool) for source in kept)
    first[matches.unit_a[strong]] = True
    second[matches.unit_b[strong]] = True
    return first, second


def _counts(found: Matched, calibration: Calibration, kept: Sources) -> dict[str, Any]:
    """Return the counts of all positions at k = 1, each null as mean and 95% interval over its draws."""
    neurons = [len(source.layer) for source in kept]
    variables: dict[str, Any] = {
        "neurons": sum(neurons) / 2,
        "neurons_a": neurons[0],
        "neurons_b": neurons[1],
        "raw_count": found.matches.count,
        "calibrated_count": calibration.count,
        "calibrated_count_se": calibration.standard_error,
        "threshold": calibration.threshold,
        "positions": found.matches.positions,
        "split_half": found.matches.split_half,
        "settled_count": found.matches.settled_count(calibration.threshold),
    }
    for kind in KINDS:
        draws = found.nulls.get(kind, [])
        raw = [len(draw) for draw in draws]
        above = [int(np.sum(draw >= calibration.threshold)) for draw in draws]
        for name, counts in ((f"{kind}_raw", raw), (f"{kind}_above_threshold", above)):
            mean, low, high = mean_interval(counts) if counts else (np.nan, np.nan, np.nan)
            variables |= {name: float(mean), f"{name}_low": max(float(low), 0.0), f"{name}_high": float(high)}
    return variables


def _pairs(found: Matched, kept: Sources) -> dict[str, Any]:
    """Return all mutual pairs, and the correlations of all null pairs."""
    matches, (a, b) = found.matches, kept
    assert matches.settled is not None  # `compare` asks for replicates
    drawn = found.nulls
    sizes = {kind: [len(draw) for draw in draws] for kind, draws in drawn.items()}
    draws = [np.repeat(np.arange(len(size)), size) for size in sizes.values()]
    return {
        "unit_a": ("pair", matches.unit_a),
        "unit_b": ("pair", matches.unit_b),
        "layer_a": ("pair", np.asarray(a.layer)[matches.unit_a]),
        "layer_b": ("pair", np.asarray(b.layer)[matches.unit_b]),
        "layer_unit_a": ("pair", np.asarray(a.unit)[matches.unit_a]),
        "layer_unit_b": ("pair", np.asarray(b.unit)[matches.unit_b]),
        "correlation": ("pair", matches.correlation),
        "margin": ("pair", matches.margin),
        "settled": ("pair", matches.settled.astype(np.int8)),
        "null_correlation": ("null_pair", np.concatenate([draw for draws in drawn.values() for draw in draws])),
        "null_draw": ("null_pair", np.concatenate(draws)),
        "null_kind": ("null_pair", np.repeat(list(drawn), [sum(size) for size in sizes.values()]).astype(object)),
    }


def _at_k(found: Comparison) -> dict[str, Any]:
    """Return the counts where each neuron may have k partners, k = 1 first."""
    correlations = {1: (found.whole.matches.correlation, found.whole.nulls), **found.at_k}
    calibrations = {1: found.whole.calibrate(), **{k: found.calibrate_at(k) for k in found.at_k}}
    variables: dict[str, Any] = {
        "k_raw_count": ("k", [len(rho) for rho, _ in correlations.values()]),
        "k_calibrated_count": ("k", [0 if one is None else one.count for one in calibrations.values()]),
        "k_threshold": ("k", [np.nan if one is None else one.threshold for one in calibrations.values()]),
    }
    for kind in KINDS:
        drawn = [nulls.get(kind, []) for _, nulls in correlations.values()]
        means = [np.mean([len(one) for one in draws]) if draws else np.nan for draws in drawn]
        variables[f"k_{kind}_raw"] = ("k", np.array(means, dtype=float))
    return variables


def _by_size(found: Comparison) -> dict[str, Any]:
    """Return counts and overlaps as the matching data grow, all positions last."""
    everything = [*found.smaller, found.whole]
    calibrations = [one.calibrate() for one in everything]
    strong = [
        one.matches.correlation >= (np.nan if calibration is None else calibration.threshold)
        for one, calibration in zip(everything, calibrations, strict=True)
    ]
    raw = [(one.matches.unit_a, one.matches.unit_b) for one in everything]
    calibrated = [(a[kept], b[kept]) for (a, b), kept in zip(raw, strong, strict=True)]
    return {
        "size_positions": ("data_size", [one.matches.positions for one in everything]),
        "size_raw_count": ("data_size", [one.matches.count for one in everything]),
        "size_calibrated_count": ("data_size", [int(kept.sum()) for kept in strong]),
        "size_threshold": ("data_size", [np.nan if one is None else one.threshold for one in calibrations]),
        "size_raw_overlap": ("data_size", list(overlaps(raw))),
        "size_calibrated_overlap": ("data_size", list(overlaps(calibrated))),
    }


def _neurons(neurons: tuple[Neurons, Neurons], sets: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """Return every neuron of both models: where it is, whether it is a Rosetta Neuron, how selective."""
    both = range(2)
    variables: dict[str, Any] = {
        "neuron_side": np.repeat([0, 1], [len(one.layer) for one in neurons]),
        "neuron_layer": np.concatenate([neurons[i].layer for i in both]),
        "neuron_unit": np.concatenate([neurons[i].unit for i in both]),
        "rosetta": np.concatenate(sets).astype(np.int8),
        **{
            name: np.concatenate([neurons[i].measures[name] for i in both]).astype(np.float32)
            for name in neurons[0].measures
        },
        **{
            f"activation_{name}": np.concatenate([getattr(one.activity, name) for one in neurons]).astype(np.float32)
            for name in ("mean", "deviation")
        },
    }
    tops = {
        "top_position": (("neuron", "top"), _top_positions(neurons)),
        "top_activation": (("neuron", "top"), np.concatenate([one.activity.top_activation for one in neurons])),
    }
    return {**{name: ("neuron", values) for name, values in variables.items()}, **tops}


def _top_positions(neurons: tuple[Neurons, Neurons]) -> np.ndarray:
    return np.concatenate([one.activity.top_position for one in neurons])


def _shown(matches: Matches, kept: int, text: Any, sources: Sources) -> dict[str, Any]:
    """Return contexts of some calibrated pairs, spread evenly from the best correlated to the last one kept."""
    order = np.argsort(-matches.correlation, kind="stable")[:kept]
    places = np.unique(np.linspace(0, kept - 1, min(SHOWN_PAIRS, kept)).round().astype(int)) if kept else []
    chosen = order[places] if kept else np.zeros(0, dtype=int)
    pairs = [(int(matches.unit_a[i]), int(matches.unit_b[i])) for i in chosen]
    variables = to_variables(top_contexts(*sources, pairs, SHOWN_CONTEXTS, text=text))
    dims, numbers = variables["context_pair"]
    return {**variables, "context_pair": (dims, chosen[numbers] if len(numbers) else numbers)}
