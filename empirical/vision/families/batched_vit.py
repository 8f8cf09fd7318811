"""Several seeds of one small vision transformer, trained as one: every parameter has a leading axis for the seed.

The network is SigLIP's vision tower (pre-norm, learned positions, no class token, tanh-GELU MLP) as `transformers` has
it, here written with batched products, because at these widths a step of three models costs hardly more than one. For
seed s, patches p (192 numbers), width d:

    x  = W_e p + b_e + position
    x += W_o attention(LN x) + b_o;   x += W₂ gelu(W₁ LN x + b₁) + b₂        (each layer)
    y  = LN x.

Names of parameters are those of `transformers`, so that one seed's slice is an ordinary checkpoint; initial weights are
drawn by `transformers` as well (uniform or normal with standard deviation about 1/√fan-in).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PATCH, SIDE, MLP_RATIO = 8, 32, 4


def configuration(width: int, layers: int) -> Any:
    """Return the `transformers` configuration of one size: 16 patches of 8×8, heads of 16 dimensions."""
    from transformers import SiglipVisionConfig

    return SiglipVisionConfig(
        hidden_size=width,
        intermediate_size=MLP_RATIO * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 16),
        image_size=SIDE,
        patch_size=PATCH,
        vision_use_head=False,
    )


def initial(config: Any, seeds: Sequence[int]) -> dict[str, Any]:
    """Return the architecture's own random initialisation for each seed, stacked: name → (seeds, …)."""
    import torch

    from ...checkpoints.hub import untrained_model

    members = [untrained_model(config, seed).state_dict() for seed in seeds]
    return {name: torch.stack([member[name].float() for member in members]) for name in members[0]}


def patches(images: Any) -> Any:
    """Cut images (…, side, side, 3) into rows of pixels: (…, patches, 3 · 8 · 8), in the order of a convolution."""
    *lead, height, width, colours = images.shape
    rows, columns, n = height // PATCH, width // PATCH, len(lead)
    cut = images.reshape(*lead, rows, PATCH, columns, PATCH, colours)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return cut.permute(order).reshape(*lead, rows * columns, colours * PATCH * PATCH)


def encode(weights: dict[str, Any], config: Any, rows: Any) -> Any:
    """Return the features of every patch: (seeds, batch, patches, 192) → (seeds, batch, patches, width)."""
    import torch.nn.functional as F

    seeds, batch, tokens, _ = rows.shape
    heads, eps = config.num_attention_heads, config.layer_norm_eps

    def linear(x: Any, name: str) -> Any:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        out = bias[:, None] + x.flatten(1, -2) @ weight.flatten(2).mT
        return out.view(*x.shape[:-1], -1)

    def norm(x: Any, name: str) -> Any:
        scale, shift = (weights[f"{name}.{part}"][:, None, None] for part in ("weight", "bias"))
        return F.layer_norm(x, x.shape[-1:], eps=eps) * scale + shift

    def split(x: Any) -> Any:
        return x.view(seeds * batch, tokens, heads, -1).transpose(1, 2)

    x = linear(rows, "embeddings.patch_embedding") + weights["embeddings.position_embedding.weight"][:, None]
    for layer in range(config.num_hidden_layers):
        name = f"encoder.layers.{layer}"
        y = norm(x, f"{name}.layer_norm1")
        query, key, value = (split(linear(y, f"{name}.self_attn.{part}_proj")) for part in "qkv")
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape)
        x = x + linear(attended, f"{name}.self_attn.out_proj")
        hidden = F.gelu(linear(norm(x, f"{name}.layer_norm2"), f"{name}.mlp.fc1"), approximate="tanh")
        x = x + linear(hidden, f"{name}.mlp.fc2")
    return norm(x, "post_layernorm")
