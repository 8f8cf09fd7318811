"""Signals that end a command: one message, the code that shells have, nothing left behind, none of them lost."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref

import pytest

from rosettalaw import cli, disk
from rosettalaw.cli.stopping import ENDING, Ended, stopping

SENT = {signal.SIGINT: (130, "interrupted: "), signal.SIGTERM: (143, "ended by SIGTERM: ")}
SENT |= {signal.SIGHUP: (129, "ended by SIGHUP: ")} if hasattr(signal, "SIGHUP") else {}
WAIT = 5.0  # seconds in which a signal that is sent again must have come


def wait(seconds):
    """Wait in steps in which signals are seen."""
    import time

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.001)


@pytest.fixture
def at_work(monkeypatch):
    """Return a function that lets a command do something else, with signals as a terminal leaves them."""
    ending = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ending}  # nohup ignores SIGHUP

    def let(work):
        monkeypatch.setattr(cli, "_run", lambda arguments: work())

    yield let
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SENT)
def test_a_signal_is_one_message_and_removes_temporary_folders(number, at_work, capsys):
    folders = []

    def work():
        with tempfile.TemporaryDirectory() as folder:
            folders.append(folder)
            os.kill(os.getpid(), number)
            wait(WAIT)

    before = {one: signal.getsignal(one) for one in SENT}
    at_work(work)
    with pytest.raises(SystemExit) as ended:
        cli.main(["predict"])
    code, message = SENT[number]
    assert ended.value.code == code
    assert capsys.readouterr().err == f"{message}{cli.RESUME}\n"
    assert not os.path.exists(folders[0])
    assert {one: signal.getsignal(one) for one in SENT} == before


@pytest.mark.parametrize("number", SENT)
def test_a_signal_that_arrives_where_exceptions_are_ignored_is_not_lost(number, at_work, capsys):
    class Something:
        pass

    def work():
        one = Something()
        kept = weakref.ref(one, lambda ref: (os.kill(os.getpid(), number), wait(0.2)))
        del one
        assert kept() is None
        wait(WAIT)
        raise AssertionError("the command went on")

    at_work(work)
    with pytest.raises(SystemExit) as ended:
        cli.main(["predict"])
    assert ended.value.code == SENT[number][0]
    assert capsys.readouterr().err == f"{SENT[number][1]}{cli.RESUME}\n"


@pytest.mark.parametrize("number", SENT)
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_signal_that_ends_the_removal_of_temporary_files_leaves_none(number, kind, at_work, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def cut_off(*where, **options):
        monkeypatch.undo()
        os.kill(os.getpid(), number)
        wait(WAIT)

    def folder():
        with disk.temporary_folder() as made:
            (made / "copy.npy").write_bytes(b"1")
            monkeypatch.setattr(shutil, "rmtree", cut_off)

    def file():
        with disk.replacing(tmp_path / "result.nc") as partial:
            partial.write_bytes(b"half")
            monkeypatch.setattr(disk, "remove", cut_off)
            raise ValueError("no result")

    at_work({"folder": folder, "file": file}[kind])
    with pytest.raises(SystemExit) as ended:
        cli.main(["predict"])
    assert ended.value.code == SENT[number][0]
    assert list(tmp_path.iterdir()) == []


def test_a_second_signal_does_not_end_the_removal_of_files():
    removed = []

    def work():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            wait(WAIT)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            wait(0.02)
            removed.append("all")

    with pytest.raises(Ended), stopping():
        work()
    assert removed == ["all"]


def test_errors_in_callbacks_of_others_are_shown_as_before(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)

    class Broken:
        def __del__(self):
            raise ValueError("mine")

    with stopping():
        Broken()
    assert [type(one.exc_value) for one in seen] == [ValueError]
    assert sys.unraisablehook.__self__ is seen


def test_ignored_signals_stay_ignored_and_processes_of_torchrun_handle_none(monkeypatch):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with stopping():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with stopping():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_thread_has_no_handlers():
    import threading

    seen = []

    def work():
        with stopping():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


WORK = """
import os, signal, sys
from rosettalaw import cli, disk
from rosettalaw.__main__ import main
cli._run = lambda arguments: os.kill(os.getpid(), signal.{name}) or __import__("time").sleep(9)
import atexit
atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
main()
"""


def test_ctrl_c_while_python_ends_prints_no_traceback():
    done = subprocess.run([sys.executable, "-c", WORK.format(name="SIGTERM")], capture_output=True, text=True)
    assert done.stderr == f"ended by SIGTERM: {cli.RESUME}\n"
    assert done.returncode in (-signal.SIGINT, 143)


@pytest.mark.parametrize("call", ["predict --beta 1.6 --neurons 100", "sweep --beta 2 --neurons 8 --out {}/s.nc"])
def test_a_reader_that_has_seen_enough_is_no_error(call, tmp_path):
    """As in ``rosettalaw predict … | head -0``: the pipe is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "rosettalaw", *call.format(tmp_path).split()]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == (["s.nc"] if "sweep" in call else [])
