"""The theory fit against brute-force water-filling, planted truth, and its own statement of the identified
parameters.
"""

import numpy as np
import pytest
from scipy import optimize, stats

from rosettalaw.errors import InputError
from rosettalaw.theory import predict
from rosettalaw.validation.analysis import analyse
from rosettalaw.validation.profile_interval import profile_interval
from rosettalaw.validation.theory_fit import TheoryStatus, fit_counts
from rosettalaw.validation.theory_search import expected_count, unknown_variance

SIZES = np.array([300, 1000, 3000, 10000, 30000])


def brute_force_count(neurons, beta, kappa, tau, features_per_neuron=4):
    """Fill the discrete water level by sorting, feature by feature, and count the whole ranks (Eqs. 10, 11, 14)."""
    w = np.arange(1.0, features_per_neuron * neurons + 1) ** -beta
    active = np.arange(1, len(w) + 1)
    level = (kappa * neurons + active) / np.cumsum(w)  # 1/λ with the first K features active
    k = np.flatnonzero(w * level > 1)[-1]
    return np.sum(w * level[k] - 1 >= tau)


@pytest.mark.parametrize(("beta", "kappa", "tau"), [(1.3, 1.0, 1.0), (1.6, 0.5, 2.0), (2.5, 4.0, 1.5)])
def test_whole_counts_of_the_discrete_optimum_give_beta_back(beta, kappa, tau):
    """Rounding to whole ranks is the only scatter; the planted values lie in narrow intervals."""
    sizes = 10 * SIZES
    counts = [brute_force_count(n, beta, kappa, tau) for n in sizes]
    fit = fit_counts(sizes, counts, tau=tau)
    assert fit.beta == pytest.approx(beta, abs=0.03)
    assert fit.beta_ci95[0] < beta < fit.beta_ci95[1]
    assert fit.budget_over_threshold == pytest.approx(kappa / (1 + tau), rel=0.2)
    assert fit.status is TheoryStatus.OK
    assert np.allclose(fit.predict(sizes) * np.exp(fit.residuals), counts, rtol=1e-8)


def test_the_mean_over_many_sizes_shows_that_half_a_rank_belongs_in_the_formula():
    """Without the ½, β comes out low at small counts."""
    sizes = np.unique(np.geomspace(200, 4000, 60).astype(int))
    counts = [brute_force_count(n, 1.6, 0.5, 2.0) for n in sizes]
    assert fit_counts(sizes, counts, tau=2).beta == pytest.approx(1.6, abs=0.012)


@pytest.mark.parametrize("seeds", [80, pytest.param(400, marks=pytest.mark.slow)])
def test_the_interval_covers_the_truth_at_its_level(seeds):
    rng = np.random.default_rng(7)
    truth = np.array([brute_force_count(n, 1.5, 1.0, 1.0) for n in SIZES * 30], dtype=float)
    covered = []
    for _ in range(seeds):
        lo, hi = fit_counts(SIZES * 30, truth * np.exp(rng.normal(0, 0.05, 5))).beta_ci95
        covered.append(lo <= 1.5 <= hi)
    assert 0.95 - 3.3 * np.sqrt(0.0475 / seeds) <= np.mean(covered) <= 0.95 + 2.5 * np.sqrt(0.0475 / seeds)


def test_the_likelier_scatter_is_kept_and_zeros_take_part():
    """Planted: variance proportional to the count, or to its square; over 32 ladders each is mostly recognised."""
    rng = np.random.default_rng(3)
    sizes = np.geomspace(300, 60000, 8)
    truth = np.array([brute_force_count(round(n), 1.5, 1.0, 1.0) for n in sizes], dtype=float)
    kept, poisson = {"√": [], "log": []}, []
    for _ in range(16):
        poisson.append(fit_counts(sizes, rng.poisson(truth)))
        kept["√"].append(poisson[-1].variance_power)
        kept["log"].append(fit_counts(sizes, np.round(truth * np.exp(rng.normal(0, 0.3, 8)))).variance_power)
    assert np.mean(kept["√"]) < 1.4
    assert np.mean(kept["log"]) > 1.6
    assert np.mean([fit.dispersion for fit in poisson if fit.variance_power == 1]) == pytest.approx(1, abs=0.4)
    whole = rng.poisson(truth)
    assert fit_counts(sizes, truth * np.exp(rng.normal(0, 0.1, 8))).variance_power == 2  # means: not whole
    with_zero = fit_counts([30, *sizes], [0, *whole])
    assert with_zero.n == 9
    assert with_zero.variance_power == 1
    assert with_zero.beta == pytest.approx(1.5, abs=0.2)


def test_counts_identify_budget_over_threshold_and_not_its_parts():
    """Five times the threshold: five times κ (not 1), and the same curve."""
    sizes = 10 * SIZES
    counts = [brute_force_count(n, 1.5, 1.0, 1.0) for n in sizes]
    low, high = fit_counts(sizes, counts, tau=1.0), fit_counts(sizes, counts, tau=9.0)
    assert 4.5 < high.kappa / low.kappa < 6.5
    assert high.beta == pytest.approx(low.beta, abs=0.03)
    assert np.allclose(high.predict(sizes), low.predict(sizes), rtol=0.02)


