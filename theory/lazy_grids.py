"""Grids as dask arrays that are solved when they are computed.

All variables share the tasks that solve their blocks. dask itself would solve whole blocks and then cut out the
requested part; `GridArray` hands a cut on to its grid, and no other point is solved.
"""

from __future__ import annotations

import math
import uuid
from typing import Any, cast

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.delayed import delayed

from ..errors import InputError
from .grids import Grid
from .travelling import Travelling, require_travelling


class GridArray(da.Array):
    """One variable of a grid; a part of it is that variable of a smaller grid."""

    grid: Grid
    variable: str
    origin: str

    @classmethod
    def of(cls, grid: Grid, variable: str, origin: str) -> GridArray:
        """Return a variable; `origin` names the function that solves the grid among all others."""
        plain = _blocks(grid, grid.names.index(variable), f"{origin}-{tokenize(dict(grid.arrays))}")
        make: Any = cls
        array = make(plain.dask, plain.name, plain.chunks, meta=plain)
        array.grid, array.variable, array.origin = grid, variable, origin
        return array

    def __getitem__(self, index: Any) -> da.Array:
        """Return the array of the part of the grid; what is no such part is left to dask."""
        key = _key(index, self.ndim)
        if key is None:
            return super().__getitem__(index)
        if all(isinstance(at, slice) and at == slice(None) for at in key):
            return self
        return GridArray.of(self.grid[key], self.variable, self.origin)

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """Return the values, which tables and `values` ask for, or raise `InputError` where memory has no room."""
        import psutil

        free, array = psutil.virtual_memory().available, cast("Any", super())
        size = math.prod(self.grid.shape) * self.grid.dtype(self.variable).itemsize
        if 2 * size > free:  # the blocks and the whole
            shown = f"{size / 1e9:.3g} GB of {self.variable}"
            rule = (
                f"must leave room for the values twice, and {free / 1e9:.3g} GB are free; take a part, or save it all"
            )
            call = f"ds.isel({self.grid.dims[0]}=0).to_dataframe(), or rosettalaw.theory.sweeps.write(ds, 'sweep.nc')"
            raise InputError("sweep", shown, rule, call)
        return array.__array__(*args, **kwargs)


def lazy(grid: Grid) -> dict[str, GridArray]:
    """Return every variable of a grid as a dask array.

    Raises
    ------
    InputError
        If a client of `distributed` is open and the grid's function cannot be sent to its workers.
    """
    require_travelling(grid.solve)
    origin = f"grid-{uuid.uuid4().hex}"
    return {name: GridArray.of(grid, name, origin) for name in grid.names}


def _key(index: Any, ndim: int) -> tuple[Any, ...] | None:
    """Return an index as one number, slice or vector for each dimension; None if it is not a part of a grid."""
    given = index if isinstance(index, tuple) else (index,)
    if any(at is Ellipsis for at in given):
        at = next(i for i, one in enumerate(given) if one is Ellipsis)
        given = (*given[:at], *(slice(None),) * (ndim - len(given) + 1), *given[at + 1 :])
    given += (slice(None),) * (ndim - len(given))
    key = tuple(np.asarray(at) if isinstance(at, list) else at for at in given)
    vectors = [at for at in key if isinstance(at, np.ndarray) and at.ndim]
    fine = all(isinstance(at, slice | int | np.integer | np.ndarray) and not isinstance(at, bool) for at in key)
    whole = all(at.ndim == 1 and at.dtype.kind in "iub" and at.size for at in vectors)
    return key if len(key) == ndim and fine and whole and len(vectors) <= 1 else None


def _blocks(grid: Grid, variable: int, token: str) -> da.Array:
    """Return the dask array of one variable, with tasks of the same names for all variables."""
    solve, pick = delayed(Travelling(grid.solve)), delayed(_pick)
    dtype, chunks = grid.dtype(grid.names[variable]), grid.chunks
    parts = np.empty([len(sizes) for sizes in chunks], dtype=object)
    for index, at in zip(np.ndindex(parts.shape), grid.blocks(), strict=True):
        where = "-".join(map(str, index))
        block = solve(grid[at].arrays, dask_key_name=f"{token}-{where}")
        size = tuple(sizes[i] for sizes, i in zip(chunks, index, strict=True))
        value = pick(block, variable, dtype, dask_key_name=f"{token}-{grid.names[variable]}-{where}")
        parts[index] = da.from_delayed(value, size, dtype=dtype)
    return da.block(parts.tolist())


def _pick(block: np.ndarray, variable: int, dtype: np.dtype) -> np.ndarray:
    return block[variable].astype(dtype)
