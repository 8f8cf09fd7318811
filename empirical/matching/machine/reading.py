"""Blocks and parts of the positions, and sources read side by side, from disk where needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....console import progress, say
from ....errors import InputError, require
from ....threads import return_memory
from ...activations.arrays import float_type, floats
from ...activations.source import ActivationSource, RandomAccess, blocks_from, in_turn, release, tensors
from ...activations.spooling import bytes_on_disk, spool
from . import arrays, distributed

Block = tuple[int, int]  # first position, and one past the last


def cut(positions: int, block: int, parts: int) -> list[list[Block]]:
    """Cut the positions into `parts` stretches of whole blocks (fewer if there are fewer positions).

    Examples
    --------
    >>> cut(10, 4, 2)
    [[(0, 4), (4, 8)], [(8, 10)]]
    """
    parts = max(1, min(parts, positions))
    size = min(block, -(-positions // parts))
    edges = [(start, min(start + size, positions)) for start in range(0, positions, size)]
    return [[edges[i] for i in chosen] for chosen in np.array_split(np.arange(len(edges)), parts) if len(chosen)]


def cut_documents(positions: int, block: int, parts: int, document: np.ndarray | None) -> list[list[Block]]:
    """Cut the positions into `parts` stretches of whole documents, about equally long, each into blocks.

    Where documents are unknown, fewer than two, or not in one piece each, it is `cut`.

    Examples
    --------
    >>> cut_documents(10, 4, 2, np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 2]))
    [[(0, 3)], [(3, 7), (7, 10)]]
    """
    if document is None:
        return cut(positions, block, parts)
    begins = np.flatnonzero(np.diff(document, prepend=document[0] - 1))
    if not 2 <= len(begins) == len(np.unique(document)):
        return cut(positions, block, parts)
    parts = min(parts, len(begins))
    edges = [0]
    for part in range(1, parts):
        # Of the documents that leave one for each part to come, the one that begins nearest to an equal cut.
        later = begins[begins > edges[-1]]
        possible = later[: len(later) - (parts - part - 1)]
        edges.append(int(possible[np.argmin(np.abs(possible - part * positions / parts))]))
    bounds = zip(edges, [*edges[1:], positions], strict=True)
    return [[(at, min(at + block, stop)) for at in range(start, stop, block)] for start, stop in bounds]


def tiles(neurons_a: int, neurons_b: int, shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Cut the neuron pairs into tiles of at most `shape`, columns running fastest."""
    return [
        (slice(i, min(i + shape[0], neurons_a)), slice(j, min(j + shape[1], neurons_b)))
        for i in range(0, neurons_a, shape[0])
        for j in range(0, neurons_b, shape[1])
    ]


def aligned_blocks(
    sources: Sequence[ActivationSource], blocks: Sequence[Block], columns: Sequence[slice], device: str = "cpu"
) -> Iterator[tuple[Any, ...]]:
    """Read the same blocks of positions from several sources, some columns of each.

    Raises
    ------
    InputError
        If a source ends early or yields blocks of another shape than it declared.
    """
    each = zip(sources, columns, strict=True)
    return zip(*(read(source, blocks, some, device) for source, some in each), strict=True)


def read(source: ActivationSource, blocks: Sequence[Block], columns: slice, device: str = "cpu") -> Iterator[Any]:
    """Read blocks of positions, in increasing order, from one source: directly, or from its stream.

    What a model makes stays where it made it, as tensors, where another `device` than the CPU is to work on it. A
    stream that can begin at a later position is not read up to the first block.
    """
    if isinstance(source, RandomAccess):
        for (start, stop), block in zip(blocks, in_turn(source, blocks, columns), strict=True):
            yield checked(source, block, stop - start, columns)
        return
    size, begin = max(stop - start for start, stop in blocks), blocks[0][0] if device == "cpu" else 0
    stream = blocks_from(source, size, begin) if device == "cpu" else tensors(source, size)
    buffer, first = None, begin
    for start, stop in blocks:
        while buffer is None or first + len(buffer) < stop:
            piece = next(stream, None)
            if piece is None:
                seen = first + (0 if buffer is None else len(buffer))
                rule = f"ended after {seen} of the {source.positions} positions it declared"
                raise InputError(source.name, f"{source.positions} positions", rule)
            if buffer is None:
                buffer = piece[:0]
            passed = min(max(start - first, 0), len(buffer))
            buffer, first = _joined(buffer[passed:], piece), first + passed
        yield checked(source, buffer[start - first : stop - first, columns], stop - start, columns)


def _joined(buffer: Any, piece: Any) -> Any:
    return arrays.library(piece).concatenate([buffer, piece])


def checked(source: ActivationSource, block: Any, positions: int, columns: slice) -> Any:
    """Return the block as floats, or raise where its shape differs from the declared one."""
    width = len(range(*columns.indices(len(source.layer))))
    if tuple(block.shape) != (positions, width):
        raise InputError(source.name, f"block of shape {tuple(block.shape)}", f"declared {positions} × {width} here")
    if not isinstance(block, np.ndarray):  # a tensor
        return block
    if block.dtype not in (np.float32, np.float64):
        block = floats(source.name, block, float_type(block.dtype))
    return np.require(block, requirements=["W"])


def readable(
    sources: tuple[ActivationSource, ActivationSource],
    folder: Path,
    block: int,
    kind: str,
    runs: int,
    permuted: bool,
    quiet: bool,
) -> tuple[ActivationSource, ActivationSource]:
    """Return the sources; those that can only be read from the start as copies on disk, one made by each process.

    Where the disk has no room they stay streams, and models run about `runs` times; this is an error where they
    are to be `permuted`, or shared out among processes. What an earlier run has copied is there already.
    """
    require(kind in ("float32", "float16"), "spool", kind, "must be float32 or float16", "--spool float16")
    streams = [not isinstance(source, RandomAccess) for source in sources]
    if not any(streams):
        return sources
    paths = [folder / f"spool-{side}" for side in "ab"]
    bytes_each = np.dtype(kind).itemsize
    each = zip(sources, paths, streams, strict=True)
    need = sum(
        bytes_each * s.positions * len(s.layer) - bytes_on_disk(path, kind) for s, path, stream in each if stream
    )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if need > 0.95 * free:
        room = f"the activations take {need / 2**30:.1f} GiB as {kind}, {folder} has {free / 2**30:.1f} GiB free"
        if permuted or distributed.size() > 1:
            rule = "positions can be permuted or shared out only where there is room to keep them"
            raise InputError("disk", room, rule, "--spool float16, another --out, or --null-permutations 0")
        say(f"{room}: the models run about {runs} times instead of once (see rosettalaw plan)")
        return sources
    for turn, (source, path, stream) in enumerate(zip(sources, paths, streams, strict=True)):
        if stream and turn % distributed.size() == distributed.rank():
            with progress(f"reading {Path(source.name).name}", source.positions, quiet) as bar:
                spool(source, path, block, kind, bar.advance)
            release(source)
            return_memory()
    distributed.wait()
    first, second = (
        spool(source, path, block, kind) if stream else source
        for source, path, stream in zip(sources, paths, streams, strict=True)
    )
    return first, second
