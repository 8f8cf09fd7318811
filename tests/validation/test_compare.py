"""Sources side by side, and forecasts: planted ladders in files, through the commands that a user types."""

import json

import numpy as np
import pytest
from scipy import optimize, stats
from typer.testing import CliRunner

from rosettalaw import save
from rosettalaw.cli import app
from rosettalaw.errors import ForeignFileError, InputError
from rosettalaw.results import dataset
from rosettalaw.sims import simulate
from rosettalaw.validation.analysis import analyse_series
from rosettalaw.validation.compare import compare, joint_of
from rosettalaw.validation.counts import Counts, clean
from rosettalaw.validation.forecast import ForecastStatus, forecast, held_out_largest
from rosettalaw.validation.profiles import fit_profile
from rosettalaw.validation.published_checks import null_trends
from rosettalaw.validation.references import kept_ladders, published_series
from rosettalaw.validation.resampling import check_residuals
from rosettalaw.validation.series import of_ladder, of_pairs, of_simulation, read_series

SIZES = np.array([256.0, 512, 1024, 2048, 4096])


def planted_ladder(b=1.5, alpha=0.65, seed=0):
    rng = np.random.default_rng(seed)
    counts = np.round(1.2 * SIZES**alpha).astype(int)
    profiles = [1 - (np.arange(1, k + 1) / (k * 1.6)) ** b * np.exp(rng.normal(0, 0.02, k)) for k in counts]
    rung = np.repeat(np.arange(len(SIZES)), counts)
    variables = {
        "neurons": ("rung", SIZES),
        "raw_count": ("rung", counts),
        "calibrated_count": ("rung", counts),
        "calibrated_count_se": ("rung", np.sqrt(counts)),
        "threshold": ("rung", [rho.min() for rho in profiles]),
        "permuted_raw": ("rung", SIZES / 2),
        "untrained_raw": ("rung", SIZES / 4),
        "correlation": ("pair", np.concatenate(profiles)),
        "pair_rung": ("pair", rung),
    }
    return dataset("ladder", variables)


@pytest.fixture
def files(tmp_path):
    save(planted_ladder(), tmp_path / "mine.nc")
    (tmp_path / "counts.csv").write_text("neurons,count\n100,10\n1000,41\n10000,160\n100000,640\n")
    return tmp_path


def test_the_table_holds_every_source_and_its_triangle(files):
    arguments = ["compare", str(files / "mine.nc"), str(files / "counts.csv"), "--json"]
    record = json.loads(CliRunner().invoke(app, arguments).stdout)
    rows = {row["name"]: row for row in record["sources"]}
    assert rows["mine"]["exponent"] == pytest.approx(0.65, abs=0.02)
    assert rows["mine"]["profile_exponent"] == pytest.approx(1.5, abs=0.05)
    assert rows["mine"]["product"] == pytest.approx(0.65 * 1.5, abs=0.1)
    assert rows["counts"]["exponent"] == pytest.approx(0.6, abs=0.01)
    assert rows["counts"]["product"] is None
    sources = {"published", "synthetic", "toy", "language", "vision", "ladder", "counts"}
    assert {row["source"] for row in rows.values()} == sources
    synthetic = rows["synthetic, β = 1.3"]  # known truth: both demands of the theory are met
    assert synthetic["profile_exponent"] == pytest.approx(1.3, abs=0.02)
    assert synthetic["product_ci95"][0] - 0.02 < synthetic["expected_product"] < synthetic["product_ci95"][1] + 0.02
    assert len(record["published_checks"]) >= 8


def test_fitting_a_measured_ladder_uses_its_correlations_and_nulls(files):
    record = json.loads(CliRunner().invoke(app, ["fit", str(files / "mine.nc"), "--json"]).stdout)
    assert "permuted" in record["verdict"]
    assert record["joint"]["beta"] == pytest.approx(1.5, abs=0.05)
    assert record["joint"]["beta_ci95"][0] < record["joint"]["beta"] < record["joint"]["beta_ci95"][1]
    assert "identified" in record["joint"]["identifiability"]
    assert "counts and ranked correlations together" in CliRunner().invoke(app, ["fit", str(files / "mine.nc")]).stdout


