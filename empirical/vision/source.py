"""Vision models as activation sources: the same images through two models, cell by cell.

1. Each model reads every image through its own preprocessing.
2. A neuron is a coordinate of the input of an MLP's output projection (arXiv 2606.03990, section 3.1); prefix tokens
   are dropped, and the patches' activations laid on their grid.
3. Both grids are brought to the larger of the two (`grids`); positions = images × cells, image by image, row by row.

Where two models crop differently, their cells cover slightly different parts of the picture; nothing corrects for that.
An untrained twin (`ImageSource.untrained`) reads the same images with random weights: the null of section 4.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from ..activations.spooling import rechunked
from ..checkpoints import architectures
from ..checkpoints.capturing import captured
from ..checkpoints.hub import Loading
from ..checkpoints.provenance import identity
from .grids import grid_of, grid_of_stage, resample
from .images import Chosen, Images
from .towers import open_tower

BATCH = 32  # images, where they are small
CELLS_A_BATCH = 4096  # cells of all images that a model reads at a time


class Reader(Protocol):
    """A model that reads images; see `towers.TowerReader` and `diffusion.DiTReader`."""

    name: str
    prefix: dict[str, int]
    patch: tuple[int, int]
    pixels: tuple[int, int]

    @property
    def model(self) -> Any:
        """The model, with its weights in memory."""
        ...

    @property
    def device(self) -> Any:
        """The device of the model's input."""
        ...

    @property
    def projections(self) -> list[Any]:
        """The modules whose inputs are the neurons, in the order of the layers."""
        ...

    def release(self) -> None:
        """Give up the weights' memory until images are read again."""
        ...

    def read(self, images: Sequence[np.ndarray]) -> tuple[int, int]:
        """Run the model over images; return height and width of its input."""
        ...

    def untrained(self, seed: int) -> Reader:
        """Return the same architecture with random weights."""
        ...


