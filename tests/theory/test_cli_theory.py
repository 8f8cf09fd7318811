"""`rosettalaw sweep` and `rosettalaw derive` as a user types them."""

import json

import numpy as np
import pytest

from rosettalaw.cli import main
from rosettalaw.results import load
from rosettalaw.theory import predict


def run(arguments, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(list(arguments))
    captured = capsys.readouterr()
    return leaving.value.code, captured.out, captured.err


@pytest.mark.parametrize("extra", [[], ["--memory", "1e-9"]], ids=["in memory", "in blocks"])
def test_sweep_saves_what_predict_says(capsys, tmp_path, extra):
    out = tmp_path / "sweep.nc"
    call = ["sweep", "--beta", "1.2:3:4", "--neurons", "1e3:1e9:5:log", "--out", str(out), *extra, "--json"]
    code, printed, _ = run(call, capsys)
    assert code == 0
    facts = json.loads(printed)
    assert (facts["points"], facts["solved"], facts["unsolved"]) == (20, 20, {})
    expected = predict(np.geomspace(1e3, 1e9, 5), np.linspace(1.2, 3, 4))
    np.testing.assert_array_equal(load(out, kind="sweep")["r_tau"], expected["r_tau"])


def test_sweep_adds_sensitivities_on_request(capsys, tmp_path):
    out = tmp_path / "sweep.nc"
    code, _, _ = run(
        ["sweep", "--beta", "1.5,2", "--neurons", "1e4", "--sensitivities", "--out", str(out), "--json"], capsys
    )
    expected = predict(1e4, [1.5, 2.0], sensitivities=True)
    assert code == 0
    for name in ("beta", "log_kappa", "log_tau", "log_neurons"):
        np.testing.assert_array_equal(load(out)[f"sensitivity_{name}"], expected[f"sensitivity_{name}"])


def test_sweep_says_which_points_have_no_solution(capsys, tmp_path):
    call = ["sweep", "--beta", "0.8,1.5", "--neurons", "1000", "--gamma", "inf", "--out", str(tmp_path / "s.nc")]
    code, out, _ = run(call, capsys)
    assert code == 0
    assert "2 points" in out
    assert "1 of them solved" in out
    assert "1 have no solution: beta must be greater than 1 when gamma is infinite" in out


def test_one_point_is_one_point(capsys, tmp_path):
    _, out, _ = run(["sweep", "--beta", "1.5", "--neurons", "1000", "--out", str(tmp_path / "s.nc")], capsys)
    assert out.startswith("1 point in ")


def test_sweep_refuses_a_malformed_range(capsys, tmp_path):
    code, out, err = run(["sweep", "--beta", "1.2:3", "--neurons", "100", "--out", str(tmp_path / "s.nc")], capsys)
    assert (code, out) == (2, "")
    assert "--beta = '1.2:3': must be numbers separated by commas" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".csv", ".zarr"])
def test_sweep_refuses_a_name_that_says_another_kind_of_file(suffix, capsys, tmp_path):
    code, out, err = run(["sweep", "--beta", "1.5", "--neurons", "100", "--out", f"{tmp_path}/s{suffix}"], capsys)
    assert (code, out) == (2, "")
    assert f"the result is netCDF, which does not fit the suffix {suffix}. Try: --out" in err
    assert not list(tmp_path.iterdir())


def test_derive_prints_the_whole_chain_or_one_step(capsys):
    code, out, err = run(["derive"], capsys)
    assert (code, err) == (0, "")
    assert all(f"\n{number}. " in "\n" + out for number in range(1, 14))
    assert "✗" not in out
    code, one, _ = run(["derive", "--step", "6"], capsys)
    assert code == 0
    assert one.strip() in out


def test_derive_writes_latex(capsys, tmp_path):
    code, out, err = run(["derive", "--latex", str(tmp_path / "chain.tex")], capsys)
    assert (code, out) == (0, "")
    assert "pdflatex" in err
    assert "\\end{document}" in (tmp_path / "chain.tex").read_text()


def test_derive_knows_its_steps(capsys):
    code, _, err = run(["derive", "--step", "99"], capsys)
    assert code == 2
    assert "the chain has steps 1 to 13" in err


def test_derive_shows_another_theory(capsys, tmp_path):
    code, out, err = run(["derive", "--utility", "s/(1 + s)", "--cost", "r**delta"], capsys)
    assert (code, err) == (0, "")
    assert "Min(2/(β + δ), 1/(δ + 1))   proved" in out
    code, out, _ = run(
        ["derive", "--spectrum", "lognormal", "--at", "sigma=1", "--latex", str(tmp_path / "t.tex")], capsys
    )
    assert (code, out) == (0, "")
    assert "by decreasing slopes" in (tmp_path / "t.tex").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--utility", "crra", "--step", "3"], "--step = 3: selects a step of the paper's theory"),
        (["--utility", "log", "--at", "beta"], "--at = 'beta': must be name=number pairs"),
        (["--utility", "logg"], "unknown utility 'logg'"),
    ],
)
def test_derive_refuses(options, message, capsys):
    code, out, err = run(["derive", *options], capsys)
    assert (code, out) == (2, "")
    assert message in err
