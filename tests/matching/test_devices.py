"""Matching on other devices than the CPU.

Torch's "cpu:0" is the same processor by another name: all that would be done on a GPU is done in torch, there.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.views import Layers
from rosettalaw.empirical.matching import Screening, match
from rosettalaw.empirical.matching.cost import budget
from rosettalaw.empirical.matching.machine.checkpoint import Checkpoint
from rosettalaw.empirical.matching.machine.distributed import started
from rosettalaw.empirical.matching.machine.reading import cut, read
from rosettalaw.empirical.matching.moments import Moments
from rosettalaw.empirical.matching.screening import pair_kernels, sketch_kernels
from rosettalaw.empirical.matching.screening.candidates import candidates
from rosettalaw.empirical.matching.screening.device_kernels import Best
from rosettalaw.empirical.matching.screening.pair_products import exact_products
from rosettalaw.empirical.matching.screening.sketch import COLUMNS, REFINED, columns_at_once, sketch
from rosettalaw.errors import InputError

ELSEWHERE = "cpu:0"


class Model:
    """A stream that makes its activations on a device, a few positions at a time."""

    name = "model"

    def __init__(self, array, step=13):
        self._array, self._step = torch.from_numpy(array), step
        self.positions, neurons = array.shape
        self.layer, self.unit = np.arange(neurons) % 3, np.arange(neurons) // 3
        self.runs = []

    def blocks(self, size):
        self.runs.append("arrays")
        yield from (block.numpy() for block in self._array.split(size))

    def tensors(self, size):
        self.runs.append("tensors")
        yield from self._array.split(self._step)


@pytest.fixture(scope="module")
def sides():
    common, (one, other) = np.random.default_rng(0), map(np.random.default_rng, (1, 2))
    signals = common.standard_exponential((3000, 40)) * np.geomspace(6, 0.5, 40)
    x, y = one.standard_normal((3000, 90)), other.standard_normal((3000, 110))
    x[:, :40] += signals
    y[:, 50:90] += signals
    x[:, 60], y[:, 7] = 3.0, -1.5  # constant
    x[:, 61] = x[:, 3]  # the same neuron twice
    return (x * 10 + 200).astype(np.float32), y.astype(np.float32)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 400), st.integers(1, 30), st.integers(1, 16), st.integers(1, 90), st.integers(0, 99))
def test_a_sketch_is_the_same_on_every_device(positions, neurons, buckets, block, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((positions, neurons)) * rng.uniform(0.1, 10, neurons) + rng.normal(0, 30, neurons)
    x[:, 0] = 7.0
    one, other = (sketch(ArraySource(x), 0, buckets, seed, block, device) for device in ("cpu", ELSEWHERE))
    assert other.device == ELSEWHERE
    np.testing.assert_allclose(other.coarse, one.coarse, atol=2e-5)
    np.testing.assert_allclose(other.step, one.step, rtol=2e-4, atol=1e-9)
    assert np.abs(other.fine.astype(int) - one.fine).max() <= 1
    assert (other.fine == one.fine).mean() > 0.97
    # Means are sums of float32 numbers: those that cancel are as exact as what was added, not as what is left.
    assert (np.abs(other.moments.mean - one.moments.mean) <= 1e-6 * np.abs(x).max(0)).all()
    np.testing.assert_allclose(other.moments.square, one.moments.square, rtol=1e-5)
    assert other.moments.square[0] == 0


def test_a_sketch_without_collisions_loses_nothing(correlations):
    """As many buckets as positions: products of sketches are the correlations."""
    x, y = np.random.default_rng(3).standard_normal((2, 256, 12)) + 5
    pair = [sketch(ArraySource(side), 0, 256, 4, 50, ELSEWHERE) for side in (x, y)]
    np.testing.assert_allclose(pair[0].coarse @ pair[1].coarse.T, correlations(x, y), atol=1e-5)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e25])
@pytest.mark.parametrize("side", [0, 1])
def test_numbers_that_cannot_be_used_are_found(sides, wrong, side):
    sources = [side.copy() for side in sides]
    sources[side][2500, 17] = wrong
    a, b = map(ArraySource, sources, "ab")
    with pytest.raises(InputError, match=f"{'ab'[side]} = 'neuron 17'"):
        match(a, b, engine="screened", device=ELSEWHERE, nulls={}, quiet=True)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 12), st.integers(1, 14), st.integers(1, 6), st.integers(1, 5), st.integers(1, 5), st.data())
def test_the_best_of_tiles_are_the_best_of_all(rows, columns, kept, height, width, data):
    """Against numpy's stable sort, with ties, zeros of both signs, negative numbers, and −∞ for what does not count."""
    values = st.sampled_from([-np.inf, -3.5, -1e-30, -0.0, 0.0, 1e-30, 0.25, 2.0])
    estimate = np.array(data.draw(st.lists(values, min_size=rows * columns, max_size=rows * columns)), np.float32)
    estimate = estimate.reshape(rows, columns)
    best = Best((rows, columns), kept, ELSEWHERE)
    for row in range(0, rows, height):
        for column in range(0, columns, width):
            best.offer(torch.from_numpy(estimate[row : row + height, column : column + width]), row, column)
    for whole, (keys, units) in zip((estimate, estimate.T), best.listed(), strict=True):
        for line, key, unit in zip(whole, keys, units, strict=True):
            order = [u for u in np.argsort(-line, kind="stable") if line[u] > -np.inf][:kept]
            assert unit.tolist() == order + [-1] * (kept - len(order))
            assert key.tolist() == line[order].tolist() + [-np.inf] * (kept - len(order))


