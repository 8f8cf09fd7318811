"""The certified engine's bound: no correlation is further off, it is reached, and its sums are those by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching.certifying import piece_kernels, pieces, sums, tile
from rosettalaw.empirical.matching.certifying.bound import EIGHT_BITS, RISK, WIDTH, Norms, bound, gamma
from rosettalaw.empirical.matching.certifying.standard import moments_of
from rosettalaw.empirical.matching.certifying.tile import certified_tile
from rosettalaw.empirical.matching.machine.checkpoint import Checkpoint
from rosettalaw.empirical.matching.machine.reading import cut


def columns(rng, positions, neurons):
    """Columns that bfloat16 rounds as badly as it can, all in one direction, beside ordinary and heavy-tailed ones."""
    worst = (1 + 2.0**-9 * 0.999) * 2.0 ** rng.integers(-3, 4, (positions, neurons))
    mixed = [worst, -worst, worst * rng.choice([-1, 1], (positions, 1)), rng.standard_normal((positions, neurons))]
    mixed += [
        rng.standard_cauchy((positions, neurons)).clip(-1e6, 1e6) ** 3,
        rng.standard_normal((positions, neurons)) + 1e4,
    ]
    mixed += [1e-17 * rng.standard_normal((positions, neurons)), rng.random((positions, neurons)) < 2 / positions]
    return np.concatenate(mixed, axis=1).astype(np.float32)


def tile_of(a, b, two, device="cpu", block=512, parts=3, shrink=1.0, apart=0.0):
    sources = ArraySource(a), ArraySource(b)
    stretches = cut(len(a), block, parts)
    where = stretches, device, Checkpoint(None, {}), "", lambda positions: None
    moments = [moments_of(source, side, 7, *where)[0] for side, source in enumerate(sources)]
    moments[0].square *= shrink
    for side in moments:
        side.mean += apart * np.sqrt(side.square / len(a))
    return certified_tile(sources, (slice(0, a.shape[1]), slice(0, b.shape[1])), moments, two, device)


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
    error = np.broadcast_to(found.error, found.rho.shape)[:, : truth.shape[1]]
    assert (np.abs(rho - truth) <= error)[known].all()
    rounded = 2.0**-8 * (1 + np.abs(rho)) * (device == "cpu")  # sums in 8 bits
    assert (error < (4e-4 if two else 1.8e-2) + rounded)[known].all()
    assert np.isnan(rho[~known]).all()


def test_the_bound_is_reached_to_a_few_times(correlations):
    """All of a column's roundings point along another column: a bound of half the size would be exceeded."""
    u, w = np.tile([1, 1, -1, -1], 500), np.tile([1, -1, 1, -1], 500)
    x = (1.5 * u + 0.99 * 2.0**-8 * w)[:, None].astype(np.float32)  # bfloat16 has 1.5 and 1.5 ± 2⁻⁷ there
    y = w[:, None].astype(np.float32)
    nearest = tile_of(x, y, two=False, device="cpu:0")
    assert 0.5 * nearest.error < np.abs(nearest.rho.numpy() - correlations(x, y)).max() <= nearest.error
    at_random = tile_of(x, y, two=False)
    assert np.abs(at_random.rho - correlations(x, y)).max() <= at_random.error.max() < nearest.error


def test_the_bound_by_hand():
    """A column on each side, no sum but Σq² = 4 over four positions, a residual of an eighth: σ = ε + (1 + ε) ε'.

    Rounded at random with steps of 2⁻¹² and q = ±1, Σ g² q'² = 4 · 2⁻²⁴ and Σ g² g'² = 4 · 2⁻⁴⁸, over S S' = 4.
    """
    norms = Norms(np.array([[0.0], [4.0], [0.0], [4.0 / 64], [0.0], [0.0]]), 4)
    hand = bound(norms, norms, rows=1, blocks=1, unit=0.0)
    assert hand.everywhere == pytest.approx(1 / 8 + 9 / 8 / 8, rel=1e-3)
    assert not hand.at_random
    at_random = Norms(np.array([[0.0], [4.0], [0.0], [4.0 / 64], [4.0], [4 * 2.0**-48]]), 4)
    assert bound(at_random, at_random, 1, 1, 0.0).at_random
    (_, step, fourth, both) = at_random.roundings()[:, 0]
    assert both**2 == pytest.approx(2.0**-23 / 4, rel=1e-4)
    assert WIDTH * step * fourth == pytest.approx(WIDTH * 2.0**-11 / 4, rel=1e-4)
    assert 2 * np.exp(-2 * WIDTH**2) == pytest.approx(RISK)
    doubtful = Norms(np.array([[8.0, np.inf], [17.0, np.inf], [0, 0], [0, 0], [0, 0], [0, 0]]), 4)
    assert doubtful.doubtful.tolist() == [True, True]
    assert gamma(3, 0.25) == 3


