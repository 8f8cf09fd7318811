"""Base classes of results that are Datasets: variables by name, equality; summary, table, HTML and file.

| | |
|---|---|
| ``result["count"]``, ``"count" in result``, ``for name in result``, ``dict(result)`` | variables, as of a Dataset |
| ``one == other``, ``one.equals(other)`` | the same values and facts, also of a result that was saved and loaded |
| ``len(result)`` | an error: a table's length is its rows, a Dataset's its variables |
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..console import LOG
from ..contents import same_dataset
from ..errors import CallError, UnknownNameError, require
from .showing import Printed, lines, table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

FIRST = 10  # rows that HTML shows


class WithVariables(Printed):
    """A result whose Dataset gives its variables by name, and decides whether another result is equal."""

    __hash__: Any = None  # like Datasets and tables, results can be changed
    __reversed__: Any = None
    __array_ufunc__: Any = None  # NumPy's numbers would ask for an array when they compare themselves with it

    dataset: xr.Dataset

    def __getitem__(self, name: Any) -> Any:
        """Return a variable, or several.

        Raises
        ------
        UnknownNameError
            If there is none of this name.
        """
        try:
            return self.dataset[name]
        except KeyError:
            raise UnknownNameError("variable of the result", name, map(str, self.dataset.variables)) from None

    def __contains__(self, name: object) -> bool:
        try:
            return name in self.dataset
        except TypeError:  # no name: arrays have no hash
            return False

    def __iter__(self) -> Iterator[Any]:
        return iter(self.dataset)

    def keys(self) -> Any:
        """Return the names of the variables, without those of coordinates."""
        return self.dataset.keys()

    def __len__(self) -> int:
        way = "len(result.to_dataframe()), or len(result.dataset)"
        raise CallError(f"len: a result has two lengths, of its rows and of its variables. Try: {way}")

    def __bool__(self) -> bool:
        return True

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        way = "result.to_dataframe(), or numpy.asarray(result['name'])"
        raise CallError(f"array: a result is several arrays. Try: {way}")

    def equals(self, other: object) -> bool:
        """Return whether another result is of the same kind and has the same values and facts; NaN equals NaN.

        Versions, command line and details of the engine may differ.
        """
        return type(other) is type(self) and same_dataset(self.dataset, other.dataset)

    def __eq__(self, other: object) -> Any:
        return self.equals(other) if type(other) is type(self) else NotImplemented

    def _ipython_key_completions_(self) -> list[str]:
        return [str(name) for name in self.dataset.variables]

    @property
    def attrs(self) -> dict[Any, Any]:
        """Facts about the run: models or verdict, seeds, versions, command."""
        return self.dataset.attrs


class DatasetResult(WithVariables):
    """A result with its Dataset.

    Attributes
    ----------
    dataset : xarray.Dataset
        The complete result, with units, provenance and versions; ``result["name"]`` is one of its variables.
    """

    ROWS = "pair"  # the dimension of the table
    TITLE = "result"
    VARIABLES: tuple[str, ...] = ()  # without which a result is no such result
    FACTS: tuple[str, ...] = ()  # the same: attributes

    def __init__(self, dataset: xr.Dataset):
        rule = "must be a Dataset of results; load(path) reads one from a file"
        require(hasattr(dataset, "data_vars"), "dataset", dataset, rule, "load('result.nc')")
        self.dataset = dataset

    def facts(self) -> dict[str, Any]:
        """Return the numbers of the summary by their names."""
        raise NotImplementedError

    def to_dataset(self) -> xr.Dataset:
        """Return the Dataset."""
        return self.dataset

    def to_dataframe(self) -> pd.DataFrame:
        """Return the result's table; an empty table is reported in the log, with the reason."""
        names = [str(name) for name, variable in self.dataset.data_vars.items() if variable.dims == (self.ROWS,)]
        frame = self.dataset[names].to_dataframe().reset_index(drop=True)
        if not len(frame):
            LOG.warning("%s: the table is empty: %s", self.TITLE, self.attrs.get("status", "no pair was matched"))
        return frame

    def summary(self) -> str:
        """Return the numbers in a few lines."""
        return lines(self.TITLE, self.facts())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result to netCDF, completely or not at all; `rosettalaw.load` reads it."""
        from ..results import save

        return save(self.dataset, path)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        frame = self._shown()
        more = self._rows - len(frame)
        note = f"and {more:,} more rows: to_dataframe()" if more else ""
        return table(self.TITLE, self.facts(), frame.to_dict("records"), note)

    def _shown(self) -> pd.DataFrame:
        """Return the rows that HTML shows."""
        return self.to_dataframe().head(FIRST) if self._rows else self.dataset[[]].to_dataframe()

    @property
    def _rows(self) -> int:
        return int(self.dataset.sizes.get(self.ROWS, 0))
