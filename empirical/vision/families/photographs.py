"""Images that need no network: crops of the photographs that scikit-image, scikit-learn and matplotlib ship.

Sixteen photographs, the short side at most 400 pixels, each at three sizes (1, 1/√2, 1/2). Raw pixels have hardly more
than one effective dimension a patch (neighbours repeat each other), so that even untrained networks agree on them;
whitening takes that away. Each picture is filtered with

    |H(f)| = f exp(−(f/0.4)⁴),    f in cycles per pixel,

which flattens the 1/f amplitude of natural images and falls off before the noise at the corners, its three colours
are decorrelated (ZCA), and it is scaled to unit variance and clipped at ±4. The left three quarters of every picture
are there to train on, the right quarter to measure on: other places, but of the same photographs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ....errors import MissingExtraError, MissingFileError, require

SIDE, SCALES, CLIP, CUTOFF, TRAINED = 400, (1.0, 2**-0.5, 0.5), 4.0, 0.4, 0.75

PHOTOGRAPHS: dict[str, tuple[str, str]] = {  # name -> package, file
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "grace_hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "astronaut": ("skimage", "data/astronaut.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg"),
    "retina": ("skimage", "data/retina.jpg"),
    "ihc": ("skimage", "data/ihc.png"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "camera": ("skimage", "data/camera.png"),
    "coins": ("skimage", "data/coins.png"),
    "brick": ("skimage", "data/brick.png"),
    "grass": ("skimage", "data/grass.png"),
    "gravel": ("skimage", "data/gravel.png"),
}


@dataclass(frozen=True)
class Places:
    """Places of crops: photograph, scale, and the upper left corner in pixels; arrays of one shape."""

    photograph: np.ndarray
    scale: np.ndarray
    top: np.ndarray
    left: np.ndarray


class Crops:
    """Square crops of one side of every whitened photograph.

    Parameters
    ----------
    pictures : sequence of sequence of ndarray, shape (height, width, 3)
        For each photograph its whitened versions, one per scale.
    region : str
        "train" (left three quarters) or "measure" (right quarter).
    side : int
        Pixels along a crop's edge.
    """

    def __init__(self, pictures: list[list[np.ndarray]], region: str, side: int = 32):
        require(region in ("train", "measure"), "region", region, "must be 'train' or 'measure'")
        self.side, self.names = side, list(PHOTOGRAPHS)[: len(pictures)]
        self._regions = [[_region(level, region) for level in levels] for levels in pictures]
        # All pixels behind each other: a crop is then an index computation, and a batch one gather.
        flat = [level.reshape(-1, 3) for levels in self._regions for level in levels]
        self._pixels = np.concatenate(flat).astype(np.float32)
        self._start = np.cumsum([0, *map(len, flat)])[:-1].reshape(len(pictures), -1)
        self._height = np.array([[level.shape[0] for level in levels] for levels in self._regions])
        self._width = np.array([[level.shape[1] for level in levels] for levels in self._regions])
        narrow = min(self._height.min(), self._width.min())
        require(narrow >= side, "side", side, f"must fit the smallest region, {narrow} pixels")

    def draw(self, rng: np.random.Generator, number: int) -> Places:
        """Draw places: photograph and scale uniformly, then a corner uniformly."""
        photograph = rng.integers(len(self._regions), size=number)
        scale = rng.integers(self._start.shape[1], size=number)
        top = rng.integers(self._height[photograph, scale] - self.side + 1)
        left = rng.integers(self._width[photograph, scale] - self.side + 1)
        return Places(photograph, scale, top, left)

    def nearby(self, places: Places, rng: np.random.Generator, most: int) -> Places:
        """Shift each place by up to `most` pixels each way, as far as the region reaches."""
        down, right = rng.integers(-most, most + 1, size=(2, len(places.top)))
        highest = self._height[places.photograph, places.scale] - self.side
        rightmost = self._width[places.photograph, places.scale] - self.side
        top, left = np.clip(places.top + down, 0, highest), np.clip(places.left + right, 0, rightmost)
        return Places(places.photograph, places.scale, top, left)

    def pixels(self, places: Places) -> np.ndarray:
        """Return the crops, float32, shape (number, side, side, 3)."""
        width = self._width[places.photograph, places.scale]
        corner = self._start[places.photograph, places.scale] + places.top * width + places.left
        inside = np.arange(self.side)
        rows = corner[:, None] + inside * width[:, None]
        return self._pixels[rows[:, :, None] + inside]


@dataclass(frozen=True)
class Photographs:
    """The bundled photographs, whitened at three scales.

    Attributes
    ----------
    pictures : list of list of ndarray
        For each photograph its scales, float32, shape (height, width, 3).
    """

    pictures: list[list[np.ndarray]]

    @cached_property
    def sha256(self) -> str:
        """Hash of all whitened pixels, rounded: which photographs, in which version."""
        digest = hashlib.sha256()
        for levels in self.pictures:
            digest.update(np.round(levels[0] * 64).astype(np.int16).tobytes())
        return digest.hexdigest()

    def crops(self, region: str, side: int = 32) -> Crops:
        """Return the crops of one region."""
        return Crops(self.pictures, region, side)


def open_photographs(whitened: bool = True) -> Photographs:
    """Open the bundled photographs.

    Parameters
    ----------
    whitened : bool
        False leaves the pixels as they are, to unit variance: the control in which the nulls are not cleared.

    Raises
    ------
    MissingExtraError
        If scikit-image, scikit-learn or Pillow is not installed.
    MissingFileError
        If an installed version of a package lacks one of the photographs.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("pillow", "vision") from error
    pictures = []
    for package, file in PHOTOGRAPHS.values():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            name = {"skimage": "scikit-image", "sklearn": "scikit-learn"}.get(package, package)
            raise MissingExtraError(name, "vision")
        path = Path(spec.origin).parent / file
        if not path.is_file():
            raise MissingFileError(f"{path}: this version of {package} does not ship the photograph {path.stem!r}")
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        factor = min(1.0, SIDE / min(picture.size))
        levels = []
        for scale in SCALES:
            width, height = (max(1, round(length * factor * scale)) for length in picture.size)
            pixels = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS), dtype=float) / 255
            levels.append(whiten(pixels) if whitened else _unit(pixels))
        pictures.append(levels)
    return Photographs(pictures)


def whiten(pixels: np.ndarray) -> np.ndarray:
    """Whiten a picture in space and colour.

    Parameters
    ----------
    pixels : ndarray, shape (height, width, 3)

    Returns
    -------
    ndarray of float32, shape (height, width, 3)
        Mean 0, variance 1 over all pixels before the clipping at ±4.
    """
    height, width, _ = pixels.shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    response = frequency * np.exp(-((frequency / CUTOFF) ** 4))
    filtered = np.fft.irfft2(np.fft.rfft2(pixels, axes=(0, 1)) * response[..., None], s=(height, width), axes=(0, 1))
    values, axes = np.linalg.eigh(np.cov(filtered.reshape(-1, 3).T))
    # A grey picture has one colour: directions without variance stay without.
    gain = np.where(values > 1e-6 * values[-1], 1 / np.sqrt(np.maximum(values, 1e-30)), 0.0)
    return _unit(filtered @ (axes * gain) @ axes.T)


def _unit(pixels: np.ndarray) -> np.ndarray:
    centred = pixels - pixels.mean((0, 1))
    return np.clip(centred / centred.std(), -CLIP, CLIP).astype(np.float32)


def _region(picture: np.ndarray, region: str) -> np.ndarray:
    border = round(TRAINED * picture.shape[1])
    return picture[:, :border] if region == "train" else picture[:, border:]
