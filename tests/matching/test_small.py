"""Small matchings: without torch, without the compiler, and with the same numbers."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.machine import kernels, plain, small

seeds = st.integers(0, 9999)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 700), st.integers(2, 12), st.sampled_from([np.float32, np.float64]), seeds)
def test_subtraction_gives_the_same_bits(rows, columns, kind, seed):
    x = (3 + np.random.default_rng(seed).standard_normal((rows, columns + 2))).astype(kind)
    results = []
    for module in (kernels, plain):
        out, sums = np.empty((rows, columns), np.float32), np.empty((2, columns))
        module.subtract(x, columns, x[0, :columns].copy(), out, *sums)
        results.append((out, sums))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(results[1][1][0], (x[:, :columns] - x[0, :columns]).sum(0, dtype=float), atol=1e-2)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 700), st.integers(2, 12), st.sampled_from([np.float32, np.float64]), seeds)
def test_measuring_gives_the_same_bits_as_subtraction(rows, columns, kind, seed):
    x = (3 + np.random.default_rng(seed).standard_normal((rows, columns + 2))).astype(kind)
    for module in (kernels, plain):
        out, expected, sums = np.empty((rows, columns), np.float32), np.empty((2, columns)), np.empty((2, columns))
        module.subtract(x, columns, x[0, :columns].copy(), out, *expected)
        least, most = np.full(columns, 3.0), np.full(columns, 3.0)
        module.measure(x, columns, x[0, :columns].copy(), *sums, least, most)
        np.testing.assert_array_equal(sums, expected)
        np.testing.assert_array_equal(least, np.minimum(3, x[:, :columns].min(0)))
        np.testing.assert_array_equal(most, np.maximum(3, x[:, :columns].max(0)))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 12), seeds)
def test_correlations_of_a_tile_are_the_same(count, height, width, seed):
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((count, height, width)).astype(np.float32)
    rows = rng.standard_normal((count, height)), rng.standard_normal((count, width))
    scales = rng.choice([0, 0.1, 1], height), rng.choice([0, 0.1, 1], width)
    results = []
    for module in (kernels, plain):
        rho = np.empty((height, width), np.float32)
        module.correlate(parts, *rows, *scales, rho)
        results.append(rho)
    np.testing.assert_allclose(*results, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(np.isnan(results[0]), (scales[0] == 0)[:, None] | (scales[1] == 0))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 9), st.integers(1, 600), st.integers(1, 6), st.booleans(), seeds)
def test_the_best_of_rows_and_columns_are_those_of_a_stable_sort(height, width, keep, absolute, seed):
    rng = np.random.default_rng(seed)
    rho = rng.choice([-0.5, -0.0, 0.0, 0.25, 0.5, np.nan], (height, width)).astype(np.float32)
    rho += np.where(rng.random((height, width)) < 0.5, rng.uniform(-0.4, 0.4, (height, width)), 0).astype(np.float32)
    for name, matrix in (("best_of_rows", rho), ("best_of_columns", rho.T)):
        order = np.argsort(-np.nan_to_num(np.abs(matrix) if absolute else matrix, nan=-9), axis=1, kind="stable")
        for module in (kernels, plain):
            key, index = np.empty((len(matrix), keep), np.float32), np.empty((len(matrix), keep), np.int64)
            getattr(module, name)(rho, absolute, key, index)
            for row, best, keys, units in zip(matrix, order, key, index, strict=True):
                right = [unit for unit in best if not np.isnan(row[unit])][:keep]
                assert units.tolist() == right + [-1] * (keep - len(right))
                wanted = np.abs(row[right]) if absolute else row[right]
                assert keys.tolist() == wanted.tolist() + [-np.inf] * (keep - len(right))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.integers(0, 36), st.integers(1, 3), seeds)
def test_mutual_pairs_and_rivals_are_the_same(matchings, neurons_a, neurons_b, number, k, seed):
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(neurons_a * neurons_b)[:number])
    unit_a, unit_b = chosen // neurons_b, chosen % neurons_b
    key = rng.choice([-np.inf, -0.5, 0.25, 0.5, 0.75], (matchings, len(chosen)))  # ties, and no pairs
    results = []
    for module in (kernels, plain):
        mutual, rival = np.zeros(key.shape, bool), np.empty(key.shape)
        module.mutual_pairs(key, unit_a, unit_b, neurons_a, neurons_b, k, mutual)
        module.rivals(key, unit_a, unit_b, neurons_a, neurons_b, rival)
        results.append((mutual, rival))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    for candidate in range(len(chosen)):  # by definition
        others = (unit_a == unit_a[candidate]) ^ (unit_b == unit_b[candidate])
        best = np.max(key[:, others], axis=1, initial=-np.inf)
        np.testing.assert_array_equal(results[1][1][:, candidate], best)


def test_correlations_of_replicates_are_numpys_and_both_kernels_give_the_same_bits():
    """Two matchings of 30 pairs, one neuron constant, against `numpy.corrcoef` of the positions that count."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 400, 6)) + 3
    x[:, 2] = 1.5
    unit_a, unit_b = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    halves = slice(0, 150), slice(100, 400)
    sides = [[(half - 1.0).astype(float) for half in (side[here] for here in halves)] for side in (x, y)]
    cross = np.array([(one.T @ other)[unit_a, unit_b] for one, other in zip(*sides, strict=True)])
    sum_a, mean_b = np.array([one.sum(0) for one in sides[0]]), np.array([one.mean(0) for one in sides[1]])
    scales = [
        np.array([np.where(np.ptp(one, 0) > 0, np.sqrt(((one - one.mean(0)) ** 2).sum(0)), 0) for one in side])
        for side in sides
    ]
    results = []
    for module in (kernels, plain):
        rho, ranked = np.empty(cross.shape), np.empty(cross.shape)
        module.weighted_correlations(cross, unit_a, unit_b, sum_a, mean_b, *scales, rho)
        module.keys(rho, False, 0.0, ranked)
        results.append((rho, ranked))
        with np.errstate(invalid="ignore", divide="ignore"):
            expected = np.array([np.corrcoef(x[h].T, y[h].T)[:6, 6:][unit_a, unit_b] for h in halves])
        np.testing.assert_allclose(rho, np.where(unit_a == 2, np.nan, expected), atol=1e-12)
        np.testing.assert_array_equal(ranked, np.where(rho > 0, rho, -np.inf))
        module.keys(rho, True, -1.0, ranked)
        np.testing.assert_array_equal(ranked, np.where(np.isnan(rho), -np.inf, np.abs(rho)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 300), st.integers(1, 4), st.integers(2, 9), st.sampled_from([np.float32, np.float64]), seeds)
