"""The steps of the certified engine's proof one by one, and its engine where processes, caches and settings differ."""

import json
import threading
import types

import numpy as np
import pytest
import torch

from rosettalaw.checksums import unsealed
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.certifying import integer_kernels, integers, search, undecided
from rosettalaw.empirical.matching.certifying.bound import RISK, SIXTEEN_BITS, Norms, bound
from rosettalaw.empirical.matching.certifying.integers import rows_at_once
from rosettalaw.empirical.matching.certifying.piece_kernels import mixed
from rosettalaw.empirical.matching.machine import choice


def unmixed(bits):
    """Numbers whose hash is `bits`: the finaliser of MurmurHash3 backwards."""
    bits = bits.astype(np.uint64)
    for factor, shifts in ((0xC2B2AE35, (16,)), (0x85EBCA6B, (13, 26)), (1, (16,))):
        bits = bits ^ np.bitwise_xor.reduce([bits >> np.uint64(shift) for shift in shifts])
        bits = bits * np.uint64(pow(factor, -1, 1 << 32)) & np.uint64(0xFFFFFFFF)
    return bits.astype(np.uint32)


@pytest.fixture(scope="module")
def all_hashes():
    """Keys of rows that between them have each sixteen random bits once."""
    every = np.arange(1 << 16, dtype=np.uint32)
    rows = unmixed(every << 16 | every)
    assert [mixed(row) for row in rows[:9]] == [one << 16 | one for one in range(9)]
    return rows


@pytest.mark.parametrize("low", [-127, -64, -2, -1e-3, 0, 1, 63, 120])
def test_whole_numbers_are_right_in_the_mean(all_hashes, low):
    """Over all random bits the mean is q but for 2⁻¹⁷ and 2⁻²⁴, either way, and a neighbour is always taken."""
    rng = np.random.default_rng(3)
    spread = abs(low) or 2.0**-15
    numbers = np.float32(low) + (spread / 20 * rng.random(16)).astype(np.float32)
    numbers = np.append(numbers, np.array([low, low + 3 * 2.0**-17 if low > 0 else low + 2.0**-18], np.float32))
    for q in numbers:
        out = np.empty(1 << 17, np.int8)
        values = np.full(1 << 17, q)
        integer_kernels._rounded(values, np.float32(1), all_hashes, np.uint32(0), out)
        assert set(np.unique(out)) <= {np.floor(q), np.ceil(q)}
        for half in out.reshape(2, -1):
            assert abs(half.mean() - float(q)) <= SIXTEEN_BITS


def test_a_column_that_is_rounded_coarsely_has_room_for_what_the_other_is_off_by():
    """A spike, and all else half a step off: (ε + t)(1) + (1 + ε + t)(ε' + t'), with t the share that q is off by."""
    positions, spike = 1_000_000, 126.5
    rest = positions / 4
    norms = Norms(np.array([[0.0], [spike**2], [0.0], [rest], [0.0], [0.0]]), positions, whole=True)
    off = 2.0**-23 + 2.0**-17 * positions**0.5 / spike
    share = rest**0.5 / spike + off
    error = norms.roundings()[0, 0]
    assert error >= share
    whole = bound(norms, norms, rows=8192, blocks=123, unit=0.0)
    assert whole.flat + whole.factor * (error + (1 + error) * error) >= share + (1 + share) * share


def test_blocks_are_whole_strips():
    """Others would be copied, each of them."""
    for width in (1, 1000, 1025, 3000, 4095, 8192):
        assert rows_at_once((width, 7)) % 64 == 0
        assert 2048 <= rows_at_once((7, width)) <= 8192


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROSETTALAW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def never(over_half):
    raise AssertionError("measured again")


def test_products_that_are_not_exact_are_measured_once(cache):
    """A speed of 0 is a result: every search of every matching would measure anew."""
    assert choice.integer_speed(True, lambda over_half: 0.0) == 0
    assert choice.integer_speed(True, never) == 0
    assert choice.forms_that_pay() == (False, True)


