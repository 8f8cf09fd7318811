"""Adapters that leave the model alone, the schedule of another library, perplexity token by token."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import get_cosine_schedule_with_warmup
from transformers.pytorch_utils import Conv1D

from rosettalaw.empirical.corpora.corpus import Document
from rosettalaw.empirical.filtering import sequences as packing
from rosettalaw.empirical.filtering import tuning
from rosettalaw.empirical.filtering.tuning import TuningRecipe
from rosettalaw.errors import InputError, RosettaError


@pytest.mark.parametrize("steps", [1, 2, 33, 34, 200, 1001])
def test_the_learning_rate_is_that_of_transformers(steps):
    """It begins its warm-up at 0 and we one step later, so that no step is wasted; the cosine is the same."""
    recipe, warm = TuningRecipe(), math.ceil(0.03 * steps)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    schedule = get_cosine_schedule_with_warmup(optimizer, warm, steps)
    theirs = [schedule.lr_lambdas[0](step) * 1e-3 for step in range(steps + 1)]
    ours = [recipe.rate(step, steps) for step in range(steps)]
    np.testing.assert_allclose(ours[:warm], theirs[1 : warm + 1] if warm < steps else [1e-3])
    np.testing.assert_allclose(ours[warm:], theirs[warm:steps], atol=1e-15)
    assert max(ours) == 1e-3


def test_the_recipe_is_the_papers():
    recipe = TuningRecipe()
    assert (recipe.rank, recipe.learning_rate, recipe.warm_up, recipe.batch) == (1, 1e-3, 0.03, 32)
    assert [recipe.steps(n) for n in (1, 32, 33, 320)] == [1, 1, 2, 10]
    with pytest.raises(InputError, match="rank = 0: must be positive"):
        TuningRecipe(rank=0)
    with pytest.raises(InputError, match="warm_up = 1"):
        TuningRecipe(warm_up=1)


def rows(number=12, context=16, seed=0):
    return np.random.default_rng(seed).integers(0, 300, size=(number, context))


MAPS = {
    "gpt2": ("transformer.h", "attn.c_attn attn.c_proj mlp.c_fc mlp.c_proj"),
    "gpt_neox": (
        "gpt_neox.layers",
        "attention.query_key_value attention.dense mlp.dense_h_to_4h mlp.dense_4h_to_h",
    ),
    "llama": (
        "model.layers",
        "self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj mlp.gate_proj mlp.up_proj mlp.down_proj",
    ),
}


def linear_maps_of_the_blocks(name, layers=2):
    blocks, maps = MAPS[name]
    return {f"{blocks}.{i}.{one}" for i in range(layers) for one in maps.split()}


def causal(name, checkpoints):
    if name != "llama":
        return tuning.open_causal(checkpoints[name])
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=300, num_key_value_heads=1, max_position_embeddings=32, **sizes))


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "llama"])
def test_attention_and_mlp_get_adapters_and_nothing_else(checkpoints, name):
    model = causal(name, checkpoints)
    adapted = tuning.adapted(model, TuningRecipe(), seed=0)
    trained = {n for n, p in adapted.named_parameters() if p.requires_grad}
    wanted = {
        f"base_model.model.{m}.lora_{side}.default.weight" for m in linear_maps_of_the_blocks(name) for side in "AB"
    }
    assert trained == wanted
    for module_name, module in adapted.named_modules():
        if hasattr(module, "lora_A"):
            inputs, outputs = module.base_layer.weight.shape[:: 1 if isinstance(module.base_layer, Conv1D) else -1]
            assert module.lora_A["default"].weight.shape == (1, inputs), module_name
            assert module.lora_B["default"].weight.shape == (outputs, 1), module_name


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox"])
def test_the_base_weights_keep_their_bits_and_the_adapters_do_not(checkpoints, name):
    model = tuning.open_causal(checkpoints[name])
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    ids = torch.from_numpy(rows(2))
    with torch.no_grad():
        first = model(input_ids=ids).logits
    untouched = tuning.adapted(tuning.open_causal(checkpoints[name]), TuningRecipe(), seed=1)
    with torch.no_grad():
        assert torch.equal(untouched(input_ids=ids).logits, first)  # B = 0: training begins at the model itself
    tuned, loss = tuning.train(model, rows(), TuningRecipe(batch=4), seed=1)
    assert math.isfinite(loss)
    after = {n.removeprefix("base_model.model.").replace(".base_layer", ""): p for n, p in tuned.named_parameters()}
    assert all(torch.equal(after[n], p) for n, p in before.items())
    with torch.no_grad():
        assert not torch.equal(tuned(input_ids=ids).logits, first)
    # what was learned is W + 8 B A, of rank 1
    merged = dict(tuned.merge_and_unload().named_parameters())
    for n in before:
        if not torch.equal(merged[n], before[n]):
            assert torch.linalg.matrix_rank(merged[n] - before[n], rtol=1e-3) == 1
            assert n.removesuffix(".weight") in linear_maps_of_the_blocks(name)


def adapters(tuned):
    return [p.detach().clone() for p in tuned.parameters() if p.requires_grad]


def test_same_seed_same_bits_and_another_seed_others(checkpoints):
    def train(seed):
        return adapters(
            tuning.train(tuning.open_causal(checkpoints["gpt_neox"]), rows(), TuningRecipe(batch=4), seed)[0]
        )

    first, again, other = train(3), train(3), train(4)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_one_step_is_adam_with_the_gradient_of_the_mean_loss(checkpoints, monkeypatch):
    """After one step from 0, AdamW moves every entry of B by lr·sign(gradient); parts of a batch add up to it."""
    monkeypatch.setattr(tuning, "TOKENS_AT_ONCE", 48)  # three sequences at once, of eight
    recipe = TuningRecipe(batch=8, warm_up=0.0)
    tuned, _ = tuning.train(tuning.open_causal(checkpoints["gpt_neox"]), rows(8), recipe, seed=0)
    plain = tuning.adapted(tuning.open_causal(checkpoints["gpt_neox"]), recipe, seed=0).eval()
    ids = torch.from_numpy(rows(8))
    logits = plain(input_ids=ids).logits[:, :-1].double()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
    moved = 0
    for (n, after), (_, before) in zip(tuned.named_parameters(), plain.named_parameters(), strict=True):
        if "lora_B" in n:
            gradient = before.grad
            clear = gradient.abs() > 1e-5
            moved += int(clear.sum())
            expected = before - 1e-3 * gradient / (gradient.abs() + 1e-8)
            torch.testing.assert_close(after[clear], expected[clear], rtol=1e-3, atol=0)
    assert moved > 100


def test_a_stopped_run_goes_on_to_the_same_bits(checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "SAVE_SECONDS", -1.0)
    recipe, state = TuningRecipe(batch=2), tmp_path / "state.safetensors"

    class Stop(Exception):
        pass

    def stop(step, steps):
        if step == 4:
            raise Stop

    whole, loss = tuning.train(tuning.open_causal(checkpoints["gpt2"]), rows(), recipe, 7)
    with pytest.raises(Stop):
        tuning.train(tuning.open_causal(checkpoints["gpt2"]), rows(), recipe, 7, state, stop)
    assert state.is_file()
    seen = []
    resumed, again = tuning.train(
        tuning.open_causal(checkpoints["gpt2"]), rows(), recipe, 7, state, lambda step, steps: seen.append(step)
    )
    assert seen == [5, 6]
    assert again == loss
    assert all(torch.equal(a, b) for a, b in zip(adapters(whole), adapters(resumed), strict=True))
    assert not state.exists()
    state.write_bytes(b"damaged")
    afresh, _ = tuning.train(tuning.open_causal(checkpoints["gpt2"]), rows(), recipe, 7, state)
    assert all(torch.equal(a, b) for a, b in zip(adapters(whole), adapters(afresh), strict=True))


def test_training_learns_what_repeats(checkpoints):
    model = tuning.open_causal(checkpoints["gpt_neox"])
    repeated = np.tile(np.array([5, 9, 200, 31]), (64, 8))
    before = packing.likelihood(model, repeated[0], 1, 32).perplexity
    tuned, _ = tuning.train(model, repeated, TuningRecipe(batch=4, learning_rate=3e-2), seed=0)
    assert packing.likelihood(tuned, repeated[0], 1, 32).perplexity < before / 3


def test_an_encoder_is_refused(tmp_path, tokenizers):
    from transformers import BertConfig, BertLMHeadModel

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertLMHeadModel(BertConfig(vocab_size=300, **sizes)).save_pretrained(tmp_path / "bert")
    with pytest.raises(RosettaError, match="is an encoder, which sees later tokens"):
        tuning.open_causal(tmp_path / "bert")


class Unigram(torch.nn.Module):
    """Predicts every token with fixed probabilities, and remembers which were requested."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)
        self.asked = []

    def forward(self, input_ids):
        self.asked += [row[1:].tolist() for row in input_ids]
        return SimpleNamespace(logits=self.logits.expand(*input_ids.shape, -1))