def test_the_posterior_is_an_option_of_fit(files):
    arguments = ["fit", str(files / "mine.nc"), "--posterior", "120", "--json"]
    record = json.loads(CliRunner().invoke(app, arguments).stdout)
    lo, hi = record["posterior"]["beta"]
    assert lo - 0.01 < 1.5 < hi + 0.01  # the planted counts have an exponent of 0.65, not 1/1.5
    assert hi - lo < 0.1
    assert record["posterior_status"].startswith("rough: the chain is shorter than 50 of its autocorrelation times")


def test_a_profile_below_the_theorys_limit_is_said_to_be(files):
    save(planted_ladder(b=0.5), files / "flat.nc")
    record = json.loads(CliRunner().invoke(app, ["fit", str(files / "flat.nc"), "--json"]).stdout)
    assert record["joint"]["status"].startswith("β is at its lower limit 1")
    assert record["joint"]["identifiability"].startswith("Not told: β is at its limit")
    assert record["joint"]["open_ends"] == ["β below", "log(1+τ) below"]
    printed = CliRunner().invoke(app, ["fit", str(files / "flat.nc")]).stdout
    assert "open_ends: β below, log(1+τ) below" in printed
    assert "uneven_p: none, since only isolation and tail" in printed


def test_the_figure_is_drawn(files):
    out = files / "all.png"
    result = CliRunner().invoke(app, ["compare", str(files / "mine.nc"), "--figure", str(out)])
    assert result.exit_code == 0
    assert out.exists()
    assert "mine" in out.with_suffix(".svg").read_text()
    assert "diffusion × DINOv3" in out.with_suffix(".svg").read_text()


def test_the_papers_nulls_are_judged_alike_in_the_comparison_and_in_the_checks():
    """Least squares takes 4, 3, 2, 1 pairs for a precise fall; as counts of chance they show none."""
    rows = [row for row in compare(published_series()) if row.series.chance]
    for row in rows:
        assert row.series.sd == pytest.approx(0.1 * row.series.counts)  # read off its figure to about 10%
    assert [row.trend.exponent for row in rows] == [check.exponent for check in null_trends()]
    fall = next(row for row in rows if "untrained null, vision" in row.series.name)
    assert fall.analysis.power_law.exponent_ci95[1] < 0 < fall.record()["exponent_ci95"][1]
    assert fall.sentences()[0].startswith("No power law is shown: growth cannot be told from none (exponent −0.39")


def test_pairs_of_one_folder_make_one_series(tmp_path):
    for size, k in ((300.0, 20), (900.0, 41), (2700.0, 80)):
        variables = {
            "neurons_a": size,
            "neurons_b": size,
            "calibrated_count": k,
            "calibrated_count_se": 2.0,
            "raw_count": k + 3,
            "permuted_raw": 2.0 * k,
            "untrained_raw": 0.5 * k,
            "threshold": 0.4,
            "correlation": ("pair", np.linspace(0.9, 0.4, k)),
        }
        save(dataset("pairs", variables), tmp_path / f"{size:.0f}.nc")
    (series,) = read_series(sorted(tmp_path.glob("*.nc")))
    assert series.neurons.tolist() == [300, 900, 2700]
    assert series.counts.tolist() == [20, 41, 80]
    assert series.nulls["raw"].tolist() == [23, 44, 83]
    (row,) = compare([series])
    assert row.triangle is not None
    assert "for permuted networks have as many raw matches" in row.sentences()[0]


def test_a_simulation_gives_one_series_for_each_beta():
    """Through the simulator itself: means over its runs, and their standard errors."""
    simulation = simulate([128, 256], [1.5, 2.0], runs=3, inputs=2000, seed=1)
    first, second = of_simulation(simulation.to_dataset(), "sim")
    rows = {(row["beta"], row["neurons"]): row for row in simulation.rows}
    assert first.counts.tolist() == pytest.approx([rows[1.5, 128]["count"], rows[1.5, 256]["count"]])
    assert second.sd == pytest.approx([rows[2.0, n]["count_sd"] / np.sqrt(3) for n in (128, 256)])
    assert second.name == "sim, β = 2"