def test_a_cache_that_cannot_be_written_is_measured_for_once(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROSETTALAW_CACHE", str(tmp_path / "file"))
    assert choice.integer_speed(True, lambda over_half: 2.0) is None
    assert choice.integer_speed(True, never) is None


KEY = f"{choice._machine('cpu')}, over bfloat16"
DAMAGED = ["", "[]", "{", '{"KEY": "fast"}', '{"KEY": true}', '{"KEY": NaN}', '{"KEY": -1.5}', '{"KEY": 1e999}']
DAMAGED += ['{"KEY": null, "other": [[1], {"a": 2.0}]}', "\udc80", "[" * 10**5]
DAMAGED += ['{"other": ' + "[" * 900 + "]" * 900 + "}"]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_speeds_are_measured_again(cache, text):
    cache.mkdir()
    path = cache / choice.SPEEDS_OF_INTEGERS
    path.write_bytes(text.replace("KEY", KEY).encode(errors="surrogateescape"))
    assert choice.integer_speed(True, lambda over_half: 1.5) == 1.5
    assert unsealed(json.loads(path.read_text())) == {KEY: 1.5}


def test_a_folder_in_place_of_the_speeds_leaves_bfloat16(cache):
    (cache / choice.SPEEDS_OF_INTEGERS).mkdir(parents=True)
    assert choice.integer_speed(True, lambda over_half: 1.5) is None
    assert choice.forms_that_pay() == (False, True)


def test_a_saved_speed_of_products_that_are_not_exact_now_is_not_followed(cache, monkeypatch):
    """Settings of the libraries, or another machine whose processor has the same name, change the products."""
    assert choice.half_precision_speed("cpu", lambda device: 1.2) == 1.2
    assert choice.integer_speed(True, lambda over_half: 1.5) == 1.5
    right = integers.integer_product
    assert choice.forms_that_pay() == (choice.exact_integers(), True)
    monkeypatch.setattr(integers, "integer_product", lambda *of: right(*of).clamp_(-32767, 32767))
    assert choice.forms_that_pay() == (False, True)


def test_slow_products_are_measured_small(monkeypatch):
    """Plain loops that stand in for missing kernels take minutes for large ones."""
    edges = []

    def ratio(edge, over_half=True):
        edges.append(edge)
        return 0.1

    monkeypatch.setattr(choice, "exact_integers", lambda: True)
    monkeypatch.setattr(choice, "_ratio_of_integers", ratio)
    assert choice.measured_speed_of_integers(True) == 0.1
    assert edges == [choice.SMALLER]
    monkeypatch.setattr(choice, "_ratio_of_halves", lambda device, *size: ratio(size[0]))
    assert choice.measured_speed("cpu") == 0.1
    assert edges == 2 * [choice.SMALLER]


@pytest.fixture
def whole(monkeypatch):
    if not choice.exact_integers():
        pytest.skip("products of eight-bit integers are not exact on this processor")
    monkeypatch.setattr(search, "forms_that_pay", lambda: (True, True))
    monkeypatch.setattr(integers, "LIMIT", np.inf)


def matched(a, b, **options):
    sources = ArraySource(a, "a"), ArraySource(b, "b")
    return match(*sources, quiet=True, engine="certified", **{"nulls": {"shift": 1}, "tile": (25, 40), **options})


def test_process_0_decides_whether_integers_are_multiplied(plant, whole, monkeypatch):
    """Processes that disagree would send each other sums of different kinds."""
    a, b, _ = plant(1000, 30, 40, 10)
    asked = []
    others = {**vars(search.distributed), "once": lambda make: asked.append(make()) or (False, True)}
    monkeypatch.setattr(search, "distributed", types.SimpleNamespace(**others))
    assert matched(a, b, nulls={}).details["format"] == "bfloat16"
    assert asked == [(True, True)]


def test_the_risk_counts_both_roundings_of_a_tile(plant, whole, monkeypatch):
    """A tile that whole numbers leave open is rounded to bfloat16 at random too: each form can be wrong."""
    a, b, _ = plant(500, 30, 35, 10)
    options = {"nulls": {}, "jackknife_blocks": 0}
    monkeypatch.setattr(undecided, "ROOM", 1)
    assert matched(a, b, **options).details["risk_of_a_bound"] == 4 * RISK * 30 * 35
    monkeypatch.setattr(search, "forms_that_pay", lambda: (False, True))
    assert matched(a, b, **options).details["risk_of_a_bound"] == 2 * RISK * 30 * 35


def test_where_half_precision_is_slow_integers_or_float32_decide_every_tile(plant, whole, monkeypatch):
    """Nothing is rounded to bfloat16: neither what integers leave open, nor columns too heavy-tailed for them."""
    a, b, _ = plant(800, 50, 80, 12)  # four tiles
    exact = match(ArraySource(a, "a"), ArraySource(b, "b"), quiet=True, nulls={}, engine="exact")
    monkeypatch.setattr(search, "forms_that_pay", lambda: (True, False))
    monkeypatch.setattr("rosettalaw.empirical.matching.certifying.tile.pieces_of", never)
    by_integers = matched(a, b, nulls={})
    for name, value, format, in_float32 in (
        (None, 0, "int8", 0),
        ("ROOM", 1, "float32", 4),
        ("LIMIT", 0, "float32", 4),
    ):
        with monkeypatch.context() as changed:
            if name:
                changed.setattr(undecided if name == "ROOM" else integers, name, value)
            result = matched(a, b, nulls={})
        assert (result.details["format"], result.details["tiles_in_float32"]) == (format, in_float32)
        assert result.details["pieces"] == 1
        assert result.details["risk_of_a_bound"] == 2 * RISK * 50 * 80
        assert result.correlation.tobytes() == exact.correlation.tobytes()
        np.testing.assert_array_equal(result.unit_a, exact.unit_a)
        np.testing.assert_array_equal(result.unit_b, exact.unit_b)
    assert by_integers.details["decided_by_bound"] > 0


def test_a_tile_that_integers_cannot_round_leaves_them_to_the_next(plant, whole, monkeypatch):
    """One heavy-tailed range of columns is computed in float32; the others by integers."""
    a, b, _ = plant(2000, 50, 40, 12)
    a[::500, :25] *= 1e4
    monkeypatch.setattr(search, "forms_that_pay", lambda: (True, False))
    monkeypatch.setattr(integers, "LIMIT", 0.7)
    result = matched(a, b, nulls={})
    assert result.details["format"] == "float32 and int8"
    assert result.details["tiles_in_float32"] == 1
    exact = match(ArraySource(a, "a"), ArraySource(b, "b"), quiet=True, nulls={}, engine="exact")
    assert result.correlation.tobytes() == exact.correlation.tobytes()


def test_settings_of_torch_change_nothing_and_are_not_changed(plant, whole):
    a, b, _ = plant(600, 30, 45, 15)
    plain = matched(a, b)

    def same():
        found = matched(a, b)
        return found.correlation.tobytes() == plain.correlation.tobytes() and found.details == plain.details

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert same()
        assert torch.is_autocast_enabled("cpu")
    with torch.inference_mode():
        assert same()
    torch.use_deterministic_algorithms(True)
    torch.set_default_dtype(torch.float64)
    try:
        assert same()
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_default_dtype(torch.float32)
    results, threads = [], torch.get_num_threads()
    thread = threading.Thread(target=lambda: results.append(same()))
    thread.start()
    thread.join()
    assert results == [True]
    assert torch.get_num_threads() == threads
