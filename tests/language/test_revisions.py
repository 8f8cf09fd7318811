"""Checkpoints by hub id and revision, from a cache as the hub's own client keeps it; and what results remember."""

import hashlib
import json
import shutil

import huggingface_hub
import pytest
import torch
from transformers import AutoModelForCausalLM

from rosettalaw import cli
from rosettalaw.empirical.checkpoints import locations
from rosettalaw.empirical.checkpoints.provenance import identity, model_facts
from rosettalaw.empirical.config import Measurement
from rosettalaw.empirical.ladder.measure import measure_ladder
from rosettalaw.empirical.ladder.models import ModelLadder, ModelRung
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.errors import InputError, MissingFileError
from rosettalaw.results import load

COMMITS = {"main": "1" * 40, "step3": "2" * 40}


@pytest.fixture(scope="module")
def cache(checkpoints, tmp_path_factory):
    """The id ``us/tiny``: its branch ``step3`` is the GPT-2 checkpoint, its ``main`` the same with other weights."""
    root = tmp_path_factory.mktemp("hub")
    repository = root / "hub" / "models--us--tiny"
    (repository / "refs").mkdir(parents=True)
    for branch, commit in COMMITS.items():
        (repository / "refs" / branch).write_text(commit)
        folder = repository / "snapshots" / commit
        shutil.copytree(checkpoints["gpt2"], folder)
    other = AutoModelForCausalLM.from_pretrained(checkpoints["gpt2"])
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += torch.randn_like(parameter)
    other.save_pretrained(repository / "snapshots" / COMMITS["main"])
    return root


@pytest.fixture(autouse=True)
def offline(cache, monkeypatch):
    """The hub's client reads this cache alone."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_a_revision_is_the_one_that_is_read_and_remembered(checkpoints, corpus):
    """Matched with the folder it is a copy of, every neuron of the revision finds itself; those of ``main`` do not."""
    folder = str(checkpoints["gpt2"])
    rungs = tuple(ModelRung((name, folder)) for name in ("us/tiny@step3", "us/tiny"))
    plan = Measurement(tokens=900, permutations=2, untrained=0, partners=(), data_sizes=1)
    ds = measure_ladder(ModelLadder("t", ("one", "two"), rungs, corpus, corpus.sha256, plan), quiet=True)
    weights = hashlib.sha256((checkpoints["gpt2"] / "model.safetensors").read_bytes()).hexdigest()
    names = ds["model_a"].values.tolist()
    for name, commit in (("us/tiny@step3", COMMITS["step3"]), ("us/tiny", COMMITS["main"])):
        one = ds.isel(rung=names.index(name))
        assert (one["revision_a"], one["revision_b"]) == (commit, weights)
        assert one["tokenizer_a"] == one["tokenizer_b"]
        same = ds["correlation"].values[ds["pair_rung"].values == names.index(name)] > 0.999
        assert (len(same) == same.sum() == 128) == (name == "us/tiny@step3")


def test_a_matching_remembers_its_models(checkpoints, corpus, tmp_path):
    lines = [json.dumps({"text": document.text, "domain": document.domain}) for document in corpus.documents]
    (tmp_path / "text.jsonl").write_text("\n".join(lines))
    options = ["--text", tmp_path / "text.jsonl", "--tokens", 300, "--jackknife", 0, "--out", tmp_path / "pairs.nc"]
    with pytest.raises(SystemExit) as left:
        cli.main(["match", "us/tiny@step3", *map(str, [checkpoints["gpt2"], *options])])
    assert left.value.code == 0
    attrs = load(tmp_path / "pairs.nc", "pairs").attrs
    assert (attrs["model_a"], attrs["revision_a"]) == ("us/tiny@step3", COMMITS["step3"])
    assert attrs["tokenizer_a"] == attrs["tokenizer_b"]
    assert {"corpus_sha256", "seed", "versions", "tokens"} <= set(attrs)


def test_a_revision_that_does_not_exist(checkpoints, corpus):
    with pytest.raises(MissingFileError, match="us/tiny@step4: no such folder, and not found on the hub"):
        text_sources("us/tiny@step4", checkpoints["gpt2"], corpus, tokens=100)


def test_where_a_checkpoint_is(tmp_path):
    folder = tmp_path / "name@with an at"
    folder.mkdir()
    assert locations.located(folder) == (str(folder), {})
    assert locations.located("us/tiny") == ("us/tiny", {})
    assert locations.located("us/tiny@v1.0") == ("us/tiny", {"revision": "v1.0"})
    with pytest.raises(InputError, match=r"names no revision after @: a branch, a tag or a commit. Try: us/tiny@main"):
        locations.located("us/tiny@")


def test_pickled_weights_are_told_apart_too(checkpoints, tmp_path):
    facts = []
    for number in range(2):
        folder = shutil.copytree(checkpoints["gpt2"], tmp_path / f"{number}" / "model")
        (folder / "model.safetensors").unlink()
        torch.save({"w": torch.full((3,), float(number))}, folder / "pytorch_model.bin")
        facts.append(model_facts(str(folder)))
        assert facts[-1].revision == hashlib.sha256((folder / "pytorch_model.bin").read_bytes()).hexdigest()
        assert identity(str(folder))[1][0] == "pytorch_model.bin"
    assert facts[0].revision != facts[1].revision
    assert facts[0].tokenizer == facts[1].tokenizer
