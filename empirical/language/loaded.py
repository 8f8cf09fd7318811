"""Models that are loaded already, beside their tokenizers, and their state, which a measurement leaves as it was."""

from __future__ import annotations

import copy
import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...lazy import imported

HOLDERS = ("model", "_model", "_module", "auto_model")  # attributes in which objects hold a model of transformers
CAPTURE = "rosettalaw.match({'layer name': activations}, …) with activations that you captured"


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory with its tokenizer.

    Attributes
    ----------
    name : str
        Name in messages and results.
    model : torch.nn.Module
        A model of transformers; the part without its head is read.
    tokenizer : object
        Its fast tokenizer; a copy, so that the user's stays as it is.
    """

    name: str
    model: Any
    tokenizer: Any

    def __str__(self) -> str:
        return self.name

    @property
    def config(self) -> Any:
        """Configuration of the model."""
        return self.model.config

    @property
    def body(self) -> Any:
        """The model without its head."""
        return getattr(self.model, "base_model", self.model)

    def fingerprint(self) -> list[Any]:
        """Return the facts that distinguish these weights from others: a checksum of each tensor's first numbers."""
        digest = 0
        for key, weight in self.body.state_dict().items():
            some = weight.detach().flatten()[:64].double().cpu().numpy()
            digest = zlib.crc32(some.tobytes(), zlib.crc32(f"{key}{tuple(weight.shape)}".encode(), digest))
        return [self.name, digest]


def is_model(value: Any) -> bool:
    """Return whether a value is a torch module or holds a model of transformers; nothing is imported to look."""
    torch = imported("torch")
    return torch is not None and (isinstance(value, torch.nn.Module) or _held(value) is not None)


def _held(value: Any) -> Any:
    """Return the model of transformers that an object holds, such as a pipeline or a model of nnsight; None without."""
    transformers = imported("transformers.modeling_utils")
    if transformers is None or hasattr(value, "keys") or isinstance(value, type):
        return None
    values = (getattr(value, "__dict__", {}).get(name) for name in HOLDERS)
    return next((one for one in values if isinstance(one, transformers.PreTrainedModel)), None)


def unwrapped(value: Any, argument: str) -> Any:
    """Return the model of transformers within a wrapper: an adapter's, a sentence encoder's, one for several devices.

    Raises
    ------
    InputError
        If it holds several.
    """
    modeling = imported("transformers.modeling_utils")
    value = value if hasattr(value, "named_modules") else _held(value)
    if modeling is None or isinstance(value, modeling.PreTrainedModel):
        return value
    within: dict[str, Any] = {}
    for name, module in value.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in within)
        if isinstance(module, modeling.PreTrainedModel) and not inside:
            within[name] = module
    if len(within) > 1:
        rule = f"holds several models of transformers: {', '.join(within)}"
        raise InputError(
            argument, type(value).__name__, rule, f"{argument.removeprefix('model_')}.{next(iter(within))}"
        )
    return next(iter(within.values()), value)


def loaded(model: Any, tokenizer: Any, side: str) -> LoadedModel:
    """Return a loaded model with a copy of its tokenizer.

    Parameters
    ----------
    model : torch.nn.Module
        A model of transformers, or an object that holds one.
    tokenizer : tokenizer or str
        Its fast tokenizer, or the folder or hub id of one; by default the one that the object holds.
    side : str
        "a" or "b".

    Raises
    ------
    InputError
        If the model is not one of transformers, or there is no fast tokenizer.
    """
    argument, kind = f"model_{side}", type(model).__name__
    tokenizer = getattr(model, "tokenizer", None) if tokenizer is None else tokenizer
    model = unwrapped(model, argument)
    if not hasattr(model, "config") or not hasattr(model.config, "model_type"):
        rule = "has no transformers configuration, so its neurons are unknown"
        raise InputError(argument, kind, rule, CAPTURE)
    if not _reads_text(model.config):
        rule = "reads no text: its configuration has no vocab_size"
        raise InputError(argument, kind, rule, "rosettalaw.match('folder-a', 'folder-b', images=folder) for vision")
    empty = [name for name, weight in model.named_parameters() if weight.is_meta]
    if empty:
        rule = f"has no numbers in {len(empty)} of its weights, which are on the device meta, such as {empty[0]}"
        raise InputError(
            argument, kind, rule, "from_pretrained(folder) without device_map='meta' or init_empty_weights"
        )
    place = getattr(model, "name_or_path", "") or ""
    name = f"{Path(place).name if place else kind} ({argument})"
    return LoadedModel(name, model, _tokenizer(tokenizer, side))


def _reads_text(config: Any) -> bool:
    from .positions import text_part

    return hasattr(text_part(config), "vocab_size")


def _tokenizer(tokenizer: Any, side: str) -> Any:
    argument = f"tokenizer_{side}"
    example = f"{argument}=transformers.AutoTokenizer.from_pretrained('the same checkpoint')"
    if tokenizer is None:
        raise InputError(argument, None, "must be given with a loaded model", example)
    if isinstance(tokenizer, str | Path):
        from ..checkpoints.hub import open_tokenizer

        return open_tokenizer(tokenizer)
    if type(tokenizer).__module__.partition(".")[0] == "tokenizers":
        from transformers import PreTrainedTokenizerFast

        tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    if isinstance(tokenizer, type):
        raise InputError(argument, tokenizer.__name__, "is a class, not an object of it", example)
    if not getattr(tokenizer, "is_fast", False):
        rule = "must be a fast tokenizer, which gives the characters of each token"
        raise InputError(argument, type(tokenizer).__name__, rule, example)
    own = copy.deepcopy(tokenizer)
    own.split_special_tokens = True  # in a text, the name of a special token is text like any other
    return own


@contextmanager
def unchanged(*models: Any) -> Iterator[None]:
    """Set models to evaluation meanwhile; leave training modes, attention, hooks and random numbers as they were.

    Hooks that an interrupted reading has left are taken away, also where an error's traceback keeps the reading alive.
    """
    import torch

    modules = [module for model in models for module in model.modules()]
    modes = [module.training for module in modules]
    hooks = [set(module._forward_pre_hooks) for module in modules]
    # Another kind of attention (`hub.attend_fully`) has modules of its own.
    attending = [(module, module.attention_type, dict(module._modules)) for module in modules if _has_kinds(module)]
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002  # kept, not used
    devices = sorted({weight.device.index or 0 for model in models for weight in model.parameters() if weight.is_cuda})
    try:
        with torch.random.fork_rng(devices=devices):
            for module in modules:
                module.training = False
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        for module, kind, parts in attending:
            module.attention_type = kind
            module._modules.update(parts)
        for module, mode, before in zip(modules, modes, hooks, strict=True):
            module.training = mode
            for key in set(module._forward_pre_hooks) - before:
                del module._forward_pre_hooks[key]


def _has_kinds(module: Any) -> bool:
    """Return whether a module has several kinds of attention, as BigBird's have."""
    return hasattr(module, "attention_type") and hasattr(module, "set_attention_type")
