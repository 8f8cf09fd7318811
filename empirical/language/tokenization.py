"""Byte-level BPE tokenizers for the trained families, and their corpora as token arrays.

The tokenizer is trained on the training side of a corpus alone. Documents are joined by one end-of-text token, the
last of the vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...checksums import files_are_sound, of_files, sealed, unsealed
from ...console import say
from ...disk import marked
from ...errors import MissingFileError
from ...removal import made, remove
from ...results import disk_error, replacing
from ..checkpoints.claims import claimed
from ..corpora.corpus import Corpus
from .drawing import stretches

END = "<|endoftext|>"
SUMS = "checksums.json"  # of tokens and tokenizer, beside them
AT_ONCE = 1 << 18  # characters that a tokenizer gets at once: it takes some 500 bytes for each


def train_tokenizer(corpus: Corpus, vocabulary: int) -> Any:
    """Train a byte-level BPE of `vocabulary` tokens; returns a fast tokenizer of `transformers`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 1,  # the end-of-text token takes the last place
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((document.text for document in corpus.documents), trainer)
    # A short text has fewer merges to learn than asked for; placeholders keep the end-of-text token last.
    missing = vocabulary - 1 - tokenizer.get_vocab_size()
    tokenizer.add_tokens([f"<|unused{index}|>" for index in range(missing)])
    tokenizer.add_special_tokens([END])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END)


def token_ids(tokenizer: Any, texts: Iterable[str], whole: bool = False) -> Iterator[np.ndarray]:
    """Yield the token numbers of each text, without special tokens, in memory that does not grow with the texts.

    Parameters
    ----------
    tokenizer : object
        A fast tokenizer.
    texts : iterable of str
        Any number of them.
    whole : bool
        Tokenize long texts as they are, as trainings do; otherwise by the stretches of `drawing`.
    """
    options = {
        "add_special_tokens": False,
        "split_special_tokens": True,
        "return_attention_mask": False,
        "verbose": False,
    }
    pieces: list[tuple[str, bool]] = []  # and whether a text ends with it
    begun: list[np.ndarray] = []
    size = 0

    def tokenized() -> Iterator[np.ndarray]:
        rows = tokenizer([piece for piece, _ in pieces], **options)["input_ids"]
        for row, (_, last) in zip(rows, pieces, strict=True):
            begun.append(np.array(row, dtype=np.int32))
            if last:
                yield np.concatenate(begun)
                begun.clear()
        pieces.clear()

    for text in texts:
        places = [(0, len(text))] if whole or not text else stretches(text)
        for begin, end in places:
            if pieces and size + end - begin > AT_ONCE:
                yield from tokenized()
                size = 0
            pieces.append((text[begin:end], end == len(text)))
            size += end - begin
    if pieces:
        yield from tokenized()


def tokenize(tokenizer: Any, corpus: Corpus) -> np.ndarray:
    """Return all documents as one array of token numbers, an end-of-text token after each and nowhere else."""
    end = tokenizer.convert_tokens_to_ids(END)
    texts = (document.text for document in corpus.documents)
    return np.concatenate([np.append(row, np.int32(end)) for row in token_ids(tokenizer, texts, whole=True)])


def prepare(corpus: Corpus, vocabulary: int, folder: Path, seed: int | None = None) -> tuple[Path, Path]:
    """Train (once) a tokenizer and tokenize the corpus into `folder`; returns the two paths.

    With a seed the tokenizer is learned on a random half of the documents, without one on all of them.
    """
    tokenizer_folder, tokens = folder / "tokenizer", folder / "tokens.npy"
    with claimed(folder):
        whole = _usable(tokens) and _has_tokenizer(tokenizer_folder, vocabulary) and _sound(folder)
        if not whole:
            _prepare(corpus, vocabulary, tokenizer_folder, tokens, seed)
    return tokenizer_folder, tokens


def _usable(tokens: Path) -> bool:
    """Return whether a file has tokens; a damaged one has not, and they are made again."""
    if not tokens.exists():
        return False
    try:
        array = np.load(tokens, mmap_mode="r", allow_pickle=False)
        good = isinstance(array, np.ndarray) and array.ndim == 1 and array.dtype == np.int32 and len(array) > 0
    except Exception as error:  # NumPy parses a head of text
        if isinstance(error, OSError) and error.errno is not None:  # it was not read
            raise MissingFileError(f"{tokens}: cannot be read now ({error.strerror})") from error
        good = False
    if not good:
        say(f"{tokens}: damaged; the text is tokenized again")
    return good


def _sound(folder: Path) -> bool:
    """Return whether tokens and tokenizer are as they were written; those of an older version have no checksums."""
    try:
        record = json.loads((folder / SUMS).read_text(encoding="utf-8")) if (folder / SUMS).exists() else {}
    except (OSError, ValueError, RecursionError):
        record = None
    sums = unsealed(record) if isinstance(record, dict) else None
    good = sums is not None and files_are_sound(folder, sums)
    if not good:
        say(f"{folder}: damaged; the text is tokenized again")
    return good


def _has_tokenizer(folder: Path, vocabulary: int) -> bool:
    """Return whether a folder has a tokenizer of a size; a damaged one is learned again."""
    from tokenizers import Tokenizer

    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        size = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
        good = isinstance(settings, dict) and settings.get("eos_token") == END and size == vocabulary
    except Exception:  # the tokenizers library raises its own kinds
        good = False
    if not good:
        say(f"{folder}: damaged; the tokenizer is learned again")
    return good


def _prepare(corpus: Corpus, vocabulary: int, folder: Path, tokens: Path, seed: int | None) -> None:
    marked(folder.parent, f"a tokenizer of {vocabulary} entries, and the text {corpus.name} in its tokens")
    learned = corpus if seed is None else corpus.split(0.5, seed)[0]
    tokenizer = train_tokenizer(learned, vocabulary)
    try:
        remove(made(folder))  # of a damaged one, whose files may be links
        tokenizer.save_pretrained(folder)
    except Exception as error:  # the tokenizers library raises its own kinds
        raise disk_error(folder, error) from error
    array = tokenize(tokenizer, corpus)
    with replacing(tokens) as partial, partial.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    files = [tokens, *(path for path in folder.rglob("*") if path.is_file())]
    with replacing(folder.parent / SUMS) as partial:
        sums = of_files(folder.parent, [path.relative_to(folder.parent).as_posix() for path in files])
        partial.write_text(json.dumps(sealed(sums), indent=1), encoding="utf-8")
