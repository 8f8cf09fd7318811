"""Files of activations as sources, by their ending."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .inputs import open_input
from .source import ActivationSource


def open_activations(
    path: str | os.PathLike[str], name: str | None = None, documents: np.ndarray | None = None
) -> ActivationSource:
    """Return the source of a file of activations: `inputs.FILES` has the endings. ``.npy`` is read in place."""
    return open_input(Path(path), "file", name=name, documents=documents).source
