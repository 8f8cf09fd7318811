"""Whole numbers as activations: exact up to where float64 holds each of them, refused beyond by every reader."""

import re

import numpy as np
import pandas as pd
import pytest

import rosettalaw as rl
from rosettalaw.errors import InputError

RNG = np.random.default_rng(0)
SMALL = RNG.integers(-50, 50, (60, 4))
EDGE = 1 << 53
B = SMALL + RNG.normal(0, 10, SMALL.shape)


def pairs(a):
    return rl.match(a, B, progress=False, nulls={"permute": 1}).pairs[["unit_a", "unit_b"]].values.tolist()


def written(folder, array, suffix):
    path = folder / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, array)
    elif suffix == ".npz":
        np.savez(path, layer=array)
    elif suffix == ".h5":
        import h5py

        with h5py.File(path, "w") as file:
            file["activations"] = array
    elif suffix == ".nc":
        import xarray as xr

        xr.Dataset({"activations": (("position", "neuron"), array)}).to_netcdf(path, engine="h5netcdf")
    else:
        zarr = pytest.importorskip("zarr")
        zarr.save_array(str(path), array)
    return path


def forms(folder, array):
    """Yield one array in every form that is read."""
    import scipy.sparse
    import xarray as xr

    yield array
    yield np.asfortranarray(array)
    yield array.astype(array.dtype.newbyteorder(">"))
    yield array.tolist()
    yield [[*row, 0.5] for row in array.tolist()]
    yield {"layer": array}
    yield array.reshape(3, 20, 4)
    yield pd.DataFrame(array)
    yield pd.DataFrame(array).astype("Int64" if array.dtype.kind == "i" else "UInt64")
    yield pd.DataFrame(array).assign(half=0.5)
    yield xr.DataArray(array, dims=("position", "neuron"))
    yield scipy.sparse.csr_array(array)
    for suffix in (".npy", ".npz", ".h5", ".nc", ".zarr"):
        yield written(folder, array, suffix)


def test_whole_numbers_up_to_the_edge_are_exact(tmp_path):
    """A common offset, up to the last whole numbers that are floats, changes no correlation."""
    rho = np.corrcoef(SMALL.T, B.T)[:4, 4:]
    mutual = [[i, j] for i, j in enumerate(rho.argmax(1)) if rho[:, j].argmax() == i]
    for dtype in ("i1", "i2", "i4", "i8"):
        assert pairs(SMALL.astype(dtype)) == mutual
    assert pairs((SMALL - SMALL.min()).astype("u8")) == mutual
    assert pairs(np.array([[EDGE, -EDGE], [0, 1]] * 30)) is not None
    assert pairs(SMALL > 0) is not None
    for form in forms(tmp_path, SMALL):
        assert [pair for pair in pairs(form) if pair[0] < 4] == mutual


@pytest.mark.parametrize("far", [EDGE + 1, -(2**63)])
def test_larger_ones_are_refused_in_every_form(far, tmp_path):
    array = SMALL.copy()
    array[17, 2] = far
    for form in forms(tmp_path, array):
        with pytest.raises(
            InputError, match=rf" = {re.escape(str(far))}: is a whole number beyond 2\^53, .*Try: .*min"
        ):
            rl.match(form, B, progress=False)


def test_unsigned_ones_too(tmp_path):
    array = SMALL.astype("u8")  # the negative ones wrap around
    for form in forms(tmp_path, array):
        with pytest.raises(InputError, match="is a whole number beyond"):
            rl.match(form, B, progress=False)


@pytest.mark.parametrize("kind", ["int64", "uint64"])
def test_tensors_and_dask_arrays_too(kind):
    torch = pytest.importorskip("torch")
    dask = pytest.importorskip("dask.array")
    array = np.abs(SMALL).astype(kind)
    assert pairs(torch.from_numpy(array)) == pairs(array) == pairs(dask.from_array(array))
    array[3, 1] = EDGE + 2
    for form in (torch.from_numpy(array), dask.from_array(array)):
        with pytest.raises(InputError, match=f" = {EDGE + 2}: is a whole number beyond"):
            rl.match(form, B, progress=False)


class Own:
    """A source of one's own, in whole numbers."""

    name, layer, unit, positions = "own", np.zeros(4, int), np.arange(4), 60

    def __init__(self, array):
        self.array = array

    def blocks(self, size):
        return (self.array[at : at + size] for at in range(0, 60, size))


def test_blocks_of_ones_own_source_keep_their_digits():
    """An offset beyond float32's digits, but not beyond float64's."""
    assert pairs(Own(SMALL.astype("i8") + 2**40)) == pairs(SMALL)
    with pytest.raises(InputError, match=r"own = .*: is a whole number beyond"):
        pairs(Own(SMALL.astype("i8") + 2**60))
