"""The fuzz command: what it takes for a fault, and a few inputs of the targets that need no models."""

import random
import subprocess
import sys
from types import SimpleNamespace

import pytest

from rosettalaw.errors import RosettaError
from tests.fuzz import TARGETS, ladders, text, worker
from tests.fuzz.damage import damaged, odd_json


def raising(error):
    def case(whole, rng, folder):
        assert folder.is_dir()
        if error is not None:
            raise error

    return SimpleNamespace(__name__="planted", case=case)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "answer"),
        (RosettaError("no such thing"), "refusal"),
        (RosettaError(" "), "fault"),
        (ZeroDivisionError("x"), "fault"),
        (MemoryError(), "fault"),
        (worker.TooSlow(), "fault"),
        (KeyError("x"), "fault"),
        (BaseException("a panic"), "fault"),
    ],
)
def test_a_fault_is_everything_but_an_answer_and_a_message(error, outcome, tmp_path):
    record = worker._outcome(raising(error), None, 7, tmp_path / "case")
    assert record["outcome"] == outcome
    assert not (tmp_path / "case").exists()
    assert ("trace" in record) == (outcome == "fault" and not isinstance(error, RosettaError))


def test_the_seed_decides_the_input():
    whole = bytes(range(256)) * 4
    assert damaged(whole, random.Random(3)) == damaged(whole, random.Random(3))
    assert len({damaged(whole, random.Random(seed)) for seed in range(50)}) > 45
    record = {"a": [1, {"b": "x"}], "c": {"d": None}}
    assert odd_json(record, random.Random(5)) == odd_json(record, random.Random(5))
    assert record == {"a": [1, {"b": "x"}], "c": {"d": None}}


@pytest.mark.parametrize("target", [text, ladders])
def test_targets_without_models(target, tmp_path):
    whole = target.prepare(tmp_path)
    records = [worker._outcome(target, whole, seed, tmp_path / "case") for seed in range(60)]
    assert {record["outcome"] for record in records} == {"answer", "refusal"}, records


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_a_minute_of_each_target_finds_nothing(target):
    command = [sys.executable, "-m", "tests.fuzz", "--target", target, "--minutes", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
