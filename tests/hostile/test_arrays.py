"""Arrays whose heads, members or chunks are broken: an answer, or a message."""

import builtins
import io
import os
import struct
import zipfile

import numpy as np
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.files import open_activations
from rosettalaw.empirical.activations.npy import open_npy
from rosettalaw.empirical.vision.images import open_images
from rosettalaw.errors import ForeignFileError, InputError, MissingExtraError, MissingFileError
from tests.hostile.broken_files import ACTIVATIONS, FUZZ, PLAIN, damaged, message_or, packed


@given(damaged(ACTIVATIONS, 128))
@FUZZ
def test_a_damaged_npy_file_is_an_array_or_a_message(tmp_path, content):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    found = message_or(lambda: np.concatenate(list(open_activations(path).blocks(3))))
    assert found is None or found.ndim == 2


@given(st.text("{}()[]'\",:\\ \n\t0123456789-+.eLFTrue<>=|fiubOVMmnp#shapedscrto_", max_size=120))
@example("[" * 9000)
@example("(" * 9000)
@example("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 1000000000), }")
@example("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }")
@example("{'descr': '<f4', 'fortran_order': False, 'shape': (-10, -4), }")
@example("{'descr': '<f4', 'fortran_order': False, 'shape': (True, 4), }")
@example("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4), }")
@example("{'descr': '<f4', 'fortran_order': False, 'shape': (), }")
@example("{'descr': '<f4', 'fortran_order': False, 'shape': (10L, 4L), }")
@example("{'descr': '<f0', 'fortran_order': False, 'shape': (10, 4), }")
@example("{'descr': '<V2', 'fortran_order': False, 'shape': (10, 4), }")
@example("{'descr': '|O', 'fortran_order': False, 'shape': (10, 4), }")
@example("{'descr': [('x', '<f4')], 'fortran_order': True, 'shape': (10, 4), }")
@settings(parent=FUZZ, max_examples=50)
def test_any_head_is_an_array_or_a_message(tmp_path, head):
    text = head.encode()
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(320)
    (tmp_path / "x.npy").write_bytes(content)
    message_or(lambda: open_activations(tmp_path / "x.npy"))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", content)
    assert message_or(lambda: open_images(tmp_path / "x.npz")) is None


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """A whole file of activations of every kind that is a single file, by its ending."""
    import h5py
    import pandas as pd
    import torch
    from safetensors.numpy import save_file

    folder, array = tmp_path_factory.mktemp("kinds"), np.arange(40.0).reshape(10, 4)
    np.savez_compressed(folder / "x.npz", a=array, b=array)
    save_file({"a": array, "b": array}, folder / "x.safetensors")
    torch.save({"a": torch.from_numpy(array)}, folder / "x.pt")
    pd.DataFrame(array, columns=list("abcd")).to_parquet(folder / "x.parquet")
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("a", data=array, chunks=(5, 4), compression="gzip")
    xr.Dataset({"activations": (("p", "n"), array)}).to_netcdf(folder / "x.nc", engine="h5netcdf")
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


# h5netcdf closes what it could not open, which Python reports beside the message.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".pt", ".parquet", ".h5", ".nc"])
@given(data=st.data())
@settings(parent=FUZZ, max_examples=25)
def test_a_damaged_file_of_any_kind_is_an_array_or_a_message(tmp_path, kinds, ending, data):
    path = tmp_path / f"x{ending}"
    path.write_bytes(data.draw(damaged(kinds[ending], min(200, len(kinds[ending])))))
    message_or(lambda: list(open_activations(path).blocks(4)))


def test_an_archive_of_activations_is_measured_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    path.write_bytes(packed(np.savez_compressed, a=np.zeros((1000, 1000)), b=np.zeros((1000, 1000))))
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 30_000_000}))
    with pytest.raises(ForeignFileError, match=r"its 2 arrays unpack to 0\.016 GB, and 0\.015 GB may be used"):
        open_activations(path)


def test_a_whole_file_is_mapped_as_numpy_maps_it(tmp_path):
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.zeros((0, 3))):
        np.save(tmp_path / "x.npy", array)
        found = open_npy(tmp_path / "x.npy")
        np.testing.assert_array_equal(found, array)
        assert (found.dtype, found.flags.f_contiguous) == (array.dtype, array.flags.f_contiguous)


def test_a_zarr_without_its_library_names_the_extra(tmp_path, monkeypatch):
    (tmp_path / "x.zarr").mkdir()
    whole = builtins.__import__

    def without(name, *arguments, **options):
        if name == "zarr":
            raise ModuleNotFoundError("No module named 'zarr'", name="zarr")
        return whole(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"zarr is not installed. Try: .*\[arrays\]"):
        open_activations(tmp_path / "x.zarr")


@pytest.mark.parametrize("kind", ["nc", "zarr"])
def test_a_chunk_that_turns_out_damaged_is_named_by_its_positions(tmp_path, kind):
    array, path = np.random.default_rng(0).random((64, 30)), tmp_path / f"x.{kind}"
    if kind == "zarr":
        import zarr

        zarr.create_array(path, shape=array.shape, chunks=(32, 30), dtype=array.dtype)[:] = array
        (path / "c/1/0").write_bytes(b"no zstandard frame")
    else:
        coding = {"activations": {"zlib": True, "chunksizes": (32, 30)}}
        xr.Dataset({"activations": (("p", "n"), array)}).to_netcdf(path, engine="h5netcdf", encoding=coding)
        content = bytearray(path.read_bytes())
        content[-2000:-1900] = bytes(100)
        path.write_bytes(content)
    blocks = open_activations(path).blocks(32)
    with pytest.raises(ForeignFileError, match=rf"not a readable {kind} array at positions \d+ to \d+"):
        list(blocks)


def test_what_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    """The reason is the operating system's."""
    (tmp_path / "x.npy").write_bytes(ACTIVATIONS)
    (tmp_path / "x.npz").write_bytes(PLAIN)

    def refuse(*arguments, **options):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(io, "open", refuse)
    with pytest.raises(MissingFileError, match=r"x\.npy: cannot be read \(Permission denied\)"):
        open_activations(tmp_path / "x.npy")
    with pytest.raises(MissingFileError, match=r"x\.npz: cannot be read \(Permission denied\)"):
        open_images(tmp_path / "x.npz")


def test_an_absurd_number_of_neurons_is_refused_before_room_is_made(tmp_path):
    import h5py

    with h5py.File(tmp_path / "x.nc", "w") as file:
        file.create_dataset("activations", (10, 10**12), "f4", chunks=(10, 1000))
    with pytest.raises(InputError, match="has more than 134,217,728 neurons"):
        open_activations(tmp_path / "x.nc")
