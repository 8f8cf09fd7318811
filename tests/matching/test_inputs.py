"""Activations in every object and file that people hold them in: the same numbers, the names that belong to them."""

import os

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
import xarray as xr
import zarr
from dask import array as dask_array
from safetensors.torch import save_file

from rosettalaw.empirical.activations.inputs import open_input
from rosettalaw.empirical.activations.inputs.labelled import aligned
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError
from rosettalaw.results import dataset, save

X = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)
CUBE, LEFT, RIGHT = X.reshape(6, 10, 5), X[:, :2], X[:, 2:]


class Cache:
    """A cache like TransformerLens's: it has keys and items, but is no Mapping."""

    def __init__(self, **arrays):
        self.arrays = arrays

    def keys(self):
        return self.arrays.keys()

    def items(self):
        return self.arrays.items()


class WithArray:
    """An array of another library."""

    def __array__(self, dtype=None, copy=None):
        return X


def tensor(array):
    return torch.from_numpy(array.copy())


OBJECTS = {
    "array": lambda: X,
    "Fortran": lambda: np.asfortranarray(X),
    "strided": lambda: np.repeat(X, 2, axis=1)[:, ::2],
    "float64": lambda: X.astype(np.float64),
    "longdouble": lambda: X.astype(np.longdouble),
    "big-endian": lambda: X.astype(">f4"),
    "read-only": lambda: np.frombuffer(X.tobytes(), np.float32).reshape(X.shape),
    "(batch, position, unit)": lambda: CUBE,
    "nested lists": X.tolist,
    "another library's": WithArray,
    "masked, nothing masked": lambda: np.ma.masked_array(X, np.zeros(X.shape, bool)),
    "tensor": lambda: tensor(X),
    "tensor with gradient": lambda: tensor(X).requires_grad_(),
    "tensor (batch, position, unit)": lambda: tensor(CUBE),
    "transposed tensor": lambda: tensor(X.T).T,
    "DataFrame": lambda: pd.DataFrame(X),
    "DataFrame of pandas' own type": lambda: pd.DataFrame(X).astype("Float32"),
    "DataArray": lambda: xr.DataArray(CUBE, dims=("batch", "token", "neuron")),
    "Dataset": lambda: xr.Dataset({"only": (("token", "neuron"), X)}),
    "Dataset of layers": lambda: xr.Dataset({"p": (("t", "u"), LEFT), "q": (("t", "v"), RIGHT)}),
    "dask": lambda: dask_array.from_array(X, chunks=(7, 5)),
    "dask (batch, position, unit)": lambda: dask_array.from_array(CUBE, chunks=(4, 3, 5)),
    "DataArray of dask": lambda: xr.DataArray(dask_array.from_array(X, chunks=(7, 5)), dims=("t", "u")),
    "layers": lambda: {"mlp.0": LEFT, "mlp.1": tensor(RIGHT)},
    "numbered layers": lambda: {3: LEFT, 7: RIGHT.reshape(6, 10, 3)},
    "a cache": lambda: Cache(first=tensor(LEFT), second=tensor(RIGHT)),
    "layers of dask": lambda: {"p": dask_array.from_array(LEFT, chunks=(9, 2)), "q": RIGHT},
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects(kind):
    check(OBJECTS[kind](), X)


def check(value, expected):
    source = open_input(value, "a").source
    assert source.positions == len(expected)
    assert sorted(zip(source.layer.tolist(), source.unit.tolist(), strict=True)) == list(
        zip(source.layer.tolist(), source.unit.tolist(), strict=True)
    )
    for size in (7, 1000):
        np.testing.assert_array_equal(np.concatenate(list(source.blocks(size))), expected)
    if hasattr(source, "blocks_from"):
        np.testing.assert_array_equal(np.concatenate(list(source.blocks_from(7, 23))), expected[23:])
    if hasattr(source, "rows"):
        order = np.random.default_rng(1).permutation(len(expected))
        np.testing.assert_array_equal(source.rows(order, slice(1, 4)), expected[order][:, 1:4])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int8, torch.bool, torch.float64, torch.int64])
def test_tensors_of_every_precision(dtype):
    values = (tensor(X) * 3).to(dtype)
    check(values, values.double().numpy())


