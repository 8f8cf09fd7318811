"""Texts and loaded models that a notebook holds in unusual forms: read as they are meant, or one message."""

import numpy as np
import pandas as pd
import pytest

import rosettalaw as rl
from rosettalaw.empirical.corpora.texts import open_texts
from rosettalaw.errors import InputError, RosettaError

WORDS = ["the quick brown fox jumps over the lazy dog", "a second text about something else"]


def texts_of(source):
    return [document.text for document in open_texts(source).documents]


@pytest.mark.parametrize(
    "source",
    [
        pd.DataFrame({"text": WORDS}),
        pd.DataFrame({"id": [1, 2], "content": WORDS}),
        pd.DataFrame({"any": WORDS, "number": [1.0, 2.0]}),
        pd.Series(WORDS),
        np.array(WORDS),
        [{"text": one} for one in WORDS],
        {"a": WORDS[0], "b": WORDS[1]},
    ],
    ids=["table", "table of another name", "table of one text", "column", "array", "rows", "mapping"],
)
def test_tables_and_rows_give_their_texts(source):
    assert texts_of(source) == WORDS


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (pd.DataFrame({"a": WORDS, "b": WORDS}), r"text\[0\] = 'row': has no column 'text'; its columns are 'a', 'b'"),
        (pd.DataFrame({"text": [WORDS[0], None]}), r"text\[1\] = 'row': has no column 'text'"),
        (set(WORDS), r"text = 'set': has no order.*Try: text=sorted\(texts\)"),
        (frozenset(WORDS), "text = 'frozenset': has no order"),
        ("the fox " * 60, r"is one string, which is taken as a path. Try: text=\[string\]"),
        ("é" * 200, "is one string, which is taken as a path"),
        ("the\0fox", "is one string, which is taken as a path"),
        ("two\nlines", "is one string, which is taken as a path"),
    ],
    ids=["two texts", "a missing text", "set", "frozenset", "long", "long in bytes", "zero byte", "lines"],
)
def test_texts_without_order_or_name_are_refused(source, message):
    with pytest.raises(InputError, match=message):
        open_texts(source)


def test_a_long_path_of_short_names_is_a_path(tmp_path):
    folder = tmp_path.joinpath(*["a" * 100] * 4)
    folder.mkdir(parents=True)
    (folder / "x.txt").write_text(WORDS[0])
    assert open_texts(str(folder / "x.txt")) is not None


@pytest.fixture(scope="module")
def tiny():
    """A tiny GPT-2 and its tokenizer."""
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained.train_from_iterator(WORDS * 9, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained)

    def make(seed=0):
        torch.manual_seed(seed)
        return GPT2Model(GPT2Config(vocab_size=len(tokenizer), n_positions=32, n_embd=8, n_layer=2, n_head=2))

    return make, tokenizer


def match(tiny, **changes):
    make, tokenizer = tiny
    options = {"a": make(0), "b": make(1), "tokenizer_a": tokenizer, "tokenizer_b": tokenizer}
    options |= {"text": WORDS * 20, "tokens": 100, "nulls": {}, "progress": False} | changes
    return rl.match(options.pop("a"), options.pop("b"), **options)


@pytest.mark.parametrize("tokens", [0, -5])
def test_no_tokens_are_refused(tiny, tokens):
    with pytest.raises(InputError, match=f"tokens = {tokens}: must be at least 1. Try: tokens=200000"):
        match(tiny, tokens=tokens)


def test_weights_without_numbers_are_named(tiny):
    make, _ = tiny
    whole, part = make().to("meta"), make()
    part.h[1].to("meta")
    with pytest.raises(InputError, match=r"model_a = 'GPT2Model': has no numbers in 28 of its weights.*such as wte"):
        match(tiny, a=whole)
    with pytest.raises(InputError, match=r"model_b = 'GPT2Model': has no numbers in 12 of its weights.*such as h\.1\."):
        match(tiny, b=part)


def test_a_model_of_images_is_refused_for_texts(tiny):
    from transformers import ViTConfig, ViTModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    vision = ViTModel(ViTConfig(image_size=16, patch_size=8, **sizes))
    with pytest.raises(InputError, match=r"model_b = 'ViTModel': reads no text: .* has no vocab_size.*images=folder"):
        match(tiny, b=vision)


def test_a_class_in_place_of_a_tokenizer_is_refused(tiny):
    with pytest.raises(InputError, match=r"tokenizer_a = 'TokenizersBackend|PreTrainedTokenizerFast': is a class"):
        match(tiny, tokenizer_a=type(tiny[1]))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("context", "x", "context = 'x': must be a whole number or None. Try: match"),
        ("jackknife", [16], r"jackknife = \[16\]: must be a whole number"),
        ("q", "5%", "q = '5%': must be a number"),
        ("engine", 3, "engine = 3: must be text"),
        ("spool", 16, "spool = 16: must be text"),
        ("allow_pickle_weights", "yes", "allow_pickle_weights = 'yes': must be True or False"),
        ("exclude_nonfinite", None, "exclude_nonfinite = None: must be True or False"),
        ("site", "sae:/nope", "does not say which block it reads. Try: site='sae:/nope@6'"),
    ],
)
def test_further_arguments_are_of_the_kind_that_they_say(tiny, option, value, message):
    with pytest.raises(InputError, match=message):
        match(tiny, **{option: value})


def test_numbers_of_numpy_are_further_arguments(tiny):
    plain = match(tiny, context=16, jackknife=4).record()
    assert match(tiny, context=np.int64(16), jackknife=np.int32(4)).record()["pairs"] == plain["pairs"]


def test_the_layer_that_a_message_shows_is_a_call_that_works(tiny):
    with pytest.raises(InputError, match=r"layers_a = \[7\]: .* has the layers \[0, 1\]. Try: layers_a=0"):
        match(tiny, layers_a=[7])
    assert match(tiny, layers_a=0).record()["pairs"] == match(tiny, layers_a=[0]).record()["pairs"]


def test_a_failure_inside_a_model_leaves_it_as_it_was(tiny):
    torch = pytest.importorskip("torch")
    make, _ = tiny
    model = make().train()
    model.h[1].mlp.register_forward_hook(lambda *_: 1 / 0)
    before = torch.random.get_rng_state()
    with pytest.raises(
        RosettaError,
        match=r"failed before the end, in window .*ZeroDivisionError.*a smaller context, or weights='float32'",
    ):
        match(tiny, a=model)
    assert model.training
    assert len(model.h[1].mlp._forward_hooks) == 1
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert len(before) == len(torch.random.get_rng_state())
