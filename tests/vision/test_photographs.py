"""The bundled photographs, their whitening and their crops."""

import numpy as np
import pytest

from rosettalaw.empirical.vision.families.generation import effective_dimension
from rosettalaw.empirical.vision.families.photographs import PHOTOGRAPHS, Crops, open_photographs, whiten
from rosettalaw.errors import InputError


@pytest.fixture(scope="module")
def photographs():
    return open_photographs()


def test_whitening_flattens_a_natural_spectrum():
    """A picture with amplitudes 1/f comes out with the filter's own fall-off alone, whatever its colours were."""
    rng = np.random.default_rng(0)
    side = 128
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = 1
    planes = [np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / frequency) for _ in range(3)]
    mixed = np.stack(planes, axis=2) @ np.array([[1, 0.9, 0.8], [0, 0.3, 0.1], [0, 0, 0.2]])
    white = whiten(mixed).astype(float)
    np.testing.assert_allclose(np.cov(white.reshape(-1, 3).T), np.eye(3), atol=0.02)
    power = np.abs(np.fft.rfft2(white, axes=(0, 1))) ** 2
    bands = [power[(frequency > low) & (frequency < low + 0.04)].mean() for low in (0.04, 0.1, 0.16)]
    expected = [np.exp(-2 * ((low + 0.02) / 0.4) ** 4) for low in (0.04, 0.1, 0.16)]
    np.testing.assert_allclose(np.array(bands) / bands[0], np.array(expected) / expected[0], rtol=0.1)


def test_a_grey_picture_stays_grey():
    grey = np.repeat(np.random.default_rng(0).random((40, 50, 1)), 3, axis=2)
    white = whiten(grey)
    assert np.isfinite(white).all()
    np.testing.assert_allclose(white[..., 0], white[..., 2], atol=1e-4)
    assert white.std() == pytest.approx(1, abs=0.05)


def test_all_photographs_are_there_and_white(photographs):
    assert len(photographs.pictures) == len(PHOTOGRAPHS) == 16
    for levels in photographs.pictures:
        assert min(levels[0].shape[:2]) <= 400
        assert levels[2].shape[0] == pytest.approx(levels[0].shape[0] / 2, abs=1)
        assert np.abs(levels[0]).max() <= 4


def test_whitening_gives_patches_many_dimensions(photographs):
    """Raw patches have hardly more than one; the reason why untrained networks agree on them."""
    crops = photographs.crops("measure")
    images = crops.pixels(crops.draw(np.random.default_rng(0), 600))
    raw = open_photographs(whitened=False).crops("measure")
    assert effective_dimension(images) > 30
    assert effective_dimension(raw.pixels(raw.draw(np.random.default_rng(0), 600))) < 3


def test_crops_are_pieces_of_their_photograph():
    rng = np.random.default_rng(0)
    pictures = [[rng.standard_normal((50, 100, 3)), rng.standard_normal((40, 80, 3))] for _ in range(3)]
    crops = Crops(pictures, "train", side=16)
    places = crops.draw(rng, 50)
    pixels = crops.pixels(places)
    for i in range(50):
        level = pictures[places.photograph[i]][places.scale[i]]
        top, left = places.top[i], places.left[i]
        np.testing.assert_allclose(pixels[i], level[top : top + 16, left : left + 16].astype(np.float32))
        assert left + 16 <= 0.75 * level.shape[1]


def test_what_is_measured_is_not_trained_on():
    picture = np.arange(100.0)[None, :, None] * np.ones((40, 100, 3))
    train, measure = (Crops([[picture]], region, side=16) for region in ("train", "measure"))
    rng = np.random.default_rng(0)
    assert train.pixels(train.draw(rng, 200)).max() == 74
    assert measure.pixels(measure.draw(rng, 200)).min() == 75


def test_regions_are_named():
    with pytest.raises(InputError, match="region = 'left': must be 'train' or 'measure'"):
        Crops([[np.zeros((40, 40, 3))]], "left")
    with pytest.raises(InputError, match="must fit the smallest region, 10 pixels"):
        Crops([[np.zeros((40, 40, 3))]], "measure")