def test_what_holds_no_counts_is_refused(tmp_path):
    save(dataset("prediction", {"beta": 1.5}), tmp_path / "theory.nc")
    with pytest.raises(ForeignFileError, match="kind 'prediction', which has no measured counts"):
        read_series([tmp_path / "theory.nc"])


def test_a_source_without_enough_counts_keeps_its_row_and_the_reason():
    ladder = planted_ladder()
    ladder["calibrated_count"] = ("rung", [0, 0, 0, 0, 7])
    from rosettalaw.validation.series import of_ladder

    row = compare([of_ladder(ladder)])[0]
    assert row.analysis is None
    assert "a slope needs positive counts at two sizes" in row.sentences()[-1]


def test_published_series_are_those_of_the_figures():
    assert [len(series.counts) for series in published_series()] == [3, 4, 4, 4, 4, 4]


def test_forecasts_interpolate_widen_and_stop():
    data = Counts(SIZES, 2 * SIZES**0.6 * np.exp([0.03, -0.04, 0.02, -0.03, 0.02]))
    inside, near, far, beyond = forecast(data, [700, 10_000, 40_000, 1e6])
    assert inside.status is ForecastStatus.INSIDE
    assert inside.count == pytest.approx(2 * 700**0.6, rel=0.05)
    assert near.status is ForecastStatus.OUTSIDE
    widths = [np.log(one.ci95[1] / one.ci95[0]) for one in (inside, near, far)]
    assert widths[0] < widths[1] < widths[2]
    for one in (near, far):
        assert all(one.ci95[0] <= value <= one.ci95[1] for value in one.curves.values())
    assert beyond.status is ForecastStatus.REFUSED
    assert np.isnan(beyond.count)


def test_a_forecast_covers_the_curves_that_f_allows_each_with_the_scatter_of_one_count():
    """By scipy: squares of the rivals over the line's are 6.1 and 3.0, F allows 1 + 10.13/3 = 4.4."""
    x, noise = np.log(SIZES), np.random.default_rng(9).normal(0, 0.1, 5)
    y = np.log(2 * SIZES**0.6) + noise
    line = stats.linregress(x, y)
    left = y - line.intercept - line.slope * x
    scatter = stats.t.ppf(0.975, 3) * np.sqrt(left @ left / 3)
    curve = optimize.least_squares(lambda p: y - p[0] - x + np.logaddexp(x, p[1]), [y[-1], x[-1]])
    assert 2 < 2 * curve.cost / (left @ left) < 1 + stats.f.ppf(0.95, 1, 3) / 3
    out = np.log(10 * SIZES[-1])
    band = scatter * np.sqrt(1 + 1 / 5 + (out - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2))
    centre, rival = line.intercept + line.slope * out, curve.x[0] + out - np.logaddexp(out, curve.x[1])

    edge, beyond = forecast(Counts(SIZES, np.exp(y)), [10 * SIZES[-1], 10.1 * SIZES[-1]])
    assert set(edge.curves) == {"power law", "saturating", "theory"}
    theory = np.log(edge.curves["theory"])
    ends = (
        min(centre - band, rival - scatter, theory - scatter),
        max(centre + band, rival + scatter, theory + scatter),
    )
    assert np.log(edge.ci95) == pytest.approx(ends, abs=1e-4)
    assert rival - scatter < centre - band  # the rival decides the lower end
    assert beyond.status is ForecastStatus.REFUSED


def test_repeats_of_the_largest_size_are_held_out_together():
    data = clean([256, 512, 1024, 2048, 2048], [50, 75, 113, 160, 90])
    assert held_out_largest(data).measured == pytest.approx(120)  # their geometric mean, √(160 · 90)


@pytest.mark.parametrize("repeats", [1, 3, 6])
def test_a_mean_of_repeats_is_held_against_the_interval_of_such_a_mean(repeats):
    """600 planted power laws: 95% are held, and p-values below 0.05 are one in twenty, whatever the repeats."""
    rng, held, small = np.random.default_rng(6), [], []
    sizes = np.repeat(SIZES, repeats)
    for _ in range(600):
        data = Counts(sizes, 2 * sizes**0.6 * np.exp(rng.normal(0, 0.1, len(sizes))))
        held.append(held_out_largest(data).holds)
        small.append(check_residuals(data).largest_p < 0.05)
    assert 0.93 <= np.mean(held) <= 0.97
    assert np.mean(small) == pytest.approx(1 - np.mean(held))


