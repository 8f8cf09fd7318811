"""Diffusion transformers (DiT) of `diffusers` as readers of images: activations at one denoising step.

A checkpoint is a pipeline (``transformer``, ``vae``, ``scheduler``), a folder or a hub id, or a bare transformer's
folder. An image, scaled to [−1, 1] and to the size that the transformer knows, becomes the mean of the encoder's latent
distribution; without an encoder, floating-point arrays of the transformer's channels are the latents. At step t of the
noise schedule,

    z_t = √ᾱ_t z + √(1 − ᾱ_t) ε,

with ε drawn from the image itself (the same image always gets the same noise), and the transformer runs once, under
the class that stands for "none". A neuron is a coordinate of the input of an MLP's output projection, as elsewhere.
"""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...disk import expanded
from ...errors import InputError, MissingExtraError, RosettaError, first_line, require
from ..checkpoints import architectures, hub
from ..checkpoints.completeness import require_sizes
from ..checkpoints.locations import to_read
from ..checkpoints.reopened import OfReopened, Reopened

TIMESTEP = 0
PROJECTIONS = {"DiTTransformer2DModel": "transformer_blocks.*.ff.net.2"}


def is_diffusion(checkpoint: str | Path) -> bool:
    """Return whether a folder or hub id holds a pipeline, or a folder a model, of `diffusers`."""
    path = expanded(checkpoint)
    return _index(checkpoint) is not None or "_class_name" in _json(path / "config.json")


def _index(checkpoint: str | Path) -> dict[str, Any] | None:
    """Return a pipeline's record of its parts; None for any other folder."""
    name, revision = to_read(checkpoint)
    folder = expanded(checkpoint) if expanded(checkpoint).exists() else Path(name)  # in the hub's cache, or no folder
    if folder.exists():
        file = folder / "model_index.json"
        return _json(file) if file.is_file() else None
    from huggingface_hub import hf_hub_download

    try:
        return _json(Path(hf_hub_download(name, "model_index.json", **revision)))
    except Exception:  # there is none, there is no such id, the hub cannot be reached: whoever opens the model says so
        return None


