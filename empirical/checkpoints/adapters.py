"""Adapters: a folder of `peft` with the difference to a base model, which is merged into it.

    adapter_config.json → the base model's configuration, tokenizer and weights → + Δ → a model like any other

The base is opened as the adapter's file names it, a folder or a hub id. Its own tokenizer is used where the adapter has
none.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...disk import expanded
from ...errors import ForeignFileError, InputError, RosettaError, panics_as_errors, require_extra

SETTINGS = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
CLASSES = {  # task of the adapter -> class of the model that it was trained with
    "CAUSAL_LM": "AutoModelForCausalLM",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
}


def base_of(checkpoint: str | Path) -> str | None:
    """Return the folder or hub id of an adapter's base model; None of a folder that is no adapter.

    Raises
    ------
    ForeignFileError
        If the adapter's settings cannot be read, or name no base.
    """
    folder = expanded(checkpoint)
    file = folder / SETTINGS
    if (folder / "config.json").is_file() or not file.is_file():
        return None
    base = _settings(file).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ForeignFileError(f"{file}: names no base model (base_model_name_or_path)")
    beside = folder / base
    place = beside if not expanded(base).is_dir() and beside.is_dir() else expanded(base)
    if (place / SETTINGS).is_file() and not (place / "config.json").is_file():
        raise ForeignFileError(f"{file}: its base is itself an adapter ({base}); merge that one first")
    if place is beside:
        return str(beside)
    revision = _settings(file).get("revision")
    stated = isinstance(revision, str) and revision and "@" not in base and not place.is_dir()
    return f"{base}@{revision}" if stated else base


def class_of(checkpoint: str | Path) -> Any:
    """Return the class of `transformers` of which the base model was when its adapter was trained."""
    import transformers

    task = _settings(expanded(checkpoint) / SETTINGS).get("task_type")
    return getattr(transformers, CLASSES.get(str(task), "AutoModel"))


def merged(checkpoint: str | Path, base: Any) -> Any:
    """Return the body of a base model with an adapter merged into its weights.

    Raises
    ------
    RosettaError
        If peft is not installed, the adapter is pickled, or does not fit: peft would leave parts of it out, or random.
    """
    require_extra("peft")
    import peft
    from safetensors import safe_open

    folder = expanded(checkpoint)
    if not (folder / WEIGHTS).is_file():
        rule = f"has no {WEIGHTS}; pickled adapters are not read"
        raise InputError("checkpoint", str(checkpoint), rule, "model.save_pretrained(folder, safe_serialization=True)")
    try:
        with panics_as_errors(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft's use of a name that transformers renamed
            warnings.filterwarnings("ignore", "Found missing adapter keys", UserWarning)  # an error below
            adapted: Any = peft.PeftModel.from_pretrained(base, str(folder))
            own = set(peft.get_peft_model_state_dict(adapted, save_embedding_layers=False))
            whole = own | set(adapted.state_dict())
            model = adapted.merge_and_unload()
    except Exception as error:
        lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
        reason = " ".join(lines[: 1 + lines[0].endswith(":")])[:200]
        raise RosettaError(f"{checkpoint}: cannot be merged into its base model ({reason})") from error
    with safe_open(folder / WEIGHTS, "pt") as file:
        stored = set(file.keys())
    _refuse(checkpoint, own - stored, "lacks weights for parts of its base model; they would be random")
    _refuse(checkpoint, stored - whole, "has weights for parts that its base model does not have")
    broken = [name for name, one in model.named_parameters() if not one.is_meta and not bool(one.isfinite().all())]
    _refuse(checkpoint, broken, "makes weights of its base model NaN or infinite")
    return getattr(model, "base_model", model)


def _refuse(checkpoint: str | Path, weights: Iterable[str], rule: str) -> None:
    some = sorted(weights)
    if some:
        more = f" and {len(some) - 2} more" if len(some) > 2 else ""
        raise RosettaError(
            f"{checkpoint}: {rule} ({', '.join(some[:2])}{more}). Try: the base model that it was trained on, as "
            f"base_model_name_or_path in {SETTINGS}"
        )


def _settings(file: Path) -> dict[str, Any]:
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ForeignFileError(f"{file}: cannot be read as JSON ({type(error).__name__})") from error
    if not isinstance(settings, dict):
        raise ForeignFileError(f"{file}: must be a table of settings")
    return settings
