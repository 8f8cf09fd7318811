"""The untrained null: networks of the same architectures with random weights, through the same code (section 4.2).

The permutation null (appendix C.3) is drawn by the engine itself, which permutes all positions of one model
(`rosettalaw.empirical.matching.match`, ``permutations``).
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .array_sources import identity
from .matching import distributed, match
from .matching.checkpoint import Checkpoint
from .sources import ActivationSource


def untrained_twins(
    sources: Sequence[ActivationSource], draw: int, seed: int = 0
) -> tuple[ActivationSource, ActivationSource]:
    """Return untrained twins of two models: their architectures' own random weights, others for each draw.

    Raises
    ------
    InputError
        If a source is not a whole checkpoint.
    """
    seeds = np.random.SeedSequence([seed, 0x0DD, draw]).generate_state(2)
    twins = []
    for source, one in zip(sources, seeds, strict=True):
        make = getattr(source, "untrained", None)
        if make is None:
            rule = "needs whole checkpoints: arrays, and layers taken out, have no untrained twins"
            raise InputError("--untrained", draw + 1, rule, "--untrained 0")
        twins.append(make(int(one)))
    return twins[0], twins[1]


def untrained_null(
    sources: Sequence[ActivationSource],
    draws: int,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    **options: Any,
) -> list[np.ndarray]:
    """Match untrained twins of two models; return the correlations of the mutual pairs, one array for each draw.

    Parameters
    ----------
    sources : two ActivationSource
        The trained models; each must have an ``untrained(seed)`` that gives it new random weights.
    draws : int
        Number of independent draws; in each, both models get weights of their own.
    seed : int
        Decides all weights.
    folder : path, optional
        Where draws are kept, each in a folder of its own: finished ones are read back, an unfinished one goes on from
        its last completed block, with the same bits. The caller removes the folder when the result is saved.
    **options
        Passed to `match`, as for the trained models.

    Raises
    ------
    InputError
        If a source is not a whole checkpoint.
    ForeignFileError
        If `folder` holds draws of something else.
    """
    null = {**options, "permutations": 0, "jackknife_blocks": 0}
    folders = [None if folder is None else Path(folder) / f"draw{draw}" for draw in range(draws)]
    return [_drawn(sources, draw, seed, kept, null) for draw, kept in enumerate(folders)]


def _drawn(
    sources: Sequence[ActivationSource], draw: int, seed: int, folder: Path | None, options: Mapping[str, Any]
) -> np.ndarray:
    """Return the correlations of one draw: those kept in its folder, or new ones, then kept there."""
    if folder is None:
        return match(*untrained_twins(sources, draw, seed), seed=seed, **options).correlation
    asked = {name: value for name, value in options.items() if name not in ("memory", "quiet")}  # which change nothing
    asked = {name: dataclasses.asdict(value) if name == "screening" else value for name, value in asked.items()}
    models = {side: identity(source) for side, source in zip("ab", sources, strict=True)}
    checkpoint = distributed.once(lambda: Checkpoint(folder, {**models, "draw": draw, "seed": seed, **asked}))
    held = distributed.once(lambda: checkpoint.load("null"))
    if held is not None:
        return held["correlation"]
    found = match(*untrained_twins(sources, draw, seed), seed=seed, folder=folder / "work", **options).correlation
    distributed.wait()  # others may still read there
    if distributed.rank() == 0:
        checkpoint.save("null", {"correlation": found})
        shutil.rmtree(folder / "work", ignore_errors=True)  # the activations of a draw are as many as the models' own
    return found
