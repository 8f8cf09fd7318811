"""Matching of two checkpoints against what it cannot do without: both models' forward passes, and the products.

The models have the shapes of all-MiniLM-L6-v2 and multilingual-e5-small, random weights and tokenizers of their own, so
that nothing is downloaded. The forward passes read the same windows, padded in the same batches, and keep nothing.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from rosettalaw.empirical.corpora.corpus import open_text
from rosettalaw.empirical.corpora.python_text import shipped_documents
from rosettalaw.empirical.language.source import TextSource, text_sources
from rosettalaw.empirical.two_models import match_models

from .timing import Ratio

TOKENS, FEW, CHARACTERS = 20_000, 600, 300_000
CASES = (
    ("auto", "none", "", 1.4),
    ("auto", "shift:3", ", three draws of a null", 2.0),
    ("screened", "none", "", 1.4),
    ("screened", "shift:3", ", three draws of a null", 2.0),
)
SHAPES = {"a": {"num_hidden_layers": 6, "vocabulary": 4_000}, "b": {"num_hidden_layers": 12, "vocabulary": 8_000}}
WIDTHS = {"hidden_size": 384, "intermediate_size": 1536, "num_attention_heads": 12}


def run() -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        where = Path(folder)
        text = write_text(where / "text.jsonl")
        models = [write_model(where / name, text, **shape) for name, shape in SHAPES.items()]
        sources = text_sources(*models, open_text(text), TOKENS)
        for engine in ("auto", "screened"):
            matched(models, text, "none", engine, FEW)  # kernels are compiled
        alone = [needed(sources)]
        times = [matched(models, text, null, engine) for engine, null, _, _ in CASES]
        alone.append(needed(sources))
    least = sum(alone) / 2
    sizes = f"{sources[0].positions} positions, N = {len(sources[0].layer)} and {len(sources[1].layer)}"
    return [
        Ratio(
            f"time of matching two checkpoints (engine {engine}{words}) over both forward passes and the products",
            took / least,
            bound,
            False,
            f"({took:.3g} s and {least:.3g} s; {sizes})",
        )
        for took, (engine, _, words, bound) in zip(times, CASES, strict=True)
    ]


def write_text(path: Path) -> Path:
    """Write documents of the Python language reference and standard library."""
    lines, size = [], 0
    for document in shipped_documents():
        lines.append(json.dumps({"text": document.text[:4000]}))
        size += len(lines[-1])
        if size > CHARACTERS:
            break
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_model(folder: Path, text: Path, num_hidden_layers: int, vocabulary: int) -> str:
    """Write an encoder with random weights, and a tokenizer made from the text; return the folder."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<pad>"]
    )
    tokenizer.train_from_iterator(_documents(text), trainer)
    folder.mkdir()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(folder)
    torch.manual_seed(num_hidden_layers)
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), num_hidden_layers=num_hidden_layers, **WIDTHS)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return str(folder)


def needed(sources: tuple[TextSource, TextSource]) -> float:
    """Return the seconds of both models' forward passes, and of the products of their neurons."""
    return sum(map(forward, sources)) + products(*sources)


def forward(source: TextSource) -> float:
    """Return the seconds of a model's forward passes over the windows, in the batches of a measurement."""
    inputs = list(source.inputs())
    begun = time.perf_counter()
    with torch.inference_mode():
        for one in inputs:
            source.model(**one)
    return time.perf_counter() - begun


def products(a: TextSource, b: TextSource, block: int = 2048) -> float:
    """Return the seconds of the products of all neurons at all positions, from those of a few blocks."""
    sides = [torch.randn(block, len(source.layer)) for source in (a, b)]
    out = torch.zeros(sides[0].shape[1], sides[1].shape[1])
    out.addmm_(sides[0].T, sides[1])
    begun = time.perf_counter()
    for _ in range(3):
        out.addmm_(sides[0].T, sides[1])
    return (time.perf_counter() - begun) / 3 * a.positions / block


def matched(models: list[str], text: Path, null: str, engine: str, tokens: int = TOKENS) -> float:
    """Return the seconds of a matching, from folders and a file of text to counts and pairs."""
    begun = time.perf_counter()
    match_models(*models, text=text, tokens=tokens, null=null, engine=engine, contexts=0, quiet=True)
    return time.perf_counter() - begun


def _documents(text: Path) -> Iterator[str]:
    with text.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]
