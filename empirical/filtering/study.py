"""The whole filtering study: match, choose, score, select, judge, train on, measure.

1. The text is divided by groups of documents into three parts (`splitting`).
2. On the first, two models are matched and calibrated against their nulls; among model A's neurons that belong to a
   calibrated pair, the one is chosen whose top contexts are most enriched in the target domain. The control is chosen
   by the same rule from the neurons of its layer that belong to none.
3. The second is scored by both neurons' mean activation and selected up to the token budget, beside random samples and
   the oracle, which knows the labels.
4. Adapters are trained on each selection; perplexity is measured on the target documents of the third (`perplexity`).

One neuron is one draw. How far the result depends on it is seen from the leaders: the F1 of the first neurons by that
rule among the Rosetta Neurons of that layer, and among its other neurons, an equal share of each.

Finished parts are saved in the folder of results and read back by the same command.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import __version__
from ...checksums import with_tail, without_tail
from ...console import progress, say
from ...errors import InputError
from ...removal import ours, remove
from ...results import dataset, load, replacing, save
from ..checkpoints import hub
from ..checkpoints.hub import Loading
from ..checkpoints.provenance import identity, model_facts, revisions
from ..corpora.corpus import Corpus
from ..language.tokenization import token_ids
from .choose_neuron import Choice, choose, require_calibrated, rosetta_neurons
from .document_activations import DocumentReader, ModelReader
from .perplexity import measure_trials
from .plan import FilteringPlan
from .select_documents import interval, recovery, replicate_f1, select
from .splitting import Parts, passages, split

if TYPE_CHECKING:
    import xarray as xr

SELECTORS = ("base", "random", "non_rosetta", "rosetta", "oracle")
SCORED_AT_ONCE = 4096
RANDOM_DRAWS = 20


def filter_documents(
    corpus: Corpus,
    plan: FilteringPlan,
    a: str | Path,
    b: str | Path | None = None,
    *,
    pairs: xr.Dataset | None = None,
    tuned: str | Path | None = None,
    out: Path | None = None,
    selection: Path | None = None,
    patterns: tuple[str | None, str | None] = (None, None),
    loading: Loading = Loading(),
    quiet: bool = False,
    **provenance: Any,
) -> xr.Dataset:
    """Run the study.

    Parameters
    ----------
    corpus : Corpus
        Labelled documents.
    plan : FilteringPlan
        Settings of the study.
    a : str or path
        The checkpoint whose neuron filters.
    b : str or path, optional
        The checkpoint that it is matched with; not needed with `pairs`.
    pairs : Dataset of kind "pairs", optional
        A finished matching of A with another model, made on text that is not filtered here.
    tuned : str or path, optional
        The checkpoint that is trained on; A by default.
    out : path, optional
        Folder where finished parts are saved.
    selection : path, optional
        Where to write the documents that the Rosetta Neuron selects, as ``.jsonl`` with their domains.
    patterns : pair of str, optional
        Output projections of A and B, for architectures without an entry in `architectures`.
    loading : Loading
        Where models compute, and whether pickled weights may be read.
    quiet : bool
        Show no progress.
    **provenance
        Further facts for the result.

    Returns
    -------
    xarray.Dataset
        Kind "filtering".

    Raises
    ------
    RosettaError
        If a checkpoint or the text cannot be used, or no pair is above what the nulls have.
    """
    corpus = passages(corpus, plan.passage)
    parts = split(corpus, plan.target, plan.choosing, plan.test, plan.seed)
    if pairs is None and b is None:
        raise InputError("b", None, "a second checkpoint, or a finished matching, is needed", "rosettalaw filter A B")
    if pairs is not None:
        require_calibrated(pairs)
    work = None if out is None else out / f"filtering-{_fingerprint(corpus, plan, (a, b, tuned), pairs, patterns)}"
    if pairs is None:
        pairs = _matched(parts.choosing, plan, (a, str(b)), patterns, loading, work, quiet)
    reader = ModelReader(a, patterns[0], loading)
    if not quiet:
        say(f"choosing a neuron by its top contexts in {len(parts.choosing.documents):,} documents")
    rosetta = rosetta_neurons(pairs, reader)
    choice = choose(reader, parts.choosing.documents, plan.target, rosetta, plan.contexts, plan.leaders)
    tokens, scores = score(reader, parts.pool, np.concatenate([choice.rosetta, choice.control]), work, quiet)
    variables, selections = judge(parts.pool, plan, tokens, scores, len(choice.rosetta))
    variables |= _neurons(choice, reader)
    if selection is not None:
        _write(selection, parts.pool, selections["rosetta"][0])
    if plan.runs:
        variables |= measure_trials(tuned or a, parts, plan, selections, work, loading, quiet)
    facts = {
        "model_a": str(a),
        "model_b": str(b) if b is not None else pairs.attrs.get("model_b"),
        "model_trained": str(tuned or a) if plan.runs else None,
        **_revisions(a, b, tuned if plan.runs else None, pairs),
        "corpus": corpus.name,
        "corpus_sha256": corpus.sha256,
        **asdict(plan),
        "calibrated_pairs": int(pairs["calibrated_count"]),
    }
    variables |= _sizes(parts)
    return dataset("filtering", variables, {"selector": list(SELECTORS)}, **{**facts, **provenance})


def score(
    reader: DocumentReader, pool: Corpus, neurons: np.ndarray, work: Path | None = None, quiet: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Score documents by the mean activation of some neurons over their tokens.

    Parameters
    ----------
    reader : DocumentReader
        The model.
    pool : Corpus
        Documents to score.
    neurons : ndarray of int
        Counted over all layers.
    work : path, optional
        Folder where each part of the scores is saved as soon as it is complete, and read back from.

    Returns
    -------
    tokens : ndarray of int, shape (documents,)
        Length of each document.
    scores : ndarray of float32, shape (documents, neurons)
        Mean activations.
    """
    parts = []
    with progress(f"scoring {len(pool.documents):,} documents", len(pool.documents), quiet) as bar:
        for first in range(0, len(pool.documents), SCORED_AT_ONCE):
            path = None if work is None else work / f"scores-{first // SCORED_AT_ONCE:05d}.npy"
            documents = pool.documents[first : first + SCORED_AT_ONCE]
            saved = None if path is None else _saved_scores(path, (len(documents), 1 + len(neurons)))
            if saved is not None:
                parts.append(saved)
                bar.advance(len(documents))
                continue
            rows = []
            for reading in reader.read(documents, neurons):
                rows.append(np.column_stack([reading.tokens, reading.mean]))
                bar.advance(len(reading.tokens))
            parts.append(np.concatenate(rows))
            if path is not None:
                whole = io.BytesIO()
                np.save(whole, parts[-1], allow_pickle=False)
                with replacing(path) as partial:
                    partial.write_bytes(with_tail(whole.getvalue()))
    table = np.concatenate(parts)
    return table[:, 0].astype(np.int64), table[:, 1:].astype(np.float32)


