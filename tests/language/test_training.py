"""Training: declarative ladders, ordinary checkpoints, resumption to the bit, independence of the workers."""

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from rosettalaw.empirical.config import LADDERS
from rosettalaw.empirical.corpora.corpus import Corpus, Document
from rosettalaw.empirical.ladder.train import train_ladder
from rosettalaw.empirical.language import training
from rosettalaw.empirical.language.families import Rung, Training, open_ladder
from rosettalaw.empirical.language.tokenization import END, tokenize, train_tokenizer
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError, RosettaError, UnknownNameError
from tests.tiny_ladder import ladder_text

LADDER = ladder_text("{corpus}", 3_000, measured=400, widths=(8, 16))


@pytest.fixture(scope="module")
def ladder(tmp_path_factory, corpus):
    """A ladder of four models of a few neurons on a folder of text."""
    tmp_path = tmp_path_factory.mktemp("ladder")
    text = tmp_path / "text"
    text.mkdir()
    for document in corpus.documents:
        (text / f"{document.name}.txt").write_text(document.text, encoding="utf-8")
    path = tmp_path / "tiny.toml"
    path.write_text(LADDER.format(corpus=text), encoding="utf-8")
    return open_ladder(path)


@pytest.fixture(scope="module")
def trained(ladder, tmp_path_factory):
    """All four models, trained by two worker processes."""
    return train_ladder(ladder, cache=tmp_path_factory.mktemp("cache"), workers=2, quiet=True)


def a_job(ladder, trained, tmp_path):
    """Return a job that trains one of the models again in this process, and the folder of the existing one."""
    folder = trained.folders["one", ladder.rung[0], 0]
    text = next(path for path in (folder.parent / "text").iterdir() if path.name.startswith("one"))
    family = ladder.family[0]
    return training.Job(
        ladder="tiny",
        family=family,
        rung=ladder.rung[0],
        training=ladder.training,
        corpus_sha256="x",
        bytes_per_token=2.0,
        tokenizer=text / "tokenizer",
        tokens=text / "tokens.npy",
        folder=tmp_path / "mine" / "model",
    ), folder


def test_interrupted_training_ends_with_the_same_bits(ladder, trained, tmp_path):
    """Stopped twice and resumed, against a worker process that ran through."""
    job, uninterrupted = a_job(ladder, trained, tmp_path)
    job.folder.parent.mkdir()
    for stop in (7, 20):
        assert np.isnan(training.train(job, lambda step, stop=stop: step < stop))
        assert job.state.is_file()
        assert not job.finished
    bits = training.train(job)
    assert job.finished
    assert not job.state.exists()
    assert bits == pytest.approx(json.loads((job.folder / "training.json").read_text())["bits_per_byte"])
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (job.folder, uninterrupted))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_what_a_kill_left_beside_a_finished_model_goes(ladder, trained, tmp_path):
    job, _ = a_job(ladder, trained, tmp_path)
    job.folder.parent.mkdir()
    training.train(job, lambda step: step < 5)
    state = job.state.read_bytes()
    training.train(job)
    job.state.write_bytes(state)
    assert training.train(job) == job.bits_per_byte
    assert not job.state.exists()
    job.state.write_bytes(b"another program's")
    training.train(job)
    assert job.state.exists()


def test_a_damaged_state_means_beginning_again(ladder, trained, tmp_path):
    job, uninterrupted = a_job(ladder, trained, tmp_path)
    job.folder.parent.mkdir()
    training.train(job, lambda step: step < 5)
    job.state.write_bytes(job.state.read_bytes()[:-100])
    training.train(job)
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (job.folder, uninterrupted))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_checkpoints_are_ordinary_and_kept(ladder, trained):
    assert len(trained.folders) == 4
    for (name, rung, _), folder in trained.folders.items():
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert AutoTokenizer.from_pretrained(folder).is_fast
        record = json.loads((folder / "training.json").read_text())
        assert (record["family"]["name"], record["neurons"]) == (name, rung.neurons)
        assert sum("c_proj" in n or "4h_to_h" in n for n, _ in model.named_modules()) >= rung.layers
    times = {folder: (folder / "model.safetensors").stat().st_mtime_ns for folder in trained.folders.values()}
    cache = next(iter(times)).parents[2]
    again = train_ladder(ladder, cache=cache, quiet=True)
    assert {folder: (folder / "model.safetensors").stat().st_mtime_ns for folder in again.folders.values()} == times


def test_training_learns(ladder, trained, tmp_path):
    """A longer budget on the same text ends at fewer bits per byte."""
    bits = []
    for tokens in (500, 6_000):
        job, _ = a_job(ladder, trained, tmp_path)
        longer = dataclasses.replace(job.training, tokens=tokens)
        job = dataclasses.replace(job, training=longer, folder=tmp_path / str(tokens))
        bits.append(training.train(job))
    assert bits[1] < 0.8 * bits[0]


