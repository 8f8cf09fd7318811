"""The page of a measured rung from its result alone: neither the models nor their text are read again.

A result keeps each neuron's top positions with the text around (`snippets`), and no activation in between: a context
shows how active a partner is at its own top positions, and nothing of the tokens beside them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import require
from ...results import require_variables
from ..language.snippets import KeptText, Snippet
from .items import LEVELS, Collection, Pair, TextContext, judged_pairs
from .passages import apart

if TYPE_CHECKING:
    import xarray as xr

UNHEATED = "only at the framed places; for every token: rosettalaw view A B"


def saved_collection(result: xr.Dataset, path: str, limit: int, contexts: int) -> Collection:
    """Return the contents of the page for a Dataset of kind "rung", or of the largest rung of one of kind "ladder".

    Parameters
    ----------
    result : Dataset
        A measurement that keeps text.
    path : str
        Its name in messages.
    limit : int
        Pairs to show, those with the highest correlation.
    contexts : int
        Contexts of each partner.

    Raises
    ------
    InputError
        If it keeps no text, or holds no pair.
    """
    sides = ("neurons", "layer", "layer_unit", "unit")
    needed = ("threshold", "correlation", *(f"{name}_{side}" for name in sides for side in "ab"))
    require_variables(result, path, needed)
    if "rung" not in result.sizes:
        require_variables(result, path, (), ("model_a", "model_b"))
    text, facts = KeptText(result), dict(result.attrs)
    first_neuron = 0
    if "neuron_rung" in result:
        rung = result.sizes["rung"] - 1
        first_neuron = int(np.searchsorted(result["neuron_rung"].values, rung))
        here = result.isel(rung=rung, pair=np.flatnonzero(result["pair_rung"].values == rung))
        facts |= {f"model_{side}": str(here[f"model_{side}"].item()) for side in "ab"}
    else:
        here = result
    require(here.sizes["pair"], "source", path, "has no pair of neurons", "more text")
    strong = np.argsort(-here["correlation"].values, kind="stable")[:limit]
    first = first_neuron, first_neuron + int(here["neurons_a"])
    pairs, around = [], json.loads(facts.get("measurement", "{}")).get("around", 0)
    judged = judged_pairs(here, strong.tolist())
    if "seed_a" in result and "neuron_rung" in result:
        judged = [replace(one, recurs=n) for one, n in zip(judged, _recurs(result, here, strong), strict=True)]
    for number, pair in enumerate(strong.tolist()):
        rows = [begin + int(here[f"unit_{side}"].values[pair]) for begin, side in zip(first, "ab", strict=True)]
        neurons = [
            (int(here[f"layer_{side}"].values[pair]), int(here[f"layer_unit_{side}"].values[pair])) for side in "ab"
        ]
        scales = [_scale(result, row) for row in rows]
        shown_contexts, top = _contexts([text.of(row) for row in rows], scales, contexts, around)
        pairs.append(
            Pair(
                neurons=(neurons[0], neurons[1]),
                correlation=float(here["correlation"].values[pair]),
                contexts=shown_contexts,
                top=top,
                judged=judged[number],
            )
        )
    threshold = float(here["threshold"])
    facts_shown = {
        "text": facts.get("corpus", ""),
        "sha256 of the text": facts.get("corpus_sha256", ""),
        "pairs found": f"{here.sizes['pair']:,}",
        "heat": UNHEATED,
        "made with": "rosettalaw view",
    }
    models = str(facts["model_a"]), str(facts["model_b"])
    return Collection(
        models, pairs, threshold if np.isfinite(threshold) else None, {k: v for k, v in facts_shown.items() if v}
    )


def _recurs(result: xr.Dataset, here: xr.Dataset, pairs: np.ndarray) -> np.ndarray:
    """Return in how many further networks of the largest size, of other seeds, either neuron of a pair has a partner.

    Pairs above each matching's own ρ* count. NaN where neither network was matched with another seed of the partner.
    """
    rungs, total, further = result["pair_rung"].values, np.zeros(len(pairs)), 0
    thresholds, sizes = result["threshold"].values, result["neurons"].values
    strong = result["correlation"].values >= thresholds[rungs]
    for side, other in ("ab", "ba"):
        own, partner = (result[f"seed_{one}"].values for one in (side, other))
        for rung in np.flatnonzero((sizes == sizes[-1]) & (own == own[-1]) & (partner != partner[-1])):
            matched = result[f"unit_{side}"].values[(rungs == rung) & strong]
            total += np.isin(here[f"unit_{side}"].values[pairs], matched)
            further += 1
    return total if further else np.full(len(pairs), np.nan)


def _scale(result: xr.Dataset, row: int) -> tuple[float, float]:
    """Return a neuron's mean and standard deviation."""
    mean, deviation = (float(result[f"activation_{name}"].values[row]) for name in ("mean", "deviation"))
    return mean, deviation if deviation > 0 else 1.0


def _contexts(
    sides: Any, scales: Any, number: int, around: int
) -> tuple[list[TextContext], tuple[list[int], list[int]]]:
    """Return the contexts of both partners by position, and which of them are each one's own, strongest first."""
    z = [
        {one.position: (one.activation - mean) / deviation for one in side}
        for side, (mean, deviation) in zip(sides, scales, strict=True)
    ]
    own = [apart(np.array([one.position for one in side], dtype=np.int64), number) for side in sides]
    shown = sorted({position for side in own for position in side})
    known: dict[int, Snippet] = {one.position: one for side in sides for one in side}
    shown_contexts = [_context(known[position], z, around) for position in shown]
    places = [[shown.index(position) for position in side] for side in own]
    return shown_contexts, (places[0], places[1])


def _context(one: Snippet, z: list[dict[int, float]], around: int) -> TextContext:
    spans = [part for part in (one.before, one.span, one.after) if part or part is one.span]
    peak = int(bool(one.before))
    here = [side.get(one.position, float("nan")) for side in z]
    heat = [[0] * len(spans) for _ in z]
    for levels, side, value in zip(heat, z, here, strict=True):
        ceiling = max(side.values(), default=0.0)
        levels[peak] = round(LEVELS * value / ceiling) if value > 0 and ceiling > 0 else 0
    cut = [bool(around) and len(side) >= around for side in (one.before, one.after)]
    return TextContext(
        name=one.document,
        domain=one.domain,
        spans=spans,
        peak=peak,
        heat=(heat[0], heat[1]),
        z=(here[0], here[1]),
        goes_on=(cut[0], cut[1]),
    )
