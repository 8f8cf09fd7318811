"""``rosettalaw triangle``: its JSON, the same as a Python call; seeds, a ladder's result, messages for bad input."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from rosettalaw import cli
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError
from rosettalaw.validation import read_triangle

SIZES = (128, 192, 256, 384, 512, 768)
KEYS = ["alpha", "profile", "purity", "product", "product_ci95", "expected_product", "share", "attenuation"]
FULL = Path(__file__).parents[2] / "docs/full_ladder/results.nc"


def planted(b=1.5):
    """Pairs of ``1 − ρ = (r/r0)^b`` above 0.3, of r0 = N^0.7."""
    return pd.DataFrame(
        [(n, 1 - (r / n**0.7) ** b) for n in SIZES for r in range(1, int(n**0.7 * 0.7 ** (1 / b)) + 1)],
        columns=["neurons", "correlation"],
    )


def run(*arguments):
    return CliRunner().invoke(cli.app, ["triangle", *map(str, arguments)])


def test_json_has_the_keys_and_is_the_python_call(tmp_path):
    planted().to_csv(tmp_path / "pairs.csv", index=False)
    done = run(tmp_path / "pairs.csv", "--json")
    record = json.loads(done.stdout)
    assert list(record) == [*KEYS, "verdict", "status"]
    assert list(record["share"][0]) == ["low", "high", "exponent", "exponent_ci95", "p"]
    assert set(record["attenuation"]) == {"mean", "sd", "smallest_reconciling_mean", "profile_likelihood"}
    assert record["status"] == "ok"
    assert record["profile"] == pytest.approx(1.5, abs=0.01)
    assert record["alpha"] == pytest.approx(0.7, abs=0.03)
    same = read_triangle(planted()).record()
    assert same["product_ci95"] == pytest.approx(record["product_ci95"], rel=1e-9)
    assert same["verdict"] == record["verdict"]
    shown = run(tmp_path / "pairs.csv")
    assert shown.exit_code == 0
    assert record["verdict"] in " ".join(shown.stdout.split())


def test_seeds_make_matchings_of_their_own(tmp_path):
    """Two seeds per size with the same pairs: the counts are those of one matching, not of both together."""
    both = pd.concat([planted().assign(seed_a="first", seed_b=1), planted().assign(seed_a="second", seed_b=1)])
    both.to_csv(tmp_path / "pairs.csv", index=False)
    triangle, one = read_triangle(tmp_path / "pairs.csv"), read_triangle(planted())
    assert triangle.count.value == pytest.approx(one.count.value)
    assert [profile.pairs for profile in triangle.profiles] == pytest.approx([p.pairs for p in one.profiles])
    assert triangle.shares[0].pairs == tuple(2 * n for n in one.shares[0].pairs)


def test_a_ladders_result_is_read():
    record = read_triangle(FULL).record()
    assert record["product"] == pytest.approx(0.25, abs=0.005)
    assert record["attenuation"]["mean"] == pytest.approx(0.6, abs=0.05)
    assert "contradicts the theory with unattenuated correlations" in record["verdict"]


def test_chosen_shares_and_threshold_are_used():
    triangle = read_triangle(planted(), threshold=0.4, levels=[(0.4, 0.55)])
    assert [(share.low, share.high) for share in triangle.shares] == [(0.4, 0.55)]
    assert triangle.threshold == 0.4


def test_two_sizes_are_a_status_and_not_an_error():
    few = planted().query("neurons < 200")
    record = read_triangle(few).record()
    assert record["status"].startswith("fewer than three sizes")
    assert record["share"] == []
    assert np.isnan(record["attenuation"]["mean"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("neurons,rho\n128,0.5\n", "no column correlation"),
        ("neurons,correlation\n", "no rows"),
        ("neurons,correlation\n128,1.5\n", "line 2: correlation = '1.5': must be a correlation"),
        ("neurons,correlation\n128,\n", "line 2: correlation = ''"),
        ("neurons,correlation\n-3,0.5\n", "line 2: neurons = '-3'"),
        ("neurons,correlation\nnan,0.5\n", "line 2: neurons = 'nan'"),
        ("neurons,correlation,seed_a\n128,0.5,\n", "line 2: seed_a = ''"),
        ("neurons,correlation\n2,0.5\n2,0.6\n2,0.7\n", "pairs at N = 2 = 3: are more than neurons"),
    ],
)
def test_bad_files_give_one_message(tmp_path, text, words):
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    done = run(path, "--json")
    assert isinstance(done.exception, InputError | ForeignFileError)
    assert words in str(done.exception)
    assert "Try:" in str(done.exception) or "Expected" in str(done.exception)


def test_bad_arguments_give_one_message(tmp_path):
    with pytest.raises(MissingFileError, match="no such file"):
        read_triangle(tmp_path / "none.csv")
    with pytest.raises(InputError, match="must be a file, or have the columns"):
        read_triangle(3)
    with pytest.raises(InputError, match="must have columns of equal length"):
        read_triangle({"neurons": [1, 2], "correlation": [0.5]})
    with pytest.raises(InputError, match="must have a column correlation"):
        read_triangle({"neurons": [1, 2]})
    with pytest.raises(InputError, match="must be a correlation between 0 and 1"):
        read_triangle(planted(), threshold=1.5)
    path = tmp_path / "pairs.csv"
    planted().to_csv(path, index=False)
    assert "must be two correlations separated by a colon" in str(run(path, "--shares", "0.5").exception)
