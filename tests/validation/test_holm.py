"""Holm's correction against another library and by its error rate; p-values against the intervals they belong to."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rosettalaw.results import load
from rosettalaw.validation.analysis import analyse_series
from rosettalaw.validation.compare import compare_series, corrected
from rosettalaw.validation.findings import Shown, _p_of_half, _widened, findings, together
from rosettalaw.validation.holm import holm, interval_p, sentence
from rosettalaw.validation.references import ladders, simulated
from rosettalaw.validation.series_from import of_ladder
from rosettalaw.validation.triangle import contradicted


def test_adjusted_values_are_those_of_another_library():
    rng = np.random.default_rng(1)
    for number in range(1, 13):
        p = np.round(rng.random(number) ** 3, 3)  # small ones, and equal ones
        np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-12)


def test_what_was_not_tested_is_not_counted():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])


def test_false_rejections_of_a_page_stay_below_five_percent():
    """Eight tests of true hypotheses, correlated as those of one ladder are: one by one a fifth of pages would
    reject.
    """
    rng = np.random.default_rng(0)
    z = 0.6 * rng.standard_normal((2000, 1)) + 0.8 * rng.standard_normal((2000, 8))
    p = 2 * stats.norm.sf(np.abs(z))
    alone = np.mean((p < 0.05).any(1))
    page = np.mean([(holm(one) < 0.05).any() for one in p])
    assert alone > 0.2
    assert page <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize("freedom", [3, 40])
def test_a_p_value_agrees_with_its_interval(freedom):
    half = stats.t.ppf(0.975, freedom) * 0.2
    for bound in (0.0, 0.4, 1.0):
        p = interval_p(0.7, 0.7 - half, 0.7 + half, bound, freedom)
        assert p == pytest.approx(2 * stats.t.sf(abs(0.7 - bound) / 0.2, freedom))
        assert (p < 0.05) == (abs(0.7 - bound) > half)
    assert np.isnan(interval_p(0.7, np.nan, 1.0, 0.0, freedom))


@settings(deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.02, 3))
def test_the_p_value_of_half_agrees_with_the_widened_interval(value, width):
    centre = np.log(value / (1 - value))
    low, high = (1 / (1 + np.exp(-(centre + side * width))) for side in (-1, 1))
    p = _p_of_half(value, low, high)
    for tests in (1, 2, 6):
        ends = _widened(value, low, high, tests)
        if abs(p * tests - 0.05) > 1e-6:
            assert (p < 0.05 / tests) == (not ends[0] <= 0.5 <= ends[1])


def test_sentences_say_what_remains():
    assert sentence({"a": 0.01}) == ""
    assert sentence({"a": 0.2, "b": 0.5, "c": np.nan}) == (
        "Neither of the 2 tests of the theory here rejects at 5%, before or after Holm's correction for their number."
    )
    assert sentence({"a": 0.2, "b": 0.5, "c": 0.9}).startswith("None of the 3 tests of the theory here rejects at 5%,")
    assert sentence({"a": 0.2, "b": 0.01, "c": 0.9}).startswith("1 of 3 tests of the theory here rejects at 5%;")
    assert sentence({"a": 0.02, "b": 0.01}, "tests").startswith("Both tests here reject at 5%; after")
    assert sentence(dict.fromkeys("abc", 0.01), "tests").startswith("All 3 tests here reject at 5%; after")
    assert sentence({"a": 0.001, "b": 0.03, "c": 0.2}).endswith("number, 1 still does: a (p = 0.003).")
    assert sentence({"a": 0.03, "b": 0.04}).endswith("number, none does.")


def test_every_finding_has_the_p_value_of_its_interval():
    """A finding that its joint interval shows is one whose own p-value is below 5%, and the page says which remain."""
    ladder = load(Path(__file__).parents[2] / "docs/full_ladder/results.nc", "ladder")
    judged = findings(ladder, analyse_series(of_ladder(ladder)))
    assert len(judged) == 7
    for one in judged:
        assert (one.p < 0.05) == (one.shown is not Shown.NO), one
    adjusted = holm([one.p for one in judged])
    remaining = together(judged).split("still")[1]
    for one, p in zip(judged, adjusted, strict=True):
        assert (one.name in remaining) == (p < 0.05)


def test_tests_of_the_theory_agree_with_the_triangles_sentences():
    quickstart = next(one for one in ladders() if one.name.startswith("package: quickstart"))
    rows = compare_series([simulated(1.3, (256, 512, 1024)), quickstart])
    for row in rows:
        tests, triangle = row.tests(), row.triangle
        assert (tests["α·b"] < 0.05) == contradicted(triangle.product, triangle.expected_product)
        assert (tests["α + p"] < 0.05) == contradicted(triangle.sum, triangle.expected_sum)
        assert "Holm's correction" in row.of_theory()[-1]
    assert f"of {sum(np.isfinite(list(row.tests().values())).sum() for row in rows)} tests" in corrected(rows)
