"""The page of a results folder, one self-contained file: verdicts in words, tables, figures, provenance.

All text from files (names, attributes, messages) is escaped by the template; the figures are drawn here. The page of
one measured ladder is `rosettalaw.validation.ladder_report`.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .console import progress
from .disk import temporary_folder
from .empirical.filtering.findings import sentences as filtering_sentences
from .errors import MissingFileError
from .paper_figs.catalogue import CATALOGUE, make_all, on_page
from .paper_figs.results_folder import Results, read
from .paper_figs.style import vectors_alone
from .results import KIND
from .validation import page
from .validation.findings import findings
from .validation.published_checks import published_checks
from .validation.reporting import of_matchings
from .validation.reporting.answer import of_findings, of_row
from .validation.reporting.captions import Captions
from .validation.reporting.citation import bibtex
from .validation.reporting.of_filtering import of_filtering
from .validation.reporting.of_others import of_law, of_other
from .validation.verdict import listed

if TYPE_CHECKING:
    import xarray as xr

    from .validation.compare import Row
    from .validation.findings import Finding
    from .validation.reporting.answer import PageAnswer

SHOWN = 3  # files that are left out and named, where there is no page to list them
LONGEST = 400  # characters of an attribute that are printed
NAMES = {  # of kinds, for one and for several
    "pairs": ("matching", "matchings"),
    "fit": ("saved law", "saved laws"),
    "rung": ("rung", "rungs"),
    "recurrence": ("comparison of several models", "comparisons of several models"),
    "toy": ("toy study", "toy studies"),
    "filtering": ("filtering study", "filtering studies"),
    "judge": ("study of a judge", "studies of a judge"),
    "image_sweep": ("sweep over images", "sweeps over images"),
    "image_kinds": ("comparison of images", "comparisons of images"),
    "CSV": ("table of counts", "tables of counts"),
}


def write_results_page(folder: str | os.PathLike[str], out: str | os.PathLike[str], everything: bool = False) -> Path:
    """Write the page of a folder of results, or of one result.

    Parameters
    ----------
    folder : path
        Searched for result files (``.nc``) and counts (``.csv``), with the folders in it; or one such file.
    out : path
        The page, one HTML file.
    everything : bool
        Whether to include every figure and table of the paper as well.

    Raises
    ------
    MissingFileError
        If there is no such folder or file, or no result in it; with `everything` there is still the paper.
    ForeignFileError
        If the one file cannot be read as results or counts.
    """
    results = read(folder)
    if not (results.datasets or results.tables or everything):
        rule = "nothing to report: no result (.nc) and no table of counts (.csv) that can be read"
        reasons = "".join(f"; left out: {reason}" for reason in results.skipped[:SHOWN])
        more = f"; and {len(results.skipped) - SHOWN} others" if len(results.skipped) > SHOWN else ""
        raise MissingFileError(f"{folder}: {rule}{reasons}{more}. Try: rosettalaw demo --out results/demo")
    with temporary_folder() as scratch:
        names, made = list(CATALOGUE) if everything else on_page(results), []
        with progress("figures", len(names)) as bar, vectors_alone():
            for one in make_all(results, scratch, names):
                made.append(one)
                bar.advance()
        own = [row for row in results.rows if not row.series.reference]
        own.sort(key=lambda row: row.series.source in ("simulation", "toy"))  # measured models come first
        every = [*own, *(row for row in results.rows if row.series.reference)]
        judged = _judged(results)
        captions = Captions(results, every, judged)
        figures = [
            {"shows": shows, "says": says, "drawing": page.embedded(file, shows)}
            for one in made
            for file, shows, says in captions.of(one.name, one.shows, [f for f in one.files if f.suffix == ".svg"])
        ]
    html = page.render(
        "results.html",
        script="report.js" if figures else None,
        title="Rosetta Neurons: what these results show",
        subtitle=_subtitle(folder, results),
        command=f"rosettalaw report {shlex.quote(Path(folder).name)}",
        bibtex=bibtex(__version__),
        sources=[
            _source(row.series.name, row.sentences(), of_row(row)) for row in own if not _one_matching(row, results)
        ]
        + _further(results, judged),
        rows=[_printable(row.record()) for row in results.rows if not _one_matching(row, results)],
        checks=[vars(check) | {"interval": interval(check.interval)} for check in published_checks()],
        figures=figures,
        waiting=[one for one in made if not one.files],
        everything=everything,
        provenance=[_provenance(kind, name, ds) for kind, members in results.datasets.items() for name, ds in members]
        + [
            {"name": one.name, "facts": {"kind": "counts of a CSV file", "rows": len(one.counts)}}
            for one in results.tables
        ],
        skipped=results.skipped,
        own_first=any(not _one_matching(row, results) for row in own),
    )
    return page.write(out, html)


def _judged(results: Results) -> list[tuple[str, list[Finding]]]:
    """Return each ladder's findings on its neurons."""
    return [(name, findings(ladder, None)) for name, ladder in results.of("ladder")]


