"""Language models as sources: hooked activations against a hand computation, self-match, shuffled units, nulls."""

import json
import os
import shutil
import weakref

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from rosettalaw.empirical.activations import copies
from rosettalaw.empirical.activations.source import ActivationSource
from rosettalaw.empirical.activations.spooling import spool
from rosettalaw.empirical.checkpoints import architectures, hub
from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.language import aligned_text
from rosettalaw.empirical.language import source as language
from rosettalaw.empirical.language.contexts import top_contexts
from rosettalaw.empirical.language.loaded import loaded
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.empirical.matching import match
from rosettalaw.errors import InputError, MissingFileError, RosettaError


@pytest.fixture(scope="module")
def pair(checkpoints, corpus):
    return text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=2000, seed=1)


def read(source, size=64):
    return np.concatenate(list(source.blocks(size)))


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def norm(x, weight, bias):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * weight + bias


def by_hand(name, model, ids):
    """Compute every layer's MLP activations from hidden states and weights, in float64."""
    with torch.inference_mode():
        states = model(input_ids=torch.tensor(ids)[None], output_hidden_states=True).hidden_states
    weights = {key: value.double().numpy() for key, value in model.state_dict().items()}
    layers = []
    for i, state in enumerate(states[:2]):
        x = state[0].double().numpy()
        if name == "gpt_neox":  # parallel: the MLP reads the layer's input
            p = f"layers.{i}."
            x = norm(x, weights[p + "post_attention_layernorm.weight"], weights[p + "post_attention_layernorm.bias"])
            layers.append(gelu(x @ weights[p + "mlp.dense_h_to_4h.weight"].T + weights[p + "mlp.dense_h_to_4h.bias"]))
        else:  # sequential: the MLP reads the stream after attention, which the layer's output minus the MLP gives
            p = f"h.{i}."
            block = model.h[i]
            with torch.inference_mode():
                attended = state + block.attn(block.ln_1(state))[0]
            x = norm(attended[0].double().numpy(), weights[p + "ln_2.weight"], weights[p + "ln_2.bias"])
            layers.append(gelu(x @ weights[p + "mlp.c_fc.weight"] + weights[p + "mlp.c_fc.bias"]))
    return np.concatenate(layers, axis=1)


@pytest.mark.parametrize(("side", "name"), [(0, "gpt2"), (1, "gpt_neox")])
def test_activations_by_hand(pair, checkpoints, side, name):
    source = pair[side]
    measured = read(source)
    assert measured.shape == (source.positions, 128)
    assert measured.dtype == np.float32
    model = AutoModel.from_pretrained(checkpoints[name], dtype=torch.float32).eval()
    row = 0
    for window in source.text.windows[:5]:
        tokens = by_hand(name, model, window.ids[side].tolist())
        ends = np.cumsum(window.lengths[side])
        expected = [tokens[end - n : end].mean(0) for end, n in zip(ends, window.lengths[side], strict=True)]
        np.testing.assert_allclose(measured[row : row + window.positions], expected, rtol=2e-4, atol=2e-5)
        row += window.positions


def test_a_source_is_a_source(pair):
    for source in pair:
        assert isinstance(source, ActivationSource)
        assert source.layer.tolist() == [0] * 64 + [1] * 64
        assert source.unit.tolist() == [*range(64), *range(64)]
        assert source.positions == pair[0].text.positions


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_blocks_of_any_size_are_the_same_rows(pair, size):
    blocks = list(pair[0].blocks(size))
    assert all(len(block) == size for block in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate(blocks), read(pair[0]))


@pytest.mark.parametrize("first", [1, 37, 120, 10**9])
def test_reading_from_a_position_on_runs_the_same_batches(pair, monkeypatch, first):
    """A model's output depends to the last bit on its batch, so the batches stay as they are."""
    monkeypatch.setattr(language, "TOKENS_A_BATCH", 150)
    source, runs = pair[0], []
    first = min(first, source.positions)
    whole = read(source, 16)
    handle = source.model.register_forward_hook(lambda *_: runs.append(1))
    rest = list(source.blocks_from(16, first))
    handle.remove()
    assert np.concatenate([whole[:0], *rest]).tobytes() == whole[first:].tobytes()
    batches = list(source._batches())
    ends = np.cumsum([sum(window.positions for window in batch) for batch in batches])
    parts = np.array([len(list(source._parts(batch))) for batch in batches])
    assert len(ends) > 5
    assert len(runs) == parts[ends > first].sum()


def weights(source):
    return [weight.is_meta for weight in source.model.parameters()]


