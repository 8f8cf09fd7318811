"""Cost of a matching, and the memory that it is given and gives up."""

import os
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import cost, engine, match, products, rates, searches
from rosettalaw.empirical.matching.machine import arrays
from rosettalaw.errors import InputError, UnknownNameError


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
