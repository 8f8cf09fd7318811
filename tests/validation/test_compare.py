"""Sources side by side: planted ladders in files, through the commands that a user types."""

import json

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from rosettalaw import save
from rosettalaw.cli import app
from rosettalaw.errors import ForeignFileError
from rosettalaw.results import dataset
from rosettalaw.sims import simulate
from rosettalaw.validation.analysis import analyse_series
from rosettalaw.validation.compare import compare_series, joint_of
from rosettalaw.validation.profiles import fit_profile
from rosettalaw.validation.published_checks import null_trends
from rosettalaw.validation.references import ladders, published_series
from rosettalaw.validation.series_from import of_ladder, of_pairs, of_simulation, read_series

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
    assert record["joint"]["identifiability"].startswith("Not determined: β is at its limit")
    assert record["joint"]["open_ends"] == ["β below", "log(1+τ) below"]
    printed = CliRunner().invoke(app, ["fit", str(files / "flat.nc")]).stdout
    assert "open_ends: β below, log(1+τ) below" in printed
    assert "uneven_p: none; only isolation and tail" in printed


def test_the_figure_is_drawn(files):
    out = files / "all.png"
    result = CliRunner().invoke(app, ["compare", str(files / "mine.nc"), "--figure", str(out)])
    assert result.exit_code == 0
    assert out.exists()
    assert "mine" in out.with_suffix(".svg").read_text()
    assert "diffusion × DINOv3" in out.with_suffix(".svg").read_text()


def test_the_papers_nulls_are_judged_alike_in_the_comparison_and_in_the_checks():
    """Least squares takes 4, 3, 2, 1 pairs for a precise fall; as counts of chance they show none."""
    rows = [row for row in compare_series(published_series()) if row.series.chance]
    for row in rows:
        assert row.series.sd == pytest.approx(0.1 * row.series.counts)  # read off its figure to about 10%
    assert [row.trend.exponent for row in rows] == [check.exponent for check in null_trends()]
    fall = next(row for row in rows if "untrained null, vision" in row.series.name)
    assert fall.analysis.power_law.exponent_ci95[1] < 0 < fall.record()["exponent_ci95"][1]
    assert fall.sentences()[0].startswith(
        "No power law is shown: growth cannot be distinguished from none (exponent −0"
    )


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
    (row,) = compare_series([series])
    assert row.triangle is not None
    assert "because the permuted null has as many raw matches" in row.sentences()[0]


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
    from rosettalaw.validation.series_from import of_ladder

    row = compare_series([of_ladder(ladder)])[0]
    assert row.analysis is None
    assert "a slope needs positive counts at two sizes" in row.sentences()[-1]


def test_published_series_are_those_of_the_figures():
    assert [len(series.counts) for series in published_series()] == [3, 4, 4, 4, 4, 4]


def test_repeats_that_share_networks_are_one_count_a_size():
    """Three pairs out of three seeds of one kind: fitted as one geometric mean, with an interval of four sizes."""
    ladder = next(one for one in ladders() if one.shared and one.seeds is None)
    sizes = np.unique(ladder.neurons)
    means = [stats.gmean(ladder.counts[ladder.neurons == size]) for size in sizes]
    line = stats.linregress(np.log(sizes), np.log(means))
    found = analyse_series(ladder).power_law
    half = stats.t.ppf(0.975, len(sizes) - 2) * line.stderr
    assert found.exponent == pytest.approx(line.slope)
    assert found.exponent_ci95 == pytest.approx((line.slope - half, line.slope + half))
    (note,) = found.data.notes
    assert note.startswith("repeats share networks, so their errors correlate")
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
    assert [one.shared and one.seeds is None for one in ladders()].count(True) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda ladder: ladder.drop_vars("calibrated_count"),
            "without the variable calibrated_count; rerun the command that made it",
        ),
        (
            lambda ladder: ladder.assign(pair_rung=ladder["pair_rung"] + 1),
            "pair_rung has a number that is not from 0 to 4",
        ),
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
    thin, whole = compare_series(read_series(paths))
    assert [thin.series.name, whole.series.name] == list(map(str, paths))
    assert "a slope needs positive counts at two sizes" in thin.sentences()[-1]
    assert whole.analysis is not None
    assert read_series(paths[:1])[0].name == "counts"


def test_the_figure_of_a_comparison_does_not_replace_what_is_compared(tmp_path):
    counts = tmp_path / "x.svg"
    counts.write_text("neurons,count\n128,10\n256,15\n")
    result = CliRunner().invoke(app, ["compare", str(counts), "--figure", str(tmp_path / "x.png")])
    assert "--figure" in str(result.exception)
    assert "is the same file as the input" in str(result.exception)
    assert counts.read_text().startswith("neurons")


def test_fit_and_compare_say_the_same_of_a_ladder(tmp_path):
    """If nothing exceeds the nulls at large sizes, both say so first, and no forecast is made."""
    ladder = planted_ladder().drop_vars(["correlation", "pair_rung"])
    ladder["calibrated_count"] = ("rung", [30, 40, 50, 0, 0])
    save(ladder, tmp_path / "mine.nc")
    (row,) = compare_series(read_series([tmp_path / "mine.nc"]))
    record = json.loads(CliRunner().invoke(app, ["fit", str(tmp_path / "mine.nc"), "--json"]).stdout)
    assert record["verdict"] == row.sentences()[0]
    assert record["verdict"].startswith("No law is shown: no pair exceeds the nulls")
    assert "Poisson" not in record["verdict"]  # a zero above a calibrated threshold is no small count
    arguments = ["forecast", str(tmp_path / "mine.nc"), "--neurons", "5000", "--json"]
    assert json.loads(CliRunner().invoke(app, arguments).stdout)["forecasts"][0]["count"] is None


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
    assert compare_series([series])[0].analysis is not None


def test_zeros_and_stated_errors_go_together_in_a_table(tmp_path):
    (tmp_path / "c.csv").write_text("neurons,count,count_sd\n128,0,0\n256,16,2\n512,25,3\n1024,40,4\n")
    (row,) = compare_series(read_series([tmp_path / "c.csv"]))
    assert row.analysis.power_law.data.sd.tolist() == [2, 3, 4]
    assert "weighted" in {one.likelihood for one in row.analysis.likelihoods}


def test_two_sizes_have_no_joint_fit():
    series = of_pairs([pairs_file(size, size, 20, 0.4) for size in (300.0, 300.0, 900.0)], "repeated")
    assert joint_of(series) is None
    assert joint_of(of_pairs([pairs_file(size, size, 20, 0.4) for size in (300.0, 600.0, 900.0)], "three")) is not None
