"""The one input shape of every measurement: aligned activation blocks, positions × neurons.

A source is one model seen at a list of aligned positions (text spans, image cells, or rows of an array). It can be
read any number of times, always in the same order, so that two sources with equally many positions can be read side
by side. Whatever produced the activations, only sources are matched.

Eleven abilities are optional. This module is the only place that asks for them:

| ability | asked by | without it |
|---|---|---|
| ``rows(index, columns)`` | `RandomAccess` | the source is copied to disk once (`spooling`) and read again there |
| ``in_turn(blocks, columns)`` | `in_turn` | blocks of positions are read one by one (``rows``) |
| ``holding(memory)`` | `holding` | reading takes no memory beyond a block |
| ``blocks_from(size, first)`` | `blocks_from` | it is read from the start, up to the position wanted |
| ``tensors(size)`` | `tensors` | its blocks are arrays, and go to the device from there |
| ``identity()`` | `identity` | name, positions and neurons distinguish it from others; a resumed run trusts them |
| ``release()`` | `release` | its model stays in memory when it has been copied to disk |
| ``untrained(seed)`` | `untrained` | there is no null of untrained networks |
| ``mapped()`` | `mapped` | its files are opened at each reading |
| ``in_place()`` | `in_place` | every block that is read is a copy, so that blocks are small |
| ``labels()`` | `labels` | documents and span texts of its positions are unknown, and nulls that need them impossible |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...errors import InputError


@runtime_checkable
class ActivationSource(Protocol):
    """Activations of one model at aligned positions; the module's head names the optional abilities.

    Attributes
    ----------
    name : str
        Name of the model in messages and results (a path, a hub id).
    layer, unit : ndarray of int, shape (neurons,)
        Layer of each neuron, and its index within that layer; neurons count over all layers in order.
    positions : int
        Number of aligned positions.
    """

    name: str
    layer: np.ndarray
    unit: np.ndarray
    positions: int

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield float32 blocks of shape (size, neurons), the last one shorter, `positions` rows in all."""
        ...


@runtime_checkable
class RandomAccess(ActivationSource, Protocol):
    """A source whose positions can be read in any order, and any range of neurons by itself."""

    def rows(self, index: slice | np.ndarray, columns: slice = slice(None)) -> np.ndarray:
        """Return floating-point activations, shape (positions asked for, neurons asked for); not to be written to."""
        ...


def in_turn(source: RandomAccess, blocks: Sequence[tuple[int, int]], columns: slice) -> Iterator[np.ndarray]:
    """Yield some blocks of positions (first, and one past the last), in increasing order, of a range of neurons."""
    own: Callable[[Sequence[tuple[int, int]], slice], Iterator[np.ndarray]] | None = getattr(source, "in_turn", None)
    if own is not None:
        yield from own(blocks, columns)
        return
    for start, stop in blocks:
        yield source.rows(slice(start, stop), columns)


def holding(source: ActivationSource, memory: int) -> ActivationSource:
    """Return the source; what it puts in place as it is read (`in_turn`) takes at most so many bytes."""
    own: Callable[[int], ActivationSource] | None = getattr(source, "holding", None)
    return source if own is None else own(memory)


def blocks_from(source: ActivationSource, size: int, first: int) -> Iterator[np.ndarray]:
    """Yield a source's activations from position `first` on, the same to the last bit as ``blocks`` yields there."""
    begin: Callable[[int, int], Iterator[np.ndarray]] | None = getattr(source, "blocks_from", None)
    if first and begin is not None:
        yield from begin(size, first)
        return
    left, blocks = first, source.blocks(size)
    if not hasattr(blocks, "__iter__"):
        rule = "blocks(size) must yield arrays of shape (size, neurons)"
        raise InputError(source.name, type(blocks).__name__, rule, "def blocks(self, size): yield self.array[:size]")
    for block in blocks:
        length = len(block)
        if left < length:
            yield block[left:]
        del block  # the source makes the next one when nothing of this one is left
        left = max(left - length, 0)


def tensors(source: ActivationSource, size: int) -> Iterator[Any]:
    """Yield a source's blocks where they were made: as tensors on their device, or else as arrays."""
    make: Callable[[int], Iterator[Any]] | None = getattr(source, "tensors", None)
    return source.blocks(size) if make is None else make(size)


def identity(source: ActivationSource) -> list[Any]:
    """Return the facts that distinguish a source from others, as JSON can hold them."""
    own: Callable[[], list[Any]] | None = getattr(source, "identity", None)
    return own() if own is not None else [source.name, int(source.positions), len(source.layer)]


def release(source: ActivationSource) -> None:
    """Let a source give up the memory of its model, which is opened again should it be read again."""
    own: Callable[[], None] | None = getattr(source, "release", None)
    if own is not None:
        own()


def untrained(source: ActivationSource) -> Callable[[int], ActivationSource] | None:
    """Return the function that gives a source's model new random weights by a seed; None where there is none."""
    return getattr(source, "untrained", None)


def labels(source: ActivationSource) -> Mapping[str, np.ndarray]:
    """Return the labels of the positions: integers of shape (positions,) by name, equal where the label is.

    ``document`` numbers the documents (or images), ``span`` the distinct texts of the spans.
    """
    own: Callable[[], Mapping[str, np.ndarray]] | None = getattr(source, "labels", None)
    return own() if own is not None else {}


def common_labels(*sources: ActivationSource) -> dict[str, np.ndarray]:
    """Return the labels that any of several sources at the same positions has; of two, the first counts."""
    return {name: values for source in reversed(sources) for name, values in labels(source).items()}


def in_place(source: ActivationSource) -> list[tuple[int, int]]:
    """Return the stretches of positions (first, and one past the last) that ``rows`` reads without a copy.

    They are all positions, in increasing order, or none where reading makes a copy.
    """
    own: Callable[[], list[tuple[int, int]]] | None = getattr(source, "in_place", None)
    return [] if own is None else own()


@contextmanager
def mapped(*sources: ActivationSource) -> Iterator[None]:
    """Map the files of some sources once for all reads meanwhile.

    Finding a file's pages takes a tenth of the time of reading them from memory, every time. They count as this
    process's while they are mapped, but the system takes them back when it needs room.
    """
    with ExitStack() as stack:
        for source in sources:
            own: Callable[[], AbstractContextManager[None]] | None = getattr(source, "mapped", None)
            if own is not None:
                stack.enter_context(own())
        yield
