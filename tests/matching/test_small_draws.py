"""Null draws by a small sketch: the same ρ* as exact draws, and the same null pairs wherever a count is asked for."""

import numpy as np
import pytest
import torch

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.reordered import Shifted
from rosettalaw.empirical.activations.source import in_place
from rosettalaw.empirical.matching import Screening, match
from rosettalaw.empirical.matching.screening import draws, search, sketch_kernels
from rosettalaw.empirical.matching.screening.draws import BY_NOISE, folds, least_estimate
from rosettalaw.empirical.matching.screening.sketch import sketch
from tests.matching.unrelated import autoregressive

POSITIONS, NEURONS, SEEDS = 6000, 90, 12


def related(seed, time, copies=1):
    """Return two models all of whose neurons share a signal, slow ones that correlate by accident when shifted."""
    rng = np.random.default_rng(seed)
    signals = autoregressive(rng, POSITIONS, NEURONS // copies, time, 1.0).repeat(copies, axis=1)
    signals *= np.geomspace(0.7, 3.0, NEURONS)
    return [(signals + rng.standard_normal((POSITIONS, NEURONS))).astype(np.float32) for _ in "ab"]


@pytest.fixture
def small(monkeypatch):
    """List, for each draw by a small sketch, whether it could say."""
    said = []
    before = search.null_draw

    def recorded(*arguments):
        said.append(before(*arguments))
        return said[-1]

    monkeypatch.setattr(search, "null_draw", recorded)
    return said


def matched(sides, engine, **options):
    screening = Screening(buckets=1024, candidates=8) if engine == "screened" else None
    how = {"nulls": {"shift": 3}, "jackknife_blocks": 0, "quiet": True, "screening": screening}
    return match(*map(ArraySource, sides), engine=engine, **{**how, **options})


@pytest.mark.parametrize(("time", "sure", "least"), [(1, SEEDS, 0), (40, SEEDS - 1, 0), (100, SEEDS // 2, SEEDS)])
def test_the_threshold_is_that_of_exact_draws(small, time, sure, least):
    """Over many seeds: null pairs at or above the weakest pair are the exact ones, and so is ρ*."""
    above, alike = 0, 0
    for seed in range(SEEDS):
        sides = related(seed, time)
        screened, exact = (matched(sides, engine, seed=seed) for engine in ("screened", "exact"))
        weakest = exact.correlation.min()
        assert screened.correlation.min() == pytest.approx(weakest, rel=1e-6)
        said = small[-3:]
        for draw, one, small_one in zip(screened.nulls["shifted"], exact.nulls["shifted"], said, strict=True):
            if small_one is not None:
                strong = np.sort(one[one >= weakest])
                np.testing.assert_allclose(np.sort(draw[draw >= weakest]), strong, atol=1e-6)
                above += len(strong)
        if all(one is not None for one in said):
            thresholds = screened.calibrate().threshold, exact.calibrate().threshold
            assert thresholds[0] == pytest.approx(thresholds[1], rel=1e-6)
            alike += 1
    assert len(small) == 3 * SEEDS
    assert alike >= sure
    assert above >= least


@pytest.mark.parametrize("options", [{"absolute": True}, {"k": 2}])
def test_magnitudes_and_further_partners(small, options):
    sides = related(3, 100, options.get("k", 1))
    sides[1][:, ::2] *= -1 if "absolute" in options else 1
    screened, exact = (matched(sides, engine, **options) for engine in ("screened", "exact"))
    weakest = np.abs(exact.correlation).min()
    for draw, one in zip(screened.nulls["shifted"], exact.nulls["shifted"], strict=True):
        draw, one = np.abs(draw), np.abs(one)
        np.testing.assert_allclose(np.sort(draw[draw >= weakest]), np.sort(one[one >= weakest]), atol=1e-6)
    assert screened.calibrate().threshold == pytest.approx(exact.calibrate().threshold, rel=1e-6)
    assert len([one for one in small if one is not None]) == 3


def test_pairs_within_the_noise_are_searched_as_the_matching_is(small):
    rng = np.random.default_rng(0)
    sides = rng.standard_normal((2, POSITIONS, NEURONS)).astype(np.float32)
    assert matched(sides, "screened").count > 10
    assert small == []


@pytest.mark.parametrize("absolute", [False, True])
def test_signals_that_correlate_by_accident(small, absolute):
    """Most pairs of slow signals reach the weakest one, and most of these are far from both neurons' best."""
    sides = related(1, 1500)
    screened, exact = (matched(sides, engine, absolute=absolute) for engine in ("screened", "exact"))
    weakest = np.abs(exact.correlation).min()
    for draw, one in zip(screened.nulls["shifted"], exact.nulls["shifted"], strict=True):
        strong = np.sort(np.abs(one[np.abs(one) >= weakest]))
        assert len(strong) >= 5
        np.testing.assert_allclose(np.sort(np.abs(draw)), strong, atol=1e-6)
    assert None not in small
    assert screened.calibrate().threshold == pytest.approx(exact.calibrate().threshold, rel=1e-6)


def test_documents_of_unequal_lengths(small):
    """A document in the place of a longer one is repeated: B's means and variances are others in each draw."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(20, 400, 40)
    document = np.resize(np.repeat(np.arange(len(lengths)), lengths), POSITIONS)
    document = np.sort(document)
    levels = rng.standard_normal((40, NEURONS))[document]  # signals that lie in documents: they correlate by accident
    sides = [side + 2 * levels.astype(np.float32) for side in related(6, 1)]
    sources = [ArraySource(side, documents=document) for side in sides]
    how = {"nulls": {"documents": 3}, "jackknife_blocks": 0, "quiet": True}
    screened = match(*sources, engine="screened", screening=Screening(buckets=1024, candidates=8), **how)
    exact = match(*sources, engine="exact", **how)
    weakest = exact.correlation.min()
    for draw, one in zip(screened.nulls["documents"], exact.nulls["documents"], strict=True):
        np.testing.assert_allclose(np.sort(draw), np.sort(one[one >= weakest]), atol=1e-6)
    assert screened.calibrate().threshold == pytest.approx(exact.calibrate().threshold, rel=1e-6)
    assert len(small) == 3
    assert None not in small


def test_where_too_many_pairs_are_listed_a_draw_is_searched_as_the_matching_is(small, monkeypatch):
    monkeypatch.setattr(draws, "MOST", 1)
    sides = related(1, 1500)
    screened, exact = (matched(sides, engine) for engine in ("screened", "exact"))
    assert small == [None] * 3
    assert screened.calibrate().threshold == pytest.approx(exact.calibrate().threshold, rel=1e-6)


def test_pairs_are_listed_as_by_a_loop():
    """All estimates at or above a bar, constant neurons left out; fewer buckets, the same pairs at a higher bar."""
    rng = np.random.default_rng(4)
    arrays = rng.standard_normal((2, 3000, 30)).astype(np.float32)
    arrays[1, :, :10] += arrays[0, :, :10]
    arrays[0, :, 3], arrays[1, :, 5] = 7.0, -2.0
    sides = tuple(sketch(ArraySource(array), 0, 512, 5, 1000, refined=1) for array in arrays)
    estimate = sides[0].coarse @ sides[1].coarse.T
    for absolute in (False, True):
        size = np.abs(estimate) if absolute else estimate
        listed = draws.pairs_from(sides, 0.05, 900, absolute)
        sure, most = (
            {(u, v) for u, v in np.argwhere(size >= 0.05 + by).tolist() if u != 3 and v != 5} for by in (0.002, -0.002)
        )  # products may be rounded to bfloat16
        assert sure <= set(zip(*(side.tolist() for side in listed), strict=True)) <= most
        assert len(sure) > 10
        assert draws.pairs_from(sides, 0.05, len(listed[0]), absolute) is not None
        assert draws.pairs_from(sides, 0.05, len(listed[0]) - 1, absolute) is None
    planted = {(u, u) for u in range(10)} - {(3, 3), (5, 5)}
    for number in (1, 2, 4):
        assert set(zip(*draws.pairs_from(sides, 0.45, 900, False, number), strict=True)) == planted


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("absolute", [False, True])
def test_estimates_are_compared_by_their_bits_as_by_their_values(kind, absolute):
    """Widths that end within a line, both signs, zeros, subnormal numbers, equality and neighbours of the bar."""
    rng = np.random.default_rng(0)
    for width in (1, 63, 64, 65, 200):
        estimate = torch.from_numpy(rng.standard_normal((17, width)).astype(np.float32)).to(kind)
        bar = float(torch.tensor(0.5).to(kind))
        some = torch.tensor([0.0, -0.0, bar, -bar, 1e-39, -1e-39, bar * (1 + 2**-7), bar * (1 - 2**-8)], dtype=kind)
        estimate.view(-1)[: len(some)] = some[: estimate.numel()]
        values = estimate.double().numpy()
        right = np.nonzero((np.abs(values) if absolute else values) >= bar)
        for one, other in zip(draws._reaching(estimate, bar, absolute), right, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("neurons", [1, 63, 65, 600])
@pytest.mark.parametrize("buckets", [1, 64, 100])
def test_sums_are_folded_and_rounded_as_by_torch(neurons, buckets):
    """Ties go to the even number; the largest magnitude of a neuron is that of NumPy."""
    rng = np.random.default_rng(0)
    for number in (1, 2, 4):
        sums = rng.standard_normal((number * buckets, neurons)).astype(np.float32)
        sums[0, 0], sums[:, neurons // 2] = 1 + 2**-8, 0
        sums[-1, -1] = -(1 + 3 * 2**-8)
        whole = torch.from_numpy(sums).reshape(number, buckets, neurons)
        added = whole[0]
        for one in whole[1:]:
            added = added + one
        out = np.full((neurons, buckets), 7, dtype=np.uint16)
        sketch_kernels.fold(sums, out)
        assert torch.equal(torch.from_numpy(out.view(np.int16)).view(torch.bfloat16), added.bfloat16().T)
        step = np.empty(neurons, dtype=np.float32)
        sketch_kernels.steps(sums, step)
        np.testing.assert_array_equal(step, (np.abs(sums).max(0) / np.float32(127)).astype(np.float32))


def test_a_sketch_is_folded_as_far_as_its_noise_allows():
    """Noise of the stated size lists a few pairs a neuron, and hides a strong one but once in 10⁵."""
    rng = np.random.default_rng(1)
    for weakest in (0.25, 0.3, 0.5):
        number = folds(2048, 10**6, (4000, 4000), weakest)
        buckets = 2048 // number
        bar = least_estimate((1 / buckets) ** 0.5, weakest)
        assert (rng.standard_normal((400, 4000)) / buckets**0.5 >= bar).sum() <= 1.1 * BY_NOISE * 400
        strong = weakest + rng.standard_normal(10**6) * ((1 + weakest**2) / buckets) ** 0.5
        assert (strong < bar).sum() <= 10
        assert number in (2, 4, 8)
    assert folds(2048, 10**6, (4000, 4000), 0.14) == 0
    assert folds(2048, 10**6, (4000, 4000), np.nan) == 0
    assert folds(2048, 10**6, (4000, 4000), np.inf) == 8
    assert folds(2047, 10**6, (4000, 4000), np.inf) == 1


def test_a_small_sketch_is_the_coarse_one():
    array = np.random.default_rng(2).standard_normal((5000, 40)).astype(np.float32)
    whole, small = (sketch(ArraySource(array), 0, 128, 5, 1000, refined=refined) for refined in (8, 1))
    np.testing.assert_allclose(small.coarse, whole.coarse, atol=2e-6)
    np.testing.assert_allclose(small.moments.square, whole.moments.square, rtol=1e-6)
    assert small.fine.shape == (40, 128)
    np.testing.assert_allclose(small.fine * small.step[:, None], small.coarse, atol=0.51 * small.step.max())
    again = whole.coarsened
    assert np.abs(again.fine.astype(int) - small.fine).max() <= 1
    np.testing.assert_allclose(again.step, small.step, rtol=1e-4)


def test_a_shifted_source_is_sketched_with_the_moments_of_the_source_and_in_place():
    """The same sketch as that of an array that was shifted, whose moments are measured."""
    array = np.random.default_rng(3).standard_normal((5000, 40)).astype(np.float32) * 3 + 50
    array[:, 7] = 4.0
    source = ArraySource(array)
    measured = sketch(source, 0, 128, 5, 1000, refined=1).moments
    for lag in (1, 700, 4999):
        shifted = Shifted(source, lag)
        assert in_place(shifted) == [(0, 5000 - lag), (5000 - lag, 5000)]
        ours = sketch(shifted, 0, 128, 5, 1000, refined=1, known=measured)
        copy = sketch(ArraySource(np.roll(array, -lag, axis=0)), 0, 128, 5, 1000, refined=1)
        np.testing.assert_allclose(ours.coarse, copy.coarse, atol=3e-6)
        np.testing.assert_allclose(ours.moments.mean, copy.moments.mean, rtol=1e-6)
        assert not ours.coarse[7].any()
    twice = Shifted(Shifted(source, 700), 400)
    assert in_place(twice) == [(0, 3900), (3900, 4600), (4600, 5000)]
    assert in_place(Shifted(ArraySource(array.astype(np.float16)), 5)) == []


@pytest.mark.parametrize(("null", "known"), [("shift", True), ("documents", False)])
def test_only_shifted_sources_take_the_moments_of_the_source(null, known, monkeypatch):
    """Documents that are exchanged repeat some of their positions, which changes means and variances."""
    given, before = [], search.saved_sketch

    def recorded(*arguments, **options):
        given.append(options.get("known"))
        return before(*arguments, **options)

    monkeypatch.setattr(search, "saved_sketch", recorded)
    document = np.repeat(np.arange(60), 100)
    sources = [ArraySource(side, documents=document) for side in related(7, 1)]
    screening = Screening(buckets=1024, candidates=8)
    match(*sources, engine="screened", screening=screening, nulls={null: 2}, jackknife_blocks=0, quiet=True)
    assert [one is not None for one in given] == [False, False, known, known]
