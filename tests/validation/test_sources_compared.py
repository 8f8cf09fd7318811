"""Every kind of source beside the others: kept ladders, toy networks, simulations drawn again from their seed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rosettalaw
from rosettalaw import save
from rosettalaw.errors import UnknownNameError
from rosettalaw.loop.ladder import FITTED
from rosettalaw.results import dataset
from rosettalaw.sims import Packing, simulate, wishart
from rosettalaw.sims.packing import mutual_nearest
from rosettalaw.sims.sweep import stream
from rosettalaw.validation import reference_ladders
from rosettalaw.validation.analysis import analyse_series
from rosettalaw.validation.compare import compare_series, reference_rows
from rosettalaw.validation.references import ladders, reference_series, toys
from rosettalaw.validation.series import SOURCES
from rosettalaw.validation.series_from import of_ladder, read_series, toy_series
from rosettalaw.validation.triangle import contradicted

ROOT = Path(rosettalaw.__file__).parents[2]


def planted_ladder(**facts):
    sizes, counts = np.array([256.0, 512, 1024, 2048]), np.array([30, 45, 68, 100])
    rho = [1 - (np.arange(1, k + 1) / (1.6 * k)) ** 1.5 for k in counts]
    variables = {
        "neurons": ("rung", sizes),
        "raw_count": ("rung", counts + 5),
        "calibrated_count": ("rung", counts),
        "threshold": ("rung", [r.min() - 1e-6 for r in rho]),
        "permuted_raw": ("rung", sizes / 2),
        "correlation": ("pair", np.concatenate(rho)),
        "pair_rung": ("pair", np.repeat(np.arange(4), counts)),
    }
    return dataset("ladder", variables, **facts)


def test_a_ladder_that_is_kept_says_what_it_said_before(tmp_path, monkeypatch):
    ladder = planted_ladder(modality="vision", families=["dit", "vit"], corpus="photographs")
    reference_ladders.write(ladder, tmp_path / "planted.csv")
    monkeypatch.setattr("rosettalaw.validation.reference_ladders.resources.files", lambda _: tmp_path)
    before, after = of_ladder(ladder, "planted"), of_ladder(reference_ladders.read("planted"), "planted")
    assert (after.name, after.source) == (before.name, before.source) == ("planted (dit × ViT)", "vision")
    assert np.array_equal(after.counts, before.counts)
    assert list(after.nulls) == list(before.nulls) == ["raw", "permuted"]
    first, second = before.triangle(), after.triangle()
    assert first is not None
    assert second is not None
    assert second.product.value == pytest.approx(first.product.value, abs=1e-4)
    with pytest.raises(UnknownNameError, match="did you mean planted"):
        reference_ladders.read("plantet")


def test_the_last_pair_of_a_kept_rung_stays_above_its_threshold(tmp_path, monkeypatch):
    """A threshold often is the last pair's correlation: rounded up, it would lose that pair."""
    rho = np.random.default_rng(0).uniform(0.2, 0.9, (40, 6))
    variables = {
        "neurons": ("rung", np.arange(100.0, 140)),
        "calibrated_count": ("rung", np.full(40, 6)),
        "threshold": ("rung", rho.min(axis=1)),
        "correlation": ("pair", rho.ravel()),
        "pair_rung": ("pair", np.repeat(np.arange(40), 6)),
    }
    reference_ladders.write(dataset("ladder", variables), tmp_path / "random.csv")
    monkeypatch.setattr("rosettalaw.validation.reference_ladders.resources.files", lambda _: tmp_path)
    found = reference_ladders.read("random")
    assert np.all(found["correlation"].values.reshape(40, 6).min(axis=1) >= found["threshold"].values)
    assert found["correlation"].values.reshape(40, 6) == pytest.approx(-np.sort(-rho, axis=1), abs=1e-6)