def test_sizes_measured_as_zero_are_no_sizes_to_forecast():
    fell = clean([128, 256, 512, 1024, 2048, 4096, 8192], [10, 16, 25, 40, 0, 0, 0])
    assert {one.status for one in forecast(fell, [300, 4096, 20_000])} == {ForecastStatus.FELL}
    held = held_out_largest(fell)
    assert (held.neurons, held.measured, held.holds) == (8192, 0, False)
    grew = clean([64, 128, 256, 512, 1024], [0, 0, 16, 25, 40])
    assert [one.status for one in forecast(grew, [100, 128, 200])] == [
        *[ForecastStatus.EMPTY] * 2,
        ForecastStatus.OUTSIDE,
    ]
    mostly = clean([128, 256, 256, 256, 512], [10, 16, 17, 0, 25])  # one zero of three
    assert forecast(mostly, [700])[0].status is ForecastStatus.OUTSIDE


def test_repeats_that_share_networks_are_one_count_a_size():
    """Three pairs out of three seeds of one kind: fitted as one geometric mean, with an interval of four sizes."""
    ladder = next(one for one in kept_ladders() if one.shared)
    sizes = np.unique(ladder.neurons)
    means = [stats.gmean(ladder.counts[ladder.neurons == size]) for size in sizes]
    line = stats.linregress(np.log(sizes), np.log(means))
    found = analyse_series(ladder).power_law
    half = stats.t.ppf(0.975, len(sizes) - 2) * line.stderr
    assert found.exponent == pytest.approx(line.slope)
    assert found.exponent_ci95 == pytest.approx((line.slope - half, line.slope + half))
    (note,) = found.data.notes
    assert note.startswith("repeats share networks and err together")
    triangle = ladder.triangle()
    at = triangle.threshold
    for i, size in enumerate(sizes):
        rungs = np.flatnonzero(ladder.neurons == size)
        pairs = [np.sum(ladder.correlations[rung] >= at) for rung in rungs]
        b = [fit_profile(ladder.correlations[rung], at).exponent for rung in rungs]
        assert triangle.profiles[i].pairs == pytest.approx(stats.gmean(pairs))
        assert triangle.profiles[i].exponent == pytest.approx(np.mean(b))
    assert triangle.neurons.tolist() == sizes.tolist()
    assert triangle.count.freedom == len(sizes) - 2
    assert [one.shared for one in kept_ladders()].count(True) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ladder: ladder.drop_vars("calibrated_count"), "a ladder without the variable calibrated_count"),
        (lambda ladder: ladder.assign(pair_rung=ladder["pair_rung"] + 1), "a ladder of 5 rungs with a pair of rung 5"),
    ],
)
def test_a_ladder_that_lacks_something_is_refused_by_name(tmp_path, change, message):
    save(change(planted_ladder()), tmp_path / "old.nc")
    for command in (["fit"], ["compare"], ["forecast", "--neurons", "5000"]):
        result = CliRunner().invoke(app, [command[0], str(tmp_path / "old.nc"), *command[1:]])
        assert isinstance(result.exception, ForeignFileError)
        assert message in str(result.exception)


def test_thin_tables_keep_their_row_and_names_that_meet_are_told_apart(tmp_path):
    paths = []
    for folder, rows in (("one", "128,10"), ("two", "128,10\n256,15\n512,22")):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "counts.csv")
        paths[-1].write_text(f"neurons,count\n{rows}\n")
    thin, whole = compare(read_series(paths))
    assert [thin.series.name, whole.series.name] == list(map(str, paths))
    assert "a slope needs positive counts at two sizes" in thin.sentences()[-1]
    assert whole.analysis is not None
    assert read_series(paths[:1])[0].name == "counts"


def test_the_figure_of_a_comparison_does_not_replace_what_is_compared(tmp_path):
    counts = tmp_path / "x.svg"
    counts.write_text("neurons,count\n128,10\n256,15\n")
    result = CliRunner().invoke(app, ["compare", str(counts), "--figure", str(tmp_path / "x.png")])
    assert "--figure" in str(result.exception)
    assert "is an input" in str(result.exception)
    assert counts.read_text().startswith("neurons")


