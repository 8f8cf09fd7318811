"""Two checks of the matching data, at the largest size: how many images are enough, and whose images they are.

*Image-count sweep* (appendix G.2): nested subsets of the images, each matched and calibrated against its own nulls; the
overlap (Jaccard) with the pairs found on the previous subset says how much of the set is stable.

*Real against generated* (appendix G.3): as many images made in one step by the generative network of the pair, shown to
both networks; counts of both, each calibrated against nulls on the same images, and the overlap of the two sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...results import dataset
from ..array_sources import ArraySource
from ..calibration import Calibration
from ..matching import Matches, match
from ..matching.partners import overlap
from ..measures.data_size import overlaps
from .generation import effective_dimension, generate
from .ladders import Pairing, TrainedVision
from .rungs import Width, activations, null_of, untrained_twins

if TYPE_CHECKING:
    import xarray as xr

SWEEP = (10, 30, 100, 300, 1000)
Pairs = tuple[np.ndarray, np.ndarray]


def image_sweep(read: Width, pairing: Pairing, permutations: int, sizes: tuple[int, ...] = SWEEP) -> xr.Dataset:
    """Match the first seeds of a pairing on more and more images.

    Returns
    -------
    xarray.Dataset
        Kind "image_sweep", dimension ``data_size``.
    """
    seeds = pairing.seeds(tuple(seed for objective, seed in read.models if objective == pairing.a))[0]
    a, b = read.models[pairing.a, seeds[0]], read.models[pairing.b, seeds[1]]
    images = len(read.images)
    cells = a.positions // images
    sizes = (*(size for size in sizes if size < images), images)
    found, calibrations = [], []
    for size in sizes:
        some = [(_first(one, size * cells), _first(other, size * cells)) for one, other in ((a, b), *read.twins)]
        found.append(match(*some[0], permutations=permutations, jackknife_blocks=0, quiet=True))
        calibrations.append(_calibrated(found[-1], null_of(some[1:])))
    raw = [(one.unit_a, one.unit_b) for one in found]
    kept = [_kept(one, calibration) for one, calibration in zip(found, calibrations, strict=True)]
    variables = {
        "size_images": ("data_size", list(sizes)),
        "size_positions": ("data_size", [one.positions for one in found]),
        "size_raw_count": ("data_size", [one.count for one in found]),
        "size_calibrated_count": ("data_size", [one.count for one in calibrations]),
        "size_threshold": ("data_size", [one.threshold for one in calibrations]),
        "size_raw_overlap": ("data_size", list(overlaps(raw))),
        "size_calibrated_overlap": ("data_size", list(overlaps(kept))),
    }
    name = f"{pairing.a} × {pairing.b}, {len(a.layer):,} neurons"
    return dataset("image_sweep", variables, {}, ladder=name, pairing=pairing.title, model_a=a.name, model_b=b.name)


def real_and_generated(trained: TrainedVision, read: Width, pairing: Pairing, seed: int = 0) -> xr.Dataset:
    """Match the largest networks of a pairing on real and on generated images, seed by seed.

    Returns
    -------
    xarray.Dataset
        Kind "image_kinds", dimensions ``image_kind`` (real, generated) and ``seed``.
    """
    ladder, width = trained.ladder, read.width
    real = read.images
    raw, calibrated, thresholds, dimensions = (np.zeros((2, len(ladder.recipe.seeds))) for _ in range(4))
    raw_overlap, calibrated_overlap, contrast = [], [], []
    for column, seeds in enumerate(pairing.seeds(ladder.recipe.seeds)):
        made = generate(trained.folder(pairing.a, width, seeds[0]), len(real), seed)
        contrast.append(made.contrast)
        sets: list[tuple[Pairs, Pairs]] = []
        for row, images in enumerate((real, made.images)):
            if row == 0:
                a, b = read.models[pairing.a, seeds[0]], read.models[pairing.b, seeds[1]]
                null = read.untrained
            else:
                a = activations(trained, pairing.a, width, seeds[0], images)
                b = activations(trained, pairing.b, width, seeds[1], images)
                null = null_of(untrained_twins(trained, width, images))
            matches = match(a, b, permutations=ladder.permutations, jackknife_blocks=0, quiet=True)
            calibration = _calibrated(matches, null)
            raw[row, column], calibrated[row, column] = matches.count, calibration.count
            thresholds[row, column] = calibration.threshold
            pixels = np.stack([images[i] for i in range(len(images))])
            dimensions[row, column] = effective_dimension(pixels)
            sets.append(((matches.unit_a, matches.unit_b), _kept(matches, calibration)))
        raw_overlap.append(overlap(sets[0][0], sets[1][0]))
        calibrated_overlap.append(overlap(sets[0][1], sets[1][1]))
    both = ("image_kind", "seed")
    variables = {
        "kind_raw_count": (both, raw),
        "kind_calibrated_count": (both, calibrated),
        "kind_threshold": (both, thresholds),
        "effective_dimension": (both, dimensions),
        "raw_overlap": ("seed", raw_overlap),
        "calibrated_overlap": ("seed", calibrated_overlap),
        "generated_contrast": ("seed", contrast),
    }
    coords = {"image_kind": np.array(["real", "generated"], dtype=object), "seed": list(ladder.recipe.seeds)}
    return dataset("image_kinds", variables, coords, pairing=pairing.title, images=len(real))


def _first(source: ArraySource, positions: int) -> ArraySource:
    return ArraySource(source.rows(slice(0, positions)), source.name, source.layer, source.unit)


def _calibrated(matches: Matches, null: list[np.ndarray]) -> Calibration:
    calibration = matches.calibrate({"untrained": null})
    assert calibration is not None  # there is a null
    return calibration


def _kept(matches: Matches, calibration: Calibration) -> Pairs:
    strong = matches.correlation >= calibration.threshold
    return matches.unit_a[strong], matches.unit_b[strong]
