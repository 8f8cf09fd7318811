"""One rung measured: two models on one text, with all counts, comparisons and neurons.

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
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...disk import temporary_folder
from ...errors import RosettaError
from ...results import dataset
from ...vocabulary import LADDER_COUNTS
from ..calibration import Calibration
from ..checkpoints.hub import Loading
from ..checkpoints.provenance import model_facts
from ..intervals import mean_interval
from ..language.contexts import to_variables, top_contexts
from ..language.snippets import keep_text
from ..language.source import text_sources
from ..matching import Matches
from ..measures.data_size import overlaps
from ..nulls import draws_of, labels, null_pairs
from .comparison import ModelComparison, Sources, compare
from .models import ModelLadder, ModelRung
from .neurons import MEASURES, Neurons, describe, describe_groups
from .shared import Shared

if TYPE_CHECKING:
    import xarray as xr

SHOWN_PAIRS, SHOWN_CONTEXTS = 8, 4
ERRORS_AT = np.round(np.arange(0.02, 1, 0.02), 2)  # correlations at which the error of the count is recorded
EVIDENCE = ("stable_count", "expected_stable", "beyond_token_count", "median_lexical_share")
COUNTS = (*LADDER_COUNTS, "permuted_above_threshold", "untrained_above_threshold")


def measure_rung(
    ladder: ModelLadder,
    rung: ModelRung,
    other: int = 1,
    largest: bool = False,
    step: Callable[[str], None] = lambda title: None,
    shared: Shared | None = None,
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
        Called with the title of each step, `steps` times.
    shared : Shared, optional
        What pairs measured before this one leave for it.

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
    sites = rung.site(0), rung.site(other)
    sources = text_sources(*checkpoints, ladder.corpus, plan.tokens, plan.seed, patterns, loading, sites=sites)
    facts = [model_facts(checkpoint) for checkpoint in checkpoints]
    with temporary_folder() as folder:
        shared = shared or Shared(folder)
        copies = shared.copies(sources)
        comparison = compare(sources, copies, plan, largest, step, partial(shared.draw, sources))
        matches = comparison.whole
        calibration = matches.calibrate()
        if calibration is None:
            raise RosettaError("a count needs a null: permutations and untrained are both 0 in [measurement]")
        step("selectivity and documents")
        names = ladder.grouping.names(sources[0].text.corpus.domains())
        pickled, top = plan.allow_pickle_weights, plan.contexts
        neurons = describe(sources, copies, checkpoints, ladder.grouping, names, top, pickled, shared.neurons)
        sets = _rosetta_sets(matches, calibration, copies)
        variables = {
            **_counts(matches, calibration, copies),
            **_pairs(matches, copies),
            **_at_k(comparison),
            **_beyond_the_token(comparison),
            **_neurons(neurons, sets),
            **describe_groups(neurons, sets, plan),
            **keep_text(sources[0].text, _top_positions(neurons), plan.around),
        }
        if largest:
            variables |= _by_size(comparison)
            variables |= _shown(matches, calibration.count, sources[0].text, copies)
    variables |= {f"tokens_{side}": read for side, read in zip("ab", sources[0].text.tokens, strict=True)}
    variables |= {name: sources[0].text.facts()[name] for name in ("documents_read", "domains_read")}
    variables |= {f"bits_per_byte_{side}": fact.bits_per_byte for side, fact in zip("ab", facts, strict=True)}
    provenance: dict[str, Any] = {
        f"{word}_{side}": getattr(fact, field)
        for side, fact in zip("ab", facts, strict=True)
        for word, field in (("model", "name"), ("revision", "revision"), ("tokenizer", "tokenizer"))
    }
    if rung.seeds:
        variables |= {"seed_a": rung.seeds[0], "seed_b": rung.seeds[other]}
    coords = {
        "side": ["a", "b"],
        "measure": list(MEASURES),
        "category": np.array(names, dtype=object),
        "k": [1, *matches.at_k],
        "rho": ERRORS_AT,
    }
    provenance |= {f"site_{side}": str(site) for side, site in zip("ab", sites, strict=True) if rung.layers}
    provenance |= {
        "ladder": ladder.name,
        "corpus": ladder.corpus.name,
        "corpus_sha256": ladder.corpus_sha256,
        "grouping": ladder.grouping.name,
        "measurement": dataclasses.asdict(plan),
        "seed": plan.seed,
    }
    return dataset("rung", variables, coords, **provenance, status=matches.remark(calibration))


def steps(ladder: ModelLadder) -> int:
    """Return how many steps `measure_rung` reports."""
    return 4 + sum(draws for null, draws in draws_of(ladder.measurement.nulls).items() if null.fresh)


def _rosetta_sets(matches: Matches, calibration: Calibration, copies: Sources) -> tuple[np.ndarray, np.ndarray]:
    """Return which neurons of either model belong to a calibrated pair."""
    strong = matches.correlation >= calibration.threshold  # nothing, where the threshold is NaN
    first, second = (np.zeros(len(source.layer), dtype=bool) for source in copies)
    first[matches.unit_a[strong]] = True
    second[matches.unit_b[strong]] = True
    return first, second


def _counts(matches: Matches, calibration: Calibration, copies: Sources) -> dict[str, Any]:
    """Return the counts of all positions at k = 1, each null as mean and 95% interval over its draws."""
    neurons = [len(source.layer) for source in copies]
    lexical = matches.median_lexical_share(calibration.threshold)
    variables: dict[str, Any] = {
        "neurons": sum(neurons) / 2,
        "neurons_a": neurons[0],
        "neurons_b": neurons[1],
        "raw_count": matches.count,
        "calibrated_count": calibration.count,
        "calibrated_count_se": calibration.standard_error,
        "threshold": calibration.threshold,
        "count_error": ("rho", [matches.count_error(rho) for rho in ERRORS_AT]),
        "positions": matches.positions,
        "split_half": matches.split_half,
        "settled_count": matches.settled_count(calibration.threshold),
        "stable_count": matches.stable_count(calibration.threshold),
        "expected_stable": matches.expected_stable(calibration.threshold),
        "median_lexical_share": np.nan if lexical is None else lexical,
        "autocorrelation": matches.autocorrelation,
        "effective_positions": matches.effective_positions,
    }
    for label in labels(matches.nulls):
        draws = matches.nulls.get(label, [])
        raw = [len(draw) for draw in draws] if matches.engine != "screened" else []  # see `Calibration.null_raw`
        above = [int(np.sum(draw >= calibration.threshold)) for draw in draws]
        for name, counts in ((f"{label}_raw", raw), (f"{label}_above_threshold", above)):
            mean, low, high = mean_interval(counts) if counts else (np.nan, np.nan, np.nan)
            variables |= {name: float(mean), f"{name}_low": max(float(low), 0.0), f"{name}_high": float(high)}
    return variables


def _pairs(matches: Matches, copies: Sources) -> dict[str, Any]:
    """Return all mutual pairs, and the correlations of all null pairs."""
    a, b = copies
    assert matches.replicates is not None  # `compare` asks for them
    return {
        "unit_a": ("pair", matches.unit_a),
        "unit_b": ("pair", matches.unit_b),
        "layer_a": ("pair", np.asarray(a.layer)[matches.unit_a]),
        "layer_b": ("pair", np.asarray(b.layer)[matches.unit_b]),
        "layer_unit_a": ("pair", np.asarray(a.unit)[matches.unit_a]),
        "layer_unit_b": ("pair", np.asarray(b.unit)[matches.unit_b]),
        "correlation": ("pair", matches.correlation),
        "margin": ("pair", matches.margin),
        "settled": ("pair", matches.replicates.settled.astype(np.int8)),
        "stability": ("pair", matches.replicates.stability),
        "margin_se": ("pair", matches.replicates.margin_errors),
        "margin_first_half": ("pair", matches.replicates.half_margins[0]),
        "margin_second_half": ("pair", matches.replicates.half_margins[1]),
        **({} if matches.lexical_share is None else {"lexical_share": ("pair", matches.lexical_share)}),
        **{name: ("null_pair", values) for name, values in null_pairs(matches.nulls).items()},
    }


def _at_k(comparison: ModelComparison) -> dict[str, Any]:
    """Return the counts where each neuron may have k partners, k = 1 first."""
    whole = comparison.whole
    correlations = {1: whole.correlation, **{k: pairs[2] for k, pairs in whole.at_k.items()}}
    nulls = {1: whole.nulls, **whole.null_at_k}
    calibrations = {1: whole.calibrate(), **{k: comparison.calibrate_at(k) for k in whole.at_k}}
    variables: dict[str, Any] = {
        "k_raw_count": ("k", [len(rho) for rho in correlations.values()]),
        "k_calibrated_count": ("k", [0 if one is None else one.count for one in calibrations.values()]),
        "k_threshold": ("k", [np.nan if one is None else one.threshold for one in calibrations.values()]),
    }
    for label in labels(whole.nulls):
        draws = [nulls[k].get(label, []) for k in correlations]
        means = [np.mean([len(one) for one in of]) if of else np.nan for of in draws]
        variables[f"k_{label}_raw"] = ("k", np.array(means, dtype=float))
    return variables


def _beyond_the_token(comparison: ModelComparison) -> dict[str, Any]:
    """Return the counts of the residuals, where the texts of the spans are known."""
    residual = comparison.residual
    if residual is None:
        return {}
    calibration = residual.calibrate()
    return {
        "beyond_token_raw": residual.count,
        "beyond_token_count": 0 if calibration is None else calibration.count,
        "beyond_token_threshold": np.nan if calibration is None else calibration.threshold,
    }


def _by_size(comparison: ModelComparison) -> dict[str, Any]:
    """Return counts and overlaps as the matching data grow, all positions last."""
    everything = [*comparison.smaller, comparison.whole]
    calibrations = [one.calibrate() for one in everything]
    strong = [
        one.correlation >= (np.nan if calibration is None else calibration.threshold)
        for one, calibration in zip(everything, calibrations, strict=True)
    ]
    raw = [(one.unit_a, one.unit_b) for one in everything]
    calibrated = [(a[above], b[above]) for (a, b), above in zip(raw, strong, strict=True)]
    return {
        "size_positions": ("data_size", [one.positions for one in everything]),
        "size_raw_count": ("data_size", [one.count for one in everything]),
        "size_calibrated_count": ("data_size", [int(above.sum()) for above in strong]),
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


def _shown(matches: Matches, count: int, text: Any, sources: Sources) -> dict[str, Any]:
    """Return contexts of some calibrated pairs, spread evenly from the best correlated to the last one counted."""
    order = np.argsort(-matches.correlation, kind="stable")[:count]
    places = np.unique(np.linspace(0, count - 1, min(SHOWN_PAIRS, count)).round().astype(int)) if count else []
    chosen = order[places] if count else np.zeros(0, dtype=int)
    pairs = [(int(matches.unit_a[i]), int(matches.unit_b[i])) for i in chosen]
    variables = to_variables(top_contexts(*sources, pairs, SHOWN_CONTEXTS, text=text))
    dims, numbers = variables["context_pair"]
    return {**variables, "context_pair": (dims, chosen[numbers] if len(numbers) else numbers)}
