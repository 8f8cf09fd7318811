"""One ladder of language models: trained where its file says so, measured, fitted, compared with the theory, reported.

The results folder holds ``results.nc`` (kind "ladder"), ``summary.json``, ``report.html``, the figures as PNG and SVG,
the rungs as they were measured and, with seeds, ``recurring.csv``. An interrupted run resumes from there.
"""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cluster import connected
from ..console import say
from ..errors import InputError
from ..results import replacing, save

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from ..empirical.ladder.models import ModelLadder
    from ..validation.analysis import Analysis
    from ..validation.triangle import Triangle

FITTED = ("exponent", "exponent_ci95", "common_rho", "own_exponent", "own_exponent_ci95", "r2", "beta", "beta_ci95")


def run_ladder(
    ladder: str,
    out: Path | None = None,
    text: Path | None = None,
    categories: Path | None = None,
    cache: Path | None = None,
    workers: int | None = None,
    machine: Mapping[str, Any] | None = None,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Measure a ladder of given models, or train it first where the file says how; return ``summary.json``.

    Parameters
    ----------
    ladder : str
        Name of a shipped ladder, or a path to a ladder file.
    out : path, optional
        Folder for the results; ``results/<name>`` by default.
    text : path, optional
        Text to measure given models on, instead of the file's own.
    categories : path, optional
        A table ``subset,category``.
    cache, workers
        Where checkpoints are saved, and processes that train, and that measure small networks, where models are
        trained.
    machine : mapping, optional
        Settings of `Measurement` that replace the file's: ``device``, ``device_map``, ``weights``, ``engine``,
        ``allow_pickle_weights``.
    scheduler : str, optional
        Address of a dask scheduler whose workers measure; models are trained here.

    Raises
    ------
    RosettaError
        For anything that the user can mend; finished work stays.
    """
    started = time.monotonic()
    with nullcontext() if scheduler is None else connected(scheduler) as client:
        models = models_of(ladder, text, categories, cache, workers, machine)
        return conclude(models, out or Path("results") / models.name, started, client, workers)


def models_of(
    ladder: str,
    text: Path | None = None,
    categories: Path | None = None,
    cache: Path | None = None,
    workers: int | None = None,
    machine: Mapping[str, Any] | None = None,
) -> ModelLadder:
    """Return the models of a ladder, trained first where its file says how; arguments are those of `run_ladder`."""
    from dataclasses import replace

    from ..empirical.config import ladder_path, read_table
    from ..empirical.ladder.models import open_checkpoint_ladder
    from ..empirical.ladder.train import train_ladder
    from ..empirical.language.families import open_ladder
    from ..empirical.measures.categories import grouping

    path = ladder_path(ladder)
    if path is None or "family" in read_table(path):
        if text is not None:
            raise InputError("--text", str(text), "models trained here are measured on text held out from training")
        opened, grouped = open_ladder(ladder), grouping(categories)
        opened = replace(opened, measurement=replace(opened.measurement, **(machine or {})))
        return replace(train_ladder(opened, cache=cache, workers=workers).models(), grouping=grouped)
    models = open_checkpoint_ladder(ladder, text, categories)
    return replace(models, measurement=replace(models.measurement, **(machine or {})))


def conclude(
    models: ModelLadder, out: Path, started: float, client: Any = None, workers: int | None = None
) -> dict[str, Any]:
    """Measure a ladder, fit it, draw and write everything; return what ``summary.json`` holds.

    Of several processes that share the matchings, the first does all else; the others return nothing.
    """
    from ..empirical.ladder.measure import measure_ladder, rung_records
    from ..empirical.matching.machine import distributed
    from ..validation.attenuation.measured import measure_ladder_attenuation, words
    from ..validation.compare import compare_series
    from ..validation.findings import findings
    from ..validation.seeds.recurrence import recurrence
    from ..validation.seeds.recurring_neurons import recurring_neurons
    from ..validation.series_from import of_ladder

    measured = measure_ladder(models, out / "rungs", client=client, workers=workers)
    if distributed.rank() > 0:  # process 0 reports
        return {}
    analysis, verdict = judge(measured)
    save(measured, out / "results.nc")
    row = compare_series([of_ladder(measured, models.name)])[0]
    figures = draw(measured, analysis, row.triangle, out)
    recurs = None if analysis is None else recurrence(measured, analysis.common_rho)
    table = None if analysis is None else recurring_neurons(measured, analysis.common_rho)
    if table is not None:
        table.write(out / "recurring.csv")
    attenuation = {} if analysis is None else measure_ladder_attenuation(measured, analysis.common_rho)
    summary = {
        "rungs": rung_records(measured),
        **_fitted(analysis),
        **({} if analysis is None or analysis.seeds is None else {"seeds": analysis.seeds.record()}),
        **({} if recurs is None else {"recurrence": recurs.record()}),
        **({} if table is None else {"recurring": table.counts}),
        **({"attenuation": {str(size): one.record() for size, one in attenuation.items()}} if attenuation else {}),
        "verdict": verdict,
        "findings": [vars(one) for one in findings(measured, analysis)],
        "seconds": round(time.monotonic() - started, 1),
    }
    from ..validation.ladder_report import write_report

    between = [] if recurs is None else [recurs.sentence(), words(attenuation)]
    counted = [*row.of_counts()[1:], *(said for said in between if said)]
    remarks = counted, row.of_theory() if row.analysis is not None else []
    page, tests = out / "report.html", row.tests()
    write_report(measured, analysis, verdict, *remarks, figures, page, summary["seconds"], row.triangle, tests)
    from ..cli.output import plain

    with replacing(out / "summary.json") as partial:
        partial.write_text(json.dumps(plain(summary), indent=2, ensure_ascii=False) + "\n", "utf-8", "backslashreplace")
    say(verdict)
    say(f"report: {page} ({summary['seconds']:.0f} s)")
    return summary


def judge(ladder: xr.Dataset) -> tuple[Analysis | None, str]:
    """Fit the calibrated counts of a ladder; return the fits, or None, and the verdict."""
    from ..validation.analysis import analyse_series
    from ..validation.series_from import of_ladder
    from ..validation.verdict import with_zeros

    series = of_ladder(ladder)
    try:
        analysis = analyse_series(series)
    except InputError as error:
        return None, with_zeros(series.neurons, series.counts, f"No law can be claimed: {error}")
    return analysis, analysis.verdict


def draw(ladder: xr.Dataset, analysis: Analysis | None, triangle: Triangle | None, out: Path) -> dict[str, Path]:
    """Draw the figures of a ladder as PNG and SVG; return the SVG files by name."""
    from ..paper_figs.catalogue import draw_demo
    from ..paper_figs.results_folder import MeasuredLadder

    return draw_demo(MeasuredLadder(ladder, analysis, triangle), out)


def _fitted(analysis: Analysis | None) -> dict[str, Any]:
    if analysis is None:
        return dict.fromkeys(FITTED)
    record = analysis.record(profiles=False)
    return {name: record[name] for name in FITTED}