def test_weights_pull_the_fit_to_the_precise_counts():
    counts = np.array([brute_force_count(n, 1.5, 1.0, 1.0) for n in SIZES], dtype=float)
    wrong = counts * [1, 1, 1, 1, 1.5]
    sd = wrong * [0.01, 0.01, 0.01, 0.01, 1]
    assert fit_counts(SIZES, wrong, sd, weighted=True).beta == pytest.approx(1.5, abs=0.03)
    assert fit_counts(SIZES, wrong, sd).beta < 1.4
    with_zero = fit_counts([30, *SIZES], [0, *wrong], [1, *sd], weighted=True)
    assert with_zero.beta == fit_counts(SIZES, wrong, sd, weighted=True).beta  # a zero has no logarithm to weight


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ([20, 19, 21, 18, 17], TheoryStatus.FLAT),
        ([50, 35, 25, 18, 12], TheoryStatus.FLAT),
        ([900, 700, 550, 410, 330], TheoryStatus.FLAT),
        ([3, 10, 30, 100, 300], TheoryStatus.STEEP),
        ([7, 12, 25, 80, 170], TheoryStatus.OPEN_BELOW),
        ([20, 15, 28, 18, 29], TheoryStatus.OPEN_ABOVE),
    ],
)
def test_what_is_not_identified_is_said(counts, status):
    fit = fit_counts(SIZES, counts)
    assert fit.status is status
    if status is TheoryStatus.FLAT:
        assert np.isnan(fit.beta)


@pytest.mark.parametrize("slope", [0.12, 0.4])
def test_slowly_growing_counts_of_thousands_have_students_interval(slope):
    """With κN far beyond the features, log R is a straight line of slope 1/β: an interval of 1/β is scipy's."""
    noise = np.array([0.02, -0.01, -0.03, 0.03, -0.01])
    counts = 3000.5 * (SIZES / 300) ** slope * np.exp(noise)
    line = stats.linregress(np.log(SIZES), np.log(counts))
    half = stats.t.ppf(0.975, 3) * line.stderr
    fit = fit_counts(SIZES * 1000, counts)
    assert fit.beta == pytest.approx(1 / line.slope, rel=0.01)
    assert fit.beta_ci95 == pytest.approx((1 / (line.slope + half), 1 / (line.slope - half)), rel=0.01)


def test_small_whole_counts_on_a_curve_say_that_rounding_decides():
    """Simulated counts at 256, 512, 1024, 2048; a larger count, or a scattered one, is not coarse."""
    sizes, counts = np.array([256, 512, 1024, 2048]), np.array([14, 21, 31, 47])
    assert fit_counts(sizes, counts).status is TheoryStatus.COARSE
    assert fit_counts(1000 * sizes, 50 * counts).status is TheoryStatus.OK
    assert fit_counts(sizes, counts + np.array([1, -1, -1, 1])).status is not TheoryStatus.COARSE
    assert fit_counts(sizes, counts + 0.1).status is TheoryStatus.OK  # means are not rounded


def test_two_sizes_have_no_interval():
    fit = fit_counts([1000, 10000], [30, 120])
    assert fit.status is TheoryStatus.FEW_SIZES
    assert np.isnan(fit.beta_ci95).all()


def test_the_profile_of_a_parabola_is_students_t():
    """S(θ) = S0 + (θ − θ̂)²/v: the crossing is t √(S0 v/ν), here against the tables' t(3) = 3.18245."""
    lower, upper = profile_interval(lambda at: 0.3 + (at - 2) ** 2 / 0.1, 2.0, unknown_variance(0.3, 3), (0.0, 20.0))
    half = 3.182446 * np.sqrt(0.3 * 0.1 / 3)
    assert (lower, upper) == pytest.approx((2 - half, 2 + half), abs=1e-6)


def test_errors_name_the_argument():
    with pytest.raises(InputError, match="tau = 0: must be a number greater than 0"):
        fit_counts(SIZES, [1, 2, 3, 4, 5], tau=0)
    with pytest.raises(InputError, match="gamma = 0: must be a number greater than 0"):
        fit_counts(SIZES, [1, 2, 3, 4, 5], gamma=0)
    with pytest.raises(InputError, match="count_sd = None: a weighted fit needs"):
        fit_counts(SIZES, [1, 2, 3, 4, 5], weighted=True)


def test_a_search_that_finds_less_the_second_time_still_ends():
    """Profiles begin at the nearest fit so far: asked twice for one place, they may give two values."""
    asked = []

    def squares(at):
        asked.append(at)
        return at * at + (0.5 if asked.count(at) == 1 else -0.5)

    low, high = profile_interval(squares, 0.0, 1.0, (-10.0, 10.0))
    assert low == pytest.approx(-np.sqrt(0.5), abs=1e-4)
    assert high == pytest.approx(np.sqrt(0.5), abs=1e-4)
    assert len(asked) == len(set(asked))


