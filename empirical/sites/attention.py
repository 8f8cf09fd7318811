"""Attention: the outputs of the heads, side by side, before the output projection mixes them.

Unit h · d + i is coordinate i of head h of d coordinates; without the projection its basis is the head's own.
"""

from __future__ import annotations

from typing import Any

from ...errors import RosettaError
from ..checkpoints.architectures import ModelParts, width
from .site import Site

# Names of the attention's output projection within a block, over all architectures of the table.
OUTPUTS = (
    "attn.c_proj",
    "attn.attention.out_proj",
    "attn.out_proj",
    "attn.Wo",
    "attention.attn.o",
    "attention.dense",
    "attention.out_lin",
    "attention.output.dense",
    "self_attention.dense",
    "self_attn.dense",
    "self_attn.o_proj",
    "self_attn.out_proj",
    "self_attn.output",
    "layer.0.SelfAttention.o",
    "layer.0.LocalSelfAttention.o",
    "layer.0.TransientGlobalSelfAttention.o",
    "multi_head_attention.dense",
)


class AttentionHeads(Site):
    """Outputs of the heads of each block's self-attention."""

    word = "attention"

    def modules(self, places: ModelParts) -> list[Any]:
        """Return the output projections of the attentions."""
        outputs = []
        for block in places.blocks():
            inside = dict(block.named_modules())
            own = [inside[name] for name in OUTPUTS if name in inside]
            if not own:
                raise RosettaError(
                    f"{places.name}: no attention output projection is known for {places.model_type!r}. Try: --site "
                    "residual"
                )
            outputs.append(own[0])
        return outputs

    def width(self, module: Any, places: ModelParts) -> int:
        """Return heads × coordinates of a head."""
        return width(module)
