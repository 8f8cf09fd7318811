"""Sites: the residual stream, the heads' outputs and an autoencoder's features, computed by hand."""

import json

import numpy as np
import pytest
import scipy.sparse
import torch
import transformers
from safetensors.numpy import save_file
from test_architectures import COMMON, CONFIGS, GROUPED, MLP

from rosettalaw.cli import app
from rosettalaw.empirical.checkpoints.architectures import WITHOUT_BLOCKS, ModelParts
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.empirical.sites import SITES, AttentionHeads, Autoencoder, MlpNeurons, ResidualStream, Site, site_named
from rosettalaw.errors import InputError, RosettaError
from rosettalaw.results import load

WITHOUT_HEADS = ("fnet", "rwkv", "xlnet")  # or without a linear map behind them


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory, tokenizers):
    folder = tmp_path_factory.mktemp("sites")
    for seed, kind in enumerate(("llama", "bert")):
        torch.manual_seed(seed)
        sizes = {"llama": GROUPED, "bert": COMMON}[kind]
        config = transformers.AutoConfig.for_model(kind, **sizes, initializer_range=0.3)
        transformers.AutoModel.from_config(config).save_pretrained(folder / kind)
        tokenizers[0].save_pretrained(folder / kind)
    return folder


def read(folder, corpus, site):
    """Return the units of both sides, and the values of the first window's tokens from a function of the model."""
    source, _ = text_sources(folder, folder, corpus, 200, sites=(site, site))
    window = source.text.windows[0]
    ids = torch.tensor([window.ids[0].tolist()])
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    return source, next(source.blocks(10_000))[: window.positions], ids, model, window.lengths[0]


def spans(tokens, lengths):
    ends = np.cumsum(lengths)
    return np.stack([tokens[end - n : end].mean(0) for end, n in zip(ends, lengths, strict=True)])


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_the_residual_stream_is_what_transformers_calls_hidden_states(kind, checkpoints, corpus):
    source, measured, ids, model, lengths = read(checkpoints / kind, corpus, ResidualStream())
    assert source.layer.tolist() == [0] * 16 + [1] * 16
    with torch.inference_mode():
        states = model(input_ids=ids, output_hidden_states=True).hidden_states
    np.testing.assert_allclose(measured[:, :16], spans(states[1][0].numpy(), lengths), rtol=1e-4, atol=1e-4)
    if kind == "bert":  # whose last state has no norm behind it
        np.testing.assert_allclose(measured[:, 16:], spans(states[2][0].numpy(), lengths), rtol=1e-4, atol=1e-4)


def test_heads_are_attention_times_values(checkpoints, corpus):
    source, measured, ids, model, lengths = read(checkpoints / "bert", corpus, AttentionHeads())
    assert source.layer.tolist() == [0] * 16 + [1] * 16
    with torch.no_grad():
        out = model(input_ids=ids, output_hidden_states=True, output_attentions=True)
    for layer in range(2):
        weights = model.encoder.layer[layer].attention.self.value
        values = (out.hidden_states[layer][0] @ weights.weight.T + weights.bias).detach().numpy()
        heads = [out.attentions[layer][0, h].numpy() @ values[:, 8 * h : 8 * h + 8] for h in range(2)]
        expected = spans(np.concatenate(heads, axis=1), lengths)
        np.testing.assert_allclose(measured[:, 16 * layer : 16 * layer + 16], expected, rtol=1e-4, atol=1e-4)


def autoencoder(folder, config=None, **changes):
    """Write an autoencoder of 24 features on a stream of 16; return its arrays."""
    rng = np.random.default_rng(4)
    arrays = {
        "W_enc": rng.standard_normal((16, 24)),
        "b_enc": rng.standard_normal(24),
        "b_dec": rng.standard_normal(16),
        "W_dec": rng.standard_normal((24, 16)),
    }
    arrays = {name: array.astype(np.float32) for name, array in (arrays | changes).items() if array is not None}
    folder.mkdir(exist_ok=True)
    save_file(arrays, folder / "sae_weights.safetensors")
    if config is not None:
        (folder / "cfg.json").write_text(json.dumps(config))
    return arrays


