"""The screened engine: its sketch estimates, what it finds, and what it says about what it misses."""

import numpy as np
import pytest

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import Screening, match
from rosettalaw.empirical.matching.machine.checkpoint import Checkpoint
from rosettalaw.empirical.matching.machine.reading import cut
from rosettalaw.empirical.matching.moments import Moments
from rosettalaw.empirical.matching.screening import candidates, screened
from rosettalaw.empirical.matching.screening import sketch as sketch_module
from rosettalaw.empirical.matching.screening.candidates import replacements
from rosettalaw.empirical.matching.screening.pair_products import exact_products
from rosettalaw.empirical.matching.screening.sketch import REFINED, fine_estimates, fine_noise, sketch
from rosettalaw.errors import InputError


def trained_like(positions, neurons, shared, seed, signals_seed=0):
    """Return activations with shared features of falling strength, common low-rank hubs, and heavy tails."""
    common = np.random.default_rng(signals_seed)
    rng = np.random.default_rng(seed)
    features = common.standard_exponential((positions, shared)) * (common.random((positions, shared)) < 0.2)
    hubs = common.standard_normal((positions, 6))
    x = rng.standard_normal((positions, neurons)) + 0.7 * hubs @ rng.standard_normal((6, neurons))
    place = rng.permutation(neurons)[:shared]
    x[:, place] += features * np.geomspace(8, 2, shared)
    return np.maximum(x, 0.1 * x).astype(np.float32)


def pairs(found):
    return set(zip(found.unit_a.tolist(), found.unit_b.tolist(), strict=True))


@pytest.fixture(scope="module")
def sides():
    return tuple(trained_like(9000, 250, 60, seed) for seed in (1, 2))


def test_sketch_estimates_have_the_stated_mean_and_variance(correlations):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((4096, 30)), rng.standard_normal((4096, 30))
    y[:, :10] += x[:, :10]
    rho = correlations(x, y)
    errors, fine_errors = [], []
    units = np.repeat(np.arange(30), 30), np.tile(np.arange(30), 30)
    for seed in range(12):
        pair = tuple(sketch(ArraySource(side), 0, 128, seed, 512) for side in (x, y))
        errors.append(pair[0].coarse @ pair[1].coarse.T - rho)
        fine_errors.append(fine_estimates(pair, *units).reshape(30, 30) - rho)
    errors = np.array(errors)
    expected = np.sqrt((1 + rho**2) * (1 / 128 - 1 / 4096))
    assert np.abs(errors.mean(0) / expected * np.sqrt(12)).max() < 5
    assert np.sqrt((errors**2).mean()) == pytest.approx(np.sqrt((expected**2).mean()), rel=0.03)
    fine = np.sqrt(((1 + rho**2) * (1 / (128 * REFINED) - 1 / 4096)).mean())
    assert np.sqrt((np.array(fine_errors) ** 2).mean()) == pytest.approx(fine, rel=0.03)


