"""Kernels against plain twins, precision, cost, anchors and the command line."""

import itertools
import json
import os
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from rosettalaw.cli import app
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import anchors, cost, engine, exact, match, partners, products, rates, searches
from rosettalaw.empirical.matching.evidence import part_products
from rosettalaw.empirical.matching.machine import arrays, precision, reading
from rosettalaw.empirical.matching.moments import Centred, Moments
from rosettalaw.empirical.matching.products import Workspace
from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.results import load


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


def test_detectable_correlation_is_where_half_of_the_pairs_are_found():
    """Planted pairs at the stated correlation, among noise: about half of them must be mutual."""
    sizes = cost.Sizes(200, 200, 400)
    rho = cost.detectable_correlation(sizes)
    hits = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        a, b = rng.standard_normal((400, 200)), rng.standard_normal((400, 200))
        b[:, :20] = rho * a[:, :20] + np.sqrt(1 - rho**2) * b[:, :20]
        matches = match(ArraySource(a), ArraySource(b), nulls={}, jackknife_blocks=0, quiet=True)
        hits += [matches.unit_b[matches.unit_a == u].tolist() == [u] for u in range(20)]
    assert 0.36 < np.mean(hits) < 0.64
    by_definition = stats.norm.cdf(rho * np.sqrt(399)) ** 398
    assert by_definition == pytest.approx(0.5, rel=1e-6)
    assert cost.detectable_correlation(cost.Sizes(10**9, 10**9, 10**7)) == pytest.approx(0.00200, abs=1e-4)


def test_tiles_keep_to_the_budget():
    sizes = cost.Sizes(10**6, 5000, 10**7)
    for memory in (2**30, 2**31, 2**34):
        edges = cost.tile_shape(sizes, memory)
        assert cost.tile_bytes(sizes, *edges) <= memory
    halved = [(2048, 4096), (2048, 2048), (2048, 1024), (1024, 1024), (1024, 512), (512, 512)]  # the longer edge
    for shape in halved:
        assert cost.tile_shape(sizes, cost.tile_bytes(sizes, *shape)) == shape
    # Of partners and replicates: what a large A takes anyway.
    lists = (24 * 4 + 16) * 1_005_000 + (24 + 8 * 16) * 6 * 1_005_000
    least = 4 * 20 * 64 * 64 + 8 * 2050 * 128 + lists
    assert least == cost.tile_bytes(sizes, 64, 64)
    with pytest.raises(InputError, match=r"memory = '1e\+03 B': with the smallest tile this matching needs 984 MiB"):
        cost.tile_shape(sizes, 1000)
    assert cost.tile_shape(sizes, least) == (64, 64)
    assert cost.tile_bytes(replace(sizes, draws=3), 64, 64) == least + 8 * 10**7  # one order of positions at a time


def test_two_30b_models_take_less_than_a_gpu_hour():
    sizes = cost.Sizes(48 * 28672, 48 * 28672, 10**7)
    device = rates.device_rates("h200")
    screened, exact_ = cost.screened_cost(sizes, device), cost.exact_cost(sizes, device)
    assert screened.seconds < 3600 < exact_.seconds
    assert exact_.operations == 2.0 * (48 * 28672) ** 2 * 1e7
    assert screened.memory < device.memory
    assert screened.link_seconds == pytest.approx(3 * 4 * 2 * 48 * 28672 * 1e7 / (0.6 * 64e9))  # from the host: hours
    halves = cost.screened_cost(sizes, device, width=2)
    assert halves.link_seconds == screened.link_seconds / 2
    assert halves.seconds < screened.seconds


