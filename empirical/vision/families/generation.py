"""Images that a denoiser makes in one step: one pass over white noise.

The denoiser was trained on crops whose noise level it has to read off the picture. Pure white noise has the variance
and (nearly) the spectrum of its training data at every level, and what it takes for a picture in there is the output.
The best output is the mean over all crops that the noise could stand for, which is nearly flat; all images of a model
are scaled together to the unit variance of the real ones. They are the model's own, and look like coloured noise:
small denoisers give no shapes, in one step or in many.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import RosettaError
from ...checkpoints import hub
from ...checkpoints.completeness import weights_are_whole
from ..images import Images, from_array
from .batched_vit import PATCH, SIDE, patches
from .training import HEAD

BATCH = 256


@dataclass(frozen=True)
class Generated:
    """Images of one model.

    Attributes
    ----------
    images : Images
        Scaled to unit variance.
    contrast : float
        Standard deviation of the pixels before the scaling; a real crop has 1.
    """

    images: Images
    contrast: float


def generate(checkpoint: str | Path, number: int, seed: int = 0) -> Generated:
    """Make images with a denoiser that was trained here, in one step each.

    Parameters
    ----------
    checkpoint : path
        Folder of a model of the objective "denoising", with its head.
    number : int
        How many images.
    seed : int
        Seed of the noise.

    Raises
    ------
    RosettaError
        If the checkpoint has no head that makes pixels.
    """
    import torch
    from safetensors.torch import load_file

    folder = Path(checkpoint)
    if not (folder / HEAD).is_file():
        raise RosettaError(
            f"{checkpoint}: has no {HEAD}, so it cannot generate images; denoisers trained with this package have one"
        )
    if not weights_are_whole(folder / HEAD):
        raise RosettaError(f"{folder / HEAD}: damaged. Try: remove {folder}, and train it again")
    head = load_file(folder / HEAD)
    if len(head["head.bias"]) != 3 * PATCH * PATCH:
        rule = f"gives {len(head['head.bias'])} numbers per patch; an image needs {3 * PATCH * PATCH}"
        raise RosettaError(f"{checkpoint}: its head {rule}, unlike that of a denoiser")
    model = hub.open_model(checkpoint, hub.open_config(checkpoint))
    noise = np.random.default_rng(np.random.SeedSequence([seed, 0x6E0]))
    made = []
    for start in range(0, number, BATCH):
        noise_images = noise.standard_normal((min(BATCH, number - start), SIDE, SIDE, 3), dtype=np.float32)
        with torch.inference_mode():
            features = model(pixel_values=torch.from_numpy(noise_images.transpose(0, 3, 1, 2).copy())).last_hidden_state
            made.append(unpatched(features @ head["head.weight"].T + head["head.bias"]).numpy())
    pixels = np.concatenate(made)
    contrast = float(pixels.std())
    digest = hashlib.sha256(f"{folder.resolve()}|{seed}".encode()).hexdigest()[:8]
    return Generated(from_array(f"generated-{digest}", (pixels - pixels.mean()) / max(contrast, 1e-12)), contrast)


def unpatched(rows: Any) -> Any:
    """Put rows of pixels together, (images, patches, 192) → (images, 32, 32, 3): the inverse of `patches`."""
    side = SIDE // PATCH
    cut = rows.view(-1, side, side, 3, PATCH, PATCH)
    return cut.permute(0, 1, 4, 2, 5, 3).reshape(-1, SIDE, SIDE, 3)


def effective_dimension(images: np.ndarray) -> float:
    """Return the participation ratio (Σλ)²/Σλ² of the covariance of patches, 1 to 192.

    Parameters
    ----------
    images : ndarray, shape (images, side, side, 3)
    """
    import torch

    rows = patches(torch.from_numpy(np.asarray(images, dtype=np.float32))).reshape(-1, 3 * PATCH * PATCH).numpy()
    values = np.linalg.eigvalsh(np.cov(rows.T))
    return float(values.sum() ** 2 / (values**2).sum())
