"""Trainings in worker processes, started from a plain script or from standard input."""

import subprocess
import sys

import pytest

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
