"""The documents null: each document of A meets another document of B, from the beginning on.

Documents differ in subject, language and length, and neurons that follow these differences correlate over few documents
by accident. So each of A's documents must meet one document of B, as in the matching itself: where B's is longer, its
end is left out; where it is shorter, it is read again. Documents laid end to end in another order would not do: of
unequal lengths they would overlap several each, and correlate less by accident than whole ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ...errors import InputError
from ..activations.reordered import Reordered
from ..activations.source import ActivationSource, RandomAccess, common_labels
from .null import Null, Sources

FEWEST = 5  # documents


class Documents(Null):
    """B's documents permuted."""

    name, label = "documents", "documents"
    keeps = "documents as wholes, the place in a document, and nearly all correlations within a model"
    breaks = "the alignment of the two models"
    random_access = True

    def check(self, a: ActivationSource, b: ActivationSource, draws: int) -> None:
        """Refuse positions whose documents are unknown, or too few."""
        document = common_labels(a, b).get("document")
        if document is None:
            rule = "needs the document of each position, which is unknown here"
            raise InputError("--null", self.name, rule, "--documents ids.npy, or --null shift")
        number = len(np.unique(document))
        if number < FEWEST:
            rule = f"needs at least {FEWEST} documents; there are {number}"
            raise InputError("--null", self.name, rule, "--null shift")

    def draw(self, a: ActivationSource, b: ActivationSource, entropy: Sequence[int]) -> Sources:
        """Return A, and B with another document in the place of each."""
        self.check(a, b, 1)
        document = common_labels(a, b)["document"]
        return a, Reordered(cast(RandomAccess, b), exchanged(document, np.random.default_rng(list(entropy))))


def exchanged(document: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return, for each position, one in another document as far from its beginning, modulo its length.

    Parameters
    ----------
    document : ndarray of int, shape (positions,)
        Document of each position; at least two different ones.
    """
    _, where, lengths = np.unique(document, return_inverse=True, return_counts=True)
    together = np.argsort(where, kind="stable")  # the positions of each document, one document after the other
    begins = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    other = _derangement(len(lengths), rng)
    place = np.empty(len(document), dtype=np.int64)
    place[together] = np.arange(len(document)) - np.repeat(begins, lengths)
    return together[begins[other[where]] + place % lengths[other[where]]]


def _derangement(number: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random permutation that leaves nothing in its place, uniform among these."""
    while True:
        other = rng.permutation(number)
        if not (other == np.arange(number)).any():
            return other
