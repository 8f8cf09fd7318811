"""Curve comparison: planted curves are found, and a handful of points is not over-read."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from rosettalaw.validation.alternatives import CANNOT_TELL, CURVES, Alternative, aicc, compare_curves, nested_p
from rosettalaw.validation.alternatives import _preferred as prefer
from rosettalaw.validation.counts import Counts

SIZES = np.geomspace(100, 1e6, 12)
PLANTED = {
    "constant": lambda n: 50 + 0 * n,
    "linear": lambda n: 0.02 * n,
    "power law": lambda n: 2 * n**0.6,
    "logarithmic": lambda n: 20 + 30 * np.log(n / 100),
    "saturating": lambda n: 400 * n / (n + 3000),
    "broken power law": lambda n: np.where(n < 1e4, n**0.9, 1e4**0.6 * n**0.3),
}


def scattered(truth, sizes, seed, noise=0.02):
    return Counts(sizes, truth(sizes) * np.exp(np.random.default_rng(seed).normal(0, noise, len(sizes))))


@pytest.mark.parametrize("name", list(CURVES))
def test_the_planted_curve_fits_at_least_as_well_as_the_truth_itself(name):
    """Least squares may not be worse than the planted parameters; a wrong formula is."""
    data = scattered(PLANTED[name], SIZES, seed=3)
    noise = np.sqrt(np.mean(np.log(data.counts / PLANTED[name](SIZES)) ** 2))
    rms = {a.name: a.rms for a in compare_curves(data).alternatives}
    assert rms[name] < noise * 1.001
    assert min(a for other, a in rms.items() if other != name) > 0.8 * rms[name]  # no other curve explains the noise


@pytest.mark.parametrize("name", list(CURVES))
def test_the_planted_curve_is_mostly_preferred_and_seldom_another(name):
    preferred = [compare_curves(scattered(PLANTED[name], SIZES, seed)).preferred for seed in range(12)]
    assert preferred.count(name) >= 6
    assert sum(word not in (name, CANNOT_TELL) for word in preferred) <= 2


@pytest.mark.parametrize("name", ["logarithmic", "saturating"])
def test_one_dimensional_searches_reach_the_least_squares_of_scipy(name):
    data = scattered(PLANTED[name], SIZES, seed=5, noise=0.1)
    model = {
        "logarithmic": lambda n, a, b: np.log(np.maximum(a + b * np.log(n), 1e-9)),
        "saturating": lambda n, a, b: np.log(a * n / (n + b)),
    }[name]
    start = {"logarithmic": (-100, 30), "saturating": (400, 3000)}[name]
    popt, _ = optimize.curve_fit(model, data.neurons, np.log(data.counts), p0=start)
    oracle = np.sqrt(np.mean((np.log(data.counts) - model(data.neurons, *popt)) ** 2))
    ours = next(a.rms for a in compare_curves(data).alternatives if a.name == name)
    assert ours == pytest.approx(oracle, rel=1e-5)


def test_aicc_is_minus_twice_the_log_likelihood_plus_its_penalty():
    """Up to the constant n (1 + log 2π) that all curves share."""
    residuals = np.random.default_rng(0).normal(0, 0.3, 9)
    rms = np.sqrt(np.mean(residuals**2))
    log_likelihood = np.sum(-0.5 * np.log(2 * np.pi * rms**2) - residuals**2 / (2 * rms**2))
    k, n = 3, 9
    expected = -2 * log_likelihood + 2 * k + 2 * k * (k + 1) / (n - k - 1) - n * (1 + np.log(2 * np.pi))
    assert aicc(rms, n, k) == pytest.approx(expected)
    assert np.isnan(aicc(rms, 4, 3))


def test_four_counts_cannot_tell():
    comparison = compare_curves(scattered(PLANTED["power law"], SIZES[::3], seed=1))
    assert comparison.preferred == CANNOT_TELL
    assert "fewer than five counts" in comparison.reason


def test_left_out_errors_are_those_of_a_fit_to_the_rest():
    data = scattered(PLANTED["power law"], SIZES[:6], seed=2, noise=0.2)
    x, y = np.log(data.neurons), np.log(data.counts)
    errors = []
    for i in range(6):
        rest = np.arange(6) != i
        errors.append(y[i] - np.polyval(np.polyfit(x[rest], y[rest], 1), x[i]))
    cv = next(a.cv_rms for a in compare_curves(data).alternatives if a.name == "power law")
    assert cv == pytest.approx(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize("whole", [False, True])
def test_a_power_law_is_not_put_in_doubt_by_a_broken_one_that_contains_it(whole):
    """On an exact power law both err by rounding alone, and which errs less is chance."""
    sizes = np.geomspace(128, 8192, 7)
    counts = 2 * sizes**0.6
    comparison = compare_curves(Counts(sizes, np.round(counts) if whole else counts))
    assert comparison.preferred == "power law"


@pytest.mark.parametrize(
    ("first", "containing"),
    [
        ("power law", {"broken power law"}),
        ("linear", {"power law", "saturating", "broken power law"}),  # N₀ → ∞ makes the second of them a line
        ("constant", {"power law", "logarithmic", "saturating", "broken power law"}),
        ("logarithmic", set()),
    ],
)
def test_only_what_contains_a_curve_may_predict_better(first, containing):
    scores = {name: Alternative(name, CURVES[name][0], 0.1, 10.0, 0.1) for name in CURVES}
    scores[first] = replace(scores[first], aicc=0.0)
    for rival in set(CURVES) - {first}:
        fitted = scores | {rival: replace(scores[rival], cv_rms=0.05)}
        assert prefer(list(fitted.values()), 12)[0] == (first if rival in containing else CANNOT_TELL)


@pytest.mark.parametrize("sizes", [7, 12])
def test_closer_than_rounding_is_luck(sizes):
    """Whole counts of an exact power law: a knee that happens to fit the rounding better is no finding."""
    neurons = np.geomspace(128, 128 * 2 ** (sizes - 1), sizes)
    assert compare_curves(Counts(neurons, np.round(2 * neurons**0.6))).preferred == "power law"


def test_the_f_test_of_a_line_in_a_power_law_is_students_test_of_its_exponent():
    rng, x = np.random.default_rng(4), np.log(SIZES[:5])
    y = 0.8 * x + rng.normal(0, 0.1, 5)
    line = stats.linregress(x, y)
    student = 2 * stats.t.sf(abs(line.slope - 1) / line.stderr, 3)
    rms = np.std(y - x), np.sqrt(np.mean((y - line.intercept - line.slope * x) ** 2))
    assert nested_p(*rms, 1, 2, 5) == pytest.approx(student)
    assert np.isnan(nested_p(*rms, 1, 5, 5))


def test_no_curve_is_preferred_that_the_exponent_excludes():
    """Five counts: AICc charges a second parameter 20, and takes the line, though α is 0.52 to 0.88."""
    sizes = np.array([128.0, 256, 512, 1024, 2048])
    for counts in ([66, 121, 159, 333, 448], [155, 155, 218, 252, 296]):
        comparison = compare_curves(Counts(sizes, np.array(counts, dtype=float)))
        assert min(comparison.alternatives, key=lambda one: one.aicc).name in ("linear", "constant")
        assert comparison.preferred == CANNOT_TELL
        assert "power law, which contains it, fits better" in comparison.reason


@pytest.mark.parametrize(("lead", "preferred"), [(1.9, CANNOT_TELL), (2.1, "power law")])
def test_a_lead_of_two_in_aicc_is_asked_for(lead, preferred):
    """Burnham and Anderson: models within 2 of the best have substantial support."""
    scores = {name: 10.0 for name in CURVES} | {"power law": 10 - lead}
    ranked = [
        Alternative(name, CURVES[name][0], 0.1, score, 0.01 if name == "power law" else 0.1)
        for name, score in scores.items()
    ]
    assert prefer(ranked, 12)[0] == preferred
    worse = [replace(one, cv_rms=0.2) if one.name == "power law" else one for one in ranked]
    assert prefer(worse, 12)[0] == CANNOT_TELL  # whatever leads must predict best as well
