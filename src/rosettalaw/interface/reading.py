"""`load`: the result in a file, as the function that made it returned it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..arguments import checked
from ..errors import require
from ..results import KIND, require_variables
from ..results import load as load_dataset
from .ladder_result import LadderResult
from .law import VARIABLES, Law, law_in
from .match_result import MatchResult
from .recurrence_result import RecurrenceResult
from .wording import in_python

if TYPE_CHECKING:
    import xarray as xr

RESULTS = {"pairs": MatchResult, "ladder": LadderResult, "recurrence": RecurrenceResult}
LAW = "fit"


@checked("load('result.nc')")
def load(
    path: str | os.PathLike[str], kind: str | None = None
) -> MatchResult | LadderResult | RecurrenceResult | Law | xr.Dataset:
    """Return the result in a file.

    Parameters
    ----------
    path : path
        A file written by ``save`` or by ``--out`` of a command.
    kind : str, optional
        Kind of result that is expected.

    Returns
    -------
    MatchResult, LadderResult, RecurrenceResult, Law or xarray.Dataset
        Of pairs, of a ladder, of neurons that recur, of a law, or of another kind: what was saved. A `MatchResult` has
        no ``matches``, a `RecurrenceResult` no ``pairs``: files do not have the correlations of every null and pair of
        models. A `Law` is fitted again from its data, which takes as long as `fit`. Predictions and sweeps are
        Datasets that can be plotted.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If the file is not netCDF, is cut short, was not made by this package, is of another kind, or lacks a variable
        of its kind.

    Examples
    --------
    >>> import rosettalaw as rl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = rl.save(rl.predict(neurons=[1024], beta=1.6), f"{folder}/prediction.nc")
    ...     loaded = rl.load(path)
    >>> loaded.attrs["rosettalaw_kind"]
    'prediction'
    """
    with in_python():
        require(str(path), "path", path, "must name a file", "load('result.nc')")
        dataset = load_dataset(path, kind)
    if dataset.attrs[KIND] == LAW:
        require_variables(dataset, str(path), VARIABLES)
        return law_in(dataset, str(path))
    result = RESULTS.get(dataset.attrs[KIND])
    if result is None:
        return dataset
    require_variables(dataset, str(path), result.VARIABLES, result.FACTS)
    return result(dataset)
