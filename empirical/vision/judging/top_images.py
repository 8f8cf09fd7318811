"""Pictures of a neuron for a judge or a reader: top images, activation maps, and both in one.

An image's score is the neuron's mean activation over the cells (appendix H of the paper). The images with the highest
scores are shown; the map is the activation of every cell, the overlay the image with the map on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..images import Chosen, Images, reduced
from ..source import ImageSource

HEAT = np.array(
    [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], dtype=float
)  # dark to bright
OPACITY = 0.55


@dataclass(frozen=True)
class Exhibit:
    """Images of one neuron, highest score first.

    Attributes
    ----------
    layer, unit : int
        The neuron.
    images : sequence of ndarray, each of shape (height, width, 3), uint8
        As they are shown.
    maps : ndarray, shape (images, rows, columns)
        Activation of every cell.
    scores : ndarray, shape (images,)
        Mean activation.
    labels : ndarray of int, shape (images,), or None
        Class of each image, where known.
    indices : ndarray of int, shape (images,)
        Which images of the set they are.
    """

    layer: int
    unit: int
    images: Sequence[np.ndarray]
    maps: np.ndarray
    scores: np.ndarray
    labels: np.ndarray | None
    indices: np.ndarray

    def first(self, number: int) -> Exhibit:
        """Return the exhibit with the highest `number` images alone."""
        labels = None if self.labels is None else self.labels[:number]
        return Exhibit(
            layer=self.layer,
            unit=self.unit,
            images=self.images[:number],
            maps=self.maps[:number],
            scores=self.scores[:number],
            labels=labels,
            indices=self.indices[:number],
        )


def neuron_scores(source: ImageSource, neurons: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the mean activation of some neurons on every image, shape (images, neurons); one pass."""
    chosen = np.asarray(neurons, dtype=int)
    return np.concatenate([cells[..., chosen].mean((1, 2), dtype=float) for cells in source.maps()])


def exhibit(
    source: ImageSource, neurons: Sequence[int] | np.ndarray, indices: Sequence[np.ndarray], scores: np.ndarray
) -> list[Exhibit]:
    """Return exhibits of neurons with chosen images.

    Parameters
    ----------
    source : ImageSource
        The model on all images.
    neurons : sequence of int
        Neurons, counted over all layers.
    indices : sequence of ndarray of int
        For each neuron the images to show, in order.
    scores : ndarray, shape (images, neurons)
        Of these neurons, from `neuron_scores`.
    """
    needed = np.unique(np.concatenate([np.asarray(one, dtype=int) for one in indices]))
    place = {int(image): i for i, image in enumerate(needed)}
    chosen = np.asarray(neurons, dtype=int)
    maps = np.concatenate([cells[..., chosen] for cells in source.on(source.images.subset(needed)).maps()])
    made = []
    for column, (neuron, which) in enumerate(zip(chosen, indices, strict=True)):
        where = [place[int(image)] for image in which]
        labels = source.images.labels
        made.append(
            Exhibit(
                layer=int(source.layer[neuron]),
                unit=int(source.unit[neuron]),
                images=pictures(source.images, which),
                maps=maps[where][..., column],
                scores=scores[which, column],
                labels=None if labels is None else labels[which],
                indices=np.asarray(which),
            )
        )
    return made


def top_exhibits(source: ImageSource, neurons: Sequence[int] | np.ndarray, number: int = 20) -> list[Exhibit]:
    """Return each neuron's `number` images with the highest scores."""
    scores = neuron_scores(source, neurons)
    order = np.argsort(-scores, axis=0, kind="stable")[:number]
    return exhibit(source, neurons, list(order.T), scores)


def overlay(image: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the map in colour at the image's size, and the image with it on top; uint8, (height, width, 3) each.

    Colours run from the map's lowest to its highest cell. Large images are `reduced`.
    """
    from PIL import Image

    image = reduced(image)
    span = float(cells.max() - cells.min())
    level = (cells - cells.min()) / span if span > 0 else np.zeros_like(cells)
    height, width = image.shape[:2]
    smooth = np.asarray(Image.fromarray(level.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
    place = np.clip(smooth, 0, 1) * (len(HEAT) - 1)
    low = np.minimum(place.astype(int), len(HEAT) - 2)
    part = (place - low)[..., None]
    heat = HEAT[low] * (1 - part) + HEAT[low + 1] * part
    weight = OPACITY * np.clip(smooth, 0, 1)[..., None]
    return heat.astype(np.uint8), (image * (1 - weight) + heat * weight).astype(np.uint8)


def strip(image: np.ndarray, cells: np.ndarray, side: int = 128) -> np.ndarray:
    """Return image, map and overlay side by side, uint8, shape (side, 3 · side, 3)."""
    from PIL import Image

    image = reduced(image)
    panels = (image, *overlay(image, cells))
    return np.concatenate(
        [np.asarray(Image.fromarray(panel).resize((side, side), Image.Resampling.BICUBIC)) for panel in panels], axis=1
    )


def png(picture: np.ndarray) -> bytes:
    """Return a picture as a PNG file."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def pictures(images: Images, indices: Sequence[int] | np.ndarray) -> Chosen:
    """Return some images as they are shown, each loaded when it is looked at."""
    return Chosen(images, indices, images.pictures)


def all_images(images: Images) -> Chosen:
    """Return every image as it is shown."""
    return pictures(images, range(len(images)))
