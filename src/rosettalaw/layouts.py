"""Layouts of results: the dimensions and the types of each kind's variables, and the numbers that they may hold.

Results travel: they come from older and newer versions, from other people, from disks that lose bits. A file is
compared with the layout of its kind when it is loaded, so that all who read it afterwards find the variables that it
promises. A variable that no layout knows is left alone. Which of them must be there is for each reader to say
(`rosettalaw.results.require_variables`).
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .vocabulary import variable

if TYPE_CHECKING:
    import xarray as xr

MATCHED = "unit_a unit_b layer_a layer_b layer_unit_a layer_unit_b correlation margin"
COUNTED = (
    "neurons neurons_a neurons_b raw_count calibrated_count calibrated_count_se threshold positions split_half "
    "settled_count permuted_raw permuted_above_threshold untrained_raw untrained_above_threshold tokens_a tokens_b "
    "bits_per_byte_a bits_per_byte_b seed_a seed_b distinct_count first_layer_count"
)
BY_K = "k_raw_count k_calibrated_count k_threshold k_permuted_raw k_untrained_raw"
BY_MEASURE = "superiority selectivity_rosetta selectivity_other"
NEURON = (
    "neuron_side neuron_layer neuron_unit rosetta output_kurtosis activation_kurtosis lifetime_sparsity "
    "domain_entropy activation_mean activation_deviation"
)
PARTS = {  # of a rung and of a ladder alike
    "k": "k",
    "side": "side",
    "measure": "measure",
    "category": "category",
    "neuron": NEURON,
    "neuron top": "top_position top_activation",
    "null_pair": "null_correlation null_draw null_kind",
    "snippet": "snippet_position snippet_document snippet_begin snippet_before snippet_span snippet_after",
    "text": "text_byte",
    "read_document": "read_name read_domain",
    "data_size": "size_images size_positions size_raw_count size_calibrated_count size_threshold size_raw_overlap "
    "size_calibrated_overlap",
    "context": "context_document context_domain context_before context_span context_after context_pair activation_a "
    "activation_b",
}

# Kind -> dimensions -> variables. A name stands for those with _low and _high at its end too.
LAYOUTS: dict[str, dict[str, str]] = {
    "pairs": {
        "": "neurons neurons_a neurons_b raw_count calibrated_count calibrated_count_se threshold positions "
        "split_half settled_count permuted_raw permuted_above_threshold untrained_raw untrained_above_threshold",
        "pair": f"{MATCHED} settled",
        "excluded_a": "excluded_unit_a",
        "excluded_b": "excluded_unit_b",
        "permuted_pair": "permuted_correlation permuted_draw",
        "untrained_pair": "untrained_correlation untrained_draw",
        "replicate_pair": "replicate_correlation replicate",
        "context": "context_pair context_document context_domain context_peak context_spans context_follows "
        "context_continues context_rank_a context_rank_b activation_a activation_b",
        "shown_span": "span_bytes heat_a heat_b",
        "text": "text_byte",
    },
    "rung": {
        "": COUNTED,
        "pair": f"{MATCHED} settled",
        "k": f"{BY_K} k",
        "side measure": BY_MEASURE,
        "side category": "firing_rosetta firing_control",
        "side control_draw category": "firing_control_draw",
        "side depth_bin": "depth_share depth_neurons",
        "category": "category_share category",
        **{dims: names for dims, names in PARTS.items() if dims not in ("k", "category")},
    },
    "ladder": {
        "rung": f"{COUNTED} rung model_a model_b revision_a revision_b tokenizer_a tokenizer_b anchor_raw_count "
        "anchor_calibrated_count anchor_raw_by_chance anchor_calibrated_by_chance activation_kurtosis_superiority_a "
        "activation_kurtosis_superiority_b class_selectivity_superiority_a class_selectivity_superiority_b",
        "pair": f"{MATCHED.replace('!', '')} settled pair_rung",
        "null_pair": f"{PARTS['null_pair']} null_rung",
        "neuron": f"{NEURON} neuron_rung",
        "snippet": f"{PARTS['snippet']} snippet_rung",
        "rung k": BY_K,
        "rung side measure": BY_MEASURE,
        "rung side category": "firing_rosetta firing_control",
        "rung side control_draw category": "firing_control_draw",
        "rung side depth_bin": "depth_share depth_neurons",
        "rung category": "category_share",
        "rung comparison": "comparison_model comparison_raw_count comparison_calibrated_count comparison_threshold",
        **{dims: names for dims, names in PARTS.items() if dims not in ("null_pair", "neuron", "snippet")},
    },
    "recurrence": {
        "": "positions",
        "model": "model model_neurons partnered partnered_in_all",
        "comparison": "first_model second_model raw_count calibrated_count calibrated_count_se threshold",
        "shared_by": "shared_by families closed_families closed_by_chance",
        "family": "family_models family_pairs family_closed weakest_correlation",
        "member": "member_family member_model member_neuron member_layer member_unit",
    },
    "fit": {
        "": "fitted_to",
        "size": "neurons count count_sd",
        "parameter": "parameter value low high open",
    },
    "simulation": {
        "beta": "beta",
        "neurons": "neurons",
        "beta neurons": "candidates count_sd engine",
        "beta neurons run": "count_run false_pairs_run mean_isolation_matched_run isolation_per_non_rosetta_run",
    },
    "toy": {
        "cell": "configuration beta neurons features steps batch seeds count count_sd optimal_count visits "
        "informed_count mean_isolation optimal_mean_isolation profile_slope information_slope optimal_slope "
        "utility_share pairs precision recall",
        "cell seed rank": "toy_isolation toy_information",
        "cell rank": "toy_optimum",
        "rank": "rank",
    },
    "filtering": {
        "": "token_budget",
        "selector": "selector filter_precision filter_recall filter_f1 filter_f1_tokens f1_behind "
        "selected_documents selected_tokens test_perplexity test_perplexity_ci95 test_perplexity_behind "
        "test_perplexity_behind_ci95 test_bits_per_byte test_bits_per_byte_ci95",
        "document": "document document_domain document_tokens score_rosetta score_non_rosetta",
        "leader": "leader_f1 leader_rosetta leader_layer leader_unit leader_hits leader_enrichment",
        "part part_domain": "part_documents",
        "part": "part",
        "part_domain": "part_domain",
    },
    "judge": {
        "population top subset": "monosemantic_rate",
        "population top": "monosemantic_mean monosemantic_low monosemantic_high",
        "population": "population subset_neurons judge_accuracy judge_precision judge_recall judge_f1 "
        "judge_predictions",
        "top": "top",
    },
    "image_sweep": {"data_size": PARTS["data_size"].replace("size_raw_count", "size_raw_count")},
    "image_kinds": {
        "": "generated_contrast",
        "image_kind": "image_kind effective_dimension",
        "image_kind seed": "kind_raw_count kind_calibrated_count kind_threshold",
        "seed": "raw_overlap calibrated_overlap seed",
    },
}

TEXTS = set(
    [
        "null_kind",
        "side",
        "measure",
        "category",
        "fitted_to",
        "read_name",
        "read_domain",
        "context_document",
        "context_domain",
        "context_before",
        "context_span",
        "context_after",
        "model_a",
        "model_b",
        "revision_a",
        "revision_b",
        "tokenizer_a",
        "tokenizer_b",
        "comparison_model",
        "engine",
        "configuration",
        "selector",
        "document",
        "document_domain",
        "part",
        "part_domain",
        "population",
        "image_kind",
        "model",
        "parameter",
    ]
)
WHOLE = set(
    [
        "family_closed",
        "count_run",
        "candidates",
        "k",
        "top",
        "seeds",
        "text_byte",
        "rosetta",
        "snippet_before",
        "snippet_span",
        "snippet_after",
        "context_peak",
        "context_spans",
        "context_follows",
        "context_continues",
        "context_rank_a",
        "context_rank_b",
        "span_bytes",
        "heat_a",
        "heat_b",
    ]
)
LARGEST = 1e15  # neurons or pairs, as `rosettalaw.validation.counts` has it
RANGES = {
    "neurons": (1, LARGEST),
    "neurons_a": (1, LARGEST),
    "neurons_b": (1, LARGEST),
    "count": (0, LARGEST),
    "raw_count": (0, LARGEST),
    "calibrated_count": (0, LARGEST),
    "count_run": (0, LARGEST),
    "correlation": (-1.000001, 1.000001),
    "null_correlation": (-1.000001, 1.000001),
    "beta": (0, 1e3),
    "context_spans": (1, 1e6),
    "span_bytes": (0, LARGEST),
    "heat_a": (0, 15),
    "heat_b": (0, 15),
}
ALONG = {  # an index, and the dimension that it counts along
    "pair_rung": "rung",
    "null_rung": "rung",
    "neuron_rung": "rung",
    "snippet_rung": "rung",
    "context_pair": "pair",
    "snippet_document": "read_document",
    "member_family": "family",
    "member_model": "model",
    "first_model": "model",
    "second_model": "model",
}
LENGTHS = {"depth_bin": 12, "side": 2}  # of dimensions that have one length in every result
BELOW = {"unit_a": "neurons_a", "unit_b": "neurons_b"}  # an index, and the number of things that it counts
# A part, and what it is a part of: as many at the most, in each place.
GROUPS = "", "k_", "size_", "kind_", "comparison_", "anchor_"
WITHIN = {f"{group}calibrated_count": f"{group}raw_count" for group in GROUPS}
WITHIN |= {"settled_count": "raw_count"}
WITHIN |= {f"{null}_above_threshold": f"{null}_raw" for null in ("permuted", "untrained")}
# Attributes that are read again, of any kind.
TEXT_FACTS = (
    "model_a",
    "model_b",
    "pattern_a",
    "pattern_b",
    "site_a",
    "site_b",
    "corpus",
    "ladder",
    "modality",
    "pairing",
    "target",
)
TEXT_FACTS += ("judge", "images", "status", "command", "corpus_sha256", "images_sha256", "photographs_sha256")
TEXT_FACTS += ("revision_a", "revision_b", "tokenizer_a", "tokenizer_b")
WHOLE_FACTS = ("seed", "tokens", "timestep", "contexts")
WHOLE_FACTS += ("tokens_asked", "context", "windows", "documents_read", "documents_cut")
LIST_FACTS = {"families": 2}  # the names in it, at least
MAPPING_FACTS = ("measurement", "versions", "layer_names_a", "layer_names_b")


def misfit(kind: str, ds: xr.Dataset) -> str:
    """Return in what a Dataset differs from the layout of its kind: "" if in nothing."""
    wrong = [_fact(name, ds.attrs[name]) for name in ds.attrs]
    for name, dims in layout(kind).items():
        if name in ds.variables:
            wrong.append(_variable(ds, name, dims))
    wrong += [_within(ds, part, whole) for part, whole in WITHIN.items()]
    lengths = {dim: ds.sizes[dim] for dim in LENGTHS if dim in ds.sizes}
    wrong += [f"{dim} has {n} entries, not {LENGTHS[dim]}" for dim, n in lengths.items() if n != LENGTHS[dim]]
    return next((reason for reason in wrong if reason), "")


def _within(ds: xr.Dataset, part: str, whole: str) -> str:
    """Return "" unless there is more of a part than of the whole; what is not known (NaN) is left alone."""
    if part not in ds.variables or whole not in ds.variables:
        return ""
    one, other = ds.variables[part], ds.variables[whole]
    numbers = one.dims == other.dims and {one.dtype.kind, other.dtype.kind} <= set("iuf")
    return f"{part} exceeds {whole}" if numbers and np.any(one.values > other.values) else ""


@cache
def layout(kind: str) -> dict[str, tuple[str, ...]]:
    """Return the dimensions of a kind's variables, by name."""
    expected: dict[str, tuple[str, ...]] = {}
    for dims, names in LAYOUTS.get(kind, {}).items():
        for name in names.split():
            expected |= dict.fromkeys((name, f"{name}_low", f"{name}_high"), tuple(dims.split()))
    return expected


