"""Alignment of tokenizations of one text: shared boundaries, spans, mean pooling (arXiv 2606.03990, appendix B).

A fast tokenizer says which characters ``[start, end)`` each of its tokens covers. A place in the text is a *boundary*
of the tokenizer if the tokens before it are those that cover the text before it: no token reaches across. The
boundaries that all tokenizers share cut the text into *spans*, the finest pieces that all of them describe: two
tokenizers in the paper, any number here. A neuron's activation at a span is the mean over the tokens that overlap it;
since none reaches across a span's ends, each token belongs to exactly one span. Special tokens carry no text and drop
out.

Tokenizers leave text uncovered (blanks, control characters, accents that a normaliser strips), share one character
among tokens (its UTF-8 bytes, or the pieces of its expanded form), or cover none (a prefixed blank); `tile` decides:

- text that no token covers goes to the token that follows it, and at the end of the text to the last token;
- tokens that share a character stay together. Where two tokenizers cut a character between the same two bytes, the
  offsets do not show it, and the character stays whole; so spans counted in characters and in UTF-8 bytes are the same
  (`byte_offsets` translates);
- a token without text joins the span of the token that follows it.

So spans tile the whole text, and no token is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np


@dataclass(frozen=True)
class Tokens:
    """One text as a tokenizer sees it, special tokens left out.

    Attributes
    ----------
    ids : ndarray of int, shape (tokens,)
        Token numbers.
    start, end : ndarray of int, shape (tokens,)
        Characters covered; made gapless and ordered by `tile`.
    """

    ids: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def tile(offsets: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return token extents that cover the whole text in order.

    Parameters
    ----------
    offsets : ndarray of int, shape (tokens, 2)
        Characters that each token covers, as the tokenizer says it.
    length : int
        Characters of the text.

    Returns
    -------
    start, end : ndarray of int, shape (tokens,)
        Both never decrease. Extents of consecutive tokens touch, or overlap where the tokens share characters.
    """
    if len(offsets) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    end = np.maximum.accumulate(offsets[:, 1])
    end[-1] = max(end[-1], length)
    before = np.concatenate([[0], end[:-1]])
    empty = offsets[:, 0] == offsets[:, 1]  # says nothing about where: some tokenizers write (0, 0)
    start = np.where(empty, before, np.minimum(offsets[:, 0], before))
    # A token can begin before an earlier one ends, or even before it begins (reordered accents). A place is a boundary
    # only if nothing that follows begins earlier, so what counts is the earliest beginning from each token on.
    return np.minimum.accumulate(start[::-1])[::-1], end


def boundaries(tokens: Tokens) -> np.ndarray:
    """Return the places in the text, in characters, that no token reaches across; 0 and the end are among them."""
    if len(tokens) == 0:
        return np.zeros(1, np.int64)
    closed = tokens.start[1:] >= tokens.end[:-1]
    return np.unique(np.concatenate([[0], tokens.end[:-1][closed], tokens.end[-1:]]))


def shared_boundaries(*sides: Tokens) -> np.ndarray:
    """Return the boundaries of all tokenizations; consecutive ones enclose the spans."""
    return reduce(lambda some, more: np.intersect1d(some, more, assume_unique=True), map(boundaries, sides))


def span_of_tokens(tokens: Tokens, shared: np.ndarray) -> np.ndarray:
    """Return the span of each token, shape (tokens,); it never decreases."""
    span = np.searchsorted(shared, tokens.start, side="right") - 1
    return np.minimum(span, len(shared) - 2)  # a token without text after the last character


def byte_offsets(text: str) -> np.ndarray:
    """Return the UTF-8 byte at which each character begins, and the total: shape (characters + 1,)."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    widths = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    return np.concatenate([[0], np.cumsum(widths)])


@dataclass(frozen=True)
class Window:
    """A stretch of text between two shared boundaries that fits every model's context.

    Attributes
    ----------
    document : int
        Which text it comes from.
    spans : ndarray of int, shape (spans + 1,)
        Boundaries of its spans, in characters of the document.
    ids : tuple of ndarray
        Token numbers of each model.
    lengths : tuple of ndarray, each of shape (spans,)
        Tokens of each model in each span.
    """

    document: int
    spans: np.ndarray
    ids: tuple[np.ndarray, ...]
    lengths: tuple[np.ndarray, ...]

    @property
    def positions(self) -> int:
        """Number of spans."""
        return len(self.spans) - 1


def windows(document: int, sides: Sequence[Tokens], contexts: Sequence[int]) -> list[Window]:
    """Cut a text in several tokenizations into windows that begin and end at shared boundaries and fit all contexts.

    Each window is as long as the contexts allow. A single span that is longer than a context (a long stretch without a
    shared boundary) cannot be described by that model and is left out.
    """
    shared = shared_boundaries(*sides)
    if len(shared) < 2:
        return []
    # first[i]: index of the first token of span i, so that a span's tokens are a slice of the model's tokens
    first = []
    for tokens in sides:
        span = span_of_tokens(tokens, shared)
        first.append(np.concatenate([[0], np.cumsum(np.bincount(span, minlength=len(shared) - 1))]))
    cut: list[Window] = []
    begin = 0
    while begin < len(shared) - 1:
        reach = [
            int(np.searchsorted(counts, counts[begin] + context, side="right")) - 1
            for counts, context in zip(first, contexts, strict=True)
        ]
        stop = min(*reach, len(shared) - 1)
        if stop == begin:
            begin += 1
            continue
        cut.append(
            Window(
                document=document,
                spans=shared[begin : stop + 1],
                ids=tuple(t.ids[c[begin] : c[stop]] for t, c in zip(sides, first, strict=True)),
                lengths=tuple(np.diff(c[begin : stop + 1]) for c in first),
            )
        )
        begin = stop
    return cut
