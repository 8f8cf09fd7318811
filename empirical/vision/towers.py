"""Vision towers of `transformers`: which module holds the neurons, which tokens are no patches, how an image enters.

One entry per architecture in `TOWERS`. A neuron is a coordinate of the input of the MLP's output projection; in gated
MLPs (DINOv2 giant, DINOv3) that is the product of the activated gate and the linear part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...disk import expanded
from ...errors import InputError, MissingExtraError, RosettaError, require
from ..checkpoints import architectures, hub
from ..checkpoints.locations import to_read
from ..checkpoints.reopened import OfReopened, Reopened

AT_ONCE = 1 << 26  # bytes of decoded images that a processor gets at once


def _class_and_registers(model: Any) -> dict[str, int]:
    return {"class token": 1, "register tokens": int(getattr(model.config, "num_register_tokens", 0))}


def _class_alone(model: Any) -> dict[str, int]:
    return {"class token": 1}


def _class_and_distillation(model: Any) -> dict[str, int]:
    return {"class token": 1, "distillation token": 1}


def _of_timm(model: Any) -> dict[str, int]:
    return {"prefix tokens": int(model.timm_model.num_prefix_tokens)}


def _none(model: Any) -> dict[str, int]:
    return {}


@dataclass(frozen=True)
class Tower:
    """One architecture.

    Attributes
    ----------
    projections : tuple of str
        Name of the MLP output projection, ``*`` for the layer, one for each kind of MLP that it may be built with.
    prefix : callable
        From the model to the tokens before the patches, by kind.
    halving : bool
        Whether later stages have half as many rows and columns (Swin, ConvNeXt).
    """

    projections: tuple[str, ...]
    prefix: Callable[[Any], dict[str, int]]
    halving: bool = False


TOWERS: dict[str, Tower] = {  # `model_type` of the vision part's configuration
    "beit": Tower(("layers.*.mlp.fc2", "encoder.layer.*.output.dense"), _class_alone),
    "clip_vision_model": Tower(("encoder.layers.*.mlp.fc2",), _class_alone),
    "convnext": Tower(("encoder.stages.*.layers.*.pwconv2",), _none, halving=True),
    "convnextv2": Tower(("encoder.stages.*.layers.*.pwconv2",), _none, halving=True),
    "data2vec-vision": Tower(("encoder.layer.*.output.dense",), _class_alone),
    "deit": Tower(("layers.*.mlp.fc2",), _class_and_distillation),
    "dinov2": Tower(("encoder.layer.*.mlp.fc2", "encoder.layer.*.mlp.down_proj"), _class_alone),
    "dinov2_with_registers": Tower(("encoder.layer.*.mlp.fc2", "encoder.layer.*.mlp.down_proj"), _class_and_registers),
    "dinov3_convnext": Tower(("model.stages.*.layers.*.pointwise_conv2",), _none, halving=True),
    "dinov3_vit": Tower(("model.layer.*.mlp.down_proj",), _class_and_registers),
    "ijepa": Tower(("layers.*.mlp.fc2",), _none),
    "sam_vision_model": Tower(("vision_encoder.layers.*.mlp.lin2",), _none),
    "siglip_vision_model": Tower(("encoder.layers.*.mlp.fc2",), _none),
    "swin": Tower(("encoder.layers.*.blocks.*.mlp.fc2", "encoder.layers.*.blocks.*.output.dense"), _none, halving=True),
    "swinv2": Tower(("encoder.layers.*.blocks.*.output.dense",), _none, halving=True),
    "timm_wrapper": Tower(("timm_model.blocks.*.mlp.fc2",), _of_timm),
    "vit": Tower(("layers.*.mlp.fc2",), _class_alone),
    "vit_mae": Tower(("layers.*.mlp.fc2",), _class_alone),
}
# A vision tower beside other parts in one checkpoint.
COMPOSITE = {
    "clip": "CLIPVisionModel",
    "paligemma": "SiglipVisionModel",
    "sam": "SamVisionModel",
    "siglip": "SiglipVisionModel",
}
# Names of its weights there -> names in the tower, where `transformers` does not know them.
RENAMED = {"paligemma": {r"^(model\.)?vision_tower\.(vision_model\.)?": ""}}
STEM = 4  # pixels that the first map of an architecture without `patch_size` takes together


class TowerReader(OfReopened):
    """A vision tower that reads images.

    Parameters
    ----------
    name : str
        What messages call the model.
    model : torch.nn.Module
        The tower without a head.
    process : callable
        From a list of images to pixel values of shape (images, 3, height, width).
    tower : Tower, optional
        Where its neurons are, for an architecture without an entry in `TOWERS`.
    again : callable, optional
        Opens the same model again. With it the weights may be given up between two readings (`release`).

    Attributes
    ----------
    halving : bool
        Whether later stages have half as many rows and columns.
    pixels : pair of int
        Height and width of the images that the model reads; (0, 0) until it runs.

    Raises
    ------
    RosettaError
        If the architecture is unknown; the message lists what could be meant.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        process: Process,
        tower: Tower | None = None,
        again: Callable[[], Any] | None = None,
    ):
        self.name, self._weights, self._process, self._tower = name, Reopened(model, again), process, tower
        entry = tower or TOWERS.get(model.config.model_type)
        self._read = model, self._projections_of(model)
        self.prefix = entry.prefix(model) if entry else {}
        self.halving = entry.halving if entry else False
        self.patch, self.pixels = _patch(model), (0, 0)

    @property
    def projections(self) -> list[Any]:
        """The MLP output projections, in the order of the layers."""
        model = self.model
        if self._read[0] is not model:  # it was opened again
            self._read = model, self._projections_of(model)
        return self._read[1]

    def release(self) -> None:
        """Give up the weights' memory until images are read again."""
        self._weights.release()

    def _projections_of(self, model: Any) -> list[Any]:
        kind = model.config.model_type
        entry = self._tower or TOWERS.get(kind)
        # Without an entry the error lists the known entries, and the parts of this model.
        table = {kind: _present(model, entry.projections)} if entry else {name: "" for name in TOWERS}
        return architectures.output_projections(model, kind, self.name, table=table)

    def read(self, images: Sequence[np.ndarray]) -> tuple[int, int]:
        """Run the model over images; return height and width of its input."""
        import torch

        model = self.model
        pixels = torch.from_numpy(processed(self._process, images)).to(self.device)
        self.pixels = int(pixels.shape[2]), int(pixels.shape[3])
        options: dict[str, Any] = {}
        if model.config.model_type == "vit_mae":
            # Its patches are shuffled even when none is hidden: this order leaves them in place.
            count = (pixels.shape[2] // self.patch[0]) * (pixels.shape[3] // self.patch[1])
            options["noise"] = torch.arange(count, dtype=torch.float32, device=pixels.device).expand(len(pixels), -1)
        try:
            model(pixel_values=pixels, **options)
        except ValueError as error:
            raise RosettaError(
                f"{self.name}: cannot read images of {tuple(pixels.shape[2:])} pixels ({error})"
            ) from error
        return self.pixels

    def untrained(self, seed: int) -> TowerReader:
        """Return the same architecture with random weights."""
        config, device = self._weights.known.config, self.device

        def make() -> Any:
            return prepared(hub.untrained_model(config, seed)).to(device)

        return TowerReader(f"{self.name} (untrained, seed {seed})", make(), self._process, self._tower, make)


Process = Callable[[Sequence[np.ndarray]], np.ndarray]


def processed(process: Process, images: Sequence[np.ndarray], at_once: int = AT_ONCE) -> np.ndarray:
    """Return a batch of images as a model reads them, `at_once` bytes of them (or one image) in memory at a time."""
    parts, group, size = [], [], 0
    for image in images:
        if group and size + image.nbytes > at_once:
            parts.append(process(group))
            group, size = [], 0
        group.append(image)
        size += image.nbytes
    parts.append(process(group))
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def open_tower(checkpoint: str | Path, loading: hub.Loading = hub.Loading(), pattern: str | None = None) -> TowerReader:
    """Open the vision tower of a checkpoint (a folder or a hub id), with its own preprocessing.

    Parameters
    ----------
    loading : Loading
        Where the weights go.
    pattern : str, optional
        For an architecture without an entry in `TOWERS`: see `by_hand`.

    Raises
    ------
    RosettaError
        If it is not a vision model that is known, or its weights or preprocessing cannot be used.
    """
    config = hub.open_config(checkpoint)
    if config.model_type in COMPOSITE:
        import transformers

        kind = getattr(transformers, COMPOSITE[config.model_type])
        opened = partial(
            hub.open_model, checkpoint, config.vision_config, kind, loading, RENAMED.get(config.model_type)
        )
    else:
        if config.model_type == "vit_mae":
            config.mask_ratio = 0.0
        opened = partial(hub.open_model, checkpoint, config, loading=loading)
    model = prepared(opened())
    known = pattern is not None or model.config.model_type in TOWERS  # else the reader says what is
    process = open_processor(checkpoint, model.config) if known else np.stack
    return TowerReader(
        str(checkpoint), model, process, by_hand(pattern) if pattern else None, lambda: prepared(opened())
    )


def by_hand(pattern: str) -> Tower:
    """Return a tower named by hand: its output projection, with the tokens before the patches after a colon.

    ``layers.*.mlp.fc2:1`` has one class token, ``layers.*.mlp.fc2`` none.

    Raises
    ------
    InputError
        If what follows the colon is not a number.
    """
    projection, colon, number = pattern.partition(":")
    rule = "must be a module's name with * for the layer, and the number of tokens before the patches after a colon"
    require(number.isdecimal() or not colon, "--pattern", pattern, rule, "--pattern-a 'layers.*.mlp.fc2:1'")
    return Tower((projection,), lambda model: {"prefix tokens": int(number)} if number else {})


def prepared(model: Any) -> Any:
    """Fill a masked autoencoder's fixed position table where it was left at zero; other models stay as they are.

    `transformers` makes the table when pretraining begins, but a model made from a configuration alone has zeros.
    """
    if model.config.model_type == "vit_mae" and not model.embeddings.position_embeddings.any():
        model.embeddings.initialize_weights()
        if not model.embeddings.position_embeddings.any():  # refused: the weights count as initialised already
            model.embeddings.position_embeddings.data.copy_(_sine_positions(model.config))
    return model


def _sine_positions(config: Any) -> Any:
    """Return the fixed table (1, 1 + patches, width): sin and cos of the column, then of the row; zeros for the class.

    For quarter width q and cell coordinate u: sin(u ω_i), cos(u ω_i), ω_i = 10000^(−i/q), i = 0 … q − 1.
    """
    import torch

    side, quarter = config.image_size // config.patch_size, config.hidden_size // 4
    omega = 10_000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    angles = [axis.flatten()[:, None] * omega for axis in (columns, rows)]
    table = torch.cat([part for angle in angles for part in (angle.sin(), angle.cos())], dim=1)
    return torch.cat([torch.zeros(1, table.shape[1]), table])[None].float()


@hub.quiet_transformers()
def open_processor(checkpoint: str | Path, config: Any) -> Process:
    """Return a checkpoint's own preprocessing; without one, floating-point arrays are read as they are."""
    path = expanded(checkpoint)
    if config.model_type == "timm_wrapper":
        return of_timm(checkpoint)
    files = ("preprocessor_config.json", "processor_config.json")
    if path.is_dir() and not any((path / file).is_file() for file in files):
        return as_they_are(str(checkpoint), config)
    try:
        from transformers import AutoImageProcessor, ViTImageProcessorPil
    except ImportError as error:
        raise MissingExtraError("pillow", "vision") from error
    name, options = to_read(checkpoint)
    try:
        if config.model_type == "dinov3_vit":
            # Its own class needs torchvision; this one resizes, rescales and normalises by the same settings.
            processor = ViTImageProcessorPil.from_pretrained(name, **options)
        else:
            processor = AutoImageProcessor.from_pretrained(name, backend="pil", trust_remote_code=False, **options)
    except Exception as error:
        raise RosettaError(f"{checkpoint}: its preprocessing cannot be used ({error})") from error

    def process(images: Sequence[np.ndarray]) -> np.ndarray:
        _require_whole_numbers(checkpoint, images)
        # An image of one or three rows could else be taken for one with its channels first.
        options: dict[str, Any] = {"return_tensors": "np", "input_data_format": "channels_last"}
        return np.stack(processor(list(images), **options)["pixel_values"]).astype(np.float32)

    return process


def of_timm(checkpoint: str | Path) -> Process:
    """Return the preprocessing of a checkpoint of timm, which is part of its configuration.

    Raises
    ------
    RosettaError
        If timm or torchvision is missing, or the configuration says nothing of images.
    """
    from transformers.models.timm_wrapper.image_processing_timm_wrapper import TimmWrapperImageProcessor

    name, options = to_read(checkpoint)
    try:
        processor = TimmWrapperImageProcessor.from_pretrained(name, **options)
    except Exception as error:
        raise RosettaError(
            f"{checkpoint}: its preprocessing cannot be used ({error}). Try: pip install timm torchvision"
        ) from error

    def process(images: Sequence[np.ndarray]) -> np.ndarray:
        _require_whole_numbers(checkpoint, images)
        return processor(list(images), return_tensors="pt")["pixel_values"].numpy().astype(np.float32)

    return process


def _require_whole_numbers(checkpoint: str | Path, images: Sequence[np.ndarray]) -> None:
    for image in images:
        if image.dtype != np.uint8:
            rule = "must be uint8, 0 to 255: the checkpoint rescales and normalises them itself"
            raise InputError("images", f"{image.dtype} for {checkpoint}", rule)


def as_they_are(name: str, config: Any) -> Process:
    """Return the preprocessing of a checkpoint that has none: channels first, nothing else."""
    size = getattr(config, "image_size", None)
    if size is None:
        raise RosettaError(f"{name}: does not state the size of its images, and has no preprocessor_config.json")
    height, width = (size, size) if isinstance(size, int) else size

    def process(images: Sequence[np.ndarray]) -> np.ndarray:
        for image in images:
            if image.dtype == np.uint8 or image.shape[:2] != (height, width):
                rule = (
                    f"must be floating-point numbers of {height} × {width} pixels: it has no preprocessor_config.json"
                )
                raise InputError("images", f"{image.dtype} of shape {image.shape} for {name}", rule)
        return np.ascontiguousarray(np.stack(list(images)).transpose(0, 3, 1, 2), dtype=np.float32)

    return process


def _patch(model: Any) -> tuple[int, int]:
    """Return height and width, in pixels, of the patches that a model reads."""
    timm = getattr(model, "timm_model", None)  # whose configuration states the name of an architecture alone
    patch = getattr(model.config, "patch_size", STEM) if timm is None else timm.patch_embed.patch_size
    return (patch, patch) if isinstance(patch, int) else (patch[0], patch[1])


def _present(model: Any, patterns: tuple[str, ...]) -> str:
    """Return the pattern whose modules this model has, in its first layer."""
    names = {name for name, _ in model.named_modules()}
    return next((pattern for pattern in patterns if pattern.replace("*", "0") in names), patterns[0])