def _variable(ds: xr.Dataset, name: str, dims: tuple[str, ...]) -> str:
    one = ds.variables[name]
    if one.dims != dims:
        return f"{name} along ({', '.join(map(str, one.dims))}), not ({', '.join(dims)})"
    values = one.values
    if name in TEXTS:
        is_text = values.dtype.kind == "U" or all(isinstance(value, str) for value in values.ravel())
        if is_text and dims == (name,) and len(set(values.tolist())) < len(values):
            return f"{name} has a name twice"
        return "" if is_text else f"{name} is not text"
    known = variable(name)
    whole = name in WHOLE or name in ALONG or (known is not None and known.units == "index")
    if values.dtype.kind not in ("biu" if whole else "biuf"):
        return f"{name} does not contain {'whole ' if whole else ''}numbers"
    low, high = (0, ds.sizes.get(ALONG[name], 0) - 1) if name in ALONG else RANGES.get(name, (-np.inf, np.inf))
    bounded = name in ALONG or name in RANGES
    values = values.astype(float) if values.dtype.kind == "f" else values  # a bound may be beyond a narrower type
    if bounded and not np.all((values >= low) & (values <= high)):
        return f"{name} has a number that is not from {low:g} to {high:g}"
    if name in BELOW and BELOW[name] in ds.variables and len(values):
        sizes = ds.variables[BELOW[name]].values
        if sizes.dtype.kind in "iuf" and sizes.size and not 0 <= values.min() <= values.max() < sizes.max():
            return f"{name} has a number that is not below {BELOW[name]}"
    if dims == (name,) and len(np.unique(values)) < len(values):
        return f"{name} has a number twice"
    return ""


def _fact(name: Any, value: Any) -> str:
    if name in TEXT_FACTS and not isinstance(value, str):
        return f"attribute {name} is not text"
    if name in WHOLE_FACTS and not _is_whole(value):
        return f"attribute {name} is not a whole number"
    if name in MAPPING_FACTS and not isinstance(_parsed(value), dict):
        return f"attribute {name} is not a JSON object"
    if name in LIST_FACTS:
        members = _parsed(value)
        if not (
            isinstance(members, list)
            and len(members) >= LIST_FACTS[name]
            and all(isinstance(member, str) for member in members)
        ):
            return f"attribute {name} is not a list of at least {LIST_FACTS[name]} names"
    return ""


def _parsed(value: Any) -> Any:
    """Return the value of a JSON text, None where it is none."""
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _is_whole(value: Any) -> bool:
    try:
        return not isinstance(value, str) and np.ndim(value) == 0 and int(value) == value >= 0
    except (TypeError, ValueError, OverflowError):
        return False
