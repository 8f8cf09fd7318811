"""The joint fit against planted truth from brute-force water-filling: recovery, intervals and coverage."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from rosettalaw.theory import frontier
from rosettalaw.validation.joint_fit import (
    JointStatus,
    Observations,
    _status,
    fit_jointly,
)
from rosettalaw.validation.joint_problem import JointProblem
from rosettalaw.validation.joint_result import quantiles
from rosettalaw.validation.observations import BLOCKS
from tests.validation.planted import (
    BETA,
    KAPPA,
    NOISE,
    SCALE,
    SIZES,
    TAU,
    TRUTH,
    observe,
    water_fill,
)


def deviations(seeds, stated, interval=False):
    """Return standard errors from each parameter to its truth, and whether the profile interval of β holds it."""
    off, held = [], []
    for seed in range(seeds):
        fit = fit_jointly(observe(seed, stated=stated))
        off.append([(fit.values[name] - truth) / fit.stderr[name] for name, truth in TRUTH.items()])
        if interval:
            lo, hi = fit.interval("beta")
            held.append(lo <= BETA <= hi)
    return np.array(off), np.mean(held) if held else np.nan


def test_everything_together_returns_all_four_numbers():
    fit = fit_jointly(observe(0))
    assert fit.beta == pytest.approx(BETA, abs=0.01)
    assert fit.kappa == pytest.approx(KAPPA, rel=0.05)
    assert fit.tau == pytest.approx(TAU, rel=0.1)
    assert fit.scale == pytest.approx(SCALE, rel=0.1)
    assert fit.misfit_p > 0.01
    assert fit.identifiability.sentence.startswith("All parameters are identified")


def test_the_predicted_blocks_are_those_of_the_discrete_optimum():
    """At the truth, without noise, over many sizes: rounding to whole ranks averages out, wrong sums do not."""
    sizes = np.unique(np.geomspace(300, 6000, 60).astype(int))
    rows = {name: [] for name in BLOCKS}
    for size in sizes:
        s = water_fill(size)
        found = s[s >= TAU]
        rows["counts"].append(len(found))
        rows["isolation"].append(SCALE * found.mean())
        rows["tail"].append(SCALE * s[s < TAU].sum() / (size - len(found)))
        rows["correlations"].append(1 - 1 / (1 + found))
    problem = fit_jointly(Observations(sizes.tolist(), **rows, sd=dict.fromkeys(BLOCKS, NOISE)))._problem
    residuals = problem.split(TRUTH)
    off = {name: abs(np.mean(block)) for name, block in residuals.items()}
    assert off["counts"] < 0.01
    assert off["isolation"] < 0.006
    assert off["tail"] < 0.012
    assert np.max(np.abs(residuals["correlations"])) < 1e-3


def test_standard_errors_are_the_spread_of_repeated_experiments():
    """40 seeds: the spread of z is 1 ± 0.11; naive errors of sorted correlations would give 1.6 if unstated."""
    for stated, high in ((True, 1.35), (False, 1.5)):
        off, _ = deviations(40, stated)
        assert np.all(off.std(axis=0) < high)
        assert np.all(off.std(axis=0) > 0.7)


@pytest.mark.slow
@pytest.mark.parametrize("stated", [True, False])
def test_coverage_over_two_hundred_seeds(stated):
    """95% profile intervals of β hold the truth 92–98% of the time; Wald intervals too where errors are stated."""
    off, held = deviations(200, stated, interval=True)
    assert 0.92 <= held <= 0.985
    if stated:
        covered = np.mean(np.abs(off) < 1.96, axis=0)
        assert np.all((covered > 0.915) & (covered < 0.985))


def test_profile_intervals_meet_wald_where_the_problem_is_nearly_linear():
    fit = fit_jointly(observe(3))
    lo, hi = fit.interval("beta")
    assert (lo, hi) == pytest.approx(
        (fit.beta - 1.96 * fit.stderr["beta"], fit.beta + 1.96 * fit.stderr["beta"]), abs=2e-4
    )
    grid = fit.beta + fit.stderr["beta"] * np.array([-2, -1, 0, 1, 2])
    assert fit.rise("beta", grid) == pytest.approx(((grid - fit.beta) / fit.stderr["beta"]) ** 2, abs=0.15)


def test_chi_squared_belongs_to_the_errors_that_are_kept():
    """With estimated errors as well: χ² is the sum of the reported residuals over the reported deviations."""
    fit = fit_jointly(observe(2, stated=False))
    total = sum(np.sum((block / fit.sd[name]) ** 2) for name, block in fit.residuals.items())
    assert fit.chi2 == pytest.approx(total, rel=1e-9)
    assert fit.interval("beta")[0] < fit.beta < fit.interval("beta")[1]


def test_the_interval_ends_where_the_rise_is_what_is_allowed():
    fit = fit_jointly(observe(2, ["counts", "isolation", "tail"], stated=False))
    for name in fit.values:
        assert fit.rise(name, fit.interval(name)) == pytest.approx(fit.allowance(name), rel=1e-3)
        assert fit.enlargement[name] > 1
        student = stats.t.ppf(0.975, fit.freedom[name])
        assert fit.allowance(name) == pytest.approx(student**2 * fit.enlargement[name])
    stated = fit_jointly(observe(2))
    assert stated.allowance("beta") == pytest.approx(1.959964**2)


def test_a_misfit_is_tested_where_errors_are_stated_and_nowhere_else():
    """40 ladders: p-values are uniform, though residuals of sorted correlations are smoother than their errors."""
    fits = [fit_jointly(observe(seed, ["counts", "correlations"])) for seed in range(40)]
    assert stats.kstest([fit.misfit_p for fit in fits], "uniform").pvalue > 0.01
    unsorted = fit_jointly(observe(6, ["counts", "isolation", "tail"]))
    assert unsorted.misfit_p == pytest.approx(stats.chi2.sf(unsorted.chi2, 3 * len(SIZES) - 4), rel=1e-4)
    assert np.isnan(fit_jointly(observe(0, stated=False)).misfit_p)


def test_errors_may_be_stated_number_by_number():
    """One count is far off and says so: it is passed over, where one error for all would follow it."""
    counts = np.array(observe(5, ["counts"], noise=0.01).counts) * [1, 1, 1, 1, 1, 1.5]
    fit = fit_jointly(Observations(SIZES, counts, sd={"counts": [0.02] * 5 + [1.0]}))
    assert fit.beta == pytest.approx(BETA, abs=0.1)
    assert fit.misfit_p > 0.01
    assert fit_jointly(Observations(SIZES, counts, sd={"counts": 0.02})).misfit_p < 1e-6


def test_ranked_correlations_over_few_inputs_lie_where_sampling_and_sorting_put_them():
    """1500 matchings by Bartlett's decomposition of bivariate normal samples, sorted and cut: mean over ranks."""
    rng, inputs, beta, kappa, size = np.random.default_rng(0), 500, 1.6, 1.0, 8192
    r0 = float(frontier(float(size), beta, kappa, 1.0)) * 2 ** (1 / beta)
    rho = 1 - (np.arange(1, int(r0)) / r0) ** beta
    seen, kept = [], np.arange(10, 90)
    for _ in range(1500):
        a, rest = np.sqrt(rng.chisquare(inputs - 1, len(rho))), np.sqrt(1 - rho**2)
        along, across = rho * a + rest * rng.normal(size=len(rho)), rest * np.sqrt(rng.chisquare(inputs - 2, len(rho)))
        seen.append(np.sort(np.log1p(-along / np.hypot(along, across)))[kept])
    observed = [Observations([size], [90.0], correlations=[rho[:90]], inputs=m) for m in (inputs, np.inf)]
    with_bias, without = (JointProblem(one, gamma=4).predicted(beta, np.log(kappa), np.log(2)) for one in observed)
    bias = (with_bias["correlations"] - without["correlations"])[kept]
    measured = np.mean(seen, axis=0) - without["correlations"][kept]
    assert np.mean(measured) == pytest.approx(np.mean(bias), rel=0.1)
    assert -4 / inputs < np.mean(bias) < -1 / inputs


