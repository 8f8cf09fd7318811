"""The screened engine against the exact one on trained networks: five rungs of the full ladder side by side.

The ladder is trained first unless the cache holds it (about twenty minutes), and the activations take 13 GB of disk, so
this area is measured only where it is named: ``python -m benchmarks trained``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from rosettalaw.console import progress
from rosettalaw.empirical.corpora.corpus import open_corpus
from rosettalaw.empirical.ladder.train import TrainedLadder, train_ladder
from rosettalaw.empirical.language.families import open_ladder
from rosettalaw.empirical.language.source import text_sources

from .matching import FileSource, screened_against_exact
from .timing import Ratio

ON_REQUEST = True
POSITIONS, NEURONS = 200_000, 8192
TOKENS = 260_000  # of the first family: enough for these positions


def run() -> list[Ratio]:
    ladder = train_ladder(open_ladder("full"))
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        return screened_against_exact(*activation_files(ladder, Path(folder)), faster=20)


def activation_files(ladder: TrainedLadder, folder: Path) -> tuple[FileSource, FileSource]:
    """Write the activations of both families' largest networks, one beside the other, as many as there is room for."""
    paths = [folder / f"trained-{side}.npy" for side in "ab"]
    shape = (POSITIONS, NEURONS)
    files = [np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape) for path in paths]
    corpus, filled = open_corpus(ladder.ladder.corpus), 0
    with progress("running the networks", 2 * POSITIONS * NEURONS) as bar:
        for rung in reversed(ladder.models().rungs):
            if filled == NEURONS:
                break
            sources = text_sources(*rung.models, corpus, TOKENS)
            width = min(NEURONS - filled, len(sources[0].layer))
            for file, source in zip(files, sources, strict=True):
                row = 0
                for block in source.blocks(4096):
                    rows = min(len(block), POSITIONS - row)
                    file[row : row + rows, filled : filled + width] = block[:rows, :width]
                    row += rows
                    bar.advance(rows * width)
                    if row == POSITIONS:
                        break
            filled += width
    for file in files:
        file.flush()
    return FileSource(paths[0]), FileSource(paths[1])
