"""Documents on which neurons fire: the domains of their most active positions (section 5.2, appendix E.2).

For a set of neurons, the normalised firing of a category c is

    share of their top positions that lie in c  /  share of all aligned positions that lie in c,

1 where the neurons do not care. The denominator is the share of *positions*, not of bytes or of one model's tokens,
because top positions are drawn from positions: a neuron whose activations are independent of the text has exactly 1 in
expectation. Each neuron has equally many top positions, so the share is a mean over neurons, and its 95% interval is
that of a mean over neurons (Student's t).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..intervals import mean_interval
from ..language.aligned_text import AlignedText
from .categories import Grouping


@dataclass(frozen=True)
class Firing:
    """Normalised firing per category, with its 95% interval; each of shape (categories,)."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def categories_of(text: AlignedText, grouping: Grouping, names: list[str]) -> np.ndarray:
    """Return the category of each aligned position as an index into `names`, shape (positions,)."""
    number = {name: i for i, name in enumerate(names)}
    documents = [number[grouping.category(document.domain)] for document in text.corpus.documents]
    of_window = np.array([documents[window.document] for window in text.windows])
    return np.repeat(of_window, [window.positions for window in text.windows])


def shares(top_position: np.ndarray, category: np.ndarray, number: int) -> np.ndarray:
    """Return the share of each neuron's top positions in each category, shape (neurons, categories); NaN for none.

    Parameters
    ----------
    top_position : ndarray of int, shape (neurons, number)
        As `top.TopPositions` has them; −1 for none.
    category : ndarray of int, shape (positions,)
        Category of each position.
    number : int
        How many categories there are.
    """
    category_of = np.where(top_position >= 0, category[top_position], -1)
    counted = np.stack([(category_of == one).sum(1) for one in range(number)], axis=1).astype(float)
    total = counted.sum(1, keepdims=True)
    return counted / np.where(total > 0, total, np.nan)


def baseline(category: np.ndarray, number: int) -> np.ndarray:
    """Return the share of all positions in each category; NaN for a category without any."""
    counted = np.bincount(category, minlength=number).astype(float)
    return np.where(counted > 0, counted / len(category), np.nan)


def entropy(share: np.ndarray) -> np.ndarray:
    """Return the entropy in bits of each row of shares; NaN for a row of NaN."""
    return -np.sum(np.where(share > 0, share * np.log2(np.where(share > 0, share, 1.0)), share * 0), axis=1)


def firing(share: np.ndarray, base: np.ndarray) -> Firing:
    """Return the normalised firing of a set of neurons from their shares, shape (neurons, categories)."""
    known = share[np.isfinite(share).all(1)]
    if not len(known):
        return Firing(*np.full((3, len(base)), np.nan))
    return Firing(*(end / base for end in mean_interval(known)))


def control(share: np.ndarray, base: np.ndarray, size: int, draws: int, seed: int) -> tuple[Firing, np.ndarray]:
    """Return the firing of random neurons: mean and interval, and each draw, shape (draws, categories).

    Where there are no more than `size` neurons every draw would be all of them, and there is one: the interval is then
    the one over neurons, as in `firing`; otherwise it is Student's over the draws, as in the paper.
    """
    known = share[np.isfinite(share).all(1)]
    if len(known) <= size:
        all_of_them = firing(known, base)
        return all_of_them, np.tile(all_of_them.value, (draws, 1))
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0xF12E]))
    controls = np.stack([known[rng.choice(len(known), size, replace=False)].mean(0) / base for _ in range(draws)])
    return Firing(*mean_interval(controls)), controls
