"""The main job in one call: the same words as the command, and the same result; strangers' folders are left alone."""

import inspect
import json

import numpy as np
import pytest
import typer

from rosettalaw import cli
from rosettalaw.cli.output import plain
from rosettalaw.empirical import match_models
from rosettalaw.errors import ForeignFileError, InputError
from rosettalaw.results import load


@pytest.fixture
def arrays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((600, 30))
    for name in "ab":
        np.save(f"{name}.npy", (shared + rng.standard_normal((600, 30))).astype(np.float32))
    return tmp_path


def test_the_call_and_the_command_give_the_same_result(arrays, capsys):
    with pytest.raises(SystemExit):
        cli.main(
            [
                "match",
                "a.npy",
                "b.npy",
                "--k",
                "2",
                "--seed",
                "3",
                "--null-permutations",
                "2",
                "--json",
                "--out",
                "c.nc",
            ]
        )
    printed = json.loads(capsys.readouterr().out)
    result = match_models("a.npy", "b.npy", k=2, seed=3, null_permutations=2, out=arrays / "p.nc", quiet=True)
    assert plain(result.record()) == printed
    assert result.calibration.count > 10
    command, call = (load(arrays / name, "pairs") for name in ("c.nc", "p.nc"))
    assert command.drop_attrs(deep=False).equals(call.drop_attrs(deep=False))
    assert not (arrays / "p.nc.unfinished").exists()


def test_it_has_the_words_of_the_command():
    options = {
        o for p in typer.main.get_command(cli.app).commands["match"].params for o in p.opts if o.startswith("--")
    }
    words = {f"--{name.replace('_', '-')}" for name in inspect.signature(match_models).parameters} - {"--quiet"}
    assert words - {"--a", "--b"} == options - {"--json"}


def test_a_folder_of_the_users_beside_the_result_is_refused_and_stays(arrays):
    own = arrays / "p.nc.unfinished"
    own.mkdir()
    (own / "thesis.txt").write_text("precious")
    with pytest.raises(ForeignFileError, match="not an unfinished matching"):
        match_models("a.npy", "b.npy", out=arrays / "p.nc", quiet=True)
    assert (own / "thesis.txt").read_text() == "precious"


def test_what_arrays_cannot_have_is_refused_by_the_words_of_the_command(arrays):
    for options, word in (({"q": 2}, "--q"), ({"tokens": 5}, "--tokens"), ({"layers_a": [7]}, "--layers-a")):
        with pytest.raises(InputError, match=word):
            match_models("a.npy", "b.npy", quiet=True, **options)


@pytest.mark.parametrize(("name", "value"), [("buckets", 512), ("candidates", 4), ("recall", 0.99)])
def test_options_of_the_screened_engine_are_refused_by_the_others(arrays, name, value):
    with pytest.raises(InputError, match=f"--{name} = {value}: applies to the screened engine alone"):
        match_models("a.npy", "b.npy", quiet=True, **{name: value})
    assert match_models("a.npy", "b.npy", quiet=True, engine="screened", null="none", **{name: value}) is not None
