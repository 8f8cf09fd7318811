"""Counts over sizes: `fit`, `forecast`, `compare`, and `measure_ladder`, which makes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from ..arguments import checked, is_path
from ..cluster import connected
from ..console import reporting
from ..errors import InputError, require
from ..results import KIND
from .comparison import Comparison, distinctly_named
from .ladder_result import LadderResult
from .law import Law
from .match_result import MatchResult
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
        made = forecasts(_counts(counts, "counts"), neurons)  # type: ignore[arg-type]
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
        for are_paths, some in groupby(enumerate(sources), key=lambda one: is_path(one[1])):
            if are_paths:  # matchings of one folder are one series
                series += read_series([path for _, path in some])
                continue
            for number, source in some:
                series += _in_memory(source) or [_plain_series(source, number)]
        series = distinctly_named(series)
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
    >>> rl.measure_ladder("none.toml")
    Traceback (most recent call last):
    ...
    rosettalaw.errors.MissingFileError: none.toml: no such ladder file. Try: rosettalaw ladder --template mine.toml
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
    """Return the series of a measured ladder or another result, or of a result file; None of other counts.

    Raises
    ------
    InputError
        If there are several.
    """
    from ..validation.series_from import one_series

    if is_path(source):
        return one_series(source) if Path(source).suffix.lower() == ".nc" else None
    series = _in_memory(source)
    rule = f"contains {len(series)} series; one is needed"
    require(len(series) < 2, "neurons", ", ".join(one.name for one in series), rule, "counts of one of them")
    return series[0] if series else None


def _in_memory(source: Any) -> list[Series]:
    """Return the series of a result in memory; none of other counts."""
    from ..validation.series_from import of_result

    if isinstance(source, LadderResult | MatchResult):
        source = source.dataset
    return of_result(source, str(source.attrs.get(KIND, "ladder"))) if hasattr(source, "data_vars") else []


def _columns(source: Any) -> Any:
    """Return columns under the names that a file of counts has: in any case, and ``counts`` for ``count``."""
    if not hasattr(source, "keys"):
        return source
    names = {str(key).lower(): key for key in source.keys()}  # noqa: SIM118  # of a table, too
    if "count" not in names and "counts" in names:
        names["count"] = names["counts"]
    return {name: source[names[name]] for name in ("neurons", "count", "count_sd") if name in names}


def _counts(source: Any, argument: str) -> Counts:
    """Return the counts of a law, a ladder, a table or a file."""
    from ..validation.counts import counts_from

    series = None if isinstance(source, Law) else _series(source)
    if series is not None:
        return series.clean()
    with _named(argument, source):
        return counts_from(source.analysis.power_law.data if isinstance(source, Law) else _columns(source), EXAMPLE)


@contextmanager
def _named(argument: str, source: Any) -> Iterator[None]:
    """Name the argument where an object has no counts."""
    try:
        yield
    except InputError as error:
        if error.argument != "data":
            raise
        rule = "must be a law, a table or file with the columns neurons and count, or a ladder"
        example = EXAMPLE if argument == "counts" else "compare(law, 'ladder.nc')"
        raise InputError(argument, source, rule, example) from None


def _plain_series(source: Any, number: int) -> Series:
    """Return counts in memory as they are, zeros included, like those of a file."""
    from ..validation.counts import columns_from
    from ..validation.series import Series

    data = source.analysis.power_law.data if isinstance(source, Law) else _columns(source)
    with _named(f"sources[{number}]", source):
        return Series(f"counts {number + 1}", "counts", *columns_from(data, EXAMPLE))
