"""The certified engine with columns of eight-bit integers: the exact engine's pairs, and bounds that hold."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match, products
from rosettalaw.empirical.matching.certifying import integer_kernels, integers, search, undecided
from rosettalaw.empirical.matching.certifying import rounded as earlier
from rosettalaw.empirical.matching.certifying.bound import MOST, RISK, WIDTH, Norms, bound
from rosettalaw.empirical.matching.certifying.standard import moments_of
from rosettalaw.empirical.matching.certifying.tile import certified_tile
from rosettalaw.empirical.matching.machine import choice
from rosettalaw.empirical.matching.machine.checkpoint import Checkpoint
from rosettalaw.empirical.matching.machine.reading import cut
from rosettalaw.errors import RosettaError
from tests.matching.stopping import Stops


@pytest.fixture(autouse=True, scope="module")
def exact_products():
    if choice.measured_speed_of_integers(True) == 0:
        pytest.skip("products of eight-bit integers are not exact on this processor")


@pytest.fixture(autouse=True)
def whole(monkeypatch):
    monkeypatch.setattr(search, "forms_that_pay", lambda: (True, True))
    monkeypatch.setattr(integers, "LIMIT", np.inf)


def matched(a, b, engine="certified", **options):
    return match(ArraySource(a, "a"), ArraySource(b, "b"), quiet=True, engine=engine, **{"nulls": {}, **options})


def same(found, exact):
    for name in ("unit_a", "unit_b"):
        np.testing.assert_array_equal(getattr(found, name), getattr(exact, name))
    assert found.correlation.tobytes() == exact.correlation.tobytes()
    for label, draws in found.nulls.items():
        for one, other in zip(draws, exact.nulls[label], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def tile_of(a, b, reach=1.0):
    sources, where = (ArraySource(a), ArraySource(b)), (cut(len(a), 300, 3), "cpu", Checkpoint(None, {}), "")
    standard = [moments_of(source, side, 7, *where, lambda positions: None) for side, source in enumerate(sources)]
    (of_a, reach_a), (of_b, reach_b) = standard
    columns = slice(0, a.shape[1]), slice(0, b.shape[1])
    return certified_tile(sources, columns, (of_a, of_b), False, reach=(reach * reach_a, reach_b))


def columns(rng, positions, neurons):
    """Columns just beyond halves of a step, two-valued, heavy-tailed, far from 0, all but constant."""
    steps = rng.integers(-126, 127, (positions, neurons)) + 0.499
    mixed = [
        steps,
        np.abs(steps),
        rng.choice([-1.0, 1.0], (positions, neurons)),
        rng.standard_normal((positions, neurons)),
    ]
    mixed += [
        rng.standard_cauchy((positions, neurons)).clip(-1e6, 1e6) ** 3,
        1e4 + rng.standard_normal((positions, neurons)),
    ]
    mixed += [1e-17 * rng.standard_normal((positions, neurons)), rng.random((positions, neurons)) < 2 / positions]
    return np.concatenate(mixed, axis=1).astype(np.float32)


def test_pairs_are_the_exact_engines(plant):
    a, b, _ = plant(3000, 60, 70, 25, noise=1.5)
    a[:, 40:44] = a[:, [3]] * np.array([1, 2, -1, 1 + 1e-6], np.float32)
    a[:, 59] = 3.0
    options = {"nulls": {"shift": 2, "permute": 1}, "tile": (25, 40)}
    found, exact = matched(a, b, **options), matched(a, b, "exact", **options)
    same(found, exact)
    assert found.details["format"] == "int8"
    assert found.details["pieces"] == 1
    assert found.details["largest_error"] < found.details["largest_bound"]
    assert found.details["computed_exactly"] < 0.5 * 60 * 70
    assert found.stability is not None
    assert exact.stability is not None
    copies = np.isin(found.unit_a, [3, 40, 41, 42, 43])  # take each other's place in a half as rounding has it
    assert np.array_equal(found.stability[~copies], exact.stability[~copies])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 1500), st.integers(1, 40))
def test_no_correlation_is_further_off_than_the_bound(correlations, seed, positions, width):
    rng = np.random.default_rng(seed)
    one, other = columns(rng, positions, 3)[:, :width], columns(rng, positions, 3)
    other[:, :3] = one[:, :1] + other[:, :3] / 8
    found, truth = tile_of(one, other), correlations(one, other)
    known = ~found.doubtful[0][:, None] & ~found.doubtful[1] & np.isfinite(truth)
    assert known.mean() > 0.5
    assert (np.abs(found.rho - truth) <= found.error)[known].all()
    assert np.isnan(found.rho[~known]).all()


def test_the_error_of_each_pair_by_hand():
    """C (1/S² + 1/S'²)^½ and C √T/(S S'), or all roundings pointing along the other column, in float64."""
    rng = np.random.default_rng(8)
    sides = [rng.standard_t(4, (1920, n)).astype(np.float32) for n in (20, 30)]
    on_the_grid = np.concatenate([[126.5, -126.5], np.repeat([100.0, -100.0], 400), np.zeros(1118)])
    sides[0][:, 0], sides[1][:, 0] = on_the_grid, np.roll(on_the_grid, 500)
    found = tile_of(sides[0], sides[1])
    q = [x - x.mean(0, dtype=float) for x in sides]
    q = [MOST * one / np.abs(one).max(0) for one in q]
    norm = [np.sqrt((one**2).sum(0)) for one in q]
    at_random = np.hypot(1 / norm[0][:, None], 1 / norm[1]) + 1920**0.5 / np.outer(*norm)
    tiny = 2.0**-17 * 1920**0.5 / min(norm[0].min(), norm[1].min())
    flat = 3.1 * tiny + 5e-5
    np.testing.assert_allclose(found.error[1:, 1:], WIDTH * at_random[1:, 1:], rtol=1e-3, atol=flat)
    rest = 0.5**0.5 / norm[0][0]  # 126.5 and −126.5 are half a step off, and nothing else is
    assert found.error[0, 0] == pytest.approx(2 * rest, rel=0.01, abs=flat)
    assert 2 * rest < 0.5 * WIDTH * at_random[0, 0]


def test_the_bound_by_hand():
    """A spike of 120 and three zeros of four positions: float32 and sixteen random bits, on both sides alike."""
    norms = Norms(np.array([[0.0], [14400.0], [0.0], [0.0], [0.0], [0.0]]), 4, whole=True)
    both = bound(norms, norms, rows=8192, blocks=1, unit=0.0)
    tiny = 2.0**-23 + (2.0**-17 + 2.0**-24) * 2 / 120
    assert both.at_random
    assert both.flat == pytest.approx(3 * tiny + 264 * 2.0**-24 + 2.0**-22 + 264**2 * 2.0**-48, rel=0.3)
    np.testing.assert_allclose(norms.roundings()[:, 0], [tiny, 1 / 120, 1, 4**0.25 / 120], rtol=1e-4)
    assert 2 * np.exp(-2 * WIDTH**2) == pytest.approx(RISK)


def rounded(x, reach, start=0, side=0):
    """Columns as whole numbers, and the object that has their sums."""
    mean, square = x.mean(0, dtype=float), x.var(0, dtype=float) * len(x)
    room = integers.HostIntegers(mean, square, np.full(x.shape[1], reach), len(x), len(x), side)
    return room.take(x, start)[0].double().numpy().T, room


def test_rounding_keeps_means_and_is_independent():
    """A third of a step above a whole number: a third of the copies go up, anywhere."""
    n, width = 4096, 48
    x = np.tile(np.float32([[1 / 3], [-1 / 3]]), (n // 2, width))
    values, _ = rounded(x, MOST)
    up = values - np.floor(x)
    assert set(np.unique(up)) == {0, 1}
    centred = up - (x - np.floor(x))
    spread = (2 / 9) ** 0.5
    assert abs(centred.mean()) < 4 * spread / centred.size**0.5
    for lag in (1, 2, 16, 32, 64, 128, 256):  # hashes serve two positions, half a run apart
        assert abs((centred[lag:] * centred[:-lag]).mean()) < 4 * 2 / 9 / centred[lag:].size ** 0.5
    between = centred.T @ centred / n / (2 / 9)
    assert np.abs(between - np.diag(np.diag(between))).max() < 5 / n**0.5
    assert (rounded(x, MOST, start=n)[0] != values).any()
    assert abs(np.mean((rounded(x, MOST, side=1)[0] - x) * centred)) < 4 * 2 / 9 / centred.size**0.5


@pytest.mark.parametrize("width", [1, 5, 16, 37])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_measured_sums_are_those_of_the_rounded_columns(width, kind):
    """Σq, Σq² and Σr² in float64, over positions that fill no strip."""
    x = (np.random.default_rng(width).standard_t(3, (777, width)) * 10 + 3).astype(kind)
    reach = np.abs(x - x.mean(0)).max()
    values, room = rounded(x, reach)
    about = x.mean(0, dtype=float)
    q = ((x - (about if kind == np.float64 else about.astype(kind))) * (MOST / reach)).astype(float)
    assert values.shape == (832, width)  # whole strips; what is beyond the positions is 0
    assert not values[777:].any()
    rest = q - values[:777]
    assert np.abs(rest).max() < 1.001
    for place, expected in ((0, q), (1, q**2), (3, rest**2)):
        np.testing.assert_allclose(
            room.sums[place], expected.sum(0), rtol=3e-5, atol=3e-5 * np.abs(expected).sum(0).max()
        )


def test_sums_exceed_hoeffdings_bound_no_more_often_than_it_says():
    """Both sides' roundings together: at risks that 20,000 pairs can show, no more of them are further off."""
    rng = np.random.default_rng(11)
    n, pairs = 256, 20_000
    x, y = (rng.standard_normal((n, pairs)).astype(np.float32) for _ in "ab")
    step = [np.abs(one - one.mean(0)).max() / MOST for one in (x, y)]
    one, other = (
        rounded(side, unit * MOST, side=i)[0] for i, (side, unit) in enumerate(zip((x, y), step, strict=True))
    )
    q, p = ((side - side.mean(0, dtype=float)) / unit for side, unit in zip((x, y), step, strict=True))
    off = np.abs((one * other - q * p).sum(0))
    unit = np.sqrt((q**2 + p**2).sum(0))
    for risk in (0.5, 0.1, 0.01):
        assert np.mean(off > (np.log(2 / risk) / 2) ** 0.5 * (unit + n**0.5)) <= risk
    assert 1 < np.max(off / unit) < WIDTH