def test_the_kept_language_ladder_is_the_one_that_the_readme_shows():
    summary = json.loads((ROOT / "docs" / "quickstart" / "summary.json").read_text(encoding="utf-8"))
    (series,) = [one for one in ladders() if one.name.startswith("package: quickstart")]
    assert series.source == "language"
    assert series.own.tolist() == [rung["calibrated_count"] for rung in summary["rungs"]]
    analysis = analyse_series(series).record()
    for name in FITTED:
        assert summary[name] == pytest.approx(analysis[name], abs=1e-6), name
    assert summary["verdict"] == analysis["verdict"]


def test_kept_vision_ladders_are_three_pairings_of_three_seeds_and_four_sizes():
    found = {one.name: one for one in ladders() if one.source == "vision"}
    others = ("contrastive", "denoising", "supervised")
    assert sorted(found) == [f"package: vision (denoising × {other})" for other in others]
    for one in found.values():
        assert np.array_equal(one.neurons, np.repeat([192, 288, 384, 576], 3))
        assert one.correlations is not None
        assert [len(rho) for rho in one.correlations] == one.own.tolist()
    for name in reference_ladders.names():
        assert str(reference_ladders.read(name).attrs["command"]).startswith("rosettalaw demo")
    (row,) = compare_series([found["package: vision (denoising × supervised)"]])
    assert row.sentences()[0].startswith("No law is shown: no pair exceeds the nulls")


def test_pairs_below_the_threshold_are_no_part_of_a_series_or_of_what_is_kept(tmp_path, monkeypatch):
    """Nor any pair of a size at which no threshold separates pairs from the nulls."""
    ladder = planted_ladder()
    above = [30, 45, 68, 0]
    rho, rung = ladder["correlation"].values, ladder["pair_rung"].values
    ladder["threshold"].values[3] = np.nan
    ladder["calibrated_count"].values[3] = 0
    below = [ladder["threshold"].values[i] - 0.01 for i in range(3)]
    ladder = ladder.drop_vars(["correlation", "pair_rung"]).assign(
        correlation=("pair", np.concatenate([rho, below])), pair_rung=("pair", np.concatenate([rung, [0, 1, 2]]))
    )
    reference_ladders.write(ladder, tmp_path / "planted.csv")
    monkeypatch.setattr("rosettalaw.validation.reference_ladders.resources.files", lambda _: tmp_path)
    for one in (of_ladder(ladder), of_ladder(reference_ladders.read("planted"))):
        assert one.correlations is not None
        assert [len(found) for found in one.correlations] == above


def test_kept_toys_are_measured_against_their_own_optimum():
    """Profiles equal to the optimum's give the optimum's product; those of the file are its rows."""
    rows = pd.read_csv(ROOT / "sims" / "toy_study.csv")
    rows = rows[(rows.configuration == "scaled") & (rows.beta == 1.5)]
    toy = next(one for one in toys() if one.name.endswith("β = 1.5"))
    assert toy.counts.tolist() == rows["count"].tolist()
    ideal = replace(toy, profiles=toy.optimum).triangle()
    assert ideal is not None
    assert ideal.expected_product == pytest.approx(ideal.product.value)
    found = rows[rows["count"] >= 5]
    line = np.polyfit(np.log(found.neurons), np.log(found["count"]), 1)[0]
    measured = toy.triangle()
    assert measured is not None
    assert measured.product.value == pytest.approx(line * -found.profile_slope.mean())