def test_the_posterior_agrees_with_the_likelihood():
    fit = fit_jointly(observe(1))
    chain = fit.sample(steps=600, seed=2)
    assert chain.attrs["status"].startswith("rough: the chain is shorter than 50")
    assert quantiles(chain)["beta"] == tuple(np.quantile(chain["beta"], [0.025, 0.975]))
    for name, value in fit.values.items():
        assert chain[name].mean() == pytest.approx(value, abs=0.5 * fit.stderr[name])
        assert chain[name].std() == pytest.approx(fit.stderr[name], rel=0.25)


def test_a_profile_that_contradicts_the_counts_is_a_misfit():
    """Correlations of a flatter spectrum, counts of the planted one."""
    observed = observe(0)
    flatter = [1 - (1 - np.asarray(rho)) ** 0.6 for rho in observed.correlations]
    mixed = Observations(
        observed.neurons, observed.counts, correlations=flatter, sd={"counts": 0.05, "correlations": 0.05}
    )
    assert fit_jointly(mixed).misfit_p < 1e-3


def test_intervals_of_kappa_and_tau_are_those_of_their_logarithms():
    fit = fit_jointly(observe(0))
    assert fit.interval("kappa") == pytest.approx(np.exp(fit.interval("log_kappa")))
    assert fit.interval("tau") == pytest.approx(np.exp(fit.interval("log_threshold")) - np.array(1))
    assert fit.interval("tau")[0] < TAU < fit.interval("tau")[1]


