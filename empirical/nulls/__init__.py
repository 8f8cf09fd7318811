"""Nulls: two models changed so that their neurons have no reason to match. A count is read against them.

A kind of null is one file here and one line in `KINDS`; the engine, ladders, calibration, results, tables and figures
take it from there.

| chapter | subject |
|---|---|
| `null` | the class of all kinds: how one is drawn, what it keeps and what it breaks |
| `shift` | B's positions shifted around the end |
| `documents` | each document of A with another one of B |
| `permute` | B's positions in a random order, one by one |
| `untrained` | networks with random weights |
| `span` | B's positions permuted among those with the same span text |
| `rotation` | B's neurons turned within each layer |

By default (`default_nulls`) three draws each are made of `shift`, of `documents` where the documents are known, and of
`untrained` where both models are checkpoints. `permute` is the paper's; it is no null for signals that are
autocorrelated over positions, as those of any text are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ...errors import InputError, UnknownNameError, require
from ..activations.source import ActivationSource, common_labels
from ..activations.source import untrained as untrained_twin
from .documents import FEWEST, Documents
from .null import Null, Sources
from .permute import Permute
from .rotation import Rotation
from .shift import FEWEST as FEWEST_POSITIONS
from .shift import Shift
from .span import Span
from .untrained import Untrained

KINDS: dict[str, Null] = {
    null.name: null for null in (Permute(), Untrained(), Shift(), Documents(), Span(), Rotation())
}
DRAWS = 3  # of each kind, as in the paper
MOST_DRAWS = 100_000

__all__ = [
    "DRAWS",
    "KINDS",
    "Null",
    "Sources",
    "default_nulls",
    "drawable",
    "draws_of",
    "every_label",
    "kind",
    "labels",
    "name_of",
    "null_pairs",
    "parsed",
]


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
    """Return the kinds with at least one draw, and the number of draws of each.

    Raises
    ------
    UnknownNameError, InputError
        If a kind is unknown, or a number of draws negative or above `MOST_DRAWS`.
    """
    for name, draws in nulls.items():
        require(0 <= draws <= MOST_DRAWS, name, draws, f"must be from 0 to {MOST_DRAWS:,}", f"nulls={{{name!r}: 3}}")
    return {kind(name): draws for name, draws in nulls.items() if draws}


def default_nulls(a: ActivationSource, b: ActivationSource, draws: int = DRAWS) -> dict[str, int]:
    """Return the default draws.

    `shift`; `documents` where at least five are known; `untrained` where both models are checkpoints. Too few positions
    to be shifted are permuted.
    """
    document = common_labels(a, b).get("document")
    nulls = {"shift": draws} if b.positions >= FEWEST_POSITIONS else {"permute": draws}
    if document is not None and len(np.unique(document)) >= FEWEST:
        nulls["documents"] = draws
    if all(untrained_twin(one) is not None for one in (a, b)):
        nulls["untrained"] = draws
    return nulls


def drawable(nulls: Mapping[str, int], a: ActivationSource, b: ActivationSource) -> tuple[dict[str, int], list[str]]:
    """Return the kinds of which draws can be made of two models, and for the others the reasons."""
    possible, reasons = {}, []
    for null, draws in draws_of(nulls).items():
        try:
            null.check(a, b, draws)
            possible[null.name] = draws
        except InputError as error:
            reasons.append(str(error))
    return possible, reasons


def parsed(words: str, draws: int = DRAWS) -> dict[str, int]:
    """Return the draws of each kind that an option asks for: ``shift,untrained:5``; ``none`` draws nothing.

    Raises
    ------
    UnknownNameError, InputError
        If a kind is unknown, named twice, or its draws are no whole number.
    """
    nulls: dict[str, int] = {}
    example = "--null shift,untrained:5"
    rule = "must be text; a dictionary of null to draws is the argument nulls"
    require(isinstance(words, str), "--null", words, rule, example)
    for word in (part.strip() for part in words.split(",")):
        name, colon, number = word.partition(":")
        if word == "none" and "," not in words:
            return {}
        require(bool(name), "--null", words, "has an empty name", example)
        require(kind(name).name not in nulls, "--null", words, f"names {name!r} twice", example)
        if colon and not (number.isascii() and number.isdecimal()):
            raise InputError("--null", word, "must have a whole number of draws after the colon", example)
        nulls[name] = int(number) if colon else draws
    return nulls


def name_of(label: str) -> str:
    """Return the kind's name for its label in results; a label of another origin as it is."""
    return next((null.name for null in KINDS.values() if null.label == label), label)


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
