"""Language models as activation sources: the same text through two or more models, pooled over shared spans.

1. Windows that fit all contexts are drawn at random from all documents until the token budget is met (`drawing`);
   the boundaries that the tokenizers share cut them into spans (`alignment`).
2. Each model runs over the windows; a neuron is a coordinate of the input of an MLP's output projection; its
   activations are averaged over the tokens of each span (arXiv 2606.03990, section 3.1 and appendix B).
3. Each model is then an `ActivationSource`: spans × neurons, in blocks, as often as it is read.

An untrained twin (`TextSource.untrained`) reads the same windows with random weights: the null of section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import RosettaError
from ..checkpoints import hub
from ..checkpoints.architectures import OUTPUT_PROJECTION, ModelParts
from ..checkpoints.capturing import captured, clear
from ..checkpoints.provenance import identity
from ..corpora.corpus import Corpus, StoredText
from ..sites import MlpNeurons, Site
from .aligned_text import AlignedText, align_text
from .alignment import Window
from .encoder_decoder import decoder_inputs, decoder_layers, started
from .last_text import once
from .loaded import LoadedModel
from .opening import TextReader, open_readers
from .padding import MIXING, OWN, by_window, padding_is_left_out
from .span_means import SpanMeans

TOKENS_A_BATCH = 4096


class TextSource:
    """One language model reading aligned text: an `ActivationSource` of spans × neurons.

    Parameters
    ----------
    name : str
        Name of the model in messages.
    model : torch.nn.Module
        The model without its head.
    text : AlignedText
        The shared windows.
    side : int
        Which of the text's tokenizations is this model's.
    pattern : str, optional
        Name of the output projections, for an architecture without an entry in `architectures`.
    special : pair of lists of int
        Special tokens that frame every window. They carry no text: the model reads them, no span holds them.
    facts : list, optional
        Facts that distinguish the weights from others, where the name is not a checkpoint's.
    site : Site
        The signals that are read; the MLPs' neurons by default.
    again : callable, optional
        Opens the same model again. With it the weights may be given up between two readings (`release`).
    """

    def __init__(
        self,
        name: str,
        model: Any,
        text: AlignedText,
        side: int,
        pattern: str | None = None,
        special: tuple[list[int], list[int]] = ([], []),
        facts: list[Any] | None = None,
        site: Site = MlpNeurons(),
        again: Callable[[], Any] | None = None,
    ):
        self.name, self.text, self.side, self.site = name, text, side, site
        self._pattern, self._special, self.facts, self._again = pattern, special, facts, again
        self._widths = self._take(model)
        self.layer = np.repeat(site.layers(self._projections), self._widths)
        self.unit = np.concatenate([np.arange(width) for width in self._widths])
        self.positions = text.positions
        self._padded_together: bool | None = None  # tried before the first reading
        # A decoder need not keep keys and values; an encoder does not know the option.
        self._options = {"use_cache": False} if getattr(model.config, "use_cache", None) is not None else {}

    def _take(self, model: Any) -> list[int]:
        """Take a model whose weights are in memory, and return the width of each module that is read."""
        self.model, self._device, self._released = model, hub.device_of(model), False
        hub.attend_fully(model)
        places = ModelParts(model, model.config.model_type, self.name, self._pattern)
        self._projections = self.site.modules(places)
        self._decoder = decoder_layers(model, self._projections)
        return [self.site.width(module, places) for module in self._projections]

    def release(self) -> None:
        """Give up the weights' memory until the model is read again; a model that the caller has loaded is kept."""
        if self._again is None or self._released or getattr(self.model, "hf_device_map", None):
            return
        self.model.to("meta")  # modules and configuration stay
        self._released = True

    def _reopen(self) -> None:
        """Open the model again where its weights were given up."""
        if self._released and self._again is not None:
            self._take(self._again())

    def identity(self) -> list[Any]:
        """Return the identity of these activations: weights and their precision, size, positions, text."""
        weights = identity(self.name) if self.facts is None else self.facts
        site = [str(self.site), *self.site.facts()] if str(self.site) != "mlp" else []
        return [*weights, int(self.positions), len(self.layer), str(self.model.dtype), self.text.sha256, *site]

    def labels(self) -> dict[str, np.ndarray]:
        """Return the ``document`` of each position, and the number of its ``span``'s text among the distinct ones."""
        return self.text.labels

    @property
    def projections(self) -> list[Any]:
        """Modules that are read, layer by layer: the output projections of the MLPs, at the site of neurons."""
        self._reopen()
        return self._projections

    def untrained(self, seed: int) -> TextSource:
        """Return the same architecture with random weights, reading the same text."""
        config, device = self.model.config, self._device

        def make() -> Any:
            return hub.untrained_model(config, seed).to(device)

        return TextSource(
            f"{self.name} (untrained, seed {seed})",
            make(),
            self.text,
            self.side,
            self._pattern,
            self._special,
            site=self.site,
            again=make,
        )

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield activations of shape (spans, neurons), float32, `size` spans at a time."""
        return self.blocks_from(size, 0)

    def blocks_from(self, size: int, first: int) -> Iterator[np.ndarray]:
        """Yield the same from position `first` on, without running the model over the batches before it."""
        for block in self._blocks(size, "cpu", first):
            yield block.numpy()
            del block

    def tensors(self, size: int) -> Iterator[Any]:
        """Yield the same on the model's device."""
        return self._blocks(size, self._device)

    def _blocks(self, size: int, device: Any, first: int = 0) -> Iterator[Any]:
        """Yield blocks that share no memory with a batch: the next one is read when nothing of the last is left."""
        import torch

        rest: list[Any] = []
        rows = 0
        for pooled in self._pooled(device, first):
            taken = 0
            while rows + len(pooled) - taken >= size:
                more = pooled[taken : taken + size - rows]
                taken += len(more)
                yield torch.cat([*rest, more])
                rest, rows = [], 0
            if taken < len(pooled):
                rest.append(pooled[taken:].clone())
                rows += len(rest[-1])
            more = None
            del pooled
        if rows:
            yield torch.cat(rest)

    def _pooled(self, gathered: Any, first: int) -> Iterator[Any]:
        """Yield the pooled activations of one batch of windows after the other, from a position on, on a device.

        The batches do not depend on the position, for what a model computes depends to the last bit on its batch. Each
        layer is pooled when it was computed, so that a batch's activations are in memory once.
        """
        import torch

        self._reopen()
        self._try_padding()
        edges = np.cumsum([0, *self._widths]).tolist()
        masks: list[Any] = []
        spans: list[SpanMeans] = []
        out: list[Any] = []

        def pooled_text(value: Any, layer: int) -> bool:
            value = self.site.units(self._of_text(value, masks[layer in self._decoder])).to(gathered).float()
            spans[0].write(value, out[0][:, edges[layer] : edges[layer + 1]])
            return True

        number = 0
        with captured(self._projections, pooled_text, self.site.of) as values:
            for batch in self._batches():
                number += len(batch)
                positions = sum(window.positions for window in batch)
                if first >= positions:
                    first -= positions
                    continue
                begins = np.cumsum([0, *(window.positions for window in batch)])
                # Made outside of inference mode, which would else reach the caller.
                out[:] = [torch.empty((positions, edges[-1]), device=gathered)]
                for part in self._parts(batch):
                    chosen = [batch[index] for index in part]
                    ids, read, text = self._padded([one.ids[self.side] for one in chosen])
                    lengths = np.concatenate([one.lengths[self.side] for one in chosen])
                    rows = np.concatenate([np.arange(begins[index], begins[index + 1]) for index in part])
                    masks[:] = torch.from_numpy(text), torch.from_numpy(started(text, False))
                    spans[:] = [SpanMeans(rows, lengths, gathered)]
                    self._run(ids, read, values, number - len(batch) + part[0])
                yield out.pop()[first:]
                first = 0

    def _of_text(self, value: Any, mask: Any) -> Any:
        """Return the values of the text's tokens, shape (tokens, width); layers may lie on different devices."""
        windows, tokens = mask.shape
        return by_window(value, windows, tokens, self.model.config.model_type)[mask.to(value.device)]

    def _run(self, ids: np.ndarray, read: np.ndarray, values: list[Any], window: int) -> None:
        """Run the model over windows, which fills `values`; `window` is the number of the first in messages."""
        import torch

        clear(values)
        with torch.inference_mode():
            try:
                self.model(**self._inputs(ids, read, self._device))
            except RosettaError as error:
                raise RosettaError(f"{self.name}: {error}") from error
            except Exception as error:  # whatever a user's model raises
                raise self._failure(error, values, window, ids.shape[1]) from error
        if None in values:
            raise self._failure(RuntimeError("it did not run"), values, window, ids.shape[1])

    def _try_padding(self) -> None:
        """Find out, once, whether windows of several lengths may be read together."""
        if self._padded_together is not None:
            return
        kind = self.model.config.model_type
        if kind in OUTPUT_PROJECTION:
            self._padded_together = kind not in MIXING
            return
        texts = [window.ids[self.side] for window in self.text.windows[:100]]
        half = str(self.model.dtype) != "torch.float32"
        self._padded_together = padding_is_left_out(self._first_of, texts, self.name, half)

    def _first_of(self, texts: list[np.ndarray]) -> list[Any]:
        """Return the first text's values, layer by layer, where a model reads some texts at once."""
        import torch

        ids, read, text = self._padded(texts)
        masks = torch.from_numpy(text), torch.from_numpy(started(text, False))

        def first(value: Any, layer: int) -> Any:
            return self._of_text(value, masks[layer in self._decoder])[: len(texts[0])].float().cpu()

        with captured(self._projections, first, self.site.of) as values:
            self._run(ids, read, values, 0)
            return list(values)

    def inputs(self) -> Iterator[dict[str, Any]]:
        """Yield the model's inputs, one batch after the other, as they are read."""
        self._try_padding()
        for batch in self._batches():
            for part in self._parts(batch):
                ids, read, _ = self._padded([batch[index].ids[self.side] for index in part])
                yield self._inputs(ids, read, self._device)

    def _padded(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the tokens of texts, which of them are read, and which are text; shape (texts, longest)."""
        before, after = self._special
        rows = [np.concatenate([before, ids, after]) for ids in texts]
        shape = len(rows), max(map(len, rows))
        ids, read = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        text = np.zeros(shape, dtype=bool)
        for i, row in enumerate(rows):
            ids[i, : len(row)], read[i, : len(row)] = row, 1
            text[i, len(before) : len(row) - len(after)] = True
        return ids, read, text

    def _inputs(self, ids: np.ndarray, read: np.ndarray, device: Any) -> dict[str, Any]:
        """Return the inputs of the model for windows of shape (windows, tokens)."""
        import torch

        inputs = {"input_ids": ids, "attention_mask": read}
        if self._decoder:
            inputs |= decoder_inputs(ids, read, self.model.config)
        return {name: torch.from_numpy(array).to(device) for name, array in inputs.items()} | self._options

    def _failure(self, error: Exception, values: list[Any], window: int, length: int) -> RosettaError:
        """Return the error of a model that could not read a window."""
        layer = sum(value is not None for value in values)
        place = f"layer {layer}" if layer < len(values) else "the end"
        lines = str(error).strip().splitlines() or [""]
        # A mistake in its call, or an input that it lacks, is there for every text.
        mistaken = isinstance(error, TypeError | AttributeError | ValueError)
        return RosettaError(
            f"{self.name}: failed before {place}, in window {window} of {len(self.text.windows)}, {length} tokens long "
            f"({type(error).__name__}: {lines[0][:160]}). "
            + (OWN if mistaken else "Try: a smaller --context, or --weights float32")
        )

    def _batches(self) -> Iterator[list[Window]]:
        """Yield runs of consecutive windows; `_parts` says how one is read."""
        batch: list[Window] = []
        tokens = 0
        for window in self.text.windows:
            if batch and tokens + len(window.ids[self.side]) > TOKENS_A_BATCH:
                yield batch
                batch, tokens = [], 0
            batch.append(window)
            tokens += len(window.ids[self.side])
        if batch:
            yield batch

    def _parts(self, batch: list[Window]) -> Iterator[list[int]]:
        """Yield the windows of a run, similar lengths together, so that padding never outweighs the text.

        A part ends where its windows, padded to the longest, would hold more than `TOKENS_A_BATCH` tokens, or where
        half of them would be padding; where padding would change the text's values, at the next length.
        """
        frame = sum(map(len, self._special))
        lengths = [len(window.ids[self.side]) + frame for window in batch]
        part: list[int] = []
        tokens = 0
        for index in sorted(range(len(batch)), key=lambda index: (lengths[index], index)):
            padded = (len(part) + 1) * lengths[index]
            apart = self._padded_together is False and bool(part) and lengths[index] != lengths[part[-1]]
            if part and (apart or padded > TOKENS_A_BATCH or padded > 2 * (tokens + lengths[index])):
                yield part
                part, tokens = [], 0
            part.append(index)
            tokens += lengths[index]
        yield part


def shared_text(
    readers: Sequence[TextReader], corpus: Corpus | StoredText, tokens: int | None, seed: int
) -> AlignedText:
    """Return a text that models read together, as it is aligned for their tokenizers.

    Raises
    ------
    RosettaError
        If the text is too short, or a model cannot read it.
    """
    tokenizers = tuple(one.tokenizer for one in readers)
    contexts = tuple(one.context for one in readers)
    facts = tokenizers, contexts, corpus.name, corpus.sha256, tokens, seed
    text = once(lambda: align_text(corpus, tokenizers, contexts, tokens, seed), *facts)
    for side, reader in enumerate(readers):
        reader.check([window.ids[side] for window in text.windows])
    return text


def source_of(reader: TextReader, text: AlignedText, side: int) -> TextSource:
    """Return one of the models of a shared text, its weights loaded."""
    place = reader.name, reader.model(), text, side, reader.pattern, reader.special, reader.facts()
    again = None if isinstance(reader.checkpoint, LoadedModel) else reader.model
    return TextSource(*place, reader.site, again)


def text_sources(
    checkpoint_a: str | Path | LoadedModel,
    checkpoint_b: str | Path | LoadedModel,
    corpus: Corpus | StoredText,
    tokens: int | None,
    seed: int = 0,
    patterns: tuple[str | None, str | None] = (None, None),
    loading: hub.Loading = hub.Loading(),
    context: int | None = None,
    sites: tuple[Site, Site] = (MlpNeurons(), MlpNeurons()),
) -> tuple[TextSource, TextSource]:
    """Open two checkpoints (folders or hub ids) and align them on a text.

    Parameters
    ----------
    checkpoint_a, checkpoint_b : str, path or LoadedModel
        Checkpoints with fast tokenizers, or models that are loaded already with theirs.
    corpus : Corpus or StoredText
        The text; see `rosettalaw.empirical.corpora.corpus.open_text`.
    tokens : int, optional
        How many tokens of model A to read: the paper's number, or the whole text if it has fewer.
    seed : int
        Random draw of the windows.
    patterns : pair of str, optional
        Names of the output projections, for architectures without an entry in `architectures`.
    loading : Loading
        Where the weights go.
    context : int, optional
        Tokens of a window, special ones included; by default what both models are made for (`reading.usable_context`).
    sites : pair of Site
        The signals of each model.

    Raises
    ------
    RosettaError
        If a checkpoint or its tokenizer cannot be used, the context is longer than a model has positions, or the text
        is too short.
    """
    a, b = open_readers((checkpoint_a, checkpoint_b), context, patterns, loading, sites)
    for reader in (a, b):
        reader.require_neurons()
    text = shared_text((a, b), corpus, tokens, seed)
    return source_of(a, text, 0), source_of(b, text, 1)
