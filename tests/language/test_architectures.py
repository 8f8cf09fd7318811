"""Every registered architecture: a tiny random checkpoint on disk, its hooked activations against its MLP by hand."""

import numpy as np
import pytest
import scipy.special
import torch
import transformers
from tokenizers import processors

from rosettalaw.empirical.checkpoints.architectures import OUTPUT_PROJECTION
from rosettalaw.empirical.language.opening import special_tokens
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.errors import RosettaError

SIZES = {"hidden_size": 16, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
COMMON = {**SIZES, "vocab_size": 300, "max_position_embeddings": 32, "bos_token_id": 299, "eos_token_id": 299}
GROUPED = {**COMMON, "num_key_value_heads": 2, "pad_token_id": 0}

CONFIGS = {
    "bert": lambda: transformers.BertConfig(**COMMON),
    "camembert": lambda: transformers.CamembertConfig(**COMMON),
    "electra": lambda: transformers.ElectraConfig(**COMMON),
    "mpnet": lambda: transformers.MPNetConfig(**COMMON),
    "roberta": lambda: transformers.RobertaConfig(**COMMON),
    "xlm-roberta": lambda: transformers.XLMRobertaConfig(**COMMON),
    "gemma": lambda: transformers.GemmaConfig(**GROUPED, head_dim=8),
    "gemma2": lambda: transformers.Gemma2Config(**GROUPED, head_dim=8),
    "gemma3_text": lambda: transformers.Gemma3TextConfig(**GROUPED, head_dim=8),
    "gpt2": lambda: transformers.GPT2Config(
        n_embd=16, n_layer=2, n_head=2, n_inner=40, n_positions=32, vocab_size=300, bos_token_id=299, eos_token_id=299
    ),
    "gpt_neox": lambda: transformers.GPTNeoXConfig(**COMMON),
    "llama": lambda: transformers.LlamaConfig(**GROUPED),
    "mistral": lambda: transformers.MistralConfig(**GROUPED),
    "olmo": lambda: transformers.OlmoConfig(**GROUPED),
    "olmo2": lambda: transformers.Olmo2Config(**GROUPED),
    "opt": lambda: transformers.OPTConfig(
        hidden_size=16,
        ffn_dim=40,
        num_hidden_layers=2,
        num_attention_heads=2,
        vocab_size=300,
        max_position_embeddings=32,
        word_embed_proj_dim=16,
        bos_token_id=299,
        eos_token_id=299,
    ),
    "phi": lambda: transformers.PhiConfig(**COMMON),
    "phi3": lambda: transformers.Phi3Config(**GROUPED),
    "qwen2": lambda: transformers.Qwen2Config(**GROUPED),
    "qwen3": lambda: transformers.Qwen3Config(**GROUPED, head_dim=8),
}


def silu(x):
    return x / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + scipy.special.erf(x / np.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def relu(x):
    return np.maximum(x, 0)


def linear(x, weights, name):
    """Apply one linear map in float64; the Conv1D of GPT-2 stores its weight transposed."""
    weight = weights[f"{name}.weight"]
    weight = weight.T if name.endswith("c_fc") else weight
    return x @ weight.T + weights.get(f"{name}.bias", 0)


def gated(act):
    return lambda x, weights, mlp: act(linear(x, weights, f"{mlp}.gate_proj")) * linear(x, weights, f"{mlp}.up_proj")


def fused_gate(x, weights, mlp):
    gate, up = np.split(linear(x, weights, f"{mlp}.gate_up_proj"), 2, axis=-1)
    return silu(gate) * up


# The module whose input is the MLP's input, and the neurons from that input.
MLP = {
    **{
        name: ("encoder.layer.{}.intermediate", lambda x, w, m: gelu(linear(x, w, f"{m}.dense")))
        for name in ("bert", "camembert", "electra", "mpnet", "roberta", "xlm-roberta")
    },
    "gpt2": ("h.{}.mlp", lambda x, w, m: gelu_tanh(linear(x, w, f"{m}.c_fc"))),
    "gpt_neox": ("layers.{}.mlp", lambda x, w, m: gelu(linear(x, w, f"{m}.dense_h_to_4h"))),
    "opt": ("decoder.layers.{}.fc1", lambda x, w, m: relu(linear(x, w, m))),
    "phi": ("layers.{}.mlp", lambda x, w, m: gelu_tanh(linear(x, w, f"{m}.fc1"))),
    "phi3": ("layers.{}.mlp", fused_gate),
    **{name: ("layers.{}.mlp", gated(gelu_tanh)) for name in ("gemma", "gemma2", "gemma3_text")},
    **{name: ("layers.{}.mlp", gated(silu)) for name in ("llama", "mistral", "olmo", "olmo2", "qwen2", "qwen3")},
}


def by_hand(kind, model, ids):
    """Return the neurons of all layers for one sequence, shape (tokens, neurons), in float64."""
    inputs = {}
    handles = []
    for layer in range(2):
        name = MLP[kind][0].format(layer)

        def keep(module, args, layer=layer):
            inputs[layer] = args[0].reshape(-1, 16).double().numpy()

        handles.append(model.get_submodule(name).register_forward_pre_hook(keep))
    with torch.inference_mode():
        model(input_ids=torch.tensor([ids]))
    for handle in handles:
        handle.remove()
    weights = {key: value.double().numpy() for key, value in model.state_dict().items()}
    return np.concatenate([MLP[kind][1](inputs[i], weights, MLP[kind][0].format(i)) for i in range(2)], axis=1)


def write(kind, folder, tokenizer):
    torch.manual_seed(3)
    config = CONFIGS[kind]()
    config.initializer_range = 0.2
    assert config.model_type == kind
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_every_architecture_is_tested():
    assert set(OUTPUT_PROJECTION) == set(CONFIGS) == set(MLP)


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_hooked_activations_are_the_mlp_by_hand(kind, tmp_path, tokenizers, corpus):
    folder = write(kind, tmp_path / kind, tokenizers[0])
    source, _ = text_sources(folder, folder, corpus, tokens=300)
    assert source.layer.tolist() == [0] * 40 + [1] * 40
    measured = next(source.blocks(10_000))
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    row = 0
    for window in source.text.windows:
        tokens = by_hand(kind, model, window.ids[0].tolist())
        ends = np.cumsum(window.lengths[0])
        expected = [tokens[end - n : end].mean(0) for end, n in zip(ends, window.lengths[0], strict=True)]
        np.testing.assert_allclose(measured[row : row + window.positions], expected, rtol=1e-3, atol=1e-4)
        row += window.positions
    assert measured.std(0).min() > 0


def test_special_tokens_are_read_but_carry_no_text(tmp_path, tokenizers, corpus):
    """An encoder's [CLS] and [SEP] frame every window: the model sees them, no span contains them."""
    from transformers import PreTrainedTokenizerFast

    plain = tokenizers[0]
    backend = plain.backend_tokenizer.__class__.from_str(plain.backend_tokenizer.to_str())
    backend.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A <|endoftext|>", special_tokens=[("<|endoftext|>", 299)]
    )
    framed = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>")
    assert special_tokens(framed) == ([299], [299])
    assert special_tokens(plain) == ([], [])
    folder = write("bert", tmp_path / "bert", framed)
    source, _ = text_sources(folder, folder, corpus, tokens=300)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    measured = next(source.blocks(10_000))
    window = source.text.windows[0]
    assert len(window.ids[0]) <= 30
    tokens = by_hand("bert", model, [299, *window.ids[0].tolist(), 299])[1:-1]
    ends = np.cumsum(window.lengths[0])
    expected = [tokens[end - n : end].mean(0) for end, n in zip(ends, window.lengths[0], strict=True)]
    np.testing.assert_allclose(measured[: window.positions], expected, rtol=1e-3, atol=1e-4)


def test_mixtures_of_experts_are_refused(tmp_path, tokenizers, corpus):
    config = transformers.MixtralConfig(**GROUPED, num_local_experts=2, num_experts_per_tok=1)
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path / "moe")
    tokenizers[0].save_pretrained(tmp_path / "moe")
    with pytest.raises(RosettaError, match="a mixture of experts"):
        text_sources(tmp_path / "moe", tmp_path / "moe", corpus, tokens=100)
