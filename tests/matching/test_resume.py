"""Killed runs go on and end with the same bits; processes share the work; foreign folders are refused."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match, products
from rosettalaw.errors import ForeignFileError
from tests.matching.stopping import Stops

PROGRAM = """
import sys, time
import numpy as np
import torch
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match, products
products.SAVE_EVERY = 0.0
folder, slow = sys.argv[1], float(sys.argv[2])
class Slow(ArraySource):
    def rows(self, index, columns=slice(None)):
        time.sleep(slow)
        return super().rows(index, columns)
found = match(Slow("a.npy"), Slow("b.npy"), nulls={"permute": 1}, tile=(20, 16), block=64, folder=folder, quiet=True,
              engine=sys.argv[3])
np.savez(sys.argv[4], found.unit_a, found.unit_b, found.correlation, found.nulls["permuted"][0],
         *found.replicates.correlations)
"""


SCARCE = """
import os, sys
from types import SimpleNamespace
import psutil
free = int(float(sys.argv.pop(1).split(",")[int(os.environ.get("RANK", 0))]))
psutil.virtual_memory = lambda: SimpleNamespace(available=free)
from rosettalaw.cli import main
main()
"""


def two_processes():
    """Return the command of two processes that share a matching."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]


@pytest.fixture
def arrays(tmp_path, plant):
    a, b, _ = plant(1500, 30, 32, 12)
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    return tmp_path


def run(folder, *arguments, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *arguments], cwd=folder, env=environment, **options)


@pytest.mark.parametrize(
    "engine", ["exact", *(pytest.param(other, marks=pytest.mark.slow) for other in ("certified", "screened"))]
)
def test_a_killed_run_goes_on_and_ends_with_the_same_bits(arrays, engine):
    assert run(arrays, "-c", PROGRAM, "whole", "0", engine, "whole.npz").wait() == 0
    killed = run(arrays, "-c", PROGRAM, "work", "0.01", engine, "killed.npz")
    deadline = time.monotonic() + 120
    while len(list((arrays / "work").glob("*.npz"))) < 5 and time.monotonic() < deadline:
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (arrays / "killed.npz").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in (arrays / "work").glob("*.npz")}
    assert kept
    assert run(arrays, "-c", PROGRAM, "work", "0", engine, "resumed.npz").wait() == 0
    with np.load(arrays / "whole.npz") as whole, np.load(arrays / "resumed.npz") as resumed:
        assert whole.files == resumed.files
        for name in whole.files:
            assert whole[name].tobytes() == resumed[name].tobytes(), name
    tiles = [name for name in kept if "part" not in name]
    assert all((arrays / "work" / name).stat().st_mtime_ns == kept[name] for name in tiles)


def test_finished_blocks_are_not_read_again(tmp_path, plant, monkeypatch):
    a, b, _ = plant(640, 20, 20, 8)
    monkeypatch.setattr(products, "SAVE_EVERY", 0.0)
    options = {"nulls": {}, "folder": tmp_path / "work", "quiet": True}
    with pytest.raises(KeyboardInterrupt):
        match(Stops(a, 10), ArraySource(b), **options)
    # The checksum, the other parts, the pairs; a first row and all of four groups, for the effective positions.
    exactly = Stops(a, 1 + 7 + 16 + 4 + 4)
    resumed = match(exactly, ArraySource(b), **options)
    assert exactly.left == 0
    whole = match(ArraySource(a), ArraySource(b), nulls={}, quiet=True)
    assert resumed.correlation.tobytes() == whole.correlation.tobytes()


def test_another_matching_is_refused_and_damaged_files_are_computed_again(tmp_path, plant):
    a, b, _ = plant(200, 10, 10, 4)
    work = tmp_path / "work"
    options = {"nulls": {}, "folder": work, "quiet": True}
    whole = match(ArraySource(a), ArraySource(b), **options)
    with pytest.raises(ForeignFileError, match="unfinished matching with other seed"):
        match(ArraySource(a), ArraySource(b), seed=1, **options)
    with pytest.raises(ForeignFileError, match="with other a"):
        match(ArraySource(a + 1), ArraySource(b), **options)
    (work / "trained-tile0.npz").write_bytes(b"half")
    again = match(ArraySource(a), ArraySource(b), **options)
    assert again.correlation.tobytes() == whole.correlation.tobytes()
    assert len(np.load(work / "trained-tile0.npz").files) > 1
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").touch()
    with pytest.raises(ForeignFileError, match="not an unfinished matching"):
        match(ArraySource(a), ArraySource(b), nulls={}, folder=other, quiet=True)


