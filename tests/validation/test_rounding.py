"""The reach of intervals for rounding, against draws, geometry and refits of counts that are rounded anew."""

import numpy as np
import pytest
from scipy import stats

from rosettalaw.validation.power_law import fit_power_law
from rosettalaw.validation.rounding import SURE, reach, slope_variance, whole
from rosettalaw.validation.theory_fit import fit_counts

SIZES, COUNTS = np.array([256, 512, 1024, 2048]), np.array([10, 15, 23, 35])


@pytest.mark.parametrize("freedom", [1, 2, 6])
def test_if_rounding_is_all_the_scatter_an_interval_that_reaches_so_far_misses_one_in_forty(freedom):
    rng = np.random.default_rng(freedom)
    z, s = rng.normal(size=400_000), np.sqrt(rng.chisquare(freedom, 400_000) / freedom)
    missed = (np.abs(z) > reach(freedom)) & (np.abs(z) > stats.t.ppf(0.975, freedom) * s)
    assert np.mean(missed) == pytest.approx(0.025, abs=4 * np.sqrt(0.025 * 0.975 / 400_000))


def test_with_one_degree_of_freedom_it_is_a_wedge_of_the_plane():
    """(z, s) in polar coordinates: 5% of all directions, of which a share exp(−q²/2) is beyond q, or hardly less."""
    assert 0.05 * np.exp(-(reach(1) ** 2) / 2) == pytest.approx(1 - SURE, rel=0.01)
    assert reach(5000) == pytest.approx(stats.norm.ppf(1 - (1 - SURE) / 2), abs=2e-3)


def test_the_slope_errs_as_much_as_when_counts_are_rounded_anew():
    """2000 regressions, another library's; counts of one size err together."""
    rng = np.random.default_rng(0)
    x = np.log([100.0, 100, 400, 1000, 3000])
    of_size, counts = np.array([0, 0, 1, 2, 3]), np.array([12.0, 12, 25, 40, 70])
    errors = rng.uniform(-0.5, 0.5, (2000, 4))[:, of_size] / counts
    spread = np.std([stats.linregress(x, error).slope for error in errors])
    found = slope_variance(x, np.ones(5), 1 / counts) / np.sum((x - x.mean()) ** 2)
    assert np.sqrt(found) == pytest.approx(spread, rel=0.06)


def test_whole_counts_that_lie_on_a_curve_by_chance_keep_the_error_of_rounding():
    """Against the spread of β and of α when the same counts are rounded anew: uniform errors of ± ½.

    Roughly for β: counts that are not whole are fitted with another variance.
    """
    rng = np.random.default_rng(2)
    drawn = [COUNTS + rng.uniform(-0.5, 0.5, 4) for _ in range(100)]
    theory, line = fit_counts(SIZES, COUNTS), fit_power_law(SIZES, COUNTS)
    assert np.max(np.abs(theory.residuals)) < 0.02
    spread = np.std([fit_counts(SIZES, counts).beta for counts in drawn])
    assert np.ptp(theory.beta_ci95) / 2 == pytest.approx(reach(2) * spread, rel=0.25)
    spread = np.std([fit_power_law(SIZES, counts).exponent for counts in drawn])
    assert np.ptp(line.exponent_ci95) / 2 == pytest.approx(reach(2) * spread, rel=0.1)


def test_means_over_runs_are_not_rounded():
    on_a_curve = np.array([12, 17, 24, 34])
    assert whole(on_a_curve)
    assert not whole(on_a_curve + 1e-6)
    for fit in (lambda counts: fit_counts(SIZES, counts).beta_ci95, lambda c: fit_power_law(SIZES, c).exponent_ci95):
        assert np.ptp(fit(on_a_curve + 1e-6)) < 0.5 * np.ptp(fit(on_a_curve))


def test_the_interval_of_large_counts_is_that_of_their_residuals():
    """Hundreds, off a line by one in a hundred: another library's standard error, to the last digit."""
    sizes, counts = [1000, 3000, 10_000, 30_000], [301, 505, 955, 1610]
    line = stats.linregress(np.log(sizes), np.log(counts))
    assert fit_power_law(sizes, counts).exponent_se == pytest.approx(line.stderr, rel=1e-12)


@pytest.mark.parametrize("laws", [150, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("sizes", [3, 4, 6, 8])
@pytest.mark.parametrize("scatter", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("smallest", [5, 20, 200])
def test_the_interval_of_a_power_law_of_whole_counts_holds_the_truth(smallest, scatter, sizes, laws):
    """Planted laws, each its own, rounded: 92 to 98% hold theirs, where residuals alone give 90% without scatter."""
    rng = np.random.default_rng([smallest, round(100 * scatter), sizes])
    covered = []
    for _ in range(laws):
        alpha, neurons = rng.uniform(0.3, 0.8), 256 * np.geomspace(1, rng.uniform(8, 32), sizes)
        law = smallest * 4 ** rng.uniform() * (neurons / neurons[0]) ** alpha
        low, high = fit_power_law(neurons, np.round(law * np.exp(rng.normal(0, scatter, sizes)))).exponent_ci95
        covered.append(low <= alpha <= high)
    least, most = (share + sign * 2 * np.sqrt(share * (1 - share) / laws) for share, sign in ((0.92, -1), (0.98, 1)))
    assert least <= np.mean(covered) <= most


def test_counts_of_two_orders_of_magnitude_are_each_rounded_by_their_own_share():
    """6 and 384 pairs: half a pair is 8% of one and a thousandth of the other."""
    sizes, counts = np.array([256.0, 1024, 4096, 16384]), np.array([6.0, 24, 96, 384])
    rng = np.random.default_rng(0)
    anew = [stats.linregress(np.log(sizes), np.log(counts + rng.uniform(-0.5, 0.5, 4))).slope for _ in range(4000)]
    low, high = fit_power_law(sizes, counts).exponent_ci95
    assert (high - low) / 2 == pytest.approx(reach(2) * np.std(anew), rel=0.04)
