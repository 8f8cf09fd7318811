"""Counts over sizes: `fit`, `forecast`, `compare`, and `measure_ladder`, which makes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from ..arguments import checked
from ..cluster import connected
from ..console import reporting
from ..errors import InputError
from .comparison import Comparison
from .ladder_result import LadderResult
from .law import Law
from .wording import in_python

if TYPE_CHECKING:
    from ..validation.counts import Counts
    from ..validation.forecast import Forecast
    from ..validation.series import Series

EXAMPLE = "fit([128, 256, 512], [21, 33, 48])"


@checked(EXAMPLE, "nulls")
def fit(
    neurons: Any,
    counts: ArrayLike | None = None,
    count_sd: ArrayLike | None = None,
    *,
    nulls: Mapping[str, ArrayLike] | None = None,
    tau: float | None = None,
    gamma: float = 4.0,
) -> Law:
    """Fit a power law and the theory to counts over sizes, and state the verdict.

    Parameters
    ----------
    neurons : array_like, shape (n,), or other counts
        Sizes N. Instead of sizes and counts: a table or mapping with the columns ``neurons`` and ``count``, a CSV
        file, or a measured ladder (its result, its Dataset, or its file).
    counts, count_sd : array_like, shape (n,), optional
        Counts and, where known, their standard deviations.
    nulls : mapping of str to array_like, optional
        Raw counts of the trained networks (``raw``) and of their nulls, for each size.
    tau, gamma : float
        τ and γ of the theory; without τ, the interval of β covers τ = 0.5 to 4.

    Returns
    -------
    Law
        ``.exponent``, ``.interval("beta")``, ``.summary()``, ``.plot()``, ``.save(path)``.

    Raises
    ------
    InputError
        If a number cannot be used, or fewer than two sizes have a positive count.

    Examples
    --------
    >>> import rosettalaw as rl
    >>> law = rl.fit([128, 256, 512, 1024, 2048], [21, 33, 48, 76, 115])
    >>> round(law.exponent, 2)
    0.61
    >>> low, high = law.interval("beta")
    >>> low < 1 / law.exponent < high
    True
    """
    with in_python():
        from ..validation.analysis import analyse, analyse_series

        if counts is not None:
            return Law(analyse(neurons, counts, count_sd, nulls, tau, gamma))
        series = _series(neurons)
        if series is not None:
            return Law(analyse_series(series, tau, gamma))
        try:
            return Law(analyse(_columns(neurons), None, None, nulls, tau, gamma))
        except InputError as error:
            if error.argument != "data":
                raise
            rule = "must be sizes, beside counts, or a table or file with the columns neurons and count, or a ladder"
            raise InputError("neurons", neurons, rule, EXAMPLE) from None


@checked("forecast(fit([128, 256, 512], [21, 33, 48]), 1024)")
def forecast(counts: Any, neurons: float | Sequence[float]) -> Forecast | list[Forecast]:
    """Forecast the count at sizes that were not measured, with intervals, or refuse.

    Parameters
    ----------
    counts : Law or counts
        A fitted law, or counts in any form that `fit` takes.
    neurons : float or sequence of float
        Sizes.

    Returns
    -------
    Forecast or list of Forecast
        One for each size; a single one for a single size.

    Raises
    ------
    InputError
        If there are fewer than three sizes with counts, or a size is not positive.

    Examples
    --------
    >>> import rosettalaw as rl
    >>> law = rl.fit([128, 256, 512, 1024, 2048], [21, 33, 48, 76, 115])
    >>> 150 < rl.forecast(law, 4096).count < 200
    True
    """
    with in_python():
        from ..validation.forecast import forecast as forecasts

        one = not hasattr(neurons, "__len__") or getattr(neurons, "ndim", 1) == 0
        sizes = [float(neurons)] if one else [float(size) for size in neurons]  # type: ignore[arg-type, union-attr]
        made = forecasts(_counts(counts), sizes)
        return made[0] if one else made


@checked("compare('counts.csv', 'ladder.nc')")
def compare(*sources: Any, references: bool = False) -> Comparison:
    """Compare several series of counts with the same fits and tests.

    Parameters
    ----------
    *sources : path, Law, LadderResult or counts
        Result files and CSV files, laws, measured ladders, or counts in any form that `fit` takes.
    references : bool
        Whether the paper, networks with known β, toys and the ladders of the repository come first.

    Returns
    -------
    Comparison
        ``.to_dataframe()`` has a row for each source.

    Raises
    ------
    InputError
        If there is nothing to compare.

    Examples
    --------
    >>> import rosettalaw as rl
    >>> sizes = [128, 256, 512, 1024]
    >>> both = rl.compare({"neurons": sizes, "count": [21, 33, 48, 76]}, {"neurons": sizes, "count": [9, 20, 38, 80]})
    >>> both.to_dataframe().exponent.round(1).tolist()
    [0.6, 1.0]
    """
    with in_python():
        from ..validation.compare import compare_series, reference_rows
        from ..validation.series_from import read_series

        if not sources and not references:
            raise InputError("sources", "nothing", "must be results or counts", "compare('a.csv', 'ladder.nc')")
        series: list[Series] = []
        for number, source in enumerate(sources):
            if isinstance(source, str | os.PathLike):
                series += read_series([source])
            else:
                series.append(_series(source) or _plain_series(source, f"counts {number + 1}"))
        return Comparison([*(reference_rows() if references else ()), *compare_series(series)])


@checked("measure_ladder('ladder.toml', out='results')")
def measure_ladder(
    ladder: Any,
    out: str | os.PathLike[str] | None = None,
    *,
    text: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    device: str | None = None,
    device_map: str | None = None,
    weights: str | None = None,
    engine: str | None = None,
    allow_pickle_weights: bool | None = None,
    scheduler: str | None = None,
    progress: bool | Callable[[str, float, float | None], object] = True,
) -> LadderResult:
    """Measure pairs of models at several sizes.

    Parameters
    ----------
    ladder : str, path or ModelLadder
        A ladder file (TOML), the name of a ladder that ships with the package, or a `ModelLadder`.
    out : path, optional
        Folder where the result of each size is saved; a later run resumes from it.
    text : path, optional
        Text to measure given models on, instead of the ladder file's text.
    cache, workers
        Folder of models that are trained for the ladder, and how many processes train them and measure those of at
        most 1,024 neurons.
    device, device_map, weights, engine : str, optional
        Replaces the ladder's: where models run (``cpu``, ``cuda``), ``auto`` to spread large checkpoints over
        devices, the precision in which models compute, and ``exact`` or ``screened`` matching.
    allow_pickle_weights : bool, optional
        Whether weights that are not safetensors are read.
    scheduler : str, optional
        Address of a dask scheduler whose workers measure.
    progress : bool or callable
        As in `match`.

    Returns
    -------
    LadderResult
        ``.to_dataframe()`` has a row for each size; ``.fit()`` fits the law.

    Raises
    ------
    RosettaError
        If the file, a model or the text cannot be used.

    Examples
    --------
    >>> import rosettalaw as rl
    >>> rl.measure_ladder("no_such_ladder.toml")
    Traceback (most recent call last):
    ...
    rosettalaw.errors.MissingFileError: no_such_ladder.toml: no such ladder file
    """
    with in_python(), reporting(progress if callable(progress) else None):
        from ..empirical.ladder.measure import measure_ladder as measured
        from ..empirical.ladder.models import ModelLadder
        from ..loop.ladder import models_of

        quiet = progress is False
        given = {"device": device, "device_map": device_map, "weights": weights, "engine": engine}
        given |= {"allow_pickle_weights": allow_pickle_weights}
        machine = {name: value for name, value in given.items() if value is not None}
        with nullcontext() if scheduler is None else connected(scheduler) as client:
            if isinstance(ladder, ModelLadder):
                ladder = replace(ladder, measurement=replace(ladder.measurement, **machine))
            else:
                chosen = None if text is None else Path(text)
                stored = None if cache is None else Path(cache)
                ladder = models_of(str(ladder), chosen, None, stored, workers, machine)
            return LadderResult(measured(ladder, None if out is None else Path(out), quiet, client, workers))


def _series(source: Any) -> Series | None:
    """Return the series of a measured ladder, or of a result file; None of other counts."""
    from ..validation.series_from import of_ladder, one_series

    if isinstance(source, LadderResult):
        return of_ladder(source.dataset)
    if hasattr(source, "data_vars"):
        return of_ladder(source) if "calibrated_count" in source else None
    if isinstance(source, str | os.PathLike) and Path(source).suffix.lower() == ".nc":
        return one_series(source)
    return None


def _columns(source: Any) -> Any:
    """Return columns with other names, or rows of pairs, under the names that a file of counts has."""
    if hasattr(source, "keys") and "counts" in source and "count" not in source:
        return {"neurons": source["neurons"], "count": source["counts"]}
    return source


def _counts(source: Any) -> Counts:
    """Return the counts of a law, a ladder, a table or a file."""
    from ..validation.counts import counts_from

    if isinstance(source, Law):
        return source.analysis.power_law.data
    series = _series(source)
    return series.clean() if series is not None else counts_from(_columns(source), EXAMPLE)


def _plain_series(source: Any, name: str) -> Series:
    from ..validation.series import Series

    data = _counts(source)
    return Series(name=name, source="counts", neurons=data.neurons, counts=data.counts, sd=data.sd)
