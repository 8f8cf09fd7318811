"""Models before their weights are loaded: what a text must be like for them, and how many neurons they have.

A model is refused by its configuration, its tokenizer and the text's tokens while that costs seconds; its weights come
last, and are let go by whoever needs one model at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import RosettaError, require
from ..checkpoints import hub
from ..checkpoints.architectures import OUTPUT_PROJECTION, UNREADABLE, ModelParts
from ..sites import MlpNeurons, Site
from .loaded import LoadedModel
from .padding import OWN
from .positions import text_part
from .reading import require_known, require_table, usable_context


@dataclass(frozen=True)
class TextReader:
    """A model that is about to read a text.

    Attributes
    ----------
    checkpoint : str, path or LoadedModel
        Its folder or hub id, or the model in memory.
    config, tokenizer : object
        Its configuration and its fast tokenizer.
    special : pair of lists of int
        Special tokens that frame every window.
    context : int
        Tokens of text in a window.
    pattern : str, optional
        Name of the output projections, for an architecture without an entry in `architectures`.
    loading : Loading
        Where the weights go.
    site : Site
        The signals that are read.
    """

    checkpoint: str | Path | LoadedModel
    config: Any
    tokenizer: Any
    special: tuple[list[int], list[int]]
    context: int
    pattern: str | None = None
    loading: hub.Loading = field(default_factory=hub.Loading)
    site: Site = field(default_factory=MlpNeurons)

    @property
    def name(self) -> str:
        """Name of the model in messages and results."""
        return str(self.checkpoint)

    @cached_property
    def neurons(self) -> tuple[np.ndarray, np.ndarray]:
        """Layer and unit of each neuron; a checkpoint needs no memory for its weights to say them."""
        if isinstance(self.checkpoint, LoadedModel):
            model = self.checkpoint.body
        else:
            model = hub.empty_model(self.checkpoint, self.config)
        parts = ModelParts(model, self.config.model_type, self.name, self.pattern)
        modules = self.site.modules(parts)
        widths = [self.site.width(module, parts) for module in modules]
        return np.repeat(self.site.layers(modules), widths), np.concatenate([np.arange(width) for width in widths])

    def require_neurons(self) -> None:
        """Refuse an architecture whose signals cannot be found, before its weights are loaded.

        Raises
        ------
        RosettaError
            If there are none, or several patterns could be meant.
        """
        known = (
            self.config.model_type in OUTPUT_PROJECTION and self.pattern is None and isinstance(self.site, MlpNeurons)
        )
        if not known:
            assert len(self.neurons[0])

    def check(self, windows: Sequence[np.ndarray]) -> None:
        """Refuse a text that this model cannot read.

        Parameters
        ----------
        windows : sequence of ndarray of int
            Token numbers.

        Raises
        ------
        RosettaError
            If a token lies beyond the model's table, or the tokenizer does not know half of the text.
        """
        highest = max(int(ids.max()) for ids in windows)
        most = require_text(self.name, self.config)
        if highest >= most:
            raise RosettaError(
                f"{self.name}: its tokenizer produces token {highest}, but the model has only {most} tokens"
            )
        require_known(self.name, self.tokenizer, windows)

    def model(self) -> Any:
        """Return the model without its head, its weights loaded."""
        if isinstance(self.checkpoint, LoadedModel):
            return self.checkpoint.body
        return hub.open_model(self.checkpoint, self.config, loading=self.loading)

    def facts(self) -> list[Any] | None:
        """Return the facts that distinguish a model in memory from others; None of a checkpoint."""
        return self.checkpoint.fingerprint() if isinstance(self.checkpoint, LoadedModel) else None


def require_text(name: str, config: Any) -> int:
    """Return the number of tokens that a model knows.

    Raises
    ------
    RosettaError
        If its configuration states none: it reads images, or sounds; or if it compares texts with these; or if its
        layers have no activation for each token.
    """
    kind = getattr(config, "model_type", "")
    if kind in UNREADABLE:
        raise RosettaError(f"{name}: {kind} {UNREADABLE[kind]}. Activations of single tokens are needed. {OWN}")
    tokens = getattr(text_part(config), "vocab_size", None)
    if not isinstance(tokens, int):
        rule = f"reads no text: its configuration ({getattr(config, 'model_type', '')}) has no vocab_size"
        way = "rosettalaw match A B --images FOLDER"
        if isinstance(getattr(getattr(config, "encoder", None), "vocab_size", None), int):  # two models of text in one
            rule = f"joins two models ({config.model_type}), of which one can be read"
            way = "the encoder alone, model.encoder.save_pretrained('folder')"
        raise RosettaError(f"{name}: {rule}. Try: {way}")
    if _compares(config):
        rule = f"compares texts with images or sounds ({config.model_type}), and reads none without the other"
        raise RosettaError(f"{name}: {rule}. Try: the text model alone, model.text_model.save_pretrained('folder')")
    return tokens


def _compares(config: Any) -> bool:
    """Return whether a configuration is of two encoders in one, as CLIP's and CLAP's are, which read only together."""
    towers = [part for part in ("vision_config", "audio_config", "image_config") if hasattr(config, part)]
    if not towers or not hasattr(config, "text_config"):
        return False
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES as COMPARED,
    )

    return hasattr(config, "logit_scale_init_value") or config.model_type in COMPARED


def open_readers(
    checkpoints: Sequence[str | Path | LoadedModel],
    context: int | None = None,
    patterns: Sequence[str | None] = (),
    loading: hub.Loading = hub.Loading(),
    sites: Sequence[Site] = (),
) -> list[TextReader]:
    """Open the configurations and tokenizers of models that are to read one text.

    Parameters
    ----------
    context : int, optional
        Tokens of a window, special ones included; by default what each model is made for (`reading.usable_context`).
    patterns : sequence of str or None
        Of each model, or none at all.
    sites : sequence of Site
        The same: the signals of each model, the MLPs' neurons by default.

    Raises
    ------
    RosettaError
        If a configuration or a tokenizer cannot be used, or the context is longer than a model has positions.
    """
    configs = [one.config if isinstance(one, LoadedModel) else hub.open_config(one) for one in checkpoints]
    for checkpoint, config in zip(checkpoints, configs, strict=True):
        require_text(str(checkpoint), config)
    tokenizers = [one.tokenizer if isinstance(one, LoadedModel) else hub.open_tokenizer(one) for one in checkpoints]
    readers = []
    given = patterns or [None] * len(checkpoints)
    signals = sites or [MlpNeurons()] * len(checkpoints)
    each = zip(checkpoints, configs, tokenizers, given, signals, strict=True)
    for checkpoint, config, tokenizer, pattern, site in each:
        special = special_tokens(tokenizer)
        require_table(str(checkpoint), tokenizer, config)
        room = usable_context(checkpoint, config, tokenizer, context) - sum(map(len, special))
        rule = "leaves no room for text beside the special tokens"
        require(room > 0, "--context", context, rule, "--context 128")
        readers.append(
            TextReader(
                checkpoint=checkpoint,
                config=config,
                tokenizer=tokenizer,
                special=special,
                context=room,
                pattern=pattern,
                loading=loading,
                site=site,
            )
        )
    return readers


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the tokens that a tokenizer puts before and after every text, such as BOS, or [CLS] and [SEP]."""
    encoded = tokenizer("a", return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], np.array(encoded["special_tokens_mask"], dtype=bool)
    plain = np.flatnonzero(~special)
    if not len(plain):
        return list(ids), []
    return list(ids[: plain[0]]), list(ids[plain[-1] + 1 :])
