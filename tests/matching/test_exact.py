"""The exact engine against float64 brute force, planted truth, and what must be refused."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.evidence import replicates
from rosettalaw.empirical.nulls.permute import Permuted
from rosettalaw.errors import InputError


def matched(a, b, **options):
    return match(ArraySource(a, "a"), ArraySource(b, "b"), quiet=True, **{"nulls": {}, **options})


def agrees(found, expected):
    pairs = list(zip(found.unit_a.tolist(), found.unit_b.tolist(), strict=True))
    assert pairs == sorted(expected)
    np.testing.assert_allclose(found.correlation, [expected[pair] for pair in pairs], rtol=1e-6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    positions=st.integers(2, 400),
    neurons_a=st.integers(1, 20),
    neurons_b=st.integers(1, 20),
    k=st.integers(1, 3),
    absolute=st.booleans(),
    block=st.sampled_from([1, 7, 64, 4096]),
    tile=st.sampled_from([(3, 2), (5, 8), (64, 64)]),
    tails=st.sampled_from(["normal", "cauchy", "sparse"]),
    double=st.booleans(),
)
def test_equals_brute_force(reference, seed, positions, neurons_a, neurons_b, k, absolute, block, tile, tails, double):
    """Offsets of 10⁴ standard deviations, scales from 1e-8 to 1e8, heavy tails, duplicates, constants, small shapes."""
    rng = np.random.default_rng(seed)
    positions = min(positions, 60 * block)  # hundreds of blocks find no more than tens do, in seconds
    signals = rng.standard_normal((positions, 8))

    def side(neurons):
        draw = {
            "normal": lambda: rng.standard_normal((positions, neurons)),
            "cauchy": lambda: rng.standard_cauchy((positions, neurons)),
            "sparse": lambda: np.maximum(rng.standard_normal((positions, neurons)) - 1.5, 0),
        }[tails]()
        draw += signals[:, rng.integers(0, 8, neurons)] * rng.uniform(0, 2, neurons)
        draw *= 10.0 ** rng.uniform(-8, 8, neurons)
        draw += draw.std(0) * rng.choice([0, 1, -30, 1e4], neurons)
        draw[:, rng.random(neurons) < 0.1] = rng.choice([0.0, 0.1, -1e8])
        copies = rng.random(neurons) < 0.2
        draw[:, copies] = draw[:, [0]]
        return draw.astype(np.float64 if double else np.float32)

    k = min(k, neurons_a, neurons_b)
    a, b = side(neurons_a), side(neurons_b)
    # Correlations are equal within 1e-12; two that differ by about that much are either, and no test of anything.
    expected, narrow, broad = (reference(a, b, k, absolute, equal) for equal in (1e-12, 1e-13, 1e-11))
    assume(expected.keys() == narrow.keys() == broad.keys())
    found = matched(a, b, k=k, absolute=absolute, block=block, tile=tile)
    agrees(found, expected)
    assert found.a.excluded.tolist() == np.flatnonzero((a == a[0]).all(0)).tolist()
    assert found.b.excluded.tolist() == np.flatnonzero((b == b[0]).all(0)).tolist()


def test_margin_is_the_distance_to_the_second_best(correlations):
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((200, 12)), rng.standard_normal((200, 9))
    rho = correlations(a, b)
    found = matched(a, b)
    for u, v, margin in zip(found.unit_a, found.unit_b, found.margin, strict=True):
        rivals = np.concatenate([np.delete(rho[u], v), np.delete(rho[:, v], u)])
        assert margin == pytest.approx(rho[u, v] - rivals.max(), abs=1e-6)


def test_planted_pairs_and_a_shuffled_copy(plant):
    a, b, order = plant(3000, 60, 80, 25)
    found = matched(a, b)
    strong = found.correlation > 0.5
    assert dict(zip(found.unit_a[strong], found.unit_b[strong], strict=True)) == dict(enumerate(order))

    shuffled = np.random.default_rng(1).permutation(60)
    itself = matched(a, a[:, shuffled])
    assert (shuffled[itself.unit_b] == np.arange(60)).all()
    np.testing.assert_allclose(itself.correlation, 1, rtol=1e-6)


def test_replicates_are_the_same_however_many_are_made_at_a_time(plant, monkeypatch):
    """Rooms are used again for the next texts: none may show those before."""
    a, b, _ = plant(600, 20, 25, 12)
    results = []
    for at_once in (replicates.AT_ONCE, 400, 1):
        monkeypatch.setattr(replicates, "AT_ONCE", at_once)
        results.append(match(ArraySource(a), ArraySource(b), nulls={}, jackknife_blocks=8, quiet=True).replicates)
    for other in results[1:]:
        for name in ("stability", "halves"):
            np.testing.assert_array_equal(getattr(other, name), getattr(results[0], name))
        for name in ("half_margins", "margin_errors"):  # a product of one row is summed in another order
            np.testing.assert_allclose(getattr(other, name), getattr(results[0], name), rtol=1e-5, atol=1e-6)
        for one, two in zip(other.correlations, results[0].correlations, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)
        assert (other.overlap, other.pairs_in_half) == (results[0].overlap, results[0].pairs_in_half)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("k", [1, 2])
def test_replicates_are_matchings_of_texts_drawn_of_the_parts(reference, plant, k, absolute):
    """Few enough neurons that every partner is listed; the parts of each drawn text, repeated, by brute force."""
    a, b, _ = plant(160, 5, 6, 4)
    found = matched(a, b, jackknife_blocks=8, seed=3, k=k, absolute=absolute)
    rng = np.random.default_rng([3, *b"replicates"])
    halves, texts = replicates.complementary_halves(8, rng), replicates.drawn_texts(8, rng)
    position = np.arange(160).reshape(8, 20)
    bar = 0.15
    counts = []
    for text, replicate in zip(texts, found.replicates.correlations, strict=True):
        rows = np.repeat(position, text, axis=0).ravel()
        expected = reference(a[rows], b[rows], k, absolute)
        np.testing.assert_allclose(np.sort(replicate), np.sort(list(expected.values())), rtol=1e-5)
        counts.append(sum(abs(rho) >= bar for rho in expected.values()))
    assert found.count_error(bar) == pytest.approx(np.std(counts, ddof=1) * np.sqrt(8 / 7))
    assert found.count_error(bar) > 0
    assert (halves[::2] == ~halves[1::2]).all()
    assert (halves.sum(1) == 4).all()
    sets = [set(reference(a[position[half].ravel()], b[position[half].ravel()], k, absolute)) for half in halves]
    pairs = list(zip(found.unit_a.tolist(), found.unit_b.tolist(), strict=True))
    share = [np.mean([pair in half for half in sets]) for pair in pairs]
    np.testing.assert_allclose(found.stability, share)
    assert found.replicates.pairs_in_half == pytest.approx(np.mean([len(half) for half in sets]))
    assert found.stable_count() == np.sum(np.array(share) >= 0.9)
    assert found.expected_stable(bar) == pytest.approx(np.sum(np.array(share)[np.abs(found.correlation) >= bar]))


def test_the_error_of_a_margin_is_its_spread_over_texts(correlations, plant):
    a, b, _ = plant(160, 5, 6, 4)
    found = matched(a, b, jackknife_blocks=8, seed=3)
    rng = np.random.default_rng([3, *b"replicates"])
    replicates.complementary_halves(8, rng)
    position, margins = np.arange(160).reshape(8, 20), []
    for text in replicates.drawn_texts(8, rng):
        rows = np.repeat(position, text, axis=0).ravel()
        rho = correlations(a[rows], b[rows])
        rivals = [
            max(np.delete(rho[u], v).max(), np.delete(rho[:, v], u).max())
            for u, v in zip(found.unit_a, found.unit_b, strict=True)
        ]
        margins.append(rho[found.unit_a, found.unit_b] - rivals)
    expected = np.std(margins, axis=0, ddof=1) * np.sqrt(8 / 7)
    np.testing.assert_allclose(found.replicates.margin_errors, expected, rtol=1e-4)
    assert np.isnan(matched(a, b, jackknife_blocks=8, k=2).replicates.margin_errors).all()


def test_rivals_that_are_not_listed_hardly_matter(reference, plant):
    """Of 60 and 70 neurons six partners are listed; the pairs of halves are those of brute force up to noise."""
    a, b, order = plant(400, 60, 70, 30)
    found = matched(a, b, jackknife_blocks=8, seed=1)
    halves = replicates.complementary_halves(8, np.random.default_rng([1, *b"replicates"]))
    position = np.arange(400).reshape(8, 50)
    sets = [set(reference(a[position[half].ravel()], b[position[half].ravel()])) for half in halves[:20]]
    pairs = list(zip(found.unit_a.tolist(), found.unit_b.tolist(), strict=True))
    share = np.array([np.mean([pair in half for half in sets]) for pair in pairs])
    planted = np.array([u < len(order) and order[u] == v for u, v in pairs])
    assert planted.sum() > 20
    assert np.abs(found.stability - share)[planted].max() < 0.15  # 20 of 100 halves by brute force
    assert (found.stability >= share - 0.15).all()  # fewer rivals: at most stabler
    assert found.stability[~planted].max() < 0.9


def test_split_half_is_the_overlap_of_the_halves(reference, plant):
    a, b, _ = plant(60, 6, 6, 2)
    first, second = set(reference(a[:30], b[:30])), set(reference(a[30:], b[30:]))
    found = matched(a, b, jackknife_blocks=4)
    assert found.split_half == pytest.approx(len(first & second) / len(first | second))
    pairs = list(zip(found.unit_a.tolist(), found.unit_b.tolist(), strict=True))
    settled = found.replicates.settled
    assert settled.tolist() == [pair in first & second for pair in pairs]
    bar = np.median(found.correlation[settled])
    expected = sum(pair in first & second and rho >= bar for pair, rho in zip(pairs, found.correlation, strict=True))
    assert 0 < found.settled_count(bar) == expected < found.settled_count() == settled.sum() < found.count
    assert matched(a, b, jackknife_blocks=0).settled_count() is None


def test_noise_hardly_settles():
    """Each half has N_A N_B/(N_A + N_B − 1) pairs of noise, and one in N_A + N_B − 1 of them is the other half's."""
    rng = np.random.default_rng(0)
    counts, settled = [], []
    for _ in range(200):
        found = matched(*(rng.standard_normal((200, n)) for n in (20, 30)), jackknife_blocks=2, nulls={})
        counts.append(found.count)
        settled.append(found.settled_count())
    assert np.mean(counts) == pytest.approx(20 * 30 / 49, rel=0.05)
    chance = 20 * 30 / 49**2  # an upper bound: the pair must be one of all positions too
    assert 0 < np.mean(settled) < 2 * chance + 3 * np.sqrt(2 * chance / 200)  # a half looks among six partners