def _saved_scores(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the scores of a file, None where there are none or the file is damaged."""
    if not path.is_file():
        return None
    try:
        scores = np.load(io.BytesIO(without_tail(path.read_bytes())), allow_pickle=False)
        if isinstance(scores, np.ndarray) and scores.shape == shape and scores.dtype.kind == "f":
            return scores
    except Exception as error:  # NumPy parses a head of text
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
            raise
    say(f"{path}: damaged; scored again")
    return None


def judge(
    pool: Corpus, plan: FilteringPlan, tokens: np.ndarray, scores: np.ndarray, rosetta: int
) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
    """Select by each selector and compare with the labels.

    Parameters
    ----------
    pool : Corpus
        The documents that were scored.
    plan : FilteringPlan
        Target, budget and seed.
    tokens, scores : ndarray
        Of `score`: the Rosetta leaders first, then those of the control.
    rosetta : int
        How many of the scored neurons are Rosetta Neurons.

    Returns
    -------
    variables : dict
        For the Dataset, along ``selector``, ``leader`` and ``document``.
    selections : dict of str to list of ndarray of bool
        What each selector selects: one mask, or one for each random draw.
    """
    target = np.array([document.domain == plan.target for document in pool.documents])
    names = [document.group or document.name for document in pool.documents]
    groups = np.unique(names, return_inverse=True)[1]
    budget = float(tokens[target].sum() if plan.budget is None else plan.budget)
    generator = np.random.default_rng(np.random.SeedSequence([plan.seed, 0x5A]))
    selections = {
        "random": [select(generator.random(len(tokens)), tokens, budget) for _ in range(max(RANDOM_DRAWS, plan.runs))],
        "non_rosetta": [select(scores[:, rosetta], tokens, budget)],
        "rosetta": [select(scores[:, 0], tokens, budget)],
        # Given another budget, the oracle too takes target documents first, up to it.
        "oracle": [select(target, tokens, budget)],
    }
    by_selector = {"random": None, "non_rosetta": scores[:, rosetta], "rosetta": scores[:, 0], "oracle": target}
    replicates = replicate_f1(list(by_selector.values()), tokens, target, groups, plan.budget, plan.seed)
    recoveries = {name: [recovery(mask, target, tokens) for mask in masks] for name, masks in selections.items()}
    variables: dict[str, Any] = {}
    for name in ("precision", "recall", "f1", "f1_tokens"):
        variables[f"filter_{name}"] = _along_selectors(
            [float(np.mean([getattr(one, name) for one in recoveries[selector]])) for selector in by_selector]
        )
    f1, place = variables["filter_f1"][1], list(by_selector).index("rosetta")
    variables["f1_behind"] = ("selector", f1[SELECTORS.index("rosetta")] - f1)
    for name, values in (("filter_f1", replicates), ("f1_behind", replicates[place] - replicates)):
        low, high = interval(values).T
        variables |= {f"{name}_low": _along_selectors(low), f"{name}_high": _along_selectors(high)}
    for name, size in (("selected_documents", np.ones_like(tokens)), ("selected_tokens", tokens)):
        variables[name] = _along_selectors([np.mean([size[mask].sum() for mask in selections[m]]) for m in by_selector])
    variables |= {
        "document": ("document", np.array([document.name for document in pool.documents], dtype=object)),
        "document_domain": ("document", np.array([document.domain for document in pool.documents], dtype=object)),
        "document_tokens": ("document", tokens),
        "score_rosetta": ("document", scores[:, 0]),
        "score_non_rosetta": ("document", scores[:, rosetta]),
        "token_budget": budget,
        "leader_f1": (
            "leader",
            np.array([recovery(select(column, tokens, budget), target, tokens).f1 for column in scores.T]),
        ),
    }
    return variables, selections


def _revisions(a: str | Path, b: str | Path | None, tuned: str | Path | None, pairs: xr.Dataset) -> dict[str, Any]:
    """Return weights and tokenizers of every model that took part, of B as the matching knows it if it is not given."""
    known = {f"{word}_b": pairs.attrs.get(f"{word}_b") for word in ("revision", "tokenizer")}
    for side, checkpoint in (("a", a), ("b", b), ("trained", tuned)):
        if checkpoint is not None:
            facts = model_facts(str(checkpoint))
            known |= {f"revision_{side}": facts.revision, f"tokenizer_{side}": facts.tokenizer}
    return known


def _matched(
    corpus: Corpus,
    plan: FilteringPlan,
    checkpoints: tuple[str | Path, str | Path],
    patterns: tuple[str | None, str | None],
    loading: Loading,
    work: Path | None,
    quiet: bool,
) -> xr.Dataset:
    """Match the two models on the documents to choose on, or read the finished matching back."""
    path = None if work is None else work / "pairs.nc"
    unfinished = None if path is None else path.with_name("pairs.unfinished")
    if path is not None and unfinished is not None and path.is_file():
        if ours(unfinished):  # of a run killed between the result and its clean end
            remove(unfinished)
        return load(path, "pairs")
    from ..language.source import text_sources
    from ..matching import match

    available = _tokens(hub.open_tokenizer(checkpoints[0]), corpus, plan.match_tokens)
    sources = text_sources(*checkpoints, corpus, available, plan.seed, patterns, loading)
    matches = match(*sources, nulls=plan.nulls, seed=plan.seed, folder=unfinished, quiet=quiet)
    facts = {"corpus": corpus.name, "corpus_sha256": corpus.sha256, **sources[0].text.facts(), "tokens": available}
    facts |= revisions(sources)
    result = matches.to_dataset(matches.calibrate(), **facts)
    if path is not None and unfinished is not None:
        save(result, path)
        remove(unfinished)
    return result


def _tokens(tokenizer: Any, corpus: Corpus, wanted: int) -> int:
    """Return how many tokens can be asked for: `wanted`, or what the documents hold.

    Of that 98%, as stretches that two tokenizers cannot share are left out.
    """
    number = 0
    for row in token_ids(tokenizer, (document.text for document in corpus.documents)):
        number += len(row)
        if 0.98 * number >= wanted:
            return wanted
    return int(0.98 * number)


def _write(path: Path, pool: Corpus, selected: np.ndarray) -> None:
    """Write selected documents, one object per line, as `rosettalaw.empirical.corpora.corpus` reads them."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for document, is_selected in zip(pool.documents, selected, strict=True):
            if is_selected:
                record = {"text": document.text, "meta": {"pile_set_name": document.domain, "name": document.name}}
                file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _neurons(choice: Choice, reader: DocumentReader) -> dict[str, Any]:
    """Return who the leaders are, the chosen neurons first of their populations."""
    leaders = np.concatenate([choice.rosetta, choice.control])
    places = np.searchsorted(choice.ranking.neurons, leaders)
    return {
        "leader_rosetta": ("leader", np.arange(len(leaders)) < len(choice.rosetta)),
        "leader_pool": ("leader", np.repeat(choice.pools, [len(choice.rosetta), len(choice.control)])),
        "leader_layer": ("leader", reader.layer[leaders]),
        "leader_unit": ("leader", reader.unit[leaders]),
        "leader_hits": ("leader", choice.ranking.hits[0, places]),
        "leader_enrichment": ("leader", choice.ranking.enrichment[places]),
    }


def _sizes(parts: Parts) -> dict[str, Any]:
    """Return the documents of each domain in each part."""
    domains = sorted({document.domain for part in vars(parts).values() for document in part.documents})
    counts = [
        [sum(document.domain == domain for document in part.documents) for domain in domains]
        for part in vars(parts).values()
    ]
    return {
        "part_documents": (("part", "part_domain"), np.array(counts)),
        "part": ("part", np.array(list(vars(parts)), dtype=object)),
        "part_domain": ("part_domain", np.array(domains, dtype=object)),
    }


def _along_selectors(values: Any) -> tuple[str, np.ndarray]:
    """Return values of all selectors but the base, which selects nothing."""
    return "selector", np.concatenate([[np.nan], np.asarray(values, dtype=float)])


def _fingerprint(
    corpus: Corpus,
    plan: FilteringPlan,
    checkpoints: tuple[Any, ...],
    pairs: xr.Dataset | None,
    patterns: tuple[Any, Any],
) -> str:
    """Return a hash of all that decides the outcome, so that only work of this very study is read back."""
    facts: list[Any] = [corpus.sha256, asdict(plan), patterns, __version__]
    facts += [identity(str(checkpoint)) for checkpoint in checkpoints if checkpoint is not None]
    if pairs is not None:
        facts.append([pairs["unit_a"].values.tolist(), pairs["correlation"].values.tolist(), float(pairs["threshold"])])
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:10]