def test_rounding_a_sketch_to_bytes_adds_the_stated_variance(correlations):
    """Without collisions rounding is all there is; a heavy tail makes the steps coarse."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_t(1.5, (2000, 60)) for _ in range(2))
    pair = tuple(sketch(ArraySource(side), 0, 2048 // REFINED, 0, 512) for side in (x, y))
    units = np.repeat(np.arange(60), 60), np.tile(np.arange(60), 60)
    error = fine_estimates(pair, *units) - correlations(x, y).ravel()
    stated = fine_noise(pair, *units, np.zeros(3600))
    assert np.sqrt((error**2).mean()) == pytest.approx(np.sqrt((stated**2).mean()), rel=0.15)


def test_sketch_of_few_positions_is_exact(correlations):
    x = 1e4 + np.random.default_rng(1).standard_normal((100, 20))
    one = sketch(ArraySource(x), 0, 128, 0, 64)
    np.testing.assert_allclose(one.coarse @ one.coarse.T, correlations(x, x), atol=1e-5)


def test_a_sketch_of_many_neurons_is_laid_together_from_those_of_some(monkeypatch):
    """Seven neurons at a time, and 30 of them: the same bytes in the same order in memory."""
    x = np.random.default_rng(4).standard_normal((300, 30)).astype(np.float32)
    whole = sketch(ArraySource(x), 0, 32, 1, 64)
    monkeypatch.setattr(sketch_module, "COLUMNS", 7)
    parts = sketch(ArraySource(x), 0, 32, 1, 64)
    for name in ("fine", "step", "coarse"):
        one, other = getattr(whole, name), getattr(parts, name)
        assert one.tobytes() == other.tobytes()
        assert (one.strides, one.dtype) == (other.strides, other.dtype)
    assert whole.moments.mean.tobytes() == parts.moments.mean.tobytes()
    assert whole.moments.square.tobytes() == parts.moments.square.tobytes()


def test_estimates_are_ranked_as_many_at_a_time_as_fit(monkeypatch):
    rng = np.random.default_rng(5)
    pair = tuple(sketch(ArraySource(rng.standard_normal((300, 40)).astype(np.float32)), 0, 32, 1, 64) for _ in "ab")
    whole = candidates.candidates(*pair, 5, False)
    monkeypatch.setattr(candidates, "RANKED", 6 * 40)  # six rows
    for one, other in zip(whole, candidates.candidates(*pair, 5, False), strict=True):
        np.testing.assert_array_equal(one.units, other.units)
        np.testing.assert_allclose(one.keys, other.keys, rtol=1e-5)


def test_finds_the_exact_pairs(sides, reference):
    a, b = map(ArraySource, sides)
    exact = match(a, b, nulls={"permute": 1}, quiet=True)
    matches = match(a, b, nulls={"permute": 1}, engine="screened", quiet=True)
    strong = {pair for pair, rho in reference(*sides).items() if rho > 0.25}
    assert len(strong) >= 50
    assert strong <= pairs(matches)
    assert strong == {pair for pair, rho in zip(sorted(pairs(matches)), matches.correlation, strict=True) if rho > 0.25}
    shared = {pair: rho for pair, rho in zip(sorted(pairs(exact)), exact.correlation, strict=True)}
    for pair, rho in zip(sorted(pairs(matches)), matches.correlation, strict=True):
        if pair in shared:
            assert rho == pytest.approx(shared[pair], rel=1e-7)
    assert matches.calibrate().count == pytest.approx(exact.calibrate().count, abs=2)
    assert matches.details["audited_found"] <= matches.details["audited_pairs"] <= 32


def test_all_candidates_give_the_exact_matching(sides):
    """With every partner a candidate nothing can be missed."""
    a, b = ArraySource(sides[0][:, :40]), ArraySource(sides[1][:, :50])
    for options in ({}, {"absolute": True}, {"k": 2}):
        exact = match(a, b, nulls={}, quiet=True, **options)
        matches = match(a, b, nulls={}, engine="screened", screening=Screening(candidates=50), quiet=True, **options)
        assert pairs(matches) == pairs(exact)
        np.testing.assert_allclose(matches.correlation, exact.correlation, rtol=1e-7)
        surplus = matches.margin - exact.margin  # a rival whose estimate is low is not looked at
        assert (surplus > -1e-5).all()
        assert np.median(surplus) < 1e-5
        assert matches.split_half == pytest.approx(exact.split_half, abs=0.2)
        assert matches.count_error(0.25) == pytest.approx(exact.count_error(0.25), abs=0.5)


def test_expected_recall_tells_how_many_weak_pairs_were_missed(reference):
    """Many equal planted pairs at the sketch's noise: the estimate from one run must match the share really found."""
    rng = np.random.default_rng(7)
    shared = rng.standard_normal((8000, 300)).astype(np.float32)
    strength = np.linspace(0.25, 0.6, 300, dtype=np.float32)
    a, b = (strength * shared + rng.standard_normal((8000, 300), dtype=np.float32) for _ in range(2))
    screening = Screening(buckets=1024, candidates=4, audit=300)
    matches = match(ArraySource(a), ArraySource(b), nulls={}, engine="screened", screening=screening, quiet=True)
    truth = {(i, i) for i in range(300)}
    share = len(truth & pairs(matches)) / 300
    assert 0.6 < share < 0.98
    likely = {pair for pair, rho in reference(a, b).items() if rho > 0.075}  # where a pair is likelier found than not
    assert matches.details["recall_expected"] == pytest.approx(len(likely & pairs(matches)) / len(likely), abs=0.03)
    estimated = matches.details["recall_rests_on"] / matches.details["recall_expected"]
    assert estimated == pytest.approx(len(likely), rel=0.03)
    assert matches.details["audited_found"] / matches.details["audited_pairs"] == pytest.approx(share, abs=0.05)
    few, better = (
        match(
            ArraySource(a),
            ArraySource(b),
            nulls={},
            engine="screened",
            screening=Screening(buckets=1024, candidates=1, recall=recall),
            quiet=True,
        )
        for recall in (None, 0.94)
    )
    assert better.details["candidates"] > 1
    assert few.details["recall_expected"] < 0.94 <= better.details["recall_expected"]
    assert len(truth & pairs(better)) > len(truth & pairs(few))


