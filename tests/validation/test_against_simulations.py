"""The fits meet networks simulated with known truth: the theory's own demands hold there, and intervals hold it."""

import numpy as np
import pytest

from rosettalaw.sims import Choices, Packing, wishart
from rosettalaw.sims.packing import match, mutual_nearest
from rosettalaw.validation.extension import fit_extension
from rosettalaw.validation.joint_fit import Observations, fit_jointly
from rosettalaw.validation.theory_fit import fit_counts
from rosettalaw.validation.triangle import contradicted, measure_triangle

BETA, TAU = 1.6, 1.0  # pairs above a correlation of τ/(1 + τ) = 0.5
TRUTH = {"beta": BETA, "log_kappa": 0.0, "log_threshold": np.log1p(TAU), "log_scale": np.log(3)}
FOUR, SIX = (256, 512, 1024, 2048), (256, 380, 512, 760, 1024, 2048)


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


@pytest.mark.slow
def test_intervals_of_beta_from_counts_alone_hold_the_truth_at_their_level():
    """200 simulated ladders of four whole counts between 8 and 80, each with a β and sizes of its own.

    With the same four sizes throughout, the counts take only some 40 values, and coverage depends on where the
    frontiers happen to lie between whole ranks (0.87 at 256, 512, 1024, 2048): no interval can know that. Drawn anew,
    the phases average out. The bounds are 92 to 98%, as published; their own binomial error is 1.5%.
    """
    held = []
    for seed in range(200):
        rng = np.random.default_rng([1, seed])
        beta = rng.uniform(1.3, 2.0)
        sizes = np.round(np.array([256, 512, 1024, 2048]) * np.exp(rng.uniform(-0.2, 0.2, 4))).astype(int)
        counts = [len(rho) for rho in matched(sizes, rng, 1000, beta)]
        lo, hi = fit_counts(sizes, counts, tau=TAU).beta_ci95
        held.append(lo <= beta <= hi)
    assert 0.92 <= np.mean(held) <= 0.98


BLOCKS = ("counts", "isolation", "tail", "correlations")


def observed(seed, blocks, sizes, noise):
    """One simulated ladder: its isolation is known up to a factor of 3 and an error of its own."""
    rng = np.random.default_rng([7, seed])
    rows = {name: [] for name in BLOCKS}
    sizes = np.round(np.array(sizes) * np.exp(rng.uniform(-0.2, 0.2, len(sizes)))).astype(int)
    for size in sizes:
        packing = Packing(neurons=int(size), beta=BETA, inputs=1000, choices=Choices(threshold=TAU / (1 + TAU)))
        correlation = wishart.correlations(packing, rng)
        found = match(packing, correlation)
        rows["counts"].append(found.count)
        rows["isolation"].append(3 * found.mean_isolation_matched * np.exp(rng.normal(0, noise)))
        rows["tail"].append(3 * found.isolation_per_non_rosetta * np.exp(rng.normal(0, noise)))
        rows["correlations"].append(correlation[mutual_nearest(correlation, TAU / (1 + TAU))])
    return Observations(sizes.tolist(), **{name: rows[name] for name in blocks})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("blocks", "sizes", "noise", "low"),
    [
        (("counts", "correlations"), FOUR, 0.0, {"beta": 0.92, "log_kappa": 0.91, "log_threshold": 0.91}),
        (BLOCKS[:3], SIX, 0.05, dict.fromkeys(TRUTH, 0.92)),
        (BLOCKS, FOUR, 0.0, {"beta": 0.92, "log_kappa": 0.91, "log_threshold": 0.86, "log_scale": 0.92}),
    ],
)
def test_joint_intervals_hold_the_truth_on_simulated_ladders(blocks, sizes, noise, low):
    """200 ladders, every error estimated from the ladder itself.

    A feature at the edge that is found enters the counts and leaves the tail: blocks that are taken as independent are
    not, and the interval of log(1+τ) is too short by a tenth where all four are used. Its bound records that.
    """
    held = {name: [] for name in low}
    for seed in range(200):
        fit = fit_jointly(observed(seed, blocks, sizes, noise))
        for name in low:
            lo, hi = fit.interval(name)
            held[name].append(lo <= TRUTH[name] <= hi)
    for name, bound in low.items():
        assert bound <= np.mean(held[name]) <= 0.99, name
