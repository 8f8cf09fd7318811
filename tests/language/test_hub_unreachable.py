"""Checkpoints in the hub's cache where the hub cannot be reached: read at once, with one line."""

import json
import shutil

import huggingface_hub
import pytest
from huggingface_hub.errors import HfHubHTTPError

from rosettalaw.empirical.checkpoints import hub, locations
from rosettalaw.empirical.vision import diffusion

COMMIT = "1" * 40


@pytest.fixture
def cached(checkpoints, tmp_path, monkeypatch):
    """The id ``us/tiny``, and ``us/tiny/part``, in a cache; requests to the network are counted and refused."""
    snapshot = tmp_path / "hub" / "models--us--tiny" / "snapshots" / COMMIT
    shutil.copytree(checkpoints["gpt2"], snapshot)
    shutil.copytree(checkpoints["gpt2"], snapshot / "part")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    asked = []

    def refuse(url, *_, **__):
        asked.append(url)
        raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    monkeypatch.setattr(huggingface_hub.file_download, "get_hf_file_metadata", refuse)
    locations._cached_alone.cache_clear()
    yield snapshot, asked
    locations._cached_alone.cache_clear()


@pytest.mark.parametrize("within", ["", "/part", "@" + COMMIT])
def test_the_copy_is_read_and_the_network_is_asked_once(cached, within, capsys):
    """The hub's client asks five times for each file, and waits longer before each."""
    snapshot, asked = cached
    checkpoint = f"us/tiny{within}"
    config, tokenizer = hub.open_config(checkpoint), hub.open_tokenizer(checkpoint)
    model = hub.open_model(checkpoint, config)
    assert len(asked) == 1
    assert model.state_dict().keys() and tokenizer("a")["input_ids"]  # noqa: PT018
    said = capsys.readouterr().err.splitlines()
    expected = "the hub cannot be reached (Name or service not known); its copy on this disk is read"
    assert said == [f"{checkpoint}: {expected}"]
    assert locations.to_read(checkpoint) == (str(snapshot), {"subfolder": "part"} if within == "/part" else {})


def test_a_pipeline_in_the_cache_is_recognised(cached):
    snapshot, asked = cached
    assert diffusion._index("us/tiny") is None
    (snapshot / "model_index.json").write_text(json.dumps({"_class_name": "DiTPipeline"}))
    assert diffusion._index("us/tiny") == {"_class_name": "DiTPipeline"}
    assert len(asked) == 1


def test_a_hub_that_answers_is_asked_for_every_file(cached, monkeypatch):
    class Answer(HfHubHTTPError):
        def __init__(self):
            Exception.__init__(self, "500")

    for answer in (lambda url, **_: None, lambda url, **_: (_ for _ in ()).throw(Answer())):
        locations._cached_alone.cache_clear()
        monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", answer)
        assert locations.to_read("us/tiny@main") == ("us/tiny", {"revision": "main"})


def test_nobody_is_asked_for_what_is_not_cached_or_where_one_works_offline(cached, checkpoints, monkeypatch):
    _, asked = cached
    assert locations.to_read("us/other") == ("us/other", {})
    assert locations.to_read("no such folder/at/all") == ("no such folder/at", {"subfolder": "all"})
    assert locations.to_read("/no/such/folder")[0] == "/no/such/folder"
    assert locations.to_read(checkpoints["gpt2"]) == (str(checkpoints["gpt2"]), {})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert locations.to_read("us/tiny") == ("us/tiny", {})
    assert asked == []