def test_weights_are_given_up_when_they_were_copied_and_opened_again_for_another_reading(checkpoints, corpus):
    a, b = text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=800, seed=1)
    before, facts = [read(source).tobytes() for source in (a, b)], [source.identity() for source in (a, b)]
    found = match(a, b, nulls={"untrained": 1}, jackknife_blocks=0, quiet=True)
    assert all(weights(a) + weights(b))
    assert [source.identity() for source in (a, b)] == facts
    again = match(a, b, nulls={"untrained": 1}, jackknife_blocks=0, quiet=True)
    assert again.correlation.tobytes() == found.correlation.tobytes()
    assert again.nulls["untrained"][0].tobytes() == found.nulls["untrained"][0].tobytes()
    assert [read(source).tobytes() for source in (a, b)] == before
    assert not any(weights(a) + weights(b))
    a.release()
    assert not any(weight.is_meta for module in a.projections for weight in module.parameters())


def test_models_that_the_caller_has_loaded_keep_their_weights(checkpoints, corpus):
    models = [AutoModel.from_pretrained(checkpoints[name]) for name in ("gpt2", "gpt_neox")]
    tokenizers = [hub.open_tokenizer(checkpoints[name]) for name in ("gpt2", "gpt_neox")]
    sides = [loaded(*one, side) for one, side in zip(zip(models, tokenizers, strict=True), "ab", strict=True)]
    sources = text_sources(*sides, corpus, tokens=400)
    match(*sources, nulls={}, jackknife_blocks=0, quiet=True)
    assert not any(weight.is_meta for model in models for weight in model.parameters())


@pytest.mark.parametrize("size", [3, 16, 100])
def test_a_batch_is_out_of_memory_before_the_next_one_is_made(pair, tmp_path, monkeypatch, size):
    source, whole = pair[0], torch.from_numpy(read(pair[0]))
    made: list[weakref.ref] = []

    def batches(device, first):
        for batch in whole.split(29):
            assert not any(one() is not None for one in made)
            own = batch.clone()
            made.append(weakref.ref(own))
            yield own
            del own

    monkeypatch.setattr(source, "_pooled", batches)
    copy = spool(source, tmp_path / "copy", size)
    assert copy.rows(slice(None)).tobytes() == whole.numpy().tobytes()
    assert len(made) == -(-len(whole) // 29)


def test_a_killed_copy_of_a_model_goes_on(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(language, "TOKENS_A_BATCH", 150)
    monkeypatch.setattr(copies, "SHARE", np.inf)
    source, runs = pair[0], []

    def count(*_):
        runs.append(1)
        if len(runs) == 5:
            raise KeyboardInterrupt

    handle = source.model.register_forward_hook(count)
    with pytest.raises(KeyboardInterrupt):
        spool(source, tmp_path / "copy", 16)
    resumed = spool(source, tmp_path / "copy", 16)
    handle.remove()
    parts = [len(list(source._parts(batch))) for batch in source._batches()]
    assert len(runs) <= sum(parts) + 2 * max(parts)  # the one that was killed, and the one it had half used
    assert resumed.rows(slice(None)).tobytes() == read(source, 16).tobytes()


def test_the_same_models_at_another_text_are_another_source(pair, checkpoints):
    def identity(text):
        return text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], text, tokens=500)[0].identity()

    words = "one two three four five six seven eight " * 100
    texts = [Corpus("same", (Document("d", "a", text),)) for text in (words, words[::-1])]
    assert identity(texts[0]) == identity(texts[0])
    assert identity(texts[0])[-1] != identity(texts[1])[-1]


def test_other_weights_in_the_same_folder_are_another_source(checkpoints, corpus, tmp_path):
    """A run that was killed does not go on with what a model trained anew in its place computes."""
    folder = shutil.copytree(checkpoints["gpt2"], tmp_path / "model")
    (weights,) = folder.glob("*.safetensors")

    def identity():
        return text_sources(str(folder), checkpoints["gpt_neox"], corpus, tokens=500)[0].identity()

    before = identity()
    assert identity() == before
    os.utime(weights, ns=(weights.stat().st_atime_ns, weights.stat().st_mtime_ns + 1000))
    assert identity() != before


def test_reading_leaves_the_caller_alone(pair):
    """A half-read source must not leave inference mode switched on, nor its hooks for others to trip over."""
    blocks = pair[0].blocks(8)
    next(blocks)
    assert not torch.is_inference_mode_enabled()
    blocks.close()
    assert not any(module._forward_pre_hooks for module in pair[0].model.modules())


