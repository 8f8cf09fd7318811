"""Output weights and unembeddings, against what the models themselves compute with them."""

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    BertConfig,
    BertModel,
    MobileBertConfig,
    MobileBertModel,
    OPTConfig,
    OPTForCausalLM,
)

from rosettalaw.empirical.checkpoints import architectures, hub
from rosettalaw.empirical.measures.weights import output_weights, unembedding
from rosettalaw.errors import RosettaError


def opened(folder):
    base = hub.open_model(folder, hub.open_config(folder))
    return base, architectures.output_projections(base, base.config.model_type, str(folder))


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox"])
def test_what_a_neuron_writes(checkpoints, name):
    """The projection of a one-hot activation, less that of none, is the neuron's output weight."""
    _, projections = opened(checkpoints[name])
    weights = output_weights(projections)
    assert weights.shape == (128, 16)
    with torch.inference_mode():
        for layer, projection in enumerate(projections):
            one_hot, nothing = torch.eye(64), torch.zeros(64, 64)
            written = (projection(one_hot) - projection(nothing)).numpy()
            np.testing.assert_allclose(weights[64 * layer : 64 * (layer + 1)], written, atol=1e-6)


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox"])
def test_logits_are_products_with_the_unembedding(checkpoints, name):
    """GPT-2 is tied, GPT-NeoX is not."""
    base, _ = opened(checkpoints[name])
    vectors = unembedding(checkpoints[name], base, 16)
    whole = AutoModelForCausalLM.from_pretrained(checkpoints[name]).eval()
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.inference_mode():
        np.testing.assert_allclose(
            base(ids).last_hidden_state.numpy() @ vectors.T, whole(ids).logits.numpy(), atol=1e-4
        )
    tied = np.array_equal(vectors, base.get_input_embeddings().weight.detach().numpy())
    assert tied == (name == "gpt2")


def test_mlps_that_write_to_a_bottleneck_have_no_product_with_the_unembedding():
    """MobileBERT's embeddings are as wide as its bottleneck, and yet not of the same space."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 50}
    base: Any = MobileBertModel(MobileBertConfig(**sizes, embedding_size=8, intra_bottleneck_size=8))
    assert base.get_input_embeddings().weight.shape == (50, 8)
    with pytest.raises(RosettaError, match="its MLPs write 8 numbers, and not to the residual stream of width 16"):
        unembedding("tiny", base, 8)


def test_a_projected_unembedding_is_mapped_back(tmp_path):
    """OPT-350m projects the residual stream to a narrower one before the unembedding."""
    config = OPTConfig(
        vocab_size=50,
        hidden_size=16,
        word_embed_proj_dim=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        ffn_dim=32,
        max_position_embeddings=16,
        do_layer_norm_before=False,
    )
    torch.manual_seed(0)
    whole = OPTForCausalLM(config).eval()
    whole.save_pretrained(tmp_path)
    base, projections = opened(tmp_path)
    vectors = unembedding(tmp_path, base, output_weights(projections).shape[1])
    stream = torch.randn(5, 16)
    with torch.inference_mode():
        expected = whole.lm_head(whole.model.decoder.project_out(stream)).numpy()
    np.testing.assert_allclose(stream.numpy() @ vectors.T, expected, atol=1e-5)


def test_an_encoder_is_read_by_its_token_embedding():
    torch.manual_seed(0)
    config = BertConfig(vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24)
    model = BertModel(config)
    np.testing.assert_array_equal(
        unembedding("bert", model, 16), model.embeddings.word_embeddings.weight.detach().numpy()
    )


def test_a_checkpoint_without_its_head_is_refused(checkpoints, tmp_path):
    """Were it let pass, the head would be drawn at random."""
    AutoModel.from_pretrained(checkpoints["gpt_neox"]).save_pretrained(tmp_path)
    base, _ = opened(tmp_path)
    with pytest.raises(RosettaError, match="has no unembedding, neither tied weights nor a separate head"):
        unembedding(tmp_path, base, 16)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({name: value[:1] for name, value in tensors.items()}, tmp_path / "model.safetensors")
    with pytest.raises(RosettaError, match="its unembedding cannot be loaded"):
        unembedding(tmp_path, base, 16)


def test_a_pickled_head_needs_leave_too(checkpoints, tmp_path):
    (tmp_path / "config.json").write_text((checkpoints["gpt_neox"] / "config.json").read_text())
    torch.save(load_file(checkpoints["gpt_neox"] / "model.safetensors"), tmp_path / "pytorch_model.bin")
    base, _ = opened(checkpoints["gpt_neox"])
    with pytest.raises(RosettaError, match="its unembedding cannot be loaded"):
        unembedding(tmp_path, base, 16)
    found = unembedding(tmp_path, base, 16, pickled=True)
    np.testing.assert_array_equal(found, unembedding(checkpoints["gpt_neox"], base, 16))


def test_a_head_whose_pickle_runs_code_is_refused(checkpoints, tmp_path):
    import pathlib

    class Evil:
        def __reduce__(self):
            return pathlib.Path.touch, (tmp_path / "sprung",)

    (tmp_path / "config.json").write_text((checkpoints["gpt_neox"] / "config.json").read_text())
    torch.save({"embed_out.weight": Evil()}, tmp_path / "pytorch_model.bin")
    base, _ = opened(checkpoints["gpt_neox"])
    with pytest.raises(RosettaError, match="its unembedding cannot be loaded"):
        unembedding(tmp_path, base, 16, pickled=True)
    assert not (tmp_path / "sprung").exists()


def test_neurons_are_the_inputs_of_a_projection_whatever_its_shape():
    from transformers.pytorch_utils import Conv1D

    narrow, wide, conv = torch.nn.Linear(3, 5), torch.nn.Linear(6, 5), Conv1D(5, 3)
    found = output_weights([narrow, wide, conv])
    assert found.shape == (3 + 6 + 3, 5)
    for start, projection, neurons in ((0, narrow, 3), (3, wide, 6), (9, conv, 3)):
        silent = projection(torch.zeros(neurons))
        written = torch.stack([projection(one) - silent for one in torch.eye(neurons)])
        np.testing.assert_allclose(found[start : start + neurons], written.detach().numpy(), atol=1e-6)
