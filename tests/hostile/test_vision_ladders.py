"""Vision ladders: names that would leave the cache, impossible numbers, models that diverge, two trainings at once."""

import dataclasses
import threading

import numpy as np
import pytest

from rosettalaw.empirical.vision.families import training
from rosettalaw.empirical.vision.families.photographs import Crops
from rosettalaw.empirical.vision.families.training import Job, Recipe, train
from rosettalaw.empirical.vision.train_ladder import Pairing, VisionLadder
from rosettalaw.errors import InputError, RosettaError

RECIPE = Recipe(steps=2, batch=4, layers=1, seeds=(0, 1))


@pytest.fixture(scope="module")
def crops():
    rng = np.random.default_rng(0)
    return Crops([[rng.standard_normal((40, 60, 3))] for _ in range(3)], "train")


@pytest.mark.parametrize("name", ["../x", "/x", "", "a/b", "nul", "a\0", "..", "x" * 200, "a\x1b"])
def test_names_that_are_no_folders(name):
    with pytest.raises(InputError, match="becomes the name of a folder"):
        VisionLadder(name)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("widths", ()),
        ("widths", (8, 8)),
        ("widths", (0,)),
        ("widths", (10**9,)),
        ("widths", (8.5,)),
        ("images", 0),
        ("images", 10**12),
        ("permutations", -1),
        ("untrained", 10**9),
        ("seed", -1),
        ("pairings", ()),
        ("pairing", (Pairing("denoising", "supervised"),) * 2),
    ],
)
def test_impossible_ladders(argument, value):
    with pytest.raises(InputError, match=f"^{argument} = "):
        VisionLadder(**{argument if argument != "pairing" else "pairings": value})


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("steps", 0),
        ("steps", 10**12),
        ("batch", -1),
        ("layers", 10**9),
        ("learning_rate", float("inf")),
        ("learning_rate", float("nan")),
        ("learning_rate", -1.0),
        ("seeds", (0, 0, 1)),
        ("seeds", (-1, 0, 1)),
        ("seeds", ()),
    ],
)
def test_impossible_recipes(argument, value):
    with pytest.raises(InputError, match=f"^{argument} = "):
        Recipe(**{argument: value})


def test_a_model_that_diverges_is_an_error_and_is_not_left(tmp_path, crops):
    job = Job("supervised", 16, dataclasses.replace(RECIPE, learning_rate=1e38, steps=20), "sha", tmp_path)
    with pytest.raises(RosettaError, match=r"64 neurons, seed 0: diverged .* smaller learning_rate than 1e\+38"):
        train(job, crops)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_two_trainings_at_once_train_each_model_once(tmp_path, crops, monkeypatch):
    """The one that comes second waits, and takes the files that the first has written."""
    pytest.importorskip("torch")
    jobs = [Job("supervised", 16, RECIPE, "sha", tmp_path) for _ in "ab"]
    trained, found, whole = [], {}, training._train
    monkeypatch.setattr(training, "_train", lambda *arguments: trained.append(1) or whole(*arguments))
    threads = [threading.Thread(target=lambda i=i: found.update({i: train(jobs[i], crops)})) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trained) == 1
    np.testing.assert_array_equal(found[0], found[1])
    left = {path.name for path in tmp_path.rglob("*") if path.name.endswith((".lock", ".writing"))}
    assert left == set()


@pytest.mark.parametrize("text", ["", "[", "{}", '{"loss": NaN}', '{"loss": "x"}', "[" * 100_000])
def test_models_whose_record_is_damaged_or_says_that_they_diverged_are_trained_again(tmp_path, crops, text):
    job = Job("supervised", 16, RECIPE, "sha", tmp_path)
    train(job, crops)
    (job.folder(1) / "training.json").write_text(text)
    assert not job.finished
    train(job, crops)
    assert job.finished
    assert not list(tmp_path.rglob("*.writing"))