def test_the_same_seed_reads_the_same_text(checkpoints, corpus):
    first, second, other = (
        text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=500, seed=seed)[0].text
        for seed in (3, 3, 4)
    )
    assert [w.ids[0].tolist() for w in first.windows] == [w.ids[0].tolist() for w in second.windows]
    assert [w.ids[0].tolist() for w in first.windows] != [w.ids[0].tolist() for w in other.windows]
    assert first.tokens[0] >= 500


def test_no_document_is_read_twice(pair):
    seen = [(w.document, int(w.spans[0])) for w in pair[0].text.windows]
    assert len(set(seen)) == len(seen)
    documents = [w.document for w in pair[0].text.windows]
    assert documents == sorted(documents)


def test_self_match_gives_every_neuron_to_itself(checkpoints, corpus):
    a, b = text_sources(checkpoints["gpt2"], checkpoints["gpt2"], corpus, tokens=2000)
    matches = match(a, b, nulls={}, quiet=True)
    np.testing.assert_array_equal(matches.unit_a, np.arange(128))
    np.testing.assert_array_equal(matches.unit_b, np.arange(128))
    np.testing.assert_allclose(matches.correlation, 1, atol=1e-6)


def test_a_copy_with_shuffled_units_gives_the_permutation(checkpoints, corpus, tmp_path):
    copy = shutil.copytree(checkpoints["gpt_neox"], tmp_path / "shuffled")
    weights = load_file(copy / "model.safetensors")
    rng = np.random.default_rng(5)
    orders = []
    for layer in range(2):
        order = rng.permutation(64)
        orders.append(order + 64 * layer)
        mlp = f"gpt_neox.layers.{layer}.mlp."
        weights[mlp + "dense_h_to_4h.weight"] = weights[mlp + "dense_h_to_4h.weight"][order].contiguous()
        weights[mlp + "dense_h_to_4h.bias"] = weights[mlp + "dense_h_to_4h.bias"][order].contiguous()
        weights[mlp + "dense_4h_to_h.weight"] = weights[mlp + "dense_4h_to_h.weight"][:, order].contiguous()
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    a, b = text_sources(checkpoints["gpt_neox"], copy, corpus, tokens=2000)
    matches = match(a, b, nulls={}, quiet=True)
    assert matches.count == 128
    np.testing.assert_array_equal(matches.unit_a[np.argsort(matches.unit_b)], np.concatenate(orders))


def test_untrained_twins_differ_by_seed_alone(pair):
    first, same, other = (read(pair[1].untrained(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)
    assert not np.allclose(first, read(pair[1]))


def test_contexts_show_the_most_active_text(pair):
    a, b = pair
    x, y = read(a).astype(float), read(b).astype(float)
    z = (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0)
    contexts = top_contexts(a, b, [(3, 100), (70, 5)], number=3)
    assert [c.pair for c in contexts] == [0, 0, 0, 1, 1, 1]
    for pair_number, (u, v) in enumerate([(3, 100), (70, 5)]):
        best = int(np.argmax(z[0][:, u] + z[1][:, v]))
        top = contexts[3 * pair_number]
        number, start, end = a.text.locate(best)
        assert top.span == a.text.corpus.documents[number].text[start:end]
        assert top.activation_a == pytest.approx(z[0][best, u], abs=1e-4)
        assert top.activation_b == pytest.approx(z[1][best, v], abs=1e-4)
        assert len({c.document for c in contexts if c.pair == pair_number}) == 3
    for context in contexts:
        text = next(d.text for d in a.text.corpus.documents if d.name == context.document)
        assert context.before + context.span + context.after in text


# ---------------------------------------------------------------------------------------------------------------------
# Bad input


def test_text_too_short_for_the_budget(checkpoints, corpus):
    with pytest.raises(InputError, match=r"tokens = 9999999: the text 'tiny' has only [\d,]+ tokens"):
        text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=9_999_999)


def test_without_a_budget_it_is_the_papers_or_the_whole_text(checkpoints, corpus, monkeypatch):
    whole, _ = text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=None)
    assert len(whole.text.corpus.documents) == len(corpus.documents)
    everything = whole.text.tokens[0]
    again, _ = text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=everything)
    assert again.text.tokens == whole.text.tokens
    with pytest.raises(InputError, match="has only"):
        text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=everything + 1)
    assert aligned_text.PAPERS_TOKENS == 10_000_000
    monkeypatch.setattr(aligned_text, "PAPERS_TOKENS", 40)
    few, _ = text_sources(checkpoints["gpt2"], checkpoints["gpt_neox"], corpus, tokens=None)
    assert 40 <= few.text.tokens[0] < everything


