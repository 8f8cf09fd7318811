"""The benchmark of documents of all lengths, with few words and small models."""

import json
import sys

import pytest

from benchmarks import texts
from rosettalaw.empirical.language.source import TextSource


@pytest.fixture(scope="module")
def made():
    return texts.made_tokenizer(1_000)


def test_the_tokenizer_frames_a_text_and_has_as_many_entries_as_the_models(made):
    tokenizer, words = made
    assert len(tokenizer) == texts.ROWS
    ids = tokenizer("import os")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["[CLS]", "import", "os", "[SEP]"]
    together = tokenizer(" ".join(word for word, _ in words), add_special_tokens=False)["input_ids"]
    assert len(together) == sum(number for _, number in words)
    assert 1_000 <= len(together) <= 1_000 + texts.SHORT
    assert together.count(tokenizer.unk_token_id) < 0.05 * len(together)


def test_every_text_has_the_same_words(made, tmp_path):
    """Documents have the lengths that their kind's name says, to the end of a word."""
    _, words = made
    numbers = {}
    for name, sizes in texts.lengths(1_000).items():
        lines = texts.write_text(tmp_path / "text.jsonl", words, sizes).read_text(encoding="utf-8").splitlines()
        documents = [json.loads(line)["text"].split() for line in lines]
        assert [word for document in documents for word in document] == [word for word, _ in words], name
        of = iter(words)
        numbers[name] = [sum(next(of)[1] for _ in document) for document in documents]
    assert all(texts.EQUAL <= size < texts.EQUAL + texts.SHORT for size in numbers["equal documents"][:-1])
    assert all(texts.SHORT <= size < texts.SHORT + texts.SHORT for size in numbers["short documents"][:-1])
    assert len(numbers["one document"]) == 1
    pages = {name: sum(size > 3 * texts.SHORT for size in sizes) for name, sizes in numbers.items()}
    assert pages["short documents with one page"] == 1
    assert pages["short documents with pages among them"] == 2
    assert numbers["mostly empty documents"].count(0) / len(numbers["mostly empty documents"]) > 0.9


def test_memory_and_time_of_a_matching_are_its_own(made, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(texts, "MINILM", {"hidden_size": 24, "intermediate_size": 40})
    monkeypatch.setattr(texts, "MPNET", {"hidden_size": 48, "intermediate_size": 60})
    tokenizer, words = made
    models = texts.write_models(tmp_path, tokenizer, layers=(1, 2))
    text = texts.write_text(tmp_path / "text.jsonl", words, texts.lengths(1_000)["short documents"])
    monkeypatch.setattr(sys, "argv", ["-c", *models, str(text)])
    monkeypatch.setattr(TextSource, "_pooled", TextSource._pooled)  # which the script replaces
    exec(texts.WORK, {})
    one = json.loads(capsys.readouterr().out.partition("RUN ")[2])
    assert 0 < one["reading"] < one["matching"]
    assert one["memory"] > 2**26
    assert one["positions"] == sum(number for _, number in words)  # both models share the tokenizer


def test_ratios_are_those_of_the_mean_of_both_equal_runs():
    equal = {"memory": 2e9, "reading": 2.0, "matching": 10.0, "positions": 7}
    again = {**equal, "reading": 4.0, "matching": 14.0}
    short = {"memory": 5e9, "reading": 6.0, "matching": 12.0, "positions": 7}
    ratios = texts.ratios({"equal documents": equal, "short documents": short}, again)
    assert [one.value for one in ratios] == [2.0, 5.0, 2.0, 1.0]
    assert [one.met for one in ratios] == [True, False, False, True]
    assert [one.bound for one in ratios] == [4.0, 4.0, 1.5, 1.5]
    assert str(ratios[2]).startswith("✗ processor time of reading, short documents over equal documents: 2 (claimed ≤")