def _one_matching(row: Row, results: Results) -> bool:
    """Return whether a source is a single matching: nothing to fit, and its counts are said elsewhere."""
    return bool(results.matchings) and row.series.source == "ladder" and len(row.series.neurons) == 1


def _further(results: Results, judged: list[tuple[str, list[Finding]]]) -> list[dict[str, Any]]:
    """Return findings beside the fits: neurons of a ladder, studies of filtering, matchings and their counts."""
    further = []
    for name, shown in judged:
        if shown:
            sentences = [f"{one.name[0].upper()}{one.name[1:]}: {one.shown} ({one.numbers})." for one in shown]
            further.append(_source(f"{name}: its neurons", sentences, of_findings(shown)))
    studies = results.of("filtering")
    further += [_source(name, filtering_sentences(study), of_filtering(study)) for name, study in studies]
    by_name = {row.series.name: row for row in results.counted}
    laws = [(name, law, by_name[name]) for name, law in results.of("fit")]
    further += [_source(f"{name}: a saved law", of_law(law, row)) for name, law, row in laws]
    others = [(kind, name, ds) for kind, some in results.datasets.items() for name, ds in some]
    spoken = [_source(name, of_other(kind, ds, name)) for kind, name, ds in others]
    further += [one for one in spoken if one["sentences"]]
    said = [(name, of_matchings.of_recurrence(ds, name), None) for name, ds in results.of("recurrence")]
    said += [
        (f"{name}: one matching", of_matchings.of_pairs(ds, name), of_matchings.answer_of_pairs(ds, name))
        for name, ds in results.of("pairs")
    ]
    further += [_source(name, words, answer) for name, words, answer in said if words][: of_matchings.MOST]
    return further


def _source(name: str, sentences: list[str], answer: PageAnswer | None = None) -> dict[str, Any]:
    """Return a section of the page: its answer in three sentences, and the sentences that the answer does not have."""
    sentences = [one for one in sentences if answer is None or one not in vars(answer).values()]
    return {"name": name, "answer": None if answer is None else vars(answer), "sentences": sentences}


def interval(ends: Any) -> str:
    """Return a 95% interval in words; "" if there is none."""
    if ends is None or any(end is None or end != end for end in ends):
        return ""
    low, high = (f"{round(end, 2) + 0.0:.2f}".replace("-", "−") if abs(end) < float("inf") else "∞" for end in ends)
    return f"({low} to {high})"


def _printable(record: dict[str, Any]) -> dict[str, Any]:
    return {key: interval(value) if key.endswith("ci95") else value for key, value in record.items()}


def _subtitle(folder: str | os.PathLike[str], results: Results) -> str:
    members = {kind: len(some) for kind, some in results.datasets.items()} | {"CSV": len(results.tables)}
    kinds = [f"{number} {_named(kind, number)}" for kind, number in members.items() if number]
    return f"{Path(folder).name}: {listed(kinds) or 'no readable results'}, beside the numbers of arXiv 2606.03990"


def _named(kind: str, number: int) -> str:
    """Return the words for results of a kind; files of others may name any."""
    return NAMES.get(kind, (kind, f"{kind}s"))[number > 1]


def _provenance(kind: str, name: str, ds: xr.Dataset) -> dict[str, Any]:
    facts = {"kind": kind}
    for key, value in ds.attrs.items():
        if key == KIND:  # said already
            continue
        text = _versions(value) if key == "versions" else str(value)
        facts[str(key)] = text if len(text) <= LONGEST else text[:LONGEST] + " …"
    return {"name": name, "facts": facts}


def _versions(value: Any) -> str:
    """Return the versions as a list; as they are where they are no JSON object."""
    try:
        return ", ".join(f"{name} {version}" for name, version in json.loads(value).items())
    except (AttributeError, TypeError, ValueError, RecursionError):
        return str(value)
