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

from ..arguments import checked, is_number, is_path, on_disk
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
    from ..validation.analysis import Analysis
    from ..validation.counts import Counts
    from ..validation.forecast import Forecast
    from ..validation.series import Series

EXAMPLE = "fit([128, 256, 512], [21, 33, 48])"
FORECAST = "forecast(fit([128, 256, 512], [21, 33, 48]), 1024)"
LAWS = "must be a law, a table or file with the columns neurons and count, or a ladder"
UNNAMED = "sources["  # how messages begin that name a source by its number
SHOWN = 8  # columns of a table that a message lists


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
        Sizes N. Instead of sizes and counts: a table or mapping with the columns ``neurons`` and ``count``, a mapping
        of sizes to counts, a CSV file, a measured ladder (its result, its Dataset, or its file), a law, or a list of
        matchings at several sizes (results or files).
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
        neurons = _on_disk("neurons", neurons, EXAMPLE)
        from ..validation.analysis import analyse, analyse_series
        from ..validation.fitted import Fitted
        from ..validation.in_memory import as_sequence

        if counts is not None:
            of_nulls = {f"nulls[{label!r}]": one for label, one in nulls.items()} if isinstance(nulls, Mapping) else {}
            _same_rows(neurons, {"counts": counts, "count_sd": count_sd} | of_nulls)
            neurons, counts, count_sd = map(as_sequence, (neurons, counts, count_sd))
            return _law(analyse(neurons, counts, count_sd, nulls, tau, gamma), nulls, tau, gamma)
        series = _series(neurons)
        if series is not None:
            return Law(analyse_series(series, tau, gamma), Fitted(series, None, tau, gamma))
        rule = "must be sizes, beside counts, or a table or file with the columns neurons and count, or a ladder"
        with _named("neurons", neurons, rule, EXAMPLE):
            return _law(analyse(_columns(neurons), None, None, nulls, tau, gamma), nulls, tau, gamma)


def _same_rows(neurons: Any, others: Mapping[str, Any]) -> None:
    """Refuse columns of pandas whose indices differ: a sorted or filtered column has lost its rows."""
    for name, values in others.items():
        known = all(hasattr(one, "index") and hasattr(one, "iloc") for one in (neurons, values))
        if known and len(neurons) == len(values) and not _belong(neurons.index, values.index):
            rule = "has another index than neurons, so their rows do not belong together"
            example = f"fit(neurons, {name}.loc[neurons.index]), or {name}.to_numpy() if the order is right"
            raise InputError(name, f"index {list(values.index[:4])}", rule, example)


def _belong(left: Any, right: Any) -> bool:
    """Return whether two indices name the same rows in one order, or one of them only counts rows that others name."""
    counts = [type(one).__name__ == "RangeIndex" for one in (left, right)]
    named = [one.dtype.kind not in "iu" for one in (left, right)]
    return left.equals(right) or (any(counts) and any(named))


def _law(analysis: Analysis, nulls: Mapping[str, ArrayLike] | None, tau: float | None, gamma: float) -> Law:
    from ..validation.fitted import Fitted

    return Law(analysis, Fitted(analysis.power_law.data, nulls, tau, gamma))


@checked(FORECAST)
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
        counts = _on_disk("counts", counts, FORECAST)
        made = forecasts(_counts(counts, "counts"), neurons)  # type: ignore[arg-type]
        return made[0] if one else made


