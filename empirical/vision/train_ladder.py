"""Ladders of vision models that can be trained anywhere: sizes, pairings, and all models trained side by side.

A pairing says which two objectives are matched, and what a claim about it means. Two seeds of one objective are not two
families: they show what can be matched at all. Seeds s of both sides are paired; those of one objective in a ring.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...cache import cache_folder
from ...console import say
from ...errors import InputError, UnknownNameError, require, require_extra
from ..checkpoints.provenance import say_damaged
from ..config import require_distinct, require_name
from ..nulls import draws_of
from ..worker_pool import Report, run_jobs
from .families.objectives import OBJECTIVES
from .families.photographs import Photographs
from .families.training import Job, Recipe, train

LARGEST_WIDTH = 1 << 15
RANGES = {"images": (2, 10_000_000), "permutations": (0, 1000), "untrained": (0, 1000), "seed": (0, 1 << 62)}


@dataclass(frozen=True)
class Pairing:
    """Two objectives whose networks are matched."""

    a: str
    b: str

    def __post_init__(self):
        for objective in (self.a, self.b):
            if objective not in OBJECTIVES:
                raise UnknownNameError("objective", objective, OBJECTIVES)

    @property
    def name(self) -> str:
        """Name in files and tables."""
        return f"{self.a}-{self.b}" if self.a != self.b else f"{self.a}-seeds"

    @property
    def title(self) -> str:
        """Title for readers."""
        if self.a == self.b:
            return f"{self.a} × {self.b} (two seeds of one objective)"
        return f"{self.a} × {self.b} ({OBJECTIVES[self.a].family} × {OBJECTIVES[self.b].family})"

    def seeds(self, seeds: tuple[int, ...]) -> list[tuple[int, int]]:
        """Return the pairs of seeds that are matched, one for each seed."""
        return list(zip(seeds, seeds[1:] + seeds[:1] if self.a == self.b else seeds, strict=True))


@dataclass(frozen=True)
class VisionLadder:
    """Widths, training and measurement.

    Attributes
    ----------
    widths : tuple of int
        Residual widths, one per rung; N = layers · 4 · width.
    recipe : Recipe
        How every model learns; its seeds are the repeats of every rung.
    pairings : tuple of Pairing
        The pairings to match.
    images : int
        Crops to measure on, 16 positions each.
    permutations, untrained, documents : int
        Draws of each null; untrained networks for each seed. The untrained null decides ρ* here, which a few draws
        leave to chance. The documents are the photographs.
    seed : int
        Seed of the measurement.
    """

    name: str = "vision"
    widths: tuple[int, ...] = (16, 24, 32, 48)
    recipe: Recipe = field(default_factory=Recipe)
    pairings: tuple[Pairing, ...] = (
        Pairing("denoising", "supervised"),
        Pairing("denoising", "contrastive"),
        Pairing("denoising", "denoising"),
    )
    images: int = 600
    permutations: int = 3
    untrained: int = 20
    documents: int = 3
    seed: int = 0

    def __post_init__(self):
        require_name("name", self.name)
        whole = all(isinstance(width, int) and 2 <= width <= LARGEST_WIDTH for width in self.widths)
        distinct = 0 < len(self.widths) == len(set(self.widths))
        rule = f"must be distinct whole numbers from 2 to {LARGEST_WIDTH:,}"
        require(whole and distinct, "widths", self.widths, rule, "widths=(16, 24, 32, 48)")
        for name, (least, most) in RANGES.items():
            value, rule = getattr(self, name), f"must be a whole number from {least} to {most:,}"
            require(isinstance(value, int) and least <= value <= most, name, value, rule, f"{name}={least + 3}")
        require(self.pairings, "pairings", (), "a ladder needs at least one comparison", "pairings=(Pairing(…, …),)")
        require_distinct("pairing", (pairing.name for pairing in self.pairings))
        if len(self.recipe.seeds) < 3:
            rule = "a rung needs at least three, so that a claim does not rest on one pair"
            raise InputError("seeds", self.recipe.seeds, rule, "seeds=(0, 1, 2)")

    @property
    def nulls(self) -> dict[str, int]:
        """Draws of each kind of null, as `rosettalaw.empirical.matching.match` takes them."""
        return {"permute": self.permutations, "untrained": self.untrained, "documents": self.documents}

    @property
    def shared_nulls(self) -> dict[str, int]:
        """Draws of the nulls that leave the first network as it is."""
        return {null.name: draws for null, draws in draws_of(self.nulls).items() if not null.fresh}

    @property
    def objectives(self) -> list[str]:
        """Objectives that some pairing needs, in order."""
        return list(dict.fromkeys(objective for pairing in self.pairings for objective in (pairing.a, pairing.b)))


@dataclass(frozen=True)
class TrainedVision:
    """The checkpoints of a ladder and the photographs they come from."""

    ladder: VisionLadder
    photographs: Photographs
    jobs: dict[tuple[str, int], Job]

    def folder(self, objective: str, width: int, seed: int) -> Path:
        """Return the checkpoint of one model."""
        return self.jobs[objective, width].folder(seed)


def train_ladder(
    ladder: VisionLadder,
    photographs: Photographs,
    cache: str | Path | None = None,
    workers: int | None = None,
    quiet: bool = False,
) -> TrainedVision:
    """Train every model of a ladder that the cache does not hold.

    Parameters
    ----------
    ladder : VisionLadder
        What to train.
    photographs : Photographs
        What to train on: their left three quarters.
    cache : path, optional
        Folder of the checkpoints; by default `rosettalaw.cache.cache_folder`.
    workers : int, optional
        Jobs run at once, one thread each; by default one for each CPU. The weights do not depend on it.

    Raises
    ------
    RosettaError
        If the cache cannot be written, or a process dies.
    """
    require_extra("torch", "transformers")
    root = cache_folder(cache) / ladder.name / photographs.sha256[:12]
    say(f"models: {root}")
    jobs = {
        (objective, width): Job(objective, width, recipe=ladder.recipe, images_sha256=photographs.sha256, root=root)
        for objective in ladder.objectives
        for width in ladder.widths
    }
    missing = sorted((job for job in jobs.values() if not job.finished), key=lambda job: -job.cost)
    if missing:
        say_damaged(job.home for job in missing)
        run_jobs(
            _train,
            missing,
            title=f"training {sum(len(job.recipe.seeds) for job in missing)} vision models",
            costs=[job.cost for job in missing],
            message=_message,
            shared=(photographs,),
            workers=workers,
            quiet=quiet,
        )
    return TrainedVision(ladder, photographs, jobs)


def _train(job: Job, report: Report, photographs: Photographs) -> np.ndarray:
    """Train one job in a worker process."""
    from ..checkpoints.hub import quiet_transformers

    with quiet_transformers():
        return train(job, photographs.crops("train"), lambda step: report(step / job.recipe.steps))


def _message(job: Job, losses: np.ndarray) -> str:
    return f"  {job.objective}, {job.neurons} neurons: loss {', '.join(f'{loss:.3f}' for loss in losses)}"
