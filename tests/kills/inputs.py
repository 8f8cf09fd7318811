"""Tiny inputs of every command that writes: arrays, two families to train, models and images to judge."""

import json
import subprocess
import sys

import numpy as np

from tests.tiny_ladder import WORDS, write_ladder


def prepare(folder, commands):
    """Write the inputs of some commands into a folder."""
    for part, write in PARTS.items():
        if any(f"{{inputs}}/{part}" in command for command in commands):
            write(folder)


def _arrays(folder):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((4_000, 60)).astype(np.float32)
    for name in "ab":
        noise = rng.standard_normal(features.shape).astype(np.float32)
        np.save(folder / f"{name}.npy", features + 0.7 * noise)


def _ladder(folder):
    write_ladder(folder, tokens=3_000, measured=800, nulls={"permutations": 1, "untrained": 1, "shift": 1})


def _labelled(folder):
    from rosettalaw.results import dataset, save

    rng = np.random.default_rng(0)
    domains = {"prose": ["river", "mountain", "carries", "lets", "go"], "code": ["def", "x", "=", "return"]}
    with (folder / "labelled.jsonl").open("w") as file:
        for i in range(60):
            kind = "prose" if i % 3 == 0 else "code"
            text = " ".join(rng.choice(domains[kind], size=30))
            file.write(json.dumps({"text": text, "meta": {"pile_set_name": kind}}) + "\n")
    neurons, rosetta = 2 * 4 * 16, np.arange(0, 32, 4)
    variables = {
        "unit_a": ("pair", rosetta),
        "unit_b": ("pair", rosetta),
        "correlation": ("pair", np.full(len(rosetta), 0.9)),
        "neurons_a": neurons,
        "threshold": 0.5,
        "calibrated_count": len(rosetta),
    }
    facts = {"model_a": str(folder / "model"), "model_b": str(folder / "model-b")}
    save(dataset("pairs", variables, {}, **facts), folder / "text-pairs.nc")


def _images(folder):
    from rosettalaw.results import dataset, save

    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    np.savez(folder / "images.npz", images=images)
    neurons, rosetta = _vision_model(folder / "vit"), np.arange(0, 24, 2)
    variables = {
        "unit_a": ("pair", rosetta),
        "unit_b": ("pair", rosetta),
        "correlation": ("pair", np.full(len(rosetta), 0.9)),
        "excluded_unit_a": ("excluded_a", np.zeros(0, int)),
        "neurons_a": neurons,
        "threshold": 0.5,
    }
    facts = {"model_a": str(folder / "vit"), "model_b": str(folder / "vit"), "modality": "vision"}
    save(dataset("pairs", variables, {}, **facts), folder / "image-pairs.nc")


def _language_models(folder):
    for seed, name in enumerate(("model", "model-b", "model-c")):
        _language_model(folder / name, seed)


def _trained(folder):
    run("train", folder / "tiny.toml", "--cache", folder / "cache")


def _results(folder):
    (folder / "results").mkdir()
    run("simulate", "--beta", "2", "--neurons", "64,128,256", "--runs", "2", "--out", folder / "results" / "s.nc")


# The beginning of a path below the inputs -> what writes it, in the order in which they need each other.
PARTS = {
    "a.npy": _arrays,
    "tiny.toml": _ladder,
    "text": _ladder,
    "labelled": _labelled,
    "model": _language_models,
    "image": _images,
    "cache": _trained,
    "results": _results,
}


def run(*words):
    """Run a command to its end, in a process of its own."""
    command = [sys.executable, "-m", "rosettalaw", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def prepare_apart(folder, commands):
    """Write inputs in a process of its own: this one stays free of threads, so that it may fork."""
    code = (
        "import pathlib, sys; from tests.kills.inputs import prepare; prepare(pathlib.Path(sys.argv[1]), sys.argv[2:])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder), *commands], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the inputs cannot be made: {done.stderr[-2000:]}")


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


def _vision_model(folder):
    import torch
    import transformers

    torch.manual_seed(0)
    size = {"image_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16}
    config = transformers.ViTConfig(**size, patch_size=8, intermediate_size=24, initializer_range=0.3)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return 24