def test_counts_that_scatter_as_their_root_are_weighted_by_the_curve_that_fits_them():
    """Quasi-Poisson: scipy's minimum of Poisson's deviance, which takes several turns of weighting to reach."""
    counts = np.array([20, 15, 44, 60, 170])
    fit = fit_counts(SIZES, counts)
    assert fit.variance_power == 1

    def deviance(at):
        mu = expected_count(SIZES.astype(float), at[0], 2 * np.exp(at[1]), 1.0, 4.0)
        return 2 * np.sum(counts * np.log(counts / mu) - counts + mu)

    best = optimize.minimize(deviance, [fit.beta, np.log(fit.budget_over_threshold)], method="Nelder-Mead")
    assert fit.beta == pytest.approx(best.x[0], abs=0.01)


def test_stated_errors_weight_logarithms_by_their_share():
    """Scipy's curve_fit with the same relative errors, on counts of which the largest would else weigh least."""
    sizes, relative = SIZES * 1000.0, np.array([0.01, 0.02, 0.04, 0.02, 0.01])
    counts = 3000.5 * (sizes / 300_000) ** 0.4 * np.exp(np.random.default_rng(1).normal(0, relative))

    def curve(n, beta, log_budget):
        return np.log(expected_count(n, beta, 2 * np.exp(log_budget), 1.0, 4.0))

    fit = fit_counts(sizes, counts, relative * counts, weighted=True)
    start = [fit.beta, np.log(fit.budget_over_threshold)]
    popt, covariance = optimize.curve_fit(curve, sizes, np.log(counts), start, relative)
    assert fit.beta == pytest.approx(popt[0], abs=1e-3)
    half = stats.t.ppf(0.975, 3) * np.sqrt(covariance[0, 0])
    assert fit.beta_ci95 == pytest.approx((popt[0] - half, popt[0] + half), abs=0.1 * half)


def test_an_interval_that_is_open_below_ends_at_the_theorys_limit():
    fit = fit_counts(SIZES, [7, 12, 25, 80, 170])
    assert fit.status is TheoryStatus.OPEN_BELOW
    assert fit.beta_ci95[0] == 1.0


def test_tau_and_gamma_reach_the_theory():
    theory = analyse(SIZES, [7, 12, 25, 80, 150], tau=3, gamma=0.5).theory
    assert (theory.tau, theory.gamma) == (3, 0.5)
    assert theory.kappa == pytest.approx(4 * theory.budget_over_threshold)


@pytest.mark.parametrize(
    ("sizes", "beta", "kappa"),
    [
        (10.0 ** np.arange(6, 13), 1.3, 1.0),
        (10.0 ** np.arange(9, 15), 1.5, 1.0),
        (2.0 ** np.arange(20, 40, 2), 1.2, 1.0),
        (2.0 ** np.arange(20, 40, 2), 2.2, 0.1),
        (10.0 ** np.arange(3, 16), 1.3, 1.0),
    ],
)
def test_exact_counts_of_large_networks_have_an_interval_as_wide_as_their_rounding(sizes, beta, kappa):
    counts = predict(sizes, beta, kappa)["count"].values
    low, high = fit_counts(sizes, counts, tau=1.0).beta_ci95
    assert low < beta < high
    spread = np.std(np.log(sizes)) * np.sqrt(len(sizes))
    rounding = beta**2 * np.sqrt(1 / 12) / counts.max() / spread  # of β if every count were as precise as the best
    assert high - low > 2 * rounding
    assert high - low < beta**2 * 8 / counts.min() / spread


@pytest.mark.parametrize("tau", [0.6, 2.0, 3.8])
def test_a_threshold_that_is_not_given_is_allowed_for(tau):
    """Exact counts, whose interval at a wrong τ leaves the truth out."""
    sizes = np.geomspace(1e4, 1e8, 9)
    counts = predict(sizes, 1.6, 0.5, tau)["count"].values
    unknown, wrong = fit_counts(sizes, counts), fit_counts(sizes, counts, tau=1.0)
    assert unknown.beta == wrong.beta
    assert unknown.tau == 1.0
    assert unknown.beta_ci95[0] < 1.6 < unknown.beta_ci95[1]
    assert not wrong.beta_ci95[0] < 1.6 < wrong.beta_ci95[1]
    right = fit_counts(sizes, counts, tau=tau).beta_ci95
    assert right[0] < 1.6 < right[1]


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6])
def test_the_crossing_is_found_at_any_scale(scale):
    """S(θ) = 1 + (θ − 3)²/v with v over 24 orders of magnitude, and a limit that is nearer than the crossing."""
    low, high = profile_interval(lambda at: 1 + ((at - 3) / scale) ** 2, 3.0, 5.0, (-1e9, 1e9))
    assert (high - 3) / scale == pytest.approx(2, rel=1e-2)
    assert (3 - low) / scale == pytest.approx(2, rel=1e-2)
    near = profile_interval(lambda at: 1 + ((at - 3) / scale) ** 2, 3.0, 5.0, (3 - scale, 3 + scale))
    assert near == (3 - scale, np.inf)
