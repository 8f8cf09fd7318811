"""Data of the figures: a folder of results, read once, and one measured ladder with its fits.

A script asks for the results that it needs and draws nothing without them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ForeignFileError, MissingFileError, RosettaError
from ..leftovers import is_hidden
from ..model_names import family_name, matched_families
from ..results import KIND, interpreting, load, require_variables

if TYPE_CHECKING:
    import xarray as xr

    from ..validation.analysis import Analysis
    from ..validation.compare import Row
    from ..validation.series import Series
    from ..validation.triangle import Triangle

PARTS, PART = "rungs", "rung"  # folder of a ladder's rungs, and their kind
WHOLE = "results.nc"  # beside that folder, once all rungs are measured


@dataclass
class Results:
    """Results of one folder, by kind.

    Attributes
    ----------
    datasets : dict of str to list of (name, Dataset)
        All readable results, by kind ("ladder", "simulation", "prediction", …); those of kind "rung" are parts of a
        measured ladder and are not counted twice.
    matchings : dict of Path to list of Dataset
        Those of kind "pairs" again, by folder: together they are one series.
    tables : list of Series
        Counts of CSV files with the columns ``neurons,count``; other CSV files are ignored.
    skipped : list of str
        Files that could not be read, with the reason.
    """

    datasets: dict[str, list[tuple[str, xr.Dataset]]] = field(default_factory=dict)
    matchings: dict[Path, list[xr.Dataset]] = field(default_factory=dict)
    tables: list[Series] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[tuple[str, xr.Dataset]]:
        """Return the named results of one kind."""
        return self.datasets.get(kind, [])

    def ladders(self) -> list[tuple[str, xr.Dataset]]:
        """Return the measured ladders named by their models; two of the same models by their files as well."""
        named = [(name, _models(ladder), ladder) for name, ladder in self.of("ladder")]
        times = Counter(models for _, models, _ in named)
        return [
            (name if not models else models if times[models] == 1 else f"{models}, {name}", ladder)
            for name, models, ladder in named
        ]

    @cached_property
    def rows(self) -> list[Row]:
        """All sources that have counts, references first, under every test.

        Toy networks are those with all ingredients; those of the repository are left out beside a study of one's own.
        """
        from ..validation.compare import compare_series, reference_rows
        from ..validation.series_from import LAW, of_ladder, of_simulation, of_toys

        ladders = [of_ladder(ladder, name) for name, ladder in self.of("ladder")]
        simulations: list[Series] = []
        for name, ds in self.of("simulation"):  # drawn again from its seed, which takes a while: not tried before
            try:
                simulations += of_simulation(ds, name)
            except RosettaError as error:
                self.skipped.append(str(error))
        toys = of_toys((ds for _, ds in self.of("toy")), [LAW])
        references = [row for row in reference_rows() if not (toys and row.series.source == "toy")]
        return [
            *references,
            *compare_series([*simulations, *toys, *ladders]),
            *self.counted,
        ]

    @cached_property
    def counted(self) -> list[Row]:
        """Those rows that have counts and no ladder: matchings that were saved one by one, tables, and saved laws."""
        from ..validation.compare import compare_series
        from ..validation.series_from import of_folders, of_law

        laws = [of_law(law, name) for name, law in self.of("fit")]
        return compare_series([*of_folders(self.matchings), *self.tables, *laws])


@dataclass(frozen=True)
class MeasuredLadder:
    """A ladder with its fits: the data of the figures on its own page.

    Attributes
    ----------
    ladder : xarray.Dataset
        Kind "ladder".
    analysis : Analysis or None
        Fits of its calibrated counts; None where there was nothing to fit.
    triangle : Triangle or None
        Its three exponents; None without ranked correlations.
    """

    ladder: xr.Dataset
    analysis: Analysis | None
    triangle: Triangle | None


def read(folder: str | os.PathLike[str] | None) -> Results:
    """Read every result and every table of counts in a folder and the folders in it, or in one file.

    Hidden files of a folder are left out: those that a killed run left half-written, and other programs' own. So are
    the rungs of a ladder that is measured.

    Parameters
    ----------
    folder : path or None
        The folder, or one result file (``.nc``) or table of counts (``.csv``); None for no results.

    Raises
    ------
    MissingFileError
        If there is no such folder or file.
    ForeignFileError
        If the one file cannot be read as results or counts.
    """
    results = Results()
    if folder is None:
        return results
    from ..validation.counts import has_counts
    from ..validation.series_from import read_series

    folder = Path(folder)
    if not folder.exists():
        raise MissingFileError(f"{folder}: no such folder or file. Try: rosettalaw demo --out results/demo")
    alone = not folder.is_dir()
    names = _names(_files(folder, "*.nc"), folder)
    for path in names:
        if not alone and path.parent.name == PARTS and (path.parent.parent / WHOLE).is_file():
            continue  # a part of a ladder that is measured: nothing on a page needs it, and there may be many
        name = names[path]
        try:
            ds = load(path)
            kind = ds.attrs[KIND]
            if alone and kind == PART:  # a matching like any other
                kind = "pairs"
            elif path.parent.name == PARTS and not alone:
                kind = PART
            _require_readable(ds, kind, str(path))
        except RosettaError as error:  # a folder or a pipe of such a name too
            if alone:
                raise
            results.skipped.append(str(error))
            continue
        if kind == "pairs":
            series = path.resolve().with_suffix("") if alone else path.resolve().parent  # whose name it has
            results.matchings.setdefault(series, []).append(ds)
        results.datasets.setdefault(kind, []).append((name, ds))
    for path in _files(folder, "*.csv"):
        try:
            if alone or (path.is_file() and has_counts(path)):
                results.tables.extend(read_series([path]))
        except (RosettaError, OSError) as error:
            if alone:
                raise
            results.skipped.append(str(error))
    if alone and not (results.datasets or results.tables):
        rule = "must be a result (.nc), a table of counts (.csv), or a folder of them"
        raise ForeignFileError(f"{folder}: {rule}. Try: rosettalaw report results/demo")
    return results


def side_title(ladder: xr.Dataset, side: int, name: str = "") -> str:
    """Return the models on one side of a ladder, for a title: "GPT-2", with the name of one ladder of several."""
    family = family_name(json.loads(ladder.attrs["families"])[side])
    return f"{family}, {name}" if name else family


def _models(ladder: xr.Dataset) -> str:
    families = ladder.attrs.get("families")
    return matched_families(json.loads(families)) if families else ""


def _files(folder: Path, pattern: str) -> list[Path]:
    if not folder.is_dir():
        return [folder] if folder.match(pattern) else []
    return sorted(path for path in folder.rglob(pattern) if not is_hidden(path, folder))


def _names(paths: Sequence[Path], folder: Path) -> dict[Path, str]:
    """Return a name for each result: its file's, or its folder's; those that share one have more of their path."""
    short = {path: path.parent.name if path.stem in ("results", "result") else path.stem for path in paths}
    times = Counter(short.values())
    return {
        path: name if times[name] == 1 else "-".join(path.with_suffix("").relative_to(folder).parts)
        for path, name in short.items()
    }


def _require_readable(ds: xr.Dataset, kind: str, name: str) -> None:
    """Raise `ForeignFileError` where a result cannot be put into the words and series of a page."""
    from ..empirical.filtering import findings as filtering
    from ..validation.findings import findings
    from ..validation.reporting import of_matchings
    from ..validation.reporting.of_others import of_other
    from ..validation.series_from import of_ladder, of_law, of_pairs, of_toys

    if kind == "ladder":
        of_ladder(ds, name)
        with interpreting(name):
            findings(ds, None)
    elif kind == "pairs":
        of_pairs([ds], name)
        of_matchings.of_pairs(ds, name)
    elif kind == "recurrence":
        of_matchings.of_recurrence(ds, name)
    elif kind == "toy":
        of_toys([ds], name=name)
    elif kind == "fit":
        of_law(ds, name)
    elif kind == "filtering":
        require_variables(ds, name, ("selector",), ("target",))
        with interpreting(name):
            filtering.sentences(ds)
            filtering.records(ds)
    else:
        of_other(kind, ds, name)
