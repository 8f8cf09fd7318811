"""One self-contained page about a folder of results: verdicts in words, tables, figures, provenance.

Everything that came from a file (names, attributes, messages) is escaped by the template; the figures are drawn here.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import progress
from .empirical.filtering.findings import sentences as filtered
from .paper_figs.catalogue import CATALOGUE, make_all
from .paper_figs.found import Found, look
from .validation import page
from .validation.findings import findings
from .validation.published_checks import published_checks

if TYPE_CHECKING:
    import xarray as xr

# What is drawn from any results comes first; the paper's own figures fill a second page's worth and are left out here.
SHOWN = (
    "fig03",
    "vision",
    "triangle",
    "profiles",
    "sources",
    "calibration",
    "fig27",
    "fig03b",
    "fig04",
    "fig26",
    "fig31",
    "fig38",
)
OWN = {  # what further kinds of results are drawn in
    "ladder": ("fig06", "fig07", "fig25", "fig33", "specialists"),
    "filtering": ("table1",),
    "judge": ("fig36", "table5"),
    "toy": ("toy",),
}
FACTS = 400  # longest attribute that is printed in full


def write_report(folder: str | os.PathLike[str], out: str | os.PathLike[str], everything: bool = False) -> Path:
    """Write the page of a folder of results.

    Parameters
    ----------
    folder : path
        Searched for result files (``.nc``), with the folders in it.
    out : path
        The page, one HTML file.
    everything : bool
        Whether to include every figure and table of the paper as well.

    Raises
    ------
    MissingFileError
        If there is no such folder.
    """
    found = look(folder)
    with tempfile.TemporaryDirectory() as scratch:
        own_figures = [name for kind, names in OWN.items() if found.of(kind) for name in names]
        names, made = list(CATALOGUE) if everything else [*SHOWN, *own_figures], []
        with progress("figures", len(names)) as bar:
            for one in make_all(found, scratch, names):
                made.append(one)
                bar.advance()
        drawn = [
            {"shows": one.shows, "drawing": page.embedded(file, one.shows)}
            for one in made
            for file in one.files
            if file.suffix == ".svg"
        ]
    own = [row for row in found.rows if not row.series.reference]
    own.sort(key=lambda row: row.series.source in ("simulation", "toy"))  # what was measured on models comes first
    html = page.render(
        "results.html",
        title="Rosetta Neurons: what these results show",
        subtitle=_subtitle(folder, found),
        sources=[{"name": row.series.name, "sentences": row.sentences()} for row in own] + _further(found),
        rows=[_printable(row.record()) for row in found.rows],
        checks=[vars(check) | {"interval": interval(check.interval)} for check in published_checks()],
        figures=drawn,
        waiting=[one for one in made if not one.files],
        everything=everything,
        provenance=[_provenance(kind, name, ds) for kind, members in found.datasets.items() for name, ds in members]
        + [
            {"name": one.name, "facts": {"kind": "counts of a CSV file", "rows": len(one.counts)}}
            for one in found.tables
        ],
        skipped=found.skipped,
    )
    return page.write(out, html)


def _further(found: Found) -> list[dict[str, Any]]:
    """Return what results say beside their counts: the neurons of a ladder, and studies of filtering."""
    said = []
    for name, ladder in found.of("ladder"):
        judged = findings(ladder, None)
        if judged:
            sentences = [f"{one.name[0].upper()}{one.name[1:]}: {one.shown} ({one.numbers})." for one in judged]
            said.append({"name": f"{name}: the neurons", "sentences": sentences})
    return said + [{"name": name, "sentences": filtered(study)} for name, study in found.of("filtering")]


def interval(ends: Any) -> str:
    """Return a 95% interval as a reader wants it; nothing if there is none."""
    if ends is None or any(end is None or end != end for end in ends):
        return ""
    low, high = (f"{round(end, 2) + 0.0:.2f}".replace("-", "−") if abs(end) < float("inf") else "∞" for end in ends)
    return f"({low} to {high})"


def _printable(record: dict[str, Any]) -> dict[str, Any]:
    return {key: interval(value) if key.endswith("ci95") else value for key, value in record.items()}


def _subtitle(folder: str | os.PathLike[str], found: Found) -> str:
    members = {kind: len(some) for kind, some in found.datasets.items()} | {"CSV": len(found.tables)}
    kinds = ", ".join(f"{number} of kind {kind}" for kind, number in members.items() if number)
    return f"{Path(folder).name}: {kinds or 'no readable results'}, beside the numbers of arXiv 2606.03990"


def _provenance(kind: str, name: str, ds: xr.Dataset) -> dict[str, Any]:
    facts = {"kind": kind}
    for key, value in ds.attrs.items():
        text = ", ".join(f"{k} {v}" for k, v in json.loads(value).items()) if key == "versions" else str(value)
        facts[str(key)] = text if len(text) <= FACTS else text[:FACTS] + " …"
    return {"name": name, "facts": facts}
