"""Sources: files, streams, copies on disk, permutations and restrictions."""

import itertools
import os
import sys

import numpy as np
import psutil
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource, within_layer
from rosettalaw.empirical.activations.files import open_activations
from rosettalaw.empirical.activations.source import RandomAccess, mapped
from rosettalaw.empirical.activations.spooling import rechunked, spool
from rosettalaw.empirical.activations.streamed import StreamedArray
from rosettalaw.empirical.activations.views import Layers
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.machine.reading import cut, read
from rosettalaw.empirical.nulls.permute import Permuted
from rosettalaw.errors import ForeignFileError, InputError, MissingFileError


def whole(source, size=7):
    return np.concatenate(list(source.blocks(size)))


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int8", "int32", "bool"])
def test_npy_of_any_number(tmp_path, kind):
    array = (10 * np.random.default_rng(0).standard_normal((20, 3))).astype(kind)
    np.save(tmp_path / "x.npy", array)
    source = open_activations(tmp_path / "x.npy")
    assert isinstance(source, RandomAccess)
    assert np.array_equal(whole(source), array)
    assert whole(source).dtype == (np.float64 if kind in ("float64", "int32") else np.float32)
    assert np.array_equal(source.rows(np.array([5, 2]), slice(1, 3)), array[[5, 2], 1:3])
    fortran = ArraySource(np.asfortranarray(array))
    assert np.array_equal(whole(fortran), array)


def test_the_file_stays_as_it_was(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((5, 2), dtype=np.float32))
    before = (tmp_path / "x.npy").read_bytes()
    ArraySource(tmp_path / "x.npy").rows(slice(0, 5))[:] = 3
    assert (tmp_path / "x.npy").read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system gives pages up when it needs them")
def test_blocks_of_a_file_do_not_stay_in_memory(tmp_path):
    """64 MiB read in blocks of 1 MiB: what the process has of the file stays a few blocks."""
    array = np.arange(2**24, dtype=np.float32).reshape(2**12, 2**12)
    np.save(tmp_path / "x.npy", array)
    source, blocks = ArraySource(tmp_path / "x.npy"), [(start, start + 64) for start in range(0, 2**12, 64)]
    most, before = 0, psutil.Process().memory_info().rss
    for (start, stop), block in zip(blocks, source.in_turn(blocks), strict=True):
        assert (block[0, 0], block[-1, -1]) == (array[start, 0], array[stop - 1, -1])
        assert block.sum() > 0
        most = max(most, psutil.Process().memory_info().rss - before)
    assert most < 16 * 2**20


