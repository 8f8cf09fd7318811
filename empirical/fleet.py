"""Training all models of a ladder, side by side: one process and one thread a model.

A model that is finished is not trained again; an unfinished one goes on from its saved state. Ctrl-C saves every
running model and stops; kill -9 loses at most the last few seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..cache import cache_folder
from ..console import progress, say
from ..errors import RosettaError, require
from . import tokenization
from .checkpoint_ladder import ModelLadder, ModelRung
from .corpora import Corpus, open_corpus
from .families import Family, Ladder, Rung
from .training import Job, train


@dataclass(frozen=True)
class TrainedLadder:
    """The checkpoints of a ladder and the corpus they come from.

    Attributes
    ----------
    folders : dict of (family name, Rung) to Path
        One Hugging Face folder a model.
    held_out : Corpus
        Documents that no model and no tokenizer has seen.
    corpus_sha256 : str
        Hash of the whole corpus.
    """

    ladder: Ladder
    folders: dict[tuple[str, Rung], Path]
    held_out: Corpus
    corpus_sha256: str

    def models(self) -> ModelLadder:
        """Return what is measured: at each size the families' checkpoints, the first one the anchor, smallest first."""
        rungs = sorted(self.ladder.rung, key=lambda rung: rung.neurons)
        families = [family.name for family in self.ladder.family]
        if len(families) < 2:
            raise RosettaError(f"ladder {self.ladder.name!r}: one family; a measurement compares two or more")
        return ModelLadder(
            name=self.ladder.name,
            families=tuple(families),
            rungs=tuple(
                ModelRung(tuple(str(self.folders[family, rung]) for family in families), label=f"N = {rung.neurons}")
                for rung in rungs
            ),
            corpus=self.held_out,
            corpus_sha256=self.corpus_sha256,
            measurement=self.ladder.measurement,
            training_seed=self.ladder.training.seed,
        )


def train_ladder(
    ladder: Ladder,
    *,
    family: str | None = None,
    cache: str | Path | None = None,
    workers: int | None = None,
    quiet: bool = False,
) -> TrainedLadder:
    """Train every model of a ladder that the cache does not hold.

    Parameters
    ----------
    ladder : Ladder
        What to train; see `rosettalaw.empirical.families.open_ladder`.
    family : str, optional
        Train this family alone.
    cache : path, optional
        Where checkpoints are kept; by default `rosettalaw.cache.cache_folder`.
    workers : int, optional
        Models trained at once; by default one a processor. The weights do not depend on it.

    Raises
    ------
    RosettaError
        If the corpus cannot be read or the cache cannot be written.
    """
    corpus = open_corpus(ladder.corpus)
    training, held_out = corpus.split(ladder.held_out, ladder.training.seed)
    root = cache_folder(cache) / ladder.name / corpus.sha256[:12]
    say(f"models: {root}")
    jobs = [
        job
        for member in ladder.family
        if family is None or member.name == family
        for job in _jobs(ladder, member, corpus, training, root)
    ]
    missing = sorted((job for job in jobs if not job.finished), key=lambda job: -job.cost * job.steps)
    if missing:
        _run(missing, min(workers or available_processors(), len(missing)), quiet)
    folders = {(job.family.name, job.rung): job.folder for job in jobs}
    return TrainedLadder(ladder, folders, held_out, corpus.sha256)


def available_processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _jobs(ladder: Ladder, family: Family, corpus: Corpus, training: Corpus, root: Path) -> list[Job]:
    context = ladder.training.context
    key = f"{family.name}-v{family.vocabulary}-h{ladder.held_out:g}-s{ladder.training.seed}"
    tokenizer, tokens = tokenization.prepare(training, family.vocabulary, root / "text" / key)
    number = len(np.load(tokens, mmap_mode="r", allow_pickle=False))
    require(number >= 2 * context, "corpus", corpus.name, f"holds only {number} tokens to train on", "more text")
    return [
        Job(
            ladder=ladder.name,
            family=family,
            rung=rung,
            training=ladder.training,
            corpus_sha256=corpus.sha256,
            bytes_per_token=training.size / number,
            tokenizer=tokenizer,
            tokens=tokens,
            folder=root / f"{family.name}-{rung.neurons}-{ladder.fingerprint(family, rung)}",
        )
        for rung in ladder.rung
    ]


def _run(jobs: list[Job], workers: int, quiet: bool) -> None:
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    stop: Any = context.Event()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_enter, initargs=(news, stop))
    total = sum(job.cost * job.steps for job in jobs)
    done = {job.folder: 0 for job in jobs}
    costs = {job.folder: job.cost for job in jobs}
    try:
        futures = {pool.submit(_work, job): job for job in jobs}
        with progress(f"training {len(jobs)} models", total, quiet) as bar:
            waiting = set(futures)
            while waiting:
                try:
                    folder, step = news.get(timeout=0.2)
                    bar.advance((step - done[folder]) * costs[folder])
                    done[folder] = step
                except queue.Empty:
                    pass
                for future in [future for future in waiting if future.done()]:
                    waiting.remove(future)
                    _tell(futures[future], future, quiet)
    except BrokenProcessPool as error:
        raise RosettaError(
            "a training process died (out of memory?); finished models stay: run the same command again, "
            "with --workers 1 if memory is short"
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _tell(job: Job, future: Future, quiet: bool) -> None:
    bits = future.result()
    if not quiet:
        say(f"  {job.label}: {bits:.3f} bits per byte after {job.steps} steps")


# ---------------------------------------------------------------------------------------------------------------------
# In the worker process

_news: Any = None
_stop: Any = None
_busy = threading.Event()


def _enter(news: Any, stop: Any) -> None:
    global _news, _stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and asks us to stop
    _news, _stop = news, stop
    threading.Thread(target=_outlive_nobody, daemon=True).start()


def _outlive_nobody() -> None:
    """Leave when the parent process has died; a running job sees that too, and saves first."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if not _busy.is_set():
            os._exit(1)


def _work(job: Job) -> float:
    from .hub import quiet_transformers

    quiet_transformers()
    parent = multiprocessing.parent_process()

    def report(step: int) -> bool:
        if step % 8 == 0 or step == job.steps:
            _news.put((job.folder, step))
        return not _stop.is_set() and (parent is None or parent.is_alive())

    _busy.set()
    bits = train(job, report)
    if parent is not None and not parent.is_alive():
        os._exit(1)
    _busy.clear()
    return bits
