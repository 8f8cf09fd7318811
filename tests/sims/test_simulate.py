"""`simulate`: independent streams, exponents, the Dataset, and the command's contract."""

import json
import re

import numpy as np
import pytest

from rosettalaw import load
from rosettalaw.cli import main
from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.sims import Choices, Simulation, simulate
from rosettalaw.sims import sensitivity as sensitivity_module
from rosettalaw.sims.exponents import slope, theory_values
from rosettalaw.sims.packing import Packing
from rosettalaw.sims.sensitivity import VARIATIONS, sensitivity
from rosettalaw.sims.sweep import stream
from rosettalaw.theory import predict

ROW = ["beta", "neurons", "count", "count_sd", "candidates", "false_pairs"]
ROW += ["mean_isolation_matched", "isolation_per_non_rosetta"]
FIT = ["beta", "quantity", "exponent", "exponent_ci95", "finite_size_exponent", "asymptotic_exponent"]
SWEEP = {"neurons": [128, 256, 512], "beta": [1.2, 2.0], "inputs": 300, "runs": 4, "quiet": True}


def run(arguments, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    captured = capsys.readouterr()
    return leaving.value.code, captured.out, captured.err


def outcomes(simulation):
    """Return all runs, to the last bit; NaNs, which Python 3.13 no longer takes for equal, are alike."""
    return [repr(point.runs) for point in simulation.points]


@pytest.mark.parametrize("choices", [Choices(), Choices(background=6, idle=0.3)])
def test_same_seed_same_bits_for_any_number_of_workers(choices):
    alone, many = (simulate(**SWEEP, seed=3, choices=choices, workers=w) for w in (1, 5))
    assert outcomes(alone) == outcomes(many)
    assert outcomes(simulate(**SWEEP, seed=4, choices=choices)) != outcomes(alone)


def test_each_size_and_beta_is_simulated_once():
    """Listed twice, its runs would be the same bits and count as independent."""
    twice = simulate([64, 64.2, 128], [2.0, 2.0], inputs=300, runs=2, quiet=True)
    once = simulate([64, 128], [2.0], inputs=300, runs=2, quiet=True)
    assert twice.rows == once.rows
    assert simulate((n for n in (64, 128)), np.float32(2), inputs=300, runs=2, quiet=True).rows == once.rows
    assert twice.to_dataset().equals(once.to_dataset())


def test_a_point_is_the_same_alone_and_in_a_sweep():
    sweep = simulate(**SWEEP, seed=3)
    alone = simulate(512, 1.2, inputs=300, runs=2, seed=3, quiet=True)
    (point,) = (p for p in sweep.points if p.packing.neurons == 512 and p.packing.beta == 1.2)
    assert outcomes(alone) == [repr(point.runs[:2])]


def test_runs_are_independent():
    runs = simulate(512, 1.2, inputs=100, runs=300, quiet=True).points[0].runs
    counts = np.array([r.count for r in runs])
    assert len({r.mean_isolation_matched for r in runs}) > 250
    assert abs(np.corrcoef(counts[1:], counts[:-1])[0, 1]) < 4 / 300**0.5


def test_every_size_beta_run_and_seed_has_a_stream_of_its_own():
    """β as well: 1.5 and 2 differ in the upper half of their bits alone."""
    asked = [(0, 64, 1.5, 0), (0, 64, 2.0, 0), (0, 64, 1.1, 0), (0, 128, 1.5, 0), (0, 64, 1.5, 1), (1, 64, 1.5, 0)]
    drawn = {tuple(stream(seed, Packing(N, beta), run).integers(2**63, size=4)) for seed, N, beta, run in asked}
    assert len(drawn) == len(asked)


def test_rows_are_means_over_runs_and_account_for_all_isolation():
    simulation = simulate(**SWEEP)
    for point, row in zip(simulation.points, simulation.rows, strict=True):
        assert list(row) == ROW
        counts = [r.count for r in point.runs]
        assert row["count"] == np.mean(counts)
        assert row["count_sd"] == pytest.approx(np.std(counts, ddof=1))
        for r in point.runs:
            matched = r.mean_isolation_matched * r.count
            rest = r.isolation_per_non_rosetta * (point.packing.neurons - r.count)
            assert matched + rest == pytest.approx(point.packing.kappa * point.packing.neurons)


def test_slope_is_least_squares_with_a_t_interval():
    x = np.array([64.0, 128, 256, 512, 1024])
    y = 3 * x**0.6 * np.exp([0.01, -0.02, 0.03, 0.0, -0.01])
    (expected, _), covariance = np.polyfit(np.log(x), np.log(y), 1, cov=True)
    exponent, (low, high) = slope(x, y)
    assert exponent == pytest.approx(expected)
    assert (high - low) / 2 == pytest.approx(3.182446305284263 * np.sqrt(covariance[0, 0]))  # t(0.975; 3)
    assert np.isnan(slope(x[:2], y[:2])[1]).all()
    assert np.isnan(slope(x, np.full(5, np.nan))[0])


@pytest.mark.parametrize("beta", [0.8, 1.0, 1.3, 2.5])
def test_expected_values_are_the_sums_over_ranks(beta):
    """Averaged over where the frontier falls between two ranks, the smooth values are the theory's exact sums."""
    sizes = np.unique(np.geomspace(3000, 9000, 100).astype(int))
    choices = Choices(threshold=0.6)
    smooth = [theory_values(Packing(int(N), beta, choices=choices)) for N in sizes]
    exact = predict(sizes, beta, tau=0.6 / 0.4)
    for name, variable in [("count", "count"), ("isolation_per_non_rosetta", "isolation_per_non_rosetta")]:
        ratio = np.mean([values[name] for values in smooth]) / float(exact[variable].mean())
        assert ratio == pytest.approx(1, rel=0.005), name
    ratio = np.mean([values["mean_isolation_matched"] for values in smooth]) / float(exact["mean_isolation"].mean())
    assert ratio == pytest.approx(1, rel=0.01)


def test_finite_size_exponents_are_closer_than_the_limit():
    simulation = simulate([512, 1024, 2048, 4096], 1.2, engine="expected", quiet=True)
    for fit in simulation.fits[:2]:
        assert abs(fit.exponent - fit.finite_size_exponent) < 0.01
        assert abs(fit.exponent - fit.asymptotic_exponent) > 0.05


def test_idle_neurons_make_the_unthresholded_count_grow_like_n():
    sizes = 2 ** np.arange(12, 17)
    settings = {"beta": 1.5, "engine": "expected", "quiet": True}
    idle = simulate(sizes, choices=Choices(idle=1.0), **settings).fits[0]
    simulation = simulate(sizes, choices=Choices(idle=1.0, threshold=0.5), **settings).fits[0]
    assert idle.exponent == pytest.approx(1, abs=0.02)
    assert simulation.exponent == pytest.approx(simulation.finite_size_exponent, abs=0.01)


def test_sixteen_million_neurons():
    (row,) = simulate(2**24, 1.5, quiet=True).rows
    assert row["count"] == pytest.approx(float(predict(2**24, 1.5, tau=0.02)["count"]), rel=0.05)


def test_dataset_keeps_every_run(tmp_path, capsys):
    path = tmp_path / "simulation.nc"
    call = ["simulate", "--beta", "1.5,2", "--neurons", "64:256:3:log", "--inputs", "500", "--runs", "3"]
    code, out, _ = run([*call, "--out", str(path), "--json"], capsys)
    assert code == 0
    rows, ds = json.loads(out)["rows"], load(path, "simulation")
    assert dict(ds.sizes) == {"beta": 2, "neurons": 3, "run": 3}
    np.testing.assert_allclose(ds["count_run"].mean("run").values.ravel(), [row["count"] for row in rows])
    assert ds.attrs["inputs"] == 500
    assert Simulation.from_dataset(ds).record()["rows"] == rows
    assert all(ds[name].attrs.get("long_name") for name in ds.variables), list(ds.variables)


def test_json_contract(capsys):
    call = "simulate --beta 1.5,2,3 --neurons 128:1024:4:log --inputs 1000 --runs 3 --seed 0 --json"
    code, out, _ = run(call.split(), capsys)
    record = json.loads(out)
    assert code == 0
    assert [list(row) for row in record["rows"]] == [ROW] * 12
    assert [(row["beta"], row["neurons"]) for row in record["rows"][:5]] == [
        (1.5, 128),
        (1.5, 256),
        (1.5, 512),
        (1.5, 1024),
        (2.0, 128),
    ]
    assert [list(fit) for fit in record["fits"]] == [FIT] * 9
    for fit in record["fits"]:
        beta = fit["beta"]
        exact = {"count": 1 / beta, "mean_isolation_matched": 1 - 1 / beta}.get(fit["quantity"], 1 / beta - 1)
        assert fit["asymptotic_exponent"] == pytest.approx(exact)


def test_sensitivity_names_every_choice_and_finds_the_two_that_matter(capsys):
    records = sensitivity([256, 512, 1024], [1.5], inputs=5000, runs=2, quiet=True)
    assert [record["choice"] for record in records] == list(VARIATIONS)
    exponent = {record["choice"]: record["count_exponent"] for record in records}
    harmless = [name for name in VARIATIONS if "idle" not in name and "ρ ≥ 0.5" not in name]
    assert all(abs(exponent[name] - exponent["default"]) < 0.05 for name in harmless), exponent
    assert exponent["idle neurons: all"] > 0.9
    call = "sensitivity --beta 2 --neurons 128,256 --runs 2 --inputs 500 --json"
    code, out, _ = run(call.split(), capsys)
    assert code == 0
    assert len(json.loads(out)) == len(VARIATIONS)


@pytest.mark.parametrize(
    ("neurons", "engine", "message"),
    [
        (3, "auto", "background = 64: is more than the pool's 11 features"),  # of γN = 12 all but the neuron's own
        (8192, "dense", "engine dense takes at most 4096 neurons"),
        (2**22, "wishart", "engine='expected'"),
    ],
)
def test_sensitivity_refuses_before_it_simulates(neurons, engine, message, monkeypatch):
    monkeypatch.setattr(sensitivity_module, "simulate", lambda *_: pytest.fail("it simulates"))
    with pytest.raises(InputError, match=re.escape(message)):
        sensitivity([neurons], [1.5], engine=engine, quiet=True)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"engine": "wishhart"}, UnknownNameError, "did you mean wishart"),
        ({"engine": "dense", "neurons": 8192}, InputError, "dense takes at most 4096 neurons"),
        ({"engine": "wishart", "neurons": 2**22}, InputError, "engine='expected'"),
        ({"runs": 0}, InputError, "runs = 0: must be a whole number"),
        ({"neurons": 1}, InputError, "neurons = 1.0: must be whole numbers of at least 2"),
        ({"neurons": [[64, 128]]}, InputError, r"neurons = 'array of shape \(1, 2\)': must be a number or a"),
        ({"neurons": []}, InputError, r"neurons = 'array of shape \(0,\)'"),
        ({"beta": "steep"}, InputError, "beta = 'steep': must be a number or an array of numbers"),
        ({"inputs": 100.5}, InputError, "inputs = 100.5: must be a whole number"),
        ({"workers": 0}, InputError, "workers = 0"),
        ({"beta": -1}, InputError, r"beta = -1.0: must be finite and greater than 0. Try: simulate\("),
        ({"kappa": float("nan")}, InputError, r"kappa = nan: must be finite and greater than 0. Try: simulate\("),
        ({"gamma": 0}, InputError, r"gamma = 0: must be finite and greater than 0. Try: simulate\("),
        ({"gamma": 1e-3}, InputError, r"leaves no feature: γN must be at least 1. Try: simulate\("),
        ({"gamma": 1 / 256}, InputError, "pool = 'all': .*γN = 1, of which 1 have isolation. Try: a larger gamma"),
        ({"choices": Choices(background=2000)}, InputError, "more than the pool's 1023 features. Try: background=1023"),
    ],
)
def test_messages(settings, error, message):
    with pytest.raises(error, match=message):
        simulate(**{"neurons": 256, "beta": 1.5, **settings})


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"threshold": 1}, r"threshold = 1: must be a correlation in \[−1, 1\). Try: Choices\(threshold=0.5\)"),
        ({"interference_norm": -1}, r"interference_norm = -1: must be .* at least 0. Try: Choices\(interference_norm="),
        ({"noise": 0}, r"noise = 0: must be finite and greater than 0. Try: Choices\(noise=1.0\)"),
        ({"idle": 2}, r"idle = 2: must be a share between 0 and 1. Try: Choices\(idle=1.0\)"),
        ({"background": 2.5}, r"background = 2.5: must be a whole number ≥ 1. Try: Choices\(background=64\)"),
        ({"pool": "inactiv"}, "did you mean inactive"),
    ],
)
def test_messages_about_choices(choice, message):
    with pytest.raises((InputError, UnknownNameError), match=message):
        Choices(**choice)