@pytest.mark.parametrize("dtype", ["float16", "int8", "uint16", "int64", "bool"])
def test_arrays_of_every_real_type(dtype):
    values = (X * 3).astype(dtype) if dtype != "uint16" else np.abs(X * 3).astype(dtype)
    check(values, values.astype(np.float64))


def test_files(tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "cube.npy", CUBE)
    np.savez(tmp_path / "one.npz", X)
    np.savez(tmp_path / "layers.npz", p=LEFT, q=RIGHT)
    zarr.save(str(tmp_path / "a.zarr"), X)
    zarr.save(str(tmp_path / "cube.zarr"), CUBE)
    zarr.save(str(tmp_path / "layers.zarr"), p=LEFT, q=RIGHT)
    xr.Dataset({"activations": (("t", "u"), X)}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["model/p"], file["model/q"], file["note"] = LEFT, RIGHT, "no array"
    save_file({"p": tensor(LEFT), "q": tensor(RIGHT)}, str(tmp_path / "a.safetensors"))
    torch.save(tensor(X), tmp_path / "a.pt")
    torch.save({"p": tensor(LEFT), "q": tensor(RIGHT)}, tmp_path / "layers.pt")
    pd.DataFrame(X, columns=list("abcde")).to_parquet(tmp_path / "a.parquet")
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 13
    for path in paths:
        check(str(path), X)
    check(np.load(tmp_path / "a.npy", mmap_mode="r"), X)


def test_names_of_layers_units_and_positions_are_kept():
    opened = open_input({"blocks.0": LEFT, "blocks.1": RIGHT}, "a")
    assert opened.layers == {0: "blocks.0", 1: "blocks.1"}
    assert opened.source.layer.tolist() == [0, 0, 1, 1, 1]
    assert opened.source.unit.tolist() == [0, 1, 0, 1, 2]
    assert open_input({3: LEFT, 7: RIGHT}, "a").source.layer.tolist() == [3, 3, 7, 7, 7]
    table = pd.DataFrame(X, columns=list("abcde"), index=[f"s{i}" for i in range(60)])
    assert open_input(table).neurons.tolist() == list("abcde")
    assert open_input(table).samples[:2].tolist() == ["s0", "s1"]
    assert open_input(pd.DataFrame(X)).samples is None
    two_levels = pd.MultiIndex.from_tuples([("p", 0), ("p", 1), ("q", 0), ("q", 1), ("q", 2)])
    by_level = open_input(pd.DataFrame(X, columns=two_levels))
    assert (by_level.layers, by_level.source.layer.tolist()) == ({0: "p", 1: "q"}, [0, 0, 1, 1, 1])
    coords = {"token": np.arange(60) + 100, "layer": ("neuron", list("ppqqq"))}
    labelled = open_input(xr.DataArray(X, dims=("token", "neuron"), coords=coords))
    assert (labelled.layers, labelled.samples[0]) == ({0: "p", 1: "q"}, 100)
    assert labelled.source.layer.tolist() == [0, 0, 1, 1, 1]


def test_positions_that_do_not_correspond_are_an_error():
    order = np.random.default_rng(2).permutation(60)
    table = pd.DataFrame(X, index=[f"s{i}" for i in range(60)])
    a, shuffled = open_input(table), open_input(table.iloc[order])
    aligned(a, a)
    aligned(a, open_input(X))  # nothing is known of one
    with pytest.raises(InputError, match=r"samples = 's0 in a, s\d+ in b at row 0': must be the same .* another order"):
        aligned(a, shuffled)
    aligned(a, shuffled.with_samples(a.samples))
    grid = xr.DataArray(CUBE, dims=("b", "t", "u"), coords={"b": list("uvwxyz")})
    aligned(open_input(grid), open_input(grid))
    with pytest.raises(InputError, match=r"\('u', 0\) in a, \('z', 0\) in b"):
        aligned(open_input(grid), open_input(grid[::-1]))
    with pytest.raises(InputError, match="2 identities': must be one for each of the 60 positions"):
        open_input(X, "a", samples=[1, 2])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, "a = 'int': is not understood as activations"),
        (torch.nn.Linear(2, 2), "a = 'torch.Linear': is not understood"),
        ([X, X], r"a = 'list of 2 arrays': .* numpy.concatenate\(arrays\) if they are batches"),
        (iter([X]), "list_iterator"),
        ("a.foo", "is not a file of activations; endings are .npy, .npz"),
        (X[:, 0], r"array of shape \(60,\)': must have the shape \(positions, neurons\)"),
        (pd.Series(X[:, 0]), "must have the shape"),
        (X.reshape(2, 3, 2, 5, 5), "movedim"),
        (X.reshape(6, 10, 1, -1), r"x\.reshape\(\*x\.shape\[:2\], -1\) for \(batch, position, head, unit\)"),
        (None, "a = 'NoneType': .*Try: an array of shape"),
        (torch.nn.Linear, "a = 'type': .*Try: an object of that class"),
        (X + 1j, "must hold real numbers"),
        (np.array([["a"]]), "must hold real numbers"),
        ([[1, 2], [3]], "rows of equal length"),
        (np.ma.masked_array(X, X > 1), "masked numbers"),
        ({}, "has no layer"),
        ({"p": LEFT, "q": RIGHT[:9]}, "layer 'q'\": has 9 positions, and 'p' has 60"),
        ({"p": {"deep": 1}}, r"a\['p'\]\['deep'\] = 'int'"),
        (pd.DataFrame({"w": ["x"], "n": [1.0]}), "column 'w'.*set_index"),
        (tensor(X).reshape(60, 5, -1).to_sparse(), r"sparse tensor of shape \(60, 5, 1\)': must have the shape"),
        ((tensor(X) * 1j).to_sparse(), "must hold real numbers"),
        (scipy.sparse.coo_array(X[:, 0]), r"sparse array of shape \(60,\)': must have the shape"),
        (tensor(X).to("meta"), "has no numbers"),
    ],
)
def test_what_is_not_understood_is_named_with_what_to_do(value, message):
    with pytest.raises(InputError, match=message) as refused:
        open_input(value, "a")
    assert "Try: " in str(refused.value)


