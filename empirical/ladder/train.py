"""Training all models of a ladder side by side.

A finished model is not trained again; an unfinished one resumes from its saved state. Ctrl-C saves every running model
and stops; kill -9 loses at most the last few seconds (`worker_pool`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...cache import cache_folder
from ...console import say
from ...errors import RosettaError, require, require_extra
from ..checkpoints.provenance import say_damaged
from ..corpora.corpus import Corpus, open_corpus
from ..language import tokenization
from ..language.families import Family, Ladder, Rung
from ..language.training import Job, forget_state, train
from ..matching.machine import distributed
from ..worker_pool import Report, run_jobs
from .models import ModelLadder, ModelRung


@dataclass(frozen=True)
class TrainedLadder:
    """The checkpoints of a ladder and the corpus they come from.

    Attributes
    ----------
    folders : dict of (family name, Rung, training seed) to Path
        One Hugging Face folder a model.
    held_out : Corpus
        Documents that no model and no tokenizer has seen.
    corpus_sha256 : str
        Hash of the whole corpus.
    """

    ladder: Ladder
    folders: dict[tuple[str, Rung, int], Path]
    held_out: Corpus
    corpus_sha256: str

    def models(self) -> ModelLadder:
        """Return the models to measure: at each size the families' checkpoints, the anchor first, smallest first.

        Two families with several seeds are crossed: every network of one with every network of the other, up to the
        ladder's `crossed_to`. At larger sizes, and of three or more families, the first seeds meet, the second ones,
        and so on.

        Raises
        ------
        RosettaError
            If there is one family, or three or more have unequal numbers of seeds.
        """
        rungs = sorted(self.ladder.rung, key=lambda rung: rung.neurons)
        families = [family.name for family in self.ladder.family]
        if len(families) < 2:
            raise RosettaError(f"ladder {self.ladder.name!r}: one family; a measurement compares two or more")
        seeds = [self.ladder.seeds(family) for family in self.ladder.family]
        if len(families) > 2 and len({len(of) for of in seeds}) > 1:
            raise RosettaError(
                f"ladder {self.ladder.name!r}: {len(families)} families with {[len(of) for of in seeds]} seeds; with "
                "three or more families, all need the same number of seeds"
            )
        several = max(map(len, seeds)) > 1

        def met(rung: Rung) -> list[tuple[int, ...]]:
            whole = len(families) == 2 and not 0 < self.ladder.crossed_to < rung.neurons
            return list(itertools.product(*seeds) if whole else zip(*seeds, strict=True))

        return ModelLadder(
            name=self.ladder.name,
            families=tuple(families),
            rungs=tuple(
                ModelRung(
                    tuple(str(self.folders[key]) for key in zip(families, [rung] * len(pair), pair, strict=True)),
                    label=f"N = {rung.neurons}" + (f", seeds {' and '.join(map(str, pair))}" if several else ""),
                    seeds=pair if several else (),
                )
                for rung in rungs
                for pair in met(rung)
            ),
            corpus=self.held_out,
            corpus_sha256=self.corpus_sha256,
            measurement=self.ladder.measurement,
            training_seed=self.ladder.training.seeds[0],
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
        What to train; see `rosettalaw.empirical.language.families.open_ladder`.
    family : str, optional
        Train this family alone.
    cache : path, optional
        Folder of the checkpoints; by default `rosettalaw.cache.cache_folder`.
    workers : int, optional
        Models trained at once; by default one for each CPU. The weights do not depend on it.

    Raises
    ------
    RosettaError
        If the corpus cannot be read or the cache cannot be written.
    """
    require_extra("torch", "transformers", "tokenizers", "safetensors")  # before a corpus of minutes is read
    corpus = open_corpus(ladder.corpus)
    training, held_out = corpus.split(ladder.held_out, ladder.training.split)
    root = cache_folder(cache) / ladder.name / corpus.sha256[:12]
    say(f"models: {root}")
    jobs = [
        job
        for member in ladder.family
        if family is None or member.name == family
        for job in _jobs(ladder, member, corpus, training, root)
    ]
    for job in jobs:
        if job.finished:
            forget_state(job)
    missing = sorted((job for job in jobs if not job.finished), key=lambda job: -job.cost * job.steps)
    if missing:
        say_damaged(job.folder for job in missing)
        rule = f"share out matchings; train the ladder's {len(missing)} missing models first"
        require(distributed.size() == 1, "torchrun processes", distributed.size(), rule, "rosettalaw train LADDER")
        run_jobs(
            _train,
            missing,
            title=f"training {len(missing)} models",
            costs=[job.cost * job.steps for job in missing],
            message=_message,
            workers=workers,
            quiet=quiet,
        )
    folders = {(job.family.name, job.rung, job.training.seed): job.folder for job in jobs}
    return TrainedLadder(ladder, folders, held_out, corpus.sha256)


def _jobs(ladder: Ladder, family: Family, corpus: Corpus, training: Corpus, root: Path) -> list[Job]:
    context, seed = ladder.training.context, ladder.training.tokenizer_seed
    key = f"{family.name}-v{family.vocabulary}-h{ladder.held_out:g}-s{ladder.training.split}"
    key += "" if seed is None else f"-t{seed}"
    tokenizer, tokens = tokenization.prepare(training, family.vocabulary, root / "text" / key, seed)
    number = len(np.load(tokens, mmap_mode="r", allow_pickle=False))
    require(number >= 2 * context, "corpus", corpus.name, f"has only {number} tokens to train on", "more text")
    return [
        Job(
            ladder=ladder.name,
            family=family,
            rung=rung,
            training=ladder.recipe(seed),
            corpus_sha256=corpus.sha256,
            bytes_per_token=training.size / number,
            tokenizer=tokenizer,
            tokens=tokens,
            folder=root / f"{family.name}-{rung.neurons}-{ladder.fingerprint(family, rung, seed)}",
        )
        for rung in ladder.rung
        for seed in ladder.seeds(family)
    ]


def _train(job: Job, report: Report) -> float:
    """Train one model in a worker process."""
    from ..checkpoints.hub import quiet_transformers

    with quiet_transformers():
        return train(job, lambda step: report(step / job.steps))


def _message(job: Job, bits: float) -> str:
    return f"  {job.label}: {bits:.3f} bits per byte after {job.steps} steps"