class DiTReader(OfReopened):
    """A diffusion transformer that reads images at one denoising step.

    Parameters
    ----------
    name : str
        What messages call the model.
    model : torch.nn.Module
        The transformer.
    scheduler : diffusers scheduler
        Its noise schedule.
    encoder : torch.nn.Module or Reopened, optional
        Encoder of images into latents.
    timestep : int
        Denoising step, 0 (hardly any noise) to the schedule's length − 1.
    again : callable, optional
        Opens the same transformer again. With it the weights may be given up between two readings (`release`).

    Raises
    ------
    RosettaError
        If the architecture is unknown or there is no such step.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        scheduler: Any,
        encoder: Any = None,
        timestep: int = TIMESTEP,
        again: Callable[[], Any] | None = None,
    ):
        self.name, self._weights, self._scheduler = name, Reopened(model, again), scheduler
        self._encoder = encoder if encoder is None or isinstance(encoder, Reopened) else Reopened(encoder)
        steps = int(scheduler.config.num_train_timesteps)
        require(0 <= timestep < steps, "timestep", timestep, f"must be from 0 to {steps - 1}", "--timestep 250")
        self.timestep = timestep
        self._projections_of(model)  # refused if it is unknown
        self.prefix: dict[str, int] = {}
        self.patch: tuple[int, int] = (model.config.patch_size, model.config.patch_size)
        self.pixels = 0, 0

    @property
    def projections(self) -> list[Any]:
        """The MLP output projections, in the order of the layers."""
        return self._projections_of(self.model)

    def release(self) -> None:
        """Give up the memory of transformer and encoder until images are read again."""
        for weights in (self._weights, self._encoder):
            if weights is not None:
                weights.release()

    def _projections_of(self, model: Any) -> list[Any]:
        return architectures.output_projections(model, type(model).__name__, self.name, table=PROJECTIONS)

    def read(self, images: Sequence[np.ndarray]) -> tuple[int, int]:
        """Run one denoising step over images; return height and width of the latents."""
        import torch

        model, device = self.model, self.device
        latents = self._encoded(images).to(device)
        self.pixels = int(latents.shape[2]), int(latents.shape[3])
        noise = torch.from_numpy(np.stack([_noise(image, tuple(latents.shape[1:])) for image in images])).to(device)
        steps = torch.full((len(images),), self.timestep, dtype=torch.int64, device=device)
        unconditional = torch.full_like(steps, int(model.config.num_embeds_ada_norm))
        noisy = self._scheduler.add_noise(latents, noise, steps)
        model(noisy, timestep=steps, class_labels=unconditional)
        return self.pixels

    def untrained(self, seed: int) -> DiTReader:
        """Return the same transformer with random weights behind the same encoder."""
        known, device = self._weights.known, self.device

        def make() -> Any:
            import torch

            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return type(known).from_config(known.config).eval().to(device)

        name = f"{self.name} (untrained, seed {seed})"
        return DiTReader(name, make(), self._scheduler, self._encoder, self.timestep, make)

    def _encoded(self, images: Sequence[np.ndarray]) -> Any:
        """Return latents of shape (images, channels, height, width)."""
        import torch

        config = self._weights.known.config
        side, channels = config.sample_size, config.in_channels
        if self._encoder is None:
            for image in images:
                if image.dtype == np.uint8 or image.shape != (side, side, channels):
                    rule = f"has no encoder: it reads floating-point latents of shape {(side, side, channels)}"
                    raise InputError("images", f"{image.dtype} of shape {image.shape}", f"{self.name} {rule}")
            return torch.from_numpy(np.stack(list(images)).transpose(0, 3, 1, 2).astype(np.float32))
        from PIL import Image

        encoder, place = self._encoder.model, self._encoder.device
        stride = 2 ** (len(encoder.config.block_out_channels) - 1)
        resized = []
        for image in images:
            if image.dtype != np.uint8:
                raise InputError("images", f"{image.dtype} for {self.name}", "must be uint8, 0 to 255")
            size = (side * stride, side * stride)
            resized.append(np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)))
        pixels = torch.from_numpy(np.stack(resized).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)
        return encoder.encode(pixels.to(place)).latent_dist.mean * encoder.config.scaling_factor


@contextmanager
def _quiet(library: Any) -> Iterator[None]:
    """Silence the notices and progress bars of diffusers meanwhile."""
    before, bars = library.logging.get_verbosity(), library.logging.is_progress_bar_enabled()
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    try:
        yield
    finally:
        library.logging.set_verbosity(before)
        if bars:
            library.logging.enable_progress_bar()


def open_dit(checkpoint: str | Path, timestep: int | None = None, loading: hub.Loading = hub.Loading()) -> DiTReader:
    """Open a diffusion transformer of `diffusers`: a pipeline's folder or hub id, or the folder of a bare transformer.

    Raises
    ------
    InputError
        If it is to be spread over devices.
    MissingExtraError
        If diffusers is not installed.
    RosettaError
        If the folder holds no DiT, or its weights cannot be loaded.
    """
    try:
        import diffusers
    except ImportError as error:
        raise MissingExtraError("diffusers", "diffusion") from error
    rule = "spreads only models of transformers; a diffusion transformer needs one device"
    require(loading.device_map is None, "--device-map", loading.device_map, rule, "--device cuda")
    library: Any = diffusers  # its names are made on demand
    index, folder = _index(checkpoint), expanded(checkpoint)
    name, revision = to_read(checkpoint)
    safe = {"use_safetensors": None if loading.pickled else True}  # of pickles diffusers reads tensors alone

    def part(kind: Any, subfolder: str, **options: Any) -> Any:
        where = {"subfolder": subfolder} if index is not None else {}
        require_sizes(f"{checkpoint} ({subfolder})", SimpleNamespace(**kind.load_config(name, **where, **revision)))
        return kind.from_pretrained(name, **where, **revision, **options)

    def has(subfolder: str) -> bool:
        return (folder / subfolder).is_dir() if folder.is_dir() else subfolder in (index or {})

    def opened(kind: Any, subfolder: str) -> Any:
        with _quiet(library), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what diffusers asks of the hub's client in words that have changed
            return hub.moved(part(kind, subfolder, **safe).eval(), loading.device)

    model = encoder = None
    try:
        with _quiet(library), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            where = {"subfolder": "transformer"} if index is not None else {}
            kind = library.DiTTransformer2DModel.load_config(name, **where, **revision).get("_class_name")
            if kind in PROJECTIONS:
                again = partial(opened, getattr(library, kind), "transformer")
                encoder_again = partial(opened, library.AutoencoderKL, "vae")
                model, encoder = again(), encoder_again() if has("vae") else None
            scheduler = part(library.DDPMScheduler, "scheduler") if has("scheduler") else library.DDPMScheduler()
    except RosettaError:
        raise
    except Exception as error:
        raise RosettaError(f"{checkpoint}: cannot be loaded ({first_line(error)})") from error
    if model is None:
        raise RosettaError(f"{checkpoint}: unknown diffusion model {kind!r} (known: {', '.join(PROJECTIONS)})")
    encoder = None if encoder is None else Reopened(encoder, encoder_again)
    return DiTReader(str(checkpoint), model, scheduler, encoder, TIMESTEP if timestep is None else timestep, again)


def _noise(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the noise of one image, decided by its pixels."""
    seed = zlib.crc32(np.ascontiguousarray(image).tobytes())
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
