"""Kernels against plain twins, products of parts, moments, precision and anchors."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import anchors, exact, match, partners
from rosettalaw.empirical.matching.evidence import part_products
from rosettalaw.empirical.matching.machine import precision, reading
from rosettalaw.empirical.matching.moments import Centred, Moments
from rosettalaw.empirical.matching.products import Workspace
from rosettalaw.errors import InputError, UnknownNameError


def tile_of(a, b, parts=5, block=16):
    """Return the products of one whole tile."""
    cut = reading.cut(len(a), block, parts)
    workspace = Workspace((a.shape[1], b.shape[1]), cut, precision.Product(), "cpu")
    where = slice(0, a.shape[1]), slice(0, b.shape[1])
    from rosettalaw.empirical.matching.machine.checkpoint import Checkpoint

    tiles = workspace.tiles(ArraySource(a), [ArraySource(b)], where, ["t"], Checkpoint(None, {}), lambda n: None)
    return tiles[0], where


def test_a_tile_in_numpy_equals_the_same_in_torch(correlations):
    """The correlations of a tile by the kernel, by its twin of other devices and by float64; an outlier in one part."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((170, 13)), rng.standard_normal((170, 21))
    a[3, 4] = b[3, 5] = 1e5
    a[:, 6] = 3.0
    tile, _ = tile_of(a, b)
    sides = [
        [Moments(one.count, *(torch.from_numpy(value.copy()) for value in (one.mean, one.square))) for one in side]
        for side in (tile.a, tile.b)
    ]
    elsewhere = exact.Tile(torch.from_numpy(tile.parts), *sides)
    np.testing.assert_allclose(tile.correlations(), elsewhere.correlations().numpy(), rtol=1e-6, atol=1e-7)
    best, other = (one.best((slice(0, 13), slice(0, 21)), 3, False, True) for one in (tile, elsewhere))
    for name, value in best.__dict__.items():
        np.testing.assert_allclose(getattr(other, name), value, rtol=1e-6, atol=1e-7, err_msg=name)
    np.testing.assert_allclose(tile.correlations(), correlations(a, b), rtol=2e-6, atol=2e-7)
    assert np.isnan(tile.correlations()[6]).all()


def test_the_best_are_listed_lowest_first_where_equal():
    rho = np.array([[0.1, 0.5, 0.5, -0.9, 0.5, np.nan], [np.nan] * 6], dtype=np.float32)
    key, value, index = partners.top(rho, 4, False)
    for one, other in zip(partners.top(torch.from_numpy(rho), 4, False), (key, value, index), strict=True):
        np.testing.assert_array_equal(one, other)
    assert index.tolist() == [[1, 2, 4, 0], [-1, -1, -1, -1]]
    np.testing.assert_allclose(value[0], [0.5, 0.5, 0.5, 0.1])
    assert np.isneginf(key[1]).all()
    assert partners.top(rho, 2, True)[2].tolist()[0] == [3, 1]
    assert partners.top(rho, 99, False)[2].shape == (2, 6)


def test_products_of_parts_under_any_weights(correlations):
    """Offsets and heavy tails; parts left out, and parts that count twice as rows repeated."""
    rng = np.random.default_rng(1)
    a, b = 50 + rng.standard_cauchy((90, 7)), rng.standard_normal((90, 9)) + np.linspace(0, 40, 90)[:, None]
    tile, where = tile_of(a, b, parts=3, block=30)
    best = tile.best(where, 9, True, True)
    lists = partners.Partners(7, 9, 3), partners.Partners(9, 7, 3)
    best.offer(where, lists)
    moments = [
        part_products.PartMoments(getattr(best, f"part_mean_{side}"), getattr(best, f"part_square_{side}"))
        for side in "ab"
    ]
    products = part_products.of_partners(lists, tuple(moments), [30] * 3)
    assert len(products.unit_a) == 63
    for weights in ([True, True, True], [True, False, True], [False, True, False], [0, 2, 1]):
        rows = np.repeat(np.arange(90).reshape(3, 30), np.array(weights, dtype=int), axis=0).ravel()
        expected = correlations(a[rows], b[rows])[products.unit_a, products.unit_b]
        np.testing.assert_allclose(products.correlations(weights), expected, rtol=2e-6, atol=1e-6)
    both = products.correlations([[1, 1, 1], [0, 2, 1]])
    np.testing.assert_allclose(both[1], products.correlations([0, 2, 1]))


def test_parts_hold_whole_documents():
    rng = np.random.default_rng(0)
    for _ in range(50):
        lengths = rng.integers(1, 60, rng.integers(2, 40))
        document = np.repeat(rng.permutation(len(lengths)), lengths)
        parts = reading.cut_documents(len(document), 32, 16, document)
        assert len(parts) == min(16, len(lengths))
        blocks = [block for part in parts for block in part]
        assert blocks[0][0] == 0
        assert all(one[1] == other[0] for one, other in itertools.pairwise(blocks))
        assert blocks[-1][1] == len(document)
        assert all(0 < stop - start <= 32 for start, stop in blocks)
        edges = [part[0][0] for part in parts[1:]]
        assert all(document[edge] != document[edge - 1] for edge in edges)
    equal = np.repeat(np.arange(32), 10)
    assert [part[-1][1] - part[0][0] for part in reading.cut_documents(320, 64, 16, equal)] == [20] * 16
    for unknown in (None, np.zeros(320, int), np.arange(320) % 7):
        assert reading.cut_documents(320, 64, 16, unknown) == reading.cut(320, 64, 16)


