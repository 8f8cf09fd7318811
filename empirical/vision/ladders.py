"""Ladders of vision models that can be trained anywhere: sizes, pairings, and all models trained side by side.

A pairing says which two objectives are matched, and what a claim about it means. Two seeds of one objective are not two
families: they show what can be matched at all. Seeds s of both sides are paired; those of one objective in a ring.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...cache import cache_folder
from ...console import progress, say
from ...errors import InputError, RosettaError, UnknownNameError
from .objectives import OBJECTIVES
from .photographs import Photographs
from .training import Job, Recipe, train


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
        """What files and tables call it."""
        return f"{self.a}-{self.b}" if self.a != self.b else f"{self.a}-seeds"

    @property
    def title(self) -> str:
        """What readers are told."""
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
        Residual widths, one a rung; N = layers · 4 · width.
    recipe : Recipe
        How every model learns; its seeds are the repeats of every rung.
    pairings : tuple of Pairing
        What is matched.
    images : int
        Crops to measure on, 16 positions each.
    permutations, untrained : int
        Draws of each null.
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
    untrained: int = 3
    seed: int = 0

    def __post_init__(self):
        if len(self.recipe.seeds) < 3:
            rule = "a rung needs at least three, so that a claim does not rest on one"
            raise InputError("seeds", self.recipe.seeds, rule, "seeds=(0, 1, 2)")

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
        Where checkpoints are kept; by default `rosettalaw.cache.cache_folder`.
    workers : int, optional
        Jobs run at once, one thread each; by default one a processor. The weights do not depend on it.

    Raises
    ------
    RosettaError
        If the cache cannot be written, or a process dies.
    """
    root = cache_folder(cache) / ladder.name / photographs.sha256[:12]
    say(f"models: {root}")
    jobs = {
        (objective, width): Job(objective, width, ladder.recipe, photographs.sha256, root)
        for objective in ladder.objectives
        for width in ladder.widths
    }
    missing = sorted((job for job in jobs.values() if not job.finished), key=lambda job: -job.cost)
    if missing:
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        _run(missing, photographs, min(workers or processors, len(missing)), quiet)
    return TrainedVision(ladder, photographs, jobs)


def _run(jobs: list[Job], photographs: Photographs, workers: int, quiet: bool) -> None:
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    stop: Any = context.Event()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_enter, initargs=(news, stop, photographs))
    models = sum(len(job.recipe.seeds) for job in jobs)
    try:
        futures = {pool.submit(_work, job): job for job in jobs}
        with progress(f"training {models} vision models", sum(job.cost for job in jobs), quiet) as bar:
            waiting = set(futures)
            while waiting:
                with suppress(queue.Empty):
                    bar.advance(news.get(timeout=0.2))
                for future in [future for future in waiting if future.done()]:
                    waiting.remove(future)
                    losses = ", ".join(f"{loss:.3f}" for loss in future.result())
                    if not quiet:
                        say(f"  {futures[future].objective}, {futures[future].neurons} neurons: loss {losses}")
    except BrokenProcessPool as error:
        raise RosettaError(
            "a training process died (out of memory?); finished models stay: run the same command again, "
            "with --workers 1 if memory is short"
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        news.close()
        news.join_thread()


# ---------------------------------------------------------------------------------------------------------------------
# In the worker process

_news: Any = None
_stop: Any = None
_photographs: Any = None


def _enter(news: Any, stop: Any, photographs: Photographs) -> None:
    global _news, _stop, _photographs
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and asks us to stop
    _news, _stop, _photographs = news, stop, photographs
    threading.Thread(target=_outlive_nobody, daemon=True).start()


def _outlive_nobody() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job) -> np.ndarray:
    from ..hub import quiet_transformers

    quiet_transformers()
    reported = max(1, job.recipe.steps // 20)

    def report(step: int) -> bool:
        if step % reported == 0:
            _news.put(job.cost * reported / job.recipe.steps)
        return not _stop.is_set()

    return train(job, _photographs.crops("train"), report)