@pytest.mark.parametrize("theta", [1.0, 0.7])
def test_the_budget_of_toy_networks_is_measured_against_their_own_optimum(theta):
    """Counts and isolations of the optimum at N^θ in place of N are a budget κN^θ; θ and b are recovered."""
    toy = next(one for one in toys() if one.name.endswith("β = 1.2"))
    x = np.log(toy.neurons)
    logs = np.log([[one.pairs, one.mean_isolation] for one in toy.optimum])
    middle = x.mean()

    def along(column):  # least squares of the optimum, read at sizes that are drawn together about the middle
        slope, level = np.polyfit(x - middle, logs[:, column], 1)
        return np.exp(level + slope * theta * (x - middle) + 0.01 * np.cos(7 * x + column))

    lagging = zip(along(0), along(1), toy.optimum, strict=True)
    profiles = tuple(replace(one, pairs=pairs, mean_isolation=mean) for pairs, mean, one in lagging)
    (row,) = compare_series([replace(toy, profiles=profiles)])
    assert row.extension.theta.value == pytest.approx(theta, abs=0.03)
    assert row.extension.theta.ci95[0] < theta < row.extension.theta.ci95[1]
    assert (row.extension.plain_p < 0.01) == (theta < 1)
    assert row.extension.misfit_p > 0.05


def test_what_counts_say_and_what_the_theory_says_are_told_apart():
    (row,) = [row for row in reference_rows() if row.series.name == "synthetic, β = 1.8"]
    verdict, status, held_out = row.of_counts()
    assert verdict.startswith("The count grows")
    assert status.startswith("Status of the fits: ")
    assert held_out.startswith("Held-out test: ")
    triangle, budget, together = row.of_theory()
    assert (triangle.split()[0], budget.split()[0]) == ("The", "A")
    assert "after Holm's correction" in together
    assert row.sentences() == [*row.of_counts(), *row.of_theory()]


def test_the_toy_page_says_what_the_comparison_finds():
    page = " ".join((ROOT / "docs" / "toy" / "FINDINGS.md").read_text(encoding="utf-8").split())
    rows = [row for row in reference_rows() if row.series.source == "toy"]
    assert len(rows) == 3
    for row in rows:
        theta = row.extension.theta
        assert f"{theta.value:.2f} (" in page
        assert f"{theta.ci95[0]:.2f} to {theta.ci95[1]:.2f}) at {row.series.name.split(', ')[-1]}" in page
        assert contradicted(row.triangle.product, row.triangle.expected_product)
        assert contradicted(row.triangle.sum, row.triangle.expected_sum)


def test_one_demand_that_fails_beside_a_joint_test_that_does_not_is_explained():
    rows = {row.series.name: row for row in reference_rows()}
    said = "A demand that is contradicted alone is not rejected when both are tested together"
    assert any(said in one for one in rows["package: toy, scaled, β = 1.5"].sentences())
    for name in ("package: toy, scaled, β = 1.2", "synthetic, β = 1.3"):
        assert not any(said in one for one in rows[name].sentences())
    assert any(one.startswith("Held-out test: ") for one in rows["synthetic, β = 1.3"].sentences())
    assert any("these small whole counts hardly scatter" in one for one in rows["synthetic, β = 1.8"].sentences())


def test_toy_files_become_series_by_configuration_and_beta(tmp_path):
    sizes = np.array([8, 16, 32, 64])
    variables = {
        "configuration": np.repeat(["law", "plain"], 4),
        "beta": np.full(8, 1.5),
        "neurons": np.tile(sizes, 2),
        "seeds": np.full(8, 4),
        "count": np.concatenate([sizes**0.5 * 2, sizes]),
        "count_sd": np.full(8, 0.4),
        "mean_isolation": np.tile(sizes**0.5, 2),
        "profile_slope": np.full(8, -1.5),
        "optimal_count": np.tile(sizes**0.5 * 2, 2),
        "optimal_mean_isolation": np.tile(sizes**0.5, 2),
        "optimal_slope": np.full(8, -1.5),
    }
    save(dataset("toy", {name: ("cell", values) for name, values in variables.items()}), tmp_path / "toy.nc")
    law, plain = compare_series(read_series([tmp_path / "toy.nc"]))
    assert (law.series.name, plain.series.name) == ("toy, law, β = 1.5", "toy, plain, β = 1.5")
    assert law.series.sd == pytest.approx(np.full(4, 0.2))
    assert law.triangle is not None
    assert plain.triangle is not None
    assert not contradicted(law.triangle.product, law.triangle.expected_product)
    assert contradicted(plain.triangle.product, plain.triangle.expected_product)
    assert plain.triangle.expected_product == pytest.approx(0.75)
    for name, steps, cells in (("a", 100, [0, 1]), ("b", 100, [2, 3]), ("c", 200, [0, 1, 2, 3])):
        part = {key: ("cell", values[cells]) for key, values in variables.items()}
        save(dataset("toy", part, seed=0, steps=steps), tmp_path / f"{name}.nc")
    joined, apart = read_series([tmp_path / f"{name}.nc" for name in "abc"])
    assert (joined.name, apart.name) == ("toy, law, β = 1.5, steps 100", "toy, law, β = 1.5, steps 200")
    assert joined.neurons.tolist() == apart.neurons.tolist() == sizes.tolist()


