"""Matched neurons of two vision models on the viewer's page: top images with activation maps and overlays.

A pair is shown by the images with the highest scores (mean activation over the cells) of either partner; each of them
with both partners' maps and overlays. Scores are given in standard deviations from the neuron's mean over all images.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import InputError, require
from ...results import load, require_variables
from ..checkpoints.hub import Loading
from ..viewer import page
from ..viewer.items import Collection, ImageContext, Judged, Pair, judged_pairs
from .images import open_images
from .judging.top_images import exhibit, neuron_scores, overlay
from .source import ImageSource, image_sources

SIDE, QUALITY = 96, 80


def image_pairs(
    sources: tuple[ImageSource, ImageSource],
    units: tuple[Sequence[int], Sequence[int]],
    correlation: Sequence[float],
    contexts: int = 8,
    judged: Sequence[Judged] | None = None,
) -> list[Pair]:
    """Return each pair's part of the page.

    Parameters
    ----------
    sources : pair of ImageSource
        The two models on the same images.
    units : pair of sequences of int
        The pairs' neurons in each model, counted over all its layers.
    correlation : sequence of float
        The pairs' correlations.
    contexts : int
        Images of each partner.
    judged : sequence of Judged, optional
        Further numbers of each pair.
    """
    images = sources[0].images
    scores = [neuron_scores(source, side) for source, side in zip(sources, units, strict=True)]
    best = [np.argsort(-one, axis=0, kind="stable")[:contexts].T for one in scores]
    chosen = [np.array(sorted({*a.tolist(), *b.tolist()})) for a, b in zip(*best, strict=True)]
    exhibits = [
        exhibit(source, side, chosen, score) for source, side, score in zip(sources, units, scores, strict=True)
    ]
    z = [(one - one.mean(0)) / np.where(one.std(0) > 0, one.std(0), 1.0) for one in scores]
    pairs = []
    for number, which in enumerate(chosen):
        contexts_shown = []
        for place, image in enumerate(which.tolist()):
            picture = images.pictures(image)
            pictures = [("image", _uri(picture))]
            for side, made in zip("AB", exhibits, strict=True):
                heat, laid = overlay(picture, made[number].maps[place])
                pictures += [(f"{side}: map", _uri(heat)), (f"{side}: overlay", _uri(laid))]
            domain = images.classes[images.labels[image]] if images.labels is not None and images.classes else ""
            activity = float(z[0][image, number]), float(z[1][image, number])
            contexts_shown.append(ImageContext(images.names[image], domain, pictures, activity))
        top = [[int(np.flatnonzero(which == i)[0]) for i in side[number]] for side in best]
        neurons = [(made[number].layer, made[number].unit) for made in exhibits]
        pairs.append(
            Pair(
                neurons=(neurons[0], neurons[1]),
                correlation=float(correlation[number]),
                contexts=contexts_shown,
                top=(top[0], top[1]),
                judged=Judged() if judged is None else judged[number],
            )
        )
    return pairs


def write_image_viewer(
    source: str | os.PathLike[str],
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    limit: int = 100,
    contexts: int = 8,
    skip_corrupt: bool = False,
    loading: Loading = Loading(),
    memory: int | None = None,
) -> Path:
    """Write the page of matched neurons of two vision models.

    Parameters
    ----------
    source : path
        Result of ``rosettalaw match --images --out``.
    images : path
        The images to show.
    out : path
        The page.
    limit : int
        Pairs to show, those with the highest correlation.
    contexts : int
        Images of each partner.
    skip_corrupt : bool
        Leave out images that cannot be read.
    loading : Loading
        Where the weights go.
    memory : int, optional
        Bytes that reading the images may take; half of the free memory by default.

    Raises
    ------
    InputError
        If the result holds no pair, or is not one of vision models.
    RosettaError
        If a checkpoint or the images cannot be used.
    """
    ds = load(source, "pairs")
    if ds.attrs.get("modality") != "vision":
        rule = "was not matched on images"
        raise InputError("source", str(source), rule, "rosettalaw match A B --images folder --out pairs.nc")
    require_variables(ds, str(source), ("unit_a", "unit_b", "correlation"), ("model_a", "model_b"))
    require(ds.sizes["pair"], "source", str(source), "has no pair of neurons", "more images")
    opened = open_images(images, skip_corrupt, memory=memory)
    names = ds.attrs["model_a"], ds.attrs["model_b"]
    step, patterns = ds.attrs.get("timestep"), (ds.attrs.get("pattern_a"), ds.attrs.get("pattern_b"))
    sources = image_sources(*names, opened, None if step is None else int(step), patterns, loading)
    order = np.argsort(-ds["correlation"].values, kind="stable")[:limit]
    units = ds["unit_a"].values[order].tolist(), ds["unit_b"].values[order].tolist()
    pairs = image_pairs(
        sources, units, ds["correlation"].values[order].tolist(), contexts, judged_pairs(ds, order.tolist())
    )
    threshold = float(ds["threshold"]) if "threshold" in ds else np.nan
    facts = {
        "images": f"{opened.name}, {len(opened)} of them",
        "sha256 of the images": opened.sha256,
        "pairs found": f"{ds.sizes['pair']:,}",
        "made with": "rosettalaw view --images",
    }
    return page.write(Collection(names, pairs, threshold if np.isfinite(threshold) else None, facts), out)


def _uri(picture: np.ndarray) -> str:
    """Return a picture as a data URI, JPEG, its longer side at most SIDE pixels (small ones enlarged in steps)."""
    from PIL import Image

    height, width = picture.shape[:2]
    factor = SIDE / max(height, width)
    way = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS
    resized = Image.fromarray(picture).resize((max(1, round(width * factor)), max(1, round(height * factor))), way)
    buffer = io.BytesIO()
    resized.save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
