"""Counts at one correlation against ladders whose exponent is planted at every correlation, and against counting."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.results import dataset, save
from rosettalaw.validation.analysis import analyse_series
from rosettalaw.validation.common_rho import counts_at, exponent_curve
from rosettalaw.validation.compare import Row
from rosettalaw.validation.findings import findings
from rosettalaw.validation.ladder_report import _headline
from rosettalaw.validation.references import ladders
from rosettalaw.validation.series_from import of_ladder

SIZES = np.array([200.0, 400, 800, 1600, 3200])
OWN = np.array([0.45, 0.40, 0.35, 0.32, 0.30])  # ρ* falls with size
LOWEST = 0.2


def ladder(alpha=0.6, own=OWN, **more):
    """Pairs whose number above every ρ is A (1 − ρ)² N^alpha, up to rounding."""
    profiles = []
    for size in SIZES:
        whole = round(60 * (size / 200) ** alpha)
        profiles.append(1 - (1 - LOWEST) * np.sqrt((np.arange(whole) + 0.5) / whole))
    rung = np.repeat(np.arange(len(SIZES)), [len(rho) for rho in profiles])
    variables = {
        "neurons": ("rung", SIZES),
        "raw_count": ("rung", [len(rho) for rho in profiles]),
        "calibrated_count": ("rung", [np.sum(rho >= one) for rho, one in zip(profiles, own, strict=True)]),
        "threshold": ("rung", own),
        "permuted_raw": ("rung", SIZES / 2),
        "correlation": ("pair", np.concatenate(profiles)),
        "pair_rung": ("pair", rung),
        **more,
    }
    return dataset("ladder", variables)


def slope(counts):
    return stats.linregress(np.log(SIZES), np.log(counts)).slope


def test_all_sizes_are_counted_at_the_largest_threshold():
    made = ladder()
    series = of_ladder(made)
    rho, rung = made["correlation"].values, made["pair_rung"].values
    by_hand = [int(np.sum((rung == i) & (rho >= 0.45))) for i in range(5)]
    assert series.counts.tolist() == by_hand
    assert series.own.tolist() == made["calibrated_count"].values.tolist()
    analysis = analyse_series(series)
    assert analysis.power_law.exponent == pytest.approx(slope(by_hand))
    assert analysis.power_law.exponent == pytest.approx(0.6, abs=0.02)  # the planted one
    assert analysis.own.exponent == pytest.approx(slope(series.own))
    assert analysis.own.exponent > 0.7  # counted further down as networks grow
    assert series.triangle().count.value == pytest.approx(analysis.power_law.exponent)


def test_the_curve_is_the_exponent_at_each_correlation():
    series = of_ladder(ladder())
    curve = exponent_curve(series, points=9)
    assert curve.rho[0] == 0.45
    assert curve.exponent == pytest.approx(0.6, abs=0.12)
    for rho, alpha, low, high in zip(curve.rho, curve.exponent, curve.low, curve.high, strict=True):
        line = stats.linregress(np.log(SIZES), np.log(counts_at(series.correlations, rho)))
        half = stats.t.ppf(0.975, 3) * line.stderr
        assert alpha == pytest.approx(line.slope)
        assert high - low >= 2 * half - 1e-9  # whole counts may hide scatter, which widens it
    assert curve.fewest[-1] == 5
    assert exponent_curve(replace(series, threshold=0.99)) is None
    assert exponent_curve(replace(series, correlations=None)) is None


def test_every_page_says_the_same_number(tmp_path):
    made = ladder()
    save(made, tmp_path / "mine.nc")
    analysis = analyse_series(of_ladder(made))
    fitted = json.loads(CliRunner().invoke(app, ["fit", str(tmp_path / "mine.nc"), "--json"]).stdout)
    row = Row(of_ladder(made), analysis, None, None, None, "")
    compared = row.record()
    for record in (fitted, compared):
        assert record["exponent"] == pytest.approx(analysis.power_law.exponent)
        assert record["own_exponent"] == pytest.approx(analysis.own.exponent)
        assert record["common_rho"] == 0.45
    headline = _headline(made, analysis)[1]
    assert headline["value"] == f"{analysis.power_law.exponent:.2f}"
    assert "at ρ ≥ 0.45 for all sizes" in headline["label"]
    assert f"{analysis.own.exponent:.2f} above each size's own ρ*" in headline["but"]
    assert f"α = {analysis.power_law.exponent:.2f} " in findings(made, analysis)[0].numbers
    said = "ρ ≥ 0.45, the largest of their ρ*. Above each size's own ρ* (0.30 to 0.45) the exponent is"
    assert said in fitted["counting"][0]
    assert said in analysis.summary()
    assert row.sentences()[1] == analysis.counting[0]


def test_where_calibration_removed_no_pair_a_sentence_says_so():
    lowest = np.array([one.min() for one in of_ladder(ladder(own=np.zeros(5))).correlations])
    everything = analyse_series(of_ladder(ladder(own=lowest))).counting
    assert any("Calibration removed no pair at any of 5 sizes" in one for one in everything)
    some = analyse_series(of_ladder(ladder(own=np.where(SIZES < 500, lowest, OWN)))).counting
    assert any("Calibration removed no pair at 2 of 5 sizes" in one for one in some)
    assert not any("removed no pair" in one for one in analyse_series(of_ladder(ladder())).counting)


def test_one_threshold_for_all_has_no_second_exponent():
    analysis = analyse_series(of_ladder(ladder(own=np.full(5, 0.4))))
    assert analysis.own.exponent == analysis.power_law.exponent
    assert analysis.counting[0].endswith("ρ ≥ 0.40, the largest of their ρ*.")


def test_errors_at_the_common_correlation_are_read_off_the_ladders_own():
    grid = np.round(np.arange(0.1, 1, 0.1), 1)
    errors = np.outer(np.arange(1, 6), 10 * (1 - grid))
    made = ladder(count_error=(("rung", "rho"), errors)).assign_coords(rho=grid)
    series = of_ladder(made)
    assert series.sd == pytest.approx([5.5, 11, 16.5, 22, 27.5])
    assert of_ladder(ladder()).sd is None


def test_a_size_without_a_pair_there_is_a_zero_and_not_a_failure_of_the_nulls():
    made = ladder()
    rho = made["correlation"].values
    rho[(made["pair_rung"].values == 1) & (rho >= 0.45)] = 0.44
    series = of_ladder(made)
    assert series.counts[1] == 0 < series.own[1]
    verdict = analyse_series(series).verdict
    assert "No law is shown" not in verdict
    assert "zeros at N = 400" in verdict


def test_single_precision_loses_no_pair_at_the_threshold():
    made = ladder(own=np.full(5, 0.45))
    rho, rung = made["correlation"].values, made["pair_rung"].values
    own = np.array([rho[(rung == i) & (rho >= 0.45)].min() for i in range(5)])
    kept = ladder(own=own).assign(correlation=("pair", rho.astype(np.float32)))
    series = of_ladder(kept)
    assert [len(one) for one in series.correlations] == kept["calibrated_count"].values.tolist()
    most = int(np.argmax(own))
    assert series.counts[most] == series.own[most]


def test_kept_ladders_have_both_exponents():
    for series in ladders():
        assert series.own is not None
        assert (series.counts <= series.own).all()
        assert [len(rho) for rho in series.correlations] == series.own.tolist()
