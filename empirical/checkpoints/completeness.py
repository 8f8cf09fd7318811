"""Checks of a checkpoint: sizes before anything is built, and weights before anything is measured.

`transformers` fills weights that a file lacks with random numbers and says so in a log. Here they are errors.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...errors import RosettaError

WEIGHTS = "model.safetensors"

# Largest sizes of a configuration; the largest models so far stay ten times below them.
LIMITS = {
    "num_hidden_layers": 10_000,
    "n_layer": 10_000,
    "n_layers": 10_000,
    "num_layers": 10_000,
    "num_decoder_layers": 10_000,
    "encoder_layers": 10_000,
    "decoder_layers": 10_000,
    "num_attention_heads": 100_000,
    "n_head": 100_000,
    "hidden_size": 1_000_000,
    "n_embd": 1_000_000,
    "d_model": 1_000_000,
    "dim": 1_000_000,
    "intermediate_size": 10_000_000,
    "n_inner": 10_000_000,
    "ffn_dim": 10_000_000,
    "d_ff": 10_000_000,
    "vocab_size": 100_000_000,
    "max_position_embeddings": 1_000_000_000,
    "n_positions": 1_000_000_000,
    "num_key_value_heads": 100_000,
    "head_dim": 1_000_000,
    "attention_head_dim": 1_000_000,
    "embedding_size": 1_000_000,
    "type_vocab_size": 1_000_000,
    "num_experts": 1_000_000,
    "num_local_experts": 1_000_000,
    "n_routed_experts": 1_000_000,
    "image_size": 100_000,
    "sample_size": 100_000,
    "patch_size": 100_000,
    "num_channels": 100_000,
    "in_channels": 100_000,
    "out_channels": 100_000,
    "depths": 10_000,
    "embed_dim": 1_000_000,
    "num_embeds_ada_norm": 100_000_000,
    "norm_num_groups": 1_000_000,
    "block_out_channels": 1_000_000,
    "layers_per_block": 10_000,
}
# Sizes that are 0 where a model has no such part.
ABSENT = (
    "max_position_embeddings", "n_positions", "type_vocab_size", "num_experts", "num_local_experts",
    "n_routed_experts", "num_embeds_ada_norm", "norm_num_groups", "embedding_size", "head_dim",
)  # fmt: skip
MOST_PARTS = 1000  # entries of a size with one for each part, such as depths
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers")
WIDTHS = ("hidden_size", "n_embd", "d_model", "dim")
MOST_WEIGHTS = 10**14  # a thousand times those of the largest

# Parts of a checkpoint that no neuron needs: heads for tasks, and poolers behind the last layer.
HEADS = (
    "lm_head", "embed_out", "cls", "classifier", "pre_classifier", "score", "qa_outputs", "head", "heads", "pooler",
    "predictions", "generator_predictions", "generator_lm_head", "discriminator_predictions", "lm_predictions",
    "mask_predictions", "vocab_transform", "vocab_layer_norm", "vocab_projector", "mlm", "mtp", "final_logits_bias",
    "sop_classifier", "dense_head", "multiple_choice_head", "summary", "classification_head",
)  # fmt: skip
# Parts of a larger model beside its vision tower.
BESIDE_A_TOWER = (
    "text_model", "text_projection", "visual_projection", "logit_scale", "logit_bias", "language_model",
    "prompt_encoder", "mask_decoder", "shared_image_embedding",
    "multi_modal_projector", "text_decoder", "qformer", "query_tokens", "language_projection", "itm_head",
)  # fmt: skip
# Buffers that older versions saved and newer ones compute.
BUFFERS = (
    "position_ids",
    "token_type_ids",
    "inv_freq",
    "masked_bias",
    "attn.bias",
    "attention.bias",
    "relative_coords",
)
DECODER_OF_PRETRAINING = {"vit_mae": ("decoder", "mask_token"), "vit": ("decoder",), "deit": ("decoder",)}


def model_is_whole(folder: Path) -> bool:
    """Return whether the weights in the folder of a model are whole, in one file or in several that an index names."""
    index = folder / f"{WEIGHTS}.index.json"
    if not index.exists():
        return weights_are_whole(folder / WEIGHTS)
    try:
        files = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False
    return bool(files) and all(weights_are_whole(folder / name) for name in files)


def weights_are_whole(path: Path) -> bool:
    """Return whether a file of safetensors is there and as long as its head says; the numbers are not read."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > size:
                return False
            head = json.loads(file.read(length))
        ends = [one["data_offsets"][1] for name, one in head.items() if name != "__metadata__"]
        return bool(ends) and 8 + length + max(ends) == size
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error):
        return False


