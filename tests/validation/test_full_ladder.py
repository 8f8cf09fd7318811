"""The ladder kept in the repository: what FINDINGS.md says of it is what its file gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from rosettalaw.results import load
from rosettalaw.validation.analysis import analyse_series
from rosettalaw.validation.compare import compare_series
from rosettalaw.validation.findings import findings, slope_interval, table
from rosettalaw.validation.series_from import of_ladder

FOLDER = Path(__file__).parents[2] / "docs/full_ladder"


@pytest.fixture(scope="module")
def ladder():
    return load(FOLDER / "results.nc", "ladder")


@pytest.fixture(scope="module")
def text():
    """Return the page with single spaces, wherever its lines break."""
    return " ".join((FOLDER / "FINDINGS.md").read_text(encoding="utf-8").split())


def test_the_table_is_what_the_file_gives(ladder, text):
    analysis = analyse_series(of_ladder(ladder))
    assert " ".join(table(findings(ladder, analysis)).split()) in text
    for sentence in analysis.counting:
        assert sentence in text


def test_counts_and_nulls_are_what_the_file_gives(ladder, text):
    for i in range(ladder.sizes["rung"]):
        rung = ladder.isel(rung=i)
        row = [f"{float(rung['neurons']):.0f}"]
        row += [str(int(rung[name])) for name in ("calibrated_count", "settled_count", "raw_count")]
        row += [f"{float(rung[f'{kind}_raw']):.0f}" for kind in ("permuted", "untrained")]
        row += [f"{float(rung['threshold']):.2f}", f"{float(rung['bits_per_byte_a']):.2f}"]
        assert f"| {' | '.join(row)} |" in text


def test_the_exponent_stays_as_k_grows(ladder, text):
    x = np.log(ladder["neurons"].values)
    for k in ladder["k"].values.tolist():
        found = [f"{v:.2f}" for v in slope_interval(x, np.log(ladder["k_calibrated_count"].sel(k=k).values))]
        assert f"k = {k}: {found[0]} ({found[1]} to {found[2]})" in text


def test_what_it_says_beside_the_tables(ladder, text):
    assert compare_series([of_ladder(ladder, "full")])[0].triangle.verdict() in text
    assert (ladder["permuted_raw"] > ladder["raw_count"]).all()
    here = ladder.sel(measure="output_kurtosis")
    smaller = here.isel(rung=slice(0, -2))
    assert ((smaller["superiority_low"] < 0.5) & (smaller["superiority_high"] > 0.5)).all()
    assert ladder["category_share"].sel(category="code").values == pytest.approx(0.75, abs=0.02)


def test_the_file_is_small_and_says_where_it_comes_from(ladder):
    assert (FOLDER / "results.nc").stat().st_size < 1_000_000
    assert len(ladder.attrs["corpus_sha256"]) == 64
    assert json.loads(ladder.attrs["versions"])["torch"]
    assert len({str(one) for one in ladder["revision_a"].values}) == ladder.sizes["rung"]
