"""The three engines answer alike: literal inputs, sampled covariance, integral. And a wrong variance is noticed."""

from functools import cached_property

import numpy as np
import pytest
from scipy import stats

from rosettalaw.sims import dense, wishart
from rosettalaw.sims.expected import expect, false_pairs_variance
from rosettalaw.sims.packing import Choices, Packing, match_networks

RUNS = 200
# Settings in which a good part of the features is at the edge of being found, where counts feel every variance.
SETTINGS = {
    "paper": Packing(160, 1.3, inputs=250),
    "every feature active": Packing(96, 1.2, kappa=4.0, gamma=0.75, inputs=80),
    "inactive pool": Packing(160, 1.3, inputs=250, choices=Choices(pool="inactive", interference_norm=2.0)),
    "few background features": Packing(160, 1.3, inputs=250, choices=Choices(background=8)),
    "few inactive background features": Packing(160, 1.3, inputs=250, choices=Choices(background=8, pool="inactive")),
    "idle neurons, more rows than inputs": Packing(96, 1.3, inputs=120, choices=Choices(idle=0.8)),
    "idle neurons, far more inputs than features": Packing(96, 1.5, inputs=6_000, choices=Choices(idle=1.0)),
    "threshold": Packing(160, 1.3, inputs=250, choices=Choices(threshold=0.5)),
}


class Wrong(Packing):
    """A packing whose background is 10% too large: loadings are those of the right one."""

    @cached_property
    def loading(self):
        c = self.choices
        right = Choices(c.background, c.pool, c.interference_norm / 1.1**0.5, c.noise / 1.1, c.idle, c.threshold)
        return Packing(self.neurons, self.beta, self.kappa, self.gamma, self.inputs, right).loading


def with_background_variance_wrong(packing):
    c = packing.choices
    wrong = Choices(c.background, c.pool, c.interference_norm * 1.1**0.5, c.noise * 1.1, c.idle, c.threshold)
    return Wrong(packing.neurons, packing.beta, packing.kappa, packing.gamma, packing.inputs, wrong)


def p_value(first, second, name):
    """Smaller p-value of two tests: Welch's of the means, and χ² of the whole distribution in about six classes."""
    a, b = (np.array([getattr(o, name) for o in outcomes], dtype=float) for outcomes in (first, second))
    if len(np.unique(np.concatenate([a, b]))) == 1:
        return 1.0
    edges = np.unique(np.quantile(np.concatenate([a, b]), np.linspace(0, 1, 7)))
    table = np.array([np.histogram(x, np.r_[-np.inf, edges[1:-1], np.inf])[0] for x in (a, b)])
    table = table[:, table.sum(axis=0) > 0]
    whole = stats.chi2_contingency(table).pvalue if table.shape[1] > 1 else 1.0
    return min(stats.ttest_ind(a, b, equal_var=False).pvalue, whole)


LONG = "idle neurons, far more inputs than features"


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name == LONG)) for name in SETTINGS])
def test_dense_and_wishart_agree_in_law(name, outcomes):
    literal = outcomes(dense, SETTINGS[name], RUNS, 1)
    sampled = outcomes(wishart, SETTINGS[name], 2 * RUNS, 2)
    for quantity in ("count", "false_pairs", "mean_isolation_matched", "isolation_per_non_rosetta"):
        assert p_value(literal, sampled, quantity) > 0.002, quantity


def test_a_background_variance_off_by_a_tenth_is_noticed(outcomes):
    packing = Packing(800, 1.1, inputs=60)  # 128 candidates, of which 94 are found: many at the edge
    wrong = with_background_variance_wrong(packing)
    literal = outcomes(dense, packing, RUNS, 1)
    assert p_value(literal, outcomes(wishart, packing, RUNS, 2), "count") > 0.01
    assert p_value(literal, outcomes(wishart, wrong, RUNS, 2), "count") < 1e-6


def test_a_background_variance_off_by_a_tenth_is_noticed_above_a_threshold(outcomes):
    wrong = with_background_variance_wrong(SETTINGS["threshold"])
    literal = outcomes(dense, SETTINGS["threshold"], RUNS, 1)
    for engine in (dense, wishart):
        assert p_value(literal, outcomes(engine, wrong, RUNS, 2), "count") < 1e-6


@pytest.mark.parametrize("name", SETTINGS)
def test_expected_agrees_with_draws(name, outcomes):
    packing, runs = SETTINGS[name], 400
    drawn, integral = outcomes(wishart, packing, runs, 3), expect(packing)
    counts = np.array([o.count for o in drawn])
    assert abs(counts.mean() - integral.count) < 0.02 * counts.mean() + 4 * counts.std() / runs**0.5
    assert integral.count_sd == pytest.approx(counts.std(), rel=0.25)
    false = np.mean([o.false_pairs for o in drawn])
    near = {"rel": 0.06, "abs": 0.12} if packing.idle else {"rel": 0.2, "abs": 0.12}
    assert integral.false_pairs == pytest.approx(false, **near)
    isolation = np.mean([o.mean_isolation_matched for o in drawn])
    assert integral.mean_isolation_matched == pytest.approx(isolation, rel=0.04)


def test_expected_notices_a_background_variance_off_by_a_tenth(outcomes):
    packing = SETTINGS["threshold"]
    counts = np.array([o.count for o in outcomes(wishart, with_background_variance_wrong(packing), 400, 3)])
    assert abs(counts.mean() - expect(packing).count) > 0.02 * counts.mean() + 4 * counts.std() / 400**0.5


def test_many_inputs_show_the_correlations_of_the_model():
    """ρ = s/(1 + s) for the two neurons of a feature (Eq. 62), and 0 for others except for shared loadings."""
    packing = Packing(256, 1.5, gamma=64, inputs=4_000_000)
    correlation = wishart.correlations(packing, np.random.default_rng(0))
    s = packing.isolation
    assert np.abs(np.diag(correlation) - s / (1 + s)).max() < 0.03
    assert np.abs(correlation - np.diag(np.diag(correlation))).max() < 0.06


def test_noise_and_interference_have_no_scale_but_their_ratio():
    small, large = (Packing(256, 1.5, choices=Choices(interference_norm=a, noise=a * a)) for a in (0.1, 10))
    first, second = (wishart.correlations(p, np.random.default_rng(5)) for p in (small, large))
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-9)


def test_networks_without_features_to_find_pair_half_of_their_neurons(outcomes):
    """N_A N_B/(N_A + N_B − 1) mutual pairs among unrelated neurons: counts grow like N."""
    packing = Packing(200, 3.0, kappa=1e-4, inputs=60, choices=Choices(idle=1.0, interference_norm=0.0))
    drawn = outcomes(wishart, packing, 200, 7)
    mean = np.mean([o.count for o in drawn])
    assert mean == pytest.approx(200**2 / 399, abs=4 * np.std([o.count for o in drawn]) / 200**0.5 + 1)
    assert np.mean([o.false_pairs for o in drawn]) > 0.98 * mean


def test_variance_of_false_pairs_of_independent_numbers(subtests):
    rng = np.random.default_rng(0)
    for m in (2, 5, 40):
        packing = Packing(m, 1.5, choices=Choices(idle=1.0))
        m = packing.matched
        counts = [match_networks(packing, rng.standard_normal((m, m))).count for _ in range(20_000)]
        mean = m * m / (2 * m - 1)
        assert np.mean(counts) == pytest.approx(mean, rel=0.02)
        with subtests.test(m=m):
            assert false_pairs_variance(mean, m) == pytest.approx(np.var(counts), rel=0.05)
