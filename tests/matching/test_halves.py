"""Copies of half the size turned back: the same bits as the formula, and memory that is used again only when free."""

import sys

import numpy as np
import pytest

from rosettalaw.empirical.activations import halves
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.copies import border_of
from rosettalaw.empirical.activations.halves import Room, halved, restore
from rosettalaw.empirical.activations.reordered import Reordered, Shifted
from rosettalaw.empirical.activations.spooling import spool

POSITIONS, NEURONS, BLOCK = 300, 40, 16


class Stream:
    """An array that can only be read from its start."""

    def __init__(self, array):
        self.name, self.positions = "stream", len(array)
        self.layer, self.unit, self._array = np.zeros(array.shape[1], int), np.arange(array.shape[1]), array

    def blocks(self, size):
        for start in range(0, len(self._array), size):
            yield self._array[start : start + size]


@pytest.fixture
def copy(tmp_path):
    rng = np.random.default_rng(0)
    array = (rng.standard_normal((POSITIONS, NEURONS)) ** 3 * 10.0 ** rng.integers(-5, 5, NEURONS)).astype(np.float32)
    return spool(Stream(array), tmp_path / "copy", BLOCK, "float16")


@pytest.fixture(params=["torch", "numpy"])
def library(request, monkeypatch):
    """The library that converts numbers: torch where the process has loaded it, or NumPy."""
    if request.param == "numpy":
        monkeypatch.delitem(sys.modules, "torch", raising=False)
    else:
        pytest.importorskip("torch")


def formula(tmp_path):
    """The activations as the file and its border say, in NumPy."""
    stored = np.load(tmp_path / "copy-float16.npy")
    shift, scale = np.load(border_of(tmp_path / "copy-float16.npy"))[:, np.arange(POSITIONS) // BLOCK]
    return stored.astype(np.float32) * scale + shift


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("strip", [1, 64, 1 << 19])
def test_every_half_is_turned_back_to_the_bit(monkeypatch, strip):
    monkeypatch.setattr(halves, "STRIP", strip)
    stored = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(2**10, 64)
    rng = np.random.default_rng(1)
    scale, shift = (2.0 ** rng.integers(-20, 20, 64)).astype(np.float32), rng.standard_normal(64).astype(np.float32)
    out = np.empty(stored.shape, np.float32)
    restore(stored, scale, shift, out)
    with np.errstate(all="ignore"):
        expected = stored.astype(np.float32) * scale + shift
    np.testing.assert_array_equal(out, expected)
    finite = np.isfinite(expected)
    assert (out.view(np.uint32) == expected.view(np.uint32))[finite].all()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("strip", [1, 64, 1 << 19])
def test_halves_are_those_of_the_formula(monkeypatch, strip):
    monkeypatch.setattr(halves, "STRIP", strip)
    monkeypatch.setattr(halves, "ALONE", max(strip // 7, 1))
    rng = np.random.default_rng(4)
    block = (rng.standard_normal((50, 30)) ** 3 * 10.0 ** rng.integers(-30, 30, 30)).astype(np.float32)
    block[:, 3], block[7, 4], block[8, 5], block[0, 6], block[:, 7] = 2.5, np.nan, -np.inf, np.inf, 0
    with np.errstate(all="ignore"):
        deviation = block - block[0]
        expected_scale = np.exp2(np.frexp(np.abs(deviation).max(0))[1] - 15.0).astype(np.float32)
        expected = (deviation / expected_scale).astype(np.float16)
    stored, shift, scale = halved(block)
    np.testing.assert_array_equal(stored, expected)
    np.testing.assert_array_equal(scale, expected_scale)
    np.testing.assert_array_equal(shift, block[0])
    wide = np.nan_to_num(block, posinf=0, neginf=0)[:, np.r_[0:3, 8:30]]
    stored, shift, scale = halved(wide)
    out = np.empty(wide.shape, np.float32)
    restore(stored, scale, shift, out)
    assert (np.abs(out - wide) <= 2.0**-10 * np.abs(wide - wide[0]).max(0) + 2.0**-23 * np.abs(wide)).all()


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(3, 100),
        slice(20, 30),
        slice(7, 7),
        np.random.default_rng(2).permutation(POSITIONS),
        np.concatenate([np.arange(90, 130), np.arange(3, 60), np.arange(200, 290), [5]]),
        np.arange(100, 60, -1),
    ],
    ids=["all", "across blocks", "within one", "none", "any order", "runs", "backwards"],
)
@pytest.mark.parametrize("columns", [slice(None), slice(5, 9), slice(0, 40, 3)])
def test_rows_are_those_of_the_file(tmp_path, copy, index, columns):
    expected = formula(tmp_path)[index][:, columns]
    with copy.mapped():
        again = copy.rows(index, columns).tobytes()
    assert copy.rows(index, columns).tobytes() == expected.tobytes() == again


def test_blocks_stay_as_they_are_while_others_are_read(tmp_path, copy):
    expected = formula(tmp_path)
    with copy.mapped():
        first = [copy.rows(slice(start, start + 30)) for start in range(0, POSITIONS, 30)]
        slices = [copy.rows(slice(start, start + 30))[5:7, ::2] for start in range(0, POSITIONS, 30)]
        shifted = Shifted(copy, 100).rows(slice(150, 250))
        other = Reordered(copy, np.arange(POSITIONS)[::-1]).rows(slice(0, 40))
    np.testing.assert_array_equal(np.concatenate(first), expected)
    for number, some in enumerate(slices):
        np.testing.assert_array_equal(some, expected[30 * number + 5 : 30 * number + 7, ::2])
    np.testing.assert_array_equal(shifted, np.concatenate([expected[250:], expected[:50]]))
    np.testing.assert_array_equal(other, expected[::-1][:40])


def test_memory_is_used_again_when_no_array_of_it_is_left():
    room = Room()
    one = room.array((10, 4))
    place = one.ctypes.data
    part = one[2:5].T
    del one
    assert room.array((10, 4)).ctypes.data != place  # a part is still in use
    del part
    places = {room.array((5, 8)).ctypes.data for _ in range(3)}
    assert place in places
    assert room.array((100, 100)).shape == (100, 100)  # more than there is


def test_tensors_hold_their_memory():
    torch = pytest.importorskip("torch")
    room = Room()
    array = room.array((10, 4))
    place, tensor = array.ctypes.data, torch.from_numpy(array[1:])
    del array
    assert room.array((10, 4)).ctypes.data != place
    del tensor
    assert place in {room.array((10, 4)).ctypes.data for _ in range(3)}


def test_the_memory_of_blocks_is_used_again_while_a_copy_is_mapped(copy):
    with copy.mapped():
        places = {copy.rows(slice(start, start + 30)).ctypes.data for start in range(0, POSITIONS, 30)}
    assert len(places) == 1


def test_an_array_of_halves_is_read_as_before(tmp_path):
    array = np.random.default_rng(3).standard_normal((20, 5)).astype(np.float16)
    np.save(tmp_path / "a.npy", array)
    assert ArraySource(tmp_path / "a.npy").rows(slice(None)).dtype == np.float32
