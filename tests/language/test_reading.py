"""Contexts that fit, tokenizers that are a model's own, and short documents read without much padding."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.language import reading
from rosettalaw.empirical.language import source as language
from rosettalaw.empirical.language.source import text_sources
from rosettalaw.errors import InputError, RosettaError

WORDS = "the river carries what the mountain lets go and she counted one two three sheep before she slept "
TEXT = Corpus("words", tuple(Document(f"d{i}", "a", WORDS * 20) for i in range(3)))
PATTERN = ("encoder.layer.*.output.dense",) * 2


def write(folder, kind):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["<s>", "<pad>", "</s>", "[UNK]"]
    tokenizer.train_from_iterator([WORDS], trainers.WordPieceTrainer(vocab_size=80, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="[UNK]"
    )
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(fast),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
        pad_token_id=1,
    )
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "most"), [("Roberta", 64), ("XLMRoberta", 64), ("Camembert", 64), ("MPNet", 64), ("Bert", 66)]
)
def test_every_window_fits_the_positions_of_a_model(tmp_path, kind, most):
    folder = write(tmp_path / kind, kind)
    source, _ = text_sources(folder, folder, TEXT, 400, patterns=PATTERN)
    assert max(len(window.ids[0]) for window in source.text.windows) == most - 2
    assert np.isfinite(np.concatenate(list(source.blocks(1000)))).all()
    with pytest.raises(InputError, match=f"--context = {most + 1}: is more than the {most} positions"):
        text_sources(folder, folder, TEXT, 400, patterns=PATTERN, context=most + 1)


@pytest.mark.parametrize("wrong", [float("inf"), float("nan"), "512", [512], None, -3, 1e30])
def test_lengths_that_are_no_lengths_are_passed_over(tmp_path, wrong):
    """Of tokenizers and of sentence-transformers: JSON writes no limit as Infinity, or as a huge number."""
    (tmp_path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": wrong}))
    padding = None if wrong in (-3, 1e30) else wrong
    config = SimpleNamespace(max_position_embeddings=66, pad_token_id=padding, model_type="own")
    tokenizer = SimpleNamespace(model_max_length=wrong)
    assert reading.usable_context(tmp_path, config, tokenizer) == 66
    tokenizer.model_max_length = 40.0
    assert reading.usable_context(tmp_path, config, tokenizer) == 40


def test_tokenizer_and_folder_may_say_less_and_the_option_overrides(tmp_path):
    folder = write(tmp_path / "m", "Bert")

    def longest(**options):
        source, _ = text_sources(folder, folder, TEXT, 400, patterns=PATTERN, **options)
        return max(len(window.ids[0]) for window in source.text.windows) + 2

    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 40}')
    assert longest() == 40
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"model_max_length": 20}))
    assert longest() == 20
    assert longest(context=50) == 50


def test_an_exception_of_a_model_is_one_message(tmp_path, monkeypatch):
    folder = write(tmp_path / "m", "Bert")
    source, _ = text_sources(folder, folder, TEXT, 400, patterns=PATTERN)

    def fail(*_):
        raise IndexError("out of range\nin self")

    source.model.encoder.layer[1].register_forward_pre_hook(fail)
    message = r"m: failed before layer 1, in window 0 of \d+, 66 tokens long \(IndexError: out of range\)"
    with pytest.raises(RosettaError, match=message):
        next(source.blocks(10))


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    folder = write(tmp_path / "m", "Bert")
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "notok")
    with pytest.raises(
        RosettaError, match=r"notok: its tokenizer (has [\d,]+ entries, the model 30,522|cannot be opened)"
    ):
        text_sources(tmp_path / "notok", folder, TEXT, 400)


def test_text_that_a_tokenizer_does_not_know_is_refused(tmp_path):
    folder = write(tmp_path / "m", "Bert")
    foreign = Corpus("foreign", (Document("d", "a", "東京 は 晴れ 。 " * 200),))
    with pytest.raises(RosettaError, match="100% of the text's tokens are unknown to its tokenizer"):
        text_sources(folder, folder, foreign, 200)


def test_short_documents_beside_a_long_one_are_not_padded_to_it(tmp_path, monkeypatch):
    """The tokens that the model reads are at most twice those of the text, and each window is read as if alone."""
    folder = write(tmp_path / "m", "Bert")
    short = [Document(f"s{i}", "a", " ".join(WORDS.split()[: 2 + i % 5])) for i in range(60)]
    mixed = Corpus("mixed", (*short, Document("long", "a", WORDS * 8)))
    source, _ = text_sources(folder, folder, mixed, None, patterns=PATTERN)
    sizes = []
    source.model.register_forward_pre_hook(
        lambda _module, _args, options: sizes.append(options["input_ids"].numel()), with_kwargs=True
    )
    together = np.concatenate(list(source.blocks(1000)))
    tokens = sum(len(window.ids[0]) + 2 for window in source.text.windows)
    assert max(sizes) <= language.TOKENS_A_BATCH
    assert tokens <= sum(sizes) <= 2 * tokens
    monkeypatch.setattr(language, "TOKENS_A_BATCH", 1)
    alone = np.concatenate(list(source.blocks(1000)))
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)
