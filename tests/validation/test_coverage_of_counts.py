"""Do intervals of β from counts alone hold the truth? At one truth, at truths of their own, and at the same sizes."""

import csv
import pathlib
import sys

import numpy as np
import pytest
from scipy import special

from rosettalaw.sims import Packing, wishart
from rosettalaw.sims.packing import mutual_nearest
from rosettalaw.theory import frontier
from rosettalaw.validation.theory_fit import TheoryStatus, fit_counts

TAU = 1.0  # pairs above a correlation of τ/(1 + τ) = 0.5
LOW, HIGH = 0.92, 0.98  # the coverage that is promised of 95% intervals
SMALL, LARGE = (5, 20), (20, 60)  # of the smallest size's frontier
THREE, FOUR = (256, 724, 2048), (256, 512, 1024, 2048)


def draw_truth(rng, rungs, smallest):
    """β, κ and sizes: their smallest has about so many features, their range is a factor of 8 to 32."""
    beta = rng.uniform(1.3, 3)
    sizes = np.round(256 * 2 ** rng.uniform(-0.5, 0.5) * np.geomspace(1, 2 ** rng.uniform(3, 5), rungs)).astype(int)
    r_tau = np.exp(rng.uniform(*np.log(smallest)))
    return beta, (1 + TAU) * special.zeta(beta) * r_tau**beta / sizes[0], sizes  # r_τ^β = κN/(1+τ)/ζ(β), nearly


def simulated(rng, beta, kappa, sizes, inputs):
    """Counts of mutual pairs above the threshold, of one pair of simulated networks per size."""
    packings = [Packing(neurons=int(size), beta=beta, kappa=kappa, inputs=inputs) for size in sizes]
    return [len(mutual_nearest(wishart.correlations(each, rng), TAU / (1 + TAU))[0]) for each in packings]


def crossing(rng, beta, kappa, sizes, inputs, times=None):
    """The same without networks: features whose correlation 1 − (r/r0)^β, with the error of M inputs, clears it."""
    r_tau = frontier(np.array(sizes, dtype=float), beta, kappa, TAU)
    rank = np.arange(1, int(3 * r_tau.max()))
    error = rng.normal(0, (1 + TAU / (1 + TAU)) / np.sqrt(inputs), (times or 1, len(sizes), len(rank)))
    counts = np.sum(beta * np.log(rank / r_tau[:, None]) + error < 0, axis=2)
    return counts if times else counts[0]


def holds(fit, beta):
    return fit.beta_ci95[0] <= beta <= fit.beta_ci95[1]


def between(share, ladders):
    """Return whether a share is one of 92 to 98%, to two binomial standard errors."""
    low, high = (limit + sign * 2 * np.sqrt(limit * (1 - limit) / ladders) for limit, sign in ((LOW, -1), (HIGH, 1)))
    return low <= share <= high


@pytest.mark.parametrize(
    ("beta", "inputs", "sizes", "count"),
    [
        (1.8, 10_000, FOUR, crossing),
        *(pytest.param(beta, 10_000, FOUR, crossing, marks=pytest.mark.slow) for beta in (1.6, 2.5)),
        *(
            pytest.param(beta, inputs, sizes, simulated, marks=pytest.mark.slow)
            for beta in (1.3, 1.6, 1.8, 2.0, 2.5)
            for inputs in (1000, 10_000)
            for sizes in (THREE, FOUR)
        ),
    ],
)
def test_one_truth_is_held_by_ladders_whose_sizes_differ(beta, inputs, sizes, count):
    """200 seeds at one β, κ and τ; the networks of each are up to a fifth narrower or wider than the next seed's."""
    covered = []
    for seed in range(200):
        rng = np.random.default_rng([93, seed])
        widths = np.round(np.array(sizes) * np.exp(rng.uniform(-0.2, 0.2, len(sizes)))).astype(int)
        covered.append(holds(fit_counts(widths, count(rng, beta, 1.0, widths, inputs), tau=TAU), beta))
    assert between(np.mean(covered), len(covered)), np.mean(covered)


@pytest.mark.parametrize(
    ("inputs", "rungs", "smallest", "ladders"),
    [
        (10_000, 3, SMALL, 100),
        *(
            pytest.param(inputs, rungs, smallest, 400, marks=pytest.mark.slow)
            for inputs in (1000, 10_000)
            for rungs in (3, 4, 6, 8)
            for smallest in (SMALL, LARGE)
        ),
    ],
)
def test_intervals_of_beta_from_counts_alone_hold_the_truth(inputs, rungs, smallest, ladders):
    """Few or many sizes, small or larger counts, over a thousand inputs (which scatter counts) or ten thousand."""
    covered = []
    for seed in range(ladders):
        rng = np.random.default_rng([91, seed, inputs, rungs, smallest[0]])
        beta, kappa, sizes = draw_truth(rng, rungs, smallest)
        covered.append(holds(fit_counts(sizes, simulated(rng, beta, kappa, sizes, inputs), tau=TAU), beta))
    assert between(np.mean(covered), ladders), np.mean(covered)