def test_a_value_that_a_proxy_has_saved_is_read_alone_as_in_a_mapping():
    proxy = type("Proxy", (), {"__module__": "nnsight.intervention", "value": X})()
    assert open_input(proxy, "a").source.positions == len(X)
    assert open_input({"p": proxy}, "a").source.positions == len(X)


def test_damaged_and_missing_files(tmp_path):
    for ending in ("npz", "zarr", "nc", "h5", "safetensors", "pt", "parquet"):
        with pytest.raises(MissingFileError, match="no such file"):
            open_input(tmp_path / f"none.{ending}")
        path = tmp_path / f"broken.{ending}"
        path.write_bytes(b"no such format" * 9)
        with pytest.raises(ForeignFileError, match=f"broken.{ending}: .*Try: "):
            open_input(path)
        path.unlink()
        path.symlink_to(path.name)
        with pytest.raises(MissingFileError, match=r"no such file.*Try: "):
            open_input(path)
        path.unlink()
        os.mkfifo(path)  # opened, it would wait for a writer
        with pytest.raises(MissingFileError, match=r"a pipe, socket or device; must be a file on disk\. Try: "):
            open_input(path)
        path.unlink()
        path.mkdir()
        with pytest.raises((MissingFileError, ForeignFileError), match="Try: "):
            open_input(path)


def test_files_of_other_kinds_and_results_are_named(tmp_path):
    (tmp_path / "image.nc").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ForeignFileError, match=r"not a readable nc array, but a PNG image\. Try: "):
        open_input(tmp_path / "image.nc")
    result = save(dataset("ladder", {"neurons": ("rung", [1.0, 2.0])}), tmp_path / "result.nc")
    with pytest.raises(InputError, match=r"is a result of rosettalaw of kind ladder, not activations\. Try: "):
        open_input(result)


def test_nothing_is_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"p": Evil()}, tmp_path / "evil.pt")
    np.savez(tmp_path / "evil.npz", p=np.array([Evil()], dtype=object))
    for name in ("evil.pt", "evil.npz"):
        with pytest.raises(ForeignFileError, match="holds Python objects"):
            open_input(tmp_path / name)
    assert not (tmp_path / "ran").exists()