def test_a_block_that_was_written_to_is_read_as_the_file_has_it(tmp_path):
    array = np.random.default_rng(0).standard_normal((4096, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", array)
    source = ArraySource(tmp_path / "x.npy")
    for block in source.in_turn([(0, 2048), (2048, 4096)], slice(2, 5)):
        block[:] = 7
    read_again = np.concatenate(list(source.in_turn([(0, 1000), (1000, 4096)], slice(2, 5))))
    np.testing.assert_array_equal(read_again, array[:, 2:5])


def test_a_file_that_becomes_shorter_while_it_is_read_ends_in_one_message(tmp_path):
    """Not in a signal that ends the process, as reading beyond a mapped file's end does."""
    np.save(tmp_path / "x.npy", np.ones((4096, 64), dtype=np.float32))
    blocks = ArraySource(tmp_path / "x.npy").in_turn([(0, 1024), (1024, 4096)])
    assert next(blocks).sum() == 1024 * 64
    os.truncate(tmp_path / "x.npy", 2**18)
    with pytest.raises(ForeignFileError, match=r"x\.npy: not a whole \.npy file"):
        next(blocks)


def test_zarr_and_netcdf_are_matched_like_arrays(tmp_path):
    import zarr

    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((90, 8)).astype(np.float32), rng.standard_normal((90, 6))
    stored = zarr.create_array(tmp_path / "a.zarr", shape=a.shape, chunks=(32, 3), dtype=a.dtype)
    stored[:] = a
    layers = ("neuron", np.array([0, 0, 1, 1, 1, 2]))
    xr.Dataset({"activations": (("position", "neuron"), b), "layer": layers}).to_netcdf(
        tmp_path / "b.nc", engine="h5netcdf"
    )
    sources = open_activations(tmp_path / "a.zarr"), open_activations(tmp_path / "b.nc")
    assert isinstance(sources[1], StreamedArray)
    assert sources[1].layer.tolist() == [0, 0, 1, 1, 1, 2]
    assert sources[1].unit.tolist() == [0, 1, 0, 1, 2, 0]
    found = match(*sources, nulls={"permute": 1}, quiet=True)
    direct = match(ArraySource(a), ArraySource(b), nulls={"permute": 1}, quiet=True)
    assert (found.unit_a == direct.unit_a).all()
    np.testing.assert_allclose(found.correlation, direct.correlation, rtol=1e-5)


def test_broken_files_are_named(tmp_path):
    (tmp_path / "x.zarr").mkdir()
    (tmp_path / "x.nc").write_bytes(b"no netCDF")
    for name in ("x.zarr", "x.nc"):
        with pytest.raises(ForeignFileError, match=f"{name}: not a readable"):
            open_activations(tmp_path / name)
    with pytest.raises(MissingFileError, match=r"y.zarr: no such file"):
        open_activations(tmp_path / "y.zarr")
    xr.Dataset({"p": (("x", "y"), np.ones((2, 2))), "q": (("x", "y"), np.ones((2, 2)))}).to_netcdf(
        tmp_path / "two.nc", engine="h5netcdf"
    )
    with pytest.raises(InputError, match="needs one two-dimensional variable"):
        open_activations(tmp_path / "two.nc")
    np.savez(tmp_path / "z.npz", np.array([None]))
    with pytest.raises(ForeignFileError, match="holds Python objects"):
        open_activations(tmp_path / "z.npz")


class Stream:
    def __init__(self, array, declared=None):
        self.name, self.positions, self._array = "stream", declared or len(array), array
        self.layer, self.unit = np.zeros(array.shape[1], dtype=int), np.arange(array.shape[1])

    def blocks(self, size):
        yield from np.array_split(self._array, max(1, len(self._array) // 5))


@given(positions=st.integers(1, 60), block=st.integers(1, 70))
def test_rechunking_loses_nothing(positions, block):
    array = np.arange(2.0 * positions, dtype=np.float32).reshape(-1, 2)
    pieces = list(rechunked(Stream(array), block))
    assert np.array_equal(np.concatenate(pieces), array)
    assert all(len(piece) == block for piece in pieces[:-1])


@given(positions=st.integers(1, 200), block=st.integers(1, 50), parts=st.integers(1, 20))
def test_cuts_cover_all_positions_in_order(positions, block, parts):
    found = cut(positions, block, parts)
    blocks = [one for part in found for one in part]
    assert blocks[0][0] == 0
    assert blocks[-1][1] == positions
    assert all(one[1] == other[0] for one, other in itertools.pairwise(blocks))
    assert all(0 < stop - start <= block for start, stop in blocks)
    assert len(found) <= parts
    array = np.random.default_rng(0).standard_normal((positions, 2)).astype(np.float32)
    for source in (Stream(array), ArraySource(array)):
        assert np.array_equal(
            np.concatenate(list(read(source, blocks[::2], slice(0, 2)))),
            np.concatenate([array[start:stop] for start, stop in blocks[::2]]),
        )


@pytest.mark.parametrize(("kind", "error"), [("float32", 0), ("float16", 2.0**-11)])
def test_copies_on_disk(tmp_path, kind, error):
    rng = np.random.default_rng(2)
    array = (rng.standard_cauchy((50, 6)) * 10.0 ** np.arange(-10, 14, 4) + [0, 0, 1e3, 0, 1e7, 0]).astype(np.float32)
    array[:, 5] = 4.25
    kept = spool(Stream(array), tmp_path / "spool", 16, kind)
    deviation = np.abs(array - np.repeat(array[::16], 16, axis=0)[:50])
    assert (np.abs(whole(kept) - array) <= error * deviation + 3e-7 * np.abs(array) * (error > 0)).all()
    assert (kept.rows(slice(0, 50))[:, 5] == 4.25).all()
    scattered = np.array([49, 0, 17, 16])
    assert np.array_equal(kept.rows(scattered, slice(1, 4)), kept.rows(slice(0, 50))[scattered, 1:4])
    again = spool(Stream(0 * array), tmp_path / "spool", 16, kind)
    assert np.array_equal(whole(again), whole(kept))


@pytest.mark.parametrize("begins", [True, False])
def test_a_stream_is_read_from_the_first_block_on_where_it_can_be(begins):
    """As where a killed matching without room for copies goes on: its models need not run over what is done."""
    array = np.arange(400.0, dtype=np.float32).reshape(100, 4)
    asked = []

    class Begins(Stream):
        def blocks_from(self, size, first):
            asked.append(first)
            return iter(np.array_split(array[first:], 7))

    source = (Begins if begins else Stream)(array)
    blocks = [(40, 55), (55, 60), (80, 100)]
    for (start, stop), found in zip(blocks, read(source, blocks, slice(1, 3)), strict=True):
        np.testing.assert_array_equal(found, array[start:stop, 1:3])
    assert asked == [40] * begins


def test_a_source_that_breaks_its_word(tmp_path):
    array = np.ones((20, 3), dtype=np.float32)
    with pytest.raises(InputError, match="20 positions': declared 25"):
        spool(Stream(array, declared=25), tmp_path / "x", 8)
    assert not list(tmp_path.glob("*.npy"))


def test_permutation_is_uniform():
    """Every position goes everywhere: first places of 600 draws, chi-squared against uniform."""
    from scipy.stats import chisquare

    source = ArraySource(np.arange(6.0)[:, None])
    first = [int(Permuted(source, [0, draw]).rows(slice(0, 1))[0, 0]) for draw in range(600)]
    assert chisquare(np.bincount(first, minlength=6)).pvalue > 1e-3


def test_layers_keep_their_labels():
    layer = np.array([0, 0, 1, 1, 2])
    array = np.random.default_rng(3).standard_normal((40, 5))
    found = match(Layers(ArraySource(array, layer=layer), [0, 2]), ArraySource(array), nulls={}, quiet=True)
    assert found.unit_b.tolist() == [0, 1, 4]
    assert found.a.layer.tolist() == [0, 0, 2]
    assert found.a.unit.tolist() == [0, 1, 0]
    assert found.layer_counts().tolist() == [[2], [1]]
    with pytest.raises(InputError, match=r"layers = \[3\]: array has the layers \[0, 1, 2\]"):
        Layers(ArraySource(array, layer=layer), [3])


def test_units_are_counted_within_layers():
    assert within_layer(np.array([2, 0, 2, 0, 0])).tolist() == [0, 0, 1, 1, 2]


def test_neurons_with_nan_are_left_out_on_request(reference):
    array = np.random.default_rng(4).standard_normal((60, 5)).astype(np.float32)
    broken = array.copy()
    broken[7, 1], broken[9, 3] = np.nan, np.inf
    for engine in ("exact", "screened"):
        found = match(ArraySource(broken), ArraySource(array), nulls={}, nonfinite="exclude", engine=engine, quiet=True)
        assert found.a.excluded.tolist() == [1, 3]
        assert found.unit_a.tolist() == [0, 2, 4]


def test_rows_in_any_order_keep_each_position_together(tmp_path):
    """Indexing with an array beside a slice would turn the block, and slow each later pass over it many times."""
    array = np.arange(60, dtype=np.float32).reshape(10, 6)
    np.save(tmp_path / "a.npy", array)
    for source in (ArraySource(array), ArraySource(tmp_path / "a.npy")):
        rows = source.rows(np.array([7, 2, 2, 9]), slice(1, 5))
        np.testing.assert_array_equal(rows, array[[7, 2, 2, 9], 1:5])
        assert rows.flags.c_contiguous


def test_a_file_is_mapped_once_while_it_is_kept_and_anew_otherwise(tmp_path):
    array = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    source = ArraySource(tmp_path / "a.npy")
    view = Permuted(source, 1)
    expected = view.rows(slice(None))

    def mappings():
        return {id(memory_of(source.rows(slice(0, 5)))) for _ in range(3)}

    def memory_of(rows):
        held.append(rows)  # a block in memory keeps its identity
        while rows.base is not None and isinstance(rows.base, np.ndarray):
            rows = rows.base
        return rows.base

    held = []
    assert len(mappings()) == 3
    with mapped(view):  # what a view reads from is kept
        assert len(mappings()) == 1
        np.testing.assert_array_equal(view.rows(slice(None)), expected)
    assert len(mappings()) == 3


@pytest.mark.parametrize("kept", [[0], [2], [0, 2], [0, 1, 2]])
def test_layers_of_an_array_are_read_at_random_and_nothing_is_copied(tmp_path, kept):
    layer = np.array([0, 0, 1, 2, 2, 2])
    array = 1e4 + np.random.default_rng(3).standard_normal((40, 6))
    np.save(tmp_path / "a.npy", array)
    some = Layers(ArraySource(tmp_path / "a.npy", layer=layer), kept)
    expected = array[:, np.isin(layer, kept)]
    assert isinstance(some, RandomAccess)
    assert whole(some).dtype == np.float64
    assert np.array_equal(whole(some), expected)
    for columns in (slice(0, 2), slice(1, None), slice(1, 2), slice(0, 0)):
        for index in (slice(3, 9), np.array([7, 2, 2])):
            rows = some.rows(index, columns)
            assert np.array_equal(rows, expected[index, columns])
    scattered = some.rows(np.array([7, 2, 2]))
    assert scattered.flags.c_contiguous
    assert not isinstance(Layers(Stream(array), [0]), RandomAccess)
    with mapped(some):
        assert np.array_equal(whole(some), expected)


def test_an_offset_costs_layers_of_a_file_no_digits(tmp_path, reference):
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((2, 1000, 60))
    b[:, :20] += a[:, :20]
    np.save(tmp_path / "a.npy", a + 1e4)
    np.save(tmp_path / "b.npy", b - 1e4)
    sources = open_activations(tmp_path / "a.npy"), open_activations(tmp_path / "b.npy")
    found = match(Layers(sources[0], [0]), sources[1], nulls={"permute": 1}, folder=tmp_path / "work", quiet=True)
    expected = reference(a, b)
    pairs = list(zip(found.unit_a.tolist(), found.unit_b.tolist(), strict=True))
    assert set(pairs) == set(expected)
    np.testing.assert_allclose(found.correlation, [expected[pair] for pair in pairs], rtol=1e-6)
    assert not list((tmp_path / "work").glob("spool*"))


@pytest.mark.parametrize("engine", ["exact", "screened"])
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("stored", [True, False])
def test_numbers_that_the_engine_refuses_are_left_out_on_request(tmp_path, engine, kind, stored):
    """One number beyond 10¹⁸, a NaN or an infinity; just below they are fine, wherever they lie."""
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal((2, 600, 9)).astype(kind)
    a[:, :8] += b[:, :8]
    a[5, 1] = 1e30 if kind == "float32" else 1e200
    a[300:, 3] = -2e18
    a[9, 5], a[7, 6] = np.nan, -np.inf
    a[:, 7] = np.where(np.arange(600) < 300, 0, 9e17)
    if stored:
        import zarr

        zarr.create_array(tmp_path / "a.zarr", shape=a.shape, chunks=(200, 9), dtype=a.dtype)[:] = a
    source = open_activations(tmp_path / "a.zarr") if stored else ArraySource(a)
    options = {"nulls": {}, "block": 256, "engine": engine, "quiet": True}
    with pytest.raises(InputError, match="beyond 1e18"):
        match(source, ArraySource(b), **options)
    found = match(source, ArraySource(b), nonfinite="exclude", **options)
    assert found.a.excluded.tolist() == [1, 3, 5, 6]
    assert {0, 2, 4} <= set(found.unit_a.tolist())


@pytest.mark.parametrize("kind", ["zarr", "nc"])
def test_a_stored_array_that_was_written_anew_is_another(tmp_path, kind):
    import zarr

    array = np.random.default_rng(7).standard_normal((60, 4)).astype(np.float32)
    path, other = tmp_path / f"a.{kind}", ArraySource(array + 1)

    def write(values):
        if kind == "nc":
            xr.Dataset({"x": (("position", "neuron"), values)}).to_netcdf(path, engine="h5netcdf")
        elif path.exists():
            zarr.open_array(path, mode="r+")[:] = values
        else:
            zarr.create_array(path, shape=values.shape, chunks=(32, 3), dtype=values.dtype)[:] = values

    write(array)
    assert open_activations(path).identity() == open_activations(path).identity()
    options = {"nulls": {}, "folder": tmp_path / "work", "quiet": True}
    match(open_activations(path), other, **options)
    folder = path.stat().st_mtime_ns
    write(-array)
    if kind == "zarr":
        assert path.stat().st_mtime_ns == folder
    with pytest.raises(ForeignFileError, match="unfinished matching with other a"):
        match(open_activations(path), other, **options)
