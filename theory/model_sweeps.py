"""Models on grids: any parameter of any family swept, also of families that are not this package's.

A parameter is a number that a part of the model has as a field. It is called by its name where no other part has a
field of that name, and by the part's too where one does: ``scale``, or ``spectrum_scale`` and ``utility_scale``. Every
point is a model of its own; the thresholds τ at one of them share its allocation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, RosettaError, UnknownNameError, require
from ..vocabulary import FAMILIES
from .contracts import MethodError
from .grids import Grid, vectors
from .parameters import FEATURES_TOO_MANY, LEVEL
from .sensitivities import NAMES as SENSITIVITIES
from .sweeps import solved

if TYPE_CHECKING:
    import xarray as xr

    from .model import Model

PARTS = ("spectrum", "utility", "cost", "budget")
EXAMPLE = "Model(PowerLaw(1.6), CRRA(1.0)).sweep(neurons=[1e3, 1e5], beta=[1.3, 1.6], eta=[0.5, 1, 2], tau=[1, 2])"
WITH_MEMORY = "Model(PowerLaw(1.6)).sweep(neurons=[1e3, 1e5], memory=1e9)"
VARIABLES = (
    "active",
    "r_tau",
    "count",
    "mean_isolation",
    "tail_mass",
    "isolation_per_non_rosetta",
    "local_exponent",
)
BLOCK, BLOCKS = 256, 250  # points solved at a time, and blocks: each is a task of dask for every variable
OK, INVALID, TOO_FEW, NO_OPTIMUM, TOO_MANY = 0, 1, 3, 4, 5  # of `sweeps.STATUS`


def sweep_model(
    model: Model, given: Mapping[str, Any], memory: float | None, sensitivities: bool = False
) -> xr.Dataset:
    """Return the predictions of a model on the outer product of parameters.

    Raises
    ------
    UnknownNameError, InputError
        For a parameter that no part of the model has, and values that are not numbers or have more dimensions than one.
    """
    own = parameters(model)
    size = {"features": float(model.features)} if model.features is not None else {"gamma": model.gamma}
    values = {name: getattr(getattr(model, part), field) for name, (part, field) in own.items()}
    known = {"neurons": np.nan, **values}
    if "features" in given:
        size = {}
    for name in given:
        if name not in {*known, "gamma", "features", "tau"}:
            raise UnknownNameError("parameter of this model", name, {*known, "gamma", "features", "tau"})
    require(not {"gamma", "features"} <= set(given), "gamma, features", "both", "must be one of the two", EXAMPLE)
    arrays = vectors({**known, **size, "tau": 1.0, **given}, EXAMPLE)
    arrays["tau"] = arrays.pop("tau")  # last, so that thresholds of one point lie side by side
    grid = Grid(
        solve=partial(solve_models, model=model, own=own, sensitivities=sensitivities),
        names=(*VARIABLES, *(SENSITIVITIES if sensitivities else ()), "status"),
        arrays=arrays,
        block=BLOCK,
        most=BLOCKS,
    )
    ds = solved(grid, memory, WITH_MEMORY, model=repr(model), limit="discrete")
    for name, (part, field) in own.items():
        described = getattr(model, part).variables.get(field) or FAMILIES.get(field)
        if described is not None and not ds[name].attrs:
            ds[name].attrs = described.attributes()
    ds["local_exponent"].attrs["comment"] = f"NaN {LEVEL}"
    return ds


def parameters(model: Model) -> dict[str, tuple[str, str]]:
    """Return the parameters of a model's parts: the name of each, and the part and field that it stands for."""
    values = {part: _fields(getattr(model, part)) for part in PARTS}
    result = [(part, field) for part in PARTS for field, value in values[part].items() if _single(value)]
    names = [field for _, field in result]
    reserved = {"neurons", "tau", "gamma", "features"}
    return {
        field if names.count(field) == 1 and field not in reserved else f"{part}_{field}": (part, field)
        for part, field in result
    }


def solve_models(
    arrays: Mapping[str, np.ndarray], model: Model, own: Mapping[str, tuple[str, str]], sensitivities: bool = False
) -> np.ndarray:
    """Return the variables and the status on the outer product of 1-D arrays, shape (8 or 12, ...)."""
    others = [name for name in arrays if name != "tau"]
    shape = tuple(arrays[name].size for name in others if arrays[name].ndim)
    thresholds = np.atleast_1d(arrays["tau"])
    names = (*VARIABLES, *(SENSITIVITIES if sensitivities else ()))
    block = np.full((len(names) + 1, *shape, thresholds.size), np.nan)
    for index in np.ndindex(shape):
        at = iter(index)
        values = {name: float(arrays[name][next(at)] if arrays[name].ndim else arrays[name]) for name in others}
        block[(slice(None), *index)] = _points(model, own, values, thresholds, names)
    return block if arrays["tau"].ndim else block[..., 0]


def _points(
    model: Model,
    own: Mapping[str, tuple[str, str]],
    values: dict[str, float],
    thresholds: np.ndarray,
    names: tuple[str, ...],
) -> Any:
    """Return the variables and the status at one allocation, shape (variables, thresholds)."""
    rows = np.full((len(names) + 1, thresholds.size), np.nan)
    neurons = values["neurons"]
    rows[-1] = INVALID
    if not 0 < neurons < np.inf:
        return rows
    try:
        built = with_values(model, own, values)
    except RosettaError:
        return rows
    try:
        allocation = built.allocate(neurons)
        for i, tau in enumerate(thresholds):
            if 0 < tau < np.inf:
                point = built.quantities(allocation, neurons, float(tau), len(names) > len(VARIABLES))
                rows[:, i] = [*(point[name] for name in names), OK]
    except MethodError:  # of no point, but of the family
        raise
    except InputError as error:
        reasons = (("leaves no feature", TOO_FEW), (FEATURES_TOO_MANY, TOO_MANY))
        code = next((code for start, code in reasons if error.rule.startswith(start)), NO_OPTIMUM)
        rows[:-1], rows[-1] = np.nan, code
    return rows


def with_values(model: Model, own: Mapping[str, tuple[str, str]], values: Mapping[str, float]) -> Model:
    """Return the model with other values of its parameters."""
    new: dict[str, dict[str, float]] = {}
    for name, (part, field) in own.items():
        new.setdefault(part, {})[field] = values[name]
    parts = {part: _replaced(getattr(model, part), fields) for part, fields in new.items()}
    features = values.get("features")
    if features is not None:
        require(features == int(features) if np.isfinite(features) else False, "features", features, "must be whole")
        return replace(model, **parts, features=int(features))
    return replace(model, **parts, gamma=values["gamma"], features=None)


def _fields(part: Any) -> dict[str, Any]:
    return {field.name: getattr(part, field.name) for field in fields(part)} if is_dataclass(part) else dict(vars(part))


def _single(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _replaced(part: Any, values: Mapping[str, float]) -> Any:
    """Return a part with other values; a class that is not a dataclass is made anew from its attributes."""
    if all(getattr(part, field) == value for field, value in values.items()):
        return part
    made: Any = part
    return replace(made, **values) if is_dataclass(part) else type(part)(**{**vars(part), **values})
