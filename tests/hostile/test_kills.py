"""Commands that write, killed at random times: the same bits or a clean start, and no litter."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from rosettalaw.cli import COMMANDS as EVERY
from rosettalaw.cli import build
from tests.kills.commands import COMMANDS
from tests.kills.rounds import differences, fingerprints


def test_every_command_that_writes_a_result_is_killed():
    import typer

    commands = typer.main.get_command(build()).commands
    places = {"--out", "--cache"}
    writing = {name for name in EVERY if places & {option for one in commands[name].params for option in one.opts}}
    assert {name.split()[0] for name in COMMANDS} == writing - {"figures", "cache"}  # files one by one, in seconds


def test_a_rung_is_known_without_the_hash_of_its_folder_but_not_twice(tmp_path):
    (tmp_path / "rungs").mkdir()
    (tmp_path / "rungs" / "01-one-32-b63eb8533c-1497b8c27d.txt").touch()
    (tmp_path / "rungs" / "02-one-64-b63eb8533c-1497b8c27d.nc").write_bytes(b"")
    names = set(fingerprints(tmp_path, lambda path: ""))
    assert names == {"rungs/01-one-32-b63eb8533c-1497b8c27d.txt", "rungs/02-one-64-b63eb8533c.nc"}
    (tmp_path / "rungs" / "02-one-64-b63eb8533c-aaaaaaaaaa.nc").write_bytes(b"")
    assert "rungs/02-one-64-b63eb8533c.nc again 1" in fingerprints(tmp_path, lambda path: "")


def test_fingerprints_see_numbers_and_litter(tmp_path):
    def written(folder, number, attribute):
        folder.mkdir()
        ds = xr.Dataset({"x": ("i", [1.0, number]), "t": ("i", ["a", "b"])}, attrs={"command": attribute})
        ds.to_netcdf(folder / "r.nc", engine="h5netcdf")
        np.savez(folder / "r.npz", x=np.array([number]))
        (folder / "summary.json").write_text(attribute)
        return fingerprints(folder)

    one = written(tmp_path / "one", 2.0, "a")
    assert one == written(tmp_path / "two", 2.0, "b")
    other = written(tmp_path / "other", np.nextafter(2.0, 3.0), "a")
    assert one["r.nc"] != other["r.nc"]
    assert one["r.npz"] != other["r.npz"]
    (tmp_path / "two" / ".r.nc.x.nc").touch()
    assert differences(fingerprints(tmp_path / "two"), one) == ("litter: .r.nc.x.nc",)
    assert differences(one, other) == ("other bits: r.nc", "other bits: r.npz")


def kills(*words):
    """Return how the kill test ends, in a process that has no threads when it forks."""
    command = [sys.executable, "-m", "tests.kills", *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_kill_and_a_full_disk_of_the_fastest_command():
    done = kills("--kills", "2", "--full-disks", "1", "--command", "sweep")
    assert done.returncode == 0, done.stderr
    ((name, hit, full, *_),) = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:]]
    assert (name, hit, full) == ("`sweep`", "2", "1")


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_kills(name):
    done = kills("--kills", "6", "--full-disks", "3", "--command", name)
    assert done.returncode == 0, done.stderr
