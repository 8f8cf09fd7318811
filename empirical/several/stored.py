"""A model of a shared text, read from its copy on disk, as its pairs and their nulls need it.

Trained models and their untrained twins have the same copy for all pairs. A twin's random weights follow from the seed
and from the side of the pair that the model is on, as in a matching of two; a model that stands on both sides in
different pairs thus has two twins for each draw.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ... import __version__
from ..activations.views import Copy
from ..checkpoints import hub
from ..checkpoints.provenance import ModelFacts, model_facts
from ..language.aligned_text import AlignedText
from ..language.loaded import LoadedModel
from ..language.opening import TextReader
from ..language.source import TextSource, source_of
from ..matching.engine import not_finite
from .spools import Spools, nonce


class StoredModel(Copy):
    """A language model on a shared text: an `ActivationSource` that can be read at random, whose model runs once.

    Parameters
    ----------
    reader : TextReader
        The model before its weights are loaded.
    text : AlignedText
        The text that all models share.
    side : int
        Which of the text's tokenizations is this model's.
    spools : Spools
        Where copies are.
    """

    def __init__(self, reader: TextReader, text: AlignedText, side: int, spools: Spools):
        self.name, self.text, self.positions = reader.name, text, text.positions
        self.layer, self.unit = reader.neurons
        self._reader, self._side, self._spools = reader, side, spools

    @cached_property
    def weights(self) -> ModelFacts:
        """Hashes of weights and tokenizer, as results record them."""
        checkpoint = self._reader.checkpoint
        if isinstance(checkpoint, LoadedModel):
            return ModelFacts(self.name, f"in memory, SHA-256 {_digest_of(checkpoint)}", "", float("nan"))
        return model_facts(self.name)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """All that decides these activations."""
        loaded = isinstance(self._reader.checkpoint, LoadedModel)
        return {"weights": self.weights.revision, "run": nonce() if loaded else "", **self._reading}

    @property
    def missing(self) -> int:
        """Bytes that the copy will still take."""
        return self._spools.missing(self.facts, self.positions, len(self.layer))

    def read(self, finite: bool) -> None:
        """Run the model, or find its copy; with `finite`, refuse neurons that are not.

        Raises
        ------
        RosettaError
            If the weights cannot be loaded, the model fails, the disk is full or an activation is not finite.
        """
        private = isinstance(self._reader.checkpoint, LoadedModel)
        opened = self._reader, self.text, self._side
        self._source = self._spools.copy(self.facts, self, lambda: source_of(*opened), self._about, private)
        if finite:
            self._spools.require_finite(self.facts, self._source, not_finite)

    def identity(self) -> list[Any]:
        """Return the identity of these activations, the same in every run."""
        return [self.weights.revision, self._reading]

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return document and span of each position."""
        return self.text.labels

    def untrained(self, seed: int) -> StoredTwin:
        """Return the same architecture with random weights, read from a copy too."""
        return StoredTwin(self, seed)

    @cached_property
    def _reading(self) -> dict[str, Any]:
        """Tokens, configuration and precision of the reading, whatever the weights."""
        reader, digest = self._reader, hashlib.sha256()
        for window in self.text.windows:
            ids, lengths = window.ids[self._side], window.lengths[self._side]
            digest.update(np.array([len(ids), len(lengths)], dtype="<i8").tobytes())
            digest.update(ids.astype("<i8").tobytes() + lengths.astype("<i8").tobytes())
        configuration = reader.config.to_json_string(use_diff=False)
        named = [line for line in configuration.splitlines() if '"_name_or_path"' not in line]
        return {
            "windows": digest.hexdigest(),
            "special": [list(map(int, ids)) for ids in reader.special],
            "configuration": hashlib.sha256("\n".join(named).encode()).hexdigest(),
            "pattern": reader.pattern,
            "site": [str(reader.site), *reader.site.facts()],
            "precision": reader.loading.weights,
            "device": [reader.loading.device, str(reader.loading.device_map or "")],
            "versions": _versions(),
        }

    @property
    def _about(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "revision": self.weights.revision,
            "text": self.text.corpus.name,
            "text_sha256": self.text.sha256,
            "context": self._reader.context,
            "precision": self._reader.loading.weights,
            "kind": self._spools.kind,
            "positions": self.positions,
            "neurons": len(self.layer),
        }


class StoredTwin(Copy):
    """An untrained twin of a stored model, read from a copy that all pairs with the same draw share."""

    def __init__(self, model: StoredModel, seed: int):
        self.name, self.positions = f"{model.name} (untrained, seed {seed})", model.positions
        self.layer, self.unit = model.layer, model.unit
        self._facts = {"weights": ["untrained", seed], **model._reading}
        self._model = model
        reader = model._reader

        def opened() -> TextSource:
            config = copy.deepcopy(reader.config)
            loaded = isinstance(reader.checkpoint, LoadedModel)
            if not loaded:
                import torch

                config.dtype = getattr(torch, reader.loading.weights)  # as a loaded model's configuration has it
            body = hub.untrained_model(config, seed)
            device = hub.device_of(reader.model()) if loaded else reader.loading.device
            body = hub.moved(body, str(device))
            place = self.name, body, model.text, model._side, reader.pattern, reader.special
            return TextSource(*place, site=reader.site)

        about = model._about | {"model": self.name, "revision": f"untrained, seed {seed}"}
        self._source = model._spools.copy(self._facts, self, opened, about, passing=True)

    def identity(self) -> list[Any]:
        """Return the identity of these activations."""
        return [self._facts]

    def labels(self) -> Mapping[str, np.ndarray]:
        """Return document and span of each position."""
        return self._model.labels()


def _digest_of(model: LoadedModel) -> str:
    """Return the SHA-256 of all weights of a model in memory."""
    digest = hashlib.sha256()
    for name, weight in model.body.state_dict().items():
        digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
        digest.update(weight.detach().cpu().contiguous().flatten().view(_bytes()).numpy().tobytes())
    return digest.hexdigest()


def _bytes() -> Any:
    import torch

    return torch.uint8


def _versions() -> list[str]:
    from importlib.metadata import version

    return [__version__, version("torch"), version("transformers")]
