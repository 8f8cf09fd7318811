"""Quantised weights: read with a note, or refused before anything else is read.

`transformers` reads some kinds with libraries of their own and turns others into plain weights; a file of GGUF always.
The quantiser of each kind knows whether its library is installed and its device present.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...console import say
from ...errors import RosettaError, panics_as_errors

OTHER = "activations differ from those of the original model"


def note_quantised(name: str, config: Any, gguf: bool = False) -> None:
    """Say that a checkpoint's weights are quantised, where its configuration says so.

    Parameters
    ----------
    name : str
        Name of the checkpoint in messages.
    config : PretrainedConfig
        Its configuration.
    gguf : bool
        Whether it is a GGUF file, which says so in another way.

    Raises
    ------
    RosettaError
        If they cannot be read on this machine: a library is missing, or a GPU.
    """
    if gguf:
        say(f"{name}: its weights may be quantised, as GGUF files mostly are; its activations differ then")
    settings = _settings(config)
    if not settings:
        return
    method = settings.get("quant_method") if isinstance(settings, dict) else getattr(settings, "quant_method", "")
    kind = str(getattr(method, "value", method) or "of no known kind")
    problem = _problem(settings)
    if problem:
        raise RosettaError(
            f"{name}: its weights are quantised ({kind}) and cannot be read here: {problem}. Try: the checkpoint "
            "before it was quantised, or one whose weights were saved as float16"
        )
    say(f"{name}: its weights are quantised ({kind}); {OTHER}")


def _settings(config: Any) -> Any:
    """Return the settings of a quantisation, of the whole model or of its part for text."""
    parts = (config, getattr(config, "text_config", None))
    return next((one for part in parts if (one := getattr(part, "quantization_config", None))), None)


def _problem(settings: Any) -> str:
    """Return why `transformers` cannot read a quantisation here; "" where it can, or takes the weights as they are."""
    from transformers.quantizers.auto import AutoHfQuantizer

    own = copy.deepcopy(settings)
    try:
        with panics_as_errors():
            if isinstance(own, dict) and not AutoHfQuantizer.supports_quant_method(own):
                return ""
            AutoHfQuantizer.from_config(own, pre_quantized=True).validate_environment(
                device_map=None, weights_only=True
            )
    except Exception as error:  # whatever a kind raises that is not complete
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return lines[0][:200].rstrip(".")
    return ""


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep the progress bar of `transformers` for GGUF files from the terminal meanwhile; it has no switch."""
    module = sys.modules.get("transformers.modeling_gguf_pytorch_utils")
    bar = getattr(module, "tqdm", None)
    if module is None or bar is None:
        yield
        return
    vars(module)["tqdm"] = lambda some, **_options: some
    try:
        yield
    finally:
        vars(module)["tqdm"] = bar
