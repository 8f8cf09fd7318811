"""Null draws that change both models: each is a matching of its own, saved on disk when it is finished."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...removal import remove
from ..activations.source import identity
from ..nulls import Null, Sources
from .machine import distributed
from .machine.checkpoint import Checkpoint
from .matches import Matches
from .searches import Settings

SAVED = "null"  # the file of a finished draw


def fresh_draws(
    match: Callable[..., Matches],
    matches: Matches,
    sources: Sources,
    kinds: Mapping[Null, int],
    settings: Settings,
    folder: Path | None,
    options: Mapping[str, Any],
) -> Matches:
    """Return a matching with the draws of nulls that change both models.

    Parameters
    ----------
    match : callable
        `rosettalaw.empirical.matching.match`.
    matches : Matches
        The matching of the trained models.
    sources : two ActivationSource
        The trained models.
    kinds : mapping of Null to int
        Draws of each kind.
    settings : Settings
        How the trained models were matched; draws are matched in the same way.
    folder : path or None
        Where draws are saved, each in a folder of its own: finished ones are read back, an unfinished one resumes at
        its last completed block, with the same bits.
    options : mapping
        Further arguments of `match`.

    Raises
    ------
    ForeignFileError
        If a draw's folder holds something else.
    """
    facts = {
        name: getattr(settings, name)
        for name in ("k", "also_k", "absolute", "engine", "block", "compute", "device", "screening")
    }
    how = {**facts, **options, "seed": settings.seed, "nulls": {}, "jackknife_blocks": 0, "verified": False}
    stated = {name: value for name, value in how.items() if name not in ("memory", "quiet")}  # which change nothing
    stated["screening"] = dataclasses.asdict(settings.screening)
    nulls, at_k = dict(matches.nulls), {k: dict(of) for k, of in matches.null_at_k.items()}
    for null, draws in kinds.items():
        correlations = [
            _draw(match, null, number, sources, folder, how, stated) for number in range(draws)
        ]  # of each draw: those at k, and at every further k
        nulls[null.label] = [one["correlation"] for one in correlations]
        for k in settings.also_k:
            at_k.setdefault(k, {})[null.label] = [one[f"correlation_at_{k}"] for one in correlations]
    return dataclasses.replace(matches, nulls=nulls, null_at_k=at_k)


def _draw(
    match: Callable[..., Matches],
    null: Null,
    number: int,
    sources: Sources,
    folder: Path | None,
    how: Mapping[str, Any],
    stated: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """Return the correlations of one draw: those saved in its folder, or new ones, then saved there."""
    place = None if folder is None else folder / f"{null.label}{number}"
    models = {side: identity(source) for side, source in zip("ab", sources, strict=True)}
    checkpoint = distributed.once(lambda: Checkpoint(place, {**models, "draw": number, **stated}))
    saved = distributed.once(lambda: checkpoint.load(SAVED))
    if saved is not None:
        return saved
    twins = null.draw(*sources, null.entropy(how["seed"], number))
    work = None if place is None else place / "work"
    matched = match(*twins, folder=work, **how)
    correlations = {"correlation": matched.correlation}
    correlations |= {f"correlation_at_{k}": pairs[2] for k, pairs in matched.at_k.items()}
    distributed.wait()  # others may still read there
    if work is not None and distributed.rank() == 0:
        checkpoint.save(SAVED, correlations)
        remove(work)  # the activations of a draw are as many as the models' own
    return correlations
