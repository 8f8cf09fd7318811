"""The kernel of chosen pairs and its vector operations, against numpy in float64."""

import numba
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.matching.machine.vectors import DEEP, STEP, inner, multiply, turn
from rosettalaw.empirical.matching.screening import pair_kernels


@numba.njit
def product(x, i, y, j, length):
    return inner(x, i, y, j, length)


@numba.njit
def turned(x, i, stride, out, j, stride_out, sums, k, squares, l):
    turn(x, i, stride, out, j, stride_out, sums, k, squares, l)


@numba.njit
def multiplied(x, i, stride, y, j, out, k, stride_out, length):
    multiply(x, i, stride, y, j, out, k, stride_out, length)


def test_inner_starts_where_it_is_told_and_takes_so_many():
    x, y = np.random.default_rng(0).standard_normal((2, 300), dtype=np.float32)
    for i, j, length in ((0, 0, 32), (5, 11, 128), (44, 0, 256)):
        expected = x[i : i + length].astype(float) @ y[j : j + length].astype(float)
        np.testing.assert_allclose(product(x, i, y, j, length), expected, atol=1e-5)


def test_inner_adds_in_its_stated_order():
    """32 sums side by side, two vectors of 16, joined in halves: the very bits of the same sums in numpy.

    The numbers are small and whole, except for one so large that small ones are lost where they are added to it.
    """
    x, y = np.random.default_rng(1).integers(1, 9, (2, 64)).astype(np.float32)
    x[3] = 2.0**24
    sums = (x[:32] * y[:32] + x[32:] * y[32:]).astype(np.float32)
    total = sums[:16] + sums[16:]
    while len(total) > 1:
        total = total[: len(total) // 2] + total[len(total) // 2 :]
    assert product(x, 0, y, 0, 64) == total[0]


def test_turn_is_the_transpose_and_adds_up_its_rows():
    x = np.arange(20 * 30, dtype=np.float32).reshape(20, 30) % 37  # small whole numbers: no sum is rounded
    out, sums, squares = np.zeros((24, 40), np.float32), np.ones(30, np.float32), np.ones((2, 30), np.float32)
    turned(x, 2 * 30 + 5, 30, out, 3 * 40 + 7, 40, sums, 9, squares, 30 + 4)
    block, expected = x[2:18, 5:21], np.zeros_like(out)
    expected[3:19, 7:23] = block.T
    np.testing.assert_array_equal(out, expected)
    of_sums, of_squares = np.ones(30), np.ones((2, 30))
    of_sums[9:25] += block.sum(0)
    of_squares[1, 4:20] += (block**2).sum(0)
    np.testing.assert_array_equal(sums, of_sums)
    np.testing.assert_array_equal(squares, of_squares)


def test_multiply_adds_the_product_of_a_few_rows():
    rng = np.random.default_rng(2)
    x, y = (rng.integers(-9, 9, shape).astype(np.float32) for shape in ((DEEP + 3, 50), (30, STEP)))
    out = np.ones((DEEP + 2, STEP + 5), np.float32)
    expected = out.copy()
    expected[1 : DEEP + 1, 2 : STEP + 2] += x[2 : DEEP + 2, 4 : 4 + 20] @ y[7:27]
    multiplied(x, 2 * 50 + 4, 50, y, 7 * STEP, out, STEP + 5 + 2, STEP + 5, 20)
    np.testing.assert_array_equal(out, expected)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 400), st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 70), st.integers(0, 99)
)
def test_sums_of_pairs_and_units(positions, neurons_a, neurons_b, gaps, watching, seed):
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
    watched = rng.integers(0, neurons_a, watching)
    crossed = pair_kernels.watchroom(strips, neurons_b, watching)
    for _ in range(2):
        pair_kernels.add_products(*data, *shifts, *units, *pairs, *rooms, cross, *sums, watched, crossed)
    x, y = (one[:, unit] - shift for one, unit, shift in zip(data, units, shifts, strict=True))
    scale = 40 * positions
    seen = crossed.sum(0, dtype=float)
    np.testing.assert_allclose(seen[:neurons_b, :watching], 2 * y.T @ x[:, watched], atol=1e-6 * scale)
    assert not seen[:, watching:].any()
    assert not seen[neurons_b:].any()
    np.testing.assert_allclose(cross.sum(0), 2 * (x[:, pairs[0]] * y[:, pairs[1]]).sum(0), atol=1e-6 * scale, rtol=1e-6)
    for side, total in zip((x, y), sums, strict=True):
        np.testing.assert_allclose(total.sum(0), 2 * np.stack([side.sum(0), (side**2).sum(0)]), atol=1e-6 * scale)