def test_no_checkpoint(tmp_path, checkpoints, corpus, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # the variable is read at its import
    with pytest.raises(MissingFileError, match="a folder, but not a checkpoint"):
        text_sources(tmp_path, checkpoints["gpt2"], corpus, tokens=10)
    (tmp_path / "file").write_text("")
    with pytest.raises(MissingFileError, match="a file, not a checkpoint folder"):
        text_sources(tmp_path / "file", checkpoints["gpt2"], corpus, tokens=10)
    for name in ("nobody/nothing", "a name", "a/b/c"):
        with pytest.raises(
            MissingFileError, match=f"^{name}: no such folder, and not found on the hub .*Try: the folder"
        ):
            text_sources(name, checkpoints["gpt2"], corpus, tokens=10)
    with pytest.raises(MissingFileError, match=r"/nowhere: no such folder\. Try: the folder of a checkpoint"):
        text_sources(tmp_path / "nowhere", checkpoints["gpt2"], corpus, tokens=10)
    looked_for = "{}: no such folder; looking for it on the hub"  # a third name is a folder of the repository
    said = [looked_for.format(name) for name in ("nobody/nothing", "a/b/c")]
    assert capsys.readouterr().err.strip().splitlines() == said


def damaged(checkpoints, tmp_path, name="gpt2"):
    return shutil.copytree(checkpoints[name], tmp_path / "damaged")


def test_damaged_weights(checkpoints, corpus, tmp_path):
    folder = damaged(checkpoints, tmp_path)
    (folder / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(RosettaError, match="its weights cannot be loaded"):
        text_sources(folder, checkpoints["gpt_neox"], corpus, tokens=100)


def test_pickled_weights_are_never_opened(checkpoints, corpus, tmp_path):
    folder = damaged(checkpoints, tmp_path)
    (folder / "model.safetensors").unlink()
    trap = tmp_path / "sprung"
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch " + str(trap).encode() + b"'\ntR.")
    with pytest.raises(RosettaError, match="its weights cannot be loaded"):
        text_sources(folder, checkpoints["gpt_neox"], corpus, tokens=100)
    assert not trap.exists()


def test_unknown_architecture_lists_candidates(checkpoints, corpus, tmp_path):
    from transformers import ApertusConfig, ApertusModel, AutoTokenizer

    folder = tmp_path / "apertus"
    sizes = {"hidden_size": 16, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ApertusModel(ApertusConfig(vocab_size=300, pad_token_id=0, **sizes)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(checkpoints["gpt2"]).save_pretrained(folder)
    with pytest.raises(RosettaError, match=r"unknown architecture 'apertus'.*here: layers\.\*\.mlp\.down_proj"):
        text_sources(folder, checkpoints["gpt2"], corpus, tokens=100)
    a, _ = text_sources(folder, checkpoints["gpt2"], corpus, tokens=100, patterns=("layers.*.mlp.down_proj", None))
    assert len(a.layer) == 2 * 64


def test_a_pattern_that_finds_nothing(checkpoints, corpus):
    with pytest.raises(RosettaError, match=r"no module is called 'h\.\*\.mlp\.down'"):
        text_sources(checkpoints["gpt2"], checkpoints["gpt2"], corpus, tokens=10, patterns=("h.*.mlp.down", None))


def test_a_slow_tokenizer_is_refused(checkpoints, monkeypatch):
    import transformers

    class Slow:
        is_fast = False

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda *a, **k: Slow())
    with pytest.raises(RosettaError, match="only a slow tokenizer, which gives no offsets"):
        hub.open_tokenizer(checkpoints["gpt2"])


def test_code_in_a_checkpoint_is_not_run(checkpoints, corpus, tmp_path):
    folder = damaged(checkpoints, tmp_path)
    trap = tmp_path / "sprung"
    (folder / "modeling_evil.py").write_text(f"open({str(trap)!r}, 'w')")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "modeling_evil.C", "AutoModel": "modeling_evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(RosettaError, match="its configuration cannot be used"):
        text_sources(folder, checkpoints["gpt_neox"], corpus, tokens=100)
    assert not trap.exists()


def test_a_tokenizer_larger_than_its_model(checkpoints, corpus, tmp_path, tokenizers):
    folder = damaged(checkpoints, tmp_path)
    tokenizers[1].save_pretrained(folder)  # 420 tokens for a model of 300
    with pytest.raises(RosettaError, match="its tokenizer produces token"):
        text_sources(folder, checkpoints["gpt_neox"], corpus, tokens=1000)


def test_widths_of_projections():
    assert architectures.width(torch.nn.Linear(12, 3)) == 12
