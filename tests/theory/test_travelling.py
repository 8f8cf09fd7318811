"""User-written families on workers: of a script, of a module that workers cannot import, and what cannot travel.

The families are the paper's own, written anew: the closed form gives the counts.
"""

import json
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass

import dask
import numpy as np
import pytest

from rosettalaw.errors import InputError, RosettaError
from rosettalaw.theory import Model, Spectrum, predict
from rosettalaw.theory import model_sweeps as sweeps
from rosettalaw.theory.travelling import Travelling, packed, require_travelling, unpacked

SIZES = [100.0, 200.0, 400.0, 800.0]
FAMILIES = """
from dataclasses import dataclass
import numpy as np
from rosettalaw.theory import Spectrum, Utility
{lock}
FACTOR = 2.0


def weight(rank):
    return FACTOR / rank


@dataclass(frozen=True)
class OwnSpectrum(Spectrum):
    beta: float

    def at(self, rank, features):
        {use}return weight(rank) ** self.beta


class OwnUtility(Utility):
    def __init__(self, offset):
        self.offset = offset

    def marginal(self, s):
        return 1 / (self.offset + s)
"""
SCRIPT = """
import json, sys
from rosettalaw.errors import RosettaError
from rosettalaw.theory import Model, model_sweeps, sweep
from rosettalaw.theory.sweeps import write
from distributed import Client, LocalCluster
{families}

def answer(call):
    try:
        return call()
    except RosettaError as error:
        return str(error)


class Holding(OwnSpectrum):
    def __init__(self, beta, file):
        super().__init__(beta)
        object.__setattr__(self, "file", file)


if __name__ == "__main__":
    import threading, xarray as xr
    sys.path.insert(0, {folder!r} + "/beside")  # workers begin with this script, less what follows
    import own_families, with_a_lock

    model_sweeps.BLOCK, answers = 2, {{}}
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.run(lambda folder: __import__("sys").path.remove(folder), {folder!r} + "/beside")
        models = {{
            "script": Model(OwnSpectrum(1.5), OwnUtility(1.0)),
            "module": Model(own_families.OwnSpectrum(1.5), own_families.OwnUtility(1.0)),
            "lock": Model(with_a_lock.OwnSpectrum(1.5)),
            "holding": Model(Holding(1.5, threading.Lock())),
        }}
        for name, model in models.items():
            grid = lambda: model.sweep({sizes}, memory=10)
            answers[name] = answer(lambda: grid()["count"].compute().values.tolist())
        write(models["module"].sweep({sizes}, memory=10), {folder!r} + "/far.nc", client=client, quiet=True)
        answers["written"] = xr.open_dataset({folder!r} + "/far.nc", engine="h5netcdf")["count"].values.tolist()
        answers["closed form"] = sweep({sizes}, 1.5, memory=10)["count"].compute().values.tolist()
    print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Held(Spectrum):
    beta: float
    held_back: object

    def at(self, rank, features):
        return rank**-self.beta


def test_families_of_scripts_and_modules_are_solved_by_a_worker_or_refused(tmp_path):
    pytest.importorskip("distributed")
    plain = FAMILIES.format(lock="", use="")
    locked = FAMILIES.format(lock="import threading\nLOCK = threading.Lock()", use="with LOCK: ")
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "own_families.py").write_text(plain)
    (beside / "with_a_lock.py").write_text(locked)
    script = SCRIPT.format(folder=str(tmp_path), families=plain, sizes=SIZES)
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    expected = predict(SIZES, 1.5)["count"].values.tolist()
    for name in ("script", "module", "written", "closed form"):
        assert answers[name] == expected, name
    assert "No module named 'with_a_lock'" in answers["lock"]
    assert "Try: client.upload_file(" in answers["lock"]
    assert "must be picklable to be solved by other processes" in answers["holding"]


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_threads_solve_what_cannot_be_pickled(scheduler, monkeypatch):
    monkeypatch.setattr(sweeps, "BLOCK", 2)
    lazy = Model(Held(1.5, threading.Lock())).sweep(SIZES, memory=10)
    with dask.config.set(scheduler=scheduler):
        np.testing.assert_array_equal(lazy["count"].compute(), predict(SIZES, 1.5)["count"])


def test_a_function_is_the_same_after_two_journeys():
    there = pickle.loads(pickle.dumps(Travelling(lambda x: x + 1)))
    again = pickle.loads(pickle.dumps(there))
    assert there(1) == again(1) == 2
    assert pickle.loads(pickle.dumps(again))(2) == 3


def test_what_cannot_travel_is_one_message():
    with pytest.raises(InputError, match=r"must be picklable to be solved by other processes \(TypeError: .* Try: "):
        packed(threading.Lock())
    with pytest.raises(RosettaError, match=r"cannot be unpacked on this worker \(.*workers need its modules. Try: "):
        unpacked(b"nothing")
    require_travelling(threading.Lock())  # without a client nothing travels
