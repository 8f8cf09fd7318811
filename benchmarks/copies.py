"""Copies of activations in half the size: making them and reading them, against NumPy expression by expression.

Both give the same bits. Blocks are read from the system's cache, as those of a copy are that was just made.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch  # noqa: F401 (its conversion is used where it is loaded, as it is where models are read)

from rosettalaw.empirical.activations.copies import border_of
from rosettalaw.empirical.activations.halves import halved
from rosettalaw.empirical.activations.spooling import Spooled, spool

from .timing import Ratio, memory_speed, seconds

POSITIONS, NEURONS, BLOCK = 8_192, 16_384, 2_048


class Noise:
    """Random activations that can only be read from the start."""

    name, positions = "noise", POSITIONS
    layer, unit = np.zeros(NEURONS, dtype=int), np.arange(NEURONS)

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        rng = np.random.default_rng(0)
        for start in range(0, POSITIONS, size):
            yield rng.standard_normal((min(size, POSITIONS - start), NEURONS), np.float32)


def run() -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        copy = spool(Noise(), Path(folder) / "noise", BLOCK, "float16")
        with copy.mapped():
            expression, here = seconds(lambda: expressed(Path(folder)), lambda: read(copy), repeats=3)
    written = 4.0 * POSITIONS * NEURONS
    block = next(Noise().blocks(BLOCK))
    slow, fast = seconds(lambda: expression_of_halves(block), lambda: halved(block), repeats=5, clock=time.process_time)
    return [
        Ratio(
            "reading a copy of half the size, NumPy's expression over the package",
            expression / here,
            3,
            True,
            f"({expression:.3g} s and {here:.3g} s; {written / here / 1e9:.3g} GB/s of float32, memory "
            f"{memory_speed() / 1e9:.3g} GB/s)",
        ),
        Ratio(
            "making one, processor time of NumPy's expression over the package's",
            slow / fast,
            2,
            True,
            f"({1e3 * slow:.3g} ms and {1e3 * fast:.3g} ms for {BLOCK} positions of {NEURONS} neurons)",
        ),
    ]


def read(copy: Spooled) -> None:
    """Read all blocks of a copy."""
    for start in range(0, POSITIONS, BLOCK):
        copy.rows(slice(start, start + BLOCK))


def expressed(folder: Path) -> None:
    """Do the same as it is written in one line."""
    stored = np.load(folder / "noise-float16.npy", mmap_mode="c")
    borders = np.load(border_of(folder / "noise-float16.npy"))
    for number, (shift, scale) in enumerate(borders.swapaxes(0, 1)):
        _ = stored[number * BLOCK : (number + 1) * BLOCK].astype(np.float32) * scale + shift


def expression_of_halves(block: np.ndarray) -> np.ndarray:
    """Return a block as halves, as it is written in three lines."""
    deviation = block - block[0]
    scale = np.exp2(np.frexp(np.abs(deviation).max(0))[1] - 15.0).astype(np.float32)
    return (deviation / scale).astype(np.float16)