@pytest.mark.parametrize("number", [2, 7, 8, 9, 15, 16, 50])
def test_every_token_but_the_first_is_predicted_once(number, monkeypatch):
    monkeypatch.setattr(packing, "TOKENS_AT_ONCE", 24)
    rng = np.random.default_rng(number)
    tokens, logits = rng.integers(0, 11, size=number), torch.from_numpy(rng.standard_normal(11))
    model = Unigram(logits)
    loss = packing.likelihood(model, tokens, size=5 * number, context=8)
    assert [token for row in model.asked for token in row] == tokens[1:].tolist()
    nats = -torch.log_softmax(logits, 0).numpy()[tokens[1:]].sum()
    assert loss.nats == pytest.approx(nats, rel=1e-6)
    assert loss.perplexity == pytest.approx(math.exp(nats / (number - 1)), rel=1e-6)
    assert loss.bits_per_byte == pytest.approx(nats / math.log(2) / (5 * number), rel=1e-6)


def test_likelihood_is_the_models_own_loss(checkpoints):
    model = tuning.open_causal(checkpoints["gpt2"])
    tokens = rows(1, 20)[0]
    ids = torch.from_numpy(tokens[None])
    with torch.no_grad():
        loss = model(input_ids=ids, labels=ids).loss
    assert packing.likelihood(model, tokens, 1, 32).nats == pytest.approx(float(loss) * 19, rel=1e-5)


