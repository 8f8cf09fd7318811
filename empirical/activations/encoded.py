"""Activations turned into features by a function, block by block: an autoencoder, a projection, a probe."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import InputError, RosettaError
from .arrays import labels_of
from .inputs import open_input
from .source import blocks_from, identity, labels

EXAMPLE = "lambda block: np.maximum(block @ weights, 0)"
PROBES = 4  # rows whose features distinguish one function from another


class Encoded:
    """Features of a source, as a source.

    Parameters
    ----------
    source : object
        Activations: an `ActivationSource`, or whatever `rosettalaw.match` takes as such.
    encode : callable
        From a float32 block of shape (positions, neurons) to features of shape (positions, features): an array, a
        tensor, or a sparse matrix of scipy. Each row's features must depend on that row alone.
    name : str, optional
        Name in messages and results; the source's by default.

    Raises
    ------
    InputError
        If the function does not return one row of features for each position, or more or fewer features than before.
    RosettaError
        If it raises an error of its own, which is the cause.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> weights = rng.standard_normal((10, 30)).astype(np.float32)
    >>> features = Encoded(rng.standard_normal((500, 10)), lambda block: np.maximum(block @ weights, 0))
    >>> next(features.blocks(100)).shape
    (100, 30)
    """

    def __init__(self, source: Any, encode: Callable[[np.ndarray], Any], name: str | None = None):
        self._source, self._encode = open_input(source, "source").source, encode
        self.name, self.positions = name or self._source.name, self._source.positions
        self._number: int | None = None
        self._width = len(self._source.layer)
        probes = np.random.default_rng(0).standard_normal((PROBES, self._width)).astype(np.float32)
        features = self._features(probes)
        self._checksum = zlib.crc32(np.ascontiguousarray(features).data)
        self._number = features.shape[1]
        self.layer, self.unit = labels_of(features.shape[1], None, None)

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield features of shape (size, features), float32, the last block shorter."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on."""
        for block in blocks_from(self._source, size, first):
            yield self._features(np.asarray(block, dtype=np.float32), first)
            first += len(block)

    def identity(self) -> list[Any]:
        """Return the identity of the activations, and a checksum of the features of a few random rows."""
        return [identity(self._source), "encoded", self.name, self._checksum]

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the labels of the source."""
        return labels(self._source)

    def _features(self, block: np.ndarray, first: int | None = None) -> np.ndarray:
        """Return the features of a block that begins at position `first`, or of random rows that try the function."""
        try:
            features = _dense(self._encode(block))
        except RosettaError:
            raise
        except Exception as error:  # whatever a user's function raises
            place = "random rows that try it" if first is None else f"positions {first} to {first + len(block) - 1}"
            lines = str(error).strip().splitlines() or [""]
            raise RosettaError(
                f"{self.name}: encode failed on {place}, a float32 array of shape {block.shape} "
                f"({type(error).__name__}: {lines[0][:160]}). Try: {EXAMPLE}"
            ) from error
        if features.ndim != 2 or len(features) != len(block) or features.dtype.kind not in "fiub":
            given = f"array of shape {features.shape} and type {features.dtype}"
            rule = f"must return one row of features for each of the {len(block)} positions of a block"
            raise InputError("encode", given, rule, EXAMPLE)
        if self._number is not None and features.shape[1] != self._number:
            rule = f"returned {self._number} features before; each block must have as many"
            raise InputError("encode", f"{features.shape[1]} features", rule, EXAMPLE)
        return features.astype(np.float32, copy=False)


def _dense(features: Any) -> np.ndarray:
    """Return an array, a tensor or a sparse matrix as a dense array."""
    features = features.toarray() if hasattr(features, "toarray") else features
    if hasattr(features, "detach"):
        features = features.detach().to_dense().float().cpu().numpy()
    return np.asarray(features)