def test_candidates_are_the_same_on_every_device(sides):
    found = []
    for device in ("cpu", ELSEWHERE):
        pair = [sketch(ArraySource(side), 0, 256, 0, 500, device) for side in sides]
        pair = [type(one)(one.fine, one.step, one.coarse.astype(np.float32), one.moments, one.device) for one in pair]
        found.append(candidates(pair[0], pair[1], 3, absolute=False, chunk=32))
    for one, other in zip(*found, strict=True):
        assert (one.units[:, 0] == other.units[:, 0]).mean() > 0.8  # weak ones are decided by rounding to bfloat16
        np.testing.assert_allclose(one.keys, other.keys, atol=0.01)
    assert (found[1][0].units[60] == -1).all()
    assert (found[1][1].units[7] == -1).all()
    assert not (found[1][0].units == 7).any()


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 300), st.integers(1, 20), st.integers(1, 40), st.integers(0, 6), st.integers(0, 99))
def test_products_of_pairs_are_those_of_float64(positions, neurons, number, watching, seed):
    rng = np.random.default_rng(seed)
    x, y = 100 + rng.standard_normal((2, positions, neurons))
    means = [side.mean(0) for side in (x, y)]
    moments = tuple(
        Moments(positions, mean, ((side - mean) ** 2).sum(0)) for side, mean in zip((x, y), means, strict=True)
    )
    chosen = np.unique(rng.integers(0, neurons**2, number))
    pairs, watched = (chosen // neurons, chosen % neurons), np.sort(rng.permutation(neurons)[:watching])
    parts = cut(positions, 40, 3)
    given_ = ArraySource(x), ArraySource(y), pairs, moments, parts, Checkpoint(None, {}), "x", lambda n: None, watched
    products, crossed = exact_products(*given_, ELSEWHERE)
    about = [side - mean.astype(np.float32) for side, mean in zip((x, y), means, strict=True)]
    for j, blocks in enumerate(parts):
        one, other = (side[blocks[0][0] : blocks[-1][1]] for side in about)
        np.testing.assert_allclose(products.cross[j], (one[:, pairs[0]] * other[:, pairs[1]]).sum(0), atol=1e-4)
        used = np.unique(pairs[0])
        np.testing.assert_allclose(products.sums[0][j][:, used], [one.sum(0)[used], (one**2).sum(0)[used]], atol=1e-4)
        used = np.unique(pairs[1])
        np.testing.assert_allclose(
            products.sums[1][j][:, used], [other.sum(0)[used], (other**2).sum(0)[used]], atol=1e-4
        )
    np.testing.assert_allclose(crossed, (about[0].T @ about[1])[watched], atol=1e-3)


@pytest.mark.parametrize("engine", ["exact", "screened"])
@pytest.mark.parametrize("absolute", [False, True])
def test_elsewhere_the_same_pairs_are_found(sides, reference, engine, absolute):
    a, b = map(ArraySource, sides)
    found = match(a, b, engine=engine, device=ELSEWHERE, absolute=absolute, nulls={"permute": 1}, quiet=True)
    expected = {pair: rho for pair, rho in reference(*sides, absolute=absolute).items() if abs(rho) > 0.15}
    got = dict(zip(zip(found.unit_a.tolist(), found.unit_b.tolist(), strict=True), found.correlation, strict=True))
    assert len(expected) > 30
    assert {pair for pair, rho in got.items() if abs(rho) > 0.15} == set(expected)
    for pair, rho in expected.items():
        assert got[pair] == pytest.approx(rho, rel=1e-6, abs=0)
    assert (found.a.excluded.tolist(), found.b.excluded.tolist()) == ([60], [7])


def test_the_audit_and_the_nulls_work_elsewhere(sides):
    a, b = map(ArraySource, sides)
    found = match(a, b, engine="screened", device=ELSEWHERE, nulls={"permute": 2}, quiet=True)
    assert found.details["recall_audited"] == 1
    assert found.details["audited_pairs"] > 3
    assert found.details["unverified_pairs"] == 0
    assert [len(null) > 5 for null in found.nulls["permuted"]] == [True, True]
    assert max(null.max() for null in found.nulls["permuted"]) < 0.15


@pytest.mark.parametrize("engine", ["exact", "screened"])
def test_what_a_model_makes_stays_where_it_is(sides, engine, monkeypatch):
    """No room on disk: models run again, and hand out tensors where the work is done; the answer is that of arrays."""
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    models = [Model(side) for side in sides]
    kept = dict(engine=engine, nulls={}, quiet=True)
    found = match(models[0], Layers(models[1], [0, 1, 2]), device=ELSEWHERE, **kept)
    search = slice(0, 1 if engine == "exact" else 3)  # then the pairs' last digits, or ties, are read on the CPU
    assert {*models[0].runs[search], *models[1].runs[search]} == {"tensors"}
    on_cpu = match(*map(Model, sides), **kept)
    of_arrays = match(*map(ArraySource, sides), device=ELSEWHERE, **kept)
    for other in (on_cpu, of_arrays):
        strong, theirs = ((one.correlation > 0.15) for one in (found, other))
        np.testing.assert_array_equal(found.unit_a[strong], other.unit_a[theirs])
        np.testing.assert_array_equal(found.unit_b[strong], other.unit_b[theirs])
        np.testing.assert_allclose(found.correlation[strong], other.correlation[theirs], rtol=1e-6)


def test_tensors_are_cut_as_they_are_asked_for():
    array = np.arange(120.0, dtype=np.float32).reshape(40, 3)
    blocks = [(3, 10), (10, 11), (25, 40)]
    pieces = list(read(Model(array, step=7), blocks, slice(1, 3), ELSEWHERE))
    assert all(isinstance(piece, torch.Tensor) for piece in pieces)
    for (start, stop), piece in zip(blocks, pieces, strict=True):
        np.testing.assert_array_equal(piece, array[start:stop, 1:])
    with pytest.raises(InputError, match="ended after 40 of the 40"):
        list(read(Model(array), [(0, 41)], slice(0, 3), ELSEWHERE))


def test_a_stream_is_sketched_in_as_few_runs_as_memory_allows(sides):
    model, array = Model(sides[0]), ArraySource(sides[0])
    each = 4 * REFINED * 2048
    assert columns_at_once(model, 2048, 3 * COLUMNS * each) == 3 * COLUMNS
    assert columns_at_once(model, 2048, 100) == columns_at_once(array, 2048, 2**50) == COLUMNS
    assert Screening().runs((model, model), 2**40) == 3
    wide = Model(np.zeros((2, 3 * COLUMNS), np.float32))
    assert Screening().runs((wide, model), 100) == 5


def test_each_process_takes_a_gpu_of_its_own(monkeypatch):
    taken = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    for name in ("init_process_group", "destroy_process_group"):
        monkeypatch.setattr(torch.distributed, name, lambda *given: taken.append(given))
    with started("cuda"):
        assert taken == [1, ("cpu:gloo,cuda:nccl",)]


def test_the_budget_is_half_of_what_is_free_where_the_work_is_done(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (80 * 2**30, 141 * 2**30))
    assert budget(None, "cuda:1") == 40 * 2**30
    assert budget(123, "cuda:1") == 123


@pytest.mark.parametrize("engine", ["exact", "screened"])
def test_a_device_that_is_not_there(sides, engine):
    a, b = map(ArraySource, sides)
    with pytest.raises(InputError, match=r"--device = 'nonsense': cannot be used .* Try: --device cpu"):
        match(a, b, engine=engine, device="nonsense", quiet=True)


def test_the_screened_engine_leaves_the_cpu_alone(sides, monkeypatch):
    """With numba's kernels taken away it works just the same."""
    a, b = map(ArraySource, sides)
    with_them = match(a, b, engine="screened", device=ELSEWHERE, nulls={"permute": 1}, quiet=True)
    for kernels, name in (
        *((sketch_kernels, name) for name in ("add_to_sketch", "merge", "to_bytes", "offer_rows", "offer_columns")),
        (pair_kernels, "add_products"),
    ):
        monkeypatch.delattr(kernels, name)
    without = match(a, b, engine="screened", device=ELSEWHERE, nulls={"permute": 1}, quiet=True)
    np.testing.assert_array_equal(without.correlation, with_them.correlation)
    with pytest.raises(AttributeError):
        match(a, b, engine="screened", nulls={}, quiet=True)


def test_a_device_without_double_precision(sides, monkeypatch):
    """Apple's processors refuse float64 with a TypeError."""

    def to(tensor, device):
        if tensor.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64")
        return tensor

    monkeypatch.setattr(torch.Tensor, "to", to)
    with pytest.raises(InputError, match=r"--device = 'mps': cannot be used \(.*float64.*\). Try: --device cpu"):
        match(*map(ArraySource, sides), device="mps", quiet=True)
