"""The kernel of chosen pairs and its vector operations, against numpy in float64."""

import numba
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.matching.machine.vectors import DEEP, STEP, inner, multiply, turn
from rosettalaw.empirical.matching.screening import pair_kernels
from rosettalaw.empirical.matching.screening.pair_products import _Side, _Sums


@numba.njit
def product(x, i, y, j, length):
    return inner(x, i, y, j, length)


@numba.njit
def turned(x, i, stride, shift, s, out, j, stride_out, sums, k, squares, l):
    turn(x, i, stride, shift, s, out, j, stride_out, sums, k, squares, l)


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
    shift = np.arange(50, dtype=np.float32) % 11
    turned(x, 2 * 30 + 5, 30, shift, 8, out, 3 * 40 + 7, 40, sums, 9, squares, 30 + 4)
    block, expected = x[2:18, 5:21] - shift[8:24], np.zeros_like(out)
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


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 1100),
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 8),
    st.sampled_from(["float32", "float64", "columns of a wider array"]),
    st.integers(0, 70),
    st.integers(0, 99),
)
def test_sums_of_pairs_and_units(positions, neurons_a, neurons_b, thin, kind, watching, seed):
    """Any numbers of positions and neurons, few or many of which take part; in place, or copied first."""
    rng = np.random.default_rng(seed)
    neurons = neurons_a, neurons_b
    data = [3 + rng.standard_normal((positions, n)) for n in neurons]
    given_data = [side.astype(np.float64 if kind == "float64" else np.float32) for side in data]
    if kind == "columns of a wider array":
        given_data = [np.pad(side, ((0, 0), (0, 5)), constant_values=np.nan)[:, :-5] for side in given_data]
    units = [np.sort(rng.permutation(n)[: -(-n // thin)]) for n in neurons]
    shifts = [rng.standard_normal(len(unit)).astype(np.float32) for unit in units]
    pairs = rng.integers(0, len(units[0]), 50), rng.integers(0, len(units[1]), 50)
    watched = rng.integers(0, len(units[0]), watching)
    sums = _Sums((units[0], units[1]), (shifts[0], shifts[1]), pairs, watched, neurons)
    for room in sums._rooms:
        room[:] = np.nan  # what another block left there must not count
    sums.restart()
    for _ in range(2):
        sums.add(*given_data)
    cross, *totals, seen = sums.totals()
    x, y = (one[:, unit] - shift for one, unit, shift in zip(data, units, shifts, strict=True))
    scale = 40 * positions
    np.testing.assert_allclose(seen, 2 * x[:, watched].T @ y, atol=1e-6 * scale)
    np.testing.assert_allclose(cross, 2 * (x[:, pairs[0]] * y[:, pairs[1]]).sum(0), atol=1e-6 * scale, rtol=1e-6)
    for side, total in zip((x, y), totals, strict=True):
        np.testing.assert_allclose(total, 2 * np.stack([side.sum(0), (side**2).sum(0)]), atol=1e-6 * scale)


def test_blocks_after_the_last_chosen_unit_leave_its_numbers_alone():
    """All columns of B meet the watched units; those of later blocks are turned in room of their own."""
    x, y = np.random.default_rng(6).standard_normal((2, 64, 200), dtype=np.float32)
    units, pairs = (np.arange(3), np.arange(200)), (np.array([0, 1, 2, 2]), np.array([0, 5, 15, 20]))
    sums = _Sums(units, (np.zeros(3, np.float32), np.zeros(200, np.float32)), pairs, np.array([1]), (200, 200))
    sums.restart()
    sums.add(x, y)
    cross, _, _, seen = sums.totals()
    np.testing.assert_allclose(cross, (x[:, pairs[0]].astype(float) * y[:, pairs[1]]).sum(0), atol=1e-4)
    np.testing.assert_allclose(seen, x[:, [1]].T.astype(float) @ y, atol=1e-4)


def test_the_sums_are_the_same_bits_for_any_number_of_threads():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 3000, 40), dtype=np.float32)
    units = np.arange(40), np.arange(0, 40, 9)
    pairs, watched = (np.arange(40), np.resize(np.arange(5), 40)), np.array([3, 4])
    before, totals = numba.get_num_threads(), []
    try:
        for threads in {1, before}:
            numba.set_num_threads(threads)
            sums = _Sums(units, (np.zeros(40, np.float32), np.zeros(5, np.float32)), pairs, watched, (40, 40))
            sums.restart()
            sums.add(x, y)
            totals.append(np.concatenate([one.ravel() for one in sums.totals()]))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(totals[0], totals[-1])


def test_rooms_begin_with_a_line_of_the_cache():
    for columns in (16, 48, 4096):
        assert pair_kernels.workspace(columns).ctypes.data % 64 == 0
        assert pair_kernels.watchroom(8, columns, 7).ctypes.data % 64 == 0


def test_blocks_end_with_the_array():
    """The last block of columns begins early enough; where the array is narrower than a block, columns are copied."""
    for neurons in (16, 17, 31, 40, 100):
        units, chosen = np.arange(neurons), np.arange(0, neurons, 3)
        rows, begins, places, _ = _Side(units, chosen, np.zeros(neurons, np.float32), neurons).taken(
            np.zeros((64, neurons), np.float32)
        )
        assert (begins + 16 <= rows.shape[1]).all()
        assert rows.shape[1] == neurons
        columns = (begins[:, None] + np.arange(16)).ravel()
        np.testing.assert_array_equal(
            columns[places >= 0][np.argsort(places[places >= 0])], chosen
        )  # each of them once
    few = np.arange(9)
    rows, begins, _, _ = _Side(few, few, np.zeros(9, np.float32), 9).taken(np.zeros((64, 9), np.float32))
    assert rows.shape[1] == 16
    assert begins.tolist() == [0]
