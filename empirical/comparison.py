"""Two models compared in every way the measurements ask for, each activation computed once.

    sources → kept on disk → matched: at several k, on all positions and on nested fewer, against both nulls

The permuted null is drawn inside `match`; for the untrained null each draw's twins are kept on disk while they are
matched in the same ways, then forgotten. All k come from the products of one matching (`match`, ``also_k``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..console import say
from .array_sources import RandomAccess
from .calibration import Calibration, calibrate
from .families import Measurement
from .matching import Matches, match
from .measures.data_size import FirstPositions, sizes
from .nulls import untrained_twins
from .sources import ActivationSource
from .spooling import spool

BLOCK = 2048
Sources = tuple[ActivationSource, ActivationSource]


@dataclass
class Matched:
    """A matching with the correlations of its untrained null, one array for each draw."""

    matches: Matches
    untrained: list[np.ndarray] = field(default_factory=list)

    @property
    def nulls(self) -> dict[str, list[np.ndarray]]:
        """Every null that was drawn, permuted and untrained."""
        drawn = {"permuted": self.matches.null_correlations, "untrained": self.untrained}
        return {kind: draws for kind, draws in drawn.items() if draws}

    def calibrate(self) -> Calibration | None:
        """Return the calibrated count; None without a null."""
        return self.matches.calibrate({"untrained": self.untrained} if self.untrained else None)


@dataclass
class Comparison:
    """What `compare` finds.

    Attributes
    ----------
    whole : Matched
        All positions, k = 1.
    at_k : dict of int to (correlations, nulls)
        At each further k: correlations of the pairs, and of each null's pairs, one array for each draw.
    smaller : list of Matched
        Nested fewer positions, smallest first.
    """

    whole: Matched
    at_k: dict[int, tuple[np.ndarray, dict[str, list[np.ndarray]]]]
    smaller: list[Matched]

    def calibrate_at(self, k: int) -> Calibration | None:
        """Return the calibration at one of the further k."""
        found, nulls = self.at_k[k]
        return calibrate(found, nulls) if nulls else None


def compare(
    sources: Sources,
    kept: Sources,
    plan: Measurement,
    sweep: bool = False,
    step: Callable[[str], None] = lambda what: None,
) -> Comparison:
    """Match two models at every k and data size, with their nulls.

    Parameters
    ----------
    sources : two ActivationSource
        The models; they make the untrained twins.
    kept : two ActivationSource
        The same activations as `keep` keeps them.
    plan : Measurement
        Draws, k, data sizes, engine.
    sweep : bool
        Whether fewer positions are matched too.
    step : callable
        Told what begins.
    """
    exact = plan.engine == "exact"
    options: dict[str, Any] = {"seed": plan.seed, "engine": plan.engine, "device": plan.device, "quiet": True}
    further = plan.partners if exact else ()
    random_access = all(isinstance(source, RandomAccess) for source in kept)
    numbers = sizes(kept[0].positions, plan.data_sizes)[:-1] if sweep and random_access else []
    step("matching")
    whole = Matched(match(*kept, also_k=further, permutations=plan.permutations, **options))
    smaller = []
    for number in numbers:
        first = (_first(kept[0], number), _first(kept[1], number))
        found = match(*first, permutations=plan.permutations, jackknife_blocks=0, **options)
        smaller.append(Matched(found))
    untrained_at_k: dict[int, list[np.ndarray]] = {k: [] for k in further}
    for draw in range(plan.untrained):
        step(f"untrained null {draw + 1} of {plan.untrained}")
        with TemporaryDirectory(prefix="rosettalaw-") as folder:
            twins = keep(untrained_twins(sources, draw, plan.seed), Path(folder))
            null = match(*twins, also_k=further, permutations=0, jackknife_blocks=0, **options)
            whole.untrained.append(null.correlation)
            for k in further:
                untrained_at_k[k].append(null.at_k[k][2])
            for number, one in zip(numbers, smaller, strict=True):
                first = (_first(twins[0], number), _first(twins[1], number))
                found = match(*first, permutations=0, jackknife_blocks=0, **options)
                one.untrained.append(found.correlation)
    at_k = {}
    for k in further:
        drawn = {"permuted": whole.matches.null_at_k[k], "untrained": untrained_at_k[k]}
        at_k[k] = (whole.matches.at_k[k][2], {kind: draws for kind, draws in drawn.items() if draws})
    return Comparison(whole, at_k, smaller)


def keep(sources: Sequence[ActivationSource], folder: Path) -> Sources:
    """Copy streams to a folder, so that each model runs once; where there is no room, return them as they are."""
    need = sum(4 * source.positions * len(source.layer) for source in sources if not isinstance(source, RandomAccess))
    free = shutil.disk_usage(folder).free
    if need > 0.9 * free:
        say(
            f"the activations take {need / 2**30:.1f} GiB, {folder} has {free / 2**30:.1f} GiB free: "
            "the models run again for each measure"
        )
        return sources[0], sources[1]
    kept = [
        source if isinstance(source, RandomAccess) else spool(source, folder / f"activations-{side}", BLOCK)
        for side, source in zip("ab", sources, strict=True)
    ]
    return kept[0], kept[1]


def _first(source: ActivationSource, number: int) -> FirstPositions:
    assert isinstance(source, RandomAccess)  # else there are no smaller sizes
    return FirstPositions(source, number)
