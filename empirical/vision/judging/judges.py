"""Judges of neurons: shown a neuron's top images, maps and overlays, is it about one thing?

A judge is anything with the two methods of `Judge`. `OfflineJudge` needs nothing but labels and pixels;
`rosettalaw.empirical.vision.judging.endpoint` asks a vision model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ....errors import InputError, require
from ..images import Images, shown
from .top_images import Exhibit, pictures

PURE, ALIKE, LEVEL, DRAWS, PEAK = 0.5, 0.3, 0.05, 999, 12


@dataclass(frozen=True)
class Answer:
    """A judge's answer about one neuron: monosemantic or not, and in a few words why."""

    monosemantic: bool
    reason: str = ""


class Judge(Protocol):
    """Anything that judges exhibits."""

    name: str

    def judge(self, exhibit: Exhibit) -> Answer:
        """Say whether one concept explains the images and the places where the neuron is active."""
        ...

    def predict(self, exhibit: Exhibit, held_out: Sequence[np.ndarray]) -> list[bool]:
        """Say of each held-out image whether it would activate the neuron, from the exhibit alone."""
        ...


class OfflineJudge:
    """A judge that looks at labels, and at how alike the pixels are where the neuron peaks.

    For k shown images, *purity* is the share of the commonest label, *agreement* the mean correlation of the peak
    patches (square cut-outs around the most active cell, brightness removed) over all pairs of images. A neuron is
    called monosemantic if one of them is large (purity ≥ ½, agreement ≥ 0.3) and no accident: at most 2.5% of 999 sets
    of k random images (with random cells) reach it. An image is predicted to activate the neuron if the best place in
    it is more like the mean peak patch than halfway between random images and the shown ones; held-out labels are not
    looked at.

    Parameters
    ----------
    images : Images
        The set that exhibits come from: what random images look like.
    seed : int
        Seed of the random sets.
    """

    name = "offline"

    def __init__(self, images: Images, seed: int = 0, sample: int = 200):
        require(len(images) >= 2, "images", len(images), "a judge needs at least two to compare with")
        self._rng_seed, self._labels = seed, images.labels
        rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
        some = rng.choice(len(images), min(sample, len(images)), replace=False)
        self._background = pictures(images, some)
        self._purity: dict[int, np.ndarray] = {}
        self._places: list[np.ndarray] | None = None
        patches = [_patch(image, rng.random(2)) for image in self._background]
        self._alike = _correlations(patches)
        self._agreement: dict[int, np.ndarray] = {}

    def judge(self, exhibit: Exhibit) -> Answer:
        """Judge by purity and agreement."""
        k = len(exhibit.images)
        if k < 2:
            raise InputError("top", k, "a judge needs at least 2 images of a neuron", "--top 20")
        agreement = _mean_off_diagonal(_correlations(_peaks(exhibit)))
        reasons = []
        if agreement >= ALIKE and self._beyond(agreement, self._random_agreement(k)):
            reasons.append(f"peaks look alike (mean correlation {agreement:.2f})")
        if exhibit.labels is not None:
            purity, label = _purity(exhibit.labels)
            if purity >= PURE and self._beyond(purity, self._random_purity(k)):
                reasons.append(f"{purity:.0%} of the images are of class {label}")
        return Answer(bool(reasons), "; ".join(reasons) or f"nothing in common (agreement {agreement:.2f})")

    def predict(self, exhibit: Exhibit, held_out: Sequence[np.ndarray]) -> list[bool]:
        """Predict by likeness to the mean peak patch; labels of held-out images are not looked at."""
        peaks = _peaks(exhibit)
        template = np.mean([_flat(peak) for peak in peaks], axis=0)
        if self._places is None:
            self._places = [_places(image) for image in self._background[:50]]
        inside = [(_places(image) @ template).max() for image in exhibit.images]
        outside = [(places @ template).max() for places in self._places]
        border = (np.mean(inside) + np.mean(outside)) / 2
        return [bool((_places(shown(image)) @ template).max() > border) for image in held_out]

    def _beyond(self, value: float, random: np.ndarray) -> bool:
        return bool((1 + np.sum(random >= value)) / (1 + len(random)) <= LEVEL / 2)

    def _random_purity(self, k: int) -> np.ndarray:
        if k not in self._purity:
            assert self._labels is not None
            rng = np.random.default_rng(np.random.SeedSequence([self._rng_seed, 2, k]))
            sets = (rng.choice(self._labels, min(k, len(self._labels)), replace=False) for _ in range(DRAWS))
            self._purity[k] = np.array([_purity(labels)[0] for labels in sets])
        return self._purity[k]

    def _random_agreement(self, k: int) -> np.ndarray:
        if k not in self._agreement:
            rng = np.random.default_rng(np.random.SeedSequence([self._rng_seed, 3, k]))
            n = len(self._background)
            sets = (rng.choice(n, min(k, n), replace=False) for _ in range(DRAWS))
            self._agreement[k] = np.array([_mean_off_diagonal(self._alike[np.ix_(s, s)]) for s in sets])
        return self._agreement[k]


def _purity(labels: np.ndarray) -> tuple[float, int]:
    values, counts = np.unique(labels, return_counts=True)
    return float(counts.max() / counts.sum()), int(values[counts.argmax()])


def _peaks(exhibit: Exhibit) -> list[np.ndarray]:
    """Return the patch around the most active cell of each image."""
    patches = []
    for image, cells in zip(exhibit.images, exhibit.maps, strict=True):
        row, column = np.unravel_index(int(cells.argmax()), cells.shape)
        centre = (np.array([row, column]) + 0.5) / cells.shape
        patches.append(_patch(image, centre))
    return patches


def _patch(image: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return a square of a quarter of the image's shorter side around a relative place, as PEAK × PEAK × 3 floats."""
    from PIL import Image

    height, width = image.shape[:2]
    side = max(2, min(height, width) // 4)
    top = int(np.clip(centre[0] * height - side / 2, 0, height - side))
    left = int(np.clip(centre[1] * width - side / 2, 0, width - side))
    cut = Image.fromarray(image[top : top + side, left : left + side])
    return np.asarray(cut.resize((PEAK, PEAK), Image.Resampling.BILINEAR), dtype=float)


def _flat(patch: np.ndarray) -> np.ndarray:
    """Return a patch as a vector without brightness, of length 1."""
    vector = (patch - patch.mean()).ravel()
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def _correlations(patches: Sequence[np.ndarray]) -> np.ndarray:
    vectors = np.stack([_flat(patch) for patch in patches])
    return vectors @ vectors.T


def _mean_off_diagonal(matrix: np.ndarray) -> float:
    n = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (n * (n - 1)))


def _places(image: np.ndarray) -> np.ndarray:
    """Return the patches at 7 × 7 places of an image as vectors, shape (49, PEAK · PEAK · 3)."""
    centres = np.linspace(0.125, 0.875, 7)
    return np.stack([_flat(_patch(image, np.array([y, x]))) for y in centres for x in centres])
