"""Tiny tokenizers, models and texts, made once a session without a network."""

import pathlib
import sys

import numpy as np
import pytest

from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.language.families import ARCHITECTURES
from rosettalaw.empirical.language.tokenization import train_tokenizer

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # helpers that several tests import

SENTENCES = (
    "The river carries what the mountain lets go.",
    "def area(radius):\n    return 3.14159 * radius ** 2\n",
    "Déjà vu — naïve façade, œuvre; 東京は晴れ。🎉🎉 Ça va?",
    "for key, value in sorted(table.items()):\n    print(key, value)\n",
    "She counted 1, 2, 3, then 1024 and 4096 sheep (and slept).",
    "import os, sys\nprint(os.path.join(sys.prefix, 'lib'))\n",
)


def make_corpus(documents=40, seed=0, name="tiny"):
    rng = np.random.default_rng(seed)
    texts = [" ".join(SENTENCES[i] for i in rng.integers(len(SENTENCES), size=12)) for _ in range(documents)]
    return Corpus(name, tuple(Document(f"d{i}", "ab"[i % 2], text) for i, text in enumerate(texts)))


@pytest.fixture(scope="session")
def corpus():
    return make_corpus()


@pytest.fixture(scope="session")
def tokenizers(corpus):
    """Two byte-level tokenizers with different merges."""
    return train_tokenizer(corpus, 300), train_tokenizer(make_corpus(8, seed=1), 420)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory, tokenizers) -> dict[str, pathlib.Path]:
    """One randomly initialised checkpoint of each architecture, on disk."""
    import torch
    from transformers import AutoModelForCausalLM

    folders = {}
    for (name, architecture), tokenizer in zip(ARCHITECTURES.items(), tokenizers, strict=True):
        torch.manual_seed(len(name))
        model = AutoModelForCausalLM.from_config(architecture.config(16, 2, len(tokenizer), 32))
        folders[name] = tmp_path_factory.mktemp("checkpoints") / name
        model.save_pretrained(folders[name])
        tokenizer.save_pretrained(folders[name])
    return folders
