"""Count likelihoods against closed forms, generic optimisers, and the coverage that they promise."""

import numpy as np
import pytest
from scipy import optimize, stats

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.validation.counts import Counts, clean
from rosettalaw.validation.likelihoods import LIKELIHOODS, fit_likelihood
from rosettalaw.validation.power_law import fit_power_law
from rosettalaw.validation.resampling import bootstrap_exponent, check_residuals, leave_one_size_out

SIZES = np.array([256.0, 768, 1024, 4096, 10000, 30000])
COUNTS = np.array([31.0, 55, 90, 170, 420, 610])
SD = np.array([5.0, 9, 8, 20, 15, 60])


def test_weighted_least_squares_is_scipys():
    """With errors of the logarithm that dwarf the scatter, the interval is that of the stated errors."""
    fit = fit_likelihood(SIZES, COUNTS, SD * 10, "weighted")
    line, covariance = optimize.curve_fit(
        lambda x, a, b: a + b * x, np.log(SIZES), np.log(COUNTS), sigma=10 * SD / COUNTS, absolute_sigma=True
    )
    half = stats.norm.ppf(0.975) * np.sqrt(covariance[1, 1])
    assert fit.exponent == pytest.approx(line[1], abs=1e-6)
    assert fit.prefactor == pytest.approx(np.exp(line[0]), rel=1e-5)
    assert fit.exponent_ci95 == pytest.approx((line[1] - half, line[1] + half), abs=1e-4)
    assert fit.dispersion < 0.1


def test_scatter_beyond_the_stated_errors_widens_the_interval():
    """Errors a thousand times too small: the interval is that of a fit with unknown variance."""
    fit = fit_likelihood(SIZES, COUNTS, SD / 1000, "weighted")
    _, covariance = optimize.curve_fit(
        lambda x, a, b: a + b * x, np.log(SIZES), np.log(COUNTS), sigma=SD / COUNTS, absolute_sigma=False
    )
    half = stats.t(4).ppf(0.975) * np.sqrt(covariance[1, 1])
    assert fit.dispersion > 1e4
    assert fit.exponent_ci95[1] - fit.exponent_ci95[0] == pytest.approx(2 * half, rel=0.1)


def test_poisson_meets_its_score_equations():
    """At the greatest likelihood, Σ(R − μ) = 0 and Σ x (R − μ) = 0."""
    fit = fit_likelihood(SIZES, COUNTS, likelihood="poisson")
    residual = COUNTS - fit.prefactor * SIZES**fit.exponent
    assert residual.sum() == pytest.approx(0, abs=1e-3)
    assert residual @ np.log(SIZES / 3000) == pytest.approx(0, abs=2e-2)


def test_two_poisson_counts_have_the_slope_between_them_and_zeros_are_welcome():
    assert fit_likelihood([10, 1000], [5, 50], likelihood="poisson").exponent == pytest.approx(0.5, abs=1e-6)
    with_zero = fit_likelihood([10, 100, 1000, 10000], [0, 2, 9, 31], likelihood="poisson")
    assert 0.4 < with_zero.exponent < 1
    assert with_zero.exponent_ci95[0] < with_zero.exponent < with_zero.exponent_ci95[1]


def test_negative_binomial_finds_scipys_optimum():
    def minus_log_likelihood(parameters):
        log_c, alpha, log_k = parameters
        mu, k = np.exp(log_c + alpha * np.log(SIZES / 2000)), np.exp(log_k)
        return -np.sum(stats.nbinom(k, k / (k + mu)).logpmf(COUNTS))

    oracle = optimize.minimize(minus_log_likelihood, (5, 0.6, 3), method="Nelder-Mead", options={"xatol": 1e-8})
    fit = fit_likelihood(SIZES, COUNTS, likelihood="negative binomial")
    assert fit.exponent == pytest.approx(oracle.x[1], abs=1e-3)
    mu, k = np.exp(oracle.x[0] + oracle.x[1] * np.log(SIZES / 2000)), np.exp(oracle.x[2])
    pearson = np.sum((COUNTS - mu) ** 2 / (mu + mu**2 / k)) / 4
    assert fit.dispersion == pytest.approx(pearson, rel=0.1)
    for end in fit.exponent_ci95:  # scatter of its own is not counted twice: F(1, 4) = 7.71, whatever the dispersion
        held = optimize.minimize(
            lambda p, end=end: minus_log_likelihood((p[0], end, p[1])), (5, 3), method="Nelder-Mead"
        )
        assert 2 * (held.fun - oracle.fun) == pytest.approx(7.71, abs=0.05)


@pytest.mark.parametrize("likelihood", ["poisson", "negative binomial"])
def test_profile_intervals_of_poisson_counts_cover(likelihood):
    """The larger of two thresholds: a little wide where nothing is overdispersed, and never narrow."""
    rng = np.random.default_rng(11)
    truth = 0.5 * SIZES**0.6
    intervals = [fit_likelihood(SIZES, rng.poisson(truth), likelihood=likelihood).exponent_ci95 for _ in range(100)]
    assert np.mean([lo <= 0.6 <= hi for lo, hi in intervals]) > 0.93


