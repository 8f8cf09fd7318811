"""Two models compared in every way the measurements ask for, each activation computed once.

    sources → copied to disk → matched: at several k, on all positions and on nested fewer, beyond the token,
    against every null

Nulls that leave the first model as it is are drawn inside `match`. Those that change both (`Null.fresh`) are copied to
disk draw by draw, matched in the same ways, and forgotten. All k come from the products of one matching (`match`,
``also_k``).
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...console import say
from ..activations.source import ActivationSource, RandomAccess, common_labels
from ..activations.spooling import bytes_on_disk, spool
from ..calibration import Calibration, calibrate
from ..config import Measurement
from ..matching import Matches, match
from ..matching.machine import distributed
from ..measures.data_size import FirstPositions, sizes
from ..measures.residual import Residual
from ..nulls import Null, drawable, draws_of

BLOCK = 2048
Sources = tuple[ActivationSource, ActivationSource]


@dataclass(frozen=True)
class ModelComparison:
    """The matchings of two models.

    Attributes
    ----------
    whole : Matches
        All positions, k = 1; further k in ``whole.at_k``.
    smaller : list of Matches
        Nested fewer positions, smallest first.
    residual : Matches, optional
        All positions, the mean of each span text taken out; None where the texts are unknown.
    """

    whole: Matches
    smaller: list[Matches]
    residual: Matches | None = None

    def calibrate_at(self, k: int) -> Calibration | None:
        """Return the calibration at one of the further k; None without a null."""
        nulls = self.whole.null_at_k[k]
        return calibrate(self.whole.at_k[k][2], nulls) if nulls else None


def compare(
    sources: Sources,
    copies: Sources,
    plan: Measurement,
    sweep: bool = False,
    step: Callable[[str], None] = lambda title: None,
    draws_of_null: Callable[[Null, int, list[Any], Callable[[], list[Matches]]], list[Matches]] = lambda *draw: draw[
        -1
    ](),
) -> ModelComparison:
    """Match two models at every k and data size, with their nulls.

    Parameters
    ----------
    sources : two ActivationSource
        The models; nulls that change both are made of them.
    copies : two ActivationSource
        The same activations as `on_disk` copies them.
    plan : Measurement
        Draws, k, data sizes, engine.
    sweep : bool
        Whether fewer positions are matched too.
    step : callable
        Called with the title of each step.
    draws_of_null : callable
        Called with a null that changes both models, the draw's number, all else that decides it, and the function that
        makes it; returns the draw (see `shared`).
    """
    exact = plan.engine in ("auto", "exact")
    options: dict[str, Any] = {"seed": plan.seed, "engine": plan.engine, "device": plan.device, "quiet": True}
    further = plan.partners if exact else ()
    random_access = all(isinstance(source, RandomAccess) for source in copies)
    numbers = sizes(copies[0].positions, plan.data_sizes)[:-1] if sweep and random_access else []
    kinds = draws_of(plan.nulls)
    shared, reasons = drawable({null.name: draws for null, draws in kinds.items() if not null.fresh}, *copies)
    for reason in reasons:
        say(f"not drawn: {reason}")
    step("matching")
    whole = match(*copies, also_k=further, nulls=shared, **options)
    smaller = []
    for first in (_first(copies, number) for number in numbers):
        smaller.append(match(*first, nulls=drawable(shared, *first)[0], jackknife_blocks=0, **options))
    step("beyond the token")
    residual = None
    if "span" in common_labels(*copies):
        rest = Residual(copies[0]), Residual(copies[1])
        residual = match(*rest, nulls=drawable(shared, *rest)[0], jackknife_blocks=0, **options)
    for null, draws in kinds.items():
        if not null.fresh:
            continue
        null.check(*sources, draws)
        results: list[list[Matches]] = []
        for draw in range(draws):
            step(f"{null.name} null {draw + 1} of {draws}")
            more = {"nulls": {}, "jackknife_blocks": 0, **options}

            def make(null: Null = null, draw: int = draw, more: dict[str, Any] = more) -> list[Matches]:
                with distributed.shared_folder() as folder:
                    twins = on_disk(null.draw(*sources, null.entropy(plan.seed, draw)), folder)
                    every = [match(*twins, also_k=further, **more)]
                    return every + [match(*_first(twins, number), **more) for number in numbers]

            results.append(draws_of_null(null, draw, [numbers, further, more], make))
        whole, *smaller = [
            _with_null(matches, null.label, [of[i] for of in results]) for i, matches in enumerate([whole, *smaller])
        ]
    return ModelComparison(whole, smaller, residual)


def _with_null(matches: Matches, label: str, draws: list[Matches]) -> Matches:
    """Return a matching with the draws of one more null, at its own and at every further k."""
    at_k = {k: {**of, label: [one.at_k[k][2] for one in draws]} for k, of in matches.null_at_k.items()}
    nulls = {**matches.nulls, label: [one.correlation for one in draws]}
    return dataclasses.replace(matches, nulls=nulls, null_at_k=at_k)


def on_disk(sources: Sequence[ActivationSource], folder: Path, names: Sequence[str] = ("a", "b")) -> Sources:
    """Copy streams to a folder, so that each model runs once; where there is no room, return them as they are.

    A copy of that name that is whole already is used.
    """
    places = [folder / f"activations-{name}" for name in names]
    need = sum(
        4 * source.positions * len(source.layer) - bytes_on_disk(place, "float32")
        for source, place in zip(sources, places, strict=True)
        if not isinstance(source, RandomAccess)
    )
    free = shutil.disk_usage(folder).free
    if need > 0.9 * free:
        say(
            f"the activations take {need / 2**30:.1f} GiB, {folder} has {free / 2**30:.1f} GiB free: "
            "so the models run again for each measure"
        )
        return sources[0], sources[1]
    for turn, (source, place) in enumerate(zip(sources, places, strict=True)):  # shared out between processes
        if not isinstance(source, RandomAccess) and turn % distributed.size() == distributed.rank():
            spool(source, place, BLOCK)
    distributed.wait()
    copies = [
        source if isinstance(source, RandomAccess) else spool(source, place, BLOCK)
        for source, place in zip(sources, places, strict=True)
    ]
    return copies[0], copies[1]


def _first(sources: Sources, number: int) -> Sources:
    """Return the first positions of both models, which can be read at random."""
    a, b = sources
    assert isinstance(a, RandomAccess)  # else there are no smaller sizes
    assert isinstance(b, RandomAccess)
    return FirstPositions(a, number), FirstPositions(b, number)