def test_an_unmet_recall_is_told_with_what_was_reached(sides):
    a, b = map(ArraySource, sides)
    options = {"nulls": {}, "jackknife_blocks": 0, "engine": "screened", "quiet": True}
    few = match(a, b, screening=Screening(buckets=64, candidates=1, recall=0.9999), **options)
    reached = few.details["recall_expected"]
    assert reached < 0.9999
    assert few.details["recall_wanted"] == 0.9999
    assert few.details["candidates"] == 16  # doubled four times, as the settings say
    said = f"recall 0.9999 was asked for, {reached:.6g} was reached with 16 candidates per neuron: use --engine exact"
    assert said in few.record()["status"]
    assert few.to_dataset().attrs["status"] == few.record()["status"]
    met = match(a, b, screening=Screening(buckets=64, candidates=1, recall=reached / 2), **options)
    assert (met.record()["status"], met.details["recall_wanted"]) == ("ok", reached / 2)
    plain = match(a, b, screening=Screening(buckets=64, candidates=1), **options)
    assert plain.record()["status"] == "ok"
    assert "recall_wanted" not in plain.details


def test_all_that_must_be_known_is_told():
    """An unmet recall does not hide that the threshold is within the sketch's noise."""
    rng = np.random.default_rng(0)
    noise = tuple(rng.standard_normal((2000, 200)).astype(np.float32) for _ in range(2))
    screening = Screening(buckets=64, candidates=1, recall=0.9999)
    matches = match(*map(ArraySource, noise), nulls={"permute": 1}, engine="screened", screening=screening, quiet=True)
    calibration = matches.calibrate(q=0.99)
    assert calibration.threshold < matches.details["reliable_above"]
    told = matches.remark(calibration)
    assert "within the sketch's noise" in told
    assert "recall 0.9999 was asked for, " in told


def test_constants_nan_and_settings():
    a = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    still = a.copy()
    still[:, 3] = 0.1
    matches = match(ArraySource(still), ArraySource(a), nulls={}, engine="screened", quiet=True)
    assert matches.a.excluded.tolist() == [3]
    assert 3 not in matches.unit_a
    still[5, 2] = np.nan
    with pytest.raises(InputError, match=r"layer 0, unit 2"):
        match(ArraySource(a), ArraySource(still), nulls={}, engine="screened", quiet=True)
    with pytest.raises(InputError, match="buckets = 0: must be at least 1"):
        Screening(buckets=0)
    with pytest.raises(InputError, match="recall = 2: must be between 0 and 1"):
        Screening(recall=2)