def require_sizes(name: str, config: Any) -> None:
    """Refuse a configuration with sizes that no model has, before anything is built from it.

    Parameters
    ----------
    name : str
        Name of the checkpoint in messages.
    config : PretrainedConfig
        Configuration, with those of its towers.

    Raises
    ------
    RosettaError
        If a size is not a positive integer, or too large.
    """
    for field, most in LIMITS.items():
        value = getattr(config, field, None)
        least = 0 if field in ABSENT else 1
        parts = value if isinstance(value, list | tuple) else [value]
        wrong = next((part for part in parts if not _possible(part, least, most)), None)
        if wrong is not None or len(parts) > MOST_PARTS:
            spelled = getattr(config, "attribute_map", {}).get(field, field)  # as this architecture's file has it
            raise RosettaError(
                f"{name}: its config.json says {spelled} = {str(value)[:40]}, which must be a whole number from 1 to "
                f"{most:,}. Try: the checkpoint as it was published"
            )
    layers, width = _first(config, LAYERS), _first(config, WIDTHS)
    if 12 * layers * width**2 > MOST_WEIGHTS:
        raise RosettaError(f"{name}: its config.json says {layers:,} layers of width {width:,}, larger than any model")
    for part in ("text_config", "vision_config"):
        inner = getattr(config, part, None)
        if inner is not None and inner is not config and not isinstance(inner, dict):
            require_sizes(f"{name} ({part})", inner)


def _possible(value: Any, least: int, most: int) -> bool:
    if value is None or isinstance(value, dict):
        return True
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and (least <= value <= most or value == -1)


def _first(config: Any, fields: Iterable[str]) -> int:
    values = (getattr(config, field, None) for field in fields)
    return next((value for value in values if isinstance(value, int)), 0)


def require_weights(name: str, model: Any, report: dict[str, Any], tower: bool = False) -> None:
    """Refuse a model whose file lacks weights of it, has others than it, or has some that are not numbers.

    Parameters
    ----------
    name : str
        Name of the checkpoint in messages.
    model : torch.nn.Module
        The model as loaded.
    report : dict
        The loading report of `from_pretrained`: ``missing_keys``, ``unexpected_keys``, ``mismatched_keys``.
    tower : bool
        Whether the file also contains other weights than the model's.

    Raises
    ------
    RosettaError
        The message names the first few weights.
    """
    apart = (*HEADS, *DECODER_OF_PRETRAINING.get(model.config.model_type, ()), *(BESIDE_A_TOWER if tower else ()))
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    own = dict(model.named_parameters())
    missing = [
        key
        for key in report.get("missing_keys", ())
        if key in own and key not in tied and not _is_part(key, ("pooler",))
    ]
    _refuse(name, missing, "its file lacks weights that config.json requires; they would be random")
    mismatched = [str(key[0] if isinstance(key, tuple | list) else key) for key in report.get("mismatched_keys", ())]
    _refuse(name, mismatched, "weights in its file have shapes that differ from config.json")
    unexpected = [
        key
        for key in report.get("unexpected_keys", ())
        if not _is_part(_within(model, key), apart) and not key.endswith(BUFFERS)
    ]
    _refuse(name, unexpected, "its file contains weights that config.json does not describe")
    broken = [key for key, value in own.items() if value.device.type != "meta" and not bool(value.isfinite().all())]
    _refuse(name, broken, "weights in its file are NaN or infinite")


def _is_part(key: str, parts: Iterable[str]) -> bool:
    """Return whether a weight lies in one of these parts, at the top or one level below."""
    return bool(set(key.split(".")[:2]).intersection(parts))


def _within(model: Any, key: str) -> str:
    """Return the name of a weight without the prefix that a model with a head gives to its body."""
    prefix = getattr(model, "base_model_prefix", "")
    return re.sub(rf"^{re.escape(prefix)}\.", "", key) if prefix else key


def _refuse(name: str, keys: Iterable[str], rule: str) -> None:
    keys = sorted(keys)
    if keys:
        shown = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
        raise RosettaError(f"{name}: {rule} ({shown}). Try: the complete checkpoint, saved again with save_pretrained")
