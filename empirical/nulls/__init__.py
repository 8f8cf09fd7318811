"""Nulls: two models changed so that their neurons have no reason to match. A count is read against them.

A kind of null is one file here and one line in `KINDS`; the engine, ladders, calibration, results, tables and figures
take it from there.

| chapter | subject |
|---|---|
| `null` | the class of all kinds: how one is drawn, what it keeps and what it breaks |
| `permute` | B's positions in a random order |
| `untrained` | networks with random weights |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...errors import UnknownNameError, require
from .null import Null, Sources
from .permute import Permute
from .untrained import Untrained

KINDS: dict[str, Null] = {null.name: null for null in (Permute(), Untrained())}

__all__ = ["KINDS", "Null", "Sources", "draws_of", "every_label", "kind", "labels", "null_pairs"]


def kind(name: str) -> Null:
    """Return a kind of null by its name.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    """
    if name not in KINDS:
        raise UnknownNameError("null", name, KINDS)
    return KINDS[name]


def draws_of(nulls: Mapping[str, int]) -> dict[Null, int]:
    """Return the kinds that are drawn at all, with their number of draws.

    Raises
    ------
    UnknownNameError, InputError
        If a kind is unknown, or a number of draws negative.
    """
    for name, draws in nulls.items():
        require(draws >= 0, name, draws, "must be at least 0", f"nulls={{{name!r}: 3}}")
    return {kind(name): draws for name, draws in nulls.items() if draws}


def labels(others: Iterable[str] = ()) -> list[str]:
    """Return the labels of a result: the paper's two nulls, with draws or without, and all `others` with draws."""
    return list(dict.fromkeys([*(null.label for null in KINDS.values() if null.section), *others]))


def every_label() -> list[str]:
    """Return the labels of all kinds."""
    return [null.label for null in KINDS.values()]


def null_pairs(nulls: Mapping[str, Sequence[np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the pairs of all draws one after the other: correlation, number of the draw, label of the null."""
    draws = [(label, number, draw) for label, of in nulls.items() for number, draw in enumerate(of)]
    lengths = [len(draw) for _, _, draw in draws]
    return {
        "null_correlation": np.concatenate([np.empty(0), *(draw for _, _, draw in draws)]),
        "null_draw": np.repeat(np.array([number for _, number, _ in draws], dtype=np.int64), lengths),
        "null_kind": np.repeat(np.array([label for label, _, _ in draws], dtype=object), lengths),
    }