def test_a_simulations_triangle_is_that_of_the_networks_it_drew(tmp_path):
    """The file has no correlations: the same seed draws them again, and the theory holds at its finite sizes."""
    sizes = [512, 1024, 2048]
    save(simulate(sizes, 1.6, runs=2, seed=5, quiet=True).to_dataset(), tmp_path / "packing.nc")
    (row,) = compare_series(read_series([tmp_path / "packing.nc"]))
    packing = Packing(1024, 1.6)
    matrix = wishart.correlations(packing, stream(5, packing, 1))
    assert row.series.correlations is not None
    assert row.series.sizes_matched is not None
    assert row.series.sizes_matched.tolist() == [512, 512, 1024, 1024, 2048, 2048]
    assert np.array_equal(row.series.correlations[3], matrix[mutual_nearest(matrix, 0.5)])
    assert row.triangle is not None
    assert row.extension is not None
    assert row.triangle.profile.value == pytest.approx(1.6, abs=0.03)
    assert not contradicted(row.triangle.product, row.triangle.expected_product)
    assert not contradicted(row.triangle.sum, row.triangle.expected_sum)
    assert row.extension.plain_p > 0.05


def test_every_comparison_begins_with_every_kind_of_source():
    assert {one.source for one in reference_series()} >= {"published", "synthetic", "toy", "language"}
    assert all(one.reference and one.source in SOURCES for one in reference_series())


def test_of_toy_cells_measured_twice_the_one_of_more_seeds_counts_and_few_features_have_no_profile():
    rows = pd.DataFrame(
        {
            "configuration": "law",
            "beta": 1.5,
            "neurons": [8, 16, 16, 32, 64],
            "seeds": [4, 2, 8, 4, 4],
            "count": [8.0, 9, 11, 15, 21],
            "count_sd": 0.4,
            "mean_isolation": [2.0, 3, 4, 5, 6],
            "profile_slope": -1.5,
            "optimal_count": [3.0, 9, 9, 15, 21],
            "optimal_mean_isolation": [2.0, 3, 4, 5, 6],
            "optimal_slope": -1.5,
        }
    )
    (series,) = toy_series(rows.sample(frac=1, random_state=0))
    assert series.counts.tolist() == [8, 11, 15, 21]
    assert series.sd == pytest.approx(0.4 / np.sqrt([4, 8, 4, 4]))
    for profiles in (series.profiles, series.optimum):
        assert [np.isfinite(one.exponent) for one in profiles] == [False, True, True, True]


def test_one_demand_that_fails_alone_is_enough_to_be_explained():
    """A row whose product is contradicted and whose sum is not, while the joint test rejects nothing."""
    row = next(row for row in reference_rows() if row.series.name == "package: toy, scaled, β = 1.5")
    agreeing = replace(row.triangle, expected_sum=row.triangle.sum.value)
    assert contradicted(agreeing.product, agreeing.expected_product)
    changed = replace(row, triangle=agreeing, extension=replace(row.extension, plain_p=0.5))
    assert any(one.startswith("A demand that is contradicted alone") for one in changed.of_theory())
