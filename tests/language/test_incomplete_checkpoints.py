"""Checkpoints that lack weights, have others, or say impossible sizes are refused before anything is measured."""

import json
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from rosettalaw.empirical.checkpoints import hub
from rosettalaw.errors import RosettaError


def opened(folder):
    return hub.open_model(folder, hub.open_config(folder))


@pytest.fixture(params=["gpt2", "gpt_neox"])
def folder(request, checkpoints, tmp_path):
    return shutil.copytree(checkpoints[request.param], tmp_path / request.param)


def change(folder, edit):
    weights = load_file(folder / "model.safetensors")
    save_file(edit(weights), folder / "model.safetensors", {"format": "pt"})


def body(weights):
    return sorted(key for key in weights if not key.startswith(("lm_head", "embed_out")))


@pytest.mark.parametrize("place", [0, 3, -1])
def test_a_missing_weight_is_refused_by_name(folder, place):
    key = body(load_file(folder / "model.safetensors"))[place]
    change(folder, lambda weights: {name: value for name, value in weights.items() if name != key})
    with pytest.raises(RosettaError, match=r"its file lacks weights that config\.json requires") as raised:
        opened(folder)
    assert key.split(".", 1)[1] in str(raised.value)


def test_a_whole_layer_that_is_missing_is_refused(folder):
    change(folder, lambda weights: {name: value for name, value in weights.items() if ".1." not in name})
    with pytest.raises(RosettaError, match=r"and [0-9]+ more"):
        opened(folder)


def test_an_unexpected_weight_is_refused_by_name(folder):
    change(folder, lambda weights: weights | {body(weights)[0].replace("bias", "bies") + ".extra": torch.zeros(2)})
    with pytest.raises(RosettaError, match=r"its file contains weights that config\.json does not describe .*extra"):
        opened(folder)


def test_weights_of_other_shapes_are_refused_by_name(folder):
    key = body(load_file(folder / "model.safetensors"))[0]
    change(folder, lambda weights: weights | {key: torch.zeros(3)})
    with pytest.raises(RosettaError, match=r"weights in its file have shapes that differ from config\.json") as raised:
        opened(folder)
    assert key.split(".", 1)[1] in str(raised.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(folder, value):
    def spoil(weights):
        weights[body(weights)[2]].flatten()[0] = value
        return weights

    change(folder, spoil)
    with pytest.raises(RosettaError, match="are NaN or infinite"):
        opened(folder)


def test_heads_poolers_and_old_buffers_are_no_fault(folder, tmp_path, tokenizers):
    change(
        folder, lambda weights: weights | {"score.weight": torch.zeros(2, 16), "h.0.attn.masked_bias": torch.ones(1)}
    )
    opened(folder)
    config = transformers.BertConfig(
        vocab_size=300, hidden_size=16, intermediate_size=40, num_hidden_layers=1, num_attention_heads=2
    )
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path / "masked")  # has a head, and no pooler
    opened(tmp_path / "masked")


@pytest.mark.parametrize("name", ["n_layer", "n_embd", "vocab_size", "n_head"])
@pytest.mark.parametrize("value", [10**9, 10**30, 0, -3])
def test_impossible_sizes_are_refused_before_a_model_is_built(checkpoints, tmp_path, name, value):
    folder = shutil.copytree(checkpoints["gpt2"], tmp_path / "gpt2")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {name: value}))
    with pytest.raises(RosettaError, match=rf"{name} = |its configuration cannot be used"):
        hub.open_config(folder)


def test_a_tokenizer_that_makes_its_library_panic_is_one_message(checkpoints, tmp_path, monkeypatch):
    import transformers

    class PanicException(BaseException):
        pass

    def panic(*arguments, **options):
        raise PanicException("range end index out of range")

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", panic)
    with pytest.raises(RosettaError, match=r"its tokenizer cannot be opened .a library failed: range end index"):
        hub.open_tokenizer(checkpoints["gpt2"])


@pytest.mark.parametrize("longest", ["many", [], {}])
def test_settings_of_a_tokenizer_that_make_no_sense_are_one_message(checkpoints, tmp_path, longest):
    folder = tmp_path / "odd"
    shutil.copytree(checkpoints["gpt2"], folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"model_max_length": longest}))
    with pytest.raises(RosettaError, match="its tokenizer cannot be opened"):
        hub.open_tokenizer(folder)
