"""Forecasts and the held-out test: planted laws, Student's intervals by scipy, and what is refused."""

import json

import numpy as np
import pytest
from scipy import optimize, stats
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.errors import InputError
from rosettalaw.validation.counts import Counts, clean
from rosettalaw.validation.forecast import ForecastStatus, forecast, held_out_largest
from rosettalaw.validation.resampling import check_residuals

SIZES = np.array([256.0, 512, 1024, 2048, 4096])


@pytest.fixture
def counts_file(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text("neurons,count\n100,10\n1000,41\n10000,160\n100000,640\n")
    return path


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


@pytest.mark.parametrize("repeats", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 6))])
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


def test_forecast_intervals_hold_planted_counts():
    """New counts of a planted law at twice the largest size, normal scatter: at least 95% are held."""
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(40):
        data = Counts(SIZES, 2 * SIZES**0.6 * np.exp(rng.normal(0, 0.1, 5)))
        lo, hi = forecast(data, [8192])[0].ci95
        covered.append(lo <= 2 * 8192**0.6 * np.exp(rng.normal(0, 0.1)) <= hi)
    assert np.mean(covered) > 0.87  # three standard errors below 0.95 and a little


def test_the_largest_size_is_held_out():
    rng = np.random.default_rng(4)
    held = [held_out_largest(Counts(SIZES, 2 * SIZES**0.6 * np.exp(rng.normal(0, 0.1, 5)))).holds for _ in range(800)]
    assert 0.93 < np.mean(held) < 0.97
    bent = held_out_largest(Counts(SIZES, np.array([50.0, 75, 113, 170, 171])))
    assert not bent.holds
    assert bent.measured == 171  # as counted, not e^log 171
    assert held_out_largest(Counts(SIZES[:3], SIZES[:3])) is None


def test_the_command_forecasts_and_says_what_it_refuses(counts_file):
    arguments = ["forecast", str(counts_file), "--neurons", "5e3,1e8", "--json"]
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


def test_a_forecast_says_which_measured_sizes_it_left_out(tmp_path):
    (tmp_path / "zero.csv").write_text("neurons,count\n128,0\n256,10\n512,15\n1024,22\n2048,33\n")
    arguments = ["forecast", str(tmp_path / "zero.csv"), "--neurons", "128"]
    said = "N = 128 has a count of zero and is omitted from the fits in log space"
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["notes"] == [said]
    assert f"note: {said}" in CliRunner().invoke(app, arguments).stdout


@pytest.mark.parametrize("size", [0, np.nan, np.inf, 1e16])
def test_sizes_that_no_network_has_are_not_forecast(size):
    with pytest.raises(InputError, match=r"neurons\[0\] = .*: must be a number of neurons, from 1 to 1e\+15"):
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
