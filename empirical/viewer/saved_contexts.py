"""Contexts of matched neurons as variables of a result of kind "pairs", and back.

`rosettalaw match` looks them up while it still has both models' activations, so that `rosettalaw view` needs no model.
The text of every context is stored span by span as UTF-8 bytes, with both partners' heat. A pair of five contexts of
each partner takes about 5 kB before compression, whatever the length of the text.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .items import Judged, Pair, TextContext

if TYPE_CHECKING:
    import xarray as xr

    from ..activations.source import ActivationSource
    from ..language.aligned_text import AlignedText
    from ..matching.matches import Matches

PAIRS = 1000  # pairs whose contexts are saved, those with the highest |ρ|: as many as `rosettalaw view` shows
SAVED = "contexts"  # attribute of a result: contexts of each partner
OUTSIDE = -1  # rank of a context that is not among a partner's strongest


def strongest_pairs(correlation: np.ndarray, number: int) -> np.ndarray:
    """Return the places of the pairs with the highest |ρ|, highest first."""
    return np.argsort(-np.abs(correlation), kind="stable")[:number]


def collector(
    text: AlignedText, contexts: int, into: dict[str, Any], quiet: bool = False
) -> Callable[[ActivationSource, ActivationSource, Matches], None]:
    """Return a function that puts the contexts of a matching's strongest pairs into a dictionary of variables.

    Parameters
    ----------
    text : AlignedText
        The text that both sources are positions of.
    contexts : int
        Contexts of each partner.
    into : dict
        Variables by name, as `rosettalaw.results.dataset` takes them.
    """

    def collect(a: ActivationSource, b: ActivationSource, matches: Matches) -> None:
        from .text_pairs import text_pairs

        places = strongest_pairs(matches.correlation, PAIRS)
        if not len(places):
            return
        units = matches.unit_a[places].tolist(), matches.unit_b[places].tolist()
        pairs = text_pairs((a, b), units, matches.correlation[places].tolist(), contexts, quiet, text=text)
        into.update(to_variables(pairs, places))

    return collect


def to_variables(pairs: Sequence[Pair], places: Sequence[int] | np.ndarray) -> dict[str, Any]:
    """Return the contexts of pairs as variables along ``context``, ``shown_span`` and ``text``.

    Parameters
    ----------
    pairs : sequence of Pair
        With texts as contexts.
    places : sequence of int
        Their places along ``pair``.
    """
    every = [(pair, number, one) for pair in pairs for number, one in enumerate(pair.contexts)]
    shown: list[Any] = [one for _, _, one in every]
    owner = np.repeat(np.asarray(places, dtype=np.int64), [len(pair.contexts) for pair in pairs])
    encoded = [span.encode("utf-8", "surrogatepass") for one in shown for span in one.spans]
    heat = [np.array([level for one in shown for level in one.heat[side]], dtype=np.uint8) for side in (0, 1)]
    ranks = [[_rank(pair.top[side], number) for pair, number, _ in every] for side in (0, 1)]
    variables: dict[str, Any] = {
        "context_pair": ("context", owner),
        "context_document": ("context", np.array([one.name for one in shown], dtype=object)),
        "context_domain": ("context", np.array([one.domain for one in shown], dtype=object)),
        "context_peak": ("context", np.array([one.peak for one in shown], dtype=np.int64)),
        "context_spans": ("context", np.array([len(one.spans) for one in shown], dtype=np.int64)),
        "context_follows": ("context", np.array([one.goes_on[0] for one in shown], dtype=np.int8)),
        "context_continues": ("context", np.array([one.goes_on[1] for one in shown], dtype=np.int8)),
        "span_bytes": ("shown_span", np.array([len(one) for one in encoded], dtype=np.int64)),
        "text_byte": ("text", np.frombuffer(b"".join(encoded), dtype=np.uint8)),
    }
    for side, letter in enumerate("ab"):
        variables[f"activation_{letter}"] = ("context", np.array([one.z[side] for one in shown], dtype=float))
        variables[f"context_rank_{letter}"] = ("context", np.array(ranks[side], dtype=np.int64))
        variables[f"heat_{letter}"] = ("shown_span", heat[side])
    return variables


def _rank(top: Sequence[int], number: int) -> int:
    return top.index(number) if number in top else OUTSIDE


def saved_pairs(result: xr.Dataset, order: np.ndarray, contexts: int | None, judged: Sequence[Judged]) -> list[Pair]:
    """Return pairs of a result with the contexts that it keeps.

    Parameters
    ----------
    result : Dataset of kind "pairs"
        A matching that keeps contexts of all these pairs (`keeps`).
    order : ndarray of int
        Places of the pairs along ``pair``.
    contexts : int, optional
        Contexts of each partner; as many as the result keeps by default.
    judged : sequence of Judged
        Further numbers of all pairs of the result.

    Raises
    ------
    ValueError
        If the contexts do not fit together, as in a damaged file.
    """
    saved = {str(name): result[name].values for name in result.data_vars}
    ends = np.cumsum(saved["span_bytes"])
    spans_end = np.cumsum(saved["context_spans"])
    of_pair = np.argsort(saved["context_pair"], kind="stable")
    first, last = (np.searchsorted(saved["context_pair"][of_pair], order, side=side) for side in ("left", "right"))
    text = saved["text_byte"].tobytes()
    fits = (
        spans_end[-1] == len(ends) and ends[-1] == len(text) and np.all(saved["context_peak"] < saved["context_spans"])
    )
    if not fits:
        raise ValueError("contexts, their spans and their text are inconsistent")
    pairs = []
    for place, begin, end in zip(order.tolist(), first, last, strict=True):
        rows = of_pair[begin:end].tolist()
        ranks = [[int(saved[f"context_rank_{letter}"][row]) for row in rows] for letter in "ab"]
        wanted = [any(OUTSIDE < rank < (contexts or rank + 1) for rank in both) for both in zip(*ranks, strict=True)]
        shown = [number for number, one in enumerate(wanted) if one]
        top = [
            [shown.index(number) for _, number in sorted((side[n], n) for n in shown if side[n] > OUTSIDE)][:contexts]
            for side in ranks
        ]
        neurons = [(int(saved[f"layer_{letter}"][place]), int(saved[f"layer_unit_{letter}"][place])) for letter in "ab"]
        pairs.append(
            Pair(
                neurons=(neurons[0], neurons[1]),
                correlation=float(saved["correlation"][place]),
                contexts=[_context(saved, text, ends, spans_end, rows[number]) for number in shown],
                top=(top[0], top[1]),
                judged=judged[place],
            )
        )
    return pairs


def strongest_spans(result: xr.Dataset) -> dict[str, list[str]]:
    """Return the spans at which each partner of each pair is most active, highest first, separated by " | ".

    Returns
    -------
    dict
        ``spans_a`` and ``spans_b``, with "" for pairs whose contexts are not kept; nothing of a result without any.
    """
    if SAVED not in result.attrs or "context_pair" not in result:
        return {}
    saved = {str(name): result[name].values for name in result.data_vars}
    ends, last = np.cumsum(saved["span_bytes"]), np.cumsum(saved["context_spans"])
    place = last - saved["context_spans"] + saved["context_peak"]
    pair, text = saved["context_pair"], saved["text_byte"].tobytes()
    if len(place) and (place.max() >= len(ends) or ends[-1] > len(text) or pair.max() >= result.sizes["pair"]):
        return {}
    words = [text[ends[at] - saved["span_bytes"][at] : ends[at]].decode("utf-8", "replace") for at in place]
    columns = {}
    for letter in "ab":
        rank = saved[f"context_rank_{letter}"]
        spans: list[list[str]] = [[] for _ in range(result.sizes["pair"])]
        for row in np.argsort(rank, kind="stable")[np.count_nonzero(rank == OUTSIDE) :].tolist():
            spans[pair[row]].append(words[row].strip() or repr(words[row]))
        columns[f"spans_{letter}"] = [" | ".join(one) for one in spans]
    return columns


def keeps(result: xr.Dataset, order: np.ndarray, contexts: int | None) -> bool:
    """Return whether a result has enough contexts of each of these pairs."""
    if SAVED not in result.attrs or "context_pair" not in result:
        return False
    return int(result.attrs[SAVED]) >= (contexts or 1) and bool(np.isin(order, result["context_pair"].values).all())


def _context(
    saved: Mapping[str, np.ndarray], text: bytes, ends: np.ndarray, spans_end: np.ndarray, row: int
) -> TextContext:
    """Return one saved context; `ends` and `spans_end` are where each span's text, and each context's spans, end."""
    here = slice(int(spans_end[row] - saved["context_spans"][row]), int(spans_end[row]))
    edges = [int(ends[here.start] - saved["span_bytes"][here.start]), *ends[here].tolist()]
    heat = [saved[f"heat_{letter}"][here].tolist() for letter in "ab"]
    return TextContext(
        name=str(saved["context_document"][row]),
        domain=str(saved["context_domain"][row]),
        spans=[text[i:j].decode("utf-8", "surrogatepass") for i, j in itertools.pairwise(edges)],
        peak=int(saved["context_peak"][row]),
        heat=(heat[0], heat[1]),
        z=(float(saved["activation_a"][row]), float(saved["activation_b"][row])),
        goes_on=(bool(saved["context_follows"][row]), bool(saved["context_continues"][row])),
    )
