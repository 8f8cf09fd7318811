"""Messages of figures: the sentence, with its numbers, that the results at hand say where a figure is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from .of_published import of_published

if TYPE_CHECKING:
    from ..compare import Row
    from ..findings import Finding

# Figure of the catalogue, or of a ladder's folder -> the findings that it shows, by words of their names.
FINDINGS = {
    "fig06": ("lead in selectivity",),
    "selectivity": ("lead in selectivity",),
    "fig07": ("specialize",),
    "documents": ("specialize",),
    "specialists": ("more selective",),
    "superiority": ("more selective",),
}
COUNTS = {
    "fig03": ("language", "vision", "ladder"),
    "fig27": ("simulation",),
    "toy": ("toy",),
}  # by their source
MOST = 3  # sources that a caption speaks of


def message(figure: str, rows: Sequence[Row], judged: Sequence[tuple[str, Sequence[Finding]]]) -> str:
    """Return the message of a figure, one sentence for each source; "" where nothing was computed, or for many sources.

    Parameters
    ----------
    figure : str
        Name in the catalogue.
    rows : sequence of Row
        The user's sources, side by side.
    judged : sequence of (name, findings)
        Findings of each ladder.
    """
    said = list(_of_rows(figure, rows))
    said += [(name, words) for name, findings in judged if (words := of_findings(figure, findings))]
    if len(said) > MOST:
        return ""
    own = " ".join(f"{name}: {words}" if len(said) > 1 else f"{words[0].upper()}{words[1:]}" for name, words in said)
    return " ".join(part for part in (of_published(figure), own) if part)


def of_findings(figure: str, judged: Iterable[Finding]) -> str:
    """Return the sentence of the findings that a figure shows; "" for none."""
    return " ".join(
        f"{_named(one.name)}: {one.shown} ({one.numbers})."
        for one in judged
        if any(words in one.name for words in FINDINGS.get(figure, ()))
    )


def _named(finding: str) -> str:
    """Return a finding's name as the beginning of a sentence that stands alone."""
    alone = finding.replace("their lead", "the lead of Rosetta Neurons").replace("they ", "Rosetta Neurons ")
    return alone[0].upper() + alone[1:]


def _of_rows(figure: str, rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    for row in rows:
        if row.series.source in COUNTS.get(figure, ()) and not row.series.chance and row.of_counts():
            yield row.series.name, row.of_counts()[0]  # whole: what follows may take back how it begins
