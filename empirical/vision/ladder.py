"""Measuring a vision ladder: one Dataset of kind "ladder" for each pairing, every rung repeated for every seed.

    checkpoints + held-out crops → activations → pairs and nulls → calibrated count, distinct pairs, selectivity

Networks of one width share their untrained null, whatever they were trained for: before training they differ by chance
alone. It is drawn anew for every width and seed, since ρ* is read off it: repeats with one null would err together.
Entries of ``rung`` are (width, seed), widths in order, so that a fit sees the seeds as independent repeats. Errors of a
count draw photographs and ρ* anew (`measures.count_error`), as crops of one photograph are alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...console import progress, say
from ...results import dataset
from ..activations.arrays import ArraySource
from ..activations.source import ActivationSource
from ..checkpoints.provenance import model_facts
from ..matching import Matches, match
from ..measures.count_error import redrawn_error
from ..measures.selectivity import activity
from ..measures.superiority import superiority
from ..nulls import drawable, draws_of, every_label, null_pairs
from .deduplicate import distinct
from .images import Images, from_array
from .resume import place, resumed
from .selectivity import class_selectivity, image_scores
from .source import ImageSource, open_reader
from .train_ladder import Pairing, TrainedVision

if TYPE_CHECKING:
    import xarray as xr

CROPS_AT_ONCE = 256
Draws = Iterator[tuple[str, ArraySource, ArraySource]]  # label of the null, and the two networks of a draw
MEASURES = ("activation_kurtosis", "class_selectivity")


def held_out(trained: TrainedVision, number: int | None = None) -> Images:
    """Return crops of the photographs' right quarters, labelled by photograph."""
    crops = trained.photographs.crops("measure")
    rng = np.random.default_rng(np.random.SeedSequence([trained.ladder.seed, 0x4E1D]))
    places = crops.draw(rng, number or trained.ladder.images)
    used = np.unique(places.photograph)
    classes = tuple(crops.names[i] for i in used)
    images = from_array("held-out crops", crops.pixels(places), places.photograph, classes)
    return replace(images, photographs=images.labels)


def activations(trained: TrainedVision, objective: str, width: int, seed: int, images: Images) -> ArraySource:
    """Return one model's activations on images, in memory."""
    in_memory = _in_memory(
        ImageSource(open_reader(trained.folder(objective, width, seed)), images, batch=CROPS_AT_ONCE)
    )
    in_memory.name = f"{objective} {len(in_memory.layer)}, seed {seed}"
    return in_memory


