"""Damaged HDF5 heaps are refused: on one the library would turn for ever, with no way to interrupt it."""

import struct

import numpy as np
import pytest
import xarray as xr

from rosettalaw.empirical.activations.files import open_activations
from rosettalaw.errors import ForeignFileError, InputError
from rosettalaw.heaps import HEAD, require_sound_heaps
from rosettalaw.results import dataset, load, require_replaceable, save


def free_space(content):
    """Return the place of the free space in the first heap: the object of number 0."""
    at = content.index(HEAD) + 16
    while (head := struct.unpack_from("<HHIQ", content, at))[0]:
        at += 16 + (head[3] + 7) // 8 * 8
    return at


def damage(path, number, size):
    content = bytearray(path.read_bytes())
    struct.pack_into("<HHIQ", content, free_space(content), number, 0, 0, size)
    path.write_bytes(content)


@pytest.fixture
def result(tmp_path):
    names = np.array(["a word", "東京"], dtype=object)
    return save(dataset("rung", {"read_name": ("read_document", names)}), tmp_path / "r.nc")


# The last one adds up to 0 in 64 bits: an object that ends where it begins.
@pytest.mark.parametrize(("number", "size"), [(0, 0), (0, 8), (7, 2**64 - 16)])
def test_a_heap_without_end_is_refused(number, size, result):
    require_sound_heaps(result)
    damage(result, number, size)
    with pytest.raises(ForeignFileError, match="the heap at byte"):
        load(result)
    with pytest.raises(InputError, match="the heap at byte"):
        require_replaceable("--out", result)


@pytest.mark.parametrize("suffix", ["nc", "h5"])
def test_activations(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    array = xr.DataArray(np.zeros((40, 3), "f4"), dims=("position", "unit"), coords={"unit": [0, 1, 2]})
    array.to_dataset(name="activations").to_netcdf(path, engine="h5netcdf")
    open_activations(path)
    damage(path, 0, 0)
    with pytest.raises(ForeignFileError, match="the heap at byte"):
        open_activations(path)


def test_other_files_are_left_to_their_readers(tmp_path):
    for name, content in (("empty", b""), ("text", b"GCOL\x01\0\0\0"), ("head", b"\x89HDF\r\n\x1a\n" + HEAD)):
        (tmp_path / name).write_bytes(content)
        require_sound_heaps(tmp_path / name)
