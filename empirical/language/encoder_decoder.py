"""Models with an encoder and a decoder, such as T5 and BART: what the decoder reads.

The encoder reads a window of text. The decoder reads the same tokens behind its start token, as in training: where it
has read a token, it has seen all tokens before it, and the whole window through the encoder. Both have one activation
for each token. A checkpoint of the encoder alone (`T5EncoderModel`) is read like any encoder.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def decoder_layers(model: Any, projections: list[Any]) -> set[int]:
    """Return the layers of the decoder that follows an encoder; none of a model that has only one of both."""
    if not getattr(model.config, "is_encoder_decoder", False):
        return set()
    own = {id(module) for name, module in model.named_modules() if name.split(".")[0] == "decoder"}
    return {layer for layer, projection in enumerate(projections) if id(projection) in own}


def decoder_inputs(ids: np.ndarray, read: np.ndarray, config: Any) -> dict[str, np.ndarray]:
    """Return the decoder's tokens and mask, shape (windows, 1 + tokens), from those of the encoder."""
    numbers = (getattr(config, f"{name}_token_id", None) for name in ("decoder_start", "bos", "pad"))
    start = next((number for number in numbers if isinstance(number, int)), 0)
    return {"decoder_input_ids": started(ids, start), "decoder_attention_mask": started(read, 1)}


def started(rows: np.ndarray, first: Any) -> np.ndarray:
    """Return rows of tokens with one more at the beginning."""
    return np.concatenate([np.full((len(rows), 1), first, dtype=rows.dtype), rows], axis=1)
