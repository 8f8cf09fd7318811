"""Documents as sequences: to train on, and to measure perplexity on without leaving out a token.

Documents are joined into one stream of tokens, with the model's end-of-text token before the first and after each.

- Training: the stream is cut into sequences of the model's context; the rest that does not fill one is left out.
- Perplexity: windows of the context that overlap by one token, so that every token of the stream but the very first is
  predicted exactly once. With the negative log-likelihood L summed over them (nats), n tokens and b bytes of text,

      perplexity = exp(L / n),        bits per byte = L / (b ln 2).

  Bits per byte compare models with different tokenizers; a document's end is a token to predict as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError, RosettaError
from ..corpora.corpus import Document
from ..language.tokenization import token_ids

TOKENS_AT_ONCE = 8192


@dataclass(frozen=True)
class Likelihood:
    """Likelihood of a text under a model: negative log-likelihood in nats, tokens predicted, bytes of text."""

    nats: float
    tokens: int
    bytes: int

    @property
    def perplexity(self) -> float:
        """Perplexity per token."""
        return float(np.exp(self.nats / self.tokens))

    @property
    def bits_per_byte(self) -> float:
        """Bits for each byte of text."""
        return self.nats / np.log(2) / self.bytes


def stream(tokenizer: Any, documents: Sequence[Document]) -> np.ndarray:
    """Return documents as one array of tokens, an end-of-text token before the first and after each.

    Raises
    ------
    RosettaError
        If the tokenizer has no token that ends or begins a text.
    """
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.bos_token_id
    if end is None:
        raise RosettaError(
            "the tokenizer has no token for the end or beginning of a text, which is needed to join documents"
        )
    rows = token_ids(tokenizer, (document.text for document in documents))
    return np.concatenate([np.array([end]), *(np.append(row, np.int32(end)) for row in rows)]).astype(np.int64)


def sequences(tokens: np.ndarray, context: int) -> np.ndarray:
    """Cut a stream into sequences, shape (sequences, context); the rest is left out.

    Raises
    ------
    InputError
        If the stream does not fill one sequence.
    """
    number = len(tokens) // context
    if not number:
        rule = f"is more than the {len(tokens)} tokens selected, which do not fill one sequence"
        raise InputError("context", context, rule, "a larger --budget, or a smaller --context")
    return tokens[: number * context].reshape(number, context)


def likelihood(model: Any, tokens: np.ndarray, size: int, context: int) -> Likelihood:
    """Measure how well a causal model predicts a stream of tokens.

    Parameters
    ----------
    model : torch.nn.Module
        A causal language model, in evaluation mode.
    tokens : ndarray of int, shape (tokens,)
        A stream of at least two tokens.
    size : int
        Bytes of text that the stream stands for.
    context : int
        Length of the windows.
    """
    import torch

    nats = 0.0
    for rows in _overlapping(tokens, context):
        batch = torch.from_numpy(rows).to(next(model.parameters()).device)
        with torch.inference_mode():
            logits = model(input_ids=batch).logits[:, :-1].float()
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="none")
            nats += float(loss.double().sum())
    return Likelihood(nats, len(tokens) - 1, size)


def _overlapping(tokens: np.ndarray, context: int) -> Iterator[np.ndarray]:
    """Yield batches of windows of equal length that share one token with the next; the last window may be shorter."""
    starts = np.arange(0, len(tokens) - 1, context - 1)
    whole = starts[starts + context <= len(tokens)]
    rows = max(1, TOKENS_AT_ONCE // context)
    for first in range(0, len(whole), rows):
        yield np.stack([tokens[start : start + context] for start in whole[first : first + rows]])
    if len(whole) < len(starts):
        yield tokens[None, starts[-1] :]
