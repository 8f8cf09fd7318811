"""Places of the neurons: for each architecture, the module whose input are the MLP activations.

A neuron is one coordinate of the input of an MLP's output (down) projection (arXiv 2606.03990, section 3.1). One entry
per architecture; ``*`` stands for the layer's number in the name of the module within the base model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import RosettaError

# `model_type` of the configuration -> name of the output projection within the base model. In gated MLPs (Llama and its
# relatives) the input of `down_proj` is the product of the activated gate and the linear part.
OUTPUT_PROJECTION: dict[str, str] = {
    "bert": "encoder.layer.*.output.dense",
    "camembert": "encoder.layer.*.output.dense",
    "electra": "encoder.layer.*.output.dense",
    "gemma": "layers.*.mlp.down_proj",
    "gemma2": "layers.*.mlp.down_proj",
    "gemma3_text": "layers.*.mlp.down_proj",
    "gpt2": "h.*.mlp.c_proj",
    "gpt_neox": "layers.*.mlp.dense_4h_to_h",
    "llama": "layers.*.mlp.down_proj",
    "mpnet": "encoder.layer.*.output.dense",
    "roberta": "encoder.layer.*.output.dense",
    "xlm-roberta": "encoder.layer.*.output.dense",
    "mistral": "layers.*.mlp.down_proj",
    "olmo": "layers.*.mlp.down_proj",
    "olmo2": "layers.*.mlp.down_proj",
    "opt": "decoder.layers.*.fc2",
    "phi": "layers.*.mlp.fc2",
    "phi3": "layers.*.mlp.down_proj",
    "qwen2": "layers.*.mlp.down_proj",
    "qwen3": "layers.*.mlp.down_proj",
}


def output_projections(
    base: Any, model_type: str, name: str, pattern: str | None = None, table: Mapping[str, str] = OUTPUT_PROJECTION
) -> list[Any]:
    """Return the output projections of a base model, in the order of the layers.

    Parameters
    ----------
    base : torch.nn.Module
        The model without its head.
    model_type : str
        The architecture, as its configuration says it.
    name : str
        What messages call the model.
    pattern : str, optional
        The projection's name with ``*`` for the layer's number, for an architecture that has no entry.
    table : mapping of str to str
        The projections of known architectures.

    Raises
    ------
    RosettaError
        If the architecture is unknown or the pattern finds nothing (the message lists what could be meant), or if the
        model is a mixture of experts.
    """
    modules = dict(base.named_modules())
    if any(part == "experts" for module_name in modules for part in module_name.split(".")):
        raise RosettaError(
            f"{name}: a mixture of experts. Its neurons are active only for tokens that the router sends to them, so "
            "their correlations over all positions are not those of the paper. Only dense models can be matched"
        )
    pattern = pattern or table.get(model_type)
    if pattern is None:
        known = ", ".join(sorted(table))
        raise RosettaError(
            f"{name}: unknown architecture {model_type!r} (known: {known}). Name its MLP output projection, "
            f"with * for the layer (--pattern-a, --pattern-b; patterns in a ladder file); candidates here: "
            f"{_candidates(modules)}"
        )
    regex = re.compile(re.escape(pattern).replace(r"\*", r"(\d+)") + "$")
    matches = sorted(
        (int(match[1]), module) for module_name, module in modules.items() if (match := regex.match(module_name))
    )
    if not matches:
        raise RosettaError(f"{name}: no module is called {pattern!r}; candidates: {_candidates(modules)}")
    return [module for _, module in matches]


def width(projection: Any) -> int:
    """Return the number of neurons that enter an output projection (a Linear, or the Conv1D of GPT-2)."""
    return projection.in_features if hasattr(projection, "in_features") else projection.weight.shape[0]


def _candidates(modules: dict[str, Any]) -> str:
    """Return the numbered linear maps that narrow (more inputs than outputs), as patterns."""
    patterns = {}
    for name, module in modules.items():
        weight = getattr(module, "weight", None)
        if weight is not None and weight.ndim == 2 and re.search(r"\.\d+\.", f".{name}"):
            outputs = module.out_features if hasattr(module, "out_features") else weight.shape[-1]
            if width(module) > outputs:
                patterns[re.sub(r"(^|\.)\d+\.", r"\1*.", name, count=1)] = None
    return ", ".join(patterns) or "none"
