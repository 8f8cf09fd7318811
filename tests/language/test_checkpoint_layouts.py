"""Layouts of checkpoints on disk: sentence-transformers, shards, adapters, folders within a repository, quantised."""

import importlib.util
import json
import shutil
from typing import Any

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaModel

from rosettalaw.empirical.checkpoints import hub, locations
from rosettalaw.empirical.checkpoints.adapters import base_of
from rosettalaw.empirical.checkpoints.provenance import identity, model_facts
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError, RosettaError

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")


def activations(folder, corpus):
    source, _ = text_sources(folder, folder, corpus, tokens=200)
    return next(source.blocks(10_000))


@pytest.fixture(scope="module")
def plain(checkpoints, corpus):
    return activations(checkpoints["gpt_neox"], corpus)


def test_a_folder_of_sentence_transformers_is_read_at_its_transformer(checkpoints, corpus, plain, tmp_path):
    shutil.copytree(checkpoints["gpt_neox"], tmp_path / "st" / "0_Transformer")
    (tmp_path / "st" / "modules.json").write_text("[]")
    (tmp_path / "st" / "0_Transformer" / "sentence_bert_config.json").write_text('{"max_seq_length": 24}')
    source, _ = text_sources(tmp_path / "st", tmp_path / "st", corpus, tokens=200)
    assert max(len(window.ids[0]) for window in source.text.windows) <= 24
    (tmp_path / "st" / "0_Transformer" / "sentence_bert_config.json").unlink()
    np.testing.assert_array_equal(activations(tmp_path / "st", corpus), plain)


def test_the_transformer_lies_where_the_modules_say(checkpoints, tmp_path):
    shutil.copytree(checkpoints["gpt_neox"], tmp_path / "st" / "encoder")
    shutil.copytree(checkpoints["gpt_neox"], tmp_path / "beside")
    modules = tmp_path / "st" / "modules.json"
    modules.write_text(json.dumps([{"idx": 0, "path": "encoder"}, {"idx": 1, "path": "1_Pooling"}]))
    assert locations.inner(tmp_path / "st") == tmp_path / "st" / "encoder"
    for path in ("../beside", str(tmp_path / "beside"), "nowhere", ["encoder"], None):
        modules.write_text(json.dumps([{"idx": 0, "path": path}]))
        assert locations.inner(tmp_path / "st") == tmp_path / "st"
    modules.write_text("{")
    assert locations.inner(tmp_path / "st") == tmp_path / "st"


def test_shards_are_one_model(checkpoints, corpus, plain, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(checkpoints["gpt_neox"])
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    AutoTokenizer.from_pretrained(checkpoints["gpt_neox"]).save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    np.testing.assert_array_equal(activations(tmp_path, corpus), plain)


def adapter(base, folder, named=None):
    """Write an adapter with random weights; return the model into which they are merged by hand."""
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base)
    settings = peft.LoraConfig(r=2, lora_alpha=4, target_modules=["dense_h_to_4h"], task_type="CAUSAL_LM")
    adapted = peft.get_peft_model(model, settings)
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            weight.data = 0.3 * torch.randn_like(weight)
    adapted.save_pretrained(folder)
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": str(named or base)}))
    pairs = {name: weight.data for name, weight in adapted.named_parameters() if "lora_" in name}
    merged = AutoModelForCausalLM.from_pretrained(base)
    for name, weight in merged.named_parameters():
        if name.endswith("dense_h_to_4h.weight"):
            key = f"base_model.model.{name.removesuffix('.weight')}"
            down, up = (pairs[f"{key}.lora_{part}.default.weight"] for part in "AB")
            weight.data += 4 / 2 * up @ down  # W + (α/r) B A
    return merged


def test_an_adapter_is_merged_into_its_base(checkpoints, corpus, plain, tmp_path):
    by_hand = adapter(checkpoints["gpt_neox"], tmp_path / "adapter")
    by_hand.save_pretrained(tmp_path / "merged")
    AutoTokenizer.from_pretrained(checkpoints["gpt_neox"]).save_pretrained(tmp_path / "merged")
    measured = activations(tmp_path / "adapter", corpus)
    np.testing.assert_allclose(measured, activations(tmp_path / "merged", corpus), rtol=1e-4, atol=1e-5)
    assert np.abs(measured - plain).max() > 0.01


def test_an_adapters_identity_contains_its_base(checkpoints, tmp_path):
    base = shutil.copytree(checkpoints["gpt_neox"], tmp_path / "base")
    adapter(base, tmp_path / "adapter")
    before, facts = identity(str(tmp_path / "adapter")), model_facts(str(tmp_path / "adapter"))
    model = AutoModelForCausalLM.from_pretrained(base)
    model.gpt_neox.layers[0].mlp.dense_h_to_4h.weight.data += 1
    model.save_pretrained(base)
    assert identity(str(tmp_path / "adapter")) != before
    assert model_facts(str(tmp_path / "adapter")).revision != facts.revision


