"""Scattered orders of positions: the source is read in order, in as many passes as the memory asks for."""

import itertools
import mmap
import tracemalloc

import numpy as np
import pytest

from rosettalaw.empirical.activations import npy
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.reordered import TOGETHER, Reordered
from rosettalaw.empirical.activations.source import in_turn
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.nulls import KINDS

POSITIONS, NEURONS = 3 * TOGETHER + 500, 12


class Recorded(ArraySource):
    """An array that records what is read of it."""

    def __init__(self, array, **labels):
        super().__init__(array, "recorded", **labels)
        self.reads = []

    def rows(self, index, columns=slice(None)):
        self.reads.append(index)
        return super().rows(index, columns)

    def identity(self):
        return [self.name]

    def passes(self):
        """Return how often reading began anew; every read must be of neighbours, in order within a pass."""
        begins = [index.start for index in self.reads if index.stop > 0]
        assert all(isinstance(index, slice) and index.step is None for index in self.reads)
        return 1 + sum(later <= earlier for earlier, later in itertools.pairwise(begins))


def activations(dtype=np.float32):
    return np.random.default_rng(0).standard_normal((POSITIONS, NEURONS)).astype(dtype)


def permuted():
    return np.random.default_rng(1).permutation(POSITIONS)


def blocks_of(size):
    return [(start, min(start + size, POSITIONS)) for start in range(0, POSITIONS, size)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
@pytest.mark.parametrize(("share", "passes"), [(1.0, 1), (0.62, 2), (0.31, 4), (1e-9, 7)])
def test_a_scattered_order_is_read_in_order(dtype, share, passes):
    """`share`: of the positions that there is room for; a window is a block of 1000 at least."""
    array, order, blocks = (100 * activations(np.float64)).astype(dtype), permuted(), blocks_of(1000)
    source = Recorded(array)
    row = 5 * (4 if dtype == np.int16 else array.itemsize)
    room = 2 * row * (int(share * POSITIONS) + 1)
    seen = list(in_turn(Reordered(source, order).holding(room), blocks, slice(3, 8)))
    assert source.passes() == passes
    for (start, stop), block in zip(blocks, seen, strict=True):
        assert (block == array[order[start:stop], 3:8]).all()
        assert block.dtype == (np.float32 if dtype == np.int16 else dtype)
    windows = {id(block.base): block.base for block in seen}.values()
    assert max(one.nbytes for one in windows) <= max(room / 2, 1000 * row)


def test_some_blocks_and_repeated_positions_are_read_in_order():
    array, some = activations(), [(10, 400), (3000, 4500), (6000, 6001)]
    order = np.random.default_rng(2).integers(0, POSITIONS, POSITIONS)
    source = Recorded(array)
    for (start, stop), block in zip(some, in_turn(Reordered(source, order), some, slice(None)), strict=True):
        assert (block == array[order[start:stop]]).all()
    assert source.passes() == 1


def test_runs_are_read_where_they_lie_and_long_rows_one_by_one(monkeypatch):
    array = activations()
    source, runs = Recorded(array), np.roll(np.arange(POSITIONS), 1234)
    seen = np.concatenate(list(in_turn(Reordered(source, runs), blocks_of(617), slice(None))))
    assert (seen == array[runs]).all()
    assert sum(not isinstance(index, slice) for index in source.reads) == 0
    assert len(source.reads) == 1 + len(blocks_of(617))
    # Of rows so long that a disk finds one sooner than it reads all the others, many passes would not pay.
    monkeypatch.setattr("rosettalaw.empirical.activations.reordered.WAIT", 100)
    source, order = Recorded(array), permuted()
    seen = np.concatenate(list(in_turn(Reordered(source, order).holding(1), blocks_of(1000), slice(None))))
    assert (seen == array[order]).all()
    assert sum(not isinstance(index, slice) for index in source.reads) == 7


@pytest.mark.parametrize("engine", ["exact", "screened", "certified"])
@pytest.mark.parametrize("kind", ["permute", "span"])
def test_nulls_read_in_order_and_are_those_of_permuted_arrays(monkeypatch, engine, kind):
    """To the last bit those of rows read one by one; `span` permutes within strings that lie all over the text."""
    a, b = activations(), activations()[:, ::-1] + np.random.default_rng(3).standard_normal((POSITIONS, NEURONS))
    b, span = b.astype(np.float32), np.random.default_rng(4).integers(0, 50, POSITIONS)

    class Texts(Recorded):
        def labels(self):
            return {"span": span}

    options = {"engine": engine, "jackknife_blocks": 0, "quiet": True, "seed": 5, "tile": (12, 12)}
    source, null = Texts(b), KINDS[kind]
    matches = match(Texts(a), source, nulls={kind: 2}, memory=2**22, **options)
    assert source.passes() > 0
    monkeypatch.setattr("rosettalaw.empirical.activations.reordered.WAIT", -1)
    source = Texts(b)
    before = match(Texts(a), source, nulls={kind: 2}, memory=2**22, **options)
    assert any(not isinstance(index, slice) for index in source.reads)
    for number, (correlations, row_by_row) in enumerate(
        zip(matches.nulls[null.label], before.nulls[null.label], strict=True)
    ):
        assert (correlations == row_by_row).all()
        if engine != "screened":
            _, drawn_anew = null.draw(Texts(a), Texts(b), null.entropy(5, number))
            alone = match(ArraySource(a), ArraySource(b[drawn_anew._order]), nulls={}, **options)
            # Of trained networks pairs are correlated in float64; what ranks them is the same number in float32.
            np.testing.assert_allclose(correlations, alone.correlation, rtol=0, atol=2e-7)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("columns", [slice(None), slice(2, 7), slice(0, 12, 5)])
def test_rows_in_any_order_are_contiguous_and_copy_no_others(tmp_path, order, columns):
    array = np.asarray(np.random.default_rng(0).standard_normal((4000, 12)), order=order)
    np.save(tmp_path / "a.npy", array)
    index = np.random.default_rng(1).permutation(4000)[:30]
    source = ArraySource(tmp_path / "a.npy")
    tracemalloc.start()
    rows = source.rows(index, columns)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(rows, array[index][:, columns])
    assert rows.flags.c_contiguous
    assert peak < array.nbytes / 4


class Recording(mmap.mmap):
    """A mapping that records which bytes were announced to the system."""

    def madvise(self, how, start, length):
        super().madvise(how, start, length)
        self.announced = [*getattr(self, "announced", []), (how, start, start + length)]


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        (slice(100, 200), 300),
        (slice(900, 1000), 1000),
        (slice(5, 6), None),
        (slice(50, 50), None),
        (slice(9, 0, -1), None),
    ],
)
@pytest.mark.parametrize("columns", [slice(None), slice(512, 1024)])
def test_rows_of_a_file_are_asked_for_with_as_many_after_them(tmp_path, monkeypatch, rows, last, columns):
    monkeypatch.setattr(npy, "WORTHWHILE", 100_000)
    (tmp_path / "file").write_bytes(bytes(128 + 1000 * 2048 * 4))
    with (tmp_path / "file").open("rb") as file:
        mapped = Recording(file.fileno(), 0, access=mmap.ACCESS_COPY)
    array = np.ndarray((1000, 2048), np.float32, mapped, 128)
    npy.expect(array[:, columns][rows])
    if last is None:
        assert not hasattr(mapped, "announced")
        return
    ((how, begin, end),) = mapped.announced
    assert how == mmap.MADV_WILLNEED
    first = 128 + rows.start * 8192 + (columns.start or 0) * 4
    assert first - mmap.PAGESIZE < begin <= first
    assert begin % mmap.PAGESIZE == 0
    assert end == min(first + 2 * (rows.stop - rows.start) * 8192, len(mapped)) >= 128 + (last - 1) * 8192


def test_arrays_in_memory_are_read_without_a_word():
    npy.expect(np.zeros((5000, 100)))
    npy.expect(np.zeros((5000, 100))[::-1].T)
    npy.expect(np.frombuffer(bytearray(2**21), np.uint8).reshape(2, -1))
