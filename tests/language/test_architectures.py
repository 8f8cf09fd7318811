"""Every registered architecture: a tiny random checkpoint on disk, its hooked activations against its MLP by hand."""

import numpy as np
import pytest
import scipy.special
import torch
import transformers
from tokenizers import processors

from rosettalaw.empirical.checkpoints.architectures import OUTPUT_PROJECTION, ModelParts, output_projections
from rosettalaw.empirical.checkpoints.capturing import captured
from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.filtering.document_activations import ModelReader
from rosettalaw.empirical.language.opening import require_text, special_tokens
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.errors import RosettaError

SIZES = {"hidden_size": 16, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
COMMON = {**SIZES, "vocab_size": 300, "max_position_embeddings": 32, "bos_token_id": 299, "eos_token_id": 299}
GROUPED = {**COMMON, "num_key_value_heads": 2, "pad_token_id": 0}
HEADS = {**GROUPED, "head_dim": 8}
GPT = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_inner": 40, "n_positions": 32, "vocab_size": 300}
GPT |= {"bos_token_id": 299, "eos_token_id": 299}
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 40, "num_layers": 2, "num_heads": 2, "vocab_size": 300}
T5 |= {"decoder_start_token_id": 0, "dropout_rate": 0.0}
BART = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 40, "decoder_ffn_dim": 40}
BART |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "vocab_size": 300, "max_position_embeddings": 34}
BART |= {"decoder_start_token_id": 2}
OPT = {"hidden_size": 16, "ffn_dim": 40, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 300}
OPT |= {"max_position_embeddings": 32, "word_embed_proj_dim": 16, "bos_token_id": 299, "eos_token_id": 299}
ALBERT = {**COMMON, "embedding_size": 8, "num_hidden_layers": 3, "hidden_act": "gelu"}
CHUNKED = {**COMMON, "max_position_embeddings": 64, "attention_window": [4, 4]}
LED = {**{key: value for key, value in BART.items() if key != "max_position_embeddings"}, "attention_window": 4}
LED |= {"max_encoder_position_embeddings": 64, "max_decoder_position_embeddings": 34}
MOBILE = {
    **COMMON,
    "embedding_size": 8,
    "intra_bottleneck_size": 8,
    "num_feedforward_networks": 3,
    "hidden_act": "gelu",
}
XLM = {"emb_dim": 16, "n_layers": 2, "n_heads": 2, "vocab_size": 300, "max_position_embeddings": 32, "n_langs": 1}
DISENTANGLED = {**COMMON, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
VISION = {**SIZES, "image_size": 16, "patch_size": 8}


# `model_type` -> name of the class of its configuration without "Config", and its sizes.
CONFIGS = {
    "albert": ("Albert", ALBERT),
    "arcee": ("Arcee", GROUPED),
    "bart": ("Bart", BART),
    "bert": ("Bert", COMMON),
    "bert-generation": ("BertGeneration", COMMON),
    "big_bird": ("BigBird", {**COMMON, "attention_type": "original_full"}),
    "bigbird_pegasus": ("BigBirdPegasus", {**BART, "attention_type": "original_full"}),
    "biogpt": ("BioGpt", COMMON),
    "blenderbot": ("Blenderbot", BART),
    "blenderbot-small": ("BlenderbotSmall", BART),
    "bloom": ("Bloom", {"hidden_size": 16, "n_layer": 2, "n_head": 2, "vocab_size": 300}),
    "camembert": ("Camembert", COMMON),
    "codegen": ("CodeGen", {**GPT, "n_head": 4, "rotary_dim": 4}),
    "cohere": ("Cohere", GROUPED),
    "cohere2": ("Cohere2", GROUPED),
    "convbert": ("ConvBert", {**COMMON, "embedding_size": 16, "head_ratio": 1}),
    "ctrl": ("CTRL", {"n_embd": 16, "n_layer": 2, "n_head": 2, "dff": 40, "n_positions": 32, "vocab_size": 300}),
    "data2vec-text": ("Data2VecText", COMMON),
    "deberta": ("Deberta", DISENTANGLED),
    "deberta-v2": ("DebertaV2", DISENTANGLED),
    "distilbert": (
        "DistilBert",
        {"dim": 16, "hidden_dim": 40, "n_layers": 2, "n_heads": 2, "vocab_size": 300, "max_position_embeddings": 32},
    ),
    "electra": ("Electra", COMMON),
    "ernie": ("Ernie", COMMON),
    "esm": ("Esm", {**COMMON, "pad_token_id": 1}),
    "eurobert": ("EuroBert", GROUPED),
    "exaone4": ("Exaone4", GROUPED),
    "falcon": ("Falcon", COMMON),
    "flaubert": ("Flaubert", XLM),
    "fnet": ("FNet", COMMON),
    "gemma": ("Gemma", HEADS),
    "gemma2": ("Gemma2", HEADS),
    "gemma3": ("Gemma3", {"text_config": HEADS, "vision_config": VISION, "mm_tokens_per_image": 4}),
    "gemma3_text": ("Gemma3Text", HEADS),
    "glm": ("Glm", HEADS),
    "glm4": ("Glm4", HEADS),
    "gpt2": ("GPT2", GPT),
    "gpt_bigcode": ("GPTBigCode", GPT),
    "gpt_neo": (
        "GPTNeo",
        {
            "hidden_size": 16,
            "num_layers": 2,
            "num_heads": 2,
            "intermediate_size": 40,
            "max_position_embeddings": 32,
            "vocab_size": 300,
            "attention_types": [[["global", "local"], 1]],
        },
    ),
    "gpt_neox": ("GPTNeoX", COMMON),
    "gpt_neox_japanese": ("GPTNeoXJapanese", {**COMMON, "intermediate_multiple_size": 4}),
    "gptj": ("GPTJ", {**GPT, "rotary_dim": 4}),
    "granite": ("Granite", GROUPED),
    "helium": ("Helium", HEADS),
    "ibert": ("IBert", COMMON),
    "led": ("LED", LED),
    "llama": ("Llama", GROUPED),
    "longformer": ("Longformer", CHUNKED),
    "longt5": ("LongT5", {**T5, "local_radius": 4}),
    "luke": ("Luke", {**COMMON, "entity_vocab_size": 3, "entity_emb_size": 8}),
    "m2m_100": ("M2M100", BART),
    "marian": ("Marian", {**BART, "pad_token_id": 1}),
    "markuplm": ("MarkupLM", {**COMMON, "xpath_unit_hidden_size": 4, "max_depth": 2}),
    "mbart": ("MBart", BART),
    "megatron-bert": ("MegatronBert", COMMON),
    "ministral": ("Ministral", HEADS),
    "mistral": ("Mistral", GROUPED),
    "mobilebert": ("MobileBert", MOBILE),
    "modernbert": (
        "ModernBert",
        {**GROUPED, "cls_token_id": 299, "sep_token_id": 299, "attn_implementation": "eager"},
    ),
    "mpnet": ("MPNet", COMMON),
    "mpt": (
        "Mpt",
        {"d_model": 16, "n_heads": 2, "n_layers": 2, "expansion_ratio": 3, "max_seq_len": 32, "vocab_size": 300},
    ),
    "mt5": ("MT5", T5),
    "mvp": ("Mvp", BART),
    "nemotron": ("Nemotron", GROUPED),
    "nomic_bert": ("NomicBert", COMMON),
    "nystromformer": ("Nystromformer", COMMON),
    "olmo": ("Olmo", GROUPED),
    "olmo2": ("Olmo2", GROUPED),
    "olmo3": ("Olmo3", GROUPED),
    "openai-gpt": ("OpenAIGPT", {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, "vocab_size": 300}),
    "opt": ("OPT", OPT),
    "pegasus": ("Pegasus", BART),
    "persimmon": ("Persimmon", COMMON),
    "phi": ("Phi", COMMON),
    "phi3": ("Phi3", GROUPED),
    "plbart": ("PLBart", BART),
    "qwen2": ("Qwen2", GROUPED),
    "qwen3": ("Qwen3", HEADS),
    "rembert": ("RemBert", COMMON),
    "roberta": ("Roberta", COMMON),
    "roberta-prelayernorm": ("RobertaPreLayerNorm", COMMON),
    "roformer": ("RoFormer", COMMON),
    "rwkv": ("Rwkv", {"hidden_size": 16, "intermediate_size": 40, "num_hidden_layers": 2, "vocab_size": 300}),
    "seed_oss": ("SeedOss", HEADS),
    "smollm3": ("SmolLM3", GROUPED),
    "stablelm": ("StableLm", GROUPED),
    "starcoder2": ("Starcoder2", GROUPED),
    "t5": ("T5", T5),
    "umt5": ("UMT5", T5),
    "xglm": (
        "XGLM",
        {
            "d_model": 16,
            "ffn_dim": 40,
            "num_layers": 2,
            "attention_heads": 2,
            "vocab_size": 300,
            "max_position_embeddings": 32,
        },
    ),
    "xlm": ("XLM", XLM),
    "xlm-roberta": ("XLMRoberta", COMMON),
    "xlm-roberta-xl": ("XLMRobertaXL", COMMON),
    "xlnet": ("XLNet", {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 40, "vocab_size": 300}),
    "xmod": ("Xmod", {**COMMON, "languages": ["en_XX"], "default_language": "en_XX"}),
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
    weight = weight if weight.shape[1] == x.shape[-1] else weight.T
    return x @ weight.T + weights.get(f"{name}.bias", 0)


def relu_squared(x):
    return relu(x) ** 2


def plain(act, first):
    """Return neurons act(W x + b) from the input x of the MLP's first linear map."""
    return first, lambda x, weights, name: act(linear(x, weights, name))


def gated(act, prefix, gate="gate_proj", up="up_proj"):
    """Return neurons act(G x) · U x."""

    def neurons(x, weights, name):
        parent = name.rpartition(".")[0]
        return act(linear(x, weights, f"{parent}.{gate}")) * linear(x, weights, f"{parent}.{up}")

    return f"{prefix}.{gate}", neurons


def fused(act, first):
    """Return neurons act(first half) · second half of one linear map."""

    def neurons(x, weights, name):
        gate, up = np.split(linear(x, weights, name), 2, axis=-1)
        return act(gate) * up

    return first, neurons


BERT = "encoder.layer.{}.intermediate.dense"
BLOCKS = ("encoder.block.{}.layer.1.DenseReluDense", "decoder.block.{}.layer.2.DenseReluDense")
LLAMA = gated(silu, "layers.{}.mlp")
BERTS = ("bert", "camembert", "data2vec-text", "deberta", "deberta-v2", "electra", "ernie", "esm", "megatron-bert")
BERTS += ("bert-generation", "convbert", "ibert", "longformer", "luke", "markuplm", "xmod")
BERTS += ("mpnet", "rembert", "roberta", "roberta-prelayernorm", "roformer", "xlm-roberta", "xlm-roberta-xl")
LLAMAS = (
    "cohere",
    "cohere2",
    "eurobert",
    "exaone4",
    "granite",
    "helium",
    "llama",
    "ministral",
    "mistral",
    "nomic_bert",
)
BARTS = ("bart", "blenderbot", "blenderbot-small", "led", "marian", "mbart", "mvp", "pegasus", "plbart")
LLAMAS += ("olmo", "olmo2", "olmo3", "qwen2", "qwen3", "seed_oss", "smollm3", "stablelm")

# The MLP's first linear map (or those of a block's several MLPs), and the neurons from its input; one entry for an
# encoder and one for a decoder.
MLP = {
    **{kind: [plain(gelu, BERT)] for kind in BERTS},
    **{kind: [LLAMA] for kind in LLAMAS},
    **{kind: [gated(gelu_tanh, "layers.{}.mlp")] for kind in ("gemma", "gemma2", "gemma3_text")},
    **{kind: [plain(gelu, f"{part}.layers.{{}}.fc1") for part in ("encoder", "decoder")] for kind in BARTS},
    **{kind: [gated(gelu_tanh, block, "wi_0", "wi_1") for block in BLOCKS] for kind in ("mt5", "umt5")},
    **{kind: [plain(relu_squared, "layers.{}.mlp.up_proj")] for kind in ("arcee", "nemotron")},
    **{kind: [plain(gelu_tanh, "h.{}.mlp.c_fc")] for kind in ("gpt2", "gpt_bigcode", "gpt_neo", "openai-gpt")},
    **{kind: [plain(gelu_tanh, "h.{}.mlp.fc_in")] for kind in ("codegen", "gptj")},
    **{kind: [plain(gelu, "layers.{}.fc1")] for kind in ("biogpt", "xglm")},
    **{kind: [fused(silu, "layers.{}.mlp.gate_up_proj")] for kind in ("glm", "glm4", "phi3")},
    "albert": [plain(gelu, "encoder.albert_layer_groups.0.albert_layers.0.ffn")],
    "big_bird": [plain(gelu_tanh, BERT)],
    "bigbird_pegasus": [plain(gelu_tanh, f"{part}.layers.{{}}.fc1") for part in ("encoder", "decoder")],
    "bloom": [plain(gelu_tanh, "h.{}.mlp.dense_h_to_4h")],
    "ctrl": [plain(relu, "h.{}.ffn.0")],
    "distilbert": [plain(gelu, "transformer.layer.{}.ffn.lin1")],
    "falcon": [plain(gelu, "h.{}.mlp.dense_h_to_4h")],
    "flaubert": [plain(gelu, "ffns.{}.lin1")],
    "fnet": [plain(gelu_tanh, BERT)],
    "nystromformer": [plain(gelu_tanh, BERT)],
    "gemma3": [gated(gelu_tanh, "language_model.layers.{}.mlp")],
    "gpt_neox": [plain(gelu, "layers.{}.mlp.dense_h_to_4h")],
    "gpt_neox_japanese": [plain(gelu, "layers.{}.mlp.dense_h_to_4h")],
    "m2m_100": [plain(relu, f"{part}.layers.{{}}.fc1") for part in ("encoder", "decoder")],
    "longt5": [plain(relu, f"{block}.wi") for block in BLOCKS],
    "mobilebert": [plain(gelu, (*(f"encoder.layer.{{}}.ffn.{i}.intermediate.dense" for i in range(2)), BERT))],
    "modernbert": [fused(gelu, "layers.{}.mlp.Wi")],
    "mpt": [plain(gelu, "blocks.{}.ffn.up_proj")],
    "opt": [plain(relu, "decoder.layers.{}.fc1")],
    "persimmon": [plain(relu_squared, "layers.{}.mlp.dense_h_to_4h")],
    "phi": [plain(gelu_tanh, "layers.{}.mlp.fc1")],
    "rwkv": [plain(relu_squared, "blocks.{}.feed_forward.key")],
    "starcoder2": [plain(gelu_tanh, "layers.{}.mlp.c_fc")],
    "t5": [plain(relu, f"{block}.wi") for block in BLOCKS],
    "xlm": [plain(gelu, "ffns.{}.lin1")],
    "xlnet": [plain(gelu, "layer.{}.ff.layer_1")],
}


FOUR_TIMES = ("bloom", "falcon", "flaubert", "gpt_neox_japanese", "mpt", "openai-gpt", "xlm")  # the stream's width


def by_hand(kind, model, ids):
    """Return the neurons of all layers for one sequence, shape (tokens, neurons), in float64.

    A decoder that follows an encoder reads the sequence behind its start token, which has no row.
    """
    depth = getattr(model.config, "text_config", model.config).num_hidden_layers
    start = getattr(model.config, "decoder_start_token_id", None)
    options = {"decoder_input_ids": torch.tensor([[start, *ids]])} if len(MLP[kind]) > 1 else {}
    weights = {key: value.double().numpy() for key, value in model.state_dict().items()}
    layers = []
    for name, neurons in MLP[kind]:
        inputs: list = []
        several = (name,) if isinstance(name, str) else name
        names = list(dict.fromkeys(one.format(layer) for layer in range(depth) for one in several))
        handles = [
            model.get_submodule(one).register_forward_pre_hook(
                lambda _, args, one=one, into=inputs: into.append((one, args[0]))
            )
            for one in names
        ]
        with torch.inference_mode():
            model(input_ids=torch.tensor([ids]), **options)
        for handle in handles:
            handle.remove()
        assert len(inputs) == depth * len(several)
        for one, entered in inputs:
            entered = entered.reshape(-1, entered.shape[-1]).double().numpy()
            entered = entered[-len(ids) :] if one.startswith("decoder") else entered[: len(ids)]  # or padded by itself
            layers.append(neurons(entered, weights, one))
    return np.concatenate(layers, axis=1)


def write(kind, folder, tokenizer):
    torch.manual_seed(3)
    name, sizes = CONFIGS[kind]
    config = getattr(transformers, f"{name}Config")(**sizes)
    config.initializer_range = 0.2
    assert config.model_type == kind
    model = transformers.AutoModel.from_config(config)
    with torch.no_grad():  # so that biases count, and layers that begin with zeros
        for key, weight in model.named_parameters():
            weight += 0.1 * torch.randn_like(weight) * (key.partition(".")[0] != "vision_tower")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_every_architecture_is_tested():
    assert set(OUTPUT_PROJECTION) == set(CONFIGS) == set(MLP)


@pytest.fixture(scope="module")
def lengths(corpus):
    """Documents of 2 to 90 characters, so that windows of several lengths are read together."""
    text = "".join(document.text for document in corpus.documents)
    sizes = [2 + (37 * i) % 89 for i in range(24)]
    return Corpus("lengths", tuple(Document(f"d{i}", "x", text[90 * i :][:size]) for i, size in enumerate(sizes)))


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_hooked_activations_are_the_mlp_by_hand(kind, tmp_path, tokenizers, lengths):
    """By hand each window is read alone."""
    folder = write(kind, tmp_path / kind, tokenizers[0])
    source, _ = text_sources(folder, folder, lengths, tokens=300)
    measured = next(source.blocks(10_000))
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    row = 0
    for window in source.text.windows:
        tokens = by_hand(kind, model, window.ids[0].tolist())
        ends = np.cumsum(window.lengths[0])
        expected = [tokens[end - n : end].mean(0) for end, n in zip(ends, window.lengths[0], strict=True)]
        np.testing.assert_allclose(measured[row : row + window.positions], expected, rtol=1e-3, atol=1e-4)
        row += window.positions
    assert measured.shape == (source.positions, len(source.layer)) == (row, expected_neurons(model, kind))
    assert measured.std(0).max() > 0
    assert np.all(np.diff(source.layer) >= 0)


def expected_neurons(model, kind):
    """Return layers × width, from the configuration alone."""
    config = getattr(model.config, "text_config", model.config)
    width = 64 if kind in FOUR_TIMES else 40
    return config.num_hidden_layers * width * len(MLP[kind]) * getattr(config, "num_feedforward_networks", 1)


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


def in_the_order_of_a_text(model, end):
    """Return the modules of MLPs whose names have this end, in the order in which a text passes them."""
    ran = []
    for name, module in model.named_modules():
        if name.endswith(end) and "attention" not in name:
            module.register_forward_hook(lambda module, *_: ran.append(module))
    with torch.inference_mode():
        model(input_ids=torch.arange(5)[None])
    return ran


def test_shared_layers_count_once_for_each_depth():
    """Depth d of ALBERT belongs to group ⌊d · groups / depths⌋; six depths, two groups of two inner layers."""
    sizes = {**ALBERT, "num_hidden_layers": 6, "num_hidden_groups": 2, "inner_group_num": 2}
    model = transformers.AutoModel.from_config(transformers.AlbertConfig(**sizes)).eval()
    ran = in_the_order_of_a_text(model, "ffn_output")
    listed = output_projections(model, "albert", "tiny")
    assert len(listed) == 12
    assert list(map(id, listed)) == list(map(id, ran))


def test_the_mlps_of_a_block_follow_each_other_and_the_block_counts_once():
    """MobileBERT: three MLPs in each of two blocks, read in the order in which a text passes them."""
    model = transformers.AutoModel.from_config(transformers.MobileBertConfig(**MOBILE)).eval()
    ran = in_the_order_of_a_text(model, "output.dense")
    listed = output_projections(model, "mobilebert", "tiny")
    assert len(listed) == 6
    assert list(map(id, listed)) == list(map(id, ran))
    parts = ModelParts(base=model, model_type="mobilebert", name="tiny")
    assert list(map(id, parts.blocks())) == list(map(id, model.encoder.layer))


def test_an_encoder_alone_is_read_without_its_decoder(tmp_path, tokenizers, corpus):
    config = transformers.T5Config(**T5)
    torch.manual_seed(0)
    transformers.T5EncoderModel(config).save_pretrained(tmp_path)
    tokenizers[0].save_pretrained(tmp_path)
    source, _ = text_sources(tmp_path, tmp_path, corpus, tokens=300)
    assert source.layer.tolist() == [0] * 40 + [1] * 40
    model = transformers.T5EncoderModel.from_pretrained(tmp_path)
    assert source.model.state_dict().keys() == model.state_dict().keys()
    assert type(source.untrained(0).model) is transformers.T5EncoderModel


@pytest.mark.parametrize("kind", ["bart", "albert", "bloom"])
def test_reading_of_documents_is_the_mlp_by_hand(kind, tmp_path, tokenizers):
    """The reader of `filter`, which takes sums and maxima over whole documents."""
    folder = write(kind, tmp_path / kind, tokenizers[0])
    reader = ModelReader(folder)
    documents = [Document("a", "x", "The river lets a mountain go."), Document("b", "x", "Go!")]
    (reading,) = reader.read(documents, np.arange(len(reader.layer)))
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    for row, document in enumerate(documents):
        ids = tokenizers[0](document.text, add_special_tokens=False)["input_ids"]
        expected = by_hand(kind, model, ids)
        np.testing.assert_allclose(reading.mean[row], expected.mean(0), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(reading.peak[row], expected.max(0), rtol=1e-3, atol=1e-4)


def test_a_module_that_depths_share_is_listed_at_each_depth():
    """Sharing is found by the module itself, in any architecture: one layer of BERT in all three places."""
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(transformers.BertConfig(**{**COMMON, "num_hidden_layers": 3})).eval()
    shared = model.encoder.layer[0]
    model.encoder.layer = torch.nn.ModuleList([shared] * 3)
    modules = output_projections(model, "bert", "tiny")
    assert [id(one) for one in modules] == [id(shared.output.dense)] * 3
    entered = []
    hook = shared.intermediate.dense.register_forward_pre_hook(lambda _, args: entered.append(args[0]))
    with captured(modules) as values, torch.inference_mode():
        model(input_ids=torch.tensor([[1, 2, 3]]))
    hook.remove()
    with torch.inference_mode():
        expected = [torch.nn.functional.gelu(shared.intermediate.dense(one)) for one in entered]
    assert len(values) == 3
    for value, by_depth in zip(values, expected, strict=True):
        torch.testing.assert_close(value, by_depth)
    assert not torch.equal(values[0], values[1])


def test_groups_of_depths_are_read_from_the_configuration_of_any_architecture():
    """An architecture of another name whose configuration states groups, its projection named by hand."""
    config = transformers.AlbertConfig(**{**ALBERT, "num_hidden_layers": 4, "num_hidden_groups": 2})
    model = transformers.AutoModel.from_config(config)
    modules = output_projections(model, "another", "tiny", OUTPUT_PROJECTION["albert"])
    first, second = (group.albert_layers[0].ffn_output for group in model.encoder.albert_layer_groups)
    assert [id(one) for one in modules] == [id(first), id(first), id(second), id(second)]


def test_models_without_an_mlp_are_refused():
    config = transformers.MambaConfig(hidden_size=16, num_hidden_layers=2, vocab_size=300, state_size=4)
    with pytest.raises(RosettaError, match=r"tiny: mamba has no MLP.*Try: --site residual"):
        output_projections(transformers.AutoModel.from_config(config), "mamba", "tiny")


def test_the_only_candidate_is_taken_where_it_is_asked_for(capsys):
    """Of Apertus, which has no entry: its key and value maps narrow too, but not to the residual stream."""
    config = transformers.ApertusConfig(**{**GROUPED, "num_key_value_heads": 1})
    model = transformers.AutoModel.from_config(config)
    with pytest.raises(
        RosettaError, match=r"here: layers\.\*\.mlp\.down_proj; --pattern auto takes the only candidate"
    ):
        output_projections(model, "apertus", "tiny")
    found = output_projections(model, "apertus", "tiny", "auto")
    assert [id(one) for one in found] == [id(layer.mlp.down_proj) for layer in model.layers]
    assert "its neurons are the inputs of layers.*.mlp.down_proj" in capsys.readouterr().err
    for name in ("tiny", "tiny (untrained, seed 3)"):  # the same model, opened again, and its twin
        output_projections(model, "apertus", name, "auto")
    assert not capsys.readouterr().err


def test_two_models_of_text_in_one_are_refused_with_a_way():
    parts = [transformers.BertConfig(**COMMON) for _ in range(2)]
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(*parts)
    with pytest.raises(RosettaError, match=r"tiny: joins two models \(encoder-decoder\).*Try: the encoder alone"):
        require_text("tiny", config)


def test_several_candidates_are_listed():
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.config = transformers.PretrainedConfig(hidden_size=4)
            self.blocks = torch.nn.ModuleList(
                torch.nn.ModuleDict({"one": torch.nn.Linear(8, 4), "two": torch.nn.Linear(6, 4)}) for _ in range(2)
            )

    with pytest.raises(RosettaError, match=r"candidates here: blocks\.\*\.one, blocks\.\*\.two$"):
        output_projections(Two(), "own", "tiny", "auto")
