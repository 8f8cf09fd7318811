"""Jobs in worker processes, started from a plain script or from standard input."""

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

SCRIPT = """
print("the script runs")
import operator
from rosettalaw.empirical.worker_pool import run_jobs
results = []
options = {"title": "", "costs": [1, 1], "message": lambda job, result: results.append(result) or "", "workers": 2}
run_jobs(operator.is_not, ["one", "two"], **options)
print(results, __name__)
"""


@pytest.mark.parametrize("from_file", [True, False])
def test_a_script_without_a_guard_has_workers(tmp_path, from_file):
    """Its work is a function of the standard library that takes a job and what reports on it."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    call = [sys.executable, str(script) if from_file else "-"]
    done = subprocess.run(call, input=None if from_file else SCRIPT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["the script runs", "[True, True] __main__"]


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
