"""Loading of weights: spread by accelerate, from pickles on request; the activations stay the same."""

import gc
import pathlib
import shutil

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from rosettalaw import cli
from rosettalaw.empirical.checkpoints import hub
from rosettalaw.empirical.checkpoints.hub import Loading
from rosettalaw.empirical.language.opening import require_text
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.errors import InputError, RosettaError

PARTS = {
    "gpt2": ["wte", "wpe", "h.0", "h.1", "ln_f"],
    "gpt_neox": ["embed_in", "rotary_emb", "layers.0", "layers.1", "final_layer_norm"],
}


def activations(folder, corpus, **settings):
    source, _ = text_sources(folder, folder, corpus, tokens=400, loading=Loading(**settings))
    return np.concatenate(list(source.blocks(64)))


@pytest.mark.parametrize("name", sorted(PARTS))
@pytest.mark.parametrize("offloaded", ["h.1 or layers.1", "all but the embeddings"])
def test_a_model_spread_over_memory_and_disk_gives_the_same_activations(checkpoints, corpus, name, offloaded):
    moved = PARTS[name][2:] if offloaded.startswith("all") else PARTS[name][3:4]
    spread = {part: "disk" if part in moved else "cpu" for part in PARTS[name]}
    model = hub.open_model(checkpoints[name], hub.open_config(checkpoints[name]), loading=Loading(device_map=spread))
    absent = {weight for weight, value in model.named_parameters() if value.device.type == "meta"}
    assert absent
    assert all(weight.startswith(tuple(moved)) for weight in absent)
    np.testing.assert_allclose(
        activations(checkpoints[name], corpus, device_map=spread),
        activations(checkpoints[name], corpus),
        rtol=1e-6,
        atol=1e-7,
    )


def test_an_automatic_map(checkpoints, corpus):
    found = activations(checkpoints["gpt2"], corpus, device_map="auto")
    np.testing.assert_array_equal(found, activations(checkpoints["gpt2"], corpus))


