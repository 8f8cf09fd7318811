"""The strongest contexts of matched neurons of two language models, with the heat of every token around them.

Activations are shown in standard deviations from the neuron's mean over all positions. Each model reads the text twice:

1. mean, deviation and the highest positions of each neuron (`_Strongest`);
2. the activations of both partners around the positions that either of them has chosen (`_Stretches`).

Of a neuron's highest positions one is left out if it lies within the context of a higher one, so that the contexts of
a neuron are different passages.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from ...console import progress
from ..activations.source import ActivationSource
from ..language.aligned_text import AlignedText
from ..measures.top import TopPositions
from .items import LEVELS, Judged, Pair, TextContext
from .passages import AROUND as AROUND
from .passages import apart as apart

SURPLUS = 6  # positions saved for each context shown, since neighbours of a higher one are left out
ROWS = 1024
LONGEST = 120  # characters of one span that are shown


def text_pairs(
    sources: tuple[ActivationSource, ActivationSource],
    units: tuple[Sequence[int], Sequence[int]],
    correlation: Sequence[float],
    contexts: int = 8,
    quiet: bool = False,
    judged: Sequence[Judged] | None = None,
    text: AlignedText | None = None,
) -> list[Pair]:
    """Return each pair's part of the page.

    Parameters
    ----------
    sources : pair of ActivationSource
        The two models on the same aligned text, or copies of their activations.
    units : pair of sequences of int
        The pairs' neurons in each model, counted over all its layers.
    correlation : sequence of float
        The pairs' correlations.
    contexts : int
        Contexts of each partner.
    judged : sequence of Judged, optional
        Further numbers of each pair.
    text : AlignedText, optional
        The text, where the sources are copies that do not know it.
    """
    text = text if text is not None else sources[0].text  # pyright: ignore[reportAttributeAccessIssue]  (a TextSource)
    assert text is not None
    columns = [np.asarray(side, dtype=np.int64) for side in units]
    with progress("strongest contexts", 4 * text.positions, quiet) as bar:
        sides = [
            _Strongest(source, column, contexts, bar.advance) for source, column in zip(sources, columns, strict=True)
        ]
        chosen = [sorted({*a, *b}) for a, b in zip(sides[0].positions, sides[1].positions, strict=True)]
        shown = _Stretches(text, chosen)
        z = [
            side.standardised(shown.read(source, column, bar.advance), shown.pair)
            for source, column, side in zip(sources, columns, sides, strict=True)
        ]
    pairs, entry = [], itertools.count()
    for number, positions in enumerate(chosen):
        ceilings = sides[0].highest[number], sides[1].highest[number]
        neurons = [(int(s.layer[c[number]]), int(s.unit[c[number]])) for s, c in zip(sources, columns, strict=True)]
        own = [[positions.index(position) for position in side.positions[number]] for side in sides]
        contexts_shown = [
            shown.context(e, (z[0][e], z[1][e]), ceilings) for e in itertools.islice(entry, len(positions))
        ]
        pairs.append(
            Pair(
                neurons=(neurons[0], neurons[1]),
                correlation=float(correlation[number]),
                contexts=contexts_shown,
                top=(own[0], own[1]),
                judged=Judged() if judged is None else judged[number],
            )
        )
    return pairs


class _Strongest:
    """One model's neurons of the pairs: moments, and the positions where each is most active.

    Attributes
    ----------
    positions : list of list of int
        For each neuron, its highest positions that are not neighbours, highest first.
    highest : ndarray, shape (pairs,)
        Activation at the first of them, in standard deviations from the mean.
    """

    def __init__(self, source: ActivationSource, columns: np.ndarray, contexts: int, advance: Callable[[int], object]):
        highest_positions = TopPositions(len(columns), contexts * SURPLUS)
        origin: np.ndarray | None = None  # sums of squares are taken about a value of the data, against cancellation
        total = squares = np.zeros(len(columns))
        for block in source.blocks(ROWS):
            chosen = block[:, columns]
            highest_positions.add(chosen)
            origin = chosen[0].astype(float) if origin is None else origin
            total = total + (chosen - origin).sum(0)
            squares = squares + ((chosen - origin) ** 2).sum(0)
            advance(len(block))
        assert origin is not None
        mean = total / source.positions
        deviation = np.sqrt(np.maximum(squares / source.positions - mean**2, 0))
        self._mean, self._deviation = mean + origin, np.where(deviation > 0, deviation, 1.0)
        self.positions = [apart(positions_of, contexts) for positions_of in highest_positions.position]
        self.highest = (highest_positions.activation[:, 0] - self._mean) / self._deviation

    def standardised(self, values: np.ndarray, pair: np.ndarray) -> np.ndarray:
        """Return activations of shape (entries, …) of the given pairs in standard deviations from their means."""
        return (values - self._mean[pair, None]) / self._deviation[pair, None]


class _Stretches:
    """Stretches of spans around chosen positions, within the windows that the models read: one entry per position."""

    def __init__(self, text: AlignedText, chosen: Sequence[Sequence[int]]):
        self._text = text
        self.pair = np.repeat(np.arange(len(chosen)), [len(positions) for positions in chosen])
        self.position = np.array(list(itertools.chain(*chosen)), dtype=np.int64)
        self._ends = np.cumsum([window.positions for window in text.windows])
        window = np.searchsorted(self._ends, self.position, side="right")
        before = self._ends[window] - np.array([w.positions for w in text.windows])[window]
        self.begin = np.maximum(self.position - AROUND, before)
        self.end = np.minimum(self.position + AROUND + 1, self._ends[window])

    def read(self, source: ActivationSource, columns: np.ndarray, advance: Callable[[int], object]) -> np.ndarray:
        """Return each entry's neuron around its position, shape (entries, 2·AROUND + 1); NaN outside its stretch."""
        values = np.full((len(self.position), 2 * AROUND + 1), np.nan)
        first = 0
        for block in source.blocks(ROWS):
            last = first + len(block)
            for entry in np.flatnonzero((self.begin < last) & (self.end > first)):
                begin, end = max(self.begin[entry], first), min(self.end[entry], last)
                offset = AROUND - self.position[entry]
                values[entry, begin + offset : end + offset] = block[begin - first : end - first][
                    :, columns[self.pair[entry]]
                ]
            first = last
            advance(len(block))
        return values

    def context(
        self, entry: int, z: tuple[np.ndarray, np.ndarray], ceilings: tuple[np.floating, np.floating]
    ) -> TextContext:
        """Return one entry as the page shows it."""
        position, begin, end = (int(bound[entry]) for bound in (self.position, self.begin, self.end))
        number = int(np.searchsorted(self._ends, position, side="right"))
        window = self._text.windows[number]
        row = int(self._ends[number]) - window.positions
        document = self._text.corpus.documents[window.document]
        edges = window.spans[begin - row : end - row + 1].tolist()
        inside = slice(begin - position + AROUND, end - position + AROUND)
        heat = [_levels(values[inside], ceiling) for values, ceiling in zip(z, ceilings, strict=True)]
        return TextContext(
            name=document.name,
            domain=document.domain,
            spans=[_shortened(document.text[i:j]) for i, j in itertools.pairwise(edges)],
            peak=position - begin,
            heat=(heat[0], heat[1]),
            z=(float(z[0][AROUND]), float(z[1][AROUND])),
            goes_on=(edges[0] > 0, edges[-1] < len(document.text)),
        )


def _levels(z: np.ndarray, ceiling: np.floating) -> list[int]:
    share = z / ceiling if ceiling > 0 else np.zeros_like(z)
    return np.rint(LEVELS * np.clip(share, 0, 1)).astype(int).tolist()


def _shortened(span: str) -> str:
    return span if len(span) <= LONGEST else f"{span[: LONGEST - 1]}…"
