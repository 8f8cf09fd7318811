"""Training objectives of vision models: one class each, with a head that the measurement drops.

| objective | family | loss for a crop x |
|---|---|---|
| denoising | generative | mean squared error of x − mean(x), from cos θ x + sin θ ε, θ uniform on (0, π/2) |
| supervised | discriminative | cross-entropy of the photograph that x was cut from |
| contrastive | discriminative | two views nearby, flipped, noisy: each finds the other among the batch (InfoNCE) |

The denoiser does not get θ: it sees the picture alone. Since the crops are white and of unit variance, so is each
noisy crop, whatever θ; white noise itself is what every one of them tends to for θ → π/2, and one pass over pure noise
makes a picture in one step (`rosettalaw.empirical.vision.families.generation`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from .batched_vit import encode, patches
from .photographs import Crops

TEMPERATURE, EMBEDDING, VIEW_NOISE, VIEW_SHIFT = 0.2, 32, 0.3, 8


class Objective(ABC):
    """A loss on features of patches, and the head that makes predictions of them."""

    family: str

    @abstractmethod
    def outputs(self, crops: Crops) -> int:
        """Return the number of outputs of the linear head."""

    @abstractmethod
    def batch(self, crops: Crops, rng: np.random.Generator, number: int) -> dict[str, np.ndarray]:
        """Draw the inputs of one step of one seed; arrays with `number` rows, or views × `number`."""

    @abstractmethod
    def loss(self, weights: dict[str, Any], config: Any, batch: dict[str, Any]) -> Any:
        """Return the loss of each seed, shape (seeds,), for batches stacked along their first axis."""


class Denoising(Objective):
    """Predict the clean crop from a noisy one."""

    family = "generative"

    def outputs(self, crops: Crops) -> int:
        """Return the pixels of a patch."""
        return 3 * 8 * 8

    def batch(self, crops: Crops, rng: np.random.Generator, number: int) -> dict[str, np.ndarray]:
        """Draw crops, their angles θ and noise."""
        images = crops.pixels(crops.draw(rng, number))
        theta = rng.uniform(0, np.pi / 2, (number, 1, 1, 1)).astype(np.float32)
        noise = rng.standard_normal(images.shape, dtype=np.float32)
        return {"clean": images, "noisy": np.cos(theta) * images + np.sin(theta) * noise}

    def loss(self, weights: dict[str, Any], config: Any, batch: dict[str, Any]) -> Any:
        """Return the mean squared error over the pixels."""
        clean = patches(batch["clean"])
        target = clean - clean.mean((2, 3), keepdim=True)
        return (head(weights, encode(weights, config, patches(batch["noisy"]))) - target).square().mean((1, 2, 3))


class Supervised(Objective):
    """Tell which photograph a crop comes from."""

    family = "discriminative"

    def outputs(self, crops: Crops) -> int:
        """Return the number of photographs."""
        return len(crops.names)

    def batch(self, crops: Crops, rng: np.random.Generator, number: int) -> dict[str, np.ndarray]:
        """Draw crops and their photographs."""
        places = crops.draw(rng, number)
        return {"images": crops.pixels(places), "labels": places.photograph}

    def loss(self, weights: dict[str, Any], config: Any, batch: dict[str, Any]) -> Any:
        """Return the cross-entropy of the averaged features' prediction."""
        scores = head(weights, encode(weights, config, patches(batch["images"])).mean(2, keepdim=True))[:, :, 0]
        return _cross_entropy(scores, batch["labels"])


class Contrastive(Objective):
    """Find the other view of the same place."""

    family = "discriminative"

    def outputs(self, crops: Crops) -> int:
        """Return the dimensions in which views are compared."""
        return EMBEDDING

    def batch(self, crops: Crops, rng: np.random.Generator, number: int) -> dict[str, np.ndarray]:
        """Draw half as many places, each seen twice: shifted, half of them mirrored, with a little noise."""
        places = crops.draw(rng, number // 2)
        views = []
        for _ in range(2):
            images = crops.pixels(crops.nearby(places, rng, VIEW_SHIFT))
            mirrored = rng.random(len(images)) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
            views.append(images + VIEW_NOISE * rng.standard_normal(images.shape, dtype=np.float32))
        return {"images": np.concatenate(views)}

    def loss(self, weights: dict[str, Any], config: Any, batch: dict[str, Any]) -> Any:
        """Return the InfoNCE loss, from the first view to the second and back."""
        import torch
        import torch.nn.functional as F

        seen = head(weights, encode(weights, config, patches(batch["images"])).mean(2, keepdim=True))[:, :, 0]
        one, other = F.normalize(seen, dim=-1).chunk(2, dim=1)
        scores = one @ other.mT / TEMPERATURE
        same = torch.arange(scores.shape[1]).expand(scores.shape[:2])
        return (_cross_entropy(scores, same) + _cross_entropy(scores.mT, same)) / 2


OBJECTIVES: dict[str, Objective] = {
    "denoising": Denoising(),
    "supervised": Supervised(),
    "contrastive": Contrastive(),
}


def head(weights: dict[str, Any], features: Any) -> Any:
    """Return the linear head's outputs: (seeds, batch, tokens, width) → (seeds, batch, tokens, outputs)."""
    return features @ weights["head.weight"].mT[:, None] + weights["head.bias"][:, None, None]


def _cross_entropy(scores: Any, labels: Any) -> Any:
    """Return −log softmax(scores)[label], averaged over the batch: (seeds, batch, classes) → (seeds,)."""
    return -scores.log_softmax(-1).gather(2, labels[..., None])[..., 0].mean(1)
