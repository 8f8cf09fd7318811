"""Pairs of two models that recur in further ones, after `rosettalaw match A B C --out folder`.

The result of two models, ``a--b.nc``, lies beside ``recurrence.nc``, which lists the families of neurons that
calibrated pairs join. A pair whose two neurons belong to one family of m models, joined by their own pair or through
others, recurs in m − 2 further models.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import RosettaError
from ...model_names import BETWEEN, RECURRENCE, pair_file
from ...results import interpreting, load

if TYPE_CHECKING:
    import xarray as xr


def recurs(result: xr.Dataset, path: Path) -> np.ndarray | None:
    """Return in how many further models each pair of a result recurs; None where its neighbour does not tell.

    Parameters
    ----------
    result : Dataset of kind "pairs"
        The result of two of several models.
    path : path
        Its file.
    """
    beside = path.with_name(RECURRENCE)
    if "together" not in result.attrs or not beside.is_file():
        return None
    try:
        several = load(beside, "recurrence")
    except RosettaError:
        return None
    with interpreting(str(beside)):
        comparison = _comparison(several, path)
        if comparison is None or not _of_this_run(several, result, comparison):
            return None
        families = [
            _families(several, int(several[f"{one}_model"].values[comparison]), result[f"unit_{side}"].values)
            for one, side in (("first", "a"), ("second", "b"))
        ]
        together = (families[0] == families[1]) & (families[0] >= 0)
        models = np.append(several["family_models"].values, 2)  # of the family −1, which is none
        return np.where(together, models[families[0]] - 2, 0)


def first_pair(several: xr.Dataset, path: Path) -> tuple[Path, list[Path]]:
    """Return the file of the first two models beside a result of kind "recurrence", and those of the others."""
    names = [str(name) for name in several["model"].values]
    files = [path.with_name(pair_file(a, b)) for a, b in itertools.combinations(names, 2)]
    return files[0], files[1:]


def _comparison(several: xr.Dataset, path: Path) -> int | None:
    """Return which two of the models a file is named after."""
    names = several["model"].values
    sides = zip(several["first_model"].values, several["second_model"].values, strict=True)
    stems = [f"{names[a]}{BETWEEN}{names[b]}" for a, b in sides]
    return stems.index(path.stem) if path.stem in stems else None


def _of_this_run(several: xr.Dataset, result: xr.Dataset, comparison: int) -> bool:
    """Return whether the pairs are those that the families were made of: a later run may have replaced one file."""
    if int(several["raw_count"].values[comparison]) != result.sizes["pair"]:
        return False
    if "threshold" not in several or "threshold" not in result:
        return ("threshold" in several) == ("threshold" in result)
    bars = float(several["threshold"].values[comparison]), float(result["threshold"])
    return bool(np.isclose(*bars, rtol=1e-6, atol=0, equal_nan=True))


def _families(several: xr.Dataset, model: int, units: np.ndarray) -> np.ndarray:
    """Return the family of each of a model's neurons, −1 for those of none."""
    own = several["member_model"].values == model
    family = np.full(int(several["model_neurons"].values[model]), -1, dtype=np.int64)
    family[several["member_neuron"].values[own]] = several["member_family"].values[own]
    return family[units]
