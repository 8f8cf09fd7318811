"""Images and archives of them that are broken, packed, encrypted or too large: an answer, or a message."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from rosettalaw.empirical.activations.npy import Archive
from rosettalaw.empirical.vision import images
from rosettalaw.empirical.vision.images import open_images
from rosettalaw.errors import ForeignFileError
from tests.hostile.broken_files import COMPRESSED, FUZZ, PIXELS, PLAIN, damaged, message_or, packed, saved


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
