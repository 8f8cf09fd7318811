"""Tables that people hold in memory, as mappings of columns: of Arrow, polars, NumPy, xarray, and rows one by one.

Nothing is imported for it that the table's own library has not imported. An object without columns is returned as it
is; `named` and `hint` have the words of messages about it.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

import numpy as np

from ..arguments import is_list, is_number
from ..errors import InputError
from ..lazy import imported

SIZES = "neurons"
FILES = ("read", "readline")  # methods of open files


def columns_in(source: Any) -> Any:
    """Return a table as a mapping or frame of columns, anything else as it is.

    Raises
    ------
    InputError
        If a row lacks a column, or a stream of Arrow cannot be read.
    """
    names = getattr(getattr(source, "dtype", None), "names", None)
    if names:  # a structured array, and pandas' records
        return {name: source[name] for name in names}
    if _is_labelled(source):
        return {SIZES: np.asarray(source[SIZES]), "count": np.asarray(source)}
    if hasattr(source, "data_vars"):
        return {
            str(name): source[name].values for name in (*source.data_vars, *source.coords) if source[name].ndim == 1
        }
    if is_list(source) and len(source) and all(isinstance(row, Mapping) for row in source):
        return _of_rows(source)
    if isinstance(source, Mapping):
        return _with_numbers_for_keys(source)
    if hasattr(source, "collect") and hasattr(source, "collect_schema"):  # of polars, not yet computed
        source = source.collect()
    named = getattr(source, "column_names", None) or getattr(source, "columns", None)
    if hasattr(source, "iloc") or hasattr(source, "keys"):
        return source
    if is_list(named) and all(isinstance(name, str) for name in named or ()) and hasattr(source, "__getitem__"):
        return {name: _column(source[name]) for name in named or ()}
    if hasattr(source, "__arrow_c_stream__"):
        return _exchanged(source)
    return source


def as_sequence(values: Any) -> Any:
    """Return the entries of an iterator, and the keys or values of a mapping, as a list; other values as they are."""
    if isinstance(values, Iterator | KeysView | ValuesView) and not any(hasattr(values, name) for name in FILES):
        return list(values)
    return values


def are_rows(source: Any) -> bool:
    """Return whether a list has the rows of one table, each with a single number of neurons."""
    rows = is_list(source) and len(source) > 0
    return rows and all(isinstance(row, Mapping) and is_number(row.get(SIZES)) for row in source)


def is_table(source: Any) -> bool:
    """Return whether an object is a table that `columns_in` reads, other than a mapping or a frame of pandas."""
    names = getattr(getattr(source, "dtype", None), "names", None)
    own = not hasattr(source, "iloc") and not hasattr(source, "data_vars")
    named_columns = getattr(source, "column_names", None) or getattr(source, "columns", None)
    return bool(names) or (own and is_list(named_columns)) or are_rows(source)


def hint(source: Any) -> str:
    """Return a call that works for an object that has no columns; "" for one of no known kind."""
    shape = getattr(source, "shape", None)
    if any(hasattr(source, name) for name in FILES):
        return "fit(pandas.read_csv(file))"
    if shape is not None and len(shape) == 2 and 2 in shape:
        return "fit(table[:, 0], table[:, 1])" if shape[1] == 2 else "fit(table[0], table[1])"
    if shape is not None:
        return "fit(sizes, counts)"
    if hasattr(source, "__dataframe__"):
        return "fit(table.to_pandas())"
    if isinstance(source, list | tuple | Iterator | ItemsView):
        return "fit(*zip(*pairs)), if these are pairs of a size and its count"
    return ""


def named(source: Any) -> str:
    """Return the type of an object without columns, and its shape where it has one, as messages name it."""
    shape, size = getattr(source, "shape", None), ""
    if shape is not None:
        size = f" of shape {tuple(shape)}"
    elif isinstance(source, list | tuple):
        size = f" of length {len(source)}"
    module = type(source).__module__.partition(".")[0]
    return f"{module}.{type(source).__name__}{size}".removeprefix("builtins.")


def _is_labelled(source: Any) -> bool:
    """Return whether a source is an array of xarray whose positions are sizes."""
    coords = getattr(source, "coords", None)
    return coords is not None and hasattr(source, "dims") and not hasattr(source, "data_vars") and SIZES in coords


def _of_rows(rows: Any) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in (name for name in names if str(name).lower() in (SIZES, "count", "counts")):
        missing = [number for number, row in enumerate(rows) if name not in row]
        rule = f"must have {name!r}, as other rows do"
        if missing:
            raise InputError(
                f"neurons[{missing[0]}]", rows[missing[0]], rule, "fit([{'neurons': 128, 'count': 21}, …])"
            )
    return {str(name): [row.get(name) for row in rows] for name in names}


def _with_numbers_for_keys(source: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return a mapping of sizes to counts whose keys are text, as JSON has them, with numbers for keys."""
    try:
        keys = [float(key) for key in source] if all(isinstance(key, str) for key in source) else []
    except ValueError:
        return source
    return dict(zip(keys, source.values(), strict=True)) if keys else source


def _column(column: Any) -> Any:
    """Return a column as an array; one with missing entries as a list of them."""
    if hasattr(column, "to_pylist"):
        return column.to_pylist()
    return column.to_list() if hasattr(column, "to_list") else np.asarray(column)


def _exchanged(source: Any) -> Any:
    """Return a table that offers Arrow's interchange, or a frame of pandas."""
    arrow = imported("pyarrow")
    if arrow is not None:
        return columns_in(arrow.table(source))
    if hasattr(source, "to_pandas"):
        return source.to_pandas()
    rule = "is a stream of Arrow, which pyarrow reads once it is imported"
    raise InputError("neurons", named(source), rule, "fit(pandas.DataFrame(...))")