def fresh_networks(trained: TrainedVision, width: int, images: Images, seed: int) -> Draws:
    """Yield the draws of the nulls that change both networks, for one width and seed, a few networks in memory.

    Networks stand in a ring and each is matched with the next one, so that D draws need D networks instead of 2 D.
    """
    ladder = trained.ladder
    reader = open_reader(trained.folder(ladder.objectives[0], width, ladder.recipe.seeds[0]))
    source = ImageSource(reader, images, batch=CROPS_AT_ONCE)
    for null, number in draws_of(ladder.nulls).items():
        if not null.fresh:
            continue
        networks = (
            _in_memory(network)
            for draw in range(max((number + 1) // 2, 2))
            for network in null.draw(source, source, [ladder.seed, width, seed, draw])
        )
        first = before = next(networks)
        left = number
        for network in itertools.islice(networks, number):
            yield null.label, before, network
            before, left = network, left - 1
        if left:
            yield null.label, before, first


def null_correlations(draws: Iterable[tuple[str, ArraySource, ArraySource]]) -> dict[str, list[np.ndarray]]:
    """Return the correlations of the mutual pairs of each draw of each kind."""
    options: dict[str, Any] = {"nulls": {}, "jackknife_blocks": 0, "quiet": True}
    answer: dict[str, list[np.ndarray]] = {}
    for label, a, b in draws:
        answer.setdefault(label, []).append(match(a, b, **options).correlation)
    return answer


def by_photograph(source: ArraySource, images: Images) -> ArraySource:
    """Return the same activations photograph by photograph, which are then the documents of the matching."""
    cells = source.positions // len(images)
    cut = np.arange(len(images)) if images.photographs is None else images.photographs
    order = np.argsort(cut, kind="stable")
    rows = (order[:, None] * cells + np.arange(cells)).ravel()
    return ArraySource(source.rows(rows), source.name, source.layer, source.unit, np.repeat(cut[order], cells))


def _in_memory(source: ActivationSource) -> ArraySource:
    """Return a source's activations in memory."""
    array = np.concatenate(list(source.blocks(source.positions)))
    return ArraySource(array, source.name, source.layer, source.unit)


@dataclass(frozen=True)
class Width:
    """The models, images and nulls that the pairings of one width share.

    Attributes
    ----------
    width : int
    images : Images
        What all networks read.
    models : dict of (objective, seed) to ArraySource
        Activations of the trained networks.
    fresh : callable
        Gives the draws of the nulls that change both networks, by seed.
    nulls : dict of int to dict of str to list of ndarray
        Correlations of their mutual pairs, one array per draw, by seed and label.
    measures : dict of (objective, seed) to dict of str to ndarray
        Selectivity of every neuron, by measure.
    revisions : dict of (objective, seed) to str
        SHA-256 of the weights.
    """

    width: int
    images: Images
    models: dict[tuple[str, int], ArraySource]
    fresh: Callable[[int], Draws]
    nulls: dict[int, dict[str, list[np.ndarray]]]
    measures: dict[tuple[str, int], dict[str, np.ndarray]]
    revisions: dict[tuple[str, int], str]


def read_width(trained: TrainedVision, width: int, images: Images) -> Width:
    """Run every model of one width over images."""
    ladder = trained.ladder
    keys = [(objective, seed) for objective in ladder.objectives for seed in ladder.recipe.seeds]
    models = {key: activations(trained, key[0], width, key[1], images) for key in keys}
    measures = {}
    for key, source in models.items():
        scores = image_scores(source, len(images))
        unknown = np.full(len(source.layer), np.nan)
        selectivity = unknown if images.labels is None else class_selectivity(scores, images.labels)
        measures[key] = dict(zip(MEASURES, (activity(source, 1).kurtosis, selectivity), strict=True))

    def fresh(seed: int) -> Draws:
        return fresh_networks(trained, width, images, seed)

    revisions = {key: model_facts(str(trained.folder(key[0], width, key[1])), tokenizer=False).revision for key in keys}
    return Width(
        width=width,
        images=images,
        models=models,
        fresh=fresh,
        nulls={seed: null_correlations(fresh(seed)) for seed in ladder.recipe.seeds},
        measures=measures,
        revisions=revisions,
    )


def measure_vision(
    trained: TrainedVision, images: Images | None = None, out: Path | None = None, quiet: bool = False
) -> tuple[dict[str, xr.Dataset], Callable[[], Width]]:
    """Measure every pairing of a trained ladder.

    Parameters
    ----------
    trained : TrainedVision
        The checkpoints.
    images : Images, optional
        What all networks read; `held_out` by default.
    out : path, optional
        Folder where every rung is saved when it is measured, and read back by a later run.
    quiet : bool
        Show no progress.

    Returns
    -------
    dict of str to xarray.Dataset
        A Dataset of kind "ladder" by the pairing's name.
    callable
        Gives the largest width's activations, for measurements there alone; the models run once.
    """
    ladder = trained.ladder
    images = images or held_out(trained)
    read = cache(lambda width: read_width(trained, width, images))
    rungs: dict[str, list[xr.Dataset]] = {pairing.name: [] for pairing in ladder.pairings}
    with progress(f"measuring {len(ladder.widths)} rungs", sum(width**2 for width in ladder.widths), quiet) as bar:
        for width in sorted(ladder.widths):
            bar.update(description=f"measuring N = {trained.jobs[ladder.objectives[0], width].neurons}")
            for pairing in ladder.pairings:

                def measured(width: int = width, pairing: Pairing = pairing) -> dict[str, xr.Dataset]:
                    pairs = pairing.seeds(ladder.recipe.seeds)
                    return {
                        pairing.name: _joined(
                            [measure_pair(read(width), pairing, two, ladder.shared_nulls) for two in pairs]
                        )
                    }

                path = place(out, trained, pairing, width, images)
                result = resumed({pairing.name: path}, "ladder", measured)[pairing.name]
                rungs[pairing.name].append(result)
                bar.advance(width**2 / len(ladder.pairings))
                if not quiet:
                    _tell(pairing, result)
            if width < max(ladder.widths):
                read.cache_clear()
    joined = {
        pairing.name: _join(
            rungs[pairing.name],
            pairing=pairing.title,
            ladder=f"{ladder.name}: {pairing.title}",
            families=[pairing.a, pairing.b],
            images=images.name,
            images_sha256=images.sha256,
            photographs_sha256=trained.photographs.sha256,
            number_of_images=len(images),
            seed=ladder.seed,
            training_seeds=list(ladder.recipe.seeds),
        )
        for pairing in ladder.pairings
    }
    return joined, lambda: read(max(ladder.widths))


def measure_pair(read: Width, pairing: Pairing, seeds: tuple[int, int], nulls: Mapping[str, int]) -> dict[str, Any]:
    """Match two models of one width; return all variables of one rung."""
    keys = (pairing.a, seeds[0]), (pairing.b, seeds[1])
    a, b = (by_photograph(read.models[key], read.images) for key in keys)
    number = int(np.random.SeedSequence([*seeds, read.width]).generate_state(1)[0])
    matches = match(a, b, nulls=drawable(nulls, a, b)[0], seed=number, quiet=True)
    matches = replace(matches, nulls={**matches.nulls, **read.nulls[seeds[0]]})
    calibration = matches.calibrate()
    assert calibration is not None
    assert matches.replicates is not None
    errors = redrawn_error(matches.replicates.correlations, matches.nulls, matches.replicates.parts, number)
    strong = matches.correlation >= calibration.threshold
    ua, ub = matches.unit_a[strong], matches.unit_b[strong]
    resumed = distinct(a.rows(slice(None))[:, ua], b.rows(slice(None))[:, ub], matches.correlation[strong])
    first = (a.layer[ua] == 0) & (b.layer[ub] == 0)
    variables: dict[str, Any] = {
        "neurons": (len(a.layer) + len(b.layer)) / 2,
        "seed_a": seeds[0],
        "seed_b": seeds[1],
        "raw_count": matches.count,
        "calibrated_count": calibration.count,
        "calibrated_count_se": errors.count,
        "threshold_se": errors.threshold,
        "distinct_count": len(resumed),
        "first_layer_count": int(first.sum()),
        "threshold": calibration.threshold,
        **{f"{label}_raw": calibration.null_raw[label] for label in matches.nulls},
        **{f"{label}_above_threshold": calibration.null_above[label] for label in matches.nulls},
        "positions": matches.positions,
        "split_half": matches.split_half,
        "model_a": a.name,
        "model_b": b.name,
        "revision_a": read.revisions[keys[0]],
        "revision_b": read.revisions[keys[1]],
        **_superiorities(read, keys, (ua, ub)),
        "pair": _pairs(matches, a, b),
        "null_pair": null_pairs(matches.nulls),
    }
    return variables


def _pairs(matches: Matches, a: ArraySource, b: ArraySource) -> dict[str, np.ndarray]:
    return {
        "unit_a": matches.unit_a,
        "unit_b": matches.unit_b,
        "layer_a": a.layer[matches.unit_a],
        "layer_b": b.layer[matches.unit_b],
        "layer_unit_a": a.unit[matches.unit_a],
        "layer_unit_b": b.unit[matches.unit_b],
        "correlation": matches.correlation,
        "margin": matches.margin,
    }


def _superiorities(read: Width, keys: Any, members: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """Return, for each measure and side, how often a Rosetta Neuron exceeds another neuron of its layer."""
    result: dict[str, Any] = {}
    for side, key, units in zip("ab", keys, members, strict=True):
        layer = read.models[key].layer
        member = np.zeros(len(layer), dtype=bool)
        member[units] = True
        for name, values in read.measures[key].items():
            one = superiority(values, member, layer)
            result |= {f"{name}_superiority_{side}": one.value}
            result |= {f"{name}_superiority_{side}_low": one.low, f"{name}_superiority_{side}_high": one.high}
    return result


def _joined(rungs: list[dict[str, Any]]) -> xr.Dataset:
    """Join rungs of one width: scalars along ``rung``, pairs and null pairs one rung after the other."""
    variables: dict[str, Any] = {}
    for name, value in rungs[0].items():
        if isinstance(value, dict):
            for inner in value:
                variables[inner] = (name, np.concatenate([rung[name][inner] for rung in rungs]))
            lengths = [len(next(iter(rung[name].values()))) for rung in rungs]
            owner = "pair_rung" if name == "pair" else "null_rung"
            variables[owner] = (name, np.repeat(np.arange(len(rungs)), lengths))
        else:
            kind = object if isinstance(value, str) else None
            variables[name] = ("rung", np.array([rung[name] for rung in rungs], dtype=kind))
    return dataset("ladder", variables, {"rung": np.arange(len(rungs))}, modality="vision")


def _join(parts: list[xr.Dataset], **provenance: Any) -> xr.Dataset:
    """Join the rungs of several widths, smallest first, into one Dataset of kind "ladder"."""
    variables: dict[str, Any] = {}
    before = np.cumsum([0, *(part.sizes["rung"] for part in parts)])
    for name, variable in parts[0].data_vars.items():
        shifts = before[:-1] if name in ("pair_rung", "null_rung") else np.zeros(len(parts), dtype=int)
        values = [
            part[name].values + shift if shift else part[name].values for part, shift in zip(parts, shifts, strict=True)
        ]
        variables[str(name)] = (variable.dims, np.concatenate(values))
    return dataset("ladder", variables, {"rung": np.arange(before[-1])}, modality="vision", **provenance)


def _tell(pairing: Pairing, rungs: xr.Dataset) -> None:
    def listed(name: str) -> str:
        return ", ".join(f"{value:.0f}" for value in rungs[name].values)

    thresholds = ", ".join(f"{value:.2f}" for value in rungs["threshold"].values)
    say(
        f"  N = {rungs['neurons'].values[0]:.0f}, {pairing.name}: {listed('calibrated_count')} pairs above "
        f"ρ* = {thresholds} ({listed('distinct_count')} distinct); without a threshold {listed('raw_count')}, "
        + ", ".join(f"{label} {listed(f'{label}_raw')}" for label in every_label() if f"{label}_raw" in rungs)
    )
