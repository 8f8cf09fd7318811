"""Images from folders and archives, and their grids."""

import numpy as np
import pytest
from PIL import Image

from rosettalaw.empirical.vision.grids import grid_of, resample
from rosettalaw.empirical.vision.images import decode, from_array, open_images
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError, RosettaError


def test_a_folder_is_read_in_order_with_its_classes(images, folder):
    assert images.names == ("a/0.png", "a/2.png", "a/4.png", "b/1.png", "b/3.png", "b/5.png")
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.classes == ("a", "b")
    assert images[1].shape == (38, 44, 3)
    np.testing.assert_array_equal(images[3], np.asarray(Image.open(folder / "b" / "1.png")))
    grey = images[2]
    assert (grey[..., 0] == grey[..., 1]).all()


def test_a_subset_keeps_labels_and_has_its_own_hash(images):
    some = images.subset([4, 0])
    assert some.names == ("b/3.png", "a/0.png")
    assert some.labels.tolist() == [1, 0]
    np.testing.assert_array_equal(some[0], images[4])
    assert some.sha256 != images.sha256
    assert some.sha256 != images.subset([0, 4]).sha256


def test_corrupt_images_are_named_and_left_out_only_when_asked(tmp_path, capsys):
    for name in ("one", "two"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / f"{name}.png")
    whole = (tmp_path / "one.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ForeignFileError, match=r"2 of 4 images cannot be read: cut.png .*text.jpg .*--skip-corrupt"):
        open_images(tmp_path, quiet=True)
    kept = open_images(tmp_path, skip_corrupt=True, quiet=True)
    assert kept.names == ("one.png", "two.png")
    assert kept.skipped == ("cut.png", "text.jpg")
    assert kept.labels is None
    assert "skipped 2 of 4 images" in capsys.readouterr().err


def test_a_folder_of_corrupt_images_is_an_error_even_when_they_are_skipped(tmp_path):
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(ForeignFileError, match="1 of 1 images"):
        open_images(tmp_path, skip_corrupt=True, quiet=True)


def test_pictures_are_turned_upright(tmp_path):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90° for display
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    upright = decode(tmp_path / "a.png")
    assert upright.shape == (6, 4, 3)
    assert upright[0, 3].tolist() == [255, 255, 255]


def test_nothing_there(tmp_path):
    with pytest.raises(MissingFileError, match="no such folder or file of images"):
        open_images(tmp_path / "absent")
    with pytest.raises(MissingFileError, match="no image in it"):
        open_images(tmp_path)


def test_an_archive_of_arrays(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", images=array, labels=np.array(["dog", "cat", "dog", "dog"]))
    opened = open_images(tmp_path / "x.npz")
    np.testing.assert_array_equal(opened[2], array[2])
    assert opened.classes == ("cat", "dog")
    assert opened.labels.tolist() == [1, 0, 1, 1]


def test_archives_with_objects_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ForeignFileError, match="only arrays of numbers"):
        open_images(tmp_path / "x.npz")
    (tmp_path / "y.npz").write_text("x")
    with pytest.raises(ForeignFileError, match=r"not a readable \.npz"):
        open_images(tmp_path / "y.npz")


@pytest.mark.parametrize(
    "array", [np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4, 1), np.uint8), np.zeros((0, 4, 4, 3))]
)
def test_arrays_that_are_no_images(array):
    with pytest.raises(InputError, match="must have the shape"):
        from_array("x", array)


def test_infinite_pixels_are_named():
    array = np.zeros((3, 2, 2, 3))
    array[1, 0, 0, 0] = np.inf
    with pytest.raises(InputError, match=r"\[1\]: must be finite"):
        from_array("x", array)


def test_the_grid_is_what_tokens_and_patches_say():
    assert grid_of("m", 201, {"class token": 1, "register tokens": 4}, (224, 224), (16, 16)) == (14, 14)
    assert grid_of("m", 6, {}, (16, 30), (8, 10)) == (2, 3)
    with pytest.raises(RosettaError, match=r"201 tokens − 1 class token = 200, which is not a grid: .* 14 × 14 = 196"):
        grid_of("m", 201, {"class token": 1}, (224, 224), (16, 16))


def test_grids_are_resampled_bilinearly_from_cell_centre_to_cell_centre():
    """Against the definition: each new centre interpolates between its old neighbours, edges held."""
    import torch

    rng = np.random.default_rng(0)
    cells = rng.standard_normal((2, 3, 4, 5))
    got = resample(torch.from_numpy(cells), (6, 4)).numpy()
    expected = np.empty((2, 6, 4, 5))
    for row in range(6):
        place = min(max((row + 0.5) * 3 / 6 - 0.5, 0), 2)
        low = min(int(place), 1)
        expected[:, row] = cells[:, low] * (1 - (place - low)) + cells[:, low + 1] * (place - low)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_a_grid_of_the_right_size_is_left_alone():
    import torch

    cells = torch.zeros(1, 2, 2, 3)
    assert resample(cells, (2, 2)) is cells