def test_a_base_beside_its_adapter(checkpoints, corpus, tmp_path):
    shutil.copytree(checkpoints["gpt_neox"], tmp_path / "adapter" / "base")
    adapter(checkpoints["gpt_neox"], tmp_path / "adapter", named="base")
    assert activations(tmp_path / "adapter", corpus).shape[1] > 0


def test_adapters_that_cannot_be_merged(checkpoints, tmp_path):
    folder = tmp_path / "adapter"
    adapter(checkpoints["gpt_neox"], folder)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(InputError, match=r"has no adapter_model\.safetensors; pickled adapters are not read"):
        hub.open_model(folder, hub.open_config(folder))
    (folder / "adapter_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(RosettaError, match="cannot be merged into its base model"):
        hub.open_model(folder, hub.open_config(folder))
    settings = folder / "adapter_config.json"
    for wrong, message in (("{", "cannot be read as JSON"), ("[]", "must be a table"), ("{}", "names no base model")):
        settings.write_text(wrong)
        with pytest.raises(ForeignFileError, match=message):
            hub.open_config(folder)


FOREIGN = {
    "of a shallower base": (lambda one: {k: v for k, v in one.items() if ".1." not in k}, "lacks weights for parts of"),
    "of a deeper base": (
        lambda one: one | {k.replace(".1.", ".7."): v for k, v in one.items()},
        "has weights for parts that its base model does not have",
    ),
    "with NaN": (
        lambda one: {k: v * np.nan for k, v in one.items()},
        "makes weights of its base model NaN or infinite",
    ),
    "without weights": (lambda _: {}, "lacks weights for parts of its base model"),
}


@pytest.mark.parametrize("fault", FOREIGN)
def test_adapters_of_another_base_are_refused(checkpoints, tmp_path, fault):
    """Of which peft would leave some layers as they are, or fill what is missing with random numbers."""
    change, message = FOREIGN[fault]
    adapter(checkpoints["gpt_neox"], tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    save_file({key: value.clone() for key, value in change(load_file(file)).items()}, file)
    with pytest.raises(RosettaError, match=message):
        hub.open_model(tmp_path, hub.open_config(tmp_path))


def test_the_revision_of_an_adapters_base(tmp_path):
    settings = {"base_model_name_or_path": "owner/name", "revision": "step3000"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    assert base_of(tmp_path) == "owner/name@step3000"
    for name, revision in (("owner/name@main", "step3000"), ("owner/name", None), ("owner/name", "")):
        settings = {"base_model_name_or_path": name, "revision": revision}
        (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
        assert base_of(tmp_path) == name


@pytest.mark.parametrize("base", ["/no/such/place", "owner/none"])
def test_an_adapter_without_its_base_says_so(tmp_path, base, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    with pytest.raises(MissingFileError, match=rf"an adapter, whose base model is missing\. {base}: no such folder"):
        hub.open_config(tmp_path)


def test_a_path_is_not_looked_for_on_the_hub(tmp_path, capsys):
    with pytest.raises(MissingFileError, match=r"none: no such folder\. Try: the folder of a checkpoint"):
        hub.open_config(tmp_path / "none")
    assert "hub" not in capsys.readouterr().err


def test_an_adapter_of_a_wider_base_names_the_weight(checkpoints, tmp_path):
    adapter(checkpoints["gpt_neox"], tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    save_file({key: torch.cat([value, value], -1) for key, value in load_file(file).items()}, file)
    with pytest.raises(
        RosettaError, match=r"cannot be merged into its base model \(.*size mismatch for .*dense_h_to_4h"
    ):
        hub.open_model(tmp_path, hub.open_config(tmp_path))


def test_folders_that_contain_checkpoints_say_where(checkpoints, tmp_path):
    """The cache of the hub has a folder for each revision; repositories have folders for parts."""
    inside = tmp_path / "models--owner--name" / "snapshots" / ("a" * 40)
    shutil.copytree(checkpoints["gpt_neox"], inside)
    with pytest.raises(MissingFileError, match=r"not a checkpoint \(it has no config\.json\)\. Try: .*") as raised:
        hub.open_config(tmp_path / "models--owner--name")
    assert str(raised.value).endswith(f"Try: {inside}")


def test_an_adapter_of_an_adapter_of_itself_is_refused(tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tmp_path)}))
    with pytest.raises(ForeignFileError, match="its base is itself an adapter"):
        hub.open_config(tmp_path)


NAMES = {
    "gpt2": ("gpt2", {}),
    "owner/name": ("owner/name", {}),
    "owner/name@v1": ("owner/name", {"revision": "v1"}),
    "owner/name/part": ("owner/name", {"subfolder": "part"}),
    "owner/name/part/deep@v1": ("owner/name", {"revision": "v1", "subfolder": "part/deep"}),
    "/no/such/folder": ("/no/such/folder", {}),
    "owner//part": ("owner//part", {}),
}


@pytest.mark.parametrize("name", NAMES)
def test_folders_within_a_repository(name):
    assert locations.located(name) == NAMES[name]


def quantised(folder, settings):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": settings}))
    return folder


KINDS = {
    "gptq": {"quant_method": "gptq", "bits": 4},
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 32},
    "bitsandbytes": {"quant_method": "bitsandbytes", "load_in_8bit": True},
    "compressed-tensors": {"quant_method": "compressed-tensors", "config_groups": {}},
    "of no known kind": {"bits": 4},
}
LIBRARIES = {"gptq": "optimum", "awq": "gptqmodel", "bitsandbytes": "bitsandbytes"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_quantisation_that_cannot_be_read_is_one_message(checkpoints, tmp_path, capsys, kind):
    """Before the text is read, and without a note."""
    if importlib.util.find_spec(LIBRARIES.get(kind) or kind.replace("-", "_")):
        pytest.skip("its library is installed")
    folder = quantised(shutil.copytree(checkpoints["gpt_neox"], tmp_path / "q"), KINDS[kind])
    with pytest.raises(RosettaError, match=rf"q: its weights are quantised \({kind}\) and cannot be read here: \w"):
        hub.open_config(folder)
    assert capsys.readouterr().err == ""


def test_settings_of_an_unknown_quantisation_are_noted(checkpoints, tmp_path, capsys):
    folder = quantised(shutil.copytree(checkpoints["gpt_neox"], tmp_path / "q"), {"quant_method": "own"})
    hub.open_model(folder, hub.open_config(folder))
    assert "its weights are quantised (own); activations differ" in capsys.readouterr().err


def test_weights_of_8_bits_are_read_as_the_numbers_that_they_mean(tokenizers, tmp_path, capsys):
    """Blocks of 16 × 16 numbers of float8 with one scale each, against the same numbers multiplied out."""
    sizes: Any = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    plain, small = tmp_path / "plain", tmp_path / "small"
    LlamaModel(LlamaConfig(**sizes, num_hidden_layers=1)).save_pretrained(plain)
    shutil.copytree(plain, small)
    weights = load_file(plain / "model.safetensors")
    stored, meant = dict(weights), dict(weights)
    for key, weight in weights.items():
        if "_proj" in key:
            rows, columns = (length // 16 for length in weight.shape)
            blocks = weight.reshape(rows, 16, columns, 16)
            scale = blocks.abs().amax((1, 3)) / 448
            half = (blocks / scale[:, None, :, None]).to(torch.float8_e4m3fn)
            stored |= {key: half.reshape(weight.shape), f"{key}_scale_inv": scale}
            meant[key] = (half.float() * scale[:, None, :, None]).reshape(weight.shape).contiguous()
    save_file(stored, small / "model.safetensors", {"format": "pt"})
    settings = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [16, 16]}
    read = hub.open_model(small, hub.open_config(quantised(small, settings))).state_dict()
    assert "its weights are quantised (fp8); activations differ" in capsys.readouterr().err
    for key, weight in meant.items():
        np.testing.assert_allclose(read[key], weight, rtol=1e-6)


QWEN = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v"}
QWEN |= {"self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up"}
QWEN |= {"mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
WHOLE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def write_gguf(model, tokenizer, path):
    """Write a Qwen2 model and its tokenizer as a GGUF file, with numbers as they are."""
    import gguf

    spec, config = json.loads(tokenizer.backend_tokenizer.to_str()), model.config
    ids = spec["model"]["vocab"] | {token["content"]: token["id"] for token in spec["added_tokens"]}
    words = sorted(ids, key=ids.get)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(words)
    writer.add_token_types([1] * (len(words) - 1) + [3])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in spec["model"]["merges"]])
    writer.add_bos_token_id(len(words) - 1)
    writer.add_eos_token_id(len(words) - 1)
    for key, value in model.state_dict().items():
        place, _, kind = key.rpartition(".")
        _, _, layer, *part = [*place.split("."), *[""] * 3][:6]
        name = WHOLE.get(place) or f"blk.{layer}.{QWEN['.'.join(filter(None, part))]}"
        writer.add_tensor(f"{name}.{kind}", value.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_gguf_file_is_the_model_that_it_was_made_of(tokenizers, corpus, tmp_path, capsys):
    import transformers

    tokenizer = tokenizers[0]
    end = len(tokenizer) - 1
    sizes = {"hidden_size": 16, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.Qwen2Config(
        **sizes, num_key_value_heads=2, vocab_size=end + 1, bos_token_id=end, eos_token_id=end, initializer_range=0.2,
        max_position_embeddings=64, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    folder, file = tmp_path / "folder", tmp_path / "one" / "tiny.gguf"
    file.parent.mkdir()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_gguf(model, tokenizer, file)
    expected = activations(folder, corpus)
    np.testing.assert_allclose(activations(file, corpus), expected, rtol=1e-4, atol=1e-5)
    shown = capsys.readouterr().err
    assert "its weights may be quantised" in shown
    assert "GGUF tensors" not in shown  # the bar of transformers
    np.testing.assert_allclose(activations(file.parent, corpus), expected, rtol=1e-4, atol=1e-5)
    assert identity(str(file))[1][0] == "tiny.gguf"
    assert len(model_facts(str(file)).revision) == 64
    file.write_bytes(b"GGUF but no more")
    with pytest.raises(RosettaError, match="its configuration cannot be used"):
        hub.open_config(file)