def test_a_plan_adds_up_what_is_moved():
    """By hand: 100 and 300 neurons, 1,000 positions, all 1,600 possible pairs read; two draws more."""
    sizes, gpu, cpu = cost.Sizes(100, 300, 1000), rates.device_rates("h100"), rates.device_rates("cpu")
    on_cpu = 3 * (1000 * 400 * (4 + 4 + 4) + 8 * 1600 * 1000) + 1000 * 400 * 4
    assert cost.screened_cost(sizes, cpu, draws=2).bytes_moved == on_cpu
    on_gpu = 3 * (1000 * 400 * (4 + 24 + 2 * 4 + 24) + 8 * 1600 * 1000 + 250 * 100 * 300)
    assert cost.screened_cost(sizes, gpu, draws=2).bytes_moved == on_gpu
    operations = 3 * (2 * 100 * 300 * 2048 + 2 * 8 * 2048 * 16 * 400 + 2 * 1600 * 1000) + 2 * 32 * 300 * 1000
    assert cost.screened_cost(sizes, gpu, draws=2).operations == operations
    exact_ = cost.exact_cost(sizes, gpu, 2, tile=(50, 100))  # three matchings share a pass over A
    assert exact_.bytes_moved == 1000 * (100 * 3 + 3 * 300 * 2) * 16
    lists = 3 * (24 * 4 + 16) * 400 + (24 + 8 * 16) * 6 * 400
    assert exact_.memory == 4 * (3 * 16 + 4) * 50 * 100 + 8 * (63 + 2) * 150 + lists + 2 * 8 * 1000
    assert exact_.link_seconds == pytest.approx(1000 * (100 * 3 + 3 * 300 * 2) * 4 / (0.6 * 64e9))
    assert exact_.seconds == pytest.approx(exact_.operations / (0.6 * 494.5e12) + exact_.bytes_moved / (0.6 * 3.35e12))


def test_replicates_are_planned_where_they_take_more_than_tiles():
    """By hand: 16 parts, 6 partners of each neuron, and 2²¹ correlations at a time."""
    cpu = rates.Device(name="cpu", operations=1, bandwidth=1, memory=1e12, link=np.inf, source="")
    million, few = cost.Sizes(10**6, 10**6, 10**5), cost.Sizes(4096, 4096, 10**5)
    made = (328 * 6 + 512) * 2 * 10**6 + 48 * 2**21
    assert cost.exact_cost(million, cpu).memory == made > cost.tile_bytes(million, 2048, 4096)
    assert cost.exact_cost(few, cpu).memory == cost.tile_bytes(few, 2048, 4096)
    assert cost.exact_cost(million, rates.device_rates("h200"), tile=(64, 64)).memory < made  # they are on the host


def test_every_engine_on_the_cpu_is_planned_with_what_takes_most():
    """By hand, 2,048 buckets in eight parts, 16 candidates, 12 pairs of a neuron left open, one processor."""
    cpu = rates.Device(name="cpu", operations=1, bandwidth=1, memory=1e12, link=np.inf, source="")
    sizes, both = cost.Sizes(10_000, 40_000, 20_000), 50_000
    made = (328 * 6 + 512) * both + 48 * 2**21  # replicates
    sketches, audit, listed = 14 * 2048 * both, 32 * 32 * 40_000, 16 * 16 * both
    processors = 256 * (os.cpu_count() or 1) * both
    ranked, exact_products = 6 * 1024 * 40_000, 8 * 20 * 4 * both
    later = sketches + processors + audit + listed + max(ranked, exact_products + made)
    assert cost.screened_cost(sizes, cpu).memory == max(12 * 2048 * both + 4 * 8 * 2048 * 8192, later) == later
    few = cost.Sizes(10_000, 40_000, 1_000)  # positions, each in a bucket of its own
    assert cost.screened_cost(few, cpu, buckets=2**17).memory > 14 * 2**17 * both
    rounded = 2 * 20_000 * (4096 + 40_000)  # of A's columns and of all of B's, for later tiles
    tile = 16 * 4096**2 + 2 * 8192 * 2 * 4096 + 24 * 12 * both
    left_open = 8 * (24 + 8) * 12 * both
    certified = min(rounded, 2**30) + max(tile, left_open + made)
    assert cost.certified_cost(sizes, cpu).memory == certified


def test_large_arrays_have_memory_of_their_own_until_they_are_given_up():
    large = arrays.apart((1024, 1024), np.float32)
    assert large.flags.writeable
    assert not large.any()
    large += 1
    address = f"{large.ctypes.data:x}-"
    assert arrays.apart((3, 2), np.int16).tolist() == [[0, 0]] * 3
    if Path("/proc/self/maps").exists():
        assert address in Path("/proc/self/maps").read_text()  # it begins where a mapping does
        del large
        assert address not in Path("/proc/self/maps").read_text()


