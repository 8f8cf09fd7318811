"""Output weights of neurons, and unembedding vectors of tokens, of a checkpoint.

The output weight of a neuron is its column of the MLP's output projection, a vector of the residual stream. The
unembedding is the matrix that turns the last residual stream into logits; where it is tied it is the token embedding,
and an encoder without a head is read that way too. The norm and gain before the unembedding are left out, as in the
paper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import RosettaError
from ..checkpoints import hub
from ..checkpoints.architectures import stated
from ..checkpoints.completeness import WIDTHS
from ..checkpoints.locations import to_read


def output_weights(projections: list[Any]) -> np.ndarray:
    """Return the output weights of all layers' neurons in order, float32, shape (neurons, width).

    Parameters
    ----------
    projections : list of torch.nn.Module
        Output projections, layer by layer (`rosettalaw.empirical.checkpoints.architectures.output_projections`).
    """
    rows = []
    for projection in projections:
        weight = projection.weight.detach().float().cpu().numpy()
        # A Linear holds (outputs, inputs), the Conv1D of GPT-2 (inputs, outputs); neurons are inputs.
        rows.append(weight.T if hasattr(projection, "in_features") else weight)
    return np.concatenate(rows)


def unembedding(checkpoint: str | Path, base: Any, width: int, pickled: bool = False) -> np.ndarray:
    """Return one unembedding vector a token, float32, shape (vocabulary, width).

    Parameters
    ----------
    checkpoint : str or path
        Where the model comes from; read again only if the unembedding is not the token embedding.
    base : torch.nn.Module
        The model without its head.
    width : int
        Width of the output weights, which must be that of the residual stream. Models that project it before the
        unembedding (OPT-350m) are mapped back.
    pickled : bool
        Whether weights that exist only as a pickle may be read, as tensors alone.

    Raises
    ------
    RosettaError
        If the checkpoint has no unembedding, or one of another width.
    """
    stream = stated(base.config, WIDTHS)
    if stream not in (None, width):
        raise RosettaError(
            f"{checkpoint}: its MLPs write {width} numbers, and not to the residual stream of width {stream}, which "
            "the unembedding reads"
        )
    if getattr(base.config, "tie_word_embeddings", True):
        matrix = base.get_input_embeddings().weight
    else:
        matrix = _head(checkpoint, pickled)
    vectors = matrix.detach().float().cpu().numpy()
    if vectors.shape[1] != width:
        project = getattr(getattr(base, "decoder", base), "project_out", None)
        if project is None or project.weight.shape != (vectors.shape[1], width):
            raise RosettaError(
                f"{checkpoint}: its unembedding has the width {vectors.shape[1]}, the residual stream {width}"
            )
        vectors = vectors @ project.weight.detach().float().cpu().numpy()
    return vectors


@hub.quiet_transformers()
def _head(checkpoint: str | Path, pickled: bool) -> Any:
    """Return the weight of a language-modelling head that is not the token embedding."""
    import torch
    from transformers import AutoModelForCausalLM

    name, revision = to_read(checkpoint)
    options: dict[str, Any] = {**revision, "use_safetensors": None if pickled else True, "weights_only": True}
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            name, dtype=torch.float32, trust_remote_code=False, output_loading_info=True, **options
        )
    except Exception as error:
        raise RosettaError(f"{checkpoint}: its unembedding cannot be loaded ({error})") from error
    model, loading = loaded
    head = model.get_output_embeddings()
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    if head is None or named.get(id(head.weight)) in loading["missing_keys"]:
        raise RosettaError(f"{checkpoint}: has no unembedding, neither tied weights nor a separate head")
    return head.weight
