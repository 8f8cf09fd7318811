"""A ladder measured by two worker processes of a dask cluster: the numbers of one process, and errors lose nothing."""

import dataclasses
import json
import re
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE

import numpy as np
import pytest
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.empirical.ladder import workers
from rosettalaw.empirical.ladder.measure import measure_ladder
from rosettalaw.empirical.ladder.train import train_ladder
from rosettalaw.empirical.language.families import open_ladder
from rosettalaw.errors import RosettaError
from rosettalaw.loop.ladder import run_ladder
from rosettalaw.results import load
from tests.in_process import jobs_here
from tests.pictures import coarse_pictures  # noqa: F401
from tests.tiny_ladder import write_ladder

distributed = pytest.importorskip("distributed")

NULLS = {"permutations": 0, "untrained": 1, "shift": 2, "documents": 0}
CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""


@pytest.fixture(scope="module")
def ladder(tmp_path_factory):
    """The file of a ladder of two sizes and two seeds, crossed at the smaller size; the folder of its models."""
    folder = tmp_path_factory.mktemp("workers")
    path = write_ladder(folder, 600, measured=600, nulls=NULLS, widths=(8, 16))
    text = path.read_text().replace("[training]\n", "[training]\ntraining_seed = [0, 1]\n")
    text = text.replace("held_out", "crossed_to = 32\nheld_out", 1)
    path.write_text(text.replace("[measurement]\n", "[measurement]\npartners = []\ndata_sizes = 1\n"))
    with jobs_here():
        train_ladder(open_ladder(path), cache=folder / "cache", quiet=True)
    return path, folder / "cache"


@pytest.fixture(scope="module")
def models(ladder):
    path, cache = ladder
    return train_ladder(open_ladder(path), cache=cache, quiet=True).models()


def same_numbers(ladder, alone):
    """Assert that two ladders have the same variables with the same bits."""
    assert set(ladder.data_vars) == set(alone.data_vars)
    for name in alone.data_vars:
        np.testing.assert_array_equal(ladder[name].values, alone[name].values, err_msg=name)


