"""`rosettalaw predict`: clean JSON with the agreed keys, a table for people, one message for bad input."""

import json
import subprocess
import sys

import pytest

from rosettalaw.cli import main
from rosettalaw.theory import predict

OPTIONS = ["--beta", "1.6", "--kappa", "0.5", "--tau", "2", "--gamma", "4"]
CALL = ["predict", *OPTIONS, "--neurons", "1024,131072"]
KEYS = [
    "neurons",
    "active",
    "r0",
    "r_tau",
    "count",
    "mean_isolation",
    "tail_mass",
    "isolation_per_non_rosetta",
    "local_exponent",
    "asymptotic_exponent",
    "limit",
]


def run(arguments, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(list(arguments))
    captured = capsys.readouterr()
    return leaving.value.code, captured.out, captured.err


@pytest.mark.parametrize("limit", ["discrete", "continuum"])
def test_json_records(capsys, limit):
    code, out, err = run([*CALL, "--limit", limit, "--json"], capsys)
    records = json.loads(out)
    expected = predict([1024, 131072], 1.6, 0.5, 2, 4, limit)
    assert (code, err) == (0, "")
    assert [list(record) for record in records] == [KEYS, KEYS]
    for i, record in enumerate(records):
        assert record["neurons"] == [1024, 131072][i]
        assert record["limit"] == limit
        assert isinstance(record["count"], int if limit == "discrete" else float)
        for key in KEYS[1:-1]:
            assert record[key] == pytest.approx(float(expected[key][i]))


def test_table_shows_every_column_in_full(capsys):
    code, out, _ = run(CALL, capsys)
    assert code == 0
    assert all(word in out for word in ("131072", "312.2", "tail/(N−R)", "0.6191", "0.625"))


def test_sensitivities_on_request(capsys):
    _, out, _ = run([*CALL, "--sensitivities", "--json"], capsys)
    expected = predict([1024, 131072], 1.6, 0.5, 2, 4, sensitivities=True)
    for i, record in enumerate(json.loads(out)):
        for name in ("beta", "log_kappa", "log_tau", "log_neurons"):
            assert record[f"sensitivity_{name}"] == pytest.approx(float(expected[f"sensitivity_{name}"][i]))
    _, out, _ = run([*CALL, "--sensitivities"], capsys)
    assert "∂/∂log κ" in out


def test_no_rosetta_neuron_gives_null_isolation(capsys):
    _, out, _ = run(["predict", "--beta", "2", "--kappa", "0.001", "--neurons", "10", "--json"], capsys)
    (record,) = json.loads(out)
    assert (record["count"], record["mean_isolation"]) == (0, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--beta", "0.6", "--gamma", "inf"], "beta = 0.6: must be greater than 1 when gamma is infinite"),
        (["--beta", "1.6", "--tau", "0"], "tau = 0.0: must be finite and greater than 0"),
        (["--beta", "1.6", "--limit", "diskrete"], "unknown limit 'diskrete': did you mean discrete?"),
        (["--beta", "1.6", "--kapa", "1"], "--kapa"),
        (
            ["--beta", "0.5", "--neurons", "1e30"],
            "neurons = 1e+30: features beyond 2^63 cannot be counted. Try: limit=",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, arguments, message):
    code, out, err = run(["predict", "--neurons", "100", *arguments], capsys)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_installed_command_prints_json():
    done = subprocess.run([sys.executable, "-m", "rosettalaw", *CALL, "--json"], capture_output=True, text=True)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == 2


def test_a_few_numbers_import_no_library_of_tables_or_solvers():
    code = (
        "import sys; from rosettalaw.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'xarray', 'pandas', 'dask', 'scipy', 'numba', 'matplotlib', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    for end in [], ["--json"]:
        done = subprocess.run([sys.executable, "-c", code, *CALL, *end], capture_output=True, text=True, check=True)
        assert "312" in done.stdout
        assert done.stdout.splitlines()[-1] == "[]"
