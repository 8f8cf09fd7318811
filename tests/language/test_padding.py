"""Texts read together: the same values as alone, whatever the architecture does with padding; others are refused."""

from contextlib import suppress

import numpy as np
import pytest
import torch
import transformers
from test_architectures import BART, COMMON, CONFIGS, T5, lengths, write

from rosettalaw.empirical.checkpoints.architectures import OUTPUT_PROJECTION, UNREADABLE, WITHOUT_BLOCKS, ModelParts
from rosettalaw.empirical.checkpoints.hub import attend_fully
from rosettalaw.empirical.corpora.corpus import Document
from rosettalaw.empirical.filtering.document_activations import ModelReader
from rosettalaw.empirical.language.loaded import unchanged
from rosettalaw.empirical.language.opening import require_text
from rosettalaw.empirical.language.padding import MIXING, by_window, padding_is_left_out
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.empirical.sites import AttentionHeads, MlpNeurons, ResidualStream
from rosettalaw.errors import RosettaError

assert lengths  # a fixture
WITHOUT_ENTRY = {"yoso": ("Yoso", COMMON)}


def written(kind, folder, tokenizer, monkeypatch):
    if kind in WITHOUT_ENTRY:
        monkeypatch.setitem(CONFIGS, kind, WITHOUT_ENTRY[kind])
    return write(kind, folder, tokenizer)


def each_alone(source):
    """Return a source's values, every window read by itself."""
    source._parts = lambda batch: ([index] for index in range(len(batch)))
    return np.concatenate(list(source.blocks(1_000)))


CASES = [
    *((kind, MlpNeurons()) for kind in ("bert", *MIXING)),
    *(
        (kind, ResidualStream())
        for kind in ("bert", "fnet", "xlnet", "longformer", "led", "rwkv", "mobilebert", *WITHOUT_ENTRY)
    ),
    *((kind, AttentionHeads()) for kind in ("bert", "longformer", "led", "convbert")),
]


@pytest.mark.parametrize(("kind", "site"), CASES, ids=lambda one: str(one))
def test_windows_read_together_have_the_values_of_each_alone(
    kind, site, tmp_path, tokenizers, lengths, monkeypatch, capsys
):
    folder = written(kind, tmp_path, tokenizers[0], monkeypatch)
    source, _ = text_sources(folder, folder, lengths, None, sites=(site, site))
    together = np.concatenate(list(source.blocks(1_000)))
    np.testing.assert_allclose(together, each_alone(source), rtol=1e-3, atol=1e-4)
    assert together.std(0).min() > 0


@pytest.mark.parametrize("kind", ["xlnet", "longformer", "fnet", "rwkv", "ctrl"])
def test_the_residual_stream_is_what_transformers_calls_hidden_states(kind, tmp_path, tokenizers, lengths):
    folder = write(kind, tmp_path, tokenizers[0])
    source, _ = text_sources(folder, folder, lengths, None, sites=(ResidualStream(),) * 2)
    measured = next(source.blocks(1_000))
    model = transformers.AutoModel.from_pretrained(folder).eval()
    row = 0
    for window in source.text.windows[:8]:
        ids = torch.tensor([window.ids[0].tolist()])
        with torch.inference_mode():
            state = model(input_ids=ids, output_hidden_states=True).hidden_states
            state = state[int(kind != "rwkv")][0].numpy()  # whose list has no embeddings
        ends = np.cumsum(window.lengths[0])
        expected = [state[end - n : end].mean(0) for end, n in zip(ends, window.lengths[0], strict=True)]
        np.testing.assert_allclose(measured[row : row + len(ends), :16], expected, rtol=1e-3, atol=1e-4)
        row += len(ends)


