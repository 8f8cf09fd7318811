"""The certified engine: the pairs of the exact engine and of brute force; its bound has tests of its own."""

import json

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import engine, match, products
from rosettalaw.empirical.matching.certifying import sums, tile, undecided
from rosettalaw.empirical.matching.certifying.bound import RISK
from rosettalaw.errors import InputError, RosettaError
from tests.matching.stopping import Stops


@pytest.fixture(autouse=True)
def bfloat16(monkeypatch):
    """Integers, which some processors multiply faster, have tests of their own (`test_certified_integers`)."""
    monkeypatch.setattr("rosettalaw.empirical.matching.certifying.search.forms_that_pay", lambda: (False, True))


def matched(a, b, engine="certified", **options):
    return match(ArraySource(a, "a"), ArraySource(b, "b"), quiet=True, engine=engine, **{"nulls": {}, **options})


def same(found, exact):
    """The pairs and their correlations to the bit; all else up to float32."""
    assert found.unit_a.tolist() == exact.unit_a.tolist()
    assert found.unit_b.tolist() == exact.unit_b.tolist()
    assert found.correlation.tobytes() == exact.correlation.tobytes()
    np.testing.assert_allclose(found.margin, exact.margin, atol=1e-6)
    assert found.a.excluded.tolist() == exact.a.excluded.tolist()
    assert found.b.excluded.tolist() == exact.b.excluded.tolist()
    assert found.nulls.keys() == exact.nulls.keys()
    for label, draws in found.nulls.items():
        for one, other in zip(draws, exact.nulls[label], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def drawn(rng, positions, neurons, signals, tails):
    """Neurons with offsets of 10⁴ standard deviations, scales from 1e-8 to 1e8, constants, copies and near copies."""
    draw = {
        "normal": lambda: rng.standard_normal((positions, neurons)),
        "cauchy": lambda: rng.standard_cauchy((positions, neurons)),
        "sparse": lambda: np.maximum(rng.standard_normal((positions, neurons)) - 1.5, 0),
    }[tails]()
    draw += signals[:, rng.integers(0, signals.shape[1], neurons)] * rng.uniform(0, 2, neurons)
    for u in np.flatnonzero(rng.random(neurons) < 0.3):  # of any neuron, up to 1e-4 to 1e-7, or exactly
        noise = rng.choice([0, 1e-4, 1e-5, 1e-6, 1e-7]) * rng.standard_normal(positions)
        draw[:, u] = draw[:, rng.integers(neurons)] * (1 + noise)
    draw *= 10.0 ** rng.uniform(-8, 8, neurons)
    draw += draw.std(0) * rng.choice([0, 1, -30, 1e4], neurons)
    draw[:, rng.random(neurons) < 0.1] = rng.choice([0.0, 0.1, -1e8])
    copies = rng.random(neurons) < 0.2
    draw[:, copies] = draw[:, [0]] * 2.0 ** rng.integers(-3, 4, copies.sum())
    return draw


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    positions=st.integers(2, 300),
    neurons=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    k=st.integers(1, 3),
    absolute=st.booleans(),
    block=st.sampled_from([9, 64, 4096]),
    shape=st.sampled_from([(6, 5), (11, 8), (64, 64)]),
    tails=st.sampled_from(["normal", "cauchy", "sparse"]),
    kind=st.sampled_from([np.float32, np.float64]),
    two=st.booleans(),
)
def test_equals_the_exact_engine_and_brute_force(
    reference, seed, positions, neurons, k, absolute, block, shape, tails, kind, two
):
    rng = np.random.default_rng(seed)
    signals = rng.standard_normal((positions, 8))
    a, b = (drawn(rng, positions, n, signals, tails).astype(kind) for n in neurons)
    k = min(k, *neurons)
    options = {"k": k, "absolute": absolute, "block": block, "tile": shape}
    # Correlations are equal within 1e-12; two that differ by about that much are either, and no test of anything.
    expected, narrow, broad = (reference(a, b, k, absolute, equal) for equal in (1e-12, 1e-13, 1e-11))
    assume(expected.keys() == narrow.keys() == broad.keys())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rosettalaw.empirical.matching.certifying.search.begins_with_two", lambda *of: two)
        patch.setattr(sums, "SMALL", 0 if seed % 2 else sums.SMALL)
        found = matched(a, b, **options)
    same(found, matched(a, b, "exact", **options))
    assert list(zip(found.unit_a.tolist(), found.unit_b.tolist(), strict=True)) == sorted(expected)
    assert found.details["decided_by_bound"] + found.details["computed_exactly"] == neurons[0] * neurons[1]


@pytest.fixture(scope="module")
def sides(plant):
    a, b, _ = plant(3000, 60, 70, 25, noise=1.5)
    a[:, 40:44] = a[:, [3]] * np.array([1, 2, -1, 1 + 1e-6], np.float32)
    b[:, 50] = b[:, 8] + 1e4
    a[:, 59] = 3.0
    return a, b


