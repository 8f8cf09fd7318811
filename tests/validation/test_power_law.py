"""The power-law fit against scipy's regression, closed forms and planted truth."""

import numpy as np
import pytest
from scipy import stats

from rosettalaw.errors import InputError
from rosettalaw.validation.power_law import PowerLawStatus, fit_power_law

SIZES = np.array([256.0, 768, 1024, 4096, 10000])
COUNTS = np.array([31.0, 55, 90, 170, 420])


def test_it_is_the_regression_of_the_logarithms():
    """Another library's answer, in every number that the fit reports."""
    fit = fit_power_law(SIZES, COUNTS)
    line = stats.linregress(np.log(SIZES), np.log(COUNTS))
    assert fit.exponent == pytest.approx(line.slope, rel=1e-12)
    assert fit.prefactor == pytest.approx(np.exp(line.intercept), rel=1e-12)
    assert fit.exponent_se == pytest.approx(line.stderr, rel=1e-10)
    assert fit.r2 == pytest.approx(line.rvalue**2, rel=1e-12)
    assert np.sqrt(fit.covariance[0, 0]) == pytest.approx(line.intercept_stderr, rel=1e-10)
    half = stats.t(3).ppf(0.975) * line.stderr
    assert fit.exponent_ci95 == pytest.approx((line.slope - half, line.slope + half), rel=1e-10)


def test_the_order_of_rows_does_not_matter():
    shuffled = np.array([3, 0, 4, 1, 2])
    assert fit_power_law(SIZES[shuffled], COUNTS[shuffled]).exponent == fit_power_law(SIZES, COUNTS).exponent


def test_the_intervals_cover_the_truth_at_their_level():
    """Normal scatter on the logarithms: the t interval and the band are exact."""
    rng = np.random.default_rng(1)
    truth = 3 * SIZES**0.6
    draws = [fit_power_law(SIZES, truth * np.exp(rng.normal(0, 0.1, 5))) for _ in range(1500)]
    held = np.mean([lo <= 0.6 <= hi for lo, hi in (fit.exponent_ci95 for fit in draws)])
    assert 0.935 < held < 0.965  # 95 ± 2.6 binomial standard errors of .0056
    beyond = 30000.0
    line, new = [], []
    for fit in draws:
        lo, hi = fit.band(beyond)
        line.append(lo <= 3 * beyond**0.6 <= hi)
        lo, hi = fit.band(beyond, new_counts=1)
        new.append(lo <= 3 * beyond**0.6 * np.exp(rng.normal(0, 0.1)) <= hi)
    assert 0.935 < np.mean(line) < 0.965
    assert 0.935 < np.mean(new) < 0.965


def test_scatter_is_compared_with_the_stated_errors():
    """Residuals of ±2 standard errors on a line of slope 0: hand-made contrast orthogonal to the line."""
    sizes = np.exp([0.0, 1, 2, 3])
    contrast = np.array([1.0, -1, -1, 1])  # orthogonal to 1 and to 0..3
    counts = 100 * np.exp(0.02 * contrast)
    fit = fit_power_law(sizes, counts, 0.01 * counts)
    assert fit.exponent == pytest.approx(0, abs=1e-12)
    assert fit.excess_scatter == pytest.approx(np.sqrt(4 * 2.0**2 / 2))


def test_two_sizes_have_a_slope_but_no_interval():
    fit = fit_power_law([100, 10000], [10, 100])
    assert fit.exponent == pytest.approx(0.5)
    assert np.isnan(fit.exponent_ci95).all()
    assert fit.status is PowerLawStatus.TWO_SIZES


def test_equal_counts_have_no_r2():
    fit = fit_power_law([100, 1000, 10000], [7, 7, 7])
    assert fit.exponent == pytest.approx(0, abs=1e-12)
    assert np.isnan(fit.r2)
    assert fit.status is PowerLawStatus.NO_SCATTER


def test_zero_counts_and_repeats_are_named():
    fit = fit_power_law([100, 200, 400, 400, 800], [0, 10, 20, 22, 40])
    assert fit.n == 4
    assert fit.data.notes == (
        "N = 100 has a count of zero and is omitted from the fits in log space",
        "N = 400 occurs 2 times, taken as independent repeats",
    )


def test_a_deviation_of_zero_is_no_weight():
    fit = fit_power_law([1, 2, 3], [1, 2, 3], [1, 0, 1])
    assert np.isnan(fit.excess_scatter)
    assert fit.data.notes == ("a standard deviation of 0 cannot be a weight: the stated deviations are ignored",)


@pytest.mark.parametrize(
    ("neurons", "counts", "sd", "message"),
    [
        (["a", 2], [1, 2], None, r"neurons = \['a', 2\]: must be numbers. Try: neurons=\[256"),
        ([1, 2], (one for one in (1, 2)), None, "counts = .*: must be numbers"),
        ([1, 2, 3], [1, 2], None, r"counts = \[1, 2\]: must have one count per size"),
        ([1, 2, np.nan], [1, 2, 3], None, r"neurons\[2\] = nan: must be a number of neurons, from 1"),
        ([1, 0, 3], [1, 2, 3], None, r"neurons\[1\] = 0: must be a number of neurons, from 1"),
        ([1, 2, 3], [1, -2, 3], None, r"counts\[1\] = -2: must be 0, or from 1e-06"),
        ([1, 2, 3], [1, np.inf, 3], None, r"counts\[1\] = inf"),
        ([1, 2, 3], [1, 2, 3], [1, -1, 1], r"count_sd\[1\] = -1: must be from 0 to"),
        ([1, 2, 3], [0, 0, 3], None, "a slope needs positive counts at two sizes"),
        ([5, 5], [1, 2], None, "a slope needs positive counts at two sizes"),
    ],
)
def test_what_cannot_be_fitted_is_refused(neurons, counts, sd, message):
    with pytest.raises(InputError, match=message):
        fit_power_law(neurons, counts, sd)