def test_fit_and_compare_say_the_same_of_a_ladder(tmp_path):
    """Where nothing exceeds the nulls at large sizes, both say so first, and no forecast is made."""
    ladder = planted_ladder().drop_vars(["correlation", "pair_rung"])
    ladder["calibrated_count"] = ("rung", [30, 40, 50, 0, 0])
    save(ladder, tmp_path / "mine.nc")
    (row,) = compare(read_series([tmp_path / "mine.nc"]))
    record = json.loads(CliRunner().invoke(app, ["fit", str(tmp_path / "mine.nc"), "--json"]).stdout)
    assert record["verdict"] == row.sentences()[0]
    assert record["verdict"].startswith("No law here: nothing exceeds what the nulls have")
    assert "Poisson" not in record["verdict"]  # a zero above a calibrated threshold is no small count
    arguments = ["forecast", str(tmp_path / "mine.nc"), "--neurons", "5000", "--json"]
    assert json.loads(CliRunner().invoke(app, arguments).stdout)["forecasts"][0]["count"] is None


def test_forecast_intervals_hold_planted_counts():
    """New counts of a planted law at twice the largest size, normal scatter: at least 95% are held."""
    rng = np.random.default_rng(3)
    held = []
    for _ in range(40):
        data = Counts(SIZES, 2 * SIZES**0.6 * np.exp(rng.normal(0, 0.1, 5)))
        lo, hi = forecast(data, [8192])[0].ci95
        held.append(lo <= 2 * 8192**0.6 * np.exp(rng.normal(0, 0.1)) <= hi)
    assert np.mean(held) > 0.87  # three standard errors below 0.95 and a little


def test_the_largest_size_is_held_out():
    rng = np.random.default_rng(4)
    held = [held_out_largest(Counts(SIZES, 2 * SIZES**0.6 * np.exp(rng.normal(0, 0.1, 5)))).holds for _ in range(800)]
    assert 0.93 < np.mean(held) < 0.97
    bent = held_out_largest(Counts(SIZES, np.array([50.0, 75, 113, 170, 171])))
    assert not bent.holds
    assert bent.measured == 171  # as counted, not e^log 171
    assert held_out_largest(Counts(SIZES[:3], SIZES[:3])) is None


def test_the_command_forecasts_and_says_what_it_refuses(files):
    arguments = ["forecast", str(files / "counts.csv"), "--neurons", "5e3,1e8", "--json"]
    record = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert record["forecasts"][0]["count"] == pytest.approx(106, rel=0.05)
    assert record["forecasts"][1]["count"] is None
    assert record["forecasts"][1]["status"].startswith("refused")
    assert record["held_out"]["holds"] is True
    assert record["notes"] == []
    printed = CliRunner().invoke(app, arguments[:-1]).stdout
    tested = record["held_out"]
    low, high = tested["ci95"]
    said = f"{tested['predicted']:.3g} (95% interval {low:.3g} to {high:.3g}) are predicted at N = 100,000; 640 were"
    assert said in printed


def test_a_forecast_says_which_measured_sizes_it_left_out(files):
    (files / "zero.csv").write_text("neurons,count\n128,0\n256,10\n512,15\n1024,22\n2048,33\n")
    arguments = ["forecast", str(files / "zero.csv"), "--neurons", "128"]
    said = "N = 128 has a count of zero and is left out of the fits in log space"
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["notes"] == [said]
    assert f"note: {said}" in CliRunner().invoke(app, arguments).stdout


@pytest.mark.parametrize("size", [0, np.nan, np.inf, 1e16])
def test_sizes_that_no_network_has_are_not_forecast(size):
    with pytest.raises(InputError, match=r"neurons = .*: must be positive, up to 1e\+15"):
        forecast(Counts(SIZES, SIZES), [size])


def test_two_sizes_cannot_forecast():
    with pytest.raises(InputError, match="a forecast needs counts at three sizes"):
        forecast(Counts(SIZES[:2], SIZES[:2]), [1000])