def test_blocks_that_repeat_are_rounded_anew(correlations, monkeypatch):
    """The same bits in all of 100 blocks would add up: errors ten times as large, and beyond their bound."""
    monkeypatch.setattr(integers, "FEWEST", 64)
    monkeypatch.setattr(integers, "MOST_ROWS", 64)
    rng = np.random.default_rng(4)
    a, b = (np.tile(rng.standard_normal((64, 60)), (100, 1)).astype(np.float32) for _ in "ab")
    found = tile_of(a, b)
    assert (np.abs(found.rho - correlations(a, b)) / found.error).max() < 0.5


def test_numbers_beyond_their_range_leave_columns_undecided(correlations):
    """A reach that is too small by half: int8 does not hold what is beyond, and nothing is said of those columns."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((500, 20)).astype(np.float32) for _ in "ab")
    found = tile_of(a, b, reach=0.5)
    assert found.doubtful[0].all()
    assert not found.doubtful[1].any()
    assert np.isnan(found.rho).all()
    within = tile_of(a, b, reach=0.997)  # 126.5/0.997 = 126.9
    assert not within.doubtful[0].any()
    assert (np.abs(within.rho - correlations(a, b)) <= within.error).all()


def test_products_and_their_sums_are_exact():
    rng = np.random.default_rng(1)
    total = np.zeros((5, 7))
    expected = np.zeros((5, 7), np.int64)
    for _ in range(3):
        one, other = (torch.from_numpy(rng.choice([-127, 127, 3], (n, 8192)).astype(np.int8)) for n in (5, 7))
        room = torch.empty(5, 7, dtype=torch.int32)
        integer_kernels.add_integers(integers.integer_product(one, other, room).numpy(), total)
        expected += one.long().numpy() @ other.long().numpy().T
    assert np.array_equal(total, expected)


def test_heavy_tails_are_rounded_to_bfloat16(monkeypatch):
    """Bounds of typical pairs near the noise of correlations: C √2 m/126.5 > 0.7 for m = 14 standard deviations."""
    monkeypatch.setattr(integers, "LIMIT", 0.7)
    rng = np.random.default_rng(2)
    a, b = (rng.standard_normal((2000, 30)).astype(np.float32) for _ in "ab")
    b[:, :20] = a[:, :20] + 0.5 * b[:, :20]
    assert matched(a, b).details["format"] == "int8"
    spikes = np.where(np.arange(2000)[:, None] == rng.integers(0, 2000, 30), 16, 0).astype(np.float32)
    assert matched(a + spikes, b + spikes).details["format"] == "bfloat16"
    mixed = matched(np.concatenate([a, a + spikes], axis=1), b, tile=(30, 30))
    assert mixed.details["format"] == "int8"  # the median of both sides decides
    found = matched(np.concatenate([a, a + 2 * spikes], axis=1), b, tile=(30, 30))
    assert found.details["format"] == "bfloat16 and int8"
    same(found, matched(np.concatenate([a, a + 2 * spikes], axis=1), b, "exact", tile=(30, 30)))


def test_forms_that_leave_too_much_open_are_followed_by_finer_ones(plant, monkeypatch):
    a, b, _ = plant(3000, 60, 70, 25, noise=1.5)
    a[:, 40:44] = a[:, [3]]
    exact = matched(a, b, "exact", tile=(25, 40), nulls={"shift": 1})
    formats = []
    for room in (32, 8, 3, 1):
        monkeypatch.setattr(undecided, "ROOM", room)
        found = matched(a, b, tile=(25, 40), nulls={"shift": 1})
        same(found, exact)
        formats.append((found.details["format"], found.details["pieces"], found.details["tiles_in_float32"] > 0))
    assert formats[0] == ("int8", 1, False)
    assert formats[-1][2]
    assert "bfloat16" in formats[1][0] or "bfloat16" in formats[2][0]


def test_a_form_that_leaves_too_much_open_is_not_tried_again(plant, monkeypatch):
    a, b, _ = plant(3000, 60, 70, 25, noise=1.5)
    tried = []

    def noted(sources, columns, moments, two, *how):
        tried.append((columns[0].start, columns[1].start, how[-2] is not None))
        return certified_tile(sources, columns, moments, two, *how)

    monkeypatch.setattr(search, "certified_tile", noted)
    monkeypatch.setattr(undecided, "ROOM", 3)
    found = matched(a, b, tile=(60, 35))
    assert found.details["format"] == "bfloat16"
    assert [whole for *_, whole in tried].count(True) == 1
    assert {b for _, b, _ in tried} == {0, 35}


def test_products_beyond_their_bound_are_refused(plant, monkeypatch):
    a, b, _ = plant(3000, 60, 70, 25, noise=1.5)
    right = integers.integer_product
    monkeypatch.setattr(integers, "integer_product", lambda *of: right(*of).mul_(11).div_(10, rounding_mode="floor"))
    with pytest.raises(RosettaError, match=r"correlations are further off than their bound.*--engine exact"):
        matched(a, b)


def test_an_interrupted_matching_goes_on_with_the_same_bits(plant, tmp_path, monkeypatch):
    a, b, _ = plant(3000, 60, 70, 25, noise=1.5)
    monkeypatch.setattr(products, "SAVE_EVERY", 0.0)
    for name in ("FEWEST", "MOST_ROWS"):
        monkeypatch.setattr(integers, name, 100)

    options = {"nulls": {"shift": 1}, "tile": (25, 40), "block": 100, "engine": "certified", "quiet": True}
    for reads in (110, *40 * [300]):
        try:
            found = match(Stops(a, reads), ArraySource(b), folder=tmp_path / "work", **options)
            break
        except KeyboardInterrupt:
            assert reads == 300 or list((tmp_path / "work").glob("*-whole-blocks0of1.npz"))
    assert reads == 300
    undisturbed = match(ArraySource(a), ArraySource(b), **options)
    assert found.correlation.tobytes() == undisturbed.correlation.tobytes()
    assert found.details == undisturbed.details
    assert found.details["format"] == "int8"


def test_a_saved_speed_decides(monkeypatch):
    monkeypatch.undo()
    assert choice.integer_speed(True, lambda over_half: 1.5) in (1.5, choice.integer_speed(True))
    cases = [
        (2.0, None, (False, True)),
        (2.0, 1.0, (False, True)),
        (2.0, 1.2, (True, True)),
        (None, 9.0, (False, True)),
    ]
    cases += [(0.2, 1.0, (False, True)), (0.2, 1.2, (True, False)), (0.0, 4.0, (True, False))]
    for half, ratio, pays in cases:
        monkeypatch.setattr(choice, "half_precision_speed", lambda device, half=half: half)
        monkeypatch.setattr(
            choice, "integer_speed", lambda over, ratio=ratio, half=half: ratio if over == (half >= 1) else 99
        )
        assert choice.forms_that_pay() == pays


def test_products_that_are_not_exact_are_not_taken(monkeypatch):
    def saturated(one, other, room):
        return room.copy_((one.float() @ other.float().T).clamp(-32767, 32767).int())

    monkeypatch.setattr(integers, "integer_product", saturated)
    assert choice.measured_speed_of_integers(True) == 0

    def missing(one, other, room):
        raise AttributeError

    monkeypatch.setattr(integers, "integer_product", missing)
    assert choice.measured_speed_of_integers(True) == 0


def test_columns_are_read_once_for_all_tiles(plant, monkeypatch):
    """Moments, tiles, open pairs and pairs read A; of 2 × 3 tiles and two draws, the tiles read it once in all."""
    a, b, _ = plant(3000, 60, 70, 25, noise=1.5)
    options = {"tile": (30, 24), "nulls": {"shift": 1}}
    expected = matched(a, b, "exact", **options)

    class Counted(ArraySource):
        read = 0

        def rows(self, index, columns=slice(None)):
            block = super().rows(index, columns)
            Counted.read += block.size
            return block

    read = {}
    for most in (2**30, 0):
        monkeypatch.setattr(earlier, "MOST_ROUNDED", most)
        Counted.read = 0
        found = match(Counted(a), ArraySource(b), quiet=True, engine="certified", **options)
        read[most] = Counted.read / a.size
        same(found, expected)
    assert read[0] - read[2**30] == pytest.approx(2 * 3 - 1, abs=0.05)


def test_room_for_rounded_columns():
    """Eight bytes of a quarter: A's columns give way to others of A, B's do not, and another B takes their place."""
    room = earlier.Rounded(32)
    first, second, third = (torch.zeros(n, dtype=torch.int8) for n in (3, 4, 3))

    def put(side, key, block):
        columns = room.begun(side, len(block))
        if columns is not None:
            columns.blocks.append(block)
            room.ended(side, key, columns)
        return columns is not None

    assert put(0, "a", first)
    assert put(1, "b", second)
    assert not put(1, "c", third)
    assert put(0, "d", second)
    assert room.whole(0, "a") is None
    assert room.whole(0, "d").blocks[0] is second
    assert room.whole(1, "b") is not None
    room.restart()
    assert room.whole(1, "b") is None
    assert put(1, "c", third)
    room.restart(a=True, b=False)
    assert not put(1, "c", third)
    assert room.whole(0, "d") is not None
    room.forget()
    assert room.whole(0, "d") is None
    assert not put(0, "e", torch.zeros(9, dtype=torch.int8))
