"""Messages of figures: the sentence, with its numbers, that the results at hand say where a figure is shown.

Figures of the paper's numbers say those first (`of_published`), then the user's measurements (`of_ladders`). Up to
three sources have a sentence each; of more, a caption counts those in which the claim holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..series_from import of_ladder
from ..triangle import TriangleStatus
from ..verdict import of, signed
from . import of_ladders
from .of_published import of_published

if TYPE_CHECKING:
    import xarray as xr

    from ..compare import Row
    from ..findings import Finding
    from ..triangle import Triangle
    from .of_ladders import Said

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
    "fig03": ("language", "vision", "ladder", "counts"),
    "fig27": ("simulation",),
    "toy": ("toy",),
}  # by their source
OF_MATCHINGS = ("calibration", "reproducibility")  # figures of single matchings as well
DEPTHS = {"fig31": "Pythia", "fig32": "OpenCLIP"}  # by the family of the paper
MEASURED = ("language", "vision", "ladder")
MOST = 3  # sources that a caption speaks of
CURVES = 4  # ladders whose exponent over ρ is drawn


def message(
    figure: str,
    rows: Sequence[Row],
    judged: Sequence[tuple[str, Sequence[Finding]]],
    ladders: Sequence[tuple[str, xr.Dataset]] = (),
    others: Mapping[str, Sequence[tuple[str, xr.Dataset]]] | None = None,
) -> str:
    """Return the message of a figure, one sentence for each source, or one that counts many; "" for nothing computed.

    Parameters
    ----------
    figure : str
        Name in the catalogue.
    rows : sequence of Row
        Every source, side by side, references included.
    judged : sequence of (name, findings)
        Findings of each ladder.
    ladders : sequence of (name, Dataset)
        Measured ladders.
    others : mapping of str to sequence of (name, Dataset)
        Further results by kind: "pairs", "judge", "filtering", "image_sweep".
    """
    others = others or {}
    own = [row for row in rows if not row.series.reference]
    parts = [
        of_published(figure),
        _of_counts(figure, own),
        _of_findings(figure, judged),
        _of_ladders(figure, ladders if figure not in OF_MATCHINGS else [*ladders, *others.get("pairs", ())]),
        _of_studies(figure, others),
        _of_rows(figure, rows),
    ]
    if figure in DEPTHS:
        parts.append(of_ladders.early_layers(list(ladders), DEPTHS[figure]))
    if figure == "vision":
        parts.append(of_ladders.vision_pairings([one for _, one in ladders if one.attrs.get("modality") == "vision"]))
    return " ".join(part for part in parts if part)


def of_findings(figure: str, judged: Iterable[Finding]) -> str:
    """Return the sentence of the findings that a figure shows; "" for none."""
    return " ".join(
        f"{_named(one.name)}: {one.shown} ({one.numbers})."
        for one in judged
        if any(words in one.name for words in FINDINGS.get(figure, ()))
    )


def of_ladder_figure(figure: str, ladder: xr.Dataset, triangle: Triangle | None = None) -> str:
    """Return the sentence of a figure of one ladder, by its name in the ladder's folder; "" for none.

    Parameters
    ----------
    figure : str
        Name of the file, such as "scaling".
    ladder : Dataset
        Kind "ladder".
    triangle : Triangle, optional
        Its exponents, which the figure "triangle" draws.
    """
    if figure == "exponents":
        said = of_ladders.exponent_over_rho(of_ladder(ladder))
    elif figure == "triangle":
        said = None if triangle is None else of_ladders.triangle_demands(triangle)
    else:
        said = of_ladders.OF_LADDER[figure][0](ladder) if figure in of_ladders.OF_LADDER else None
    return "" if said is None else said.sentence


def _named(finding: str) -> str:
    """Return a finding's name as the beginning of a sentence that stands alone."""
    alone = finding.replace("their lead", "the lead of Rosetta Neurons").replace("they ", "Rosetta Neurons ")
    return alone[0].upper() + alone[1:]


def _sentences(said: Sequence[tuple[str, str]]) -> str:
    """Return the sentences of a few sources, each with its name unless it is the only one."""
    return " ".join(f"{name}: {words}" if len(said) > 1 else _begun(words) for name, words in said)


def _begun(words: str) -> str:
    """Return words as a sentence begins; a symbol such as α stays as it is."""
    return words[0].upper() + words[1:] if words[0].isascii() else words