def test_overdispersed_counts_are_covered_too():
    rng = np.random.default_rng(12)
    truth = 0.5 * SIZES**0.6
    draws = [rng.poisson(truth * rng.gamma(20, 1 / 20, 6)) for _ in range(150)]
    quasi = [fit_likelihood(SIZES, draw, likelihood="poisson").exponent_ci95 for draw in draws]
    assert np.mean([lo <= 0.6 <= hi for lo, hi in quasi]) > 0.92


def test_errors_name_what_is_wrong():
    with pytest.raises(UnknownNameError, match="unknown likelihood 'poison': did you mean poisson"):
        fit_likelihood(SIZES, COUNTS, likelihood="poison")
    with pytest.raises(InputError, match="count_sd = None: a weighted fit needs"):
        fit_likelihood(SIZES, COUNTS, likelihood="weighted")
    with pytest.raises(InputError, match="must be at least 0, and not all 0"):
        fit_likelihood(SIZES, 0 * COUNTS)


def test_every_likelihood_returns_a_planted_law():
    exact = 2 * SIZES**0.7
    for name in LIKELIHOODS:
        fit = fit_likelihood(SIZES, exact, exact / 100, name)
        assert (fit.exponent, fit.prefactor) == pytest.approx((0.7, 2), rel=1e-4)


def test_leaving_out_a_size_is_fitting_the_rest():
    left = leave_one_size_out(Counts(SIZES, COUNTS))
    for i, size in enumerate(SIZES):
        rest = np.arange(6) != i
        assert left[size] == pytest.approx(np.polyfit(np.log(SIZES[rest]), np.log(COUNTS[rest]), 1)[0])
    assert leave_one_size_out(Counts(SIZES[:2], COUNTS[:2])) == {}


def test_the_bootstrap_is_that_of_refitting_scaled_residuals_and_is_narrower_than_t():
    fit, x = fit_power_law(SIZES, COUNTS), np.log(SIZES)
    lower, upper = bootstrap_exponent(fit, draws=20000)
    rng = np.random.default_rng(8)
    unshrunk = fit.residuals * np.sqrt(6 / 4)
    refitted = [np.polyfit(x, np.log(fit.predict(SIZES)) + rng.choice(unshrunk, 6), 1)[0] for _ in range(8000)]
    assert (lower, upper) == pytest.approx(np.quantile(refitted, [0.025, 0.975]), abs=0.04 * (upper - lower))
    assert upper - lower < fit.exponent_ci95[1] - fit.exponent_ci95[0]
    assert bootstrap_exponent(fit, seed=1) == bootstrap_exponent(fit, seed=1)


def test_curvature_is_seen_and_a_straight_line_is_not_accused():
    rng = np.random.default_rng(4)
    bent = 5 * np.exp(0.8 * np.log(SIZES) - 0.1 * np.log(SIZES / 3000) ** 2 + rng.normal(0, 0.02, 6))
    checks = check_residuals(Counts(SIZES, bent))
    assert checks.curvature == pytest.approx(-0.1, abs=0.02)
    assert checks.curvature_p < 0.01
    p = [check_residuals(Counts(SIZES, SIZES**0.6 * np.exp(rng.normal(0, 0.1, 6)))) for _ in range(1000)]
    assert np.mean([check.curvature_p < 0.05 for check in p]) == pytest.approx(0.05, abs=0.02)
    assert np.mean([check.largest_p < 0.05 for check in p]) == pytest.approx(0.05, abs=0.02)


def test_counts_that_scatter_less_than_poissons_make_the_negative_binomial_poissons():
    sizes, counts = [256, 768, 1024, 4096, 10_000, 30_000], [31, 60, 70, 163, 279, 543]
    binomial, poisson = (fit_likelihood(sizes, counts, likelihood=name) for name in ("negative binomial", "poisson"))
    assert binomial.exponent == pytest.approx(poisson.exponent, abs=1e-4)
    wide, narrow = (np.ptp(one.exponent_ci95) for one in (binomial, poisson))  # Student's, as its k was estimated
    assert wide / narrow == pytest.approx(stats.t.ppf(0.975, 4) / stats.norm.ppf(0.975), rel=0.06)


def test_the_largest_size_is_judged_by_the_mean_of_its_repeats():
    """In units of what the mean of two more counts may be off by."""
    sizes = [256, 512, 1024, 2048, 2048]
    line = fit_power_law(sizes[:3], [50, 75, 113])
    off = np.log(np.sqrt(160 * 90) / line.predict(2048))
    lower, upper = line.band([2048], new_counts=2)
    unit = np.log(upper[0] / lower[0]) / 2 / stats.t.ppf(0.975, 1)
    for repeats in ((160, 90), (90, 160)):
        assert check_residuals(clean(sizes, [50, 75, 113, *repeats])).largest_z == pytest.approx(off / unit)
