"""Labels, masks, types and scales of whole arrays that cannot be used as they are."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import MOST_NEURONS, ArraySource
from rosettalaw.empirical.activations.files import open_activations
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.moments import say_faint
from rosettalaw.empirical.vision.images import from_array, open_images
from rosettalaw.errors import InputError
from tests.hostile.broken_files import FUZZ, PIXELS, packed


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


def scaled(kind, scale):
    """Return two arrays; of the first one neuron is faint, and one constant."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((300, 6)) for _ in "ab")
    a[:, 2] *= scale
    a[:, 4] = 7
    return a.astype(kind), b.astype(kind)


def test_neurons_too_faint_to_be_matched_are_told_from_constant_ones(capsys):
    a, b = scaled("f4", 1e-19)
    found = match(ArraySource(a, "A"), ArraySource(b, "B"), nulls={}, jackknife_blocks=0, quiet=True)
    assert found.a.excluded.tolist() == [2, 4]
    shown = capsys.readouterr().err
    assert "A: 1 neurons vary by less than 1e-18 and count as constant (layer 0, unit 2, …)" in shown
    assert "B: " not in shown


@pytest.mark.parametrize(("kind", "scale"), [("f4", 1e-19), ("f8", 1e-200)])
def test_faint_neurons_of_any_precision_are_named_and_constant_ones_are_not(capsys, kind, scale):
    a, _ = scaled(kind, scale)
    say_faint(ArraySource(a, "A"), np.array([2, 4]))
    assert "A: 1 neurons vary by less than 1e-18" in capsys.readouterr().err
    say_faint(ArraySource(a, "A"), np.array([4]))
    assert capsys.readouterr().err == ""
