"""Results that another program locks, disks that refuse, names that are no UTF-8, and what a killed run leaves."""

import errno
import fcntl
import gc
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from rosettalaw import cli, disk, leftovers
from rosettalaw.empirical.activations.inputs import open_input
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError, RosettaError
from rosettalaw.paper_figs.results_folder import read
from rosettalaw.results import dataset, load, replacing, require_folder_takes, require_replaceable, save


def example(**facts):
    return dataset("ladder", {"neurons": ("rung", [64.0, 128.0]), "raw_count": ("rung", [3, 5])}, **facts)


@pytest.fixture
def path(tmp_path):
    return save(example(), tmp_path / "r.nc")


def test_a_result_that_another_program_has_locked_is_read(path):
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert load(path)["raw_count"].values.tolist() == [3, 5]
        require_replaceable("--out", path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ENOLCK, errno.ESTALE, errno.EMFILE])
def test_what_the_system_refuses_is_its_own_reason_and_no_advice(number, path, monkeypatch):
    def refuse(self, *arguments, **options):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    for reader in (load, lambda path: require_replaceable("--out", path)):
        with pytest.raises(RosettaError) as told:
            reader(path)
        assert os.strerror(number) in str(told.value)
        assert "corrupt" not in str(told.value)
        assert "remove" not in str(told.value)
    with pytest.raises(MissingFileError):  # no foreign file, which readers would measure again and replace
        load(path)


def test_no_message_on_a_result_advises_to_remove_it(path):
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError) as told:
        require_replaceable("--out", path)
    assert "remove" not in str(told.value)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EDQUOT, errno.ENAMETOOLONG, errno.EACCES])
def test_a_folder_that_takes_no_file_is_refused_before_the_work(number, tmp_path, monkeypatch):
    def refuse(**options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(InputError, match=rf"--out = .*must be in a writable folder; .* failed .{os.strerror(number)}"):
        require_folder_takes("--out", tmp_path / "deep" / "r.nc")


def test_a_disk_that_is_as_good_as_full_is_refused_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1 << 20}))
    calls = [f"simulate --out {tmp_path}/r.nc", f"sweep --beta 2 --neurons 8 --out {tmp_path}/r.nc"]
    calls += [
        f"toy --out {tmp_path}/r.nc",
        f"demo --out {tmp_path}",
        f"filter --out {tmp_path}",
        f"train x --cache {tmp_path}",
    ]
    calls += [f"match a.npy b.npy --out {tmp_path}/r.nc", f"report {tmp_path} --out {tmp_path}/r.html"]
    for call in calls:
        with pytest.raises(SystemExit):
            cli.main(call.split())
        assert "0.00105 GB are free" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_large_sweep_asks_for_its_own_room(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1e8}))
    with pytest.raises(SystemExit):
        cli.main(f"sweep --beta 1.2:3:1000 --neurons 1e3:1e9:10000:log --out {tmp_path}/r.nc".split())
    assert "needs 0.88 GB, but only 0.1 GB are free" in capsys.readouterr().err


def test_a_disk_that_becomes_full_anywhere_is_named(tmp_path, monkeypatch, capsys):
    def refuse(folder, *rest):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((60, 4)))
    monkeypatch.setattr(disk, "mark", refuse)
    with pytest.raises(SystemExit):
        cli.main(["match", str(tmp_path / "a.npy"), str(tmp_path / "a.npy")])
    assert "the disk is full; free some space" in capsys.readouterr().err
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)  # an error that no writer of this program has met
    with pytest.raises(SystemExit):
        cli.main(["match", str(tmp_path / "a.npy"), str(tmp_path / "a.npy")])
    assert "the disk is full; free some space" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["http:x", "s3:", "-", "a~"])
def test_a_name_is_that_of_a_file_here(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["sweep", "--beta", "1.5,2", "--neurons", "100", "--out", name])
    assert ended.value.code == 0, capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_names_that_are_no_utf8_are_saved_as_their_code(tmp_path):
    odd = os.fsdecode(b"bad\xff.npy")
    made = dataset("rung", {"read_name": ("read_document", np.array([odd, "a\0b", "東京"], dtype=object))}, model_a=odd)
    again = load(save(made, tmp_path / "r.nc"))
    assert again.attrs["model_a"] == "bad\\udcff.npy"
    assert again["read_name"].values.tolist() == ["bad\\udcff.npy", "a\\x00b", "東京"]