def test_sums_of_random_roundings_stay_far_within_their_bound(correlations):
    """Hoeffding's bound at a risk of 2⁻⁶⁴ is 4.7 times its own unit, and roundings have at most half the spread of it.

    The largest of 40,000 errors is about four of their standard deviations: between a fiftieth and a half of the bound.
    """
    rng = np.random.default_rng(5)
    a, b = (rng.standard_normal((4000, 200)).astype(np.float32) for _ in "ab")
    found = tile_of(a, b, two=False)
    off = np.abs(found.rho - correlations(a, b)) / found.error
    assert 0.02 < off.max() < 0.5


def test_rounding_at_random_keeps_means_and_is_independent():
    """A third of a step above a number of eight bits: a third of the copies go up, anywhere."""
    n, columns, third = 4096, 48, np.float32(1 + 2.0**-7 / 3)
    x = np.full((n, columns), third)
    x[: n // 2] = 0
    mean, square = np.zeros(columns), np.full(columns, float(n))
    side = pieces.HostPieces(mean, square, n, False, n, 0)
    first, _ = side.take(x, 0)
    up = (first.float().numpy() > 1)[:, n // 2 :]
    assert set(np.unique(first.float().numpy()[:, n // 2 :])) == {1.0, np.float32(1 + 2.0**-7)}
    spread = (2 / 9 / up.size) ** 0.5
    assert abs(up.mean() - 1 / 3) < 4 * spread
    centred = up - 1 / 3
    for lag in (1, 2, 16, 32, 64, 128):  # hashes serve two positions, half a run apart
        assert abs((centred[:, lag:] * centred[:, :-lag]).mean()) < 4 * 2 / 9 / centred[:, lag:].size ** 0.5
    between = centred @ centred.T / centred.shape[1] / (2 / 9)
    assert np.abs(between - np.diag(np.diag(between))).max() < 5 / centred.shape[1] ** 0.5
    later, _ = side.take(x, n)
    assert (later.float().numpy()[:, n // 2 :] > 1).mean() != up.mean()
    other = pieces.HostPieces(mean, square, n, False, n, 1).take(x, 0)[0].float().numpy()[:, n // 2 :] > 1
    assert abs(np.mean((other - 1 / 3) * centred)) < 4 * 2 / 9 / centred.size**0.5


def test_the_error_of_each_pair_by_hand(monkeypatch):
    """Rounding from either side, the sizes of blocks of 8 bits, and the flat part, in float64."""
    monkeypatch.setattr(tile, "ROWS", 64)
    monkeypatch.setattr(sums, "SMALL", 0)
    rng = np.random.default_rng(8)
    sides = [rng.standard_t(4, (1920, n)).astype(np.float32) for n in (20, 30)]
    found = tile_of(*sides, two=False)
    norms, rounded = [], []
    for number, x in enumerate(sides):
        mean, square = x.mean(0, dtype=float), x.var(0, dtype=float) * len(x)
        side = pieces.HostPieces(mean, square, len(x), False, 64, number)
        rounded.append(np.concatenate([side.take(x[i : i + 64], i)[0].double().numpy().T for i in range(0, 1920, 64)]))
        norms.append(Norms(side.sums, len(x)))
    q = [(x - x.mean(0)) * pieces.scale_of(x.var(0) * 1920, 1920) for x in sides]
    norm = [np.sqrt((one**2).sum(0)) for one in q]
    rest = [np.sqrt(((one - p) ** 2).sum(0)) / n for one, p, n in zip(q, rounded, norm, strict=True)]
    step = [
        (2.0 ** (4 * np.floor(np.log2(np.abs(one))) - 28)).sum(0) ** 0.25 / n for one, n in zip(q, norm, strict=True)
    ]
    fourth = [(one**4).sum(0) ** 0.25 / n for one, n in zip(q, norm, strict=True)]
    at_random = np.hypot(np.outer(step[0], fourth[1]), np.outer(fourth[0], step[1])) + np.outer(*step)
    lost = np.minimum(WIDTH * at_random, rest[0][:, None] + (1 + rest[0][:, None]) * rest[1])
    blocks = np.split(rounded[0], 30), np.split(rounded[1], 30)
    size = sum(np.abs(x.T @ y) for x, y in zip(*blocks, strict=True)) / np.outer(*norm)
    assert (lost < WIDTH * at_random).any()
    assert (lost == WIDTH * at_random).any()
    flat = bound(norms[0], norms[1], 64, 31, 2.0**-23).flat
    np.testing.assert_allclose(found.error, flat + lost + (EIGHT_BITS + 31 * 2.0**-24) * size, rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_columns_that_are_not_quite_centred(device, correlations):
    """Shifts a twentieth of a standard deviation off the means: Σq Σq'/T is taken off."""
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal((2000, 30)).astype(np.float32) for _ in "ab")
    found = tile_of(a, b, False, device, apart=0.05)
    off = np.abs(np.asarray(found.rho) - correlations(a, b))
    assert (off <= found.error).all()
    assert off.max() < 1e-3  # 0.0025 if it were not


def test_blocks_that_repeat_are_rounded_anew(correlations, monkeypatch):
    """The same bits in all of 100 blocks would add up: errors ten times as large, a third of their bound and more."""
    monkeypatch.setattr(tile, "ROWS", 64)
    rng = np.random.default_rng(4)
    a, b = (np.tile(rng.standard_normal((64, 60)), (100, 1)).astype(np.float32) for _ in "ab")
    found = tile_of(a, b, False)
    assert (np.abs(found.rho - correlations(a, b)) / found.error).max() < 0.25


def test_positions_beyond_a_billion_have_random_bits_of_their_own():
    """Two blocks half a billion positions apart: no order of XOR of the second's positions gives the first's bits.

    Keys of 64 numbers a position, cut to 32 bits, were the same in these two blocks, in another order of positions.
    """
    n, columns = 2048, 16
    x = np.full((n, columns), 1 + 2.0**-8, np.float32)
    side = pieces.HostPieces(np.zeros(columns), np.full(columns, float(n)), n, False, n, 0)
    starts = 2**26 + 2048 * 5, 9 * 2**26 + 2048 * (5 ^ 0x4999)
    one, other = (side.take(x, start)[0].float().numpy() > 1 for start in starts)
    one, other = (
        up.reshape(columns, 8, 2, 128).transpose(0, 2, 1, 3).reshape(2 * columns, 1024) for up in (one, other)
    )
    agree = [np.mean(one == other[:, np.arange(1024) ^ order]) for order in range(1024)]
    assert max(agree) < 0.55


def test_sums_exceed_hoeffdings_bound_no_more_often_than_it_says():
    """Its risk is 2⁻⁶⁴; at risks that 20,000 columns can show, no more sums are further off, and some are near."""
    rng = np.random.default_rng(11)
    n, columns = 256, 20_000
    x, y = rng.standard_normal((n, columns)).astype(np.float32), rng.standard_normal(n)
    side = pieces.HostPieces(np.zeros(columns), np.full(columns, float(n)), n, False, n, 0)
    off = (side.take(x, 0)[0].double().numpy().T - x).T @ y
    step = 2.0 ** (np.floor(np.log2(np.abs(x))) - 7)
    unit = np.sqrt((step.astype(float) ** 2 * y[:, None] ** 2).sum(0))
    for risk in (0.5, 0.1, 0.01):
        assert np.mean(np.abs(off) > (np.log(2 / risk) / 2) ** 0.5 * unit) <= risk
    assert 1 < np.max(np.abs(off) / unit) < WIDTH


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("columns", [1, 5, 16, 37])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_measured_sums_are_those_of_the_pieces(two, columns, kind):
    """Σq, Σq², Σp₂², Σr², Σq⁴, Σg⁴ in float64, over blocks that end anywhere."""
    rng = np.random.default_rng(columns)
    x = (rng.standard_t(3, (777, columns)) * 10 + 3).astype(kind)
    mean, square = x.mean(0, dtype=float), x.var(0, dtype=float) * len(x)
    side = pieces.HostPieces(mean, square, len(x), two, 300, 0)
    first, rest, second = [], [], []
    for start in range(0, len(x), 300):
        one, both = side.take(x[start : start + 300], start)
        first.append(one.double().numpy().T.copy())
        if two:
            second.append(both.double().numpy().T[both.shape[1] // 2 :][: len(first[-1])].copy())
    about = mean if kind == np.float64 else mean.astype(np.float32)
    q = ((x - about).astype(np.float32) * pieces.scale_of(square, len(x))).astype(float)
    p, low = np.concatenate(first), np.concatenate(second) if two else 0
    rest = q - p - low
    assert np.abs(rest).max() <= (2.0**-16 if two else 2.0**-7) * np.abs(q).max()
    expected = [q, q**2, low**2 * np.ones_like(q), rest**2]
    if not two:
        expected += [q**4, 2.0 ** (4 * (np.floor(np.log2(np.abs(q))) - 7))]
    for measured, values in zip(side.sums, expected, strict=False):
        np.testing.assert_allclose(measured, values.sum(0), rtol=2e-5, atol=2e-5 * np.abs(values).sum(0).max())


def test_sums_that_were_saved_need_no_kernels_of_their_own():
    """For an array in another order a kernel would be compiled again, in seconds, whenever a killed run resumes."""
    x = np.random.default_rng(0).standard_normal((300, 40)).astype(np.float32)
    facts = x.mean(0, dtype=float), x.var(0, dtype=float) * 300, 300, False, 300, 0
    side, resumed = pieces.HostPieces(*facts), pieces.HostPieces(*facts)
    side.take(x, 0)
    compiled = set(piece_kernels.split.signatures)
    resumed.sums = side.sums
    resumed.take(x, 300)
    assert set(piece_kernels.split.signatures) == compiled
    assert side.sums.flags.c_contiguous
    np.testing.assert_allclose(resumed.sums[:2], 2 * side.sums[:2])


def test_blocks_in_eight_bits_are_added_with_their_sizes():
    rng = np.random.default_rng(0)
    total, size = np.zeros((2, 5, 37), np.float32)
    numbers = torch.from_numpy(rng.standard_normal((3, 5, 37)).astype(np.float32)).bfloat16()
    bits = numbers.view(torch.int16).numpy().view(np.uint16)
    for some in (bits[:2], bits[2:]):
        piece_kernels.add_bits(some, total, size)
    exact = numbers.double().numpy()
    np.testing.assert_allclose(total, exact.sum(0), atol=1e-6)
    np.testing.assert_allclose(size, np.abs(exact).sum(0), atol=1e-6)
    one, other = (torch.from_numpy(rng.standard_normal((300, 200)).astype(np.float32)).bfloat16() for _ in "ab")
    room = torch.empty(300, 300, dtype=torch.bfloat16)
    truth = one.double().numpy() @ other.double().numpy().T
    off = np.abs(sums.host_product(one, other, room).double().numpy() - truth)
    assert (off <= EIGHT_BITS * np.abs(truth) + gamma(200, 2.0**-23) * 200 * 25).all()
    assert sums.host_product(one[:9], other[:9], room[:9, :9]).dtype == torch.float32


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_small_products_are_float32_where_torch_casts_by_itself(kind):
    rng = np.random.default_rng(0)
    one, other = (torch.from_numpy(rng.standard_normal((9, 200)).astype(np.float32)).bfloat16() for _ in "ab")
    with torch.autocast("cpu", dtype=kind):
        product = sums.host_product(one, other, torch.empty(9, 9, dtype=torch.bfloat16))
    np.testing.assert_allclose(product.numpy(), one.double().numpy() @ other.double().numpy().T, atol=1e-4)
    assert product.dtype == torch.float32


def test_float16_that_overflows_leaves_columns_undecided(monkeypatch, correlations):
    """Scales that are a million times too large: what float16 cannot hold has no bound, and no correlation."""
    monkeypatch.setitem(pieces.KINDS, "cpu", "float16")
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((500, 6)).astype(np.float32) for _ in "ab")
    found = tile_of(a * 1e5, b, two=True, device="cpu:0")
    assert not found.doubtful[0].any()
    assert np.abs(np.asarray(found.rho) - correlations(a, b)).max() <= found.error
    beyond = tile_of(a, b, two=True, device="cpu:0", shrink=1e-12)
    assert beyond.doubtful[0].all()
    assert not beyond.doubtful[1].any()
    assert np.isnan(np.asarray(beyond.rho)).all()
