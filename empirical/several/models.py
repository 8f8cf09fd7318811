"""Several models at the same positions, opened and checked before any work of pairs.

Checkpoints share one text, aligned for all their tokenizers, and each is read once into the cache. Activations are
taken as they are; sources that can only be streamed are copied once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, require, require_extra
from ...model_names import TRAINED_HERE
from ..activations.inputs import FILES, Labelled, is_file, open_input
from ..activations.inputs.labelled import aligned
from ..activations.source import ActivationSource, RandomAccess, labels
from ..activations.views import Copy, Without
from ..config import require_distinct, require_name
from ..matching.engine import BLOCK, not_finite
from .spools import Spools, nonce

if TYPE_CHECKING:
    from ..checkpoints.hub import Loading
    from ..language.aligned_text import AlignedText
    from ..sites import Site

MOST_MODELS, LONGEST = 16, 80
EXAMPLE = "rosettalaw match a.npy b.npy c.npy --out folder"


@dataclass(frozen=True)
class Together:
    """Models ready to be matched.

    Attributes
    ----------
    names : tuple of str
        Short names, no two alike; files are named by them.
    sources : tuple of ActivationSource
        Their activations at the same positions; all can be read at random.
    identities : tuple of str
        Hash of all that each model's activations depend on.
    own : tuple of dict
        Facts of each model alone: revision, tokenizer, tokens, names of layers.
    common : dict
        Facts of all: the text.
    text : AlignedText, optional
        The shared text; None of activations.
    """

    names: tuple[str, ...]
    sources: tuple[ActivationSource, ...]
    identities: tuple[str, ...]
    own: tuple[dict[str, Any], ...]
    common: dict[str, Any]
    text: AlignedText | None = None


def open_arrays(models: Sequence[Any], names: Sequence[str], documents: Any, spools: Spools, finite: bool) -> Together:
    """Open activations, compare their positions and read each once.

    Raises
    ------
    InputError
        If positions differ, or, with `finite`, a neuron has an impossible number; the message names the model.
    """
    opened = [one if isinstance(one, Labelled) else open_input(one, "file", documents=documents) for one in models]
    counts = Counter(one.source.positions for one in opened)
    usual = counts.most_common(1)[0][0]
    for name, one in zip(names, opened, strict=True):
        rule = f"has {one.source.positions} positions, others have {usual}; all must have the same"
        require(one.source.positions == usual, "models", name, rule, EXAMPLE)
        require(usual >= 2, "positions", usual, "a correlation needs at least 2", EXAMPLE)
    for i, one in enumerate(opened):
        for other in opened[:i]:
            aligned(other, one)
    sources, identities = [], []
    for one in opened:
        source = one.source if isinstance(one.source, RandomAccess) else Copied(one.source, spools)
        seen = _Hashed(source)
        bad = Without.columns(seen, BLOCK)
        if finite and len(bad):
            raise not_finite(source, bad)
        sources.append(source)
        identities.append(seen.digest())
    own = [{} if one.layers is None else {"layer_names": one.layers} for one in opened]
    return Together(names=tuple(names), sources=tuple(sources), identities=tuple(identities), own=tuple(own), common={})


def open_checkpoints(
    models: Sequence[Any],
    names: Sequence[str],
    corpus: Any,
    tokens: int | None,
    seed: int,
    context: int | None,
    signals: tuple[str | None, Site],
    loading: Loading,
    spools: Spools,
    finite: bool,
) -> Together:
    """Open checkpoints, align one text for all, say what their activations will take, and read each once.

    Parameters
    ----------
    signals : (str or None, Site)
        Name of the output projections of unknown architectures, and the signals that are read; of all models.

    Raises
    ------
    RosettaError
        If a checkpoint, the text or the disk does not serve; of all models before any is read, where that can be seen.
    """
    require_extra("torch", "transformers", "tokenizers", "safetensors")
    from ..language.opening import open_readers
    from ..language.source import shared_text
    from .stored import StoredModel

    checkpoints = [one if hasattr(one, "tokenizer") else str(one) for one in models]
    patterns, sites = [signals[0]] * len(checkpoints), [signals[1]] * len(checkpoints)
    readers = open_readers(checkpoints, context, patterns, loading, sites)
    neurons = [len(reader.neurons[0]) for reader in readers]  # unknown architectures are refused here
    assert all(neurons)
    text = shared_text(readers, corpus, tokens, seed)
    stored = [StoredModel(reader, text, side, spools) for side, reader in enumerate(readers)]
    missing = [one.missing for one in stored]
    spools.reserve(sum(missing), sum(need > 0 for need in missing))
    for one in stored:
        one.read(finite)
    own = [
        {"revision": one.weights.revision, "tokenizer": one.weights.tokenizer, "tokens": text.tokens[side]}
        for side, one in enumerate(stored)
    ]
    common = {"corpus": corpus.name, "corpus_sha256": corpus.sha256, "weights": loading.weights}
    common |= text.reading(tokens, context)
    common |= {} if str(signals[1]) == "mlp" else {"site_a": str(signals[1]), "site_b": str(signals[1])}
    common |= {} if signals[0] is None else {"pattern_a": signals[0], "pattern_b": signals[0]}
    identities = [_digest(one.identity()) for one in stored]
    return Together(
        names=tuple(names),
        sources=tuple(stored),
        identities=tuple(identities),
        own=tuple(own),
        common=common,
        text=text,
    )


def named(models: Sequence[Any] | Mapping[str, Any]) -> tuple[list[str], list[Any]]:
    """Return a name for each model that may be a file's, and the models.

    Names that a mapping gives must be such; others are the last part of a path or hub id, numbered where two are alike.

    Raises
    ------
    InputError
        If there are fewer than three models, too many, or a given name cannot be a file's.
    """
    every = list(models.values()) if isinstance(models, Mapping) else list(models)
    rule = f"must be 3 to {MOST_MODELS} models; two are matched by `match`"
    require(3 <= len(every) <= MOST_MODELS, "models", len(every), rule, EXAMPLE)
    if isinstance(models, Mapping):
        given = [str(name) for name in models]
        for name in given:
            require_name("models", name)
        require_distinct("models", given)
        return given, every
    names: list[str] = []
    for number, one in enumerate(every):
        name = re.sub(r"[^\w.@+ -]+", "-", _spoken(one, number)).strip("-. ")[:LONGEST] or f"model-{number + 1}"
        plain, times = name, 1
        while name.casefold() in {other.casefold() for other in names}:
            times += 1
            name = f"{plain}-{times}"
        require_name("models", name)
        names.append(name)
    return names, every


def of_one_kind(models: Sequence[Any]) -> bool:
    """Return whether all models are activations; refuse a mixture."""
    kinds = [isinstance(one, Labelled) or is_file(one) for one in models]
    if len(set(kinds)) > 1:
        odd = models[kinds.index(not kinds[0])]
        rule = f"must all be activations or all be checkpoints; files of activations end in {', '.join(FILES)}"
        raise InputError("models", str(getattr(odd, "source", odd)), rule, EXAMPLE)
    return kinds[0]


def _spoken(model: Any, number: int) -> str:
    if isinstance(model, Labelled):
        name = model.source.name
        return Path(name).stem if is_file(name) else name
    if hasattr(model, "tokenizer"):
        return str(model).partition(" (")[0]
    path = Path(str(model).rstrip("/\\"))
    own = TRAINED_HERE.fullmatch(path.name)
    if own:
        return f"{own['family']}-{own['neurons']}"
    return path.stem if is_file(str(model)) else path.name or f"model-{number + 1}"


class Copied(Copy):
    """Activations that could only be streamed, read from a copy that this run alone uses."""

    def __init__(self, source: ActivationSource, spools: Spools):
        self.name, self.positions = source.name, source.positions
        self.layer, self.unit, self._streamed = np.asarray(source.layer), np.asarray(source.unit), source
        facts = {"run": nonce()}
        spools.reserve(spools.missing(facts, self.positions, len(self.layer)), 1)
        about = {"model": self.name, "text": "activations", "positions": self.positions, "neurons": len(self.layer)}
        self._source = spools.copy(facts, self, lambda: source, about, private=True)

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return the labels of the streamed source."""
        return labels(self._streamed)


class _Hashed:
    """A source whose numbers, as they are read, make a hash of all that it is."""

    def __init__(self, source: ActivationSource):
        self.name, self.positions = source.name, source.positions
        self.layer, self.unit, self._source = np.asarray(source.layer), np.asarray(source.unit), source
        self._hash = hashlib.sha256()

    def blocks(self, size: int) -> Any:
        """Yield the source's blocks."""
        for block in self._source.blocks(size):
            self._hash.update(np.ascontiguousarray(block).data)
            yield block

    def digest(self) -> str:
        """Return the hash, once all is read."""
        document = labels(self._source).get("document")
        for array in (self.layer, self.unit, np.zeros(0) if document is None else document):
            self._hash.update(np.ascontiguousarray(array).astype("<i8").tobytes())
        return self._hash.hexdigest()


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
