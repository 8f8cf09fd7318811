"""The contexts in which matched neurons are most active, with the text around them.

For a matched pair the contexts are those where the sum of both neurons' standardised activations is highest, one
context a document, so that a pair is shown by several texts rather than by one passage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..activations.source import ActivationSource
from .aligned_text import AlignedText

AROUND = 60  # characters shown on either side of a span
BLOCK = 8192


@dataclass(frozen=True)
class Context:
    """One position where a pair is active: its text, and both activations in standard deviations from the mean."""

    pair: int
    document: str
    domain: str
    before: str
    span: str
    after: str
    activation_a: float
    activation_b: float


def top_contexts(
    a: ActivationSource,
    b: ActivationSource,
    pairs: Sequence[tuple[int, int]],
    number: int = 4,
    around: int = AROUND,
    text: AlignedText | None = None,
) -> list[Context]:
    """Return the `number` most active contexts of each pair, in the order of the pairs.

    Parameters
    ----------
    a, b : ActivationSource
        The two models on the same aligned text.
    pairs : sequence of (int, int)
        Neurons of A and B, counted over all layers.
    number : int
        Contexts for each pair.
    around : int
        Characters of text shown on either side.
    text : AlignedText, optional
        The text, where the sources do not know it because they are copies.
    """
    if not pairs:
        return []
    text = text if text is not None else a.text  # pyright: ignore[reportAttributeAccessIssue]  (a TextSource)
    assert text is not None
    z_a = _standardised(a, [pair[0] for pair in pairs])
    z_b = _standardised(b, [pair[1] for pair in pairs])
    document = np.repeat([w.document for w in text.windows], [w.positions for w in text.windows])
    contexts = []
    for pair in range(len(pairs)):
        order = np.argsort(-(z_a[:, pair] + z_b[:, pair]), kind="stable")
        _, first = np.unique(document[order], return_index=True)
        for position in order[np.sort(first)[:number]]:
            z = z_a[position, pair].item(), z_b[position, pair].item()
            contexts.append(_context(text, pair, int(position), *z, around))
    return contexts


def _standardised(source: ActivationSource, neurons: Sequence[int]) -> np.ndarray:
    """Return some neurons' activations in standard deviations from their means, shape (positions, neurons)."""
    chosen = np.concatenate([block[:, list(neurons)] for block in source.blocks(BLOCK)]).astype(float)
    deviation = chosen.std(0)
    return (chosen - chosen.mean(0)) / np.where(deviation > 0, deviation, 1.0)


def _context(text: AlignedText, pair: int, position: int, z_a: float, z_b: float, around: int) -> Context:
    number, start, end = text.locate(position)
    document = text.corpus.documents[number]
    return Context(
        pair=pair,
        document=document.name,
        domain=document.domain,
        before=document.text[max(0, start - around) : start],
        span=document.text[start:end],
        after=document.text[end : end + around],
        activation_a=z_a,
        activation_b=z_b,
    )


def to_variables(contexts: Sequence[Context]) -> dict[str, Any]:
    """Return contexts as variables of a Dataset along the dimension ``context``."""
    names = ("document", "domain", "before", "span", "after")
    variables: dict[str, Any] = {
        f"context_{name}": ("context", np.array([getattr(c, name) for c in contexts], dtype=object)) for name in names
    }
    variables["context_pair"] = ("context", np.array([c.pair for c in contexts], dtype=np.int64))
    for name in ("activation_a", "activation_b"):
        variables[name] = ("context", np.array([getattr(c, name) for c in contexts], dtype=float))
    return variables