def test_a_document_that_filter_reads_has_the_same_values_beside_a_longer_one(tmp_path, tokenizers):
    reader = ModelReader(write("fnet", tmp_path, tokenizers[0]))
    first, longer = Document("a", "x", "The river carries."), Document("b", "x", "The river carries what it lets go.")
    neurons = np.arange(len(reader.layer))
    ((alone,), (both,)) = (list(reader.read(some, neurons)) for some in ([first], [longer, first]))
    np.testing.assert_allclose(both.mean[1], alone.mean[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(both.peak[1], alone.peak[0], rtol=1e-4, atol=1e-5)


def reader(values):
    """Return a reader of the first of some texts from a function of a padded array, shape (texts, tokens), and mask."""

    def read(texts):
        longest = max(map(len, texts))
        ids = np.array([np.pad(one, (0, longest - len(one))) for one in texts], float)
        mask = np.array([np.arange(longest) < len(one) for one in texts])
        first = np.asarray(values(ids, mask))[0, : len(texts[0])]
        return [torch.tensor(np.stack([first, first**2], axis=1))]

    return read


def test_a_trial_tells_what_a_model_does_with_padding():
    rng = np.random.default_rng(0)
    texts = [np.arange(3), np.arange(3, 40)]
    with_mask = reader(lambda ids, mask: ids + ((ids * mask).sum(1) / mask.sum(1))[:, None])
    assert padding_is_left_out(with_mask, texts, "tiny")
    without = reader(lambda ids, mask: ids + ids.mean(1, keepdims=True))
    assert not padding_is_left_out(without, texts, "tiny")
    at_the_edge = reader(lambda ids, mask: ids * (1 + (np.arange(ids.shape[1]) == ids.shape[1] - 1)))
    assert not padding_is_left_out(at_the_edge, texts, "tiny")
    assert not padding_is_left_out(with_mask, [np.arange(3)], "tiny")  # too short to tell
    with pytest.raises(RosettaError, match=r"tiny: its activations differ each time.*Try: rosettalaw match a\.npy"):
        padding_is_left_out(reader(lambda ids, mask: ids + rng.standard_normal(ids.shape)), texts, "tiny")
    with pytest.raises(RosettaError, match="tiny: its activations of a text depend on the other texts"):
        padding_is_left_out(reader(lambda ids, mask: ids + ids.sum(0)), texts, "tiny")
    rounded = reader(lambda ids, mask: ids * (1 + 0.02 * (len(ids) > 1)))
    assert padding_is_left_out(rounded, texts, "tiny", half=True)


def test_values_that_are_not_those_of_the_tokens_are_refused():
    value = torch.arange(24.0).reshape(2, 3, 4)
    assert torch.equal(by_window(value, 2, 3, "bert"), value)
    assert torch.equal(by_window(value.reshape(6, 4), 2, 3, "bert"), value)
    assert torch.equal(by_window(value, 3, 2, "xlnet"), value.transpose(0, 1))
    assert torch.equal(by_window(value, 2, 2, "longformer"), value[:, :2])
    for windows, tokens in ((3, 2), (2, 2), (6, 1)):
        with pytest.raises(RosettaError, match=r"its values have the shape \(2, 3, 4\).*Try: rosettalaw match a\.npy"):
            by_window(value, windows, tokens, "another")


@pytest.mark.parametrize("kind", sorted(UNREADABLE))
def test_models_without_activations_of_tokens_are_refused_with_the_reason(kind):
    config = transformers.AutoConfig.for_model(kind)
    with pytest.raises(RosettaError, match=f"tiny: {kind} .*Activations of single tokens are needed. Try: rosettalaw"):
        require_text("tiny", config)


def test_random_attention_gives_way_to_full_attention_before_the_first_text():
    sizes = {"attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 1}
    bird = transformers.AutoModel.from_config(transformers.BigBirdConfig(**COMMON, **sizes))
    pegasus = transformers.AutoModel.from_config(transformers.BigBirdPegasusConfig(**BART, **sizes))
    for model, layer in ((bird, bird.encoder.layer[0]), (pegasus.encoder, pegasus.encoder.layers[0])):
        attend_fully(model)
        assert model.attention_type == "original_full"
        assert "Sparse" not in type(layer.attention.self if model is bird else layer.self_attn.self).__name__


def test_a_callers_model_keeps_its_attention():
    """The same modules as before, after a reading that attends fully and after one that fails."""
    sizes = {"attention_type": "block_sparse", "block_size": 4, "num_random_blocks": 1}
    model = transformers.AutoModel.from_config(transformers.BigBirdConfig(**COMMON, **sizes))
    before = [id(part) for part in model.modules()], model.attention_type
    with unchanged(model):
        attend_fully(model)
    with suppress(KeyError), unchanged(model):
        attend_fully(model)
        raise KeyError
    assert ([id(part) for part in model.modules()], model.attention_type) == before
    assert {part.attention_type for part in model.modules() if hasattr(part, "attention_type")} == {"block_sparse"}


def test_layers_that_are_lists_of_parts_have_no_residual_stream():
    for kind in WITHOUT_BLOCKS:
        name, sizes = CONFIGS[kind]
        model = transformers.AutoModel.from_config(getattr(transformers, f"{name}Config")(**sizes))
        with pytest.raises(RosettaError, match=f"the layers of {kind} have no block as a whole. Try: --site mlp"):
            ModelParts(model, kind, "tiny").blocks()


def test_unknown_blocks_are_refused_with_a_pattern():
    model = transformers.AutoModel.from_config(transformers.SwitchTransformersConfig(**T5, num_experts=2))
    with pytest.raises(RosettaError, match=r"Try: --pattern 'encoder\.block\.\*\.layer\.1\.mlp\.wo', the output"):
        ModelParts(model, "switch_transformers", "tiny").blocks()


def test_architectures_that_mix_positions_have_an_entry():
    assert set(MIXING) <= set(OUTPUT_PROJECTION)
    assert not set(UNREADABLE) & set(OUTPUT_PROJECTION)