def test_permutation_null_is_brute_force_on_permuted_rows(reference):
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((120, 10)), rng.standard_normal((120, 14))
    found = matched(a, b, nulls={"permute": 2}, seed=11)
    for draw, null in enumerate(found.nulls["permuted"]):
        permuted = Permuted(ArraySource(b), [11, draw]).rows(slice(None))
        assert not np.array_equal(permuted, b)
        assert np.array_equal(np.sort(permuted, axis=0), np.sort(b, axis=0))
        np.testing.assert_allclose(np.sort(null), np.sort(list(reference(a, permuted).values())), rtol=1e-6)


def test_unrelated_noise_gives_the_expected_raw_count_and_no_calibrated_pairs():
    """Independent columns: E[pairs] = N_A N_B/(N_A + N_B − 1), as any entry tops row and column with equal chance."""
    raw, calibrated = [], []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        found = matched(rng.standard_normal((400, 40)), rng.standard_normal((400, 60)), nulls={"permute": 3}, seed=seed)
        raw.append(found.count)
        calibrated.append(found.calibrate().count)
    expected = 40 * 60 / 99
    assert abs(np.mean(raw) - expected) < 4 * np.std(raw) / np.sqrt(50)
    # 24 null pairs and three draws: a finding would need 1/3 ≤ 5% of the pairs kept, so at least 7 beyond every draw.
    assert np.mean(np.array(calibrated) > 0) <= 0.05


