"""``.npy`` files, read in place, and ``.npz`` archives of one array or of a layer each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from ....errors import ForeignFileError, MissingFileError
from ..arrays import ArraySource
from ..npy import Archive, open_npy
from .labelled import Labelled, planar


def npy(path: Path, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return the array in a file, which is mapped again for each block; three-dimensional arrays stay mapped."""
    opened = open_npy(path)
    return Labelled(ArraySource(planar(opened, name), name) if opened.ndim == 3 else ArraySource(path, name))


def npz(path: Path, name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return the one array of an archive, or its arrays as layers; an array ``samples`` names the positions."""
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file. Try: numpy.savez('a.npz', layer_name=activations)")
    with Archive(path, "a whole .npz file", "numpy.savez(path, layer_name=array) of numbers") as archive:
        arrays = archive.read_all(psutil.virtual_memory().available // 2)
    if not arrays:
        raise ForeignFileError(f"{path}: an archive without arrays. Try: numpy.savez(path, layer_name=activations)")
    return from_arrays(arrays, name, part)


def from_arrays(arrays: dict[str, Any], name: str, part: Callable[[Any, str], Labelled]) -> Labelled:
    """Return named arrays as layers, but for one called ``samples``; a single array has no layer's name."""
    given = arrays.get("samples")
    samples = arrays.pop("samples") if given is not None and len(arrays) > 1 and np.ndim(given) == 1 else None
    opened = part(next(iter(arrays.values())) if len(arrays) == 1 else arrays, name)
    return opened if samples is None else opened.with_samples(np.asarray(samples))
