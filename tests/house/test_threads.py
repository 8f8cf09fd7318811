"""Threads of a command's own process, and the benchmark's account of time."""

import os
import subprocess
import sys
import time

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
