"""The toy study kept in the repository: what FINDINGS.md says of it is what its files give."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rosettalaw.results import load
from rosettalaw.sims import toy_reported
from rosettalaw.sims.toy_measures import water_filling
from rosettalaw.sims.toy_recipes import CONFIGURATIONS, PARTS, SCAN, visits

FOLDER = Path(__file__).parents[2] / "docs/toy"


@pytest.fixture(scope="module")
def rows():
    return toy_reported.read()


@pytest.fixture(scope="module")
def text():
    return (FOLDER / "FINDINGS.md").read_text(encoding="utf-8")


def test_its_tables_are_what_the_file_gives(rows, text):
    assert toy_reported.counts_table(rows) in text
    assert toy_reported.conditions_table(rows) in text
    assert toy_reported.scan_table(rows) in text


def test_what_was_announced_is_there_or_said_to_be_missing(rows, text):
    asked = {
        (name, N, b): part.seeds
        for part in PARTS
        for name in part.configurations
        for N in part.neurons
        for b in part.beta
    }
    found = {(row["configuration"], row["neurons"], row["beta"]): row["seeds"] for row in rows}
    assert len(found) == len(rows)
    assert all(seeds <= asked[key] for key, seeds in found.items())
    assert toy_reported.missing_table(rows) in text


def test_rows_hold_the_optimum_and_the_visits_of_their_recipe(rows):
    for row in rows[::7]:
        recipe = {**CONFIGURATIONS, **SCAN}[row["configuration"]].recipe
        optimum = water_filling(row["neurons"], row["beta"], recipe.kappa, recipe.gamma, recipe.relu)
        assert row["optimal_count"] == np.count_nonzero(optimum >= 1)
        assert row["features"] == len(optimum)
        expected = visits(recipe, row["neurons"], row["beta"], row["optimal_count"])
        assert row["visits"] == pytest.approx(expected, abs=1e-3)


def test_profiles_are_those_of_the_rows(rows):
    ds = load(FOLDER / "toy.nc", "toy")
    assert (FOLDER / "toy.nc").stat().st_size < 2_000_000
    counts = (ds["toy_isolation"] >= 1).sum("rank").values
    for row, here, seeds in zip(rows, counts, ds["seeds"].values, strict=True):
        assert here[:seeds].mean() == pytest.approx(row["count"], abs=1e-3)


def test_the_words_about_wide_networks_are_the_rows(rows, text):
    share = {(r["configuration"], r["neurons"]): r["count"] / r["optimal_count"] for r in rows if r["beta"] == 1.2}
    words = " ".join(text.split())
    assert f"At N = 256: met, {share['scaled', 256]:.2f} (plain {share['law', 256]:.2f})" in words
    assert f"**not met**, {share['scaled', 512]:.2f} (plain {share['law', 512]:.2f}), five seeds" in words
    assert f"(β = 1.2: {share['large batch', 256]:.2f} and {share['scaled', 256]:.2f})" in words
    assert share["law", 256] < share["large batch", 256] < share["scaled", 256]
    assert all(r["utility_share"] >= 0.99 for r in rows if r["configuration"] == "scaled")
    three = [share[name, 64] for name in ("few updates", "slow readout", "many updates")]
    assert "N = 64: 450 updates {:.2f}, 1800 updates {:.2f}, 7200 updates {:.2f}".format(*three) in words
    assert f"falls from {share['scaled', 128]:.2f} at N = 128" in words
    narrow = {r["beta"]: r for r in rows if (r["configuration"], r["neurons"]) == ("batch 32", 32)}
    assert all(narrow[beta]["visits"] < 1000 for beta in (1.5, 2.0))
    few = [narrow[beta]["count"] / narrow[beta]["optimal_count"] for beta in (1.5, 2.0)]
    assert "(β = 1.5: {:.2f}, β = 2: {:.2f})".format(*few) in words
    scan = [r for r in rows if r["configuration"] in ("slow readout", "batch 32", "batch 128", "batch 2048")]
    found = [(r["visits"], r["neurons"], r["count"] / r["optimal_count"]) for r in scan]
    assert all(share > 0.9 for V, _, share in found if V >= 10_000)
    assert all(share < 0.8 for V, N, share in found if V < 1000 and N > 32)


def test_the_words_about_updates_are_the_rows(rows, text):
    words = " ".join(text.split())
    at = {(r["neurons"], r["beta"]): r for r in rows if r["configuration"] == "many updates"}
    scaled = {(r["neurons"], r["beta"]): r for r in rows if r["configuration"] == "scaled"}
    wide = at[512, 1.2]
    assert (wide["seeds"], wide["steps"], wide["batch"]) == (3, 7200, 512)
    assert wide["visits"] == scaled[512, 1.2]["visits"]
    share = {key: r["count"] / r["optimal_count"] for key, r in at.items()}
    half = stats.t.ppf(0.975, 2) * wide["count_sd"] / 3**0.5 / wide["optimal_count"]
    x = share[512, 1.2]
    assert f"{x:.2f} (95% interval {x - half:.2f} to {x + half:.2f})" in words
    for beta in (1.2, 2.0):
        r, y = at[512, beta], share[512, beta]
        half = stats.t.ppf(0.975, 2) * r["count_sd"] / 3**0.5 / r["optimal_count"]
        lacking = f"{100 * (1 - y):.0f}% ({100 * (1 - y - half):.0f}% to {100 * (1 - y + half):.0f}%)"
        assert lacking.replace("-", "−") in words
    few, more = (scaled[N, 2.0]["count"] / scaled[N, 2.0]["optimal_count"] for N in (256, 512))
    assert f'{share[256, 2.0]:.2f} ("scaled" {few:.2f}) and {share[512, 2.0]:.2f} ({more:.2f}; three seeds)' in words
    assert f"represents {scaled[512, 1.2]['informed_count']:.0f} and isolates {scaled[512, 1.2]['count']:.0f}" in words
    assert f"The same {wide['count']:.0f} are represented and isolated" in words
    assert wide["informed_count"] == wide["count"]
    assert f"Met: {share[128, 1.2]:.2f} and {share[256, 1.2]:.2f}" in words
    assert f"{wide['mean_isolation']:.1f} where the optimum has {wide['optimal_mean_isolation']:.1f}" in words
    assert all(r["utility_share"] >= 0.99 for r in at.values())