def _summed(said: Sequence[tuple[str, Said]], things: str, claim: str) -> str:
    """Return the sentences of a few sources, or in how many of them the claim holds."""
    if len(said) <= MOST:
        return _sentences([(name, one.sentence) for name, one in said])
    return f"{of(sum(one.holds for _, one in said), len(said), things)} {claim}."


def _of_counts(figure: str, own: Iterable[Row]) -> str:
    """Return the verdict on the counts of one source; of several the exponents, of many how many grow sublinearly."""
    rows = [row for row in own if row.series.source in COUNTS.get(figure, ()) and not row.series.chance]
    rows = [row for row in rows if row.of_counts() and row.trend is not None]
    if len(rows) < 2:  # the whole verdict, whose end may restrict how it begins
        return _sentences([(row.series.name, row.of_counts()[0]) for row in rows])
    ends = [row.trend.exponent_ci95 for row in rows if row.trend is not None]
    below = sum(bool(np.isfinite([low, high]).all() and low > 0 and high < 1) for low, high in ends)
    claim = f"{of(below, len(ends), 'sources')} grow sublinearly"
    if len(rows) > MOST:
        return f"{claim}."
    alphas = [
        f"{row.series.name}, α = {signed(row.trend.exponent)} ({signed(low)} to {signed(high)})"
        for row, (low, high) in zip(rows, ends, strict=True)
        if row.trend is not None
    ]
    return f"{claim}: {'; '.join(alphas)}. The verdicts above say how far the counts are evidence."


def _of_findings(figure: str, judged: Sequence[tuple[str, Sequence[Finding]]]) -> str:
    said = [(name, words) for name, some in judged if (words := of_findings(figure, some))]
    if len(said) <= MOST:
        return _sentences(said)
    asked = [one for _, some in judged for one in some if any(words in one.name for words in FINDINGS[figure])]
    names = dict.fromkeys(one.name for one in asked)
    shown = {name: [one.shown == "shown" for one in asked if one.name == name] for name in names}
    return " ".join(f"{_named(name)}: shown in {sum(yes)} of {len(yes)} ladders." for name, yes in shown.items())


def _of_ladders(figure: str, ladders: Sequence[tuple[str, xr.Dataset]]) -> str:
    if figure not in of_ladders.OF_LADDER:
        return ""
    speak, claim = of_ladders.OF_LADDER[figure]
    said = [(name, one) for name, ladder in ladders if (one := speak(ladder)) is not None]
    return _summed(said, "matched models" if figure in OF_MATCHINGS else "ladders", claim) if said else ""


def _of_studies(figure: str, others: Mapping[str, Sequence[tuple[str, xr.Dataset]]]) -> str:
    if figure not in of_ladders.OF_STUDY:
        return ""
    kind, speak, claim = of_ladders.OF_STUDY[figure]
    said = [(name, one) for name, study in others.get(kind, ()) if (one := speak(study)) is not None]
    return _summed(said, "studies", claim) if said else ""


def _of_rows(figure: str, rows: Sequence[Row]) -> str:
    """Return the message of a figure that compares sources, references among them where it draws them."""
    if figure == "sources":
        return of_ladders.all_sources(list(rows))
    if figure == "triangle":
        tested = [row for row in rows if row.triangle is not None and row.triangle.status is TriangleStatus.OK]
        said = [(row.series.name, of_ladders.triangle_demands(row.triangle)) for row in tested if row.triangle]
        return (
            _summed(
                [(n, one) for n, one in said if one],
                "sources",
                "meet both demands of the theory for unattenuated correlations",
            )
            if said
            else ""
        )
    if figure == "profiles":
        own = [row for row in rows if row.series.source in MEASURED and not row.series.reference]
        said = [(row.series.name, one) for row in own if (one := of_ladders.profile_steepness(row)) is not None]
        return _summed(said, "ladders", "have profiles as steep as their counts require") if said else ""
    if figure == "exponents":
        series = [row.series for row in rows if row.series.calibrated and not row.series.shared]
        some = sorted(series, key=lambda one: one.reference)[:CURVES]
        said = [(one.name, words) for one in some if (words := of_ladders.exponent_over_rho(one)) is not None]
        if len(said) == 1 and some[0].reference:  # not the reader's own
            return f"{said[0][0]}: {said[0][1].sentence}"
        return _summed(said, "ladders", "have overlapping intervals of α at both ends of their curves") if said else ""
    return ""
