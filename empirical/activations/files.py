"""Files of activations as sources: ``.npy`` is read in place, zarr and netCDF from the start."""

from __future__ import annotations

import os
from pathlib import Path

from .arrays import ArraySource
from .source import ActivationSource
from .streamed import StreamedArray

STREAMED = (".zarr", ".nc")


def open_activations(path: str | os.PathLike[str], name: str | None = None) -> ActivationSource:
    """Return the source of a file of activations: ``.npy``, ``.zarr`` or netCDF (``.nc``)."""
    return (StreamedArray if Path(path).suffix in STREAMED else ArraySource)(path, name)
