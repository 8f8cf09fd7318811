"""The text around every neuron's most active positions, saved in a result without the corpus.

While activations stream by, a neuron keeps the numbers of its top positions alone (`measures.top`). At the end the
distinct positions of all neurons are looked up in the text that was read, and the stretches within `around` characters
of one of them are stored once, as UTF-8 bytes; each position says where its stretch begins and how long its three parts
are: before the span, the span, and after it.

So a result grows by 12 bytes for each top position of each neuron, 32 for each distinct one, and at most the text that
was read, before compression (compressed about a quarter: 168 kB for 512 neurons and their 257 kB of text); it does not
grow with neurons × characters.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import require
from .alignment import byte_offsets

if TYPE_CHECKING:
    import xarray as xr

    from .aligned_text import AlignedText

PARTS = ("before", "span", "after")


@dataclass(frozen=True)
class Snippet:
    """One of a neuron's top positions: its activation there, the document and domain, and the text around."""

    position: int
    activation: float
    document: str
    domain: str
    before: str
    span: str
    after: str


def keep_text(text: AlignedText, positions: np.ndarray, around: int) -> dict[str, Any]:
    """Return the text around some positions as variables of a Dataset.

    Parameters
    ----------
    text : AlignedText
        The text of the matching.
    positions : ndarray of int
        Aligned positions in any order, some of them more than once; negative ones are none.
    around : int
        Characters on either side of a span, within its document; 0 keeps no text at all.
    """
    if around <= 0:
        return {}
    wanted = np.unique(positions[positions >= 0])
    documents, begin, end = _places(text, wanted)
    stored, first, lengths, used = [], np.zeros(len(wanted), np.int64), np.zeros((len(wanted), 3), np.int32), 0
    for number, start in zip(*np.unique(documents, return_index=True), strict=True):  # they are read one by one
        here = slice(start, start + int(np.searchsorted(documents[start:], number, side="right")))
        whole = text.corpus.documents[number].text
        at = byte_offsets(whole)
        shown_from, shown_to = np.maximum(begin[here] - around, 0), np.minimum(end[here] + around, len(whole))
        stretches, of = _merged(shown_from, shown_to)
        encoded = [whole[i:j].encode("utf-8", "surrogatepass") for i, j in stretches]
        starts = used + np.cumsum([0, *map(len, encoded)])
        first[here] = starts[of] + at[shown_from] - at[stretches[of, 0]]
        lengths[here] = np.diff(at[np.stack([shown_from, begin[here], end[here], shown_to])], axis=0).T
        stored += encoded
        used = int(starts[-1])
    return {
        "snippet_position": ("snippet", wanted),
        "snippet_document": ("snippet", documents.astype(np.int32)),
        "snippet_begin": ("snippet", first),
        **{f"snippet_{part}": ("snippet", lengths[:, i]) for i, part in enumerate(PARTS)},
        "text_byte": ("text", np.frombuffer(b"".join(stored), dtype=np.uint8)),
        "read_name": ("read_document", _names(text, "name")),
        "read_domain": ("read_document", _names(text, "domain")),
    }


class KeptText:
    """Text around neurons' top positions, from a result.

    Parameters
    ----------
    result : Dataset of kind "rung" or "ladder"
        A measurement whose plan keeps text (``around`` above 0).

    Raises
    ------
    InputError
        If it keeps none.
    """

    def __init__(self, result: xr.Dataset):
        rule = "has no text around the neurons' top positions, without which there are no contexts to show"
        example = "results of rosettalaw ladder --out FOLDER with around = 60 in [measurement], or of rosettalaw match"
        require("text_byte" in result, "result", result.attrs.get("ladder", "rung"), rule, example)
        names = ("top_position", "top_activation", "text_byte", "read_name", "read_domain", "snippet_position")
        names += ("snippet_document", "snippet_begin", *(f"snippet_{part}" for part in PARTS))
        self._saved = {name: result[name].values for name in names}
        joined = "neuron_rung" in result
        self._rungs = (result["neuron_rung"].values, result["snippet_rung"].values) if joined else None

    def of(self, neuron: int) -> list[Snippet]:
        """Return the top positions of a neuron, its place along ``neuron``, most active first."""
        known, before = self._saved["snippet_position"], 0
        if self._rungs is not None:
            of_neuron, of_snippet = self._rungs
            before, after = np.searchsorted(of_snippet, [of_neuron[neuron], of_neuron[neuron] + 1])
            known = known[before:after]
        positions = self._saved["top_position"][neuron]
        present = positions >= 0
        rows = before + np.searchsorted(known, positions[present])
        return [self._snippet(*each) for each in zip(rows, self._saved["top_activation"][neuron][present], strict=True)]

    def _snippet(self, row: int, activation: float) -> Snippet:
        saved_text = self._saved
        ends = np.cumsum([saved_text["snippet_begin"][row], *(saved_text[f"snippet_{part}"][row] for part in PARTS)])
        pieces = (saved_text["text_byte"][i:j].tobytes() for i, j in itertools.pairwise(ends))
        before, span, after = (piece.decode("utf-8", "surrogatepass") for piece in pieces)
        document = saved_text["snippet_document"][row]
        name, domain = str(saved_text["read_name"][document]), str(saved_text["read_domain"][document])
        return Snippet(
            position=int(saved_text["snippet_position"][row]),
            activation=float(activation),
            document=name,
            domain=domain,
            before=before,
            span=span,
            after=after,
        )


def _places(text: AlignedText, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return document, first character and end of each position, as `AlignedText.locate` does for one."""
    sizes = np.array([window.positions for window in text.windows])
    ends = np.cumsum(sizes)
    window = np.searchsorted(ends, positions, side="right")
    place = positions - (ends - sizes)[window]
    spans = [text.windows[w].spans[p : p + 2] for w, p in zip(window, place, strict=True)]
    begin, end = np.array(spans, dtype=np.int64).reshape(-1, 2).T
    return np.array([text.windows[w].document for w in window], dtype=np.int64), begin, end


def _merged(begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return stretches that cover all given ones (whose beginnings never fall), and the one that holds each."""
    reach = np.maximum.accumulate(end)
    new = np.concatenate([[True], begin[1:] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(new)[1:] - 1, [len(begin) - 1]])
    return np.column_stack([begin[new], reach[last]]), np.cumsum(new) - 1


def _names(text: AlignedText, fact: str) -> np.ndarray:
    return np.array([getattr(document, fact) for document in text.corpus.documents], dtype=object)
