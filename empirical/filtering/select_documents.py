"""Selecting documents by score up to a token budget, and how well the selection recovers the target domain.

Documents are taken from the highest score down, whole, until the budget B is reached: document i is taken iff the
tokens of those before it sum to less than B. With B the target domain's own token count, a score that puts every target
document first selects exactly these. Equal scores go in the order of the documents, which the caller shuffles; so a
constant score selects at random.

    precision = TP / selected,   recall = TP / target,   F1 = 2 TP / (selected + target),

over documents; the same F1 over tokens stands beside it, as documents differ in length.

Intervals come from a bootstrap over groups of documents (the pieces of one text belong together): each replicate draws
as many groups as there are, with replacement, and repeats the whole selection, budget included. All selectors see the
same replicates, so that the differences between them have intervals too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import require

REPLICATES = 2000


@dataclass(frozen=True)
class Recovery:
    """Recovery of the target domain by a selection: over documents, and F1 over tokens."""

    precision: float
    recall: float
    f1: float
    f1_tokens: float


def select(scores: np.ndarray, tokens: np.ndarray, budget: float) -> np.ndarray:
    """Return which documents are taken, as a mask.

    Parameters
    ----------
    scores : ndarray, shape (documents,)
        Higher is taken first; equal scores in the order of the documents.
    tokens : ndarray of int, shape (documents,)
        Length of each document.
    budget : float
        Tokens to reach.

    Raises
    ------
    InputError
        If the budget is not positive, or exceeds all documents together.
    """
    rule = f"must be positive and at most the {int(np.sum(tokens)):,} tokens of the documents to filter"
    require(0 < budget <= np.sum(tokens), "budget", budget, rule, "the target domain's token count, the default")
    order = np.argsort(-np.asarray(scores, dtype=float), kind="stable")
    before = np.cumsum(tokens[order]) - tokens[order]
    selected = np.zeros(len(tokens), dtype=bool)
    selected[order[before < budget]] = True
    return selected


def recovery(selected: np.ndarray, target: np.ndarray, tokens: np.ndarray) -> Recovery:
    """Return precision, recall and F1 of a selection.

    Parameters
    ----------
    selected, target : ndarray of bool, shape (documents,)
        Selected documents, and the target documents.
    tokens : ndarray of int, shape (documents,)
        Length of each document.
    """
    hits = (selected & target).sum()
    hit_tokens, selected_tokens, target_tokens = (tokens[mask].sum() for mask in (selected & target, selected, target))
    return Recovery(
        precision=float(hits / selected.sum()),
        recall=float(hits / target.sum()),
        f1=float(2 * hits / (selected.sum() + target.sum())),
        f1_tokens=float(2 * hit_tokens / (selected_tokens + target_tokens)),
    )


def replicate_f1(
    scores: Sequence[np.ndarray | None],
    tokens: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray,
    budget: float | None,
    seed: int,
    replicates: int = REPLICATES,
) -> np.ndarray:
    """Return the F1 of each selector in each bootstrap replicate, shape (selectors, replicates).

    Parameters
    ----------
    scores : sequence of ndarray or None
        One array of scores per selector; None selects at random, anew in each replicate.
    tokens, target : ndarray, shape (documents,)
        Length of each document, and whether it belongs to the target domain.
    groups : ndarray of int, shape (documents,)
        Groups of documents that belong together, as numbers from 0.
    budget : float, optional
        Tokens to reach; by default the target domain's, in each replicate its own.
    seed : int
        Decides the replicates.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0xB007]))
    orders = [None if score is None else np.argsort(-score.astype(float), kind="stable") for score in scores]
    number = int(groups.max()) + 1
    f1 = np.full((len(orders), replicates), np.nan)
    for replicate in range(replicates):
        copies = np.bincount(rng.integers(number, size=number), minlength=number)[groups]
        shuffled = rng.permutation(len(tokens))
        wanted = (copies * target).sum()
        if not wanted:  # no target document was drawn: F1 is undefined
            continue
        tokens_wanted = (copies * tokens * target).sum()
        limit = tokens_wanted if budget is None else budget  # beyond the tokens drawn, all are taken
        for selector, order in enumerate(orders):
            by_score = shuffled if order is None else order
            size, number_of = tokens[by_score], copies[by_score]
            before = np.cumsum(size * number_of) - size * number_of
            selected = np.clip(np.ceil((limit - before) / size), 0, number_of)  # copies are taken one by one
            f1[selector, replicate] = 2 * (selected * target[by_score]).sum() / (selected.sum() + wanted)
    return f1


def interval(values: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Return the central interval of the values along the last axis, shape (…, 2); NaN are left out."""
    tail = 50 * (1 - level)
    return np.moveaxis(np.nanpercentile(values, [tail, 100 - tail], axis=-1), 0, -1)
