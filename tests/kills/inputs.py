"""Tiny inputs of every command that writes: arrays, two families to train, models and images to judge."""

import json
import subprocess
import sys

import numpy as np

LADDER = """
name = "tiny"
description = "two families, three sizes"
corpus = "{folder}/text"
held_out = 0.25
[training]
tokens = 3_000
context = 16
batch = 4
[measurement]
tokens = 800
permutations = 1
untrained = 1
[[family]]
name = "one"
architecture = "gpt2"
vocabulary = 300
[[family]]
name = "two"
architecture = "gpt_neox"
vocabulary = 320
[[rung]]
width = 8
layers = 1
[[rung]]
width = 16
layers = 1
[[rung]]
width = 32
layers = 1
"""
WORDS = ["def", "return", "while", "x + 1", "(a, b)", "river", "stone", "light", "0x1F", "'q'", "carries", "lets"]


def prepare(folder):
    """Write all inputs into a folder."""
    from rosettalaw.results import dataset, save

    rng = np.random.default_rng(0)
    features = rng.standard_normal((4_000, 60)).astype(np.float32)
    for name in "ab":
        noise = rng.standard_normal(features.shape).astype(np.float32)
        np.save(folder / f"{name}.npy", features + 0.7 * noise)
    (folder / "text").mkdir()
    for i in range(40):  # each word decides the next two
        words = rng.integers(len(WORDS), size=60)
        line = " ".join(f"{WORDS[w]} {WORDS[(w + 1) % 12]} {WORDS[(5 * w + 2) % 12]};" for w in words)
        (folder / "text" / f"d{i}.txt").write_text(line)
    (folder / "tiny.toml").write_text(LADDER.format(folder=folder))
    domains = {"prose": ["river", "mountain", "carries", "lets", "go"], "code": ["def", "x", "=", "return"]}
    with (folder / "labelled.jsonl").open("w") as file:
        for i in range(60):
            kind = "prose" if i % 3 == 0 else "code"
            text = " ".join(rng.choice(domains[kind], size=30))
            file.write(json.dumps({"text": text, "meta": {"pile_set_name": kind}}) + "\n")
    neurons, rosetta = _language_model(folder / "model"), np.arange(0, 32, 4)
    _language_model(folder / "model-b", seed=1)
    variables = {
        "unit_a": ("pair", rosetta),
        "unit_b": ("pair", rosetta),
        "correlation": ("pair", np.full(len(rosetta), 0.9)),
        "neurons_a": neurons,
        "threshold": 0.5,
        "calibrated_count": len(rosetta),
    }
    save(
        dataset("pairs", variables, {}, model_a=str(folder / "model"), model_b=str(folder / "model-b")),
        folder / "text-pairs.nc",
    )
    images = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    np.savez(folder / "images.npz", images=images)
    neurons, rosetta = _vision_model(folder / "vit"), np.arange(0, 24, 2)
    variables = {
        "unit_a": ("pair", rosetta),
        "correlation": ("pair", np.full(len(rosetta), 0.9)),
        "excluded_unit_a": ("excluded_a", np.zeros(0, int)),
        "neurons_a": neurons,
        "threshold": 0.5,
    }
    save(dataset("pairs", variables, {}, model_a=str(folder / "vit")), folder / "image-pairs.nc")
    run("train", folder / "tiny.toml", "--cache", folder / "cache")
    (folder / "results").mkdir()
    run("simulate", "--beta", "2", "--neurons", "64,128,256", "--runs", "2", "--out", folder / "results" / "s.nc")


def run(*words):
    """Run a command to its end, in a process of its own."""
    command = [sys.executable, "-m", "rosettalaw", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def prepare_apart(folder):
    """Write all inputs in a process of its own: this one stays free of threads, so that it may fork."""
    code = "import pathlib, sys; from tests.kills.inputs import prepare; prepare(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True)


def _language_model(folder, seed=0):
    import torch
    from transformers import AutoModelForCausalLM

    from rosettalaw.empirical.checkpoints import hub
    from rosettalaw.empirical.corpora.corpus import Corpus, Document
    from rosettalaw.empirical.language.families import ARCHITECTURES
    from rosettalaw.empirical.language.tokenization import train_tokenizer

    hub.quiet_transformers()
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(Corpus("words", (Document("d", "x", " ".join(WORDS) * 9),)), 300)
    model = AutoModelForCausalLM.from_config(ARCHITECTURES["gpt2"].config(16, 2, len(tokenizer), 32))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return 2 * 4 * 16


def _vision_model(folder):
    import torch
    import transformers

    torch.manual_seed(0)
    size = {"image_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16}
    config = transformers.ViTConfig(**size, patch_size=8, intermediate_size=24, initializer_range=0.3)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return 24
