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
    ],
)
def test_sizes_of_a_matching(options, message, arrays, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["match", *arrays, *map(str, options)])
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert message in said
