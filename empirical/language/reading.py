"""Checks that a model can read a text: tokens that fit, and a tokenizer that is its own and knows the text.

The usable context is the least of

- the positions of the model's own table (`positions`);
- ``model_max_length`` of the tokenizer;
- ``max_seq_length`` of a sentence-transformers folder;
- the paper's 1024 tokens.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...disk import expanded
from ...errors import RosettaError, require
from ..checkpoints.locations import inner
from .loaded import LoadedModel
from .positions import positions_of, text_part

LONGEST = 1024
ENTRIES = 0.5  # of the model's table that a tokenizer must have
KNOWN = 0.5  # of a text's tokens that a tokenizer must know


def context_of(checkpoint: str | Path, config: Any, longest: int = LONGEST) -> int:
    """Return the sequence length that a model allows: its own, at most the paper's 1024."""
    return min(positions_of(checkpoint, config) or longest, longest)


def usable_context(
    checkpoint: str | Path | LoadedModel, config: Any, tokenizer: Any, context: int | None = None
) -> int:
    """Return the tokens of a window, special ones included.

    Parameters
    ----------
    context : int, optional
        A user's choice, in place of the tokenizer's and the folder's.

    Raises
    ------
    InputError
        If a choice is longer than the model has positions, or not positive.
    """
    most = positions_of(checkpoint, config)
    if context is not None:
        require(context > 0, "--context", context, "must be positive", "--context 256")
        rule = f"is more than the {most} positions of {checkpoint}"
        require(most is None or context <= most, "--context", context, rule, f"--context {most}")
        return context
    length = _whole(getattr(tokenizer, "model_max_length", None))
    stated = [most, LONGEST, length, _sentence_length(Path(str(checkpoint)))]
    return min(one for one in stated if one is not None and one > 0)


def _whole(value: Any) -> int | None:
    """Return a number of a configuration file as a whole one; None where it is infinite, NaN or no number."""
    usable = isinstance(value, int | float) and math.isfinite(value)
    return int(value) if usable else None


def _sentence_length(folder: Path) -> int | None:
    """Return ``max_seq_length`` of a sentence-transformers folder, where it says one."""
    file = inner(expanded(folder)) / "sentence_bert_config.json"
    try:
        value = json.loads(file.read_text(encoding="utf-8")).get("max_seq_length")
    except (OSError, ValueError, AttributeError):
        return None
    return _whole(value)


def require_table(name: str, tokenizer: Any, config: Any) -> None:
    """Refuse a tokenizer that has far fewer entries than the model's table: it is another's, or an empty one.

    Raises
    ------
    RosettaError
        The message has both numbers.
    """
    rows = getattr(text_part(config), "vocab_size", None)
    if isinstance(rows, int) and len(tokenizer) < ENTRIES * rows:
        raise RosettaError(
            f"{name}: its tokenizer has {len(tokenizer):,} entries, the model {rows:,}. Is tokenizer.json or the "
            "vocabulary missing? Try: put the tokenizer's files beside config.json"
        )


def require_known(name: str, tokenizer: Any, windows: Sequence[np.ndarray]) -> None:
    """Refuse a text of whose tokens the tokenizer does not know half.

    Parameters
    ----------
    windows : sequence of ndarray of int
        Token numbers.

    Raises
    ------
    RosettaError
        The message has the share.
    """
    unknown = getattr(tokenizer, "unk_token_id", None)
    if unknown is None or unknown == getattr(tokenizer, "eos_token_id", None):
        return  # GPT-2's: every byte is known, and the name of an unknown token stands for the end
    ids = np.concatenate(windows)
    share = float(np.mean(ids == unknown))
    if share > 1 - KNOWN:
        raise RosettaError(
            f"{name}: {share:.0%} of the text's tokens are unknown to its tokenizer. Try: text in a language that it "
            "supports"
        )
