"""Trainings in worker processes, started from a plain script or from standard input."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from rosettalaw.empirical.worker_pool import run_jobs
from rosettalaw.errors import RosettaError
from tests.tiny_ladder import write_ladder

SCRIPT = """
print("the script runs")
from rosettalaw.empirical.ladder.train import train_ladder
from rosettalaw.empirical.language.families import open_ladder
trained = train_ladder(open_ladder({ladder!r}), cache={cache!r}, workers=2)
print(len(trained.folders), __name__)
"""


@pytest.mark.parametrize("from_file", [True, False])
def test_a_script_without_a_guard_trains(tmp_path, from_file):
    ladder = write_ladder(tmp_path, 300, measured=300, widths=(8,))
    text = SCRIPT.format(ladder=str(ladder), cache=str(tmp_path / "cache"))
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    call = [sys.executable, str(script) if from_file else "-"]
    done = subprocess.run(call, input=None if from_file else text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["the script runs", "2 __main__"]


def lasting(folder, report):
    """Work in a temporary folder, which says in which process, until asked to stop."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        Path(scratch, "process").write_text(str(os.getpid()))
        while report(0.5):
            time.sleep(0.01)


def end_worker(folder):
    """Send the signal by which schedulers end every process of a group."""
    process = ""
    while not process:
        time.sleep(0.01)
        process = "".join(path.read_text() for path in folder.glob("*/process"))
    os.kill(int(process), signal.SIGTERM)


def test_a_worker_that_is_asked_to_end_removes_its_temporary_files(tmp_path):
    threading.Thread(target=end_worker, args=(tmp_path,), daemon=True).start()
    with pytest.raises(RosettaError, match="a worker process died"):
        run_jobs(lasting, [tmp_path], title="", costs=[1], message=lambda job, result: "", workers=1, quiet=True)
    assert not list(tmp_path.iterdir())
