"""Two checks of the matching data, at the largest size: how many images are enough, and whose images they are.

*Image-count sweep* (appendix G.2): nested subsets of the images, each matched and calibrated against its own nulls; the
overlap (Jaccard) with the pairs of the previous subset says how much of the set is stable.

*Real against generated* (appendix G.3): as many images made in one step by a generative network, shown to both networks
of a pair; counts of both, each calibrated against nulls on the same images, and the overlap of the two sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...results import dataset
from ..activations.arrays import ArraySource
from ..calibration import Calibration
from ..matching import Matches, match
from ..matching.partners import overlap
from ..measures.data_size import overlaps
from ..nulls import drawable
from .families.generation import effective_dimension, generate
from .ladder import Width, activations, by_photograph, fresh_networks, null_correlations
from .train_ladder import Pairing, TrainedVision

if TYPE_CHECKING:
    import xarray as xr

SWEEP = (10, 30, 100, 300)
Pairs = tuple[np.ndarray, np.ndarray]


def image_sweep(
    read: Width, pairings: Sequence[Pairing], nulls: Mapping[str, int], sizes: Sequence[int] = SWEEP
) -> dict[str, xr.Dataset]:
    """Match the first seeds of each pairing on more and more images; all pairings share the untrained null.

    Returns
    -------
    dict of str to xarray.Dataset
        Kind "image_sweep", dimension ``data_size``, by the pairing's name.
    """
    images = len(read.images)
    cells = next(iter(read.models.values())).positions // images
    sizes = [*(size for size in sizes if size < images), images]
    every = {pairing.name: pairing.seeds(_seeds(read, pairing))[0] for pairing in pairings}
    fresh = {seed: _null_by_size(read, seed, [size * cells for size in sizes]) for seed, _ in set(every.values())}
    swept = {}
    for pairing in pairings:
        seeds = every[pairing.name]
        a, b = read.models[pairing.a, seeds[0]], read.models[pairing.b, seeds[1]]
        matchings, calibrations = [], []
        for size, null in zip(sizes, fresh[seeds[0]], strict=True):
            first = read.images.subset(range(size))
            some = tuple(by_photograph(_first(one, size * cells), first) for one in (a, b))
            matchings.append(match(*some, nulls=drawable(nulls, *some)[0], jackknife_blocks=0, quiet=True))
            calibrations.append(_calibrated(matchings[-1], null))
        raw = [(one.unit_a, one.unit_b) for one in matchings]
        calibrated = [
            _above_threshold(one, calibration) for one, calibration in zip(matchings, calibrations, strict=True)
        ]
        variables = {
            "size_images": ("data_size", list(sizes)),
            "size_positions": ("data_size", [one.positions for one in matchings]),
            "size_raw_count": ("data_size", [one.count for one in matchings]),
            "size_calibrated_count": ("data_size", [one.count for one in calibrations]),
            "size_threshold": ("data_size", [one.threshold for one in calibrations]),
            "size_raw_overlap": ("data_size", list(overlaps(raw))),
            "size_calibrated_overlap": ("data_size", list(overlaps(calibrated))),
        }
        facts = {"pairing": pairing.title, "model_a": a.name, "model_b": b.name}
        title = f"{pairing.a} × {pairing.b}, {len(a.layer):,} neurons"
        swept[pairing.name] = dataset("image_sweep", variables, {}, ladder=title, **facts)
    return swept


def real_and_generated(
    trained: TrainedVision, read: Width, pairings: Sequence[Pairing], seed: int = 0
) -> dict[str, xr.Dataset]:
    """Match the largest networks on real and on generated images, seed by seed.

    The images are made by the first seed's denoiser and shown to all networks, so that networks of the other seeds see
    what another network of their objective has made.

    Returns
    -------
    dict of str to xarray.Dataset
        Kind "image_kinds", dimensions ``image_kind`` (real, generated) and ``seed``, by the pairing's name.
    """
    ladder, width, real = trained.ladder, read.width, read.images
    made = generate(trained.folder("denoising", width, ladder.recipe.seeds[0]), len(real), seed)
    needed = dict.fromkeys(
        key
        for pairing in pairings
        for pair in pairing.seeds(ladder.recipe.seeds)
        for key in zip((pairing.a, pairing.b), pair, strict=True)
    )
    shown = {key: activations(trained, key[0], width, key[1], made.images) for key in needed}
    nulls = (
        read.nulls,
        {seed: null_correlations(fresh_networks(trained, width, made.images, seed)) for seed in ladder.recipe.seeds},
    )
    dimensions = [effective_dimension(np.stack([some[i] for i in range(len(some))])) for some in (real, made.images)]
    compared = {}
    for pairing in pairings:
        counts, overlapping = np.zeros((3, 2, len(ladder.recipe.seeds))), []
        for column, seeds in enumerate(pairing.seeds(ladder.recipe.seeds)):
            sets: list[tuple[Pairs, Pairs]] = []
            for row, (models, null) in enumerate(zip((read.models, shown), nulls, strict=True)):
                keys = (pairing.a, seeds[0]), (pairing.b, seeds[1])
                a, b = (by_photograph(models[key], (read.images, made.images)[row]) for key in keys)
                nulls_of_b = drawable(ladder.shared_nulls, a, b)[0]
                matches = match(a, b, nulls=nulls_of_b, jackknife_blocks=0, quiet=True)
                calibration = _calibrated(matches, null[seeds[0]])
                counts[:, row, column] = matches.count, calibration.count, calibration.threshold
                sets.append(((matches.unit_a, matches.unit_b), _above_threshold(matches, calibration)))
            overlapping.append([overlap(*both) for both in zip(*sets, strict=True)])
        both = ("image_kind", "seed")
        variables = {
            **{
                f"kind_{name}": (both, counts[i])
                for i, name in enumerate(("raw_count", "calibrated_count", "threshold"))
            },
            "effective_dimension": ("image_kind", dimensions),
            "raw_overlap": ("seed", [one[0] for one in overlapping]),
            "calibrated_overlap": ("seed", [one[1] for one in overlapping]),
            "generated_contrast": made.contrast,
        }
        coords = {"image_kind": np.array(["real", "generated"], dtype=object), "seed": list(ladder.recipe.seeds)}
        compared[pairing.name] = dataset(
            "image_kinds", variables, coords, pairing=pairing.title, number_of_images=len(real)
        )
    return compared


def _first(source: ArraySource, positions: int) -> ArraySource:
    return ArraySource(source.rows(slice(0, positions)), source.name, source.layer, source.unit)


def _seeds(read: Width, pairing: Pairing) -> tuple[int, ...]:
    return tuple(seed for objective, seed in read.models if objective == pairing.a)


def _null_by_size(read: Width, seed: int, positions: Sequence[int]) -> list[dict[str, list[np.ndarray]]]:
    """Return the correlations of the null pairs of one seed on the first positions, for each number of them."""
    result: list[dict[str, list[np.ndarray]]] = [{} for _ in positions]
    for label, a, b in read.fresh(seed):
        for each, number in zip(result, positions, strict=True):
            (correlations,) = null_correlations([(label, _first(a, number), _first(b, number))])[label]
            each.setdefault(label, []).append(correlations)
    return result


def _calibrated(matches: Matches, fresh: dict[str, list[np.ndarray]]) -> Calibration:
    calibration = matches.calibrate(fresh)
    assert calibration is not None  # there is a null
    return calibration


def _above_threshold(matches: Matches, calibration: Calibration) -> Pairs:
    strong = matches.correlation >= calibration.threshold
    return matches.unit_a[strong], matches.unit_b[strong]
