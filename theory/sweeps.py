"""Sweeps: the predictions on a grid of any of β, κ, τ, γ and N, in memory or beyond it (`grids`).

`write` computes block after block of about a million points and writes each where it belongs, so that memory stays
flat and workers need no common file system.

Points that have no solution do not stop a sweep: they are NaN, and `status` says why.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import results
from ..arguments import checked
from ..checksums import add_tail
from ..console import progress
from ..errors import require
from ..netcdf import require_name
from .grids import Grid, coordinates, slices, vectors
from .parameters import BETA_NEEDS_FEATURES, FEATURES_TOO_FEW, FEATURES_TOO_MANY, allowed, check_limit, too_few_features
from .predictions import open_grid, predict_arrays
from .sensitivities import NAMES as SENSITIVITIES

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike

EXAMPLE = "sweep(neurons=Range(1e3, 1e9, 200, log=True), beta=Range(1.2, 3, 100))"
VARIABLES = (
    "active",
    "r0",
    "r_tau",
    "count",
    "mean_isolation",
    "tail_mass",
    "local_exponent",
    "isolation_per_non_rosetta",
    "asymptotic_exponent",
)
BLOCK = 1 << 20  # points solved at a time
BYTES_PER_VARIABLE = 8 * 3  # of a point: the result, the kernel's column, and what lies between

STATUS = {
    0: "ok",
    1: "a parameter must be finite and greater than 0",
    2: f"beta {BETA_NEEDS_FEATURES}",
    3: f"gamma {FEATURES_TOO_FEW}",
    4: "no optimum: the utility must be concave, and importance over cost must not rise with rank",
    5: f"neurons {FEATURES_TOO_MANY}",
}


@checked(EXAMPLE, "sensitivities")
def sweep(
    neurons: ArrayLike,
    beta: ArrayLike,
    kappa: ArrayLike = 1.0,
    tau: ArrayLike = 1.0,
    gamma: ArrayLike = 4.0,
    limit: str = "discrete",
    memory: float | None = None,
    sensitivities: bool = False,
) -> xr.Dataset:
    """Predict on the outer product of the arguments.

    Parameters
    ----------
    neurons, beta, kappa, tau, gamma : float, 1-D array_like or Range
        Scalars stay scalar coordinates, everything else becomes a dimension.
    limit : {"discrete", "continuum"}
        As for `predict`.
    memory : float, optional
        Bytes that the sweep may take; beyond them the variables are dask arrays. A quarter of the free memory unless
        given.
    sensitivities : bool
        Whether to add the derivatives that `predict` gives.

    Returns
    -------
    xarray.Dataset
        The variables of `predict`, counts as floats, and ``status``, 0 where the point was solved, otherwise the number
        of a rule of `STATUS`: 1 to 3 here, also 4 (no optimum) and 5 (more features than memory holds) of a model. Its
        ``to_dataframe()`` has a row for each point, with the swept parameters as its index and the others as columns.
        Beyond the free memory it is refused, with the call that takes a part.

    Raises
    ------
    InputError
        For arguments that are not numbers, have more dimensions than one or are empty, and for an unknown limit.

    Examples
    --------
    >>> dict(sweep(neurons=[1e3, 1e4, 1e5], beta=[1.5, 2.0]).sizes)
    {'neurons': 3, 'beta': 2}
    """
    continuum = check_limit(limit)
    given = {"neurons": neurons, "beta": beta, "kappa": kappa, "tau": tau, "gamma": gamma}
    grid = Grid(
        solve=partial(solve_block, continuum=continuum, sensitivities=sensitivities),
        names=(*VARIABLES, *(SENSITIVITIES if sensitivities else ()), "status"),
        arrays=vectors(given, EXAMPLE),
        block=BLOCK,
    )
    return solved(grid, memory, "sweep(neurons=[1e3, 1e9], beta=1.6, memory=1e9)", limit=limit)


def solved(grid: Grid, memory: float | None, example: str, **provenance: Any) -> xr.Dataset:
    """Return the Dataset of a grid whose status is one of `STATUS`; `example` is a call with a limit of memory."""
    memory = _quarter_of_free_memory() if memory is None else memory
    number = isinstance(memory, int | float | np.number) and not isinstance(memory, bool)
    require(number and memory > 0, "memory", memory, "must be a positive number of bytes", example)
    if math.prod(grid.shape) * BYTES_PER_VARIABLE * len(grid.names) <= memory:
        values = grid.solved()
    else:
        from .lazy_grids import lazy

        values = lazy(grid)
    variables = {name: (grid.dims, value) for name, value in values.items()}
    ds = results.dataset("sweep", variables, coordinates(grid.arrays), **provenance)
    ds["status"].attrs |= {
        "flag_values": np.array(list(STATUS), dtype=np.int8),
        "flag_meanings": "ok invalid_parameter beta_needs_finite_gamma too_few_features no_optimum too_many_features",
        **{f"meaning_{code}": text for code, text in STATUS.items()},
    }
    return ds


def solve_block(arrays: Mapping[str, np.ndarray], continuum: bool, sensitivities: bool = False) -> np.ndarray:
    """Return the variables and the status on the outer product of 1-D arrays, shape (10, ...)."""
    spread = open_grid(arrays)
    shape = np.broadcast_shapes(*(array.shape for array in spread.values()))
    status = _status(spread, shape, "continuum" if continuum else "discrete")
    fine = status == 0
    if not fine.all():  # solve something harmless there, and forget it
        spread = {name: np.where(fine, array, 2.0) for name, array in spread.items()}
    values = predict_arrays(spread, continuum, sensitivities)
    names = (*VARIABLES, *(SENSITIVITIES if sensitivities else ()))
    block = np.empty((len(names) + 1, *shape))
    for i, name in enumerate(names):
        block[i] = values[name]
        if not fine.all():
            block[i, ~fine] = np.nan
    block[-1] = status
    return block


def write(ds: xr.Dataset, path: str | os.PathLike[str], client: Any = None, quiet: bool = False) -> Path:
    """Save a sweep as netCDF, block by block where it is backed by dask; whole or not at all.

    Parameters
    ----------
    ds : xarray.Dataset
        From `sweep`.
    path : path
        The file to write.
    client : distributed.Client, optional
        Computes the blocks; this process alone writes them.
    quiet : bool
        No progress bar.

    Raises
    ------
    InputError
        If the suffix of `path` names another kind of file.
    RosettaError
        If the disk has no room for it, or the folder cannot be written.
    """
    if not ds.chunks:
        return results.save(ds, path)
    import h5netcdf

    require_name("path", path)
    results.require_room(path, ds.nbytes)
    with results.replacing(path) as partial:
        ds.to_netcdf(partial, engine="h5netcdf", compute=False)  # names, attributes and coordinates; no values yet
        where = [tuple(at) for at in product(*(slices(ds.chunks[dim]) for dim in ds["status"].dims))]
        shown = progress("solving", len(where), quiet=quiet)
        with h5netcdf.File(partial, "a") as file, shown as bar:
            for at, values in zip(where, _computed(ds, where, client), strict=True):
                for name, value in values.items():
                    file.variables[name][at] = value
                bar.advance()
        add_tail(partial)
    return Path(path)


def summary(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return how many points of a saved sweep were solved, and how many of the others met which rule."""
    import xarray as xr

    whole = os.path.abspath(path)  # xarray takes "~" for a home and "http:" for an address
    with xr.open_dataset(whole, engine="h5netcdf") as ds:
        codes, numbers = np.unique(ds["status"].values, return_counts=True)
    points = dict(zip(codes.tolist(), numbers.tolist(), strict=True))
    unsolved = {STATUS[int(code)]: number for code, number in points.items() if code != 0}
    return {"points": sum(points.values()), "solved": points.get(0, 0), "unsolved": unsolved}


