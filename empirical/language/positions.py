"""Tokens for which a model has positions, read from the model's own table of them.

    positions = rows of the table − row of the first token

A table of positions is known by how it is read: of equal tokens each looks up the row behind the one before. Relatives
of RoBERTa begin behind the row of the padding, those of OPT and BART behind two rows. The model's modules are made
without memory for their weights and read three tokens, as far as they come without numbers, which is behind all
lookups. Rotary positions, ALiBi and sinusoids have no such table: there the configuration states for how long a text
the model is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checkpoints import hub
from .encoder_decoder import decoder_inputs

if TYPE_CHECKING:
    from .loaded import LoadedModel

STATED = ("max_position_embeddings", "n_positions", "max_seq_len")
TRIED = 3  # tokens


def text_part(config: Any) -> Any:
    """Return the part of a configuration that describes the reading of text; all of it in a model of text alone."""
    part = getattr(config, "text_config", None)
    return config if part is None or isinstance(part, dict) else part


@hub.quiet_transformers()
def positions_of(checkpoint: str | Path | LoadedModel, config: Any) -> int | None:
    """Return the tokens for which a model has positions, special ones included; None where nothing limits them.

    A decoder behind an encoder reads its start token before the text.
    """
    behind = bool(getattr(config, "is_encoder_decoder", False))
    body = getattr(checkpoint, "body", None)
    model = hub.modules_to_try(config, None if body is None else type(body))
    known = [] if model is None else list(_rooms(model, config, behind))
    if known:
        return min(known)
    values = (getattr(text_part(config), name, None) for name in STATED)
    stated = next((value for value in values if isinstance(value, int) and value > 0), None)
    return None if stated is None else stated - behind


def _rooms(model: Any, config: Any, behind: bool) -> Iterator[int]:
    """Yield the tokens of text that fit each table of positions."""
    yield from _tables(model, config, decoder=False)
    decoder = getattr(model, "decoder", None)
    if behind and decoder is not None:
        yield from (room - 1 for room in _tables(decoder, config, decoder=True))


def _tables(model: Any, config: Any, decoder: bool) -> Iterator[int]:
    """Yield the rows of each table that a model reads by position, from that of the first token on."""
    ids = np.full((1, TRIED + decoder), _plain_token(config))
    for rows, indices in _lookups(model, ids, config, decoder):
        if len(indices) >= TRIED and (np.diff(indices[: TRIED + decoder]) == 1).all():
            yield rows - int(indices[0])


def _plain_token(config: Any) -> int:
    """Return a token that the configuration gives no role, such as padding or the place of an image."""
    parts = (vars(part) if hasattr(part, "__dict__") else {} for part in (config, text_part(config)))
    values = [value for part in parts for name, value in part.items() if name.endswith(("token_id", "token_index"))]
    roles = {one for value in values for one in (value if isinstance(value, list) else [value])}
    return next(token for token in range(len(roles) + 1) if token not in roles)


def _lookups(model: Any, ids: np.ndarray, config: Any, decoder: bool) -> list[tuple[int, np.ndarray]]:
    """Return the rows of each table, and those that a sequence looks up there, until the model stops.

    Distances of every two tokens, which some models look up as well, are no positions of one sequence.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    read = np.ones_like(ids)
    lookups: list[tuple[int, np.ndarray]] = []

    class Recorded(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function == torch.Tensor.device.__get__:
                return torch.device("cpu")  # where a model would make the numbers of its positions
            if function is not torch.nn.functional.embedding:
                return function(*args, **(kwargs or {}))
            indices, table = args[:2]
            if indices.numel() == indices.shape[-1]:
                lookups.append((len(table), indices.flatten().numpy()))
            return torch.zeros(1).expand(*indices.shape, table.shape[1])

    inputs = {"input_ids": ids, "attention_mask": read}
    if getattr(config, "is_encoder_decoder", False) and not decoder:
        inputs |= decoder_inputs(ids, read, config)
    # Whatever a model raises that reads weights without numbers: the lookups come first.
    with suppress(Exception), torch.inference_mode(), Recorded():
        model(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    return lookups