def test_seeds_and_sizes_are_independent(ladder, trained, tmp_path):
    job, _ = a_job(ladder, trained, tmp_path)
    other_seed = dataclasses.replace(job, training=dataclasses.replace(job.training, seed=1))
    other_size = dataclasses.replace(job, rung=ladder.rung[1])
    other_family = dataclasses.replace(job, family=ladder.family[1])
    assert len({j.seed() for j in (job, other_seed, other_size, other_family)}) == 4


def test_every_window_is_read_once_before_any_twice(ladder, trained, tmp_path):
    job, _ = a_job(ladder, trained, tmp_path)
    windows = training._windows(job, seed=3)
    number = len(np.load(job.tokens)) // job.training.context
    steps = number // job.training.batch
    seen = np.concatenate([windows(step) for step in range(steps)])
    table = np.load(job.tokens)[: number * job.training.context].reshape(number, -1).astype(np.int64)
    there, drawn = (Counter(row.tobytes() for row in rows) for rows in (table, seen))
    assert all(drawn[window] <= there[window] for window in drawn)  # the little text repeats some windows itself


def test_learning_rate_rises_and_falls(ladder, trained, tmp_path):
    job, _ = a_job(ladder, trained, tmp_path)
    rates = [training.learning_rate(job, step) for step in range(job.steps)]
    top = int(np.argmax(rates))
    assert rates[top] == pytest.approx(1e-2 * (64 / 8) ** 0.5)
    assert np.all(np.diff(rates[: top + 1]) > 0)
    assert np.all(np.diff(rates[top:]) <= 0)
    assert rates[len(rates) // 2] < 0.6 * rates[top]
    assert rates[-1] < 0.01 * rates[top]


def test_tokenizer_round_trip_and_end(corpus):
    tokenizer = train_tokenizer(corpus, 300)
    assert len(tokenizer) == 300
    assert tokenizer.convert_tokens_to_ids(END) == 299
    tokens = tokenize(tokenizer, corpus)
    assert np.sum(tokens == 299) == len(corpus.documents)
    texts = tokenizer.decode(tokens[:-1].tolist()).split(END)
    assert texts == [document.text for document in corpus.documents]


def test_the_name_of_the_end_in_a_document_does_not_end_it(corpus):
    tokenizer = train_tokenizer(corpus, 300)
    tokens = tokenize(tokenizer, Corpus("named", (Document("d", "a", f"one{END}two"),)))
    assert np.flatnonzero(tokens == 299).tolist() == [len(tokens) - 1]
    assert tokenizer.decode(tokens[:-1].tolist()) == f"one{END}two"


@pytest.mark.parametrize("name", [path.stem for path in LADDERS.glob("*.toml")])
def test_shipped_ladders(name):
    ladder = open_ladder(name)
    assert ladder.name == name
    assert len(ladder.family) == 2
    assert ladder.family[0].architecture != ladder.family[1].architecture
    sizes = {"quickstart": 4, "full": 8, "filter": 1}[name]
    assert len({rung.neurons for rung in ladder.rung}) == len(ladder.rung) == sizes


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (("width = 8", "widht = 8"), UnknownNameError, "did you mean width"),
        (("width = 8", "width = 7"), InputError, "must be even and positive"),
        (("width = 8", "width = 8.5"), InputError, "width = 8.5: must be a whole number. Try: width = 64"),
        (('"gpt2"', '"gpt3"'), UnknownNameError, "did you mean gpt2"),
        (("tokens = 3_000", "tokens = 0"), InputError, "must be positive"),
        (("held_out = 0.25", ""), ForeignFileError, "lacks the entry 'held_out'"),
        (("vocabulary = 300", "vocabulary = 100"), InputError, "must exceed the 256 bytes"),
        (("[training]", "[training"), ForeignFileError, "not a TOML file"),
    ],
)
def test_bad_ladders(tmp_path, change, kind, message):
    path = tmp_path / "bad.toml"
    path.write_text(LADDER.format(corpus="x").replace(*change, 1))
    with pytest.raises(kind, match=message):
        open_ladder(path)


def test_unknown_names_and_paths(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown ladder 'quickstrt': did you mean quickstart"):
        open_ladder("quickstrt")
    with pytest.raises(MissingFileError, match="no such ladder file"):
        open_ladder(tmp_path / "nothing.toml")


def test_text_too_short_to_train_on(ladder, tmp_path):
    (tmp_path / "short").mkdir()
    for name in ("a", "b"):
        (tmp_path / "short" / name).write_text("hello")
    short = dataclasses.replace(ladder, corpus=str(tmp_path / "short"), held_out=0.5)
    with pytest.raises(InputError, match="tokens to train on"):
        train_ladder(short, cache=tmp_path / "c", quiet=True)


def test_a_cache_that_cannot_be_written(ladder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RosettaError, match="cannot be written"):
        train_ladder(ladder, cache=tmp_path / "file" / "cache", quiet=True)


def test_neurons_of_a_rung():
    assert Rung(width=16, layers=2).neurons == 128
    assert Training(tokens=1).seed == 0
