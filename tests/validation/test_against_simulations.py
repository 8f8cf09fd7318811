"""The fits meet networks simulated with known truth: the theory's own demands hold there, and intervals hold it."""

import numpy as np
import pytest

from rosettalaw.sims import Choices, Packing, wishart
from rosettalaw.sims.packing import match_networks, mutual_nearest
from rosettalaw.validation.extension import fit_extension
from rosettalaw.validation.joint_fit import JointStatus, Observations, fit_jointly
from rosettalaw.validation.joint_problem import JointProblem
from rosettalaw.validation.triangle import contradicted, measure_triangle

BETA, TAU = 1.6, 1.0  # pairs above a correlation of τ/(1 + τ) = 0.5
TRUTH = {"beta": BETA, "log_kappa": 0.0, "log_threshold": np.log1p(TAU), "log_scale": np.log(3)}
FOUR, SIX = (256, 512, 1024, 2048), (256, 380, 512, 760, 1024, 2048)
BLOCKS = ("counts", "isolation", "tail", "correlations")
LADDERS = 200
LOW, HIGH = 0.92, 0.98  # the coverage that is promised of 95% intervals


def binomial(share):
    """Return two standard errors of a share of `LADDERS`."""
    return 2 * np.sqrt(share * (1 - share) / LADDERS)


def matched(sizes, rng, inputs, beta=BETA):
    """Correlations of the mutual pairs above 0.5 of one simulated ladder."""
    found = []
    for size in sizes:
        correlation = wishart.correlations(Packing(neurons=int(size), beta=beta, inputs=inputs), rng)
        found.append(correlation[mutual_nearest(correlation, TAU / (1 + TAU))])
    return found


def test_the_triangle_closes_on_simulated_networks():
    """From correlations over 10 000 inputs, not from the profile itself: α·b, α + p and θ = 1 all hold."""
    sizes = [512, 1024, 2048, 4096]
    triangle = measure_triangle(sizes, matched(sizes, np.random.default_rng(0), 10_000), threshold=0.5)
    assert triangle.profile.value == pytest.approx(BETA, abs=0.03)
    assert not contradicted(triangle.product, triangle.expected_product)
    assert not contradicted(triangle.sum, triangle.expected_sum)
    assert fit_extension(triangle).plain_p > 0.05


def observed(seed, blocks, sizes, noise, inputs, given=True):
    """One simulated ladder: its isolation is known up to a factor of 3 and an error of its own."""
    rng = np.random.default_rng([7, seed])
    rows = {name: [] for name in BLOCKS}
    sizes = np.round(np.array(sizes) * np.exp(rng.uniform(-0.2, 0.2, len(sizes)))).astype(int)
    for size in sizes:
        packing = Packing(neurons=int(size), beta=BETA, inputs=inputs, choices=Choices(threshold=TAU / (1 + TAU)))
        correlation = wishart.correlations(packing, rng)
        matches = match_networks(packing, correlation)
        rows["counts"].append(matches.count)
        rows["isolation"].append(3 * matches.mean_isolation_matched * np.exp(rng.normal(0, noise)))
        rows["tail"].append(3 * matches.isolation_per_non_rosetta * np.exp(rng.normal(0, noise)))
        rows["correlations"].append(correlation[mutual_nearest(correlation, TAU / (1 + TAU))])
    return Observations(sizes.tolist(), **{name: rows[name] for name in blocks}, inputs=inputs if given else None)


def test_one_feature_more_is_one_error_of_three_blocks():
    """Isolation and tail are predicted for the measured count: from r_τ, they and the count err as one."""
    off = []
    for seed in range(30):
        problem = JointProblem(observed(seed, BLOCKS, (512,), 0.0, 1000), gamma=4)
        plain = problem.split(TRUTH)
        problem.matched = np.exp(problem.predicted(**TRUTH)["counts"])  # r_τ − ½, as if nothing were known of R
        from_frontier = problem.split(TRUTH)
        count = plain["counts"][0]
        off.append([count, from_frontier["isolation"][0], from_frontier["tail"][0], plain["isolation"][0]])
    off = np.array(off)
    assert np.corrcoef(off[:, 0], off[:, 1])[0, 1] < -0.99
    assert np.corrcoef(off[:, 0], off[:, 2])[0, 1] < -0.99
    assert np.std(off[:, 3]) < 0.2 * np.std(off[:, 1])


@pytest.mark.slow
@pytest.mark.parametrize(("inputs", "given"), [(1000, True), (1000, False), (10_000, True)])
@pytest.mark.parametrize("sizes", [FOUR[:2] + FOUR[-1:], FOUR, SIX])
@pytest.mark.parametrize(("blocks", "noise"), [(("counts", "correlations"), 0.0), (BLOCKS[:3], 0.05), (BLOCKS, 0.05)])
def test_joint_intervals_hold_the_truth_on_simulated_ladders(blocks, noise, sizes, inputs, given):
    """200 ladders, every error estimated from the ladder itself: 92 to 98%; with three sizes, 92 to 99."""
    held = {}
    for seed in range(LADDERS):
        fit = fit_jointly(observed(seed, blocks, sizes, noise, inputs, given))
        for name in fit.values:  # the same as lo <= truth <= hi, without the search for both ends
            held.setdefault(name, []).append(fit.rise(name, [TRUTH[name]])[0] <= fit.allowance(name))
    high = HIGH if len(sizes) > 3 else 0.99
    shares = {name: np.mean(hits) for name, hits in held.items()}
    assert all(LOW - binomial(LOW) <= share <= high + binomial(high) for share in shares.values()), shares


@pytest.mark.parametrize(
    ("blocks", "sizes", "noise", "status"),
    [
        (("counts", "correlations"), SIX, 0.0, {JointStatus.OK}),
        (
            BLOCKS[:3],
            FOUR[::2] + FOUR[-1:],
            0.05,
            {JointStatus.ROUGH, JointStatus.EXACT},
        ),  # three sizes estimate three errors
        (BLOCKS[:3], FOUR, 0.0, {JointStatus.EXACT}),  # isolation without an error of its own
    ],
)
def test_designs_whose_intervals_are_rough_say_so(blocks, sizes, noise, status):
    fits = [fit_jointly(observed(seed, blocks, sizes, noise, 10_000)) for seed in range(6)]
    assert sum(fit.status in status for fit in fits) >= 5
    if noise == 0 and "tail" in blocks:  # wide, as it says, and not certain of unknowable numbers
        assert min(fit.sd["tail"] for fit in fits) > 0.01
