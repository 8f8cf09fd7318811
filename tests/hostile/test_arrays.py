"""Arrays, images and archives whose heads, members, masks or labels are broken: an answer, or a message.

Every damage is drawn: bytes of a whole file are changed, cut or written anew.
"""

import builtins
import io
import os
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from rosettalaw.empirical.activations.arrays import MOST_NEURONS, ArraySource
from rosettalaw.empirical.activations.files import open_activations
from rosettalaw.empirical.activations.npy import Archive, open_npy
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.vision import images
from rosettalaw.empirical.vision.images import from_array, open_images
from rosettalaw.errors import ForeignFileError, InputError, MissingExtraError, MissingFileError, RosettaError

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
PIXELS = np.arange(4 * 5 * 6 * 3, dtype=np.uint8).reshape(4, 5, 6, 3)


def saved(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def packed(packing=np.savez, **arrays):
    buffer = io.BytesIO()
    packing(buffer, **arrays)
    return buffer.getvalue()


def damaged(whole, head):
    """Return a strategy: a file with bytes changed, most of them in its head, or cut."""
    place = st.one_of(st.integers(0, head - 1), st.integers(0, len(whole) - 1))
    character = st.one_of(st.sampled_from(b"()[]{}'\",:\\\n\0 9-Fe+LJ#"), st.integers(0, 255))

    def change(changes, end):
        content = bytearray(whole)
        for where, value in changes:
            content[where] = value
        return bytes(content[:end])

    ends = st.one_of(st.just(len(whole)), st.integers(0, len(whole)))
    return st.builds(change, st.lists(st.tuples(place, character), min_size=1, max_size=6), ends)


def message_or(read):
    """Return the answer of a reader; a RosettaError in one line is as good."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of heads from Python 2
        try:
            return read()
        except RosettaError as error:
            message = str(error)
    assert message
    assert "\n" not in message
    return None


ACTIVATIONS = saved(np.arange(40.0).reshape(10, 4))


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


PLAIN, COMPRESSED = packed(images=PIXELS, labels=np.arange(4)), packed(np.savez_compressed, images=PIXELS)


@given(st.one_of(damaged(PLAIN, 200), damaged(COMPRESSED, 200), damaged(PLAIN, len(PLAIN))))
@example(PLAIN.replace(b"PK\x03\x04\x2d\x00\x00\x00\x00\x00", b"PK\x03\x04\x2d\x00\x00\x00\x63\x00"))
@settings(parent=FUZZ, max_examples=120)
def test_a_damaged_archive_of_images_is_images_or_a_message(tmp_path, content):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    opened = message_or(lambda: open_images(path))
    if opened is not None:
        assert all(opened[i].shape[2] == 3 for i in range(len(opened)))


def patched(content, local, central, value):
    """Return an archive with a field of two bytes changed in all its heads."""
    content = bytearray(content)
    for mark, place in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = content.find(mark)
        while at >= 0:
            content[at + place : at + place + 2] = struct.pack("<H", value)
            at = content.find(mark, at + 1)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (patched(PLAIN, 6, 8, 1), "'images.npy' is encrypted"),
        (patched(PLAIN, 8, 10, 99), "compression method"),
        (PLAIN.replace(PIXELS.tobytes()[:40], bytes(40)), "Bad CRC-32"),
        (packed(images=np.array([{"a": 1}], dtype=object)), "only arrays of numbers"),
        (PLAIN[:-60], "not a zip file"),
        (saved(PIXELS), "not a zip file"),
        (b"", "not a zip file"),
    ],
)
def test_odd_archives_say_what_is_odd(tmp_path, content, reason):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ForeignFileError, match=rf"x\.npz: not a readable \.npz of images \(.*{reason}.*\)\. Try: "):
        open_images(tmp_path / "x.npz")


def test_members_that_are_no_arrays_are_left_alone(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("README.txt", "hello")
        archive.writestr("images.npy", saved(PIXELS))
    assert len(open_images(tmp_path / "x.npz")) == 4


def test_an_archive_is_measured_before_it_is_unpacked(tmp_path):
    """64 MB of zeros in 64 kB."""
    path = tmp_path / "x.npz"
    path.write_bytes(packed(np.savez_compressed, images=np.zeros((64, 576, 576, 3), np.uint8)))
    assert path.stat().st_size < 1 << 17
    tracemalloc.start()
    with pytest.raises(ForeignFileError, match=r"'images' unpacks to 0\.0637 GB, and 0\.05 GB may be used"):
        open_images(path, memory=50_000_000)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    assert len(open_images(path, memory=70_000_000)) == 64
    assert tracemalloc.get_traced_memory()[1] < 1.2 * 64 * 576 * 576 * 3
    tracemalloc.stop()


def test_arrays_saved_by_columns_are_read_and_take_twice(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(packed(images=np.asfortranarray(PIXELS)))
    np.testing.assert_array_equal(open_images(path)[3], PIXELS[3])
    with Archive(path, "an archive", "…") as archive, pytest.raises(ForeignFileError, match=r"unpacks to 7.2e-07 GB"):
        archive.read("images", 700)


def test_images_of_too_many_pixels_are_named_before_they_are_decoded(tmp_path, monkeypatch):
    Image.new("1", (3000, 3000)).save(tmp_path / "a.png")
    Image.new("RGB", (30, 30)).save(tmp_path / "b.png")
    monkeypatch.setattr(images, "PIXELS", 1_000_000)
    with pytest.raises(ForeignFileError, match=r"a\.png \(3000 × 3000 pixels, more than 1,000,000\)"):
        open_images(tmp_path, quiet=True)
    assert open_images(tmp_path, skip_corrupt=True, quiet=True).names == ("b.png",)
    monkeypatch.setattr(images, "PIXELS", 1 << 26)
    assert len(open_images(tmp_path, quiet=True)) == 2
    with pytest.raises(ForeignFileError, match=r"3000 × 3000 pixels, more than 62,500"):
        open_images(tmp_path, quiet=True, memory=1_000_000)


@given(st.binary(max_size=60), st.integers(0, 2), st.data())
@settings(parent=FUZZ, max_examples=40)
def test_a_damaged_image_file_is_an_image_or_named(tmp_path, noise, kind, data):
    suffix = ("png", "gif", "jpeg")[kind]
    buffer = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(buffer, suffix)
    content = bytearray(buffer.getvalue())
    place = data.draw(st.integers(0, len(content)))
    content[place : place + len(noise)] = noise
    assume(content)
    (tmp_path / f"a.{suffix}").write_bytes(content)
    for old in tmp_path.glob("a.*"):
        if old.suffix != f".{suffix}":
            old.unlink()
    message_or(lambda: open_images(tmp_path, quiet=True)[0])


# ---------------------------------------------------------------------------------------------------------------------
# Labels, masks, types


@pytest.mark.parametrize("argument", ["layer", "unit"])
@pytest.mark.parametrize(
    "labels", [[0, 1, np.nan], [0, 1, np.inf], [0, 1, 1.5], [0, 1, -1], [0, 1, 1e300], ["a", "b", "c"], [0, 1, None]]
)
def test_labels_of_neurons_are_whole_numbers(argument, labels):
    with pytest.raises(InputError, match=rf"{argument} = .*: must hold whole numbers from 0 on"):
        ArraySource(np.ones((4, 3)), **{argument: np.array(labels)})


@given(st.lists(st.one_of(st.floats(width=32), st.integers(-3, 5)), min_size=3, max_size=3))
@settings(parent=FUZZ, max_examples=50)
def test_any_numbers_are_labels_or_refused(labels):
    if all(np.isfinite(one) and 0 <= one < MOST_NEURONS and one == int(one) for one in labels):
        assert ArraySource(np.ones((4, 3)), layer=np.array(labels)).layer.tolist() == labels
    else:
        with pytest.raises(InputError, match="must hold whole numbers"):
            ArraySource(np.ones((4, 3)), layer=np.array(labels))


def test_a_nan_among_the_labels_of_a_netcdf_file_is_refused(tmp_path):
    variables = {"activations": (("p", "n"), np.ones((4, 3))), "layer": ("n", [0.0, 1.0, np.nan])}
    xr.Dataset(variables).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="layer = nan: must hold whole numbers from 0 on; it is the entry of neuron 2"):
        open_activations(tmp_path / "x.nc")


@pytest.mark.parametrize(
    "labels",
    [np.nan, [0, 1, 2, np.nan], [0, 1, 2], [[0], [1], [2], [3]], [None] * 4, np.zeros(4, "M8[D]"), np.zeros(4, "V3")],
)
def test_labels_of_images_are_one_each_and_none_is_nan(tmp_path, labels):
    with pytest.raises(InputError, match="labels = "):
        from_array("x", PIXELS, np.array(labels))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([0, 1, 2, 3], ["a", "b"]), ([0, 1, 1, -1], ["a", "b"]), ([0.0] * 4, ["a"]), ([0] * 4, "a"), (None, ["a"])],
)
def test_classes_are_those_that_labels_number(tmp_path, labels, classes):
    given = {"images": PIXELS, "classes": np.array(classes)} | ({} if labels is None else {"labels": np.array(labels)})
    (tmp_path / "x.npz").write_bytes(packed(**given))
    with pytest.raises(InputError):
        open_images(tmp_path / "x.npz")


@pytest.mark.parametrize("shape", [(), (4,), (0, 5, 6, 3), (4, 5, 6), (4, 5, 6, 2), (1, 4, 5, 6, 3)])
def test_arrays_that_are_no_images_are_refused_beside_labels_and_classes(tmp_path, shape):
    array = np.zeros(shape, np.uint8)
    for labels in (np.zeros(shape[:1], int), np.zeros(4, int), np.zeros(0, int)):
        (tmp_path / "x.npz").write_bytes(packed(images=array, labels=labels, classes=np.array(["a"])))
        with pytest.raises(InputError, match=r"images = 'array of shape \(.*must have the shape \(images, height"):
            open_images(tmp_path / "x.npz")


def test_a_class_without_images_does_not_shift_the_others(tmp_path):
    (tmp_path / "x.npz").write_bytes(
        packed(images=PIXELS, labels=np.array([0, 2, 2, 0]), classes=np.array(list("abc")))
    )
    opened = open_images(tmp_path / "x.npz")
    assert [opened.classes[i] for i in opened.labels] == ["a", "c", "c", "a"]


def test_masked_arrays_are_refused_where_the_mask_hides_anything():
    array = np.ma.masked_greater(np.arange(12.0).reshape(4, 3), 10)
    with pytest.raises(InputError, match=r"array = 'masked array': hides 1 of its entries behind a mask.*filled"):
        ArraySource(array)
    assert np.array_equal(ArraySource(np.ma.array(array.data)).rows(slice(0, 4)), array.data)
    hidden = np.ma.masked_equal(np.arange(3), 2)
    with pytest.raises(InputError, match="layer = 'masked array'"):
        ArraySource(array.data, layer=hidden)
    with pytest.raises(InputError, match="images = 'masked array'"):
        from_array("x", np.ma.masked_equal(PIXELS, 3))
    with pytest.raises(InputError, match="labels = 'masked array'"):
        from_array("x", PIXELS, np.ma.masked_equal(np.arange(4), 2))


@pytest.mark.parametrize("kind", ["V2", "V1"])
def test_bfloat16_is_named(tmp_path, kind):
    array = np.ones((4, 3), "f2").view(kind)
    np.save(tmp_path / "x.npy", array)
    for source in (array, tmp_path / "x.npy"):
        with pytest.raises(InputError, match=r"bfloat16.*tensor\.float\(\)\.numpy\(\)"):
            ArraySource(source)


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


# ---------------------------------------------------------------------------------------------------------------------
# Faint neurons


@pytest.mark.parametrize(("kind", "scale"), [("f4", 1e-19), ("f8", 1e-200)])
def test_neurons_too_faint_to_be_matched_are_told_from_constant_ones(capsys, kind, scale):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((300, 6)) for _ in "ab")
    a[:, 2] *= scale
    a[:, 4] = 7
    found = match(ArraySource(a.astype(kind), "A"), ArraySource(b.astype(kind), "B"), nulls={}, quiet=True)
    assert found.a.excluded.tolist() == [2, 4]
    shown = capsys.readouterr().err
    assert "A: 1 neurons vary by less than 1e-18 and count as constant (layer 0, unit 2, …)" in shown
    assert "B: " not in shown
    match(ArraySource(np.where(np.arange(6) == 2, 0, a)), ArraySource(b), nulls={}, quiet=True)
    assert capsys.readouterr().err == ""
