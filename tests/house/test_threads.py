"""Threads of a command's own process, and the benchmark's account of time."""

import os
import platform
import subprocess
import sys
import time

import pytest

from benchmarks import record
from benchmarks.account import account, shown
from benchmarks.timing import Ratio
from rosettalaw import threads


def outer():
    time.sleep(0.04)
    inner()


def inner():
    time.sleep(0.02)


def test_settings_that_the_user_made_are_left_alone(monkeypatch):
    monkeypatch.setattr(os, "environ", {"OPENBLAS_NUM_THREADS": "7"})
    threads.prepare(few=True)
    ours = {"OPENBLAS_THREAD_TIMEOUT": threads.IDLE, "THP_MEM_ALLOC_ENABLE": "1"}
    assert os.environ == {"OPENBLAS_NUM_THREADS": "7", **ours}


FAULTS = """
import resource, sys
from rosettalaw import threads
threads.prepare(few=sys.argv[1] == "few")
import numpy as np
np.ones(2**24, np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(2**24, np.float32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_of_freed_arrays_is_used_again():
    def faults(how, **settings):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
        run = [sys.executable, "-c", FAULTS, how]
        return int(subprocess.run(run, env=environment | settings, stdout=subprocess.PIPE, check=True).stdout)

    assert faults("few") > 20 * 16  # large pages of 2 MB at most, of which an array has 32
    assert faults("many") < 20 * 16
    assert faults("many", MALLOC_MMAP_MAX_="65536") > 20 * 16  # a user's own setting


LEFT = """
from rosettalaw import threads
threads.prepare()
import numpy as np
def mine():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon"))
before = mine()
arrays = [np.ones(2**22, np.float32) for _ in range(8)]
most = mine() - before
last = arrays[-1]
del arrays
held = mine() - before
threads.return_memory()
print(most, held, mine() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_of_a_stage_is_given_back_below_what_is_still_in_use():
    """The last array lies above the freed ones, so that the heap does not end before it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run([sys.executable, "-c", LEFT], env=environment, stdout=subprocess.PIPE, check=True)
    most, kept, left = map(int, done.stdout.split())
    assert kept > 0.9 * most
    assert left < 0.25 * most


def test_numpy_is_not_loaded_before_a_command_has_set_its_threads():
    code = (
        "import sys; import rosettalaw.cli as cli; from rosettalaw import threads\n"
        "threads.prepare = lambda few: sys.exit('numpy' in sys.modules or few + 2)\n"
        "cli.main(sys.argv[1:])"
    )
    codes = [subprocess.run([sys.executable, "-c", code, name, "--help"]).returncode for name in ("fit", "match")]
    assert codes == [3, 2]


def test_a_record_takes_one_area_after_the_other(tmp_path):
    fast, slow = Ratio("of one", 2.0, 1.5, True, "(1 s)"), Ratio("of another", 3.0, 2.0, False)
    for area, ratios in (("b", [fast]), ("a", [slow]), ("b", [fast, slow])):
        path = record.write(area, ratios, tmp_path)
    (machine,) = record.records(tmp_path)
    assert {name: area["ratios"] for name, area in machine["areas"].items()} == {"a": [slow], "b": [fast, slow]}
    assert path.parent == tmp_path
    assert machine["threads"] >= 1


def test_an_account_gives_each_stage_its_own_seconds_and_those_of_what_it_calls():
    def work():
        outer()
        inner()
        time.sleep(0.01)

    here = "house/test_threads.py"
    took, spent = account(work, {"first": ((here, "outer"),), "second": ((here, "inner"),)})
    assert abs(sum(spent.values()) - took) < 1e-9
    assert 0.06 <= spent["first"] < took - spent["second"] <= took - 0.02
    assert 0.04 <= spent["second"] + 0.02 <= took  # once within the first stage, and once by itself
    assert shown(took, spent).startswith("first 0.")
