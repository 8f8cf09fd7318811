"""Small trained networks measured side by side: the same bits from any number of processes, and nothing lost."""

import dataclasses
import os
import shutil

import numpy as np
import pytest

from rosettalaw.empirical.ladder import side_by_side
from rosettalaw.empirical.ladder.measure import measure_ladder
from rosettalaw.empirical.ladder.side_by_side import is_small
from rosettalaw.empirical.ladder.train import train_ladder
from rosettalaw.empirical.language.families import open_ladder
from rosettalaw.errors import RosettaError
from tests.in_process import jobs_here, run_here
from tests.tiny_ladder import write_ladder

NULLS = {"permutations": 0, "untrained": 1, "shift": 2, "documents": 0}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Three pairs of two families of two seeds: two that have a network in common, and one of another size."""
    folder = tmp_path_factory.mktemp("side_by_side")
    path = write_ladder(folder, 600, measured=600, nulls=NULLS, widths=(8, 16))
    text = path.read_text().replace("[training]\n", "[training]\ntraining_seed = [0, 1]\n")
    path.write_text(text.replace("[measurement]\n", "[measurement]\npartners = []\ndata_sizes = 1\n"))
    with jobs_here():
        every = train_ladder(open_ladder(path), cache=folder / "cache", quiet=True).models()
    return dataclasses.replace(every, rungs=tuple(every.rungs[i] for i in (0, 1, 4)))


@pytest.fixture(scope="module")
def measured(models, tmp_path_factory):
    """The ladder measured by this process, and the folder of its pairs."""
    folder = tmp_path_factory.mktemp("one")
    with jobs_here():
        return measure_ladder(models, folder, quiet=True), folder


def test_two_processes_give_the_bits_of_this_one(models, measured, capfd):
    import torch

    one, folder = measured
    assert len(list(folder.glob("*.nc"))) == 3
    before = torch.get_num_threads(), os.environ.get("OPENBLAS_NUM_THREADS")
    two = measure_ladder(models, workers=2)
    assert set(two.data_vars) == set(one.data_vars)
    for name in one.data_vars:
        np.testing.assert_array_equal(two[name].values, one[name].values, err_msg=name)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("  N = ")]
    assert len(lines) == 3  # each pair of networks once
    assert (torch.get_num_threads(), os.environ.get("OPENBLAS_NUM_THREADS")) == before


def test_finished_pairs_are_not_measured_again(models, measured, tmp_path, monkeypatch):
    shutil.copytree(measured[1], tmp_path, dirs_exist_ok=True)
    saved = sorted(tmp_path.glob("*.nc"))
    times = {path: path.stat().st_mtime_ns for path in saved[1:]}
    saved[0].unlink()
    jobs = []
    with jobs_here():
        monkeypatch.setattr(
            side_by_side, "run_jobs", lambda work, of, **more: (jobs.extend(of), run_here(work, of, **more))
        )
        again = measure_ladder(models, tmp_path, quiet=True)
    assert [len(job) for job in jobs] == [1]
    assert {path: path.stat().st_mtime_ns for path in saved[1:]} == times
    assert again.identical(measured[0].assign_attrs(again.attrs))


def test_a_pair_that_fails_is_named_and_the_others_stay(models, tmp_path):
    first, second, larger = models.rungs
    broken = tmp_path / "broken"
    shutil.copytree(second.models[1], broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    rungs = (first, dataclasses.replace(second, models=(second.models[0], str(broken))), larger)
    with jobs_here(), pytest.raises(RosettaError, match=r"rung 2 \(N = .*Finished rungs are saved"):
        measure_ladder(dataclasses.replace(models, rungs=rungs), tmp_path / "out", quiet=True)
    assert len(list((tmp_path / "out").glob("*.nc"))) == 2


def test_only_small_trained_networks_on_processors(models):
    assert is_small(models)
    plan = dataclasses.replace(models.measurement, device="cuda")
    assert not is_small(dataclasses.replace(models, measurement=plan))
    plan = dataclasses.replace(models.measurement, engine="screened")
    assert not is_small(dataclasses.replace(models, measurement=plan))
    assert not is_small(dataclasses.replace(models, training_seed=None))
