"""The kernel of chosen pairs and its vector operations, against numpy in float64."""

import numba
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.matching import pair_kernels
from rosettalaw.empirical.matching.simd import inner, turn


@numba.njit
def product(x, i, y, j, length):
    return inner(x, i, y, j, length)


@numba.njit
def turned(x, i, stride, out, j, stride_out):
    turn(x, i, stride, out, j, stride_out)


def test_inner_starts_where_it_is_told_and_takes_so_many():
    x, y = np.random.default_rng(0).standard_normal((2, 300), dtype=np.float32)
    for i, j, length in ((0, 0, 32), (5, 11, 128), (44, 0, 256)):
        expected = x[i : i + length].astype(float) @ y[j : j + length].astype(float)
        np.testing.assert_allclose(product(x, i, y, j, length), expected, atol=1e-5)


def test_inner_adds_in_its_stated_order():
    """32 sums side by side, two vectors of 16, joined in halves: the very bits of the same sums in numpy.

    The numbers are small and whole, but for one that is so large that small ones are lost where they are added to it.
    """
    x, y = np.random.default_rng(1).integers(1, 9, (2, 64)).astype(np.float32)
    x[3] = 2.0**24
    sums = (x[:32] * y[:32] + x[32:] * y[32:]).astype(np.float32)
    total = sums[:16] + sums[16:]
    while len(total) > 1:
        total = total[: len(total) // 2] + total[len(total) // 2 :]
    assert product(x, 0, y, 0, 64) == total[0]


def test_turn_is_the_transpose():
    x = np.arange(20 * 30, dtype=np.float32).reshape(20, 30)
    out = np.zeros((24, 40), np.float32)
    turned(x, 2 * 30 + 5, 30, out, 3 * 40 + 7, 40)
    expected = np.zeros_like(out)
    expected[3:19, 7:23] = x[2:18, 5:21].T
    np.testing.assert_array_equal(out, expected)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 400), st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 99))
def test_sums_of_pairs_and_units(positions, neurons_a, neurons_b, gaps, seed):
    rng = np.random.default_rng(seed)
    data = [rng.standard_normal((positions, 2 * n), dtype=np.float32) + 3 for n in (neurons_a, neurons_b)]
    units = [np.sort(rng.permutation(2 * n)[:n]) if gaps else np.arange(n) + n // 2 for n in (neurons_a, neurons_b)]
    shifts = [rng.standard_normal(len(unit)) for unit in units]
    pairs = rng.integers(0, neurons_a, 50), rng.integers(0, neurons_b, 50)
    strips = -(-positions // pair_kernels.SHORT)
    cross, sums = np.zeros((strips, 50)), [np.zeros((strips, 2, len(unit))) for unit in units]
    rooms = [pair_kernels.workspace(len(unit)) for unit in units]
    for room in rooms:
        room[:] = np.nan  # what another block left there must not count
    watched = rng.integers(0, neurons_a, 3)
    kept = np.full((3, strips * pair_kernels.SHORT), np.nan, np.float32)
    for _ in range(2):
        pair_kernels.add_products(*data, *shifts, *units, *pairs, *rooms, cross, *sums, watched, kept)
    x, y = (one[:, unit] - shift for one, unit, shift in zip(data, units, shifts, strict=True))
    np.testing.assert_allclose(kept[:, :positions], x[:, watched].T, atol=1e-6)
    scale = 40 * positions
    np.testing.assert_allclose(cross.sum(0), 2 * (x[:, pairs[0]] * y[:, pairs[1]]).sum(0), atol=1e-6 * scale, rtol=1e-6)
    for side, total in zip((x, y), sums, strict=True):
        np.testing.assert_allclose(total.sum(0), 2 * np.stack([side.sum(0), (side**2).sum(0)]), atol=1e-6 * scale)
