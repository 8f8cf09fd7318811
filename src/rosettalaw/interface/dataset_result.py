"""Base class of results that are Datasets: summary, table, HTML and file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import LOG
from ..errors import UnknownNameError, require
from .showing import Printed, lines, table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

FIRST = 10  # rows that HTML shows


def variable(dataset: xr.Dataset, name: Any) -> Any:
    """Return a variable of a Dataset, or several.

    Raises
    ------
    UnknownNameError
        If it has none of this name.
    """
    try:
        return dataset[name]
    except KeyError:
        raise UnknownNameError("variable of the result", name, map(str, dataset.variables)) from None


class DatasetResult(Printed):
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

    def __getitem__(self, name: str) -> Any:
        return variable(self.dataset, name)

    def __contains__(self, name: object) -> bool:
        return name in self.dataset

    def __iter__(self) -> Any:
        return iter(self.dataset)

    @property
    def attrs(self) -> dict[Any, Any]:
        """Facts about the run: models, seeds, versions."""
        return self.dataset.attrs

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
        more = len(self) - len(frame)
        note = f"and {more:,} more rows: to_dataframe()" if more else ""
        return table(self.TITLE, self.facts(), frame.to_dict("records"), note)

    def _shown(self) -> pd.DataFrame:
        """Return the rows that HTML shows."""
        return self.to_dataframe().head(FIRST) if len(self) else self.dataset[[]].to_dataframe()

    def __len__(self) -> int:
        return int(self.dataset.sizes.get(self.ROWS, 0))

    def __bool__(self) -> bool:
        return True
