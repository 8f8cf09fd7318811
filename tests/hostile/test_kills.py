"""Commands that write, killed at random times: the same bits or a clean start, and no litter."""

import random

import numpy as np
import pytest
import xarray as xr

from rosettalaw.cli import COMMANDS as EVERY
from rosettalaw.cli import build
from tests.kills.commands import COMMANDS
from tests.kills.inputs import prepare
from tests.kills.rounds import fingerprints, killed_round, reference


def test_every_command_that_writes_a_result_is_killed():
    import typer

    commands = typer.main.get_command(build()).commands
    places = {"--out", "--cache"}
    writing = {name for name in EVERY if places & {option for one in commands[name].params for option in one.opts}}
    drawing = {"view", "figures", "report"}  # one file from what is there, in seconds
    assert {name.split()[0] for name in COMMANDS} == writing - drawing


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
    assert set(fingerprints(tmp_path / "two")) - set(one) == {".r.nc.x.nc"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    prepare(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_kills(name, inputs, tmp_path):
    whole = reference(name, inputs, tmp_path)
    rng, kills = random.Random(name), 0
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        outcome = killed_round(name, inputs, tmp_path / str(number), whole, rng, 2)
        assert not outcome.faults
        kills += outcome.kills
    assert kills