def test_tiles_are_given_up_before_replicates_are_made(monkeypatch):
    rng = np.random.default_rng(0)
    sides = [ArraySource(rng.standard_normal((400, 30)).astype(np.float32)) for _ in range(2)]
    living: list[weakref.ref] = []
    empty, made = arrays.empty, searches.replicates

    def allotted(shape, device):
        room = empty(shape, device)
        living.append(weakref.ref(room))
        return room

    def counted(*args):
        assert len(living) >= 3
        assert not any(room() is not None for room in living)
        return made(*args)

    monkeypatch.setattr(products.arrays, "empty", allotted)
    monkeypatch.setattr(searches, "replicates", counted)
    assert match(*sides, nulls={"shift": 1}, quiet=True, engine="exact").replicates is not None


@pytest.mark.parametrize("name", ["a100", "h100", "h200"])
def test_a_gpu_holds_what_its_plan_says(name):
    """Coarse sketches in two bytes, sums of as many neurons as half of its memory takes, turned columns of 256 rows."""
    sizes, device = cost.Sizes(10**6, 5 * 10**5, 10**7), rates.device_rates(name)
    sums = min(10**6, int(device.memory / 2) // (4 * 8 * 2048)) * 4 * 8 * 2048
    expected = 2 * 2048 * 1.5e6 + sums + 2 * 4 * 256 * 1.5e6
    assert cost.screened_cost(sizes, device).memory == pytest.approx(expected)
    assert expected < device.memory


def test_a_gpu_that_is_not_there_cannot_be_planned_with():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match=r"--device = 'cuda': cannot be used .* Try: --device cpu"):
        rates.device_rates("cuda")
    with pytest.raises(UnknownNameError, match="unknown device 'h1000': did you mean h100"):
        rates.device_rates("h1000")


def test_a_negative_seed_is_refused():
    a = ArraySource(np.eye(4))
    with pytest.raises(InputError, match="seed = -1: must be at least 0"):
        match(a, a, seed=-1, quiet=True)


def test_many_jackknife_blocks_take_smaller_tiles(monkeypatch):
    asked = []
    plain = engine.tile_shape
    monkeypatch.setattr(engine, "tile_shape", lambda sizes, *given: asked.append(sizes.parts) or plain(sizes, *given))
    a = ArraySource(np.random.default_rng(0).standard_normal((100, 4)))
    for blocks in (0, 50, 500):
        match(a, a, jackknife_blocks=blocks, nulls={}, quiet=True)
    assert asked == [15, 50, 100]  # parts are whole blocks, here of 7 positions


def test_nothing_crosses_a_link_to_the_cpu():
    device = rates.device_rates("cpu")
    assert [one(cost.Sizes(100, 100, 100), device).link_seconds for one in (cost.exact_cost, cost.screened_cost)] == [
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("2GiB", 2**31), ("500MB", 500_000_000), ("1e9", 10**9), ("1.5 k", 1500)]
)
def test_amounts_of_memory(text, expected):
    assert cost.byte_count("--memory", text) == expected


@pytest.mark.parametrize("text", ["", "-2GB", "plenty", "2XB", "1..5G"])
def test_no_amounts_of_memory(text):
    with pytest.raises(InputError, match="--memory 2GiB"):
        cost.byte_count("--memory", text)


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


