"""Progress and last messages: an error's message stands alone, and the first of several processes tells it."""

import os
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta

import numpy as np
import pytest
import torch.distributed as dist

from rosettalaw import console


@pytest.fixture
def arrays(tmp_path):
    array = np.random.default_rng(0).standard_normal((60, 5))
    np.save(tmp_path / "a.npy", array)
    np.save(tmp_path / "short.npy", array[:-1])
    array[7, 3] = np.nan
    np.save(tmp_path / "nan.npy", array)
    return tmp_path


def match(folder, *arguments, launcher=()):
    command = [sys.executable, *launcher, "-m", "rosettalaw", "match", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def test_a_log_has_the_last_state_of_what_ended_well_alone(capsys):
    with console.progress("weighing", 2) as bar:
        bar.advance(2)
    assert capsys.readouterr().err.count("weighing") == 1
    with pytest.raises(ZeroDivisionError), console.progress("weighing", 2) as bar:
        bar.advance(1 / 0)
    assert capsys.readouterr().err == ""
    with console.progress("weighing", 2, quiet=True) as bar:
        bar.advance(2)
    assert capsys.readouterr().err == ""


def test_a_log_has_a_line_again_and_again(capsys, monkeypatch):
    monkeypatch.setattr(console, "EVERY", 0.05)
    with console.progress("weighing [bold]", 4) as bar:
        bar.advance(1)
        time.sleep(0.4)
    lines = capsys.readouterr().err.splitlines()
    assert sum("weighing [bold]: 25% after 0:00:0" in line for line in lines) >= 2
    assert not [thread for thread in threading.enumerate() if thread.name == "rosettalaw-progress"]
    with console.progress("weighing", None):
        time.sleep(0.2)
    assert "%" not in capsys.readouterr().err.splitlines()[0]
    with console.progress("weighing", 4, quiet=True):
        time.sleep(0.2)
    assert capsys.readouterr().err == ""


def test_bad_activations_are_one_message(arrays):
    done = match(arrays, "a.npy", "nan.npy")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: nan.npy = 'neuron 3': holds a NaN")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.npy", "short.npy"), "error: positions = 'a.npy 60 × 5 and short.npy 59 × 5': must be equal"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)  # each starts three processes
            for case in (
                (("a.npy", "nan.npy"), "error: nan.npy = 'neuron 3': holds a NaN"),
                (("a.npy", "a.npy", "--out", "a.npy"), "error: --out = 'a.npy': is the same file as the input"),
                (("a.npy", "a.npy", "--seed", "x"), "error: Invalid value for '--seed'"),
            )
        ),
    ],
)
def test_what_every_process_finds_is_told_once(arrays, arguments, message):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]
    done = match(arrays, *arguments, launcher=launcher)
    assert done.returncode != 0
    assert done.stderr.count(message) == done.stderr.count("error: ") == 1, done.stderr


class TestSeveralProcesses:
    """The store of `torchrun` is one of this process here."""

    @pytest.fixture(autouse=True)
    def second(self, monkeypatch):
        self.store = dist.HashStore()
        monkeypatch.setattr(console, "_store", lambda: self.store)
        monkeypatch.setattr(console, "PATIENCE", timedelta(seconds=2))
        monkeypatch.setenv("RANK", "1")
        console.printed_elsewhere.cache_clear()
        yield
        console.printed_elsewhere.cache_clear()

    def test_what_the_first_tells_is_not_told_again(self, monkeypatch, capsys):
        def first():
            time.sleep(0.2)
            self.store.set(console.LAST_MESSAGE, "error: the same")

        beside = threading.Thread(target=first)
        beside.start()
        console.tell_last("error: the same")
        beside.join()
        assert capsys.readouterr().err == ""

    def test_what_this_process_alone_has_met_is_told(self, capsys):
        console.tell_last("error: nobody else")
        self.store.set(console.LAST_MESSAGE, "error: another")
        console.tell_last("error: its own")
        assert capsys.readouterr().err == "error: nobody else\nerror: its own\n"

    def test_the_first_tells_and_says_that_it_has(self, monkeypatch, capsys):
        monkeypatch.setenv("RANK", "0")
        console.tell_last("error: the same")
        assert capsys.readouterr().err == "error: the same\n"
        assert self.store.get(console.LAST_MESSAGE) == b"error: the same"

    def test_without_the_store_all_is_told(self, monkeypatch, capsys):
        monkeypatch.setattr(console, "_store", lambda: None)
        console.tell_last("error: alone")
        monkeypatch.setenv("RANK", "0")
        console.tell_last("error: alone")
        assert capsys.readouterr().err == "error: alone\n" * 2


def test_a_process_without_standard_error_computes_in_silence():
    """Services and programs with windows have none: `sys.stderr` is None."""
    code = """
import os, sys
out, sys.stdout, sys.stderr = os.dup(1), None, None
import numpy as np
import rosettalaw as rl
from rosettalaw.console import progress, say
say("a message")
with progress("words", 3) as bar:
    bar.advance()
a = np.random.default_rng(0).standard_normal((50, 3))
os.write(out, str(len(rl.match(a, a, nulls={}).pairs)).encode())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3", "")


def test_a_bar_that_is_not_shown_prints_nothing_when_it_ends(monkeypatch, capsys):
    """As rich 13.8 does it, the oldest version allowed."""
    from rich.progress import Progress

    monkeypatch.setattr(Progress, "stop", lambda bar: bar.console.print())
    with console.progress("nothing", 3, quiet=True) as bar:
        bar.advance()
    assert capsys.readouterr().err == ""
