"""The error of a count whose threshold is drawn anew, against worlds that are drawn again and again."""

import numpy as np
import pytest

from rosettalaw.empirical.calibration import calibrate
from rosettalaw.empirical.measures.count_error import redrawn_error

PAIRS, DRAWS, TEXTS = 80, 20, 300


def world(rng, draws=DRAWS):
    """Pairs of any correlation, each wherever the text puts it, and null draws that reach into them."""
    return rng.uniform(0.2, 0.9, PAIRS), {"untrained": [rng.normal(0.3, 0.08, 30) for _ in range(draws)]}


def test_it_is_the_spread_of_counts_over_worlds():
    """Texts are drawn from the truth here: what is tested is the part of the threshold."""
    rng = np.random.default_rng(0)
    counts, thresholds, errors = [], [], []
    for number in range(150):
        correlations, nulls = world(rng)
        found = calibrate(correlations, nulls)
        counts.append(found.count)
        thresholds.append(found.threshold)
        if number < 15:
            texts = [world(rng)[0] for _ in range(TEXTS)]
            errors.append(redrawn_error(texts, nulls, parts=10**9, seed=number))
    assert np.mean([one.count for one in errors]) == pytest.approx(np.std(counts), rel=0.25)
    assert np.mean([one.threshold for one in errors]) == pytest.approx(np.std(thresholds), rel=0.35)


def test_a_threshold_of_few_draws_adds_to_the_error():
    """The pairs stay as they are, so that the count moves with ρ* alone."""
    correlations = np.linspace(0.2, 0.9, PAIRS)
    texts = [correlations] * TEXTS
    still = redrawn_error(texts, {"none": [np.array([0.1])] * DRAWS}, 16, 0)
    assert still.count == 0 == pytest.approx(still.threshold, abs=1e-15)
    rng = np.random.default_rng(2)
    spread = {draws: redrawn_error(texts, world(rng, draws)[1], 10**9, 1) for draws in (3, 40)}
    assert spread[3].count > spread[40].count > 0


def test_few_parts_make_it_larger_by_their_share():
    rng = np.random.default_rng(3)
    texts, nulls = [rng.uniform(0.2, 0.9, PAIRS) for _ in range(40)], world(rng)[1]
    few, many = (redrawn_error(texts, nulls, parts, 5) for parts in (4, 10**9))
    assert few.count == pytest.approx(many.count * np.sqrt(4 / 3))
    assert few == redrawn_error(texts, nulls, 4, 5)


def test_nothing_is_said_without_replicates():
    assert np.isnan(redrawn_error([], {"untrained": [np.zeros(1)]}, 16, 0).count)
    assert np.isnan(redrawn_error([np.ones(3)] * 9, {"untrained": [np.zeros(1)]}, 1, 0).count)
