"""Text that models share: windows of it, their spans, and the labels of the spans' positions.

A window is a piece of one document; the boundaries that the tokenizers share cut it into spans, and a span is a
position of activations (`alignment`, `drawing`).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import InputError, require
from ..corpora.corpus import PAPERS_TOKENS, Corpus, StoredText
from .alignment import Tokens, Window, tile
from .drawing import draw

SHORT = 32  # bytes of a span that is known by its text; longer ones are known by a hash


@dataclass(frozen=True)
class AlignedText:
    """Windows of text that models share, in the order in which all read them.

    Attributes
    ----------
    corpus : Corpus
        The documents that were drawn from, in the order in which they are read.
    windows : tuple of Window
        Their spans are the aligned positions.
    tokens : tuple of int
        Tokens of each model in all windows together.
    """

    corpus: Corpus
    windows: tuple[Window, ...] = field(repr=False)

    @property
    def positions(self) -> int:
        """Number of spans."""
        return sum(window.positions for window in self.windows)

    @property
    def tokens(self) -> tuple[int, ...]:
        """Tokens of each model."""
        sides = len(self.windows[0].ids)
        return tuple(sum(len(window.ids[side]) for window in self.windows) for side in range(sides))

    @cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """``document`` and ``span`` of each position: its document, and its characters, numbered as they appear."""
        spans = np.empty(self.positions, np.int32)
        numbers: dict[str | bytes, int] = {}
        place = 0
        for document, group in itertools.groupby(self.windows, key=lambda window: window.document):
            text = self.corpus.documents[document].text
            for window in group:
                for begin, end in itertools.pairwise(window.spans.tolist()):
                    spans[place] = numbers.setdefault(_key(text[begin:end]), len(numbers))
                    place += 1
        document = np.array([window.document for window in self.windows], np.int32)
        return {"document": np.repeat(document, [window.positions for window in self.windows]), "span": spans}

    @cached_property
    def sha256(self) -> str:
        """Hash of the documents and of the spans that are read of them."""
        digest = hashlib.sha256(self.corpus.sha256.encode())
        for window in self.windows:
            digest.update(np.concatenate([[window.document], window.spans]).astype("<i8").tobytes())
        return digest.hexdigest()

    def facts(self) -> dict[str, int]:
        """Return how much was read, as results record it: A's tokens, documents, and domains of them."""
        domains = {document.domain for document in self.corpus.documents}
        documents = len(self.corpus.documents)
        return {"tokens": self.tokens[0], "documents_read": documents, "domains_read": len(domains)}

    def reading(self, asked: int | None = None, context: int | None = None) -> dict[str, int]:
        """Return how the text was read, as a matching records it.

        Parameters
        ----------
        asked : int, optional
            Tokens of the first model that were asked for; since windows are read whole, some more may be read.
        context : int, optional
            Tokens of a window, if they were asked for.

        Returns
        -------
        dict
            Both options as ``tokens_asked`` and ``context``; number of ``windows``; ``documents_read``, and how many of
            these in part: ``documents_cut``.
        """
        given = {"tokens_asked": asked, "context": context}
        covered = np.zeros(len(self.corpus.documents), np.int64)
        for window in self.windows:
            covered[window.document] += window.spans[-1] - window.spans[0]
        lengths = np.array([len(document.text) for document in self.corpus.documents])
        return {
            **{name: value for name, value in given.items() if value is not None},
            "windows": len(self.windows),
            "documents_read": len(lengths),
            "documents_cut": int(np.count_nonzero(covered < lengths)),
        }

    def locate(self, position: int) -> tuple[int, int, int]:
        """Return the document of a span, and its first and last character (exclusive)."""
        ends = np.cumsum([window.positions for window in self.windows])
        index = int(np.searchsorted(ends, position, side="right"))
        window = self.windows[index]
        place = position - (ends[index] - window.positions)
        return window.document, int(window.spans[place]), int(window.spans[place + 1])


def align_text(
    corpus: Corpus | StoredText,
    tokenizers: Sequence[Any],
    contexts: Sequence[int],
    tokens: int | None,
    seed: int = 0,
) -> AlignedText:
    """Draw windows from all documents until the first model has read `tokens` tokens.

    Without a number: the paper's, or the whole text if it has fewer.

    Raises
    ------
    InputError
        If the corpus has too little text for the budget.
    """
    wanted = PAPERS_TOKENS if tokens is None else tokens
    require(wanted > 0, "--tokens", tokens, "must be at least 1", "--tokens 200000")

    def tokenize(text: str) -> tuple[Tokens, ...]:
        return tuple(tokens_of(tokenizer, text) for tokenizer in tokenizers)

    documents, windows = draw(corpus, tokenize, contexts, wanted, seed)
    read = sum(len(window.ids[0]) for window in windows)
    if read < wanted and (tokens is not None or not windows):
        raise InputError(
            "tokens",
            wanted,
            f"the text {corpus.name!r} has only {read:,} tokens",
            f"--tokens {max(read, 1)}, or more text",
        )
    return AlignedText(Corpus(corpus.name, documents), windows)


def _key(text: str) -> str | bytes:
    """Return a key of a span's text that takes little memory; long texts are named by their hash."""
    encoded = text.encode("utf-8", "surrogatepass")
    return text if len(encoded) <= SHORT else hashlib.blake2b(encoded, digest_size=16).digest()


def tokens_of(tokenizer: Any, text: str) -> Tokens:
    """Tokenize a text without special tokens."""
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    offsets = np.asarray(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2)
    return Tokens(np.asarray(encoded["input_ids"], dtype=np.int64), *tile(offsets, len(text)))
