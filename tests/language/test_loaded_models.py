"""Models that are loaded already, and texts in memory: the same result as from folders, and nothing is changed."""

import copy
import random

import numpy as np
import pytest
import torch

import rosettalaw as rl
from rosettalaw.empirical.corpora.texts import open_texts
from rosettalaw.errors import InputError, RosettaError

QUICK = {"nulls": {}, "jackknife": 0, "progress": False, "tokens": 300}


@pytest.fixture(scope="module")
def models(checkpoints):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    a, b = checkpoints["gpt2"], checkpoints["gpt_neox"]
    opened = [AutoModelForCausalLM.from_pretrained(path) for path in (a, b)]
    return *opened, *(AutoTokenizer.from_pretrained(path) for path in (a, b))


@pytest.fixture(scope="module")
def texts(corpus):
    return [document.text for document in corpus.documents]


@pytest.fixture(scope="module")
def found(models, texts):
    a, b, tokenizer_a, tokenizer_b = models
    return rl.match(a, b, text=texts, tokenizer_a=tokenizer_a, tokenizer_b=tokenizer_b, **QUICK)


def test_loaded_models_match_as_their_checkpoints_do(checkpoints, texts, found):
    from_folders = rl.match(checkpoints["gpt2"], checkpoints["gpt_neox"], text=texts, **QUICK)
    assert found.raw_count == from_folders.raw_count > 0
    for name in ("unit_a", "unit_b", "correlation"):
        np.testing.assert_array_equal(found[name].values, from_folders[name].values)
    assert found.attrs["revision_a"].startswith("in memory, checksum")
    assert "model_a" in found.attrs["model_a"]


def test_a_loaded_model_beside_a_folder(models, checkpoints, texts, found):
    mixed = rl.match(models[0], checkpoints["gpt_neox"], text=texts, tokenizer_a=models[2], **QUICK)
    np.testing.assert_array_equal(mixed["correlation"].values, found["correlation"].values)


def state(models):
    modules = [module for model in models for module in model.modules()]
    return (
        [module.training for module in modules],
        [list(module._forward_pre_hooks) + list(module._forward_hooks) for module in modules],
        [(str(p.device), p.dtype, p.requires_grad, p.grad) for model in models for p in model.parameters()],
        torch.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        torch.get_num_threads(),
        torch.is_grad_enabled(),
    )


@pytest.mark.parametrize("fails", [False, True])
def test_models_and_tokenizers_are_left_as_they_were(models, texts, fails):
    a, b, tokenizer_a, tokenizer_b = models
    a.train()
    b.eval()
    a.transformer.h[0].eval()  # one part frozen in a model that trains
    own = b.register_forward_pre_hook(lambda *_: None)
    before = state((a, b))
    spelled = [tokenizer.backend_tokenizer.to_str() for tokenizer in (tokenizer_a, tokenizer_b)]
    options = dict(QUICK)
    if fails:

        def stop(description, done, total):
            if done:
                raise ZeroDivisionError

        options["progress"] = stop
    try:
        error = None
        rl.match(a, b, text=texts, tokenizer_a=tokenizer_a, tokenizer_b=tokenizer_b, **options)
    except ZeroDivisionError as raised:
        error = raised  # its traceback keeps the reading alive, as a notebook's last error does
    assert (error is not None) == fails
    assert state((a, b)) == before
    own.remove()
    assert [tokenizer.backend_tokenizer.to_str() for tokenizer in (tokenizer_a, tokenizer_b)] == spelled
    assert not getattr(tokenizer_a, "split_special_tokens", False)
    a.eval()


def test_training_mode_does_not_reach_the_activations(models, texts, found):
    """Dropout is off while a model that trains is read."""
    a, b, tokenizer_a, tokenizer_b = models
    for module in a.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    a.train()
    again = rl.match(a, b, text=texts, tokenizer_a=tokenizer_a, tokenizer_b=tokenizer_b, **QUICK)
    a.eval()
    np.testing.assert_array_equal(again["correlation"].values, found["correlation"].values)


class Sentences(torch.nn.Sequential):
    """Modules as sentence-transformers nests them: the model within the first one, the tokenizer on the whole."""

    def __init__(self, model, tokenizer):
        first = torch.nn.Module()
        first.auto_model = model
        super().__init__(first, torch.nn.Identity())
        self.tokenizer = tokenizer


class Plain:
    """An object that is no module and holds a model, as pipelines and nnsight's models do."""

    def __init__(self, model, tokenizer):
        self._model, self.tokenizer = model, tokenizer