def test_a_stream_has_an_end_around_every_document(tokenizers):
    tokenizer = tokenizers[0]
    texts = [Document("a", "a", "The river"), Document("b", "a", "sheep")]
    tokens = packing.stream(tokenizer, texts)
    end = tokenizer.eos_token_id
    assert (tokens == end).sum() == 3
    assert tokens[0] == tokens[-1] == end
    assert tokenizer.decode(tokens[tokens != end]) == "The riversheep"
    assert packing.sequences(np.arange(11), 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(InputError, match=r"context = 12.*11 tokens"):
        packing.sequences(np.arange(11), 12)


def test_weight_decay_is_the_optimizers(checkpoints):
    """AdamW shrinks every adapter by 1 − rate · decay before each step: with one step, the exact difference."""
    made = [tuning.adapted(causal("gpt2", checkpoints), TuningRecipe(), seed=1) for _ in range(1)]
    first = {n: p.detach().clone() for n, p in made[0].named_parameters() if p.requires_grad}
    tuned = [
        tuning.train(causal("gpt2", checkpoints), rows(4), TuningRecipe(batch=4, weight_decay=decay), seed=1)[0]
        for decay in (0.0, 0.5)
    ]
    without, with_decay = (dict(model.named_parameters()) for model in tuned)
    for name, value in first.items():
        torch.testing.assert_close(with_decay[name], without[name] - 1e-3 * 0.5 * value, rtol=1e-4, atol=1e-8)


def test_dropout_stays_off_whatever_state_the_model_comes_in(checkpoints):
    """GPT-2 with dropout in training mode learns what the same model learns without dropout."""
    models = [causal("gpt2", checkpoints) for _ in range(2)]
    for module in models[1].modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    tuned = [tuning.train(model, rows(4), TuningRecipe(batch=2), seed=1)[0] for model in (models[0], models[1].train())]
    one, other = (dict(model.named_parameters()) for model in tuned)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_loss_is_that_of_the_last_tenth_of_the_steps(checkpoints):
    """With a rate too small to move anything, it is the model's own loss on the sequences read last."""
    sequences = rows(40)
    read = []
    model = causal("gpt2", checkpoints)
    model.register_forward_pre_hook(lambda _, args, kwargs: read.append(kwargs["input_ids"].clone()), with_kwargs=True)
    _, loss = tuning.train(model, sequences, TuningRecipe(batch=2, learning_rate=1e-20), seed=1)
    assert len(read) == 20
    whole = causal("gpt2", checkpoints)
    with torch.inference_mode():
        losses = [float(whole(input_ids=ids, labels=ids).loss) for ids in read]
    assert loss == pytest.approx(np.mean(losses[-2:]), rel=1e-5)
    assert loss != pytest.approx(losses[-1], rel=1e-5)
