"""Selectivity against scipy on whole matrices, textbook values, and groups with planted differences."""

import numpy as np
import pytest
from scipy import special, stats

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.measures.moments import ColumnMoments
from rosettalaw.empirical.measures.selectivity import activity, lifetime_sparsity, output_kurtosis
from rosettalaw.empirical.measures.superiority import NOTHING, superiority
from rosettalaw.empirical.measures.top import TopPositions
from rosettalaw.errors import InputError


def in_blocks(matrix, sizes):
    start = 0
    while start < len(matrix):
        size = next(sizes)
        yield matrix[start : start + size]
        start += size


@pytest.mark.parametrize("offset", [0.0, 3.0, 1e4])
@pytest.mark.parametrize("block", [1, 7, 500])
def test_moments_are_those_of_the_whole(offset, block):
    rng = np.random.default_rng(1)
    x = np.stack([rng.normal(size=500), rng.exponential(size=500), rng.standard_t(3, 500), rng.random(500)], 1) + offset
    moments = ColumnMoments()
    for piece in in_blocks(x, iter(lambda: block, None)):
        moments.add(piece)
    np.testing.assert_allclose(moments.mean, x.mean(0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moments.variance, x.var(0), rtol=1e-9)
    np.testing.assert_allclose(moments.excess_kurtosis, stats.kurtosis(x), rtol=1e-7, atol=1e-7)


def test_a_constant_column_has_no_kurtosis():
    moments = ColumnMoments()
    moments.add(np.full((10, 2), 0.1, dtype=np.float32))
    moments.add(np.concatenate([np.full((5, 1), 0.1), np.arange(5)[:, None]], axis=1).astype(np.float32))
    assert np.isnan(moments.excess_kurtosis[0])
    assert np.isfinite(moments.excess_kurtosis[1])


def test_output_kurtosis_is_scipys_on_the_full_matrix():
    rng = np.random.default_rng(2)
    weights, tokens = rng.standard_t(4, (30, 12)), rng.normal(size=(257, 12)) * rng.random((257, 1))
    cosines = np.array([[w @ t / np.sqrt((w @ w) * (t @ t)) for t in tokens] for w in weights])
    for block in (1, 50, 1000):
        np.testing.assert_allclose(
            output_kurtosis(weights, tokens, block), stats.kurtosis(cosines, axis=1), rtol=1e-8, atol=1e-9
        )


def test_output_kurtosis_of_padding_and_of_silent_neurons():
    rng = np.random.default_rng(3)
    weights, tokens = rng.normal(size=(4, 6)), rng.normal(size=(50, 6))
    padded = np.concatenate([tokens[:10], np.zeros((3, 6)), tokens[10:]])
    np.testing.assert_allclose(output_kurtosis(weights, padded, 5), output_kurtosis(weights, tokens, 5))
    weights[2] = 0
    assert np.isnan(output_kurtosis(weights, tokens)).tolist() == [False, False, True, False]
    with pytest.raises(InputError, match="must have the width of the output weights, 6"):
        output_kurtosis(weights, tokens[:, :5])


def test_a_neuron_that_writes_one_token_is_selective():
    """One of V orthogonal tokens: a single 1 among zeros, with excess kurtosis V − 4 + 1/(V − 1) − … (by scipy)."""
    kurtosis = output_kurtosis(np.eye(100)[:1], np.eye(100))
    assert kurtosis[0] == pytest.approx(stats.kurtosis(np.eye(100)[0]))
    assert kurtosis[0] > 90


def test_lifetime_sparsity_at_its_ends():
    always, once = np.ones(50), np.eye(50)[7]
    half = np.where(np.arange(50) < 25, 2.0, -1.0)  # rectified: active in half of the positions
    for rates, expected in ((always, 0.0), (once, 1.0), (half, (1 - 0.5) / (1 - 1 / 50))):
        activities = activity(ArraySource(rates[:, None])).sparsity[0]
        assert activities == pytest.approx(expected)
    assert np.isnan(lifetime_sparsity(np.zeros(1), np.zeros(1), 50)[0])


def test_activity_reads_once_and_agrees_with_scipy():
    rng = np.random.default_rng(4)
    x = rng.standard_t(5, (333, 9)).astype(np.float32)
    activities = activity(ArraySource(x), tops=4, block=50)
    np.testing.assert_allclose(activities.kurtosis, stats.kurtosis(x.astype(float)), rtol=1e-9)
    np.testing.assert_array_equal(activities.top_position, np.argsort(-x, axis=0, kind="stable")[:4].T)
    np.testing.assert_array_equal(activities.top_activation, -np.sort(-x, axis=0)[:4].T)


@pytest.mark.parametrize("block", [1, 3, 17, 100])
def test_top_positions_are_those_of_a_full_sort(block):
    """Few different values, so that most are ties: the earlier position wins, whatever the blocks."""
    x = np.random.default_rng(5).integers(0, 4, (100, 13)).astype(np.float32)
    top = TopPositions(13, 6)
    for piece in in_blocks(x, iter(lambda: block, None)):
        top.add(piece)
    np.testing.assert_array_equal(top.position, np.argsort(-x, axis=0, kind="stable")[:6].T)


def test_fewer_positions_than_places_and_negative_activations():
    top = TopPositions(2, 3)
    top.add(np.array([[-5.0, np.nan], [-7.0, -1.0]], dtype=np.float32))
    assert top.position.tolist() == [[0, 1, -1], [1, -1, -1]]
    assert top.activation[0, :2].tolist() == [-5.0, -7.0]
    assert np.isnan(top.activation[0, 2])


def test_superiority_is_mann_whitneys_u_in_one_layer():
    rng = np.random.default_rng(6)
    values, member = rng.integers(0, 20, 60).astype(float), rng.random(60) < 0.3
    found = superiority(values, member, np.zeros(60, int))
    u = stats.mannwhitneyu(values[member], values[~member]).statistic
    assert found.value == pytest.approx(u / (member.sum() * (~member).sum()))
    assert (found.group, found.others) == (member.sum(), (~member).sum())
    assert found.low < found.value < found.high
    turned = superiority(-values, member, np.zeros(60, int))
    assert (turned.low, turned.value, turned.high) == pytest.approx((1 - found.high, 1 - found.value, 1 - found.low))


def test_superiority_compares_within_layers():
    """Layers of very different values and shares: pooled, the group looks worse; within layers it is always better."""
    layer = np.repeat([0, 1], 100)
    member = np.concatenate([np.arange(100) < 80, np.arange(100) < 5])
    values = np.concatenate([np.zeros(100), np.full(100, 50.0)]) + member + np.random.default_rng(7).random(200) * 0.5
    pooled = superiority(values, member, np.zeros(200, int))
    within = superiority(values, member, layer)
    assert pooled.value < 0.4
    assert within.value == 1.0
    # All of 85 against 115 without exception: Clopper and Pearson's lower end for 85 of 85.
    assert within.low == pytest.approx(stats.binomtest(85, 85).proportion_ci(0.95).low)
    assert within.high == 1.0


def test_superiority_interval_covers_the_truth():
    """Two normal groups in two layers: Pr(x > y) = Φ(δ/√2), inside the 95% interval in about 95 of 100 samples."""
    rng = np.random.default_rng(8)
    layer = np.repeat([0, 1], 60)
    member = np.tile(np.arange(60) < 15, 2)
    shift = 0.8
    truth = stats.norm.cdf(shift / np.sqrt(2))
    inside, errors = 0, []
    for _ in range(400):
        found = superiority(rng.normal(size=120) + shift * member + 10 * layer, member, layer)
        inside += found.low <= truth <= found.high
        errors.append(found.value - truth)
    assert abs(np.mean(errors)) < 0.01
    assert 0.92 <= inside / 400 <= 0.98


def test_superiority_without_a_group_or_without_others():
    values, layer = np.arange(6.0), np.array([0, 0, 0, 1, 1, 1])
    assert superiority(values, np.zeros(6, bool), layer) == NOTHING
    assert superiority(values, layer == 1, layer) == NOTHING
    one = superiority(np.where(layer == 1, np.nan, values), np.arange(6) == 1, layer)
    assert (one.value, one.group, one.others) == (0.5, 1, 2)


@pytest.mark.parametrize("sizes", [((20, 5), (4, 40)), ((6, 9), (3, 1)), ((1, 30),)])
def test_superiority_interval_is_delongs_pair_by_pair(sizes):
    """Layers of unlike sizes, from the formula of the head; a lone neuron's variance is the largest of a share, ¼."""
    rng, values, member, layer, placed, variance = np.random.default_rng(9), [], [], [], [], 0.0
    n = sum(group for group, _ in sizes)
    for one, (group, others) in enumerate(sizes):
        x, y = rng.integers(0, 12, group) + 0.3, rng.integers(0, 12, others) + 0.3
        y[:2] = [12.3, -1.0][: len(y)]  # neither group is ahead without exception
        wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        placed += wins.mean(1).tolist()
        variance += (group / n) ** 2 * (np.var(wins.mean(0), ddof=1) if others > 1 else 0.25) / others
        values += [*x, *y]
        member += [True] * group + [False] * others
        layer += [one] * (group + others)
    variance += (np.var(placed, ddof=1) if n > 1 else 0.25) / n
    p = np.mean(placed)
    half = stats.norm.ppf(0.975) * np.sqrt(variance) / (p * (1 - p))
    found = superiority(np.array(values), np.array(member), np.array(layer))
    expected = (p, *special.expit(special.logit(p) + np.array([-half, half])))
    assert (found.value, found.low, found.high) == pytest.approx(expected)