@checked("compare('counts.csv', 'ladder.nc')")
def compare(*sources: Any, references: bool = False) -> Comparison:
    """Compare several series of counts with the same fits and tests.

    Parameters
    ----------
    *sources : path, Law, LadderResult, MatchResult or counts
        Result files and CSV files, laws, measured ladders, matchings, or counts in any form that `fit` takes; or one
        list of them, or one mapping of their names to them.
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

        if not sources and not references:
            raise InputError("sources", "nothing", "must be results or counts", "compare('a.csv', 'ladder.nc')")
        series: list[Series] = []
        for kind, some in groupby(_listed(sources), key=lambda one: _pooled_as(*one)):
            if kind:
                series += _pooled([source for _, source in some])
                continue
            for name, source in some:
                series += _renamed(_read(source, name), name)
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

        rule = "must be a ladder file, the name of a ladder that ships with the package, or a ModelLadder"
        require(is_path(ladder) or isinstance(ladder, ModelLadder), "ladder", ladder, rule, "measure_ladder('my.toml')")
        ladder = on_disk("ladder", ladder, "measure_ladder('quickstart')")
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
    """Return the series of a measured ladder or another result, of a result file, or of matchings; None of counts.

    Raises
    ------
    InputError
        If there are several.
    """
    from ..validation.series_from import one_series

    if is_path(source):
        return one_series(source) if Path(source).suffix.lower() == ".nc" else None
    several = isinstance(source, list | tuple) and source and all(_pooled_as("", one) for one in source)
    series = _pooled(source) if several else _in_memory(source)
    rule = f"contains {len(series)} series; one is needed"
    require(len(series) < 2, "neurons", ", ".join(one.name for one in series), rule, "counts of one of them")
    return series[0] if series else None


def _in_memory(source: Any) -> list[Series]:
    """Return the series of a result in memory; none of other counts."""
    from ..validation.series_from import of_result

    source = _dataset(source)
    return of_result(source, str(source.attrs.get(KIND, "ladder"))) if hasattr(source, "data_vars") else []


def _dataset(source: Any) -> Any:
    """Return the Dataset of a result, anything else as it is."""
    return source.dataset if isinstance(source, LadderResult | MatchResult) else source


def _pooled_as(name: str, source: Any) -> str:
    """Return the word for sources that are read together, since matchings among them are one series; "" for others."""
    if name and not name.startswith(UNNAMED):
        return ""
    if is_path(source):
        return "files"
    return "matchings" if getattr(_dataset(source), "attrs", {}).get(KIND) == "pairs" else ""


def _pooled(sources: Sequence[Any]) -> list[Series]:
    """Return the series of files, or of matchings in memory."""
    from ..validation.series_from import of_folders, read_series

    if all(map(is_path, sources)):
        return read_series(sources)
    one = next((source for source in sources if is_path(source)), None)
    rule = "must be results alone or files alone"
    require(one is None, "sources", one, rule, "fit([load('a.nc'), load('b.nc'), load('c.nc')])")
    return of_folders({Path("matchings"): [_dataset(source) for source in sources]})


def _listed(sources: Sequence[Any]) -> list[tuple[str, Any]]:
    """Return sources with their names in messages; those of one list or mapping one by one."""
    from ..validation.in_memory import are_rows

    (one, *others) = sources or [()]
    if not others and isinstance(one, Mapping) and one and all(map(_is_source, one.values())):
        example = "compare({'mine': 'a.csv', 'ours': 'ladder.nc'})"
        return [(str(name), on_disk(f"sources[{name!r}]", source, example)) for name, source in one.items()]
    if not others and isinstance(one, list | tuple | Iterator) and not are_rows(one):
        sources = list(one)
    numbered = [(f"{UNNAMED}{number}]", source) for number, source in enumerate(sources)]
    return [(name, on_disk(name, source, "compare('a.csv', 'ladder.nc')")) for name, source in numbered]


def _on_disk(argument: str, source: Any, example: str) -> Any:
    """Return a source, or several, with the home folder in place of ``~`` in paths; blank ones raise `InputError`."""
    if isinstance(source, list | tuple) and any(map(is_path, source)):
        return [on_disk(f"{argument}[{at}]", one, example) for at, one in enumerate(source)]
    return on_disk(argument, source, example)


def _is_source(value: Any) -> bool:
    """Return whether a value of a mapping is a source of its own, and no column of counts."""
    from ..validation.in_memory import is_table

    result = isinstance(value, Law | LadderResult | MatchResult) or hasattr(value, "data_vars") or is_table(value)
    return result or is_path(value) or (hasattr(value, "keys") and not hasattr(value, "iloc")) or _is_table(value)


def _is_table(value: Any) -> bool:
    return hasattr(value, "iloc") and hasattr(value, "columns")


def _read(source: Any, name: str) -> list[Series]:
    """Return the series of one source."""
    return _pooled([source]) if is_path(source) else _in_memory(source) or [_plain_series(source, name)]


def _renamed(series: list[Series], name: str) -> list[Series]:
    """Return series under the name that a mapping gives them."""
    if name.startswith(UNNAMED):
        return series
    return [replace(one, name=name if len(series) == 1 else f"{name}: {one.name}") for one in series]


def _columns(source: Any) -> Any:
    """Return columns under the names that a file of counts has: in any case, and ``counts`` for ``count``.

    An index named ``neurons`` is that column. A mapping whose keys are numbers, or a pandas Series, has sizes as keys
    and counts as values.
    """
    from ..validation.in_memory import columns_in

    if isinstance(source, Law):
        return source.analysis.power_law.data
    source = columns_in(source)
    if hasattr(source, "iloc"):
        index = source.index
        if not _is_table(source) and type(index).__name__ != "RangeIndex":
            return {"neurons": index.to_numpy(), "count": source.to_numpy()}
        source = source.reset_index() if str(index.name).lower() == "neurons" else source
    if not callable(getattr(source, "keys", None)):
        return source
    names = {str(key).lower(): key for key in source.keys()}  # noqa: SIM118  # of a table, too
    if isinstance(source, Mapping) and source and all(map(is_number, source)):
        return {"neurons": list(source), "count": list(source.values())}
    if "count" not in names and "counts" in names:
        names["count"] = names["counts"]
    from ..validation.table import note_near

    note_near([name for name in names if name not in ("neurons", "count", "counts")], ("count_sd",), "the table")
    return {name: source[names[name]] for name in ("neurons", "count", "count_sd") if name in names}


def _counts(source: Any, argument: str) -> Counts:
    """Return the counts of a law, a ladder, a table or a file."""
    from ..validation.counts import counts_from

    series = None if isinstance(source, Law) else _series(source)
    if series is not None:
        return series.clean()
    with _named(argument, source, LAWS, EXAMPLE):
        return counts_from(_columns(source), EXAMPLE)


@contextmanager
def _named(argument: str, source: Any, rule: str, example: str) -> Iterator[None]:
    """Name the argument where an object has no counts, and the columns that a table has instead."""
    try:
        yield
    except InputError as error:
        if error.argument != "data":
            raise
        from ..validation.in_memory import columns_in, hint, named

        source = columns_in(source)
        names = [str(name) for name in source.keys()] if _is_table(source) or isinstance(source, Mapping) else []  # noqa: SIM118
        if names:
            shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
            rule = "must have the columns neurons and count"
            raise InputError(argument, f"columns {shown}", rule, "fit(table['my sizes'], table['my counts'])") from None
        shown = source if isinstance(source, str | int | float | None) else named(source)
        better = hint(source) if example == EXAMPLE else ""
        raise InputError(argument, shown, rule, better or example) from None


def _plain_series(source: Any, name: str) -> Series:
    """Return counts in memory as they are, zeros included, like those of a file."""
    from ..validation.counts import columns_from
    from ..validation.series import Series

    unnamed = name.startswith(UNNAMED)
    shown = f"counts {int(name.removeprefix(UNNAMED).rstrip(']')) + 1}" if unnamed else name
    with _named(name if unnamed else f"sources[{name!r}]", source, LAWS, "compare(law, 'ladder.nc')"):
        return Series(shown, "counts", *columns_from(_columns(source), EXAMPLE))
