"""Do intervals of β from counts alone hold the truth? At one truth, at truths of their own, and at the same sizes."""

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
    """Counts of mutual pairs above the threshold, of one pair of simulated networks a size."""
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
    """Whether a share is one of 92 to 98%, to two binomial standard errors."""
    low, high = (limit + sign * 2 * np.sqrt(limit * (1 - limit) / ladders) for limit, sign in ((LOW, -1), (HIGH, 1)))
    return low <= share <= high


@pytest.mark.parametrize(
    ("beta", "inputs", "sizes", "count"),
    [
        *((beta, 10_000, FOUR, crossing) for beta in (1.6, 1.8, 2.5)),
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
    held = []
    for seed in range(200):
        rng = np.random.default_rng([93, seed])
        widths = np.round(np.array(sizes) * np.exp(rng.uniform(-0.2, 0.2, len(sizes)))).astype(int)
        held.append(holds(fit_counts(widths, count(rng, beta, 1.0, widths, inputs), tau=TAU), beta))
    assert between(np.mean(held), len(held)), np.mean(held)


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
    held = []
    for seed in range(ladders):
        rng = np.random.default_rng([91, seed, inputs, rungs, smallest[0]])
        beta, kappa, sizes = draw_truth(rng, rungs, smallest)
        held.append(holds(fit_counts(sizes, simulated(rng, beta, kappa, sizes, inputs), tau=TAU), beta))
    assert between(np.mean(held), ladders), np.mean(held)


@pytest.mark.parametrize("truths", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_the_same_sizes_again_hold_a_truth_nearly_always_or_seldom_and_the_status_says_so(truths):
    """Why sizes or truths must differ: 60 repetitions of one design give mostly the same counts, and hit or miss."""
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