class ImageSource:
    """One vision model reading images: an `ActivationSource` of (images × cells) × neurons.

    Parameters
    ----------
    reader : Reader
        The model.
    images : Images
        What it reads.
    grid : pair of int, optional
        Rows and columns to resample to; the model's own by default.
    batch : int, optional
        Images read at a time; by default as many as have `CELLS_A_BATCH` cells, at most `BATCH`.

    Attributes
    ----------
    grid : pair of int
        Rows and columns of the aligned cells.
    """

    def __init__(self, reader: Reader, images: Images, grid: tuple[int, int] | None = None, batch: int | None = None):
        self.reader, self.images, self.name, self._batch = reader, images, reader.name, batch
        widths = [architectures.width(projection) for projection in reader.projections]
        self.layer = np.repeat(np.arange(len(widths)), widths)
        self.unit = np.concatenate([np.arange(width) for width in widths])
        self._edges = np.cumsum([0, *widths]).tolist()
        grids = self._grids()
        neurons: Counter[tuple[int, int]] = Counter()
        for one, width in zip(grids, widths, strict=True):
            neurons[one] += width
        self.own_grid = neurons.most_common(1)[0][0]
        self.grid = grid or self.own_grid
        most = max(rows * columns for rows, columns in [*grids, self.grid])
        self.batch = batch or min(BATCH, max(CELLS_A_BATCH // most, 1))
        self.positions = len(images) * self.grid[0] * self.grid[1]

    def release(self) -> None:
        """Give up the weights' memory until the model is read again."""
        self.reader.release()

    def on(self, images: Images) -> ImageSource:
        """Return the same model reading other images."""
        return ImageSource(self.reader, images, self.grid, self._batch)

    def untrained(self, seed: int) -> ImageSource:
        """Return the same architecture with random weights, reading the same images."""
        return ImageSource(self.reader.untrained(seed), self.images, self.grid, self._batch)

    def identity(self) -> list[Any]:
        """Return the identity of these activations: weights, images, grid."""
        return [*identity(self.name), len(self.layer), self.images.sha256, list(self.grid)]

    def labels(self) -> dict[str, np.ndarray]:
        """Return the ``document`` of each position: its image, or the photograph that it is cut from."""
        cut = self.images.photographs
        documents = np.arange(len(self.images)) if cut is None else np.unique(cut, return_inverse=True)[1]
        return {"document": np.repeat(documents.astype(np.int32), self.grid[0] * self.grid[1])}

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield activations of shape (positions, neurons), float32, `size` positions at a time."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on, without running the model over the batches of images before it."""
        batches = {"blocks": self._batches, "blocks_from": self._batches}
        stream: Any = SimpleNamespace(name=self.name, layer=self.layer, positions=self.positions, **batches)
        return rechunked(stream, size, first)

    def tensors(self, size: int) -> Iterator[Any]:
        """Yield the same on the model's device, some images at a time."""
        for cells in self._maps(self.reader.device):
            yield cells.flatten(0, 2)

    def maps(self) -> Iterator[np.ndarray]:
        """Yield activations of a batch of images, shape (images, rows, columns, neurons)."""
        for cells in self._maps("cpu"):
            yield cells.numpy()

    def _maps(self, device: Any, first: int = 0) -> Iterator[Any]:
        """Yield the batches of images from the one with image `first` on; they do not depend on it."""
        for start in range(first - first % self.batch, len(self.images), self.batch):
            yield self._cells(range(start, min(start + self.batch, len(self.images))), device)

    def _batches(self, size: int, first: int = 0) -> Iterator[np.ndarray]:
        cells_each = self.grid[0] * self.grid[1]
        image = first // cells_each
        left = first - (image - image % self.batch) * cells_each
        for cells in self._maps("cpu", image):
            yield cells.numpy().reshape(-1, cells.shape[-1])[left:]
            left = 0

    def _grids(self) -> list[tuple[int, int]]:
        """Return rows and columns of each layer, from the first image."""
        import torch

        def rows_and_columns(value: Any, _layer: int) -> tuple[int, int]:
            rows, columns = self._laid_out(value.reshape(1, -1, value.shape[-1])).shape[1:3]
            return int(rows), int(columns)

        with captured(self.reader.projections, rows_and_columns) as grids, torch.inference_mode():
            self.reader.read(Chosen(self.images, range(1)))
        return grids

    def _cells(self, indices: range, gathered: Any) -> Any:
        """Return the activations of some images on the aligned grid, on a device.

        Each layer is laid there when it was computed, so that a batch's activations are in memory once.
        """
        import torch

        number = len(indices)
        out = torch.empty((number, *self.grid, self._edges[-1]), device=gathered)

        def lay(value: Any, layer: int) -> bool:
            # Layers may lie on different devices.
            tokens = value.reshape(number, -1, value.shape[-1]).to(gathered)
            begin, end = self._edges[layer : layer + 2]
            out[..., begin:end] = resample(self._laid_out(tokens), self.grid)
            return True

        with captured(self.reader.projections, lay), torch.inference_mode():
            self.reader.read(Chosen(self.images, indices))
        return out

    def _laid_out(self, tokens: Any) -> Any:
        """Return one layer's patches on their grid: (images, tokens, neurons) to (images, rows, columns, neurons)."""
        prefix, patch, pixels = self.reader.prefix, self.reader.patch, self.reader.pixels
        stage = grid_of_stage(tokens.shape[1], pixels, patch) if getattr(self.reader, "halving", False) else None
        rows, columns = stage or grid_of(self.name, tokens.shape[1], prefix, pixels, patch)
        return tokens[:, sum(prefix.values()) :].reshape(len(tokens), rows, columns, -1)


def image_sources(
    checkpoint_a: str | Path,
    checkpoint_b: str | Path,
    images: Images,
    timestep: int | None = None,
    patterns: tuple[str | None, str | None] = (None, None),
    loading: Loading = Loading(),
) -> tuple[ImageSource, ImageSource]:
    """Open two checkpoints (folders or hub ids) and align them on images.

    Parameters
    ----------
    checkpoint_a, checkpoint_b : str or path
        Vision towers of `transformers` (`towers.TOWERS`), or diffusion transformers of `diffusers`.
    images : Images
        What both read; see `images.open_images`.
    timestep : int, optional
        Denoising step at which a diffusion transformer is recorded.
    patterns : pair of str, optional
        Output projections of towers without an entry in `towers.TOWERS`, as `towers.by_hand` reads them.
    loading : Loading
        Where the weights go.

    Raises
    ------
    RosettaError
        If a checkpoint cannot be used.
    """
    models = zip((checkpoint_a, checkpoint_b), patterns, strict=True)
    opened = [open_reader(checkpoint, timestep, pattern, loading) for checkpoint, pattern in models]
    a, b = (ImageSource(reader, images) for reader in opened)
    grid = max(a.own_grid[0], b.own_grid[0]), max(a.own_grid[1], b.own_grid[1])
    return ImageSource(a.reader, images, grid), ImageSource(b.reader, images, grid)


def open_reader(
    checkpoint: str | Path, timestep: int | None = None, pattern: str | None = None, loading: Loading = Loading()
) -> Reader:
    """Open a vision tower, or a diffusion transformer if the folder holds one."""
    from .diffusion import is_diffusion, open_dit

    if is_diffusion(checkpoint):
        return open_dit(checkpoint, timestep, loading)
    return open_tower(checkpoint, loading, pattern)
