"""Copies on disk of sources that can only be streamed, so that a model runs once and its activations are read again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..errors import InputError
from .array_sources import ArraySource, View
from .sources import ActivationSource


class Spooled(View):
    """A copy on disk of a source that can only be streamed, as float32 or in half the size.

    As float16, each block of positions is stored as (x − shift)/scale with each column's own shift (its first value in
    the block) and scale (a power of two that brings the largest magnitude below 2¹⁵): 11 bits of each deviation.
    """

    def __init__(self, source: ActivationSource, path: Path, block: int, kind: str):
        self.name, self.positions = source.name, source.positions
        self.layer, self.unit = np.asarray(source.layer), np.asarray(source.unit)
        self._block, self._source = block, ArraySource(path)
        self._bare = kind == "float32"
        self._border = None if self._bare else np.load(_border(path), allow_pickle=False)

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return the stored activations as float32."""
        stored = self._source.rows(index, columns)
        if self._border is None:
            return stored
        blocks = np.arange(self.positions)[index] // self._block
        if len(blocks) and (blocks == blocks[0]).all():
            blocks = blocks[:1]
        return stored * self._border[1, blocks, columns] + self._border[0, blocks, columns]


def spool(
    source: ActivationSource,
    path: Path,
    block: int,
    kind: str = "float32",
    advance: Callable[[float], None] = lambda positions: None,
) -> Spooled:
    """Copy a stream to disk, so that its model runs once; a whole copy that is already there is used as it is.

    Parameters
    ----------
    path : path
        File to write.
    block : int
        Positions written at a time.
    kind : str
        "float32" or "float16".
    advance : callable
        Told how many positions were written.

    Raises
    ------
    InputError
        If the source yields another number of positions than it declared.
    """
    path = path.with_name(f"{path.name}-{kind}.npy")
    if not path.exists():
        partial = path.with_suffix(".partial")
        neurons = len(source.layer)
        copy = np.lib.format.open_memmap(partial, mode="w+", dtype=kind, shape=(source.positions, neurons))
        border = np.zeros((2, -(-source.positions // block), neurons), dtype=np.float32)
        start = 0
        for number, piece in enumerate(rechunked(source, block)):
            if kind != "float32":
                border[0, number] = piece[0]
                piece = piece - piece[0]
                border[1, number] = np.exp2(np.frexp(np.abs(piece).max(0))[1] - 15.0)
                piece = piece / border[1, number]
            copy[start : start + len(piece)] = piece
            start += len(piece)
            advance(len(piece))
        copy.flush()
        del copy
        if kind != "float32":
            np.save(_border(path), border)
        os.replace(partial, path)
    return Spooled(source, path, block, kind)


def rechunked(source: ActivationSource, block: int) -> Iterator[np.ndarray]:
    """Yield exactly `block` positions at a time whatever the source's blocks, the last time fewer.

    Raises
    ------
    InputError
        If the source yields another number of positions, or of neurons, than it declared.
    """
    neurons, seen = len(source.layer), 0
    held = np.empty((0, neurons), dtype=np.float32)
    for piece in source.blocks(block):
        if piece.ndim != 2 or piece.shape[1] != neurons:
            raise InputError(source.name, f"block of shape {piece.shape}", f"declared {neurons} neurons")
        seen += len(piece)
        held = np.concatenate([held, piece]) if len(held) else piece
        while len(held) >= block:
            yield held[:block]
            held = held[block:]
    if seen != source.positions:
        raise InputError(source.name, f"{seen} positions", f"declared {source.positions}")
    if len(held):
        yield held


def _border(path: Path) -> Path:
    return path.with_name(f"{path.stem}-border.npy")
