"""The kept full ladder: what FINDINGS.md says of it is what its files give."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rosettalaw.results import load
from rosettalaw.validation.analysis import analyse_series
from rosettalaw.validation.compare import compare_series
from rosettalaw.validation.findings import findings
from rosettalaw.validation.ladder_report import _seeds
from rosettalaw.validation.series_from import of_ladder

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "full_ladder"


@pytest.fixture(scope="module")
def ladder():
    return load(FOLDER / "results.nc", "ladder")


@pytest.fixture(scope="module")
def text():
    """Return the page with single spaces, wherever its lines break."""
    return " ".join((FOLDER / "FINDINGS.md").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def make():
    """The module that writes the tables."""
    spec = importlib.util.spec_from_file_location("full_ladder_page", DOCS / "_make/full_ladder.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_marked_part_is_what_the_files_give(ladder, text, make):
    parts = make.blocks(ladder, make.rows_of(FOLDER / "networks.csv"), load(make.BEFORE, "ladder"))
    for name, part in parts.items():
        assert " ".join(part.split()) in text, name
    assert text.count("<!-- begin ") == len(parts)


def test_the_exponent_is_that_of_counts_taken_from_the_pairs(ladder, text):
    """Least squares over sizes of the mean log count at the common ρ; the weights of the fit move it little."""
    analysis = analyse_series(of_ladder(ladder))
    rung = ladder["pair_rung"].values
    strong = ladder["correlation"].values >= analysis.common_rho - 1e-6  # kept in single precision
    log = np.log(np.bincount(rung[strong], minlength=ladder.sizes["rung"]))
    sizes = np.unique(ladder["neurons"].values)
    means = [log[ladder["neurons"].values == size].mean() for size in sizes]
    slope = stats.linregress(np.log(sizes), means).slope
    assert analysis.power_law.exponent == pytest.approx(slope, abs=0.02)
    assert f"α = {analysis.power_law.exponent:.2f}" in text


def test_counts_of_a_size_are_means_over_its_pairs_of_networks(ladder, text):
    for size in np.unique(ladder["neurons"].values):
        here = ladder.isel(rung=np.flatnonzero(ladder["neurons"].values == size))
        assert here.sizes["rung"] == (9 if size <= 1152 else 3)
        counts = here["calibrated_count"].values
        assert f"| {size:.0f} | {counts.mean():.0f} | {counts.min():.0f} to {counts.max():.0f} |" in text


def test_stable_pairs_are_those_of_nine_in_ten_halves(ladder):
    for i in range(ladder.sizes["rung"]):
        here = ladder["pair_rung"].values == i
        above = ladder["correlation"].values >= ladder["threshold"].values[i] - 1e-6
        assert ladder["stable_count"].values[i] == np.sum(here & above & (ladder["stability"].values >= 0.9 - 1e-6))


def test_the_first_seeds_are_the_networks_of_the_earlier_run(ladder, make):
    before = load(make.BEFORE, "ladder")
    first = (ladder["seed_a"].values == 0) & (ladder["seed_b"].values == 0)
    for name in ("bits_per_byte_a", "bits_per_byte_b"):
        assert ladder[name].values[first] == pytest.approx(before[name].values[: first.sum()], rel=5e-3)


def test_every_finding_is_judged(ladder):
    assert len(findings(ladder, analyse_series(of_ladder(ladder)))) == 7


def test_what_attenuation_of_each_pair_would_show(ladder, text):
    """Squares of the theory with the likeliest Beta law, four independent draws each, all of them strong."""
    fitted = compare_series([of_ladder(ladder)])[0].triangle.attenuation
    total = fitted.mean * (1 - fitted.mean) / fitted.sd**2 - 1
    rng = np.random.default_rng(1)
    isolation = 1 - rng.random((200_000, 1)) ** fitted.beta
    rho = isolation * rng.beta(fitted.mean * total, (1 - fitted.mean) * total, (200_000, 4))
    log = np.log(rho[(rho >= analyse_series(of_ladder(ladder)).common_rho).all(axis=1)])
    within = np.sqrt(np.mean(np.var(log, axis=1, ddof=1)))  # between the four pairs of a feature
    said = float(re.search(r"would differ by ([\d.]+) between them", text)[1])
    assert said == pytest.approx(within, abs=0.02)


def test_how_far_the_set_settles(ladder, text):
    before, last = ladder["size_raw_count"].values[-2:].astype(float)
    overlap = float(ladder["size_raw_overlap"][-1])
    common = overlap * (before + last) / (1 + overlap)  # of Jaccard's c/(a + b - c)
    assert common == pytest.approx(round(common))
    assert f"{last:.0f} pairs are found, and {common / last:.0%} of them were" in text


def test_the_file_is_small_and_says_where_it_comes_from(ladder, text):
    assert (FOLDER / "results.nc").stat().st_size < 2_000_000
    assert len(ladder.attrs["corpus_sha256"]) == 64
    assert ladder.attrs["command"] in text
    assert "/" not in "".join(map(str, ladder["model_a"].values))
    assert json.loads(ladder.attrs["versions"])["torch"]
    assert len({str(one) for one in ladder["revision_a"].values}) == 3 * 8


def test_the_page_says_how_many_pairs_of_networks_a_size_has(ladder):
    assert _seeds(ladder) == "3 and 3 seeds, 3 to 9 pairs of networks at each, "
    crossed = ladder.isel(rung=np.flatnonzero(ladder["neurons"].values <= 1152))
    assert _seeds(crossed) == "3 × 3 seeds at each, "
