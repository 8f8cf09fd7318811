"""Sweeps: the same numbers in memory, through dask, and from two worker processes; impossible points are marked."""

import json
import subprocess
import sys
from subprocess import DEVNULL, PIPE
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from rosettalaw.cluster import connected
from rosettalaw.errors import InputError, RosettaError, UnknownNameError
from rosettalaw.results import load
from rosettalaw.theory import Range, predict, sweep, sweeps
from rosettalaw.theory.grids import cut
from rosettalaw.theory.sweeps import BLOCK, BYTES_PER_VARIABLE, STATUS, summary, write

GRID = {"neurons": Range(1e3, 1e9, 30, log=True), "beta": Range(1.2, 3, 20), "kappa": [0.1, 1.0], "tau": 2.0}


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut grids into blocks of at most 500 points, so that small grids have many."""
    monkeypatch.setattr(sweeps, "BLOCK", 500)


@pytest.mark.parametrize("limit", ["discrete", "continuum"])
def test_equals_predict(limit, small_blocks):
    found, expected = sweep(**GRID, limit=limit), predict(**GRID, limit=limit)
    assert dict(found.sizes) == {"neurons": 30, "beta": 20, "kappa": 2}
    assert (found["status"] == 0).all()
    for name in expected.data_vars:
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].attrs["long_name"]
    assert float(found["tau"]) == 2.0


def test_dask_backed_when_larger_than_memory(small_blocks, tmp_path):
    lazy, eager = sweep(**GRID, memory=1000), sweep(**GRID)
    assert lazy.chunks
    assert max(np.prod(block) for block in [[c[0] for c in lazy.chunks.values()]]) <= 500
    assert not eager.chunks
    xr.testing.assert_identical(lazy.compute(), eager)
    write(lazy, tmp_path / "lazy.nc", quiet=True)
    write(eager, tmp_path / "eager.nc")
    saved = load(tmp_path / "lazy.nc", kind="sweep")
    xr.testing.assert_identical(saved, load(tmp_path / "eager.nc"))
    xr.testing.assert_identical(saved, eager)


CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""


def test_two_worker_processes_give_the_same_bits(tmp_path):
    """A scheduler with two workers of its own, and the command line as its client."""
    pytest.importorskip("distributed")
    (tmp_path / "cluster.py").write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, tmp_path / "cluster.py"], stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True
    ) as cluster:
        address = cluster.stdout.readline().strip()
        call = ["sweep", "--beta", "1.2:3:20", "--neurons", "1e3:1e9:30:log", "--out", tmp_path / "far.nc"]
        command = [sys.executable, "-m", "rosettalaw", *call, "--scheduler", address, "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
        cluster.communicate("\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["solved"] == 600
    near = sweep(GRID["neurons"], GRID["beta"])
    xr.testing.assert_identical(load(tmp_path / "far.nc").drop_attrs(), near.drop_attrs())


def test_scheduler_that_does_not_answer():
    with (
        pytest.raises(RosettaError, match=r"--scheduler = 'nowhere': no dask scheduler responds at this address"),
        connected("nowhere"),
    ):
        pass


def test_a_failed_write_leaves_the_old_file(small_blocks, tmp_path, monkeypatch):
    target = tmp_path / "sweep.nc"
    write(sweep(100, [1.5, 2.0]), target)
    before = target.read_bytes()
    lazy = sweep(**GRID, memory=1000)

    def broken(*_):
        yield {name: np.zeros(1) for name in ()}
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweeps, "_computed", broken)
    with pytest.raises(RosettaError, match="the disk is full"):
        write(lazy, target, quiet=True)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_a_sweep_that_the_disk_cannot_hold_is_not_begun(small_blocks, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10}))
    with pytest.raises(RosettaError, match="GB are free"):
        write(sweep(**GRID, memory=1000), tmp_path / "sweep.nc")
    assert list(tmp_path.iterdir()) == []


def test_impossible_points_are_marked_and_the_rest_is_solved(tmp_path):
    found = sweep([0.0, 10.0, np.nan, 1000.0], [0.5, 1.5], gamma=[np.inf, 4.0, 0.01], limit="continuum")
    assert found["status"].sel(beta=0.5).values[[1, 3]].tolist() == [[2, 0, 3], [2, 0, 0]]
    assert found["status"].sel(beta=1.5).values[[1, 3]].tolist() == [[0, 0, 3], [0, 0, 0]]
    assert (found["status"].values[[0, 2]] == 1).all()
    solved = found["status"] == 0
    for name in ("r0", "count", "tail_mass", "asymptotic_exponent"):
        assert (found[name].notnull() == solved).all()
    expected = predict(1000.0, 1.5, gamma=4.0, limit="continuum")
    np.testing.assert_array_equal(found["r0"].values[3, 1, 1], expected["r0"])
    meanings = [found["status"].attrs[f"meaning_{code}"] for code in found["status"].attrs["flag_values"]]
    assert meanings == list(STATUS.values())
    assert len(found["status"].attrs["flag_meanings"].split()) == len(STATUS)
    write(found, tmp_path / "some.nc")
    counts = summary(tmp_path / "some.nc")
    assert counts["points"] == 24
    assert counts["solved"] == int(solved.sum())
    assert sum(counts["unsolved"].values()) == 24 - counts["solved"]
    assert set(counts["unsolved"]) == {STATUS[1], STATUS[2], STATUS[3]}


def test_a_single_impossible_point_is_marked():
    found = sweep(1000.0, np.nan)
    assert found["status"].item() == 1
    assert np.isnan(found["count"].item())


@pytest.mark.parametrize("shape", [(), (7,), (3 * BLOCK,), (5, BLOCK // 2), (3, 5, 2 * BLOCK), (100, 100, 100, 100)])
def test_chunks_tile_the_grid(shape):
    chunks = cut(shape, BLOCK)
    assert tuple(sum(sizes) for sizes in chunks) == shape
    assert np.prod([max(sizes) for sizes in chunks]) <= BLOCK


def test_range():
    np.testing.assert_allclose(np.asarray(Range(1, 100, 3, log=True)), [1, 10, 100])
    np.testing.assert_allclose(np.asarray(Range(1, 3, 3)), [1, 2, 3])
    with pytest.raises(InputError, match=r"number = 0: must be at least 1. Try: Range\("):
        np.asarray(Range(1, 2, 0))
    with pytest.raises(InputError, match="must be positive and equally spaced on a log scale"):
        predict(Range(-1, 2, 5, log=True), 1.5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"beta": "steep"}, InputError, "beta = 'steep': must be a number or an array of numbers"),
        ({"beta": [[1.5]]}, InputError, r"array of shape \(1, 1\)': must be a number or a 1-D array"),
        ({"beta": []}, InputError, r"array of shape \(0,\)"),
        ({"limit": "exact"}, UnknownNameError, "unknown limit 'exact'"),
        ({"memory": 0}, InputError, "memory = 0: must be a positive number of bytes"),
        ({"memory": "1GB"}, InputError, "memory = '1GB': must be a positive number of bytes"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        sweep(**{"neurons": [100, 200], "beta": 1.5, **arguments})


@pytest.mark.parametrize(
    "part",
    [
        {"kappa": 1},
        {"neurons": slice(3, 5), "beta": 0},
        {"beta": [0, 7, 9]},
        {"neurons": 2, "beta": 3, "kappa": 0},
        {"neurons": np.arange(30) % 3 == 0, "kappa": slice(None, None, -1)},
    ],
    ids=str,
)
def test_a_part_of_a_lazy_sweep_solves_that_part_alone(part, small_blocks, monkeypatch):
    solved, solve = [], sweeps.predict_arrays
    monkeypatch.setattr(sweeps, "predict_arrays", lambda *given: solved.append(_points(given[0])) or solve(*given))
    lazy = sweep(**GRID, memory=1000).isel(part)
    assert lazy.chunks or not lazy.sizes
    found = lazy.compute(scheduler="synchronous")
    assert sum(solved) == found["status"].size  # once for all variables, and no other point
    xr.testing.assert_identical(found, sweep(**GRID).isel(part))


def test_what_is_no_part_of_a_grid_is_left_to_dask(small_blocks):
    lazy, eager = sweep(**GRID, memory=1000)["r0"], sweep(**GRID)["r0"]
    pointwise = {"neurons": xr.DataArray([0, 5], dims="point"), "beta": xr.DataArray([1, 2], dims="point")}
    for take in (
        lambda one: one.isel(pointwise),
        lambda one: one.isel(neurons=[1, 2], beta=[0, 3]),
        lambda one: one.max("beta").isel(neurons=3),
        lambda one: one[..., 0].expand_dims("new"),
    ):
        xr.testing.assert_identical(take(lazy).compute(), take(eager))


def _points(arrays):
    return np.prod(np.broadcast_shapes(*(array.shape for array in arrays.values())))


def test_a_quarter_of_the_free_memory_is_the_most_that_a_sweep_takes(monkeypatch):
    most = 2 * BYTES_PER_VARIABLE * len(sweep([1e3, 1e4], 1.6).data_vars)
    for available, lazy in ((4 * most, False), (4 * most - 4, True)):
        monkeypatch.setattr("psutil.virtual_memory", lambda available=available: SimpleNamespace(available=available))
        assert (sweep([1e3, 1e4], 1.6)["count"].chunks is not None) is lazy
