"""Files of activations as sources: ``.npy`` is read in place, zarr and netCDF from the start."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .arrays import ArraySource
from .source import ActivationSource
from .streamed import StreamedArray

STREAMED = (".zarr", ".nc")


def open_activations(
    path: str | os.PathLike[str], name: str | None = None, documents: np.ndarray | None = None
) -> ActivationSource:
    """Return the source of a file of activations: ``.npy``, ``.zarr`` or netCDF (``.nc``)."""
    streamed = Path(path).suffix in STREAMED
    return (StreamedArray if streamed else ArraySource)(path, name, documents=documents)
