"""The certified engine: the pairs of the exact engine and of brute force, and a bound that no correlation exceeds."""

import json

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match, products
from rosettalaw.empirical.matching.certifying import pieces, tile, undecided
from rosettalaw.empirical.matching.certifying.bound import Norms, bound, gamma
from rosettalaw.empirical.matching.certifying.standard import moments_of
from rosettalaw.empirical.matching.certifying.tile import certified_tile
from rosettalaw.empirical.matching.machine.checkpoint import Checkpoint
from rosettalaw.empirical.matching.machine.reading import cut
from rosettalaw.errors import InputError, RosettaError


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
        patch.setattr("rosettalaw.empirical.matching.certifying.search.ROUNDED", np.inf if two else 0.0)
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
    json.dumps(found.record())


def columns(rng, positions, neurons):
    """Columns that bfloat16 rounds as badly as it can, all in one direction, beside ordinary and heavy-tailed ones."""
    worst = (1 + 2.0**-9 * 0.999) * 2.0 ** rng.integers(-3, 4, (positions, neurons))
    mixed = [worst, -worst, worst * rng.choice([-1, 1], (positions, 1)), rng.standard_normal((positions, neurons))]
    mixed += [rng.standard_cauchy((positions, neurons)) ** 3, rng.standard_normal((positions, neurons)) + 1e4]
    mixed += [1e-17 * rng.standard_normal((positions, neurons)), rng.random((positions, neurons)) < 2 / positions]
    return np.concatenate(mixed, axis=1).astype(np.float32)


def tile_of(a, b, two, device="cpu", block=512, parts=3, shrink=1.0):
    sources = ArraySource(a), ArraySource(b)
    stretches = cut(len(a), block, parts)
    where = stretches, device, Checkpoint(None, {}), "", lambda positions: None
    moments = [moments_of(source, side, 7, *where) for side, source in enumerate(sources)]
    moments[0].square *= shrink
    return certified_tile(sources, (slice(0, a.shape[1]), slice(0, b.shape[1])), moments, stretches, two, device)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    positions=st.integers(20, 1500),
    two=st.booleans(),
    device=st.sampled_from(["cpu", "cpu:0"]),
    kind=st.sampled_from(["bfloat16", "float16"]),
)
def test_no_correlation_is_further_off_than_the_bound(correlations, seed, positions, two, device, kind):
    rng = np.random.default_rng(seed)
    common = columns(rng, positions, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(pieces.KINDS, "cpu", kind)  # only torch's arrays ask for it
        found = tile_of(common, np.concatenate([common, columns(rng, positions, 2)], axis=1), two, device)
    truth = correlations(common, np.concatenate([common, columns(np.random.default_rng(seed), positions, 0)], axis=1))
    rho = np.asarray(found.rho)[:, : truth.shape[1]]
    known = ~found.doubtful[0][:, None] & ~found.doubtful[1][: truth.shape[1]] & np.isfinite(truth)
    assert known.mean() > 0.5
    assert np.abs(rho - truth)[known].max() <= found.bound
    assert found.bound < (2e-4 if two else 1.2e-2)
    assert np.isnan(rho[~known]).all()


def test_the_bound_is_reached_to_a_few_times(correlations):
    """All of a column's roundings point along another column: a bound of half the size would be exceeded."""
    u, w = np.tile([1, 1, -1, -1], 500), np.tile([1, -1, 1, -1], 500)
    x = (1.5 * u + 0.99 * 2.0**-8 * w)[:, None].astype(np.float32)  # bfloat16 has 1.5 and 1.5 ± 2⁻⁷ there
    y = w[:, None].astype(np.float32)
    found = tile_of(x, y, two=False)
    assert 0.5 * found.bound < np.abs(found.rho - correlations(x, y)).max() <= found.bound


def test_the_bound_by_hand():
    """A column on each side, no sum but Σq² = 4 over four positions, a residual of an eighth: σ = ε + (1 + ε) ε'."""
    norms = Norms(np.array([[0.0], [4.0], [0.0], [4.0 / 64]]), 4)
    assert bound(norms, norms, rows=1, blocks=1, unit=0.0) == pytest.approx(1 / 8 + 9 / 8 / 8, rel=1e-4)
    doubtful = Norms(np.array([[8.0, np.inf], [17.0, np.inf], [0, 0], [0, 0]]), 4)
    assert doubtful.doubtful.tolist() == [True, True]
    assert gamma(3, 0.25) == 3


def test_float16_that_overflows_leaves_columns_undecided(monkeypatch, correlations):
    """Scales that are a million times too large: what float16 cannot hold has no bound, and no correlation."""
    monkeypatch.setitem(pieces.KINDS, "cpu", "float16")
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((500, 6)).astype(np.float32) for _ in "ab")
    found = tile_of(a * 1e5, b, two=True, device="cpu:0")
    assert not found.doubtful[0].any()
    assert np.abs(np.asarray(found.rho) - correlations(a, b)).max() <= found.bound
    beyond = tile_of(a, b, two=True, device="cpu:0", shrink=1e-12)
    assert beyond.doubtful[0].all()
    assert not beyond.doubtful[1].any()
    assert np.isnan(np.asarray(beyond.rho)).all()


def test_pieces_are_bfloat16_numbers_that_add_up(monkeypatch):
    """Torch rounds factors to bfloat16, which must change nothing; two pieces leave 2⁻¹⁶ of a number at most."""
    x = np.random.default_rng(0).standard_normal((200, 5)).astype(np.float32) * 1e3 + 50
    for side, two in ((0, True), (1, True), (0, False)):
        moments = x.mean(0, dtype=float), ((x - x.mean(0)) ** 2).sum(0, dtype=float)
        columns = pieces.Pieces(*moments, 200, two, 200, side, "cpu")
        first, room = columns.take(x)
        assert torch.equal(room.bfloat16().float(), room)
        scaled = ((x - moments[0].astype(np.float32)) * columns._scale).astype(np.float32)
        second = room[200:] if side == 0 else room[:200]
        rest = scaled - first.numpy() - (second.numpy() if two else 0)
        assert np.abs(rest).max() <= np.abs(scaled).max() * (2.0**-16 if two else 2.0**-8)
        np.testing.assert_allclose(columns.sums[3], (rest.astype(float) ** 2).sum(0), rtol=1e-5)


def test_products_beyond_their_bound_are_refused(sides, monkeypatch):
    rounded = pieces.product
    monkeypatch.setattr(tile, "product", lambda *of: rounded(*of) * 1.1)
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

    class Stops(ArraySource):
        left = 0

        def rows(self, index, columns=slice(None)):
            Stops.left -= 1
            if Stops.left < 0:
                raise KeyboardInterrupt
            return super().rows(index, columns)

    def stopping(reads):
        Stops.left = reads
        return match(Stops(a), ArraySource(b), nulls={"shift": 1}, tile=(25, 40), block=100, engine="certified",
                     folder=tmp_path / "work", quiet=True)  # fmt: skip

    runs = 0
    with pytest.raises(KeyboardInterrupt):
        stopping(130)
    assert list((tmp_path / "work").glob("*-part0of1.npz"))  # within a tile
    for runs in range(40):  # noqa: B007
        try:
            found = stopping(300)
            break
        except KeyboardInterrupt:
            continue
    assert 2 <= runs < 39
    whole = match(ArraySource(a), ArraySource(b), nulls={"shift": 1}, tile=(25, 40), block=100, engine="certified",
                  quiet=True)  # fmt: skip
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
    with pieces.half_precision():
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == before
    matched(*sides)
    assert torch.get_float32_matmul_precision() == before