@pytest.mark.parametrize("k", [1, 2])
def test_replicates_and_nulls_are_the_exact_engines(sides, k):
    document = np.repeat(np.arange(30), 100)
    sources = [ArraySource(side, name, documents=document) for side, name in zip(sides, "ab", strict=True)]
    options = {"nulls": {"shift": 2, "permute": 1, "documents": 1}, "k": k, "tile": (25, 40), "quiet": True}
    found, exact = (match(*sources, engine=engine, **options) for engine in ("certified", "exact"))
    same(found, exact)
    # Equal neurons take each other's place in a half of the text as rounding has it; all others are the same.
    copies = np.isin(found.unit_a, [3, 40, 41, 42, 43]) | np.isin(found.unit_b, [8, 50])
    assert np.abs(found.stability - exact.stability)[~copies].max() == 0
    np.testing.assert_allclose(found.replicates.pairs_in_half, exact.replicates.pairs_in_half, atol=0.5)
    assert found.calibrate().count == exact.calibrate().count
    assert found.engine == "certified"
    details = found.details
    assert details["pieces"] == 1
    assert 1e-3 < details["largest_bound"] < 5e-3
    assert 1e-6 < details["largest_error"] < details["largest_bound"]
    assert details["computed_exactly"] < 0.6 * 60 * 70
    assert details["risk_of_a_bound"] == 2 * RISK * 60 * 70
    json.dumps(found.record())


def test_products_beyond_their_bound_are_refused(sides, monkeypatch):
    right = sums.host_product
    monkeypatch.setattr(sums, "host_product", lambda *of: right(*of).mul_(1.1))
    with pytest.raises(RosettaError, match=r"correlations are further off than their bound.*--engine exact"):
        matched(*sides)


def test_thousands_of_ties_are_computed_as_in_the_exact_engine(sides, monkeypatch):
    a, b = sides
    monkeypatch.setattr(undecided, "ROOM", 4)
    found = matched(a, b, tile=(25, 40), nulls={"shift": 1})
    assert found.details["tiles_in_float32"] == 0
    assert found.details["pieces"] == 2
    monkeypatch.setattr(undecided, "ROOM", 1)
    tied = matched(a, b, tile=(25, 40), nulls={"shift": 1})
    assert 2 <= tied.details["tiles_in_float32"] <= 6
    for one in (found, tied):
        same(one, matched(a, b, "exact", tile=(25, 40), nulls={"shift": 1}))
    equal = np.repeat(a[:, :1], 40, axis=1)
    same(matched(equal, b), matched(equal, b, "exact"))


def test_columns_that_shift_badly_are_computed_exactly(correlations):
    """A float32 column near 2²⁴ that leaves it twice: its float32 mean is no mean of it."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((400, 5)).astype(np.float32) for _ in "ab")
    a[:, 2] = 2.0**25
    a[:200, 2] += 4
    a[:201, 2] += 4
    b[:, 4] = a[:, 2] - 2.0**25 + b[:, 4] / 8
    same(matched(a, b), matched(a, b, "exact"))


def test_an_interrupted_matching_goes_on_with_the_same_bits(sides, tmp_path, monkeypatch):
    a, b = sides
    monkeypatch.setattr(products, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(tile, "ROWS", 100)

    options = {"nulls": {"shift": 1}, "tile": (25, 40), "block": 100, "engine": "certified", "quiet": True}

    def stopping(reads):
        return match(Stops(a, reads), ArraySource(b), folder=tmp_path / "work", **options)

    runs = 0
    with pytest.raises(KeyboardInterrupt):
        stopping(110)
    assert list((tmp_path / "work").glob("*-blocks0of1.npz"))  # within a tile
    for runs in range(40):  # noqa: B007
        try:
            found = stopping(200)
            break
        except KeyboardInterrupt:
            continue
    assert 2 <= runs < 39
    whole = match(ArraySource(a), ArraySource(b), **options)
    assert found.correlation.tobytes() == whole.correlation.tobytes()
    assert found.nulls["shifted"][0].tobytes() == whole.nulls["shifted"][0].tobytes()
    assert found.stability.tobytes() == whole.stability.tobytes()
    assert found.details == whole.details


def test_other_devices_give_the_same_pairs(sides):
    a, b = sides
    here, there = matched(a, b), matched(a, b, device="cpu:0")
    assert list(zip(there.unit_a, there.unit_b, strict=True)) == list(zip(here.unit_a, here.unit_b, strict=True))
    np.testing.assert_allclose(there.correlation, here.correlation, rtol=1e-12)
    assert there.details["format"] == "bfloat16"


def test_what_the_certified_engine_refuses(sides):
    a, b = sides
    with pytest.raises(InputError, match=r"compute = 'float16': needs the exact engine.*Try: engine='exact'"):
        matched(a, b, compute="float16")
    with pytest.raises(InputError, match="also_k = 2: needs the exact engine"):
        matched(a, b, also_k=(2,))


def test_neurons_with_no_partner_at_all():
    a = np.ones((50, 3), np.float32)
    found = matched(a, a)
    assert found.count == 0
    assert found.a.excluded.tolist() == [0, 1, 2]


def test_torchs_precision_is_as_before(sides):
    before = torch.get_float32_matmul_precision()
    matched(*sides)
    assert torch.get_float32_matmul_precision() == before


def test_files_that_are_kept_mapped_are_small(tmp_path, monkeypatch):
    """Pages of a mapped file count as the process's: larger files are mapped block by block, to the same bits."""
    rng, sides = np.random.default_rng(0), []
    for side in "ab":
        np.save(tmp_path / f"{side}.npy", rng.standard_normal((300, 20)).astype(np.float32))
        sides.append(ArraySource(tmp_path / f"{side}.npy"))
    options = {"nulls": {"shift": 1}, "quiet": True, "engine": "certified"}
    calls, of_all = [], engine.mapped
    monkeypatch.setattr(engine, "mapped", lambda *sources: calls.append(sources) or of_all(*sources))
    mapped = match(*sides, **options)
    assert len(calls) == 1
    monkeypatch.setattr(engine, "MOST_MAPPED", 4 * 300 * 40 - 1)
    same(match(*sides, **options), mapped)
    assert len(calls) == 1