def test_what_was_put_on_disk_is_removed_with_the_model(checkpoints, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spread = {part: "disk" if part == "h.1" else "cpu" for part in PARTS["gpt2"]}
    model = hub.open_model(
        checkpoints["gpt2"], hub.open_config(checkpoints["gpt2"]), loading=Loading(device_map=spread)
    )
    assert len(list(tmp_path.iterdir())) == 1
    del model
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_words_and_devices_that_do_not_exist(checkpoints, corpus):
    with pytest.raises(InputError, match=r"--device-map = 'atuo': must be one of auto, balanced"):
        Loading(device_map="atuo")
    with pytest.raises(InputError, match=r"--weights = 'float8': must be one of float32, bfloat16, float16. Try"):
        Loading(weights="float8")
    with pytest.raises(InputError, match=r"--device = 'cuda:77': cannot be used"):
        activations(checkpoints["gpt2"], corpus, device="cuda:77")


@pytest.mark.parametrize("name", sorted(PARTS))
@pytest.mark.parametrize(("weights", "error"), [("bfloat16", 2.0**-8), ("float16", 2.0**-11)])
def test_weights_of_half_the_size_give_nearly_the_same_activations(checkpoints, corpus, name, weights, error):
    """Rounded at every layer, but not where they are pooled: errors are a few roundings of the largest activation."""
    whole, half = (activations(checkpoints[name], corpus, weights=one) for one in ("float32", weights))
    assert half.dtype == np.float32
    difference = np.abs(half - whole).max() / np.abs(whole).max()
    assert error / 50 < difference < 10 * error
    model = hub.open_model(checkpoints[name], hub.open_config(checkpoints[name]), loading=Loading(weights=weights))
    assert {weight.dtype for weight in model.parameters()} == {getattr(torch, weights)}


def test_the_untrained_twin_computes_in_the_same_precision(checkpoints, corpus):
    source, _ = text_sources(checkpoints["gpt2"], checkpoints["gpt2"], corpus, 400, loading=Loading(weights="bfloat16"))
    twin = source.untrained(0)
    assert twin.model.dtype == torch.bfloat16
    assert next(twin.blocks(8)).dtype == np.float32
    assert twin.identity() != source.identity()


def test_a_matching_is_not_gone_on_with_in_another_precision(checkpoints, corpus):
    one, other = (
        text_sources(checkpoints["gpt2"], checkpoints["gpt2"], corpus, 400, loading=Loading(weights=weights))[0]
        for weights in ("float32", "bfloat16")
    )
    assert one.identity() != other.identity()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu(checkpoints, corpus):
    found = activations(checkpoints["gpt2"], corpus, device="cuda")
    np.testing.assert_allclose(found, activations(checkpoints["gpt2"], corpus), rtol=1e-3, atol=1e-4)


# ---------------------------------------------------------------------------------------------------------------------
# Pickles


@pytest.fixture
def pickled(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints["gpt2"], tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def test_pickled_weights_are_read_on_request_alone(pickled, checkpoints, corpus):
    with pytest.raises(RosettaError, match=r"They are pickled\. If you trust their source, --allow-pickle-weights"):
        activations(pickled, corpus)
    found = activations(pickled, corpus, pickled=True)
    np.testing.assert_array_equal(found, activations(checkpoints["gpt2"], corpus))


def test_safetensors_are_preferred_and_their_damage_is_not_blamed_on_pickles(pickled, checkpoints, corpus):
    """With both at hand, leave to read pickles changes nothing; damaged safetensors are not called a pickle."""
    good = checkpoints["gpt2"] / "model.safetensors"
    shutil.copy(good, pickled / "model.safetensors")
    torch.save({name: 0 * value for name, value in load_file(good).items()}, pickled / "pytorch_model.bin")
    np.testing.assert_array_equal(activations(pickled, corpus, pickled=True), activations(checkpoints["gpt2"], corpus))
    (pickled / "model.safetensors").write_bytes(good.read_bytes()[:1000])
    with pytest.raises(RosettaError, match="its weights cannot be loaded") as raised:
        activations(pickled, corpus)
    assert "--allow-pickle-weights" not in str(raised.value)


class Evil:
    def __init__(self, trap):
        self.trap = trap

    def __reduce__(self):
        return pathlib.Path.touch, (self.trap,)


def test_a_pickle_that_runs_code_is_refused_even_on_request(pickled, corpus, tmp_path):
    torch.save({"wte.weight": Evil(tmp_path / "sprung")}, pickled / "pytorch_model.bin")
    with pytest.raises(RosettaError, match="its weights cannot be loaded"):
        activations(pickled, corpus, pickled=True)
    assert not (tmp_path / "sprung").exists()


def test_the_command_line_passes_it_on(pickled, checkpoints, tmp_path, capsys):
    (tmp_path / "text.txt").write_text("The river carries what the mountain lets go. " * 60)
    arguments = [pickled, checkpoints["gpt2"], "--text", tmp_path / "text.txt", "--tokens", 300]
    arguments += ["--null-permutations", 0, "--jackknife", 0, "--json"]
    for options, code in (([], 2), (["--allow-pickle-weights", "--device-map", "auto"], 0)):
        with pytest.raises(SystemExit) as left:
            cli.main(["match", *map(str, [*arguments, *options])])
        assert left.value.code == code
    assert '"count": 128' in capsys.readouterr().out


@pytest.mark.parametrize("leave", [False, True])
def test_tensors_alone_are_asked_for_whatever_the_library_would_do(checkpoints, monkeypatch, leave):
    """The installed `transformers` never reads more; another version could, so the question itself is looked at."""
    import transformers

    from rosettalaw.empirical.measures.weights import unembedding

    asked = []

    def refuse(*_, **options):
        asked.append(options)
        raise OSError("enough")

    for kind in (transformers.AutoModel, transformers.AutoModelForCausalLM):
        monkeypatch.setattr(kind, "from_pretrained", refuse)
    base = hub.untrained_model(hub.open_config(checkpoints["gpt_neox"]), 0)
    with pytest.raises(RosettaError, match="its weights cannot be loaded"):
        hub.open_model(checkpoints["gpt2"], None, loading=Loading(pickled=leave))
    with pytest.raises(RosettaError, match="its unembedding cannot be loaded"):
        unembedding(checkpoints["gpt_neox"], base, 16, pickled=leave)
    for options in asked:
        assert options["weights_only"] is True
        assert options["trust_remote_code"] is False
        assert options["use_safetensors"] is (None if leave else True)
    assert len(asked) == 2


TEXT_PART = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("CLIP", r"compares texts with images or sounds \(clip\), and reads none without the other"),
        ("AltCLIP", r"compares texts with images or sounds \(altclip\)"),
        ("Siglip", r"compares texts with images or sounds \(siglip\)"),
        ("Clap", r"compares texts with images or sounds \(clap\)"),
        ("Mamba", "mamba"),
    ],
)
def test_what_a_configuration_refuses_needs_no_weights(kind, message, checkpoints, corpus, tmp_path):
    """The folder has none."""
    folder = shutil.copytree(checkpoints["gpt2"], tmp_path / kind)
    (folder / "model.safetensors").unlink()
    (folder / "generation_config.json").unlink(missing_ok=True)
    made = getattr(transformers, f"{kind}Config")
    config = made(vocab_size=300) if kind == "Mamba" else made(text_config={**TEXT_PART, "vocab_size": 300})
    config.save_pretrained(folder)
    with pytest.raises(RosettaError, match=message) as refusal:
        text_sources(folder, checkpoints["gpt2"], corpus, tokens=100)
    assert "weights" not in str(refusal.value)


def test_a_model_that_reads_images_beside_text_is_no_comparison():
    """PaliGemma and LLaVA write text, and read it alone."""
    for kind in ("Llava", "PaliGemma", "Gemma3"):
        assert require_text(kind, getattr(transformers, f"{kind}Config")()) > 0
