"""Features of a sparse autoencoder that reads the residual stream.

    f(x) = act((x − c) W + b)        x of shape (tokens, width), W of shape (width, features)

c is the decoder's bias where the autoencoder subtracts it. The activation is a ReLU; or a JumpReLU, which keeps z where
z exceeds its feature's threshold; or the k largest of each token. Weights are read from a ``.safetensors`` or ``.npz``
file with ``W_enc``, ``b_enc``, and, where they exist, ``b_dec`` and ``threshold``, beside a ``cfg.json``. SAELens and
Gemma Scope use these names. Features are numbered within the layer of the block that they read.
"""

from __future__ import annotations

import json
import re
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...disk import expanded
from ...errors import ForeignFileError, InputError, MissingFileError
from ..checkpoints.architectures import ModelParts
from .site import Site

KINDS = ("standard", "jumprelu", "topk", "batchtopk")
AT_LAYER = re.compile(r"^(.*)@(\d+)$")


class Autoencoder(Site):
    """Features of one sparse autoencoder.

    Parameters
    ----------
    words : str
        Folder or file of the weights; ``PATH@LAYER`` for the output of block LAYER, where no ``cfg.json`` says it.

    Raises
    ------
    RosettaError
        If there is no such file, its arrays do not fit together, or it is of a kind that is not known.
    """

    of, word = "output", "sae"

    def __init__(self, words: str):
        stated = AT_LAYER.match(words)
        self._path = expanded(stated[1] if stated else words)
        self._words = words
        config = self._config()
        self._layer = int(stated[2]) if stated else _layer(config, words)
        self._arrays = _arrays(self._path)
        self._kind, self._k, self._subtracts = _settings(config, self._arrays, words)

    def modules(self, places: ModelParts) -> list[Any]:
        """Return the block whose output the autoencoder reads."""
        blocks = places.blocks()
        if self._layer < 0:
            rule = "reads the stream before block 0, which no block writes"
            raise InputError("--site", str(self), rule, "an autoencoder of a block's output")
        if not 0 <= self._layer < len(blocks):
            raise InputError("--site", str(self), f"{places.name} has the blocks 0 to {len(blocks) - 1}", f"{self}@0")
        width, stream = len(self._arrays["W_enc"]), places.stream()
        if width != stream:
            rule = f"reads a residual stream of width {width}; that of {places.name} is {stream} wide"
            raise InputError("--site", str(self), rule, "the autoencoder of this model")
        return [blocks[self._layer]]

    def width(self, module: Any, places: ModelParts) -> int:
        """Return the number of features."""
        return self._arrays["W_enc"].shape[1]

    def layers(self, modules: list[Any]) -> list[int]:
        """Return the number of the block."""
        return [self._layer]

    def units(self, values: Any) -> Any:
        """Return the features of some tokens, float32."""
        import torch

        weights = self._tensors(values.device)
        entered = values.float() - weights["b_dec"] if self._subtracts else values.float()
        before = torch.addmm(weights["b_enc"], entered, weights["W_enc"])
        if self._kind == "jumprelu":
            return before * (before > weights["threshold"])
        if self._kind == "topk":
            top = before.topk(self._k, dim=1)
            return torch.zeros_like(before).scatter_(1, top.indices, top.values.clamp(min=0))
        return before.clamp_(min=0)

    def facts(self) -> list[Any]:
        """Return a checksum of the weights, and the layer."""
        return ["sae", self._checksum, self._layer, self._kind, self._k, self._subtracts]

    def __str__(self) -> str:
        return f"sae:{self._words}"

    @cached_property
    def _checksum(self) -> int:
        digest = 0
        for name in sorted(self._arrays):
            digest = zlib.crc32(np.ascontiguousarray(self._arrays[name]).data, zlib.crc32(name.encode(), digest))
        return digest

    def _tensors(self, device: Any) -> dict[str, Any]:
        import torch

        if getattr(self, "_device", None) != device:
            self._device = device
            self._on_device = {name: torch.from_numpy(array).to(device) for name, array in self._arrays.items()}
        return self._on_device

    def _config(self) -> dict[str, Any]:
        """Return the settings beside the weights; empty without them."""
        folder = self._path if self._path.is_dir() else self._path.parent
        file = folder / "cfg.json"
        if not file.is_file():
            return {}
        try:
            config = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ForeignFileError(f"{file}: cannot be read as JSON ({type(error).__name__})") from error
        return config if isinstance(config, dict) else {}


