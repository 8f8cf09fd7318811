"""Draws of shifted positions by small sketches: two of them serve three draws, with the pairs of exact draws."""

import itertools

import numpy as np
import pytest

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.reordered import Shifted
from rosettalaw.empirical.matching.screening import search
from rosettalaw.empirical.matching.screening.shifts import ShiftedSketches
from rosettalaw.empirical.matching.screening.sketch import sketch
from rosettalaw.empirical.nulls import KINDS, shift
from tests.matching.test_small_draws import matched, related


def test_two_sketches_of_shifted_sources_estimate_the_sum_of_their_lags(correlations):
    """Few positions, so that nothing collides and estimates are correlations, of rolled arrays."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((101, 6)).astype(np.float32) for _ in "ab"]
    sources = [ArraySource(array) for array in arrays]

    def small(side, begin):
        source = Shifted(sources[side], begin) if begin else sources[side]
        made.append((side, begin))
        return sketch(source, side, 128, 5, 1000, refined=1)

    made = []
    sketches = ShiftedSketches(small(0, 0), small(1, 0), sources[1])
    made.clear()
    for lag in (30, 45, 75, 20, 60, 80, 11):
        one, other = sketches.pair(lag, small)
        right = correlations(arrays[0], np.roll(arrays[1], -lag, axis=0))
        np.testing.assert_allclose(one.coarse @ other.coarse.T, right, atol=1e-5)
    assert made == [(1, 30), (0, 101 - 45), (1, 20), (0, 101 - 60), (1, 11)]


def test_of_long_texts_every_third_lag_is_the_sum_of_the_two_before_it():
    null, positions = KINDS["shift"], shift.MANY + 5
    for seed in range(2000):
        lags = [shift.lag(positions, null.entropy(seed, draw)) for draw in range(9)]
        assert min(lags) >= positions / 10
        assert max(lags) <= positions - positions / 10
        for first in (0, 3, 6):
            one, other, both = lags[first : first + 3]
            assert both == (one + other) % positions
            assert min(abs(x - y) for x, y in itertools.combinations((one, other, both), 2)) >= positions / 10
    few = [shift.lag(shift.MANY - 1, null.entropy(3, draw)) for draw in range(3)]
    assert few[2] != (few[0] + few[1]) % (shift.MANY - 1)


@pytest.mark.parametrize("options", [{}, {"absolute": True}, {"k": 2}])
@pytest.mark.parametrize("time", [100, 1500])
def test_the_pairs_of_sums_are_those_of_exact_draws(monkeypatch, time, options):
    """Slow signals, which correlate when shifted; at most two sketches are made for three draws."""
    monkeypatch.setattr(shift, "MANY", 0)
    made, before = [], search.saved_sketch

    def recorded(source, side, *arguments, **others):
        made.append(side)
        return before(source, side, *arguments, **others)

    monkeypatch.setattr(search, "saved_sketch", recorded)
    sides = related(1, time, options.get("k", 1))
    sides[0] = sides[0] * 50 + 7
    screened, exact = (matched(sides, engine, **options) for engine in ("screened", "exact"))
    assert made == [0, 1, 1, 0]
    weakest, above = np.abs(exact.correlation).min(), 0
    for draw, one in zip(screened.nulls["shifted"], exact.nulls["shifted"], strict=True):
        draw, one = np.sort(np.abs(draw)), np.sort(np.abs(one))
        np.testing.assert_allclose(draw[draw >= weakest], one[one >= weakest], atol=1e-6)
        above += (one >= weakest).sum()
    assert above > 0
    assert screened.calibrate().threshold == pytest.approx(exact.calibrate().threshold, rel=1e-6)


def test_a_shift_of_other_activations_is_sketched_by_itself(monkeypatch):
    """A null of one's own may shift what it has reordered: no sketch of B as it is stands for that."""
    before = shift.Shift.draw

    def reversed_first(self, a, b, entropy):
        drawn = before(self, a, b, entropy)[1]
        return a, Shifted(ArraySource(b.rows(slice(None))[::-1].copy()), drawn.lag)

    monkeypatch.setattr(shift, "MANY", 0)
    monkeypatch.setattr(shift.Shift, "draw", reversed_first)
    screened, exact = (matched(related(1, 1500), engine) for engine in ("screened", "exact"))
    weakest = exact.correlation.min()
    for draw, one in zip(screened.nulls["shifted"], exact.nulls["shifted"], strict=True):
        strong = np.sort(one[one >= weakest])
        np.testing.assert_allclose(np.sort(draw[draw >= weakest]), strong, atol=1e-6)
    assert sum((one >= weakest).sum() for one in exact.nulls["shifted"]) > 0