def test_a_run_that_was_killed_as_it_began_goes_on(tmp_path, plant):
    a, b, _ = plant(200, 10, 10, 4)
    work = tmp_path / "work"
    work.mkdir()
    (work / ".matching.json.k1ll3d.json").write_text('{"a"')
    match(ArraySource(a), ArraySource(b), nulls={}, folder=work, quiet=True)
    assert (work / "matching.json").exists()


def test_a_run_whose_folder_was_being_removed_when_it_was_killed_begins_anew(tmp_path, plant):
    a, b, _ = plant(200, 10, 10, 4)
    work = tmp_path / "work"
    first = match(ArraySource(a), ArraySource(b), nulls={}, folder=work, quiet=True)
    (work / "matching.json").unlink()  # the first of its files to go; the marker is the last
    assert [*work.glob("*.npz")]
    again = match(ArraySource(a), ArraySource(b), nulls={}, folder=work, quiet=True)
    assert again.correlation.tobytes() == first.correlation.tobytes()
    (work / ".rosettalaw").unlink()
    (work / "matching.json").unlink()
    with pytest.raises(ForeignFileError, match="not an unfinished matching"):  # nothing says whose files these are
        match(ArraySource(a), ArraySource(b), nulls={}, folder=work, quiet=True)


@pytest.mark.parametrize(
    "engine", ["exact", *(pytest.param(other, marks=pytest.mark.slow) for other in ("certified", "screened"))]
)
def test_two_processes_give_the_bits_of_one(arrays, engine):
    call = ["-m", "rosettalaw", "match", "a.npy", "b.npy", "--json", "--engine", engine, "--memory", "1MB"]
    alone = run(arrays, *call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    both = run(arrays, *two_processes(), *call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first, second = alone.communicate()[0], both.communicate()
    assert alone.returncode == both.returncode == 0, second[1].decode()
    record, shared = json.loads(first), json.loads(second[0])
    assert record == shared
    assert record["calibrated_count"] >= 12


@pytest.mark.slow
def test_processes_that_see_other_amounts_of_free_memory_take_the_same_tiles(tmp_path):
    """Each has half of a process's share of the free memory where process 0 runs."""
    rng = np.random.default_rng(0)
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", rng.standard_normal((300, 200)))
    (tmp_path / "scarce.py").write_text(SCARCE)
    call = ["match", "a.npy", "b.npy", "--json", "--null-permutations", "1"]
    alone = run(tmp_path, "scarce.py", "1e9", *call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    both = run(tmp_path, *two_processes(), "scarce.py", "40e6,4e6", *call, stdout=subprocess.PIPE)
    records = [json.loads(one.communicate(timeout=120)[0]) for one in (alone, both)]
    assert records[0] == records[1]


def test_a_run_goes_on_with_its_tiles_though_less_memory_is_free(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    a, b = (ArraySource(rng.standard_normal((300, 200)).astype(np.float32)) for _ in "ab")
    options = {"nulls": {}, "folder": tmp_path / "work", "quiet": True}

    def free(amount):
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=amount))

    free(2e6)
    whole = match(a, b, **options)
    tiles = sorted(path.name for path in (tmp_path / "work").glob("*tile*"))
    assert len(tiles) == 16
    free(2e9)
    again = match(a, b, **options)
    assert again.correlation.tobytes() == whole.correlation.tobytes()
    assert sorted(path.name for path in (tmp_path / "work").glob("*tile*")) == tiles
    with pytest.raises(ForeignFileError, match="unfinished matching with other tile"):
        match(a, b, memory=2 * 10**9, **options)