def test_replacements_are_the_unread_pairs_that_turn_out_mutual(correlations):
    """So few positions that the sketch is exact except for its steps; pairs read are known by their best keys."""
    rng = np.random.default_rng(3)
    shared = rng.standard_normal((100, 12))
    x, y = (shared + 0.7 * rng.standard_normal((100, 12)) for _ in range(2))
    rho = correlations(x, y)
    read = rng.random(rho.shape) < 0.5
    known = np.where(read, rho, -np.inf)
    best = known.max(1), known.max(0)
    unread = np.nonzero(~read)
    pair = tuple(sketch(ArraySource(side), 0, 128, 0, 64) for side in (x, y))
    unit_a, unit_b, low = replacements(pair, best, unread, 1, False)
    mutual = {
        (i, j)
        for i, j in zip(*unread, strict=True)
        if rho[i, j] == rho[i].max() and rho[i, j] == rho[:, j].max() and rho[i, j] > 0.1
    }
    found = set(zip(unit_a.tolist(), unit_b.tolist(), strict=True))
    assert len(mutual) >= 3
    assert mutual <= found
    assert len(found - mutual) <= 2  # too close to tell
    assert (low <= rho[unit_a, unit_b]).all()
    assert (low > rho[unit_a, unit_b] - 0.1).all()


def test_a_replacement_is_verified_in_the_reading_that_makes_it(sides, monkeypatch):
    """With most partners hidden at first, found pairs fall; what follows them is read at once, so readings stay few."""
    a, b = map(ArraySource, sides)
    readings = []
    plain = screened.exact_products
    monkeypatch.setattr(screened, "exact_products", lambda *given: readings.append(len(given[2][0])) or plain(*given))
    screening = Screening(buckets=256, candidates=2, audit=0)
    matches = match(a, b, nulls={}, engine="screened", screening=screening, quiet=True)
    with_replacements, readings[:] = list(readings), []
    monkeypatch.setattr(screened, "replacements", lambda *_: (np.empty(0, int), np.empty(0, int), np.empty(0)))
    without = match(a, b, nulls={}, engine="screened", screening=screening, quiet=True)
    assert len(with_replacements) < len(readings)
    assert pairs(without) <= pairs(matches)


def test_rivals_that_are_too_many_for_one_reading_are_read_in_the_next(sides, reference, monkeypatch):
    a, b = map(ArraySource, sides)
    screening = Screening(buckets=128, candidates=4, audit=0)
    readings = []
    plain = screened.exact_products
    monkeypatch.setattr(screened, "exact_products", lambda *given: readings.append(1) or plain(*given))
    monkeypatch.setattr(candidates, "GROUP", 8)
    monkeypatch.setattr(candidates, "MOST_RIVALS", 0.5)
    matches = match(a, b, nulls={}, engine="screened", screening=screening, quiet=True)
    assert len(readings) > 3
    assert matches.details["unverified_pairs"] == 0
    assert len(pairs(matches)) > 50
    assert pairs(matches) <= set(reference(*sides))  # none that an unread rival would beat


def test_margins_are_near_where_the_second_best_was_no_candidate(sides):
    """With one candidate a neuron, nobody's second-best partner is looked at before the pair is verified."""
    a, b = map(ArraySource, sides)
    exact = match(a, b, nulls={}, quiet=True)
    matches = match(a, b, nulls={}, engine="screened", screening=Screening(candidates=1), quiet=True)
    margins = dict(zip(zip(exact.unit_a, exact.unit_b, strict=True), exact.margin, strict=True))
    strong = matches.correlation > 0.3
    assert strong.sum() > 40
    expected = [margins[pair] for pair in zip(matches.unit_a[strong], matches.unit_b[strong], strict=True)]
    surplus = matches.margin[strong] - expected
    assert surplus.min() > -1e-6
    assert np.median(surplus) < 1e-6


def test_the_products_of_watched_units_are_those_of_all_their_partners():
    rng = np.random.default_rng(4)
    x, y = 5 + rng.standard_normal((700, 9)), 3 + rng.standard_normal((700, 40))
    parts = cut(700, 100, 3)
    moments = tuple(Moments(700, side.mean(0), ((side - side.mean(0)) ** 2).sum(0)) for side in (x, y))
    pairs, watched = (np.array([0, 8]), np.array([3, 39])), np.array([2, 7, 8])
    a, b = ArraySource(x), ArraySource(y)
    products, crossed = exact_products(a, b, pairs, moments, parts, Checkpoint(None, {}), "x", lambda n: None, watched)
    expected = (x - x.mean(0)).T @ (y - y.mean(0))
    np.testing.assert_allclose(crossed, expected[watched], atol=1e-4)
    np.testing.assert_allclose(products.cross.sum(0), expected[pairs], atol=1e-4)