def test_sums_of_pairs_give_the_same_bits(rows, blocks, pairs, kind, seed):
    rng = np.random.default_rng(seed)
    u, v, shifts = *rng.integers(0, 5, (2, pairs)), rng.standard_normal((2, pairs))
    results = np.zeros((2, 8, 5, pairs))
    terms = np.zeros((5, pairs))
    for _ in range(blocks):
        x, y = rng.standard_normal((2, rows, 5)).astype(kind)
        for module, sums in zip((kernels, plain), results, strict=True):
            module.pair_sums(x, y, u, v, shifts[0], shifts[1], sums)
        one, other = x[:, u] - shifts[0], y[:, v] - shifts[1]
        terms += [each.sum(0) for each in (one, other, one**2, other**2, one * other)]
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_allclose(results[1].sum(0), terms, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"absolute": True, "k": 2}, {"nulls": {}, "compute": "float16"}])
def test_a_matching_is_the_same_with_and_without_the_compiler(plant, monkeypatch, options):
    a, b, _ = plant(900, 30, 40, 15)
    few = match(ArraySource(a), ArraySource(b), quiet=True, block=50, **options)
    monkeypatch.setattr(small, "SMALL", 0)
    many = match(ArraySource(a), ArraySource(b), quiet=True, block=50, **options)
    np.testing.assert_array_equal(few.unit_a, many.unit_a)
    np.testing.assert_array_equal(few.unit_b, many.unit_b)
    np.testing.assert_allclose(few.correlation, many.correlation, rtol=1e-13)
    assert few.count == many.count
    for label, draws in few.nulls.items():
        for one, other in zip(draws, many.nulls[label], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5)


def test_threads_and_kernels_are_as_before_after_an_error():
    from threadpoolctl import threadpool_info

    before = [pool["num_threads"] for pool in threadpool_info()]
    with small.sized(1.0):
        assert small.kernels() is plain
        assert all(pool["num_threads"] == 1 for pool in threadpool_info() if pool["user_api"] == "blas")
    with pytest.raises(KeyError), small.sized(1.0):
        raise KeyError
    assert small.kernels() is kernels
    assert [pool["num_threads"] for pool in threadpool_info()] == before
    with small.sized(small.SMALL):
        assert small.kernels() is kernels


def test_arrays_are_matched_without_torch_and_numba(tmp_path):
    """Both take longer to load than a small matching takes."""
    code = """
import sys
import numpy as np
import rosettalaw as rl
a, b = np.random.default_rng(0).standard_normal((2, 400, 9))
assert rl.match(a, b + a, progress=False).raw_count > 4
sys.exit(", ".join({"torch", "numba", "scipy.stats", "matplotlib"} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr.strip() == ""
    assert done.returncode == 0