def top(values, k):
    cut = np.sort(values, axis=1)[:, -k][:, None]
    return np.where(values >= cut, np.maximum(values, 0), 0)


THRESHOLD = np.linspace(0, 2, 24)
KINDS = {
    "standard": (
        {"architecture": "standard", "hook_name": "blocks.0.hook_resid_post"},
        {},
        lambda x, a: np.maximum((x - a["b_dec"]) @ a["W_enc"] + a["b_enc"], 0),
    ),
    "without its decoder's bias": (
        {"hook_name": "blocks.1.hook_resid_pre", "apply_b_dec_to_input": False},
        {},
        lambda x, a: np.maximum(x @ a["W_enc"] + a["b_enc"], 0),
    ),
    "jumprelu": (
        {"architecture": "jumprelu", "metadata": {"hook_name": "blocks.0.hook_resid_post"}},
        {"threshold": THRESHOLD},
        lambda x, a: (x @ a["W_enc"] + a["b_enc"]) * (x @ a["W_enc"] + a["b_enc"] > THRESHOLD),
    ),
    "topk": (
        {"architecture": "topk", "k": 3, "hook_name": "blocks.0.hook_resid_post"},
        {},
        lambda x, a: top((x - a["b_dec"]) @ a["W_enc"] + a["b_enc"], 3),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_the_encoder_by_hand(kind, checkpoints, corpus, tmp_path):
    config, changes, encode = KINDS[kind]
    arrays = autoencoder(tmp_path / "sae", config, **changes)
    source, measured, ids, model, lengths = read(checkpoints / "llama", corpus, Autoencoder(str(tmp_path / "sae")))
    assert source.layer.tolist() == [0] * 24
    assert source.unit.tolist() == list(range(24))
    with torch.inference_mode():
        state = model(input_ids=ids, output_hidden_states=True).hidden_states[1][0].double().numpy()
    np.testing.assert_allclose(measured, spans(encode(state, arrays), lengths), rtol=1e-4, atol=1e-4)
    assert 0 < np.mean(measured > 0) < 1


def test_a_layer_may_be_said_beside_the_path_and_a_file_may_be_npz(checkpoints, corpus, tmp_path):
    arrays = autoencoder(tmp_path / "sae")
    np.savez(tmp_path / "params.npz", **arrays)
    of_folder = read(checkpoints / "bert", corpus, site_named(f"sae:{tmp_path / 'sae'}@1"))
    of_file = read(checkpoints / "bert", corpus, site_named(f"sae:{tmp_path / 'params.npz'}@1"))
    assert of_folder[0].layer.tolist() == [1] * 24
    np.testing.assert_array_equal(of_folder[1], of_file[1])
    assert of_folder[0].identity() != read(checkpoints / "bert", corpus, MlpNeurons())[0].identity()


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_every_architecture_has_its_blocks_and_attentions(kind):
    name, sizes = CONFIGS[kind]
    config = getattr(transformers, f"{name}Config")(**sizes)
    with torch.device("meta"):
        places = ModelParts(transformers.AutoModel.from_config(config), kind, kind)
    depth = getattr(config, "text_config", config).num_hidden_layers * len(MLP[kind])
    assert places.stream() == 16
    if kind in WITHOUT_BLOCKS:
        return
    assert len(ResidualStream().modules(places)) == depth
    if kind in WITHOUT_HEADS:
        with pytest.raises(
            RosettaError, match=f"no attention output projection is known for '{kind}'. Try: --site res"
        ):
            AttentionHeads().modules(places)
        return
    assert len(AttentionHeads().modules(places)) == depth
    width = getattr(config, "true_hidden_size", 16)  # MobileBERT's blocks compute in a bottleneck
    for module in AttentionHeads().modules(places):
        assert width == (module.out_features if hasattr(module, "out_features") else module.weight.shape[1])


def test_a_state_space_model_has_a_residual_stream():
    config = transformers.MambaConfig(hidden_size=16, num_hidden_layers=3, vocab_size=300, state_size=4)
    places = ModelParts(transformers.AutoModel.from_config(config), "mamba", "tiny")
    assert [id(one) for one in ResidualStream().modules(places)] == [id(one) for one in places.base.layers]
    with pytest.raises(RosettaError, match="tiny: no attention output projection is known for 'mamba'"):
        AttentionHeads().modules(places)


def test_a_site_from_outside_is_one_class(checkpoints, corpus):
    class Entered(Site):
        """The stream before the first block's norm of its MLP: what enters a block's second norm."""

        def modules(self, places):
            return [block.post_attention_layernorm for block in places.blocks()]

        def width(self, module, places):
            return places.stream()

    source, measured, *_ = read(checkpoints / "llama", corpus, Entered())
    assert len(source.layer) == 32
    assert measured.std(0).min() > 0


def run(*words):
    from typer.testing import CliRunner

    return CliRunner().invoke(app, list(map(str, words)))


def test_the_command_records_its_sites_and_view_reads_the_same(checkpoints, tmp_path, corpus):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": document.text}) + "\n" for document in corpus.documents))
    autoencoder(tmp_path / "sae", {"hook_name": "blocks.0.hook_resid_post"})
    out = tmp_path / "pairs.nc"
    words = [checkpoints / "llama", checkpoints / "bert", "--text", texts, "--tokens", 300, "--jackknife", 0]
    words += ["--null", "shift:1", "--contexts", 0, "--out", out]
    done = run("match", *words, "--site-a", f"sae:{tmp_path / 'sae'}", "--site-b", "residual", "--json")
    assert done.exit_code == 0, done.exception
    record = load(out)
    assert record.attrs["site_a"] == f"sae:{tmp_path / 'sae'}"
    assert record.attrs["site_b"] == "residual"
    assert record["neurons_a"] == 24
    assert record["neurons_b"] == 32
    page = tmp_path / "viewer.html"
    done = run("view", out, "--out", page, "--contexts", 2)
    assert done.exit_code == 0, done.exception
    assert page.stat().st_size > 1000


BAD = {
    "resdual": "unknown --site 'resdual': did you mean residual",
    "sae": "--site = 'sae': names no autoencoder",
    "residual:3": r"residual takes nothing after a colon",
    "sae:/no/such/place@0": r"no such autoencoder",
}


@pytest.mark.parametrize("words", BAD)
def test_sites_that_do_not_exist(words):
    with pytest.raises(RosettaError, match=BAD[words]):
        site_named(words)
    assert set(SITES) == {"mlp", "residual", "attention", "sae"}


WRONG = {
    "of another width": ({"W_enc": np.ones((8, 24)), "b_dec": np.ones(8)}, "@0", "stream of width 8; that of .* is 16"),
    "of a block that is not there": ({}, "@7", "has the blocks 0 to 1"),
    "without a block": ({}, "", "does not say which block it reads"),
    "without an encoder": ({"W_enc": None}, "@0", "must have W_enc"),
    "with a bias of another length": ({"b_enc": np.ones(5)}, "@0", r"b_enc must be finite, of shape \(24,\)"),
    "that is transposed": (
        {"W_enc": np.ones((24, 16))},
        "@0",
        r"with 24 features as in b_enc; it is of shape \(24, 16\). Try: save W_enc.T",
    ),
    "with arrays of other names": ({"W_enc": None, "encoder.weight": np.ones((24, 16))}, "@0", "has .*encoder.weight"),
    "of the stream before all blocks": ({}, "", "which no block writes", {"hook_name": "blocks.0.hook_resid_pre"}),
    "of a block without a number": ({}, "@-1", "Try: --site sae:[^@]*@6, for the output"),
    "with NaN": ({"b_enc": np.full(24, np.nan)}, "@0", "b_enc must be finite"),
    "of another kind": ({}, "@0", "is of the kind gated", {"architecture": "gated"}),
    "that scales": ({}, "@0", "scales its input", {"normalize_activations": "layer_norm"}),
    "with an impossible k": ({}, "@0", "but k is 99", {"architecture": "topk", "k": 99}),
    "without features": ({"W_enc": np.ones((16, 0)), "b_enc": np.ones(0)}, "@0", "W_enc must be finite, of shape"),
    "with settings of another form": ({}, "@0", "but k is 0", {"architecture": "topk", "activation_fn_kwargs": [8]}),
    "without its thresholds": ({}, "@0", "jumprelu without a threshold", {"architecture": "jumprelu"}),
    "of another hook": ({}, "", "reads 'blocks.0.hook_mlp_out'", {"hook_name": "blocks.0.hook_mlp_out"}),
}


@pytest.mark.parametrize("fault", WRONG)
def test_autoencoders_that_do_not_fit(fault, checkpoints, corpus, tmp_path):
    changes, layer, message, *config = WRONG[fault]
    autoencoder(tmp_path / "sae", *config, **changes)
    with pytest.raises(RosettaError, match=message):
        read(checkpoints / "llama", corpus, Autoencoder(f"{tmp_path / 'sae'}{layer}"))


OF_OTHER_FORMS = {
    "words": ({"b_enc": np.full(24, "a")}, "cannot be read as an autoencoder"),
    "complex": ({"b_enc": np.full(24, 1j)}, "cannot be read as an autoencoder"),
    "objects": ({"b_enc": np.array([None] * 24)}, "cannot be read as an autoencoder"),
    "float64": ({"b_enc": np.full(24, 1e300)}, "b_enc must be finite"),
    "lists": ({"W_enc": np.ones(24)}, "must have W_enc"),
}


@pytest.mark.parametrize("form", OF_OTHER_FORMS)
def test_arrays_of_other_forms_are_no_autoencoder(form, tmp_path):
    changes, message = OF_OTHER_FORMS[form]
    np.savez(tmp_path / "sae.npz", **{"W_enc": np.ones((16, 24)), "b_enc": np.zeros(24)} | changes)
    with pytest.raises(RosettaError, match=message):
        Autoencoder(f"{tmp_path / 'sae.npz'}@0")


@pytest.mark.parametrize("kind", ["sparse", "pickled", "cut"])
def test_other_files_are_no_autoencoder(kind, tmp_path):
    """A sparse matrix of SciPy, tensors of torch behind a pickle, half a file."""
    path = tmp_path / f"sae.{'pt' if kind == 'pickled' else 'npz'}"
    if kind == "sparse":
        scipy.sparse.save_npz(path, scipy.sparse.csr_array(np.eye(16, 24)))
    elif kind == "pickled":
        torch.save({"W_enc": torch.ones(16, 24).to_sparse(), "b_enc": torch.zeros(24)}, path)
    else:
        np.savez(path, W_enc=np.ones((16, 24)), b_enc=np.zeros(24))
        path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(RosettaError, match=r"cannot be read as an autoencoder|must have W_enc"):
        Autoencoder(f"{path}@0")


def test_damaged_and_doubled_files_of_an_autoencoder(tmp_path):
    folder = tmp_path / "sae"
    autoencoder(folder)
    (folder / "sae_weights.safetensors").write_bytes(b"not a file of tensors")
    with pytest.raises(RosettaError, match="cannot be read as an autoencoder"):
        Autoencoder(f"{folder}@0")
    (folder / "cfg.json").write_text("{")
    with pytest.raises(RosettaError, match="cannot be read as JSON"):
        Autoencoder(f"{folder}@0")
    (folder / "cfg.json").unlink()
    (folder / "second.npz").touch()
    with pytest.raises(RosettaError, match=r"must hold one \.safetensors or \.npz file"):
        Autoencoder(f"{folder}@0")


def test_arrays_and_images_have_no_site(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((300, 5)))
    done = run("match", tmp_path / "a.npy", tmp_path / "a.npy", "--site", "residual")
    assert "--site = 'residual': applies to checkpoints" in str(done.exception)
    from rosettalaw.empirical import match_models

    with pytest.raises(InputError, match="--site-b = 'attention': applies to language models"):
        match_models("a", "b", images=tmp_path, site_b="attention")