def _computed(ds: xr.Dataset, where: list[tuple[slice, ...]], client: Any) -> Iterator[dict[str, np.ndarray]]:
    """Yield every block's variables in order; on a cluster a few are under way at a time."""
    import dask
    from dask.delayed import delayed

    dims = ds["status"].dims
    blocks = (ds.isel(dict(zip(dims, at, strict=True))) for at in where)
    lazy = ({str(name): block[name].data for name in block.data_vars} for block in blocks)
    if client is None:
        for block in lazy:
            yield dask.compute(block, scheduler="synchronous")[0]  # type: ignore[attr-defined]
        return
    ahead = 2 * max(1, len(client.scheduler_info()["workers"]))
    waiting: deque[Any] = deque()
    for block in lazy:
        waiting.append(client.compute(delayed(block)))  # type: ignore[attr-defined]
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _status(spread: Mapping[str, np.ndarray], shape: tuple[int, ...], limit: str) -> np.ndarray:
    status = np.zeros(shape, dtype=np.int8)
    neurons, beta, gamma = spread["neurons"], spread["beta"], spread["gamma"]
    status[np.broadcast_to(np.isinf(gamma) & (beta <= 1), shape)] = 2
    with np.errstate(invalid="ignore"):
        status[np.broadcast_to(too_few_features(neurons, gamma, limit), shape)] = 3
    for name, array in spread.items():
        status[np.broadcast_to(~allowed(name, array), shape)] = 1
    return status


def _quarter_of_free_memory() -> float:
    import psutil

    return psutil.virtual_memory().available / 4
