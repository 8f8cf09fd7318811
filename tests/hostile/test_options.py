"""Options whose values are out of all proportion are refused by one message that names them, before any work."""

import numpy as np
import pytest

from rosettalaw import cli

HUGE = 10**29


@pytest.fixture
def arrays(tmp_path):
    rng = np.random.default_rng(0)
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", rng.standard_normal((120, 6)))
    return [str(tmp_path / f"{name}.npy") for name in "ab"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--k", HUGE], "k = 1"),
        (["--k", 7], "k = 7: must be at most the number of neurons, 6"),
        (["--null-permutations", HUGE], "must be from 0 to 100,000"),
        (["--jackknife", HUGE], "jackknife"),
        (["--contexts", HUGE], "must be from 0 to 1000"),
        (["--memory", "1e999"], "must be an amount of memory"),
        (["--memory", "1e30GB"], "must be an amount of memory"),
        (["--memory", "0.2"], "must be an amount of memory"),
        (["--pattern-a", "layers.*.mlp"], "--pattern-a = 'layers.*.mlp': applies to checkpoints"),
        (["--device-map", "auto"], "--device-map = 'auto': applies to checkpoints"),
        (["--allow-pickle-weights"], "--allow-pickle-weights = 'True': applies to checkpoints"),
    ],
)
def test_sizes_of_a_matching(options, message, arrays, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["match", *arrays, *map(str, options)])
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert message in said


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["simulate", "--beta", "2", "--neurons", "64", "--runs", HUGE], "runs"),
        (["sensitivity", "--beta", "2", "--neurons", "64,128", "--runs", HUGE], "runs"),
        (["toy", "--neurons", "8", "--beta", "2", "--seeds", HUGE], "seeds"),
        (["toy", "--neurons", "8", "--beta", "2", "--seeds", 2, "--steps", HUGE], "steps"),
    ],
)
def test_numbers_of_runs(command, message, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(list(map(str, command)))
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(f"error: {message} = 1{'0' * 29}: must be ")