def test_same_seed_same_bits_whatever_the_tiles(plant):
    a, b, _ = plant(500, 30, 40, 10)
    one = matched(a, b, nulls={"permute": 1}, seed=4)
    again = matched(a, b, nulls={"permute": 1}, seed=4)
    assert one.correlation.tobytes() == again.correlation.tobytes()
    assert one.nulls["permuted"][0].tobytes() == again.nulls["permuted"][0].tobytes()
    tiled = matched(a, b, nulls={"permute": 1}, seed=4, tile=(7, 11))
    assert (one.unit_a == tiled.unit_a).all()
    assert (one.unit_b == tiled.unit_b).all()


def test_refusals_name_the_shapes_the_layer_and_the_unit():
    a = np.random.default_rng(0).standard_normal((30, 6)).astype(np.float32)
    with pytest.raises(InputError, match=r"a 30 × 6 and b 29 × 6': must be equal"):
        matched(a, a[1:])
    with pytest.raises(InputError, match="at least 2"):
        matched(a[:1], a[:1])
    for bad in (np.nan, np.inf, -np.inf):
        broken = a.copy()
        broken[17, 4] = bad
        source = ArraySource(broken, "model B", layer=np.array([0, 0, 0, 1, 1, 1]))
        with pytest.raises(InputError, match=r"model B.*layer 1, unit 1"):
            match(ArraySource(a), source, nulls={}, quiet=True, tile=(2, 3))


class Stream:
    """A source that can only be read from the start, in blocks of its own odd sizes."""

    def __init__(self, array):
        self.name, self.positions, self._array = "stream", len(array), array
        self.layer, self.unit = np.zeros(array.shape[1], dtype=int), np.arange(array.shape[1])

    def blocks(self, size):
        for start in range(0, self.positions, max(size - 1, 1)):
            yield self._array[start : start + max(size - 1, 1)]


def test_a_stream_is_matched_like_an_array(plant):
    a, b, _ = plant(300, 20, 25, 10)
    for options in ({"nulls": {"permute": 2}}, {"tile": (6, 7)}, {}):
        direct = matched(a, b, block=32, **options)
        streamed = match(Stream(a), Stream(b), quiet=True, block=32, **{"nulls": {}, **options})
        assert direct.correlation.tobytes() == streamed.correlation.tobytes()
        drawn = [[n.tobytes() for n in one.nulls.get("permuted", [])] for one in (direct, streamed)]
        assert drawn[0] == drawn[1]
        assert len(drawn[0]) == sum(options.get("nulls", {}).values())
