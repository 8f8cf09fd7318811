"""Continued pretraining on each selection, several times, and the perplexity of held-out target documents.

Run i of every selector has the same seed: the same first values of the adapters, the same order of draws. Its random
sample is the i-th one. Intervals are those of Student's t over the runs: they cover the seeds of training (and of
sampling), neither the choice of the neuron nor that of the documents. Differences between selectors are taken run by
run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checksums import sealed, unsealed
from ...console import progress, say
from ...errors import require
from ...results import replacing
from ..checkpoints import hub
from ..intervals import mean_interval
from ..language.reading import context_of
from . import tuning
from .sequences import likelihood, sequences, stream
from .splitting import Parts

if TYPE_CHECKING:
    from .plan import FilteringPlan

FACTS = {"perplexity", "bits", "loss", "sequences"}  # of a finished run
TRAINED = ("random", "non_rosetta", "rosetta", "oracle")


def measure_trials(
    checkpoint: str | Path,
    parts: Parts,
    plan: FilteringPlan,
    selections: Mapping[str, Sequence[np.ndarray]],
    work: Path | None = None,
    loading: hub.Loading = hub.Loading(),
    quiet: bool = False,
) -> dict[str, Any]:
    """Train adapters on each selection and measure perplexity; return variables along ``selector`` and ``run``.

    Parameters
    ----------
    checkpoint : str or path
        The model that is trained on.
    parts : Parts
        The pool that was selected from, and the test documents.
    plan : FilteringPlan
        Target, runs, context, recipe and seed.
    selections : mapping of str to sequence of ndarray of bool
        For each selector, one mask of the pool's documents, or one for each run.
    work : path, optional
        Folder where each finished run, and the state of an unfinished one, is saved.
    """
    config, tokenizer = hub.open_config(checkpoint), hub.open_tokenizer(checkpoint)
    context = plan.context or context_of(checkpoint, config)
    most = context_of(checkpoint, config, context)
    require(2 <= context <= most, "context", context, "is more than the model can read", "64")
    tests = [document for document in parts.test.documents if document.domain == plan.target]
    test = stream(tokenizer, tests)
    size = sum(len(document.text.encode("utf-8", "surrogatepass")) for document in tests)

    def one(selector: str, run: int, report: Any) -> dict[str, float]:
        model = tuning.open_causal(checkpoint, loading)
        loss, number = float("nan"), 0
        if selector != "base":
            masks = selections[selector]
            mask = masks[run] if len(masks) > 1 else masks[0]
            documents = [document for document, hit in zip(parts.pool.documents, mask, strict=True) if hit]
            rows = sequences(stream(tokenizer, documents), context)
            state = None if work is None else work / f"run-{selector}-{run}.safetensors"
            seed = int(np.random.SeedSequence([plan.seed, 0x7A1, run]).generate_state(1)[0])
            model, loss = tuning.train(model, rows, plan.recipe, seed, state, report)
            number = len(rows)
        score = likelihood(model, test, size, context)
        return {"perplexity": score.perplexity, "bits": score.bits_per_byte, "loss": loss, "sequences": number}

    todo = [("base", 0), *((selector, run) for run in range(plan.runs) for selector in TRAINED)]
    outcome: dict[tuple[str, int], dict[str, float]] = {}
    with progress(f"training on {len(todo) - 1} selections", len(todo), quiet) as bar:
        for done, (selector, run) in enumerate(todo):
            bar.update(completed=done, description=f"{selector}, run {run + 1} of {plan.runs}")
            outcome[selector, run] = _resumed(
                None if work is None else work / f"run-{selector}-{run}.json",
                lambda m=selector, r=run, d=done: one(m, r, lambda step, steps: bar.update(completed=d + step / steps)),
            )
        bar.update(completed=len(todo))
    return _variables(outcome, plan.runs)


def _variables(outcome: Mapping[tuple[str, int], Mapping[str, float]], runs: int) -> dict[str, Any]:
    """Return means, intervals and the runs themselves, along ``selector`` (base first) and ``run``."""

    def runs_of(fact: str) -> np.ndarray:
        return np.array([[outcome[selector, run][fact] for selector in TRAINED] for run in range(runs)])

    variables: dict[str, Any] = {}
    for name, fact in (("test_perplexity", "perplexity"), ("test_bits_per_byte", "bits")):
        values, base = runs_of(fact), outcome["base", 0][fact]
        behind = values - values[:, [TRAINED.index("rosetta")]]
        for which, rows in ((name, values), (f"{name}_behind", behind)):
            mean, _, high = mean_interval(rows)
            variables[which] = ("selector", np.array([base if which == name else np.nan, *mean]))
            variables[f"{which}_ci95"] = ("selector", np.array([np.nan, *(high - mean)]))
        variables[f"{name}_run"] = _runs(values)
    variables["final_training_loss"] = _runs(runs_of("loss"))
    variables["training_sequences"] = _runs(runs_of("sequences"))
    return variables


def _runs(values: np.ndarray) -> tuple[tuple[str, str], np.ndarray]:
    """Return values of shape (runs, trained selectors) along ``selector``, the base without any, and ``run``."""
    return ("selector", "run"), np.vstack([np.full(len(values), np.nan), values.T])


def _resumed(path: Path | None, compute: Any) -> dict[str, float]:
    """Return a file's contents, or compute and save them there; a damaged file is computed again."""
    if path is not None and path.is_file():
        result = _stored(path)
        if result is not None:
            return result
        say(f"{path}: damaged; measured again")
    result = compute()
    if path is not None:
        with replacing(path) as partial:
            partial.write_text(json.dumps(sealed(result)), encoding="utf-8")
    return result


def _stored(path: Path) -> dict[str, float] | None:
    """Return the numbers of a file, None where it is not what `_resumed` has saved."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    result = unsealed(result) if isinstance(result, dict) else None
    if result is None or result.keys() != FACTS:
        return None
    return result if all(type(value) in (int, float) for value in result.values()) else None
