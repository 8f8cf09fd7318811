"""The documents null: B's documents in another order, each whole.

Documents differ in subject, language and length, and neurons that follow these differences correlate over few documents
by accident. A permutation of whole documents keeps what happens within each. Documents of different lengths do not come
to lie on each other exactly: a position of A meets one of B that is about as far into another document, or in the next.
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
TRIALS = 50  # orders of which the one is taken that brings fewest positions to their own document


class Documents(Null):
    """B's documents permuted."""

    name, label = "documents", "documents"
    keeps = "all that happens within a document, and all correlations within a model"
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
        """Return A, and B with its documents in another order."""
        self.check(a, b, 1)
        document = common_labels(a, b)["document"]
        return a, Reordered(cast(RandomAccess, b), order(document, np.random.default_rng(list(entropy))))


def order(document: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the positions with whole documents in a random order.

    Of `TRIALS` orders it is the one that leaves the fewest positions on one of their own document.
    """
    numbers, where, lengths = np.unique(document, return_inverse=True, return_counts=True)
    together = np.argsort(where, kind="stable")  # the positions of each document, one document after the other
    begins = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    best, fewest = np.arange(len(document)), len(document) + 1
    for _ in range(TRIALS):
        sequence = rng.permutation(len(numbers))
        trial = np.concatenate([together[begins[i] : begins[i] + lengths[i]] for i in sequence])
        own = int(np.sum(where[trial] == where))
        if own < fewest:
            best, fewest = trial, own
        if not fewest:
            break
    return best
