"""Rivals that are read with possible pairs: they spare a reading, and none is left where none is said to be left."""

import numpy as np
import pytest

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import Screening, match
from rosettalaw.empirical.matching.screening import candidates, screened
from rosettalaw.empirical.matching.screening.candidates import (
    REACH,
    Candidates,
    challengers,
    likely_pairs,
)
from rosettalaw.empirical.matching.screening.sketch import Sketch, coarse_noise, fine_noise, sketch

POSITIONS, FEATURES, COPIES = 6000, 16, 12


def alike(seed):
    """Return activations in which several neurons of a network respond to each feature: pairs have close rivals."""
    rng, common = np.random.default_rng(seed), np.random.default_rng(0)
    signals = common.standard_normal((POSITIONS, FEATURES)).repeat(COPIES, axis=1)
    strength = np.geomspace(0.3, 3.0, FEATURES).repeat(COPIES)
    return (signals * strength + rng.standard_normal(signals.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def sides():
    return alike(1), alike(2)


@pytest.fixture
def searches(monkeypatch):
    """List each search as it is when its pairs are verified."""
    made, before = [], screened.ScreenedSearch.verify

    def recorded(self, *arguments):
        made.append((self, self.products, self.pairs()))
        return before(self, *arguments)

    monkeypatch.setattr(screened.ScreenedSearch, "verify", recorded)
    return made


@pytest.mark.parametrize("options", [{}, {"absolute": True}, {"k": 2}])
@pytest.mark.parametrize("candidates", [1, 4, 40])
def test_no_rival_is_left_of_a_pair_that_is_said_to_have_none(sides, searches, candidates, options):
    """Every neuron within reach of such a pair was read with it, by the estimates of all neurons, pair by pair."""
    screening = Screening(buckets=512, candidates=candidates, audit=0)
    match(*map(ArraySource, sides), nulls={}, engine="screened", screening=screening, quiet=True, **options)
    ((search, products, mutual_pairs),) = searches
    numbers = search._numbered(mutual_pairs[:2])
    ahead = np.flatnonzero(search._read_ahead(numbers, mutual_pairs[2]))
    one, other = search._sketches
    coarse, noise = one.coarse @ other.coarse.T, coarse_noise(512, POSITIONS)
    fine = (one.fine.astype(float) @ other.fine.T) * one.step[:, None] * other.step
    if "absolute" in options:
        coarse, fine = np.abs(coarse), np.abs(fine)
    read = set(search._known(products).tolist())
    for u, v, rho in zip(*(side[ahead] for side in mutual_pairs[:3]), strict=True):
        rho = abs(rho)
        everyone = np.arange(len(coarse))
        for units in ((np.full(len(coarse), u), everyone), (everyone, np.full(len(coarse), v))):
            near = coarse[units] >= rho - REACH * noise * np.sqrt(1 + rho**2) + 0.004  # rounding to bfloat16
            near &= fine[units] >= rho - REACH * fine_noise(search._sketches, *units, np.full(len(coarse), rho)) + 1e-4
            assert near.any()
            assert set((units[0] * len(coarse) + units[1])[near].tolist()) <= read
    assert (len(ahead) > 10) == (candidates == 40)
    assert len(ahead) < len(numbers)


def test_a_reading_is_smaller_by_what_was_read_ahead(sides, monkeypatch):
    """The same pairs with and without, from fewer neurons in the second reading."""
    readings, plain = [], screened.exact_products
    monkeypatch.setattr(screened, "exact_products", lambda *given: readings.append(given[2]) or plain(*given))

    def matched():
        readings.clear()
        screening = Screening(buckets=512, audit=0)
        return match(*map(ArraySource, sides), nulls={}, engine="screened", screening=screening, quiet=True)

    ours, ahead = matched(), len(readings[1][0])
    monkeypatch.setattr(screened, "STRAY", -1e9)  # no pair is hopeful
    without = matched()
    assert ours.unit_a.tolist() == without.unit_a.tolist()
    assert ours.unit_b.tolist() == without.unit_b.tolist()
    assert ours.correlation.tobytes() == without.correlation.tobytes()
    assert ahead < 0.6 * len(readings[1][0])


def test_a_pair_is_complete_where_what_its_lists_leave_out_is_no_rival():
    """Lists typed in: the best estimate of the others decides, on either side; so few buckets decide nothing."""
    array = np.random.default_rng(3).standard_normal((100, 6)).astype(np.float32)
    both = sketch(ArraySource(array), 0, 128, 0, 64)
    assert isinstance(both, Sketch)
    units = np.array([[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4]])

    def listed(bar):
        return Candidates(np.full((6, 2), 0.6, np.float32), units, np.full(6, bar, np.float32))

    pairs = np.array([0, 3]), np.array([1, 4]), np.array([0.5, 0.2])
    reach = REACH * 0.05 * np.sqrt(1 + pairs[2] ** 2)
    for below, above, right in ((0.01, 0.01, True), (-0.01, 0.01, False), (0.01, -0.01, False)):
        for place in (0, 1):
            near = listed(pairs[2][place] - reach[place] - below), listed(pairs[2][place] - reach[place] - above)
            complete = challengers((both, both), near, pairs, pairs, 0.05, False, 2)[1]
            assert complete[place] == right
    assert challengers((both, both), (listed(-np.inf), listed(-np.inf)), pairs, pairs, 0.05, False, 2)[1].all()
    assert not challengers((both, both), (listed(-np.inf), listed(-np.inf)), pairs, pairs, 0.05, False, 3)[1].any()
    assert not challengers((both, both), (listed(-np.inf), listed(-np.inf)), pairs, pairs, 0.3, False, 2)[1].any()


@pytest.mark.parametrize(
    ("absolute", "right"), [(False, [True, False, False, False]), (True, [True, False, True, False])]
)
def test_a_pair_below_its_least_correlation_may_have_further_rivals(absolute, right):
    search = screened.ScreenedSearch.__new__(screened.ScreenedSearch)
    search._absolute, search._ahead = absolute, (np.array([5, 9, 12]), np.array([0.3, 0.5, 0.2]))
    assert search._read_ahead(np.array([5, 9, 12, 7]), np.array([0.31, 0.49, -0.25, 0.9])).tolist() == right
    search._ahead = np.empty(0, int), np.empty(0)
    assert not search._read_ahead(np.array([5]), np.array([0.9])).any()


def test_challengers_are_the_listed_rivals_of_pairs_and_the_best_looking_of_likely_ones(sides, monkeypatch):
    """By a loop over pairs and lists; a neuron in two pairs has the rivals of the weaker one."""
    pair = tuple(sketch(ArraySource(side), 0, 512, 0, 1000) for side in sides)
    near = screened.candidates(*pair, 20, False)
    fine = (pair[0].fine.astype(float) @ pair[1].fine.T) * pair[0].step[:, None] * pair[1].step
    likely = np.array([100]), np.array([101])
    units = np.array([100, 180, 180]), np.array([101, 181, 185])
    pairs = *units, fine[units] + [0.06, 0.2, -0.05]
    of_rivals, of_best, of_first = set(), set(), set()
    for turn, lists in enumerate(near):
        for u, v, least in zip(*pairs, strict=True):
            unit = (u, v)[turn]
            ours = [(unit, w) if turn == 0 else (w, unit) for w in lists.units[unit].tolist()]
            of_best |= set(sorted(ours, key=lambda one: -fine[one])[:4] if u == 100 else [])
            of_first |= set(ours[:2])
            noise = fine_noise(pair, *np.array(ours).T, np.full(len(ours), least))
            of_rivals |= {one for one, reach in zip(ours, REACH * noise, strict=True) if fine[one] >= least - reach}
    assert of_rivals - of_best - of_first
    assert of_best - of_rivals - of_first
    assert of_first - of_rivals - of_best
    monkeypatch.setattr(candidates, "CHALLENGERS", 4)
    chosen, _ = challengers(pair, near, likely, pairs, 0.05, False, 2)
    assert {divmod(int(one), len(fine)) for one in chosen} == of_rivals | of_best | of_first


def test_likely_pairs_are_the_best_of_both_and_those_near_them():
    array = np.random.default_rng(3).standard_normal((100, 6)).astype(np.float32)
    both = sketch(ArraySource(array), 0, 128, 0, 64)
    pairs = np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 2, 3])
    estimate = np.array([0.9, 0.895, 0.9, 0.3, 1e-4])
    noise = fine_noise((both, both), *pairs, estimate)
    assert noise.max() < 0.01
    units_a, units_b, least = likely_pairs((both, both), pairs, estimate, 1)
    assert list(zip(units_a.tolist(), units_b.tolist(), strict=True)) == [(0, 0), (1, 1), (2, 2)]
    np.testing.assert_allclose(least, estimate[[0, 2, 3]] - 2 * noise[[0, 2, 3]])
    near = likely_pairs((both, both), pairs, estimate, 1, within=1.1 * 0.005 / noise[1])
    assert (near[0].tolist(), near[1].tolist()) == ([0, 0, 1, 2], [0, 1, 1, 2])