class TestCommandLine:
    def call(self, *arguments):
        return CliRunner().invoke(app, [str(one) for one in arguments])

    def test_contract(self, tmp_path, plant, reference):
        a, b, _ = plant(300, 20, 25, 12)
        a[:, 2] = 7
        np.save(tmp_path / "a.npy", a)
        np.save(tmp_path / "b.npy", b)
        out = tmp_path / "r.nc"
        done = self.call("match", tmp_path / "a.npy", tmp_path / "b.npy", "--json", "--out", out)
        assert done.exit_code == 0, done.output
        record = json.loads(done.stdout)
        expected = reference(a, b)
        assert [tuple(pair[:2]) for pair in record["pairs"]] == sorted(expected)
        np.testing.assert_allclose([pair[2] for pair in record["pairs"]], [expected[p] for p in sorted(expected)])
        assert record["count"] == len(expected)
        assert (record["excluded_a"], record["excluded_b"]) == (1, 0)
        assert (record["engine"], record["positions"], record["status"]) == ("exact", 300, "ok")
        saved = load(out, "pairs")
        assert saved.unit_a.values.tolist() == [pair[0] for pair in record["pairs"]]
        assert int(saved.calibrated_count) == record["calibrated_count"]
        assert float(saved.threshold) == record["threshold"]
        assert not (tmp_path / "r.nc.unfinished").exists()

    def test_the_result_replaces_an_earlier_one_but_no_input(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        np.save("a.npy", np.random.default_rng(0).standard_normal((50, 4)))
        before = (tmp_path / "a.npy").read_bytes()
        options = "--null-permutations", 0, "--jackknife", 0
        done = self.call("match", "a.npy", "a.npy", *options, "--out", "a.npy")
        assert done.exit_code != 0
        assert "--out = 'a.npy': is the same file as the input a.npy; must be another file. Try: --out" in str(
            done.exception
        )
        (tmp_path / "link.nc").hardlink_to(tmp_path / "a.npy")
        assert "is the same file as the input" in str(
            self.call("match", "a.npy", "a.npy", *options, "--out", "link.nc").exception
        )
        assert (tmp_path / "a.npy").read_bytes() == before
        for seed in (1, 2):
            done = self.call("match", "a.npy", "a.npy", *options, "--seed", seed, "--out", "pairs.nc")
            assert done.exit_code == 0, done.output
            assert load("pairs.nc", "pairs").attrs["seed"] == seed

    def test_without_nulls_the_calibrated_count_is_null(self, tmp_path):
        np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((50, 4)))
        path = tmp_path / "a.npy"
        record = json.loads(self.call("match", path, path, "--json", "--null-permutations", 0).stdout)
        assert record["calibrated_count"] is None
        assert record["threshold"] is None
        assert record["count"] == 4

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("a.npy", "short.npy"), "must be equal"),
            (("a.npy", "absent.npy"), "no such file"),
            (("a.npy", "objects.npy"), "holds Python objects"),
            (("a.npy", "cut.npy"), "not a whole .npy file"),
            (("a.npy", "cube.npy"), "a.npy 50 × 4 and cube.npy 100 × 2': must be equal"),  # two positions a batch
            (("a.npy", "checkpoint"), "two files of activations or two checkpoints"),
            (("a.npy", "a.npy", "--engine", "exakt"), "did you mean exact"),
            (("a.npy", "a.npy", "--layers-a", "7"), "has the layers [0]"),
            (("a.npy", "a.npy", "--layers-a", "x"), "layer numbers"),
            (("a.npy", "a.npy", "--memory", "1kB"), "memory = '1e+03 B': with the smallest tile this matching needs"),
            (("a.npy", "a.npy", "--jackknife", "1"), "must be between 2 and 1024, or 0 for no standard error"),
            (("a.npy", "a.npy", "--jackknife", "2000"), "must be between 2 and 1024, or 0 for no standard error"),
            (("a.npy", "a.npy", "--layers-b", "0,7"), "--layers-b = [7]: a.npy has the layers [0]. Try: --layers-b 0"),
            (("a.npy", "none.zarr"), "none.zarr: no such file. Try: an array of shape (positions, neurons)"),
            (("a.npy", "a.npy", "--untrained", "1"), "applies to checkpoints"),
        ],
    )
    def test_refusals(self, tmp_path, monkeypatch, arguments, message):
        monkeypatch.chdir(tmp_path)
        rng = np.random.default_rng(0)
        a = rng.standard_normal((50, 4))
        np.save("a.npy", a)
        np.save("short.npy", a[:-1])
        np.save("cube.npy", a.reshape(50, 2, 2))
        np.save("objects.npy", np.array([[{}, 1]], dtype=object), allow_pickle=True)
        with open("a.npy", "rb") as whole, open("cut.npy", "wb") as part:
            part.write(whole.read()[:400])
        done = self.call("match", *arguments)
        assert done.exit_code != 0
        assert message in str(done.exception)

    def test_plan_tells_what_each_null_draw_takes(self):
        sizes = "--neurons-a", 1e6, "--neurons-b", 5e5, "--positions", 1e7, "--device", "h200"
        alone, drawn = (
            json.loads(self.call("plan", *sizes, "--json", *more).stdout) for more in ((), ("--null-permutations", 3))
        )
        assert (alone["null_draws_counted_in"], drawn["null_draws_counted_in"]) == (0, 3)
        for one, three, each in zip(alone["engines"], drawn["engines"], alone["each_null_draw"], strict=True):
            assert each["engine"] == one["engine"]
            for name in ("operations", "bytes_moved", "seconds", "link_seconds"):
                assert one[name] + 3 * each[name] == pytest.approx(three[name], rel=1e-9)
        exact, screened = alone["each_null_draw"]
        assert exact["operations"] == pytest.approx(2 * 1e6 * 5e5 * 1e7)
        assert screened["seconds"] < exact["seconds"] / 20
        assert alone["bytes_kept_for_nulls"] == 4 * 1.5e6 * 1e7
        told = self.call("plan", *sizes).stdout
        line = next(line for line in told.splitlines() if line.startswith("each draw of a null: "))
        assert f"exact {exact['seconds'] / 3600:.1f} h more, screened {screened['seconds'] / 60:.1f} min more" in line
        assert "none included; match draws 3 by default" in line
        assert "read from activations on disk, 60 TB" in told
        assert "memory excludes model weights" in told
        assert "(3 included)" in self.call("plan", *sizes, "--null-permutations", 3).stdout
        assert "copies of activations take 60 TB on disk" in told
        assert "copies of activations take 30 TB on disk" in self.call("plan", *sizes, "--spool", "float16").stdout

    def test_plan_has_a_row_for_the_certified_engine_where_match_takes_it(self, monkeypatch):
        """Operations at six times the speed of float32; 16 bytes for each pair of a tile, and what stays in memory."""
        from rosettalaw.empirical.matching.machine import choice

        monkeypatch.setattr(choice, "fastest", lambda *of: "certified")
        monkeypatch.setattr(choice, "half_precision_speed", lambda device: 4.0)
        monkeypatch.setattr(choice, "integer_speed", lambda over_half: 1.5)
        sizes = "--neurons-a", 9000, "--neurons-b", 30_000, "--positions", 20_000, "--memory", "8GiB", "--json"
        record = json.loads(self.call("plan", *sizes).stdout)
        exact, certified, _ = record["engines"]
        assert certified["engine"] == "certified"
        assert certified["operations"] == pytest.approx(exact["operations"] + 2 * 12 * 39_000 * 20_000)
        rates, bytes_moved = record["device"], certified["bytes_moved"]
        seconds = certified["operations"] / 6 / rates["operations"] + bytes_moved / rates["bandwidth"]
        assert certified["seconds"] == pytest.approx(seconds)
        stay = 2**30  # of the two bytes of 20,000 × 34,096 numbers
        needed = 16 * 4096**2 + 2 * 8192 * 8192 + stay + 24 * 12 * 39_000
        assert certified["memory"] == pytest.approx(needed)
        tight = json.loads(self.call("plan", *sizes[:7], "2GiB", "--json").stdout)["engines"][1]
        assert tight["memory"] == pytest.approx(needed - stay + 2**29)  # a quarter of it, which is less than would stay
        assert certified["detail"].startswith("24 tiles of 4096 × 4096; products taken as 6 times as fast")

    def test_plan(self):
        done = self.call(
            "plan", "--neurons-a", 1e6, "--neurons-b", 1e6, "--positions", 1e7, "--device", "h200", "--json"
        )
        record = json.loads(done.stdout)
        assert [one["engine"] for one in record["engines"]] == ["exact", "screened"]
        assert "not measured here" in record["device"]["source"]
        assert record["detectable_correlation"] == pytest.approx(0.0016, rel=0.05)
        assert "did you mean h200" in str(
            self.call("plan", "--neurons-a", 1, "--neurons-b", 1, "--positions", 9, "--device", "h2000").exception
        )