def test_the_other_neurons_are_those_that_are_left():
    """A budget so large that a third of the neurons are Rosetta: the tail is divided by N − R, not by N (Eq. 32)."""
    sizes, beta, kappa = np.array([150, 220, 310, 430, 600, 850]), 1.2, 8.0
    rows = {"counts": [], "isolation": [], "tail": []}
    for size in sizes:
        w = np.arange(1.0, 4 * size + 1) ** -beta
        level = (kappa * size + np.arange(1, len(w) + 1)) / np.cumsum(w)
        s = np.maximum(w * level[np.flatnonzero(w * level > 1)[-1]] - 1, 0)
        found = s[s >= 1]
        rows["counts"].append(len(found))
        rows["isolation"].append(found.mean())
        rows["tail"].append(s[s < 1].sum() / (size - len(found)))
    assert 0.3 < rows["counts"][0] / sizes[0] < 0.9
    predicted = JointProblem(Observations(sizes, **rows), gamma=4).predicted(beta, np.log(kappa), np.log(2))
    for name, values in rows.items():
        assert predicted[name] == pytest.approx(np.log(values), abs=0.03)


def test_what_is_met_exactly_is_said_before_what_is_rough():
    rough = {"beta": 1.5}
    for exactly, status in ((True, JointStatus.EXACT), (False, JointStatus.ROUGH)):
        assert _status(1.6, SimpleNamespace(met_exactly=lambda _, e=exactly: e), {}, rough, 1.0) is status


def test_results_are_given_in_kappa_and_tau_in_words_and_in_a_table():
    fit = fit_jointly(observe(0))
    assert list(fit.params) == ["beta", "kappa", "tau", "scale"]
    assert fit.params["kappa"].value == fit.kappa
    assert fit.params["kappa"].interval == pytest.approx(np.exp(fit.interval("log_kappa")))
    assert not fit.params["kappa"].open
    assert list(fit_jointly(observe(0, ["counts"])).params) == ["beta", "kappa", "tau"]
    assert fit_jointly(observe(0, ["counts"])).params["tau"].open
    assert str(fit) == fit.summary()
    assert f"kappa = {fit.kappa:.4g} (95% interval" in fit.summary()
    assert fit.to_dataframe().loc["tau", "value"] == fit.tau