@pytest.mark.parametrize("copies", ["scaled", "shifted", "of both", "with two positions"])
def test_ties_are_broken_as_in_the_exact_engine(copies):
    """Copies of a neuron correlate alike up to rounding: float64 decides, the lower index where that ties."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3000, 30)).astype(np.float32)
    y = (x + 0.5 * rng.standard_normal(x.shape)).astype(np.float32)
    a, b = {
        "scaled": (np.hstack([4 * x, x]), y),
        "shifted": (np.hstack([x + 1, x]), y),
        "of both": (np.hstack([3 * x, x]), np.hstack([y, 0.5 * y + 2])),
        "with two positions": (x[:2], y[:2]),
    }[copies]
    matches = {
        engine: match(ArraySource(a), ArraySource(b), nulls={}, jackknife_blocks=0, engine=engine, quiet=True)
        for engine in ("exact", "screened")
    }
    exact, screened = ((one.unit_a.tolist(), one.unit_b.tolist()) for one in matches.values())
    assert exact == screened
    assert matches["screened"].details["contested_units"] > 0
    assert matches["screened"].details["recall_audited"] == 1


@pytest.mark.parametrize("engine", ["exact", "screened"])
def test_neurons_too_faint_for_float32_are_constant(engine):
    """At 1e-18 products of two deviations are 1e-36, near the least that float32 holds to seven digits."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2000, 20))
    a, b = (x + 0.5 * rng.standard_normal(x.shape) for _ in "ab")
    scale = np.where(np.arange(20) < 5, 1e-19, np.where(np.arange(20) < 10, 1e-17, 1.0))
    faint = ArraySource((a * scale).astype(np.float32)), ArraySource((b * scale).astype(np.float32))
    matches = match(*faint, nulls={}, jackknife_blocks=0, engine=engine, quiet=True)
    assert matches.a.excluded.tolist() == matches.b.excluded.tolist() == [0, 1, 2, 3, 4]
    plain = match(ArraySource(a[:, 5:]), ArraySource(b[:, 5:]), nulls={}, quiet=True)
    assert matches.unit_a.tolist() == (plain.unit_a + 5).tolist()
    assert matches.correlation == pytest.approx(plain.correlation, rel=1e-6)


def test_a_precision_of_products_is_refused():
    a = ArraySource(np.random.default_rng(0).standard_normal((100, 8)))
    with pytest.raises(InputError, match="compute = 'bfloat16': needs the exact engine: the screened one chooses"):
        match(a, a, engine="screened", compute="bfloat16", nulls={})


def test_a_draw_of_new_networks_is_matched_like_any_null(sides, monkeypatch):
    """Its rivals are not read, and its strong pairs are those of the exact engine."""
    verified, verify = [], screened.ScreenedSearch.verify
    monkeypatch.setattr(screened.ScreenedSearch, "verify", lambda self: (verified.append(1), verify(self)))
    sources = [ArraySource(side) for side in sides]
    for number, source in enumerate(sources):
        source.untrained = lambda seed, number=number: ArraySource(trained_like(9000, 250, 30, seed + number, seed % 7))
    drawn_by = {
        engine: match(*sources, nulls={"untrained": 2}, engine=engine, quiet=True) for engine in ("screened", "exact")
    }
    assert len(verified) == 1
    for one, other in zip(*(matches.nulls["untrained"] for matches in drawn_by.values()), strict=True):
        np.testing.assert_allclose(np.sort(one[one > 0.25]), np.sort(other[other > 0.25]), atol=1e-6)
        assert len(one) >= len(other)  # rivals that were not read leave weak pairs mutual
