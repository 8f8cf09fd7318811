"""Activations of one model's neurons over whole documents: the mean activation scores them, the peak finds contexts.

For document d with tokens ``t = 1 … T_d`` and neuron u,

    mean(d, u) = 1/T_d · Σ_t a_u(d, t),        peak(d, u) = max_t a_u(d, t).

A document that is longer than the model's context is read in windows that tile it. Special tokens frame each window;
they carry no text and enter neither mean nor peak.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ...errors import RosettaError
from ..checkpoints import architectures, hub
from ..checkpoints.capturing import captured
from ..corpora.corpus import Document
from ..language.encoder_decoder import decoder_inputs, decoder_layers
from ..language.opening import special_tokens
from ..language.padding import MIXING, by_window
from ..language.reading import context_of
from ..language.tokenization import token_ids

DOCUMENTS_AT_ONCE = 64
TOKENS_AT_ONCE = 4096


@dataclass(frozen=True)
class Reading:
    """A batch of documents as one model reads them.

    Attributes
    ----------
    tokens : ndarray of int, shape (documents,)
        Length of each document.
    mean, peak : ndarray of float32, shape (documents, neurons)
        Mean and greatest activation over each document's tokens.
    """

    tokens: np.ndarray
    mean: np.ndarray
    peak: np.ndarray


class DocumentReader(Protocol):
    """A model that reads documents.

    Attributes
    ----------
    name : str
        What messages call it.
    layer, unit : ndarray of int, shape (neurons,)
        Layer of each neuron and its index within it; neurons count over all layers in order.
    """

    name: str
    layer: np.ndarray
    unit: np.ndarray

    def read(self, documents: Sequence[Document], neurons: np.ndarray) -> Iterator[Reading]:
        """Yield the activations of some neurons over consecutive batches of documents, in their order."""
        ...


class ModelReader:
    """A checkpoint that reads documents.

    Parameters
    ----------
    checkpoint : str or path
        Folder or hub id, with a fast tokenizer.
    pattern : str, optional
        Name of the MLP output projections, for an architecture without an entry in `architectures`.
    loading : Loading
        Where the weights go.

    Raises
    ------
    RosettaError
        If the checkpoint cannot be used.
    """

    def __init__(self, checkpoint: str | Path, pattern: str | None = None, loading: hub.Loading = hub.Loading()):
        self.name = str(checkpoint)
        config = hub.open_config(checkpoint)
        self.tokenizer = hub.open_tokenizer(checkpoint)
        self.model: Any = hub.open_model(checkpoint, config, loading=loading)
        self.device = hub.device_of(self.model)
        self._special = special_tokens(self.tokenizer)
        self._window = context_of(checkpoint, config) - sum(map(len, self._special))
        self._projections = architectures.output_projections(self.model, config.model_type, self.name, pattern)
        hub.attend_fully(self.model)
        # Of an architecture without an entry it is not known whether padding changes its values.
        self._apart = config.model_type in MIXING or config.model_type not in architectures.OUTPUT_PROJECTION
        self._decoder = decoder_layers(self.model, self._projections)
        widths = [architectures.width(projection) for projection in self._projections]
        self.layer = np.repeat(np.arange(len(widths)), widths)
        self.unit = np.concatenate([np.arange(width) for width in widths])

    def read(self, documents: Sequence[Document], neurons: np.ndarray) -> Iterator[Reading]:
        """Yield the activations of some neurons over consecutive batches of documents, in their order.

        Parameters
        ----------
        documents : sequence of Document
            Documents to read.
        neurons : ndarray of int
            Neurons to record, counted over all layers.
        """
        for first in range(0, len(documents), DOCUMENTS_AT_ONCE):
            yield self._batch(documents[first : first + DOCUMENTS_AT_ONCE], np.asarray(neurons))

    def _ids(self, documents: Sequence[Document]) -> list[np.ndarray]:
        return list(token_ids(self.tokenizer, (document.text for document in documents)))

    def _batch(self, documents: Sequence[Document], neurons: np.ndarray) -> Reading:
        ids = self._ids(documents)
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        empty = np.flatnonzero(lengths == 0)
        if len(empty):
            raise RosettaError(
                f"{documents[empty[0]].name}: has no token of {self.name}'s tokenizer; omit this document"
            )
        step = self._window
        windows = [(d, row[i : i + step]) for d, row in enumerate(ids) for i in range(0, len(row), step)]
        totals = np.zeros((len(ids), len(neurons)))
        peaks = np.full((len(ids), len(neurons)), -np.inf, dtype=np.float32)
        for some in _within(windows, TOKENS_AT_ONCE, self._apart):
            of = np.array([d for d, _ in some])
            total, peak = self._windows([row for _, row in some], neurons)
            np.add.at(totals, of, total)
            np.maximum.at(peaks, of, peak)
        if not np.isfinite(totals).all():
            bad = documents[int(np.flatnonzero(~np.isfinite(totals).all(1))[0])].name
            raise RosettaError(f"{self.name}: an activation over {bad} is not finite; the model overflows on it")
        return Reading(lengths, (totals / lengths[:, None]).astype(np.float32), peaks)

    def _windows(self, rows: list[np.ndarray], neurons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return sums and maxima of the activations over each window's text, shape (windows, neurons)."""
        import torch

        before, after = self._special
        longest = max(map(len, rows)) + len(before) + len(after)
        padded, read, text = (np.zeros((len(rows), longest), dtype=np.int64) for _ in range(3))
        for i, row in enumerate(rows):
            framed = [*before, *row, *after]
            padded[i, : len(framed)], read[i, : len(framed)] = framed, 1
            text[i, len(before) : len(before) + len(row)] = 1
        with captured(self._projections) as by_layer, torch.inference_mode():
            ids, mask = (torch.from_numpy(array).to(self.device) for array in (padded, read))
            options: dict[str, Any] = {"use_cache": False} if hasattr(self.model.config, "use_cache") else {}
            if self._decoder:
                follows = decoder_inputs(padded, read, self.model.config)
                options |= {name: torch.from_numpy(array).to(self.device) for name, array in follows.items()}
            self.model(input_ids=ids, attention_mask=mask, **options)
            blank = torch.from_numpy(text == 0).to(self.device)[:, :, None]
            total, peak = (np.empty((len(rows), len(neurons)), dtype=np.float32) for _ in range(2))
            for layer in np.unique(self.layer[neurons]):
                columns = np.flatnonzero(self.layer[neurons] == layer)
                tokens = longest + (layer in self._decoder)  # its start token is no text
                values = by_window(by_layer[layer], len(rows), tokens, self.model.config.model_type)[:, -longest:]
                units = self.unit[neurons[columns]]
                if not np.array_equal(units, np.arange(values.shape[-1])):  # a whole layer needs no copy
                    values = values[:, :, torch.from_numpy(units).to(self.device)]
                values = values.float()
                total[:, columns] = values.masked_fill(blank, 0.0).sum(1).cpu().numpy()
                peak[:, columns] = values.masked_fill(blank, -torch.inf).amax(1).cpu().numpy()
        return total, peak


def _within(
    windows: list[tuple[int, np.ndarray]], tokens: int, apart: bool = False
) -> Iterator[list[tuple[int, np.ndarray]]]:
    """Yield consecutive windows, as many as together hold at most `tokens`, at least one.

    `apart` keeps windows of different lengths apart, for a model whose values padding would change.
    """
    group: list[tuple[int, np.ndarray]] = []
    size = 0
    for window in sorted(windows, key=lambda one: len(one[1])) if apart else windows:
        if group and (size + len(window[1]) > tokens or (apart and len(window[1]) != len(group[0][1]))):
            yield group
            group, size = [], 0
        group.append(window)
        size += len(window[1])
    if group:
        yield group