def _layer(config: dict[str, Any], words: str) -> int:
    """Return the block whose output is read: ``hook_resid_post`` of block n, ``hook_resid_pre`` of block n + 1."""
    metadata = config.get("metadata")
    hook = str(config.get("hook_name") or (metadata.get("hook_name") if isinstance(metadata, dict) else "") or "")
    match = re.fullmatch(r"blocks\.(\d+)\.hook_resid_(pre|post)", hook)
    if match is None:
        rule = f"reads {hook!r}; only residual streams are known" if hook else "does not say which block it reads"
        place = words if expanded(words).exists() else words.rpartition("@")[0] or words
        raise InputError("--site", f"sae:{words}", rule, f"--site sae:{place}@6, for the output of block 6")
    return int(match[1]) - (match[2] == "pre")


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the weights as float32, checked."""
    file = path
    if path.is_dir():
        files = sorted([*path.glob("*.safetensors"), *path.glob("*.npz")])
        if len(files) != 1:
            present = ", ".join(one.name for one in files) or "none"
            raise MissingFileError(
                f"{path}: must hold one .safetensors or .npz file of an autoencoder; it has {present}"
            )
        file = files[0]
    elif not path.is_file():
        raise MissingFileError(f"{path}: no such autoencoder. Try: --site sae:FOLDER with W_enc and b_enc inside")
    try:
        if file.suffix == ".npz":
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
                names = list(stored.files)
                arrays = {name: _float32(stored[name]) for name in WEIGHTS if name in stored.files}
        else:
            from safetensors.torch import load_file

            tensors = load_file(file)
            names = list(tensors)
            arrays = {name: _float32(value.float().numpy()) for name, value in tensors.items() if name in WEIGHTS}
    except Exception as error:
        raise ForeignFileError(f"{file}: cannot be read as an autoencoder ({type(error).__name__})") from error
    if not {"W_enc", "b_enc"} <= set(arrays) or arrays["W_enc"].ndim != 2:
        present = ", ".join(names[:8]) + ", …" * (len(names) > 8) or "no arrays"
        raise ForeignFileError(f"{file}: must have W_enc (width × features) and b_enc; it has {present}")
    width, features = arrays["W_enc"].shape
    if arrays["b_enc"].shape == (width,) != (features,):
        raise ForeignFileError(
            f"{file}: W_enc must be of shape width × features, with {width} features as in b_enc; it is of shape "
            f"{(width, features)}. Try: save W_enc.T"
        )
    for name, array in arrays.items():
        expected = {"W_enc": (width, features), "b_dec": (width,)}.get(name, (features,))
        if array.shape != expected or not array.size or not np.isfinite(array).all():
            raise ForeignFileError(f"{file}: {name} must be finite, of shape {expected}; it is of shape {array.shape}")
    return arrays


def _float32(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise TypeError(f"of type {array.dtype}")
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, which is refused
        return np.ascontiguousarray(array, dtype=np.float32)


WEIGHTS = ("W_enc", "b_enc", "b_dec", "threshold")


def _settings(config: dict[str, Any], arrays: dict[str, np.ndarray], words: str) -> tuple[str, int, bool]:
    """Return the kind of activation, the k of the k largest, and whether the decoder's bias is subtracted."""
    kind = config.get("architecture") or ("jumprelu" if "threshold" in arrays else "standard")
    activation = str(config.get("activation_fn_str") or config.get("activation_fn") or "relu")
    if kind == "standard" and activation == "topk":
        kind = "topk"
    site = f"sae:{words}"
    if kind not in KINDS or activation not in ("relu", "topk"):
        rule = f"is of the kind {kind}, {activation}; known: {', '.join(KINDS)}"
        raise InputError("--site", site, rule, "an autoencoder of a known kind")
    if config.get("normalize_activations") not in (None, "none"):
        rule = f"scales its input ({config['normalize_activations']}), which is not supported"
        raise InputError("--site", site, rule, "the autoencoder with the scale folded into its weights")
    if kind in ("jumprelu", "batchtopk") and "threshold" not in arrays:
        raise InputError("--site", site, f"is a {kind} without a threshold", "the complete file")
    further = config.get("activation_fn_kwargs")
    k = config.get("k") or (further.get("k") if isinstance(further, dict) else 0) or 0
    if kind == "topk" and not (isinstance(k, int) and 0 < k <= arrays["W_enc"].shape[1]):
        raise InputError("--site", site, f"keeps the k largest, but k is {k}", 'cfg.json with "k": 32')
    subtracts = bool(config.get("apply_b_dec_to_input", "threshold" not in arrays)) and "b_dec" in arrays
    return ("jumprelu" if kind == "batchtopk" else kind), int(k) if kind == "topk" else 0, subtracts
