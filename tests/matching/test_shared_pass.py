"""The matching and its null draws share a pass over A where tiles have room: fewer readings, the same bits."""

import weakref

import numpy as np
import pytest

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import cost, engine, match, products
from rosettalaw.empirical.nulls import permute
from rosettalaw.empirical.nulls.permute import Permuted
from tests.matching.stopping import Stops


class Counted(ArraySource):
    """An array that counts the numbers read from it."""

    read = 0

    def rows(self, index, columns=slice(None)):
        found = super().rows(index, columns)
        self.read += found.size
        return found


def bits(found):
    """Return all that was found, as bytes."""
    arrays = [found.unit_a, found.unit_b, found.correlation, found.margin]
    return [one.tobytes() for one in (*arrays, *found.nulls["permuted"], *found.replicates.correlations)]


def at_most(monkeypatch, most):
    monkeypatch.setattr(engine, "matchings_at_once", lambda *sizes: min(most, cost.matchings_at_once(*sizes)))


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_a_shared_pass_gives_the_bits_of_separate_ones(plant, monkeypatch, compute):
    a, b, _ = plant(900, 30, 50, 12)
    options = {"nulls": {"permute": 3}, "tile": (16, 20), "block": 100, "compute": compute, "quiet": True}
    whole = match(ArraySource(a), ArraySource(b), **options)
    assert len({one.tobytes() for one in whole.nulls["permuted"]}) == 3
    for most in (1, 2, 3):
        at_most(monkeypatch, most)
        assert bits(match(ArraySource(a), ArraySource(b), **options)) == bits(whole)


def test_a_is_read_once_for_the_matching_and_its_nulls(plant, monkeypatch):
    """The planted pairs are clear, and B has few other neurons: nothing is close enough to be settled in float64.

    With nulls each model is read once more, and its first row twice, for the effective positions.
    """
    a, b, _ = plant(2000, 12, 12, 12)
    read = {}
    for most in (1, 4):
        at_most(monkeypatch, most)
        for draws in (0, 3):
            sides = Counted(a), Counted(b)
            match(*sides, nulls={"permute": draws}, jackknife_blocks=0, quiet=True)
            read[most, draws] = sides[0].read, sides[1].read
    assert read[1, 0] == read[4, 0]
    sample = a.size + a.shape[1]
    assert read[1, 3][0] == read[1, 0][0] + 3 * a.size + sample
    assert read[4, 3][0] == read[4, 0][0] + sample
    assert read[4, 3][1] == read[1, 3][1] == read[1, 0][1] + 3 * b.size + sample


def test_a_run_stopped_in_a_shared_pass_goes_on_in_separate_ones(tmp_path, plant, monkeypatch):
    """With another number at once, as where memory has become scarce: parts and tiles that are kept serve both."""
    a, b, _ = plant(1600, 30, 30, 12)
    monkeypatch.setattr(products, "SAVE_EVERY", 0.0)
    options = {"nulls": {"permute": 3}, "tile": (16, 30), "block": 100, "quiet": True}
    whole = match(ArraySource(a), ArraySource(b), **options)
    first = Stops(a, 1 + 16 + 5)  # the checksum, a whole tile, some parts of another
    with pytest.raises(KeyboardInterrupt):
        match(first, ArraySource(b), **options, folder=tmp_path / "work")
    kept = {path.name for path in (tmp_path / "work").glob("*.npz")}
    assert {"trained-tile0.npz", "permuted2-tile0.npz", "trained-tile1-part3.npz", "permuted2-tile1-part3.npz"} <= kept
    (tmp_path / "work" / "permuted1-tile1-part2.npz").unlink()  # as if killed between two files of one part
    at_most(monkeypatch, 2)
    assert bits(match(ArraySource(a), ArraySource(b), **options, folder=tmp_path / "work")) == bits(whole)


def test_a_shared_pass_keeps_to_the_budget_and_to_one_large_tile():
    edge_a, edge_b = cost.LARGEST["cpu"]
    for neurons in (100, 1024, 1500, 2048, 9000):
        sizes = cost.Sizes(neurons, neurons, 10**5, draws=5)
        for memory in (2**25, 2**26, 2**28, 2**30, 2**34):
            tile = cost.tile_shape(sizes, memory)
            at_once = cost.matchings_at_once(sizes, tile, memory)
            assert 1 <= at_once <= 6
            assert cost.tile_bytes(sizes, *tile, at_once) <= memory
            assert at_once * tile[0] * tile[1] <= edge_a * edge_b
            more = cost.tile_bytes(sizes, *tile, at_once + 1) > memory
            assert at_once == 6 or more or (at_once + 1) * tile[0] * tile[1] > edge_a * edge_b
    assert cost.matchings_at_once(cost.Sizes(1024, 1024, 10**6, draws=3), (1024, 1024), 2**34) == 4
    assert cost.matchings_at_once(cost.Sizes(4096, 4096, 10**6, draws=3), (2048, 4096), 2**34) == 1


def test_many_draws_hold_one_block_and_as_many_orders_as_share_a_pass(plant, monkeypatch):
    """Blocks are counted while they live: A's block and one of B's, whatever the number of draws."""
    a, b, _ = plant(4000, 12, 12, 8)
    blocks, most, orders = [], 0, weakref.WeakSet()

    class Block(np.ndarray):
        """An array that can be counted."""

    class Watched(ArraySource):
        def rows(self, index, columns=slice(None)):
            nonlocal most
            found = super().rows(index, columns).view(Block)
            blocks[:] = [one for one in blocks if one() is not None] + [weakref.ref(found)]
            most = max(most, len(blocks))
            return found

    class Order(Permuted):
        def __init__(self, *given):
            super().__init__(*given)
            orders.add(self)
            held.append(len(orders))

    monkeypatch.setattr(permute, "Permuted", Order)
    for at_once, together in ((1, 1), (3, 3), (7, 6)):
        at_most(monkeypatch, at_once)
        held, most = [], 0
        match(Watched(a), Watched(b), nulls={"permute": 6}, block=100, quiet=True)
        assert most <= 4  # each side's block, while the next one is read
        assert max(held) == together
