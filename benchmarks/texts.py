"""Documents of all lengths: memory and processor time of reading and matching the same words, cut in several ways.

The models have the shapes of all-MiniLM-L6-v2 and all-mpnet-base-v2, random weights and a tokenizer made of the text,
so that nothing is downloaded. Each matching is a process of its own, whose peak memory is then that of one text. Times
are compared with those of equal documents, which are measured first and last.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any

from rosettalaw.empirical.corpora.python_text import shipped_documents

from .timing import Ratio

TOKENS, FEW = 4_500, 200  # more than a batch has; enough to compile what is compiled
EQUAL, SHORT, PAGE = 150, 12, 480  # tokens of a document
EMPTY = 20  # documents without text for each one with some
LETTERS, ROWS = 300_000, 30_522  # of text that the tokenizer is made of; of a model's table of tokens
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
MEMORY, TIME = 4.0, 1.5  # claims: GB, and times what equal documents take
KINDS = ("reading", "matching")
LAYERS = 6, 12
MINILM: dict[str, Any] = {"hidden_size": 384, "intermediate_size": 1536}
MPNET: dict[str, Any] = {"hidden_size": 768, "intermediate_size": 3072}

# The kernel's own peak of this process; `getrusage` would count the process that started it too. Reading is only a part
# of the work, so its time is added up by itself.
WORK = """
import json, sys, time
from rosettalaw.empirical.language.source import TextSource
from rosettalaw.empirical.two_models import match_models
pooled, read = TextSource._pooled, [0.0]
def timed(*arguments):
    batches = pooled(*arguments)
    while True:
        begun = time.process_time()
        batch = next(batches, None)
        read[0] += time.process_time() - begun
        if batch is None:
            return
        yield batch
        del batch
TextSource._pooled = timed
begun = time.process_time()
matches = match_models(*sys.argv[1:3], text=sys.argv[3], null="none", contexts=0, quiet=True)
took = time.process_time() - begun
with open("/proc/self/status") as status:
    memory = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
positions = int(matches.matches.positions)
print("RUN", json.dumps({"memory": memory, "matching": took, "reading": read[0], "positions": positions}))
"""


def run(tokens: int = TOKENS) -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        where = Path(folder)
        tokenizer, words = made_tokenizer(tokens)
        models = write_models(where, tokenizer)
        measured(models, write_text(where / "few.jsonl", words[:FEW], repeat(EQUAL)))
        texts = {name: write_text(where / f"{name}.jsonl", words, sizes) for name, sizes in lengths(tokens).items()}
        runs = {name: measured(models, path) for name, path in texts.items()}
        again = measured(models, texts["equal documents"])
    return ratios(runs, again)


def lengths(tokens: int) -> dict[str, Iterator[int]]:
    """Return the tokens of one document after the other, for each way to cut a text; 0 is a document without any."""
    return {
        "equal documents": repeat(EQUAL),
        "short documents": repeat(SHORT),
        "short documents with pages among them": cycle([PAGE, *[SHORT] * 20]),
        "short documents with one page": chain([SHORT] * 20, [PAGE], repeat(SHORT)),
        "one document": repeat(tokens),
        "mostly empty documents": cycle([EQUAL, *[0] * EMPTY]),
    }


def write_text(path: Path, words: Sequence[tuple[str, int]], sizes: Iterator[int]) -> Path:
    """Write words, each with its number of tokens, as documents of at least so many tokens each; return the path."""
    documents, rest = [], iter(words)
    for size in sizes:
        document, filled = [], 0
        while filled < size and (word := next(rest, None)) is not None:
            document.append(word[0])
            filled += word[1]
        if size and not document:
            break
        documents.append(json.dumps({"text": " ".join(document)}))
    path.write_text("\n".join(documents) + "\n", encoding="utf-8")
    return path


def made_tokenizer(tokens: int) -> tuple[Any, list[tuple[str, int]]]:
    """Return a tokenizer like that of both models, made of Python's own text, and words of this text.

    Returns
    -------
    tokenizer : PreTrainedTokenizerFast
        Word pieces, with one token before each text and one behind. As in BERT's, some entries are unused.
    words : list of (str, int)
        Words of at most `SHORT` tokens, and the tokens of each; `tokens` altogether or a few more.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    text, size = [], 0
    for document in shipped_documents():
        text.append(document.text)
        size += len(document.text)
        if size > LETTERS:
            break
    pieces = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    pieces.normalizer, pieces.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    pieces.train_from_iterator(text, trainers.WordPieceTrainer(vocab_size=ROWS // 2, special_tokens=SPECIAL))
    vocabulary = pieces.get_vocab()
    vocabulary |= {f"[unused{number}]": number for number in range(len(vocabulary), ROWS)}
    pieces.model = models.WordPiece(vocabulary, unk_token="[UNK]")
    pieces.post_processor = processors.BertProcessing(
        ("[SEP]", SPECIAL.index("[SEP]")), ("[CLS]", SPECIAL.index("[CLS]"))
    )
    words, number = [], 0
    for word in " ".join(text).split():
        length = len(pieces.encode(word, add_special_tokens=False))
        if 0 < length <= SHORT:
            words.append((word, length))
            number += length
        if number >= tokens:
            break
    return PreTrainedTokenizerFast(tokenizer_object=pieces, pad_token="[PAD]", unk_token="[UNK]"), words


def write_models(folder: Path, tokenizer: Any, layers: Sequence[int] = LAYERS) -> list[str]:
    """Write both models with random weights and the same tokenizer; return their folders."""
    import torch
    from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel

    common: dict[str, Any] = {"vocab_size": ROWS, "num_attention_heads": 12}
    torch.manual_seed(0)
    models = (
        BertModel(BertConfig(**common, **MINILM, num_hidden_layers=layers[0]), add_pooling_layer=False),
        MPNetModel(MPNetConfig(**common, **MPNET, num_hidden_layers=layers[1], max_position_embeddings=514)),
    )
    for name, model in zip("ab", models, strict=True):
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return [str(folder / name) for name in "ab"]


def measured(models: Sequence[str], text: Path) -> dict[str, float]:
    """Return peak bytes, positions and the processor's seconds of a matching, and of its reading, in a process."""
    command = [sys.executable, "-c", WORK, *models, str(text)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ.copy()).stdout
    return json.loads(next(line.split(" ", 1)[1] for line in done.splitlines() if line.startswith("RUN")))


def ratios(runs: dict[str, dict[str, float]], again: dict[str, float]) -> list[Ratio]:
    """Return the memory of each text, and the time of all but the first over that of the first, measured twice."""
    first, *further = runs
    both = {kind: (runs[first][kind] + again[kind]) / 2 for kind in KINDS}
    memory = [
        Ratio(f"peak memory in GB, {name}", one["memory"] / 1e9, MEMORY, False, f"({one['positions']} positions)")
        for name, one in runs.items()
    ]
    times = [
        Ratio(
            f"processor time of {kind}, {name} over {first}",
            runs[name][kind] / both[kind],
            TIME,
            False,
            f"({runs[name][kind]:.3g} s and {both[kind]:.3g} s)",
        )
        for name in further
        for kind in KINDS
    ]
    return [*memory, *times]
