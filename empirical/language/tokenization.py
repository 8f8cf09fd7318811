"""Byte-level BPE tokenizers for the trained families, and their corpora as token arrays.

The tokenizer is trained on the training side of a corpus alone. Documents are joined by one end-of-text token, the
last of the vocabulary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...results import disk_error, replacing
from ..checkpoints.claims import claimed
from ..corpora.corpus import Corpus

END = "<|endoftext|>"


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


def tokenize(tokenizer: Any, corpus: Corpus) -> np.ndarray:
    """Return all documents as one array of token numbers, an end-of-text token after each and nowhere else."""
    end = tokenizer.convert_tokens_to_ids(END)
    texts = [document.text for document in corpus.documents]
    options = {"add_special_tokens": False, "split_special_tokens": True, "return_attention_mask": False}
    rows = tokenizer(texts, **options, verbose=False)["input_ids"]
    return np.concatenate([np.array([*row, end], dtype=np.int32) for row in rows])


def prepare(corpus: Corpus, vocabulary: int, folder: Path, seed: int | None = None) -> tuple[Path, Path]:
    """Train (once) a tokenizer and tokenize the corpus into `folder`; returns the two paths.

    With a seed the tokenizer is learned on a random half of the documents, without one on all of them.
    """
    tokenizer_folder, tokens = folder / "tokenizer", folder / "tokens.npy"
    with claimed(folder):
        if not tokens.exists():
            _prepare(corpus, vocabulary, tokenizer_folder, tokens, seed)
    return tokenizer_folder, tokens


def _prepare(corpus: Corpus, vocabulary: int, folder: Path, tokens: Path, seed: int | None) -> None:
    learned = corpus if seed is None else corpus.split(0.5, seed)[0]
    tokenizer = train_tokenizer(learned, vocabulary)
    try:
        tokenizer.save_pretrained(folder)
    except Exception as error:  # the tokenizers library raises its own kinds
        raise disk_error(folder, error) from error
    array = tokenize(tokenizer, corpus)
    with replacing(tokens) as partial, partial.open("wb") as file:
        np.save(file, array, allow_pickle=False)