def adapted(model, tokenizer):
    peft = pytest.importorskip("peft")
    settings = peft.LoraConfig(r=2, target_modules=["c_proj", "c_fc"], fan_in_fan_out=True)  # changes nothing yet
    return peft.get_peft_model(copy.deepcopy(model), settings)


WRAPPERS = {
    "sentence encoder": Sentences,
    "object": Plain,
    "adapter": adapted,
    "devices": lambda model, tokenizer: torch.nn.DataParallel(model),
}


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_model_in_a_wrapper_is_read_like_the_model(wrapper, models, texts, found):
    a, b, tokenizer_a, tokenizer_b = models
    wrapped = WRAPPERS[wrapper](a, tokenizer_a)
    own = None if hasattr(wrapped, "tokenizer") else tokenizer_a
    again = rl.match(wrapped, b, text=texts, tokenizer_a=own, tokenizer_b=tokenizer_b, **QUICK)
    np.testing.assert_array_equal(again["correlation"].values, found["correlation"].values)


def test_a_wrapper_of_two_models_is_refused_by_their_names(models, texts):
    a, b, tokenizer_a, tokenizer_b = models
    both = torch.nn.ModuleDict({"one": a, "two": b})
    with pytest.raises(InputError, match=r"holds several models of transformers: one, two\. Try: a\.one"):
        rl.match(both, b, text=texts, tokenizer_a=tokenizer_a, tokenizer_b=tokenizer_b, **QUICK)


def test_what_is_missing_is_said(models, texts):
    a, b, tokenizer_a, _ = models
    with pytest.raises(InputError, match=r"tokenizer_b = None: must be given .* Try: tokenizer_b=transformers"):
        rl.match(a, b, text=texts, tokenizer_a=tokenizer_a, **QUICK)
    with pytest.raises(
        InputError, match=r"model_a = 'Linear': has no transformers configuration.* activations that you captured"
    ):
        rl.match(torch.nn.Linear(2, 2), b, text=texts, **QUICK)
    with pytest.raises(InputError, match="samples_a"):
        rl.match(a, b, samples_a=[1], text=texts, **QUICK)
    with pytest.raises(InputError, match="must be a fast tokenizer"):
        rl.match(a, b, text=texts, tokenizer_a=object(), **QUICK)


class TestTexts:
    def test_of_every_kind(self, texts, tmp_path):
        from datasets import Dataset

        expected = open_texts(texts).sha256
        rows = [{"text": text, "meta": "x"} for text in texts]
        for same in (
            tuple(texts),
            iter(texts),
            (text for text in texts),
            rows,
            Dataset.from_list(rows),
            np.array(texts),
        ):
            assert open_texts(same, tokens=10**6).sha256 == expected
        assert open_texts(Dataset.from_dict({"body": texts})).sha256 == expected
        assert open_texts(Dataset.from_list(rows)[:]).sha256 == expected
        assert [one.name for one in open_texts({"first": "a b", "second": "c d"}).documents] == ["first", "second"]
        (tmp_path / "one.txt").write_text("a file")
        assert next(iter(open_texts(tmp_path).in_random_order(0))).text == "a file"

    def test_an_iterator_without_an_end_is_read_as_far_as_needed(self):
        def endless():
            while True:
                yield "word " * 20

        assert len(open_texts(endless(), tokens=100).documents) == 20

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ([], "has no document with text"),
            (["", " "], "has no document with text"),
            ([b"bytes"], r"text\[0\] = 'bytes': must be a string"),
            (["fine", 3], r"text\[1\] = 'int': must be a string"),
            (5, "text = 'int': must be a path, or documents as strings"),
            (b"bytes", "must be a path"),
            ("one string\nof text", r"is one string, which is taken as a path. Try: text=\[string\]"),
            ([{"a": "x", "b": "y"}], r"has no column 'text'; its columns are 'a', 'b'"),
        ],
    )
    def test_others_are_refused(self, source, message):
        with pytest.raises(InputError, match=message):
            open_texts(source)

    def test_lone_surrogates_and_empty_documents_are_no_obstacle(self):
        documents = open_texts(["", "\ud800 half", "whole"]).documents
        assert [one.text for one in documents] == ["? half", "whole"]


def test_too_little_text_is_said(models, texts):
    a, b, tokenizer_a, tokenizer_b = models
    options = {**QUICK, "tokens": 10**6}
    with pytest.raises(RosettaError, match=r"has only .* tokens"):
        rl.match(a, b, text=texts, tokenizer_a=tokenizer_a, tokenizer_b=tokenizer_b, **options)
