"""Checkpoints whose configuration, tokenizer or weights are damaged, then opened and run on a little text."""

import shutil

from rosettalaw.empirical.checkpoints import hub
from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.language.families import ARCHITECTURES
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.empirical.language.tokenization import train_tokenizer

from .damage import change_json, damaged

SENTENCES = "The river carries what the mountain lets go. " * 4
CORPUS = Corpus("little", tuple(Document(f"d{i}", "x", SENTENCES) for i in range(4)))


def prepare(folder):
    """Return sound checkpoints, one an architecture that is trained here."""
    import torch
    from transformers import AutoModelForCausalLM

    hub.quiet_transformers()
    tokenizer = train_tokenizer(CORPUS, 280)
    for name, architecture in ARCHITECTURES.items():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(architecture.config(8, 2, len(tokenizer), 32))
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return sorted(folder.iterdir())


def case(whole, rng, folder):
    """Damage a file or two of one checkpoint, open it and read its activations."""
    sound = rng.choice(whole)
    target = folder / sound.name
    shutil.copytree(sound, target)
    for _ in range(rng.choice([1, 1, 2])):
        path = rng.choice(sorted(target.iterdir()))
        if rng.random() < 0.05:
            path.unlink()
        elif path.suffix == ".json":
            change_json(path, rng)
        else:
            path.write_bytes(damaged(path.read_bytes(), rng, head=2000))
        if not any(target.iterdir()):
            return
    for source in text_sources(str(target), str(sound), CORPUS, 60, 0):
        for block in source.blocks(64):
            block.sum()