@pytest.mark.parametrize("truths", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_the_same_sizes_again_hold_a_truth_nearly_always_or_seldom_and_the_status_says_so(truths):
    """Sizes or truths must differ: 60 repetitions of one design give mostly the same counts, and hit or miss."""
    shares, coarse = [], []  # coarse: in each truth's most frequent ladder
    for seed in range(truths):
        rng = np.random.default_rng([92, seed])
        beta, kappa, sizes = draw_truth(rng, 4, SMALL)
        counts = crossing(rng, beta, kappa, sizes, 10_000, 60)
        ladders, times = np.unique(counts, axis=0, return_counts=True)
        fits = [fit_counts(sizes, ladder, tau=TAU) for ladder in ladders]
        shares.append(np.average([holds(fit, beta) for fit in fits], weights=times))
        coarse.append(fits[np.argmax(times)].status is TheoryStatus.COARSE)
    shares = np.array(shares)
    assert np.mean((shares > LOW) & (shares < HIGH)) < 0.25
    assert between(np.mean(shares), truths)
    assert np.mean(coarse) > 0.8


COVERAGE = pathlib.Path(__file__).parents[1] / "data/coverage_of_beta.csv"
THRESHOLDS, SCATTERS, RUNGS = (1.0, 2.0, 4.0), (0.05, 0.1, 0.2), (4, 8)


def coverage(threshold, scatter, rungs, stated, ladders):
    """Share of ladders under log-normal scatter of floor(r_τ) whose interval of β holds 1.6, and the mean of β."""
    rng = np.random.default_rng([96, round(100 * threshold), round(100 * scatter), rungs])
    held, betas = [], []
    for _ in range(ladders):
        sizes = np.round(np.geomspace(128, 16384, rungs) * np.exp(rng.uniform(-0.2, 0.2, rungs)))
        counts = np.floor(frontier(sizes, 1.6, 0.5, threshold) * np.exp(rng.normal(0, scatter, rungs)))
        if counts.all():
            fit = fit_counts(sizes, counts, tau=threshold if stated else None)
            held.append(holds(fit, 1.6))
            betas.append(fit.beta)
    return float(np.mean(held)), float(np.nanmedian(betas))


def coverage_rows():
    with COVERAGE.open(encoding="utf-8") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def test_the_table_of_coverage_under_scatter_between_networks_keeps_what_is_promised():
    table = list(coverage_rows())
    assert len(table) == len(THRESHOLDS) * len(SCATTERS) * len(RUNGS) * 2
    for row in table:
        share, ladders = float(row["coverage"]), int(row["ladders"])
        assert share >= LOW - 2 * np.sqrt(LOW * (1 - LOW) / ladders), row
        if row["tau"] == "stated":
            assert between(share, ladders) or share > LOW, row
    stated = [float(row["coverage"]) for row in table if row["tau"] == "stated"]
    assert LOW <= np.mean(stated) <= HIGH
    assert np.mean([float(row["coverage"]) for row in table]) >= 0.94


@pytest.mark.parametrize(
    ("threshold", "scatter", "rungs", "stated", "ladders"),
    [
        (2.0, 0.05, 8, False, 50),
        *(
            pytest.param(threshold, scatter, rungs, stated, 200, marks=pytest.mark.slow)
            for threshold in THRESHOLDS
            for scatter in SCATTERS
            for rungs in RUNGS
            for stated in (True, False)
        ),
    ],
)
def test_beta_is_covered_under_log_normal_scatter_at_small_counts(threshold, scatter, rungs, stated, ladders):
    """Counts of 4 to 90: with one law of scatter chosen and τ taken as 1, intervals held β in 89 to 91%."""
    share, _ = coverage(threshold, scatter, rungs, stated, ladders)
    assert share >= LOW - 2 * np.sqrt(LOW * (1 - LOW) / ladders)
    if ladders == 200:
        (row,) = (
            row
            for row in coverage_rows()
            if (float(row["threshold"]), float(row["scatter"]), int(row["sizes"])) == (threshold, scatter, rungs)
            and (row["tau"] == "stated") == stated
        )
        assert float(row["coverage"]) == pytest.approx(share, abs=0.01)


if (
    __name__ == "__main__"
):  # prints the rows of the thresholds named: python tests/validation/test_coverage_of_counts.py 1 2
    for threshold in map(float, sys.argv[1:]):
        for scatter in SCATTERS:
            for rungs in RUNGS:
                for stated in (True, False):
                    share, beta = coverage(threshold, scatter, rungs, stated, 200)
                    tau = "stated" if stated else "unknown"
                    print(f"{threshold:g},{scatter:g},{rungs},{tau},200,{share:.3f},{beta:.3f}", flush=True)
