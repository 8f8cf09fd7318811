"""Ladder files: names that would leave their folder, impossible numbers, models that diverge, two trainings at once."""

import dataclasses
import json
import multiprocessing

import pytest

from rosettalaw.empirical.config import Measurement, require_distinct, require_name
from rosettalaw.empirical.ladder.models import CheckpointLadder
from rosettalaw.empirical.ladder.train import train_ladder
from rosettalaw.empirical.language.families import Family, Ladder, Rung, Training
from rosettalaw.errors import InputError, RosettaError

NAMES = [
    "",
    " ",
    ".",
    "..",
    "../a",
    "a/../b",
    "/a",
    "a/b",
    "a\\b",
    "C:a",
    "a\0b",
    "a\nb",
    "a\x1b[0m",
    "con",
    "NUL",
    "nul.txt",
    "Com1.a.b",
    "a.",
    "a ",
    " a",
    ".hidden",
    "~",
    "~root",
    "a|b",
    "a?",
    "a*",
    'a"',
    "<a>",
    "x" * 200,
    "é" * 60,
    "a\u202eb",
]


def a_ladder(corpus="x", **changes):
    training = {"tokens": 600, "context": 16, "batch": 4} | changes.pop("training", {})
    entries = {
        "name": "tiny",
        "description": "",
        "corpus": str(corpus),
        "held_out": 0.3,
        "training": Training(**training),
        "measurement": Measurement(tokens=100),
        "family": (Family("one", "gpt2", 300), Family("two", "gpt_neox", 300)),
        "rung": (Rung(8, 1),),
    }
    return Ladder(**(entries | changes))


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_no_folders_are_refused_everywhere(name):
    for make in (
        lambda: require_name("name", name),
        lambda: a_ladder(name=name),
        lambda: Family(name, "gpt2", 300),
        lambda: CheckpointLadder(name, Measurement(), ()),
    ):
        with pytest.raises(InputError, match="becomes the name of a folder"):
            make()


@pytest.mark.parametrize("name", ["quickstart", "Pythia-1.4b", "a_b", "東京", "my ladder", "console", "com10"])
def test_ordinary_names(name):
    require_name("name", name)
    a_ladder(name=name)


@pytest.mark.parametrize(("one", "two"), [("a", "a"), ("A", "a"), ("straße", "STRASSE"), ("é", "e\u0301")])
def test_names_that_are_one_on_some_disk(one, two):
    with pytest.raises(InputError, match="is used twice"):
        require_distinct("family", [one, "b", two])
    with pytest.raises(InputError, match="is used twice"):
        a_ladder(family=(Family(one, "gpt2", 300), Family(two, "gpt_neox", 300)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("tokens", 99_999_999_999_999),
        ("tokens", 10**11),
        ("context", 10**9),
        ("batch", 10**9),
        ("learning_rate", float("inf")),
        ("learning_rate", float("nan")),
        ("learning_rate", -1.0),
        ("weight_decay", float("nan")),
        ("weight_decay", -0.1),
    ],
)
def test_impossible_trainings(name, value):
    with pytest.raises(InputError, match=f"^{name} = "):
        Training(**({"tokens": 600, "context": 16, "batch": 4} | {name: value}))


def test_impossible_sizes():
    for make in (
        lambda: Rung(2_000_000, 1),
        lambda: Rung(8, 10**9),
        lambda: Family("a", "gpt2", 999_999_999),
        lambda: a_ladder(rung=(Rung(1 << 15, 1000),)),
        lambda: Measurement(seed=-1),
        lambda: Measurement(tokens=10**15),
    ):
        with pytest.raises(InputError, match=r"must be at most|must be a whole number from 0 to|more than"):
            make()


@pytest.fixture(scope="module")
def text(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("text")
    for document in corpus.documents:
        (folder / f"{document.name}.txt").write_text(document.text, encoding="utf-8")
    return folder


def test_a_model_that_diverges_is_an_error_and_is_not_left(text, tmp_path):
    ladder = a_ladder(text, training={"learning_rate": 1e30}, family=(Family("one", "gpt2", 300),))
    with pytest.raises(RosettaError, match=r"one, 32 neurons: diverged .* smaller learning_rate than 1e\+30"):
        train_ladder(ladder, cache=tmp_path, quiet=True)
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not list(tmp_path.rglob("training.json"))
    assert not list(tmp_path.rglob("*.lock"))


def _train(text, cache, results):
    trained = train_ladder(a_ladder(text), cache=cache, workers=1, quiet=True)
    results.put(sorted(str(folder) for folder in trained.folders.values()))


@pytest.mark.slow
def test_two_trainings_on_one_cache_both_finish_and_train_each_model_once(text, tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_train, args=(text, tmp_path, results)) for _ in range(2)]
    for process in processes:
        process.start()
    folders = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert folders[0] == folders[1]
    left = {
        path.name for path in tmp_path.rglob("*") if path.name.endswith((".lock", ".writing", ".partial.safetensors"))
    }
    assert left == set()


@pytest.mark.slow
def test_a_finished_model_of_an_earlier_version_that_diverged_is_trained_again(text, tmp_path):
    ladder = a_ladder(text, family=(Family("one", "gpt2", 300),))
    (folder,) = train_ladder(ladder, cache=tmp_path, quiet=True).folders.values()
    record = json.loads((folder / "training.json").read_text())
    (folder / "training.json").write_text(json.dumps(record | {"bits_per_byte": float("nan")}))
    train_ladder(dataclasses.replace(ladder), cache=tmp_path, quiet=True)
    assert json.loads((folder / "training.json").read_text())["bits_per_byte"] == record["bits_per_byte"]
