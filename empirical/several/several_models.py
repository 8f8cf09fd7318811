"""Several models in one call: each read once, every pair matched and saved, and the neurons that recur.

    models → `models` (one text, a copy of each) → `pairs` (kind "pairs") → `recurrence` → Dataset "recurrence"

`rosettalaw match A B C` calls `match_several` with its options; arguments have their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...cache import cache_folder
from ...contents import ByContent
from ...errors import InputError, require
from ...model_names import RECURRENCE, pair_file
from ...results import dataset, require_replaceable, save
from ..activations.npy import open_npy
from ..calibration import Q_DEFAULT
from ..matching import Screening
from ..matching.cost import byte_count
from ..matching.machine import distributed
from ..pairing import CONTEXTS, PairOptions, require_models, require_reading
from ..sites import site_named
from .models import EXAMPLE, Together, named, of_one_kind, open_arrays, open_checkpoints
from .pairs import MatchedPair, check, match_pairs, path_of
from .recurrence import Families, closed_by_chance, families, partnered
from .spools import Spools

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class SeveralMatches(ByContent):
    """Several models matched pair by pair.

    Attributes
    ----------
    recurrence : Dataset of kind "recurrence"
        The neurons that recur.
    pairs : list of MatchedPair
        The result of every two models.
    runs : int
        Models that were run, untrained ones included; the others were in the cache.
    """

    recurrence: xr.Dataset
    pairs: list[MatchedPair]
    runs: int


def match_several(
    models: Sequence[Any] | Mapping[str, Any],
    *,
    text: Any = None,
    tokens: int | None = None,
    context: int | None = None,
    contexts: int = CONTEXTS,
    untrained: int | None = None,
    k: int = 1,
    absolute: bool = False,
    null: str | None = None,
    null_permutations: int | None = None,
    documents: Any = None,
    jackknife: int = 16,
    q: float = Q_DEFAULT,
    engine: str = "auto",
    buckets: int = 2048,
    candidates: int = 16,
    recall: float | None = None,
    compute: str = "float32",
    device: str = "cpu",
    site: str = "mlp",
    pattern: str = "",
    device_map: str = "",
    weights: str = "float32",
    allow_pickle_weights: bool = False,
    memory: str | int = "",
    spool: str = "float32",
    exclude_nonfinite: bool = False,
    seed: int = 0,
    out: Path | None = None,
    quiet: bool = False,
) -> SeveralMatches:
    """Match every two of three or more models, each of which is read once.

    Parameters
    ----------
    models : sequence, or mapping of str to model
        Activations or checkpoints, as `two_models.match_models` takes them; a mapping gives them names.
    out : path, optional
        Folder of the results: ``<a>--<b>.nc`` for every two models, and ``recurrence.nc``. Pairs that are finished
        there, of the same models with the same options, are not matched again.
    tokens : int, optional
        Tokens of the first model to read.
    documents : path, optional
        A ``.npy`` file with the document of each position of activations.
    site, pattern : str
        Signals of all models, and the output projections of unknown architectures.
    text, context, contexts, untrained, k, absolute, null, null_permutations, jackknife, q
        As in `two_models.match_models`, for every pair.
    engine, buckets, candidates, recall, compute, device, device_map, weights, allow_pickle_weights, memory, spool
        The same.
    exclude_nonfinite, seed, quiet
        The same.

    Returns
    -------
    SeveralMatches

    Raises
    ------
    RosettaError
        If an argument, a model, the text or the disk does not serve.
    """
    names, every = named(models)
    arrays = of_one_kind(every)
    require(distributed.size() == 1, "torchrun", distributed.size(), "several models need one process", EXAMPLE)
    pairing = PairOptions(
        k=k,
        absolute=absolute,
        null=null,
        null_permutations=null_permutations,
        untrained=untrained,
        jackknife=jackknife,
        q=q,
        contexts=contexts,
        engine=engine,
        screening=Screening(buckets, candidates, recall=recall),
        compute=compute,
        device=device,
        memory=byte_count("--memory", memory) if isinstance(memory, str) and memory else int(memory or 0) or None,
        spool=spool,
        exclude_nonfinite=exclude_nonfinite,
        seed=seed,
    )
    if out is not None:
        require_replaceable("--out", out / RECURRENCE)
        rule = f"two pairs would have the file {pair_file(*names[:2])}; give other names"
        files = {path_of(out, tuple(names), i, j) for j in range(len(names)) for i in range(j)}
        require(len(files) == len(names) * (len(names) - 1) // 2, "models", " ".join(names), rule, "rl.match_several")
    with Spools(cache_folder(), spool, quiet) as spools:
        if arrays:
            given = {"--text": text, "--tokens": tokens, "--context": context, "--device-map": device_map or None}
            given |= {"--site": site if site != "mlp" else None, "--pattern": pattern or None}
            given |= {"--allow-pickle-weights": allow_pickle_weights or None}
            given |= {"--weights": weights if weights != "float32" else None}
            for option, value in given.items():
                rule = "applies to checkpoints; activations are matched unchanged"
                shown = value if isinstance(value, str | int) else type(value).__name__
                require(value is None, option, shown, rule, EXAMPLE)
            ids = np.array(open_npy(Path(documents))) if isinstance(documents, str | Path) else documents
            together = open_arrays(every, names, ids, spools, not exclude_nonfinite)
        else:
            if documents is not None:
                rule = "applies to activations; texts have their own documents"
                raise InputError("--documents", str(documents), rule, f"{EXAMPLE} --documents ids.npy")
            from ..checkpoints.hub import Loading
            from ..corpora.corpus import PYTHON
            from ..corpora.texts import open_texts

            loading = Loading(device, device_map or None, allow_pickle_weights, weights)
            signals = pattern or None, site_named(site)
            require_reading(every, tokens, context)
            corpus = None if text is None else open_texts(text, tokens, pairing.memory)
            require_models(every)
            if corpus is None:
                corpus = open_texts(PYTHON, tokens, pairing.memory)  # which takes seconds
            reading = corpus, tokens, seed, context, signals, loading
            together = open_checkpoints(every, names, *reading, spools, not exclude_nonfinite)
        check(together, pairing, out)
        pairs = match_pairs(together, pairing, out, spools, quiet)
        result = SeveralMatches(to_dataset(together, pairs, pairing), pairs, spools.runs)
    if out is not None:
        save(result.recurrence, out / RECURRENCE)
    return result


def to_dataset(together: Together, pairs: Sequence[MatchedPair], pairing: PairOptions) -> xr.Dataset:
    """Return the neurons that recur as a Dataset of kind "recurrence"."""
    neurons = [len(source.layer) for source in together.sources]
    edges = [pair.edges() for pair in pairs]
    recurring = families(neurons, edges)
    number = len(neurons)
    with_partner = [partnered(model, neurons[model], edges) for model in range(number)]
    known = [pair.dataset for pair in pairs]
    calibrated = all("calibrated_count" in ds for ds in known)
    variables: dict[str, Any] = {
        "model_neurons": ("model", neurons),
        "partnered": ("model", [int(np.sum(one > 0)) for one in with_partner]),
        "partnered_in_all": ("model", [int(np.sum(one == number - 1)) for one in with_partner]),
        "first_model": ("comparison", [pair.first for pair in pairs]),
        "second_model": ("comparison", [pair.second for pair in pairs]),
        "raw_count": ("comparison", [int(ds["raw_count"]) for ds in known]),
        **_levels(neurons, edges, recurring),
        "family_models": ("family", recurring.models),
        "family_pairs": ("family", recurring.pairs),
        "family_closed": ("family", recurring.closed.astype(np.int8)),
        "weakest_correlation": ("family", recurring.weakest),
        "member_family": ("member", recurring.member_family),
        "member_model": ("member", recurring.member_model),
        "member_neuron": ("member", recurring.member_unit),
        "member_layer": ("member", _of_members(together, recurring, "layer")),
        "member_unit": ("member", _of_members(together, recurring, "unit")),
        "positions": together.sources[0].positions,
    }
    if calibrated:
        for name in ("calibrated_count", "calibrated_count_se", "threshold"):
            variables[name] = ("comparison", [float(ds[name]) for ds in known])
    own = {
        f"{fact}s": [facts.get(fact, "") for facts in together.own]
        for fact in ("revision", "tokenizer")
        if any(facts.get(fact) for facts in together.own)
    }
    coords = {"model": np.array(together.names, dtype=object), "shared_by": np.arange(2, number + 1)}
    facts = {"sources": [source.name for source in together.sources], "calibrated": calibrated, **own}
    facts |= {"k": pairing.k, "absolute": pairing.absolute, "q": pairing.q, "seed": pairing.seed}
    return dataset("recurrence", variables, coords, **facts, **together.common)


def _levels(neurons: Sequence[int], edges: Any, recurring: Families) -> dict[str, Any]:
    """Return how many families each number of models has, and how many of them are closed."""
    levels = range(2, len(neurons) + 1)
    chance = [np.nan if m == 2 else closed_by_chance(neurons, edges, m) for m in levels]
    return {
        "families": ("shared_by", [int(np.sum(recurring.models == m)) for m in levels]),
        "closed_families": ("shared_by", [int(np.sum(recurring.closed & (recurring.models == m))) for m in levels]),
        "closed_by_chance": ("shared_by", chance),
    }


def _of_members(together: Together, recurring: Families, fact: str) -> np.ndarray:
    values = np.zeros(len(recurring.member_unit), dtype=np.int64)
    for model, source in enumerate(together.sources):
        here = recurring.member_model == model
        values[here] = np.asarray(getattr(source, fact))[recurring.member_unit[here]]
    return values
