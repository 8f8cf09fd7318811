"""The whole loop: train a ladder of two families, measure it, calibrate, fit, compare with the theory, report.

The folder that it leaves holds ``results.nc`` (kind "ladder"), ``summary.json``, ``report.html``, the figures as PNG
and SVG, and the rungs as they were measured. An interrupted run goes on where it stopped. Ladders of models that exist
already skip the training; all else is the same.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .console import say
from .errors import InputError
from .results import replacing, save

if TYPE_CHECKING:
    import xarray as xr

    from .empirical.checkpoint_ladder import ModelLadder
    from .validation.analysis import Analysis
    from .validation.triangle import Triangle


def run(ladder: str, out: Path, cache: Path | None = None, workers: int | None = None) -> dict[str, Any]:
    """Run the whole loop and return what ``summary.json`` holds.

    Parameters
    ----------
    ladder : str
        Name of a shipped ladder, or a path to a ladder file.
    out : path
        Folder for the results.
    cache : path, optional
        Where checkpoints are kept.
    workers : int, optional
        Models trained at once.

    Raises
    ------
    RosettaError
        For anything that the user can mend; what is finished stays.
    """
    started = time.monotonic()
    from .empirical.families import open_ladder

    opened = open_ladder(ladder)
    from .empirical.fleet import train_ladder

    return conclude(train_ladder(opened, cache=cache, workers=workers).models(), out, started)


def run_ladder(
    ladder: str,
    out: Path | None = None,
    text: Path | None = None,
    categories: Path | None = None,
    cache: Path | None = None,
    workers: int | None = None,
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
        As in `run`, where models are trained.

    Raises
    ------
    RosettaError
        For anything that the user can mend; what is finished stays.
    """
    started = time.monotonic()
    from dataclasses import replace

    from .empirical.checkpoint_ladder import open_checkpoint_ladder
    from .empirical.families import open_ladder, read_table, shipped
    from .empirical.fleet import train_ladder
    from .empirical.measures.categories import grouping

    if ladder in shipped() or "family" in read_table(Path(ladder).expanduser()):
        if text is not None:
            raise InputError("--text", str(text), "models trained here are measured on text held out from training")
        opened, grouped = open_ladder(ladder), grouping(categories)
        models = replace(train_ladder(opened, cache=cache, workers=workers).models(), grouping=grouped)
    else:
        models = open_checkpoint_ladder(ladder, text, categories)
    return conclude(models, out or Path("results") / models.name, started)


def conclude(models: ModelLadder, out: Path, started: float) -> dict[str, Any]:
    """Measure a ladder, fit it, draw and write everything; return what ``summary.json`` holds."""
    from .empirical.measurement import measure_ladder, rung_records
    from .validation.compare import compare_series
    from .validation.findings import findings
    from .validation.series_from import of_ladder

    measured = measure_ladder(models, out / "rungs")
    analysis, verdict = judge(measured)
    save(measured, out / "results.nc")
    row = compare_series([of_ladder(measured, models.name)])[0]
    figures = draw(measured, analysis, row.triangle, out)
    summary = {
        "rungs": rung_records(measured),
        **_fitted(analysis),
        "verdict": verdict,
        "findings": [vars(one) for one in findings(measured, analysis)],
        "seconds": round(time.monotonic() - started, 1),
    }
    from .validation.ladder_report import write_report

    said = row.of_counts()[1:], row.of_theory() if row.analysis is not None else []
    write_report(measured, analysis, verdict, *said, figures, out / "report.html", summary["seconds"])
    from .cli.output import plain

    with replacing(out / "summary.json") as partial:
        partial.write_text(json.dumps(plain(summary), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(verdict)
    say(f"report: {out / 'report.html'} ({summary['seconds']:.0f} s)")
    return summary


def judge(ladder: xr.Dataset) -> tuple[Analysis | None, str]:
    """Fit the calibrated counts of a ladder; return the fits, or None, and the verdict."""
    from .validation.analysis import analyse_series
    from .validation.series_from import of_ladder
    from .validation.verdict import with_zeros

    series = of_ladder(ladder)
    try:
        analysis = analyse_series(series)
    except InputError as error:
        return None, with_zeros(series.neurons, series.counts, f"No law can be claimed: {error}")
    return analysis, analysis.verdict


def draw(ladder: xr.Dataset, analysis: Analysis | None, triangle: Triangle | None, out: Path) -> dict[str, Path]:
    """Draw the figures of a ladder as PNG and SVG; return the SVG files by name."""
    from .paper_figs import calibration, fig03, specialists
    from .paper_figs import triangle as exponents
    from .validation.triangle import TriangleStatus

    drawn = {
        "scaling": fig03.draw(ladder, analysis, out / "scaling.svg"),
        "calibration": calibration.draw(ladder, out / "calibration.svg"),
        **specialists.draw_all(ladder, out),
    }
    if triangle is not None and triangle.status is TriangleStatus.OK:
        drawn["triangle"] = exponents.draw([(ladder.attrs["ladder"], triangle)], out / "triangle.svg")
    return {name: next(path for path in paths if path.suffix == ".svg") for name, paths in drawn.items()}


def _fitted(analysis: Analysis | None) -> dict[str, Any]:
    if analysis is None:
        return dict.fromkeys(("exponent", "exponent_ci95", "r2", "beta", "beta_ci95"))
    record = analysis.record()
    return {name: record[name] for name in ("exponent", "exponent_ci95", "r2", "beta", "beta_ci95")}