def test_forecasts_are_refused_ten_times_below_the_smallest_size_too():
    data = Counts(SIZES, 2 * SIZES**0.6)
    assert [one.status for one in forecast(data, [256 / 10.1, 256 / 9.9])] == [
        ForecastStatus.REFUSED,
        ForecastStatus.OUTSIDE,
    ]


def test_the_upper_end_of_a_forecast_too_has_the_scatter_of_one_count():
    """Below counts that grow faster than their networks, where the theory (α ≤ 1) expects more than the power law."""
    y = np.log(0.02 * SIZES**1.15) + np.random.default_rng(0).normal(0, 0.15, 5)
    data = Counts(SIZES, np.exp(y))
    (one,) = forecast(data, [256 / 9])
    line = stats.linregress(np.log(SIZES), y)
    left = y - line.intercept - line.slope * np.log(SIZES)
    scatter = stats.t.ppf(0.975, 3) * np.sqrt(left @ left / 3)
    theory = max(one.curves.values())
    assert theory == one.curves["theory"]
    assert np.log(one.ci95[1]) == pytest.approx(np.log(theory) + scatter, abs=1e-6)


def test_standard_errors_of_simulated_means_are_scatter_over_the_root_of_runs():
    simulation = simulate([128, 256], [1.5], runs=3, inputs=200, seed=3)
    (series,) = of_simulation(simulation.to_dataset(), "sim")
    scatter = [row["count_sd"] for row in simulation.rows]
    assert min(scatter) > 0
    assert series.sd == pytest.approx(np.array(scatter) / np.sqrt(3))


def pairs_file(a, b, count, threshold, sign=1.0):
    variables = {
        "neurons_a": a,
        "neurons_b": b,
        "calibrated_count": count,
        "raw_count": count + 3,
        "permuted_raw": 2.0 * count,
        "threshold": threshold,
        "correlation": ("pair", sign * np.linspace(0.9, 0.4, count) ** np.linspace(1, 1.3, count)),
    }
    return dataset("pairs", variables)


def test_matchings_of_unequal_networks_stand_at_their_mean_and_at_the_strictest_threshold():
    members = [pairs_file(300.0, 500.0, 20, 0.4), pairs_file(900.0, 900.0, 41, 0.5), pairs_file(2e3, 4e3, 80, np.nan)]
    series = of_pairs(members, "three")
    assert series.neurons.tolist() == [400, 900, 3000]
    assert series.threshold == 0.5
    signed = of_pairs([pairs_file(*each, -1.0) for each in ((300.0, 300.0, 20, 0.4), (900.0, 900.0, 41, 0.4))], "two")
    plain = of_pairs([pairs_file(*each) for each in ((300.0, 300.0, 20, 0.4), (900.0, 900.0, 41, 0.4))], "two")
    assert all(np.array_equal(one, other) for one, other in zip(signed.correlations, plain.correlations, strict=True))


def test_a_ladder_is_cut_at_its_strictest_threshold_and_loses_errors_that_are_not_known():
    ladder = planted_ladder()
    ladder["threshold"] = ("rung", [0.4, 0.6, 0.5, 0.55, np.nan])
    ladder["calibrated_count_se"] = ("rung", [1.0, 2, np.nan, 3, 4])
    series = of_ladder(ladder)
    assert series.threshold == 0.6
    assert series.sd is None
    assert compare([series])[0].analysis is not None


def test_zeros_and_stated_errors_go_together_in_a_table(tmp_path):
    (tmp_path / "c.csv").write_text("neurons,count,count_sd\n128,0,0\n256,16,2\n512,25,3\n1024,40,4\n")
    (row,) = compare(read_series([tmp_path / "c.csv"]))
    assert row.analysis.power_law.data.sd.tolist() == [2, 3, 4]
    assert "weighted" in {one.likelihood for one in row.analysis.likelihoods}


def test_two_sizes_have_no_joint_fit():
    series = of_pairs([pairs_file(size, size, 20, 0.4) for size in (300.0, 300.0, 900.0)], "repeated")
    assert joint_of(series) is None
    assert joint_of(of_pairs([pairs_file(size, size, 20, 0.4) for size in (300.0, 600.0, 900.0)], "three")) is not None