def test_a_shift_that_missed_is_made_again(correlations):
    """Means that jump by 10⁶ standard deviations between blocks, and neurons constant over some of them."""
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((400, 5)), rng.standard_normal((400, 5))
    a[:, :3] += np.repeat([0, 1e6, -1e6, 0], 100)[:, None]
    b[:, :3] += np.repeat([0, 1e6, 3, -8], 100)[:, None]
    a[:200, 3] = 0.1
    matches = match(ArraySource(a), ArraySource(b), nulls={}, jackknife_blocks=0, block=100, quiet=True)
    rho = correlations(a, b)
    np.testing.assert_allclose(matches.correlation, rho[matches.unit_a, matches.unit_b], rtol=1e-6)


def test_blocks_that_differ_a_little_are_centred_and_merged(correlations):
    """Means that step by less than a standard deviation from block to block, several blocks in each part."""
    rng = np.random.default_rng(8)
    step = 0.7 * np.repeat(np.arange(64) % 2, 10)[:, None]
    a, b = (rng.standard_normal((640, 4)) + step for _ in range(2))
    matches = match(ArraySource(a), ArraySource(b), nulls={}, block=10, quiet=True)
    assert matches.details["largest_rounding_error"] < 1e-6
    tile, _ = tile_of(a, b, parts=4, block=10)
    np.testing.assert_allclose(tile.correlations(), correlations(a, b), rtol=1e-5, atol=1e-6)


def test_centred_rows_are_the_same_elsewhere():
    """In torch, as on other devices."""
    x = (1e3 + np.random.default_rng(3).standard_normal((300, 40))).astype(np.float32)
    results = []
    for room in (np.empty((302, 40), np.float32), torch.empty(302, 40)):
        side = Centred(room, +1)
        results.append((side.take(x), side.moments))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(results[0][1].square, results[1][1].square, rtol=1e-6)


@pytest.mark.parametrize("compute", ["tf32", "float16", "bfloat16"])
def test_reduced_precision_reports_what_it_cost(plant, correlations, compute):
    a, b, _ = plant(4000, 30, 30, 20)
    a = 1e-7 * a + 1e-4  # float16 could not hold these unscaled
    matches = match(ArraySource(a), ArraySource(b), nulls={}, compute=compute, quiet=True)
    full = match(ArraySource(a), ArraySource(b), nulls={}, quiet=True)
    strong = full.correlation > 0.3
    assert (matches.unit_a[matches.correlation > 0.3] == full.unit_a[strong]).all()
    bound = 20 * precision.ROUNDOFF[compute] / np.sqrt(4000) + 3 * precision.ROUNDOFF[compute] ** 2
    assert 1e-9 < matches.details["largest_rounding_error"] < bound
    assert full.details["largest_rounding_error"] < 1e-6
    with pytest.raises(UnknownNameError, match="did you mean float16"):
        match(ArraySource(a), ArraySource(b), compute="float61", quiet=True)


def test_tf32_rounds_to_eleven_bits():
    x = np.array([1.0, 1 + 2**-10, 1 + 2**-11, 1 + 3 * 2**-11, -(1 + 2**-12)], dtype=np.float32)
    expected = [1.0, 1 + 2**-10, 1.0, 1 + 2**-9, -1.0]  # ties go to the even neighbour
    for one in (x, torch.from_numpy(x)):
        assert precision.Product("tf32")._rounded(one).tolist() == expected


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=20))
def test_bfloat16_rounds_as_torch_does(numbers):
    x = np.array(numbers, dtype=np.float32)
    np.testing.assert_array_equal(precision.Product("bfloat16")._rounded(x), torch.from_numpy(x).bfloat16().float())


def test_a_negative_seed_is_refused():
    a = ArraySource(np.eye(4))
    with pytest.raises(InputError, match="seed = -1: must be at least 0"):
        match(a, a, seed=-1, quiet=True)


def test_anchors_are_the_intersection():
    rng = np.random.default_rng(4)
    signals = rng.standard_normal((800, 12))

    def model(shared):
        x = rng.standard_normal((800, 30))
        x[:, shared] = signals[:, shared] + 0.3 * x[:, shared]
        return ArraySource(x, "anchor")

    a, b, c = model(np.arange(12)), model(np.arange(0, 9)), model(np.arange(4, 12))
    comparisons = [match(a, other, nulls={}, quiet=True) for other in (b, c)]
    found = anchors(comparisons, thresholds=[0.5, 0.5])
    assert found.unit.tolist() == [4, 5, 6, 7, 8]
    assert (found.partner == found.unit[:, None]).all()
    assert (found.correlation > 0.8).all()
    assert found.expected_by_chance == pytest.approx(30 * 9 / 30 * 8 / 30)
    with pytest.raises(InputError, match="at least two"):
        anchors(comparisons[:1])
    with pytest.raises(InputError, match="must share model A"):
        anchors(
            [comparisons[0], match(b, c, nulls={}, quiet=True, seed=1)]
            if b.name != a.name
            else [
                comparisons[0],
                match(ArraySource(rng.standard_normal((800, 3)), "another"), c, nulls={}, quiet=True),
            ]
        )


def test_moments_of_minus_zero_survive():
    whole = Moments.empty(1)
    whole.merge(Moments(3, np.array([-0.0]), np.zeros(1)))
    assert whole.count == 3
    assert whole.mean[0] == 0