def two_processes():
    """Return the command of two processes that share matchings."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]


@pytest.fixture
def scheduler(tmp_path):
    """The address of a cluster of two processes."""
    (tmp_path / "cluster.py").write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, tmp_path / "cluster.py"], stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True
    ) as cluster:
        yield cluster.stdout.readline().strip()
        cluster.communicate("\n")


def test_two_processes_give_the_numbers_of_one(ladder, models, scheduler, tmp_path, monkeypatch):
    path, cache = ladder
    with jobs_here():
        alone = measure_ladder(models, quiet=True)
    for module in ("measure.measure_rung", "measure.measure_side_by_side", "workers.measure_rung"):
        monkeypatch.setattr(f"rosettalaw.empirical.ladder.{module}", lambda *_, **__: pytest.fail("measured here"))
    call = ["ladder", path, "--cache", cache, "--out", tmp_path / "far", "--scheduler", scheduler, "--json"]
    done = CliRunner().invoke(app, [str(word) for word in call], catch_exceptions=False)
    assert len(json.loads(done.stdout)["rungs"]) == 6
    assert (tmp_path / "far" / "report.html").exists()  # although no pair exceeds the nulls at any size
    same_numbers(load(tmp_path / "far" / "results.nc"), alone)


def test_rungs_that_share_a_network_are_one_task(models):
    missing = [(i, 1) for i in range(6)]
    assert workers.tasks_of(models, missing) == [missing[:4], missing[4:5], missing[5:]]
    assert workers.tasks_of(models, missing[3:5]) == [[(3, 1)], [(4, 1)]]
    # seeds 0–0 and 1–1 of the smaller size share nothing, 0–1 joins them
    assert workers.tasks_of(models, [(0, 1), (3, 1)]) == [[(0, 1)], [(3, 1)]]
    assert workers.tasks_of(models, [(0, 1), (3, 1), (1, 1)]) == [[(0, 1), (1, 1), (3, 1)]]


class Client:
    """A client whose tasks run in this process on demand."""

    def scheduler_info(self):
        return {"workers": {"here": None}}

    def scatter(self, value, **_):
        return value

    def submit(self, function, *arguments, **_):
        return Future(partial(function, *arguments))


@dataclasses.dataclass(frozen=True)
class Future:
    """A task that has not run."""

    result: partial


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(distributed, "as_completed", list)
    return Client()


def test_a_rung_that_fails_is_named_and_the_others_are_saved(models, client, monkeypatch, tmp_path):
    broken = dataclasses.replace(models, rungs=models.rungs[3:5])
    original = workers.measure_rung

    def measure(ladder, rung, *of, **options):
        if rung is broken.rungs[0]:
            raise RosettaError("its layer 0 gives NaN")
        return original(ladder, rung, *of, **options)

    monkeypatch.setattr(workers, "measure_rung", measure)
    with pytest.raises(RosettaError, match=r"rung 1 \(N = 32, seeds 1 and 1\): its layer 0 gives NaN. Finished rungs"):
        measure_ladder(broken, tmp_path, quiet=True, client=client)
    assert len(list(Path(tmp_path).glob("*.nc"))) == 1
    monkeypatch.setattr(workers, "measure_rung", original)
    again = measure_ladder(broken, tmp_path, quiet=True, client=client)
    assert again.sizes["rung"] == 2
    monkeypatch.setattr(workers, "measure_rung", lambda *_: pytest.fail("measured again"))
    assert measure_ladder(broken, tmp_path, quiet=True, client=client)["raw_count"].equals(again["raw_count"])


def test_a_worker_that_ends_leaves_the_comparisons_it_finished(models, monkeypatch, tmp_path):
    """Its second comparison ends it; a folder of the same path on another disk gets no file."""
    original = workers.measure_rung

    def measure(ladder, rung, *of, **options):
        if rung is models.rungs[1]:
            raise KeyboardInterrupt
        return original(ladder, rung, *of, **options)

    monkeypatch.setattr(workers, "measure_rung", measure)
    files = [tmp_path / "results" / name for name in ("first.nc", "second.nc")]
    places = [workers._place(file) for file in files]
    elsewhere = [(file, number + 1) for file, number in places]
    with pytest.raises(KeyboardInterrupt):
        workers._measure(models, [(0, 1), (1, 1)], elsewhere)
    assert not any(file.exists() for file in files)
    with pytest.raises(KeyboardInterrupt):
        workers._measure(models, [(0, 1), (1, 1)], places)
    assert [file.exists() for file in files] == [True, False]
    alone = original(models, models.rungs[0], 1, False)
    assert load(files[0])["raw_count"].equals(alone["raw_count"])


def test_a_scheduler_that_does_not_answer_is_refused_before_training(tmp_path):
    path = write_ladder(tmp_path, 600, measured=600, nulls=NULLS, widths=(8,))
    with pytest.raises(RosettaError, match="no dask scheduler responds"):
        run_ladder(str(path), tmp_path / "out", cache=tmp_path / "cache", scheduler="nowhere")
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_two_processes_that_share_every_matching_give_the_numbers_of_one(ladder, models, tmp_path):
    path, cache = ladder
    few = ["--cache", cache, "--out", tmp_path / "shared", "--json"]
    call = [sys.executable, *two_processes(), "-m", "rosettalaw", "ladder", path, *few]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("models: ") == 1  # both processes know, one says
    assert len(json.loads(done.stdout)["rungs"]) == 6
    same_numbers(load(tmp_path / "shared" / "results.nc"), measure_ladder(models, quiet=True))


def test_processes_that_share_matchings_train_nothing(tmp_path, monkeypatch):
    path = write_ladder(tmp_path, 600, measured=600, nulls=NULLS, widths=(8,))
    monkeypatch.setattr("rosettalaw.empirical.matching.machine.distributed.size", lambda: 2)
    message = "torchrun processes = 2: share out matchings; train the ladder's 2 missing models first"
    with pytest.raises(RosettaError, match=re.escape(message)):
        run_ladder(str(path), tmp_path / "out", cache=tmp_path / "cache")
    assert not list(tmp_path.rglob("*.safetensors"))
