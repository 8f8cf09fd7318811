"""Diffusion transformers (DiT) of `diffusers` as readers of images: activations at one denoising step.

The folder is a pipeline's (``transformer``, ``vae``, ``scheduler``) or a bare transformer's. An image, scaled to
[−1, 1] and to the size that the transformer knows, becomes the mean of the encoder's latent distribution; without an
encoder, floating-point arrays of the transformer's channels are the latents. At step t of the noise schedule,

    z_t = √ᾱ_t z + √(1 − ᾱ_t) ε,

with ε drawn from the image itself (the same image always gets the same noise), and the transformer runs once, under
the class that stands for "none". A neuron is a coordinate of the input of an MLP's output projection, as elsewhere.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, MissingExtraError, RosettaError, require
from .. import architectures

TIMESTEP = 0
PROJECTIONS = {"DiTTransformer2DModel": "transformer_blocks.*.ff.net.2"}


def is_diffusion(checkpoint: str | Path) -> bool:
    """Return whether a folder holds a pipeline or a model of `diffusers`."""
    path = Path(checkpoint).expanduser()
    return (path / "model_index.json").is_file() or "_class_name" in _json(path / "config.json")


class DiTReader:
    """A diffusion transformer that reads images at one denoising step.

    Parameters
    ----------
    name : str
        What messages call the model.
    model : torch.nn.Module
        The transformer.
    scheduler : diffusers scheduler
        Its noise schedule.
    encoder : torch.nn.Module, optional
        Encoder of images into latents.
    timestep : int
        Denoising step, 0 (hardly any noise) to the schedule's length − 1.

    Raises
    ------
    RosettaError
        If the architecture is unknown or there is no such step.
    """

    def __init__(self, name: str, model: Any, scheduler: Any, encoder: Any = None, timestep: int = TIMESTEP):
        self.name, self.model, self._scheduler, self._encoder = name, model, scheduler, encoder
        steps = int(scheduler.config.num_train_timesteps)
        require(0 <= timestep < steps, "timestep", timestep, f"must be from 0 to {steps - 1}", "--timestep 250")
        self.timestep = timestep
        self.projections = architectures.output_projections(model, type(model).__name__, name, table=PROJECTIONS)
        self.prefix: dict[str, int] = {}
        self.patch: tuple[int, int] = (model.config.patch_size, model.config.patch_size)

    def read(self, images: Sequence[np.ndarray]) -> tuple[int, int]:
        """Run one denoising step over images; return height and width of the latents."""
        import torch

        latents = self._encoded(images)
        noise = torch.from_numpy(np.stack([_noise(image, tuple(latents.shape[1:])) for image in images]))
        steps = torch.full((len(images),), self.timestep, dtype=torch.int64)
        unconditional = torch.full((len(images),), int(self.model.config.num_embeds_ada_norm), dtype=torch.int64)
        noisy = self._scheduler.add_noise(latents, noise, steps)
        self.model(noisy, timestep=steps, class_labels=unconditional)
        return int(latents.shape[2]), int(latents.shape[3])

    def untrained(self, seed: int) -> DiTReader:
        """Return the same transformer with random weights behind the same encoder."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = type(self.model).from_config(self.model.config).eval()
        return DiTReader(f"{self.name} (untrained, seed {seed})", model, self._scheduler, self._encoder, self.timestep)

    def _encoded(self, images: Sequence[np.ndarray]) -> Any:
        """Return latents of shape (images, channels, height, width)."""
        import torch

        side, channels = self.model.config.sample_size, self.model.config.in_channels
        if self._encoder is None:
            for image in images:
                if image.dtype == np.uint8 or image.shape != (side, side, channels):
                    rule = f"has no encoder: it reads floating-point latents of shape {(side, side, channels)}"
                    raise InputError("images", f"{image.dtype} of shape {image.shape}", f"{self.name} {rule}")
            return torch.from_numpy(np.stack(list(images)).transpose(0, 3, 1, 2).astype(np.float32))
        from PIL import Image

        stride = 2 ** (len(self._encoder.config.block_out_channels) - 1)
        resized = []
        for image in images:
            if image.dtype != np.uint8:
                raise InputError("images", f"{image.dtype} for {self.name}", "must be uint8, 0 to 255")
            size = (side * stride, side * stride)
            resized.append(np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)))
        pixels = torch.from_numpy(np.stack(resized).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)
        return self._encoder.encode(pixels).latent_dist.mean * self._encoder.config.scaling_factor


def open_dit(checkpoint: str | Path, timestep: int | None = None) -> DiTReader:
    """Open a diffusion transformer from a folder of `diffusers`.

    Raises
    ------
    MissingExtraError
        If diffusers is not installed.
    RosettaError
        If the folder holds no DiT, or its weights cannot be loaded.
    """
    try:
        import diffusers
    except ImportError as error:
        raise MissingExtraError("diffusers", "diffusion") from error
    path = Path(checkpoint).expanduser()
    whole = (path / "model_index.json").is_file()
    transformer = path / "transformer" if whole else path
    kind = _json(transformer / "config.json").get("_class_name")
    if kind not in PROJECTIONS:
        raise RosettaError(f"{checkpoint}: unknown diffusion model {kind!r} (known: {', '.join(PROJECTIONS)})")
    library: Any = diffusers  # its names are made when they are asked for
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    try:
        model = getattr(library, kind).from_pretrained(transformer, use_safetensors=True).eval()
        encoder = None
        if (path / "vae").is_dir():
            encoder = library.AutoencoderKL.from_pretrained(path / "vae", use_safetensors=True).eval()
        scheduler = library.DDPMScheduler()
        if (path / "scheduler").is_dir():
            scheduler = library.DDPMScheduler.from_pretrained(path / "scheduler")
    except Exception as error:
        raise RosettaError(f"{checkpoint}: cannot be loaded ({str(error).strip().splitlines()[0][:160]})") from error
    return DiTReader(str(checkpoint), model, scheduler, encoder, TIMESTEP if timestep is None else timestep)


def _noise(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the noise of one image, decided by its pixels."""
    seed = zlib.crc32(np.ascontiguousarray(image).tobytes())
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
