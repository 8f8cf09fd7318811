"""Tiny random images and checkpoints, made once a session without a network."""

import numpy as np
import pytest
from PIL import Image

from rosettalaw.empirical.vision.images import open_images


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Six small pictures in two classes, of different sizes and modes."""
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("images")
    for number in range(6):
        height, width = 30 + 4 * number, 50 - 3 * number
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        (root / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(pixels).convert("L" if number == 4 else "RGB").save(root / "ab"[number % 2] / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def images(folder):
    return open_images(folder, quiet=True)