@pytest.mark.slow
def test_a_file_whose_name_is_no_utf8_is_matched_and_saved(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 6)).astype("f4")
    np.save(tmp_path / "b.npy", x + rng.standard_normal(x.shape).astype("f4"))
    os.link(tmp_path / "b.npy", os.fsencode(tmp_path) + b"/bad\xff.npy")
    call = [b"match", b"bad\xff.npy", b"b.npy", b"--null-permutations", b"1", b"--jackknife", b"0"]
    call += [b"--out", b"o.nc", b"--json"]
    done = subprocess.run([sys.executable, "-m", "rosettalaw", *call], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert len(json.loads(done.stdout)["pairs"]) == 6
    assert load(tmp_path / "o.nc").attrs["model_a"].startswith("bad\\udcff")


def killed_while_writing(path):
    """Leave what a process leaves that is killed before it moves its file into place."""
    code = f"""
import os, signal
from rosettalaw.results import replacing
with replacing({str(path)!r}) as partial:
    partial.write_bytes(open({str(path)!r}, "rb").read())
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code])
    assert done.returncode < 0
    (leftover,) = (one for one in path.parent.iterdir() if one.name.startswith("."))
    return leftover


def test_a_leftover_of_a_kill_is_no_result_and_the_next_writer_removes_it(path):
    leftover = killed_while_writing(path)
    assert leftover.suffix == ".nc"
    folder = read(path.parent)
    assert [name for name, _ in folder.of("ladder")] == []  # it lacks variables
    assert len(folder.skipped) == 1
    leftovers._remove.cache_clear()
    other = path.with_name(".r.nc.other.nc")
    other.write_text("another program's")
    save(example(), path)
    assert not leftover.exists()
    assert other.exists()


def test_what_a_running_process_writes_is_left_alone(path):
    with replacing(path) as partial:
        leftovers._remove.cache_clear()
        with replacing(path) as another:
            another.write_bytes(path.read_bytes())
        assert partial.exists()
        partial.write_bytes(path.read_bytes())
    assert [one.name for one in path.parent.iterdir()] == ["r.nc"]


def test_long_names_are_written_too(tmp_path):
    longest = tmp_path / ("x" * 252 + ".nc")
    assert load(save(example(), longest)).attrs["rosettalaw_kind"] == "ladder"


def test_a_folder_of_a_killed_run_goes_with_the_next_write(tmp_path):
    code = f"""
import os, pathlib, signal
from rosettalaw.leftovers import unfinished_folder
from rosettalaw.removal import begin
folder = begin(unfinished_folder(pathlib.Path({str(tmp_path)!r}) / "model"), "a model")
(folder / "config.json").write_text("half")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode < 0
    (left,) = tmp_path.iterdir()
    mine = leftovers.unfinished_folder(tmp_path / "model")
    mine.mkdir()
    others = tmp_path / left.name.replace(".folder", ".folders")
    others.mkdir()
    leftovers._remove.cache_clear()
    leftovers.remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, others])


@pytest.mark.parametrize("at", ["while it works", "before its folder is marked"])
def test_temporary_folders_of_a_killed_run_go_with_the_next_one(tmp_path, monkeypatch, at):
    """Copies of activations of a matching without a file for its result, and weights that are held on disk."""
    code = """
import os, signal, sys
from rosettalaw import disk
if sys.argv[1].startswith("before"):
    disk.mark = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with disk.temporary_folder() as folder:
    (folder / "activations.npy").write_bytes(bytes(1000))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert subprocess.run([sys.executable, "-c", code, at]).returncode < 0
    (left,) = tmp_path.iterdir()
    (tmp_path / "rosettalaw-of-a-user").mkdir()
    leftovers._remove.cache_clear()
    with disk.temporary_folder() as folder:
        assert not left.exists()
        leftovers._remove.cache_clear()
        with disk.temporary_folder() as another:
            assert sorted(tmp_path.iterdir()) == sorted([folder, another, tmp_path / "rosettalaw-of-a-user"])
        assert folder.stat().st_mode & 0o077 == 0  # nobody else reads activations there
    assert [one.name for one in tmp_path.iterdir()] == ["rosettalaw-of-a-user"]


def left_by(process, path):
    """Return a half-written file beside a path, as a process leaves it."""
    name = leftovers.prefix(path.name).replace(f"-{os.getpid()}.", f"-{process}.")
    left = path.with_name(f"{name}abcd1234.nc")
    left.write_text("half")
    return left


def test_a_killed_writer_that_nobody_waits_for_runs_no_more(path):
    """A container whose first process waits for no orphans leaves their numbers taken."""
    with subprocess.Popen([sys.executable, "-c", ""]) as writer:
        os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and its number is not free yet
        left = left_by(writer.pid, path)
        leftovers._remove.cache_clear()
        leftovers.remove_leftovers(path.parent)
        assert writer.returncode is None
        assert not left.exists()


def test_a_process_that_began_later_is_not_the_writer(path):
    """Numbers of processes come round again."""
    running = os.getppid()
    young, old = left_by(running, path), left_by(running, path.with_name("old.nc"))
    os.utime(old, (0, 0))
    leftovers._remove.cache_clear()
    leftovers.remove_leftovers(path.parent)
    assert young.exists()
    assert not old.exists()


@pytest.mark.parametrize("byte", [24, 40, 64, 71])  # of the superblock and of the root group's attributes
def test_a_damaged_head_prints_no_traceback_of_its_own(tmp_path, byte, monkeypatch):
    """The netCDF library, when it fails within its own beginning, raises again from its destructor."""
    path = save(dataset("ladder", {"neurons": ("rung", [1.0, 2.0])}), tmp_path / "x.nc")
    content = bytearray(path.read_bytes())
    content[byte] ^= 0xFF
    path.write_bytes(content)
    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    with pytest.raises(ForeignFileError, match="not a readable netCDF result"):
        load(path)
    with pytest.raises(ForeignFileError):
        open_input(path, "a")
    gc.collect()
    assert printed == []


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o027, 0o640)])
def test_files_have_the_permissions_that_the_process_gives(umask, mode, tmp_path):
    before = os.umask(umask)
    try:
        for path in (save(example(), tmp_path / "new.nc"), save(example(), tmp_path / "new.nc")):
            assert path.stat().st_mode & 0o777 == mode
    finally:
        os.umask(before)
