"""Count likelihoods against closed forms, generic optimisers, and the coverage that they promise."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.discrete.discrete_model import NegativeBinomial

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


def counted(seed, kind):
    rng, sizes = np.random.default_rng(seed), np.geomspace(128, 16384, 4 + seed)
    mu = (6 if kind == "Poisson" else 60) * (sizes / 128) ** 0.7
    return sizes, rng.poisson(mu if kind == "Poisson" else rng.gamma(1 / 0.3**2, mu * 0.3**2)).astype(float)


def design(sizes):
    return np.stack([np.ones_like(sizes), np.log(sizes)], axis=1)


def profiled(deviance, fit, allowed):
    """The ends of an interval: where a deviance, least over the prefactor, exceeds its minimum by what is allowed."""
    least = deviance(fit.exponent)
    return [
        optimize.brentq(lambda at: deviance(at) - least - allowed, fit.exponent, fit.exponent + sign * 3, xtol=1e-8)
        for sign in (-1, 1)
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["Poisson", "overdispersed"])
def test_the_poisson_fit_is_that_of_statsmodels(seed, kind):
    """Estimate, Pearson's dispersion, and the profile interval from the deviance with the slope as an offset."""
    sizes, counts = counted(seed, kind)
    family = sm.families.Poisson()
    glm = sm.GLM(counts, design(sizes), family=family).fit()
    fit = fit_likelihood(sizes, counts, likelihood="poisson")
    assert fit.exponent == pytest.approx(glm.params[1], abs=1e-6)
    assert np.log(fit.prefactor) == pytest.approx(glm.params[0], abs=1e-5)
    freedom = len(sizes) - 2
    assert fit.dispersion == pytest.approx(glm.pearson_chi2 / freedom, rel=1e-5)

    def deviance(slope):
        return sm.GLM(counts, np.ones_like(sizes), family=family, offset=slope * np.log(sizes)).fit().deviance

    allowed = max(stats.chi2.ppf(0.95, 1), glm.pearson_chi2 / freedom * stats.f.ppf(0.95, 1, freedom))
    assert fit.exponent_ci95 == pytest.approx(profiled(deviance, fit, allowed), abs=1e-5)


@pytest.mark.parametrize("seed", range(2, 6))
def test_the_negative_binomial_fit_is_that_of_statsmodels(seed):
    """NB2, whose variance is μ + αμ²: its likelihood is greatest where ours is, and α is our 1/k."""
    sizes, counts = counted(seed, "overdispersed")
    fit = fit_likelihood(sizes, counts, likelihood="negative binomial")
    model = NegativeBinomial(counts, design(sizes))  # its own search does not converge for a handful of counts
    theirs = optimize.minimize(
        lambda at: -model.loglike(at),  # of log α
        [np.log(fit.prefactor), fit.exponent, np.log(0.05)],
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 5000, "maxfev": 5000},
    )
    alpha = np.exp(theirs.x[2])
    assert alpha > 1e-3  # scatter beyond Poisson's
    assert fit.exponent == pytest.approx(theirs.x[1], abs=2e-4)
    mu = fit.prefactor * sizes**fit.exponent
    pearson = np.sum((counts - mu) ** 2 / (mu + alpha * mu**2)) / (len(sizes) - 2)
    assert fit.dispersion == pytest.approx(pearson, rel=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_weighted_fit_is_that_of_statsmodels(seed):
    """WLS of the logarithms: stated errors as they are, or as relative ones where the scatter exceeds them."""
    sizes, counts = counted(seed, "Poisson")
    counts = counts + 1
    for share in (0.02, 2.0):
        wls = sm.WLS(np.log(counts), design(sizes), weights=np.full(len(sizes), share**-2.0)).fit()
        fit = fit_likelihood(sizes, counts, share * counts, "weighted")
        assert fit.exponent == pytest.approx(wls.params[1], abs=1e-7)
        if share < 1:
            assert fit.exponent_ci95 == pytest.approx(wls.conf_int()[1], rel=0.2)
        else:
            fixed = np.sqrt(wls.normalized_cov_params[1, 1]) * stats.norm.ppf(0.975)
            assert fit.exponent_ci95 == pytest.approx((fit.exponent - fixed, fit.exponent + fixed), abs=1e-5)


@pytest.mark.parametrize("sizes", [4, 8])
@pytest.mark.parametrize("kind", ["Poisson", "5%", "30%"])
def test_the_farthest_size_is_named_in_at_most_five_percent_of_ladders_without_an_outlier(sizes, kind):
    rng, neurons, named = np.random.default_rng(sizes), np.geomspace(128, 16384, sizes), []
    for _ in range(100):
        mu = 6 * (neurons / 128) ** 0.7
        spread = {"Poisson": 0, "5%": 0.05, "30%": 0.3}[kind]
        counts = rng.poisson(mu) if kind == "Poisson" else np.round(mu * np.exp(spread * rng.standard_normal(sizes)))
        named.append(check_residuals(Counts(neurons, np.maximum(counts, 1).astype(float))).out_of_line)
    assert np.mean(named) <= 0.05 + 2 * np.sqrt(0.0475 / 100)


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("factor", [3.0, 1 / 3])
def test_a_size_that_is_out_of_line_is_named_wherever_it_lies(place, factor):
    sizes = 128 * 2.0 ** np.arange(8)
    counts = np.round(20 * (sizes / 128) ** 0.6)
    counts[place] = np.round(counts[place] * factor)
    checks = check_residuals(Counts(sizes, counts))
    assert checks.out_of_line
    assert checks.outlier == sizes[place]
    assert checks.outlier_factor == pytest.approx(factor, rel=0.1)


def test_the_deviation_of_a_size_left_out_is_the_studentized_residual_of_statsmodels():
    """Means that are not whole, of one variance: external studentization, its p-value times the number of sizes."""
    rng, sizes = np.random.default_rng(4), np.geomspace(100, 10000, 7)
    counts = 5 * (sizes / 100) ** 0.6 * np.exp(rng.normal(0, 0.2, 7))
    checks = check_residuals(Counts(sizes, counts))
    studentized = sm.OLS(np.log(counts), design(sizes)).fit().get_influence().resid_studentized_external
    p = 7 * 2 * stats.t.sf(np.abs(studentized), 4)
    assert checks.largest_z == pytest.approx(studentized[-1])
    assert min(1.0, p[sizes == checks.outlier][0]) <= checks.outlier_p + 1e-12  # the larger of two laws' p-values


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
    """In units of the spread of the mean of two more counts off by."""
    sizes = [256, 512, 1024, 2048, 2048]
    line = fit_power_law(sizes[:3], [50, 75, 113])
    off = np.log(np.sqrt(160 * 90) / line.predict(2048))
    lower, upper = line.band([2048], new_counts=2)
    unit = np.log(upper[0] / lower[0]) / 2 / stats.t.ppf(0.975, 1)
    for repeats in ((160, 90), (90, 160)):
        assert check_residuals(clean(sizes, [50, 75, 113, *repeats])).largest_z == pytest.approx(off / unit)
