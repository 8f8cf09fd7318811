"""Lexical share and residuals against sums written out, and against pairs planted within and between span texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.source import RandomAccess, untrained
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.evidence import lexical
from rosettalaw.empirical.matching.evidence.lexical import lexical_share
from rosettalaw.empirical.measures import residual
from rosettalaw.empirical.measures.residual import Residual
from rosettalaw.errors import InputError, RosettaError


class Stream:
    """Activations that can be read from the start alone."""

    def __init__(self, array, span=None):
        self.name, self.positions = "stream", len(array)
        self.layer, self.unit = np.zeros(array.shape[1], int), np.arange(array.shape[1])
        self._array, self._span = array, span

    def labels(self):
        return {"document": np.zeros(self.positions, int), "span": self._span}

    def blocks(self, size):
        for start in range(0, self.positions, size):
            yield self._array[start : start + size]


def residual_by_hand(x, span):
    out = np.array(x, dtype=float)
    for one in set(span.tolist()):
        out[span == one] -= out[span == one].mean(0)
    return out


def by_hand(x, y, span):
    dx, dy = x - x.mean(), y - y.mean()
    between = sum(dx[span == g].mean() * dy[span == g].mean() * np.sum(span == g) for g in set(span.tolist()))
    return between / np.sum(dx * dy)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(lexical, "BLOCK", 17)
    monkeypatch.setattr(residual, "BLOCK", 17)


@given(seed=st.integers(0, 10**6), groups=st.integers(1, 30), offset=st.sampled_from([0.0, 1e4]))
@settings(deadline=None, max_examples=30)
def test_shares_are_the_sums_written_out(seed, groups, offset):
    rng = np.random.default_rng(seed)
    span = 5 * rng.integers(groups, size=60) - 3
    x, y = (rng.standard_normal((60, 4)) + rng.standard_normal((400, 4))[span + 3] + offset for _ in range(2))
    units = [0, 3, 3], [1, 2, 0]
    expected = [by_hand(x[:, i], y[:, j], span) for i, j in zip(*units, strict=True)]
    found = lexical_share(ArraySource(x), ArraySource(y), *units, span)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
    one_by_one = lexical_share(ArraySource(x), Stream(y), *units, span, memory=1)
    np.testing.assert_allclose(one_by_one, found, rtol=1e-9, atol=1e-12)


def test_a_string_detector_has_all_of_its_covariance_between_span_texts():
    rng = np.random.default_rng(0)
    span = rng.integers(40, size=4000)
    lexical_part, context = rng.standard_normal(40)[span], rng.standard_normal(4000)
    x = np.column_stack([lexical_part, context, lexical_part + context, 0 * context])
    y = x + 0.2 * rng.standard_normal(x.shape)
    y[:, 3] = 1.0
    share = lexical_share(ArraySource(x), ArraySource(y), range(4), range(4), span)
    assert share[0] == pytest.approx(1, abs=0.01)
    assert share[1] == pytest.approx(0, abs=0.02)
    assert share[2] == pytest.approx(lexical_part.var() / (lexical_part.var() + context.var()), abs=0.03)
    assert np.isnan(share[3])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("memory", [1, 1 << 30])
def test_residuals_are_the_means_taken_out(kind, memory):
    rng = np.random.default_rng(1)
    span = rng.integers(9, size=100)
    x = (rng.standard_normal((100, 5)) + 3 * rng.standard_normal((9, 5))[span] + 100).astype(kind)
    expected = residual_by_hand(x, span)
    whole = Residual(ArraySource(x), span, memory)
    assert isinstance(whole, RandomAccess)
    assert whole.rows(slice(None)).dtype == kind
    np.testing.assert_allclose(whole.rows(slice(None)), expected, atol=2e-5 if kind == np.float32 else 1e-12)
    picked = np.array([70, 3, 3])
    np.testing.assert_array_equal(whole.rows(picked, slice(1, 4)), whole.rows(slice(None))[picked, 1:4])
    streamed = Residual(Stream(x, span), memory=memory)
    assert not isinstance(streamed, RandomAccess)
    np.testing.assert_array_equal(np.concatenate(list(streamed.blocks(30))), whole.rows(slice(None)))
    np.testing.assert_array_equal(np.concatenate(list(streamed.blocks_from(30, 41))), whole.rows(slice(41, None)))
    assert streamed.labels().keys() == {"document", "span"}


def test_a_function_of_the_text_is_constant_without_it():
    """Rounding, or a model's batches, make nothing of it: neuron 1 has a hundred-thousandth of its deviation left."""
    rng = np.random.default_rng(2)
    span = rng.integers(30, size=2000)
    x = (1000 + rng.standard_normal((30, 3))[span]).astype(np.float32)
    x[:, 1] += 1e-5 * rng.standard_normal(2000)
    x[:, 2] += 1e-2 * rng.standard_normal(2000)
    left = Residual(ArraySource(x), span).rows(slice(None))
    assert not left[:, :2].any()
    assert left[:, 2].std() == pytest.approx(1e-2, rel=0.1)


def test_pairs_that_remain_are_those_that_agree_in_context():
    """Neurons 0 to 9 of both models detect the same strings, 10 to 19 the same contexts, in another order."""
    rng = np.random.default_rng(3)
    span = rng.integers(50, size=5000)
    shared = np.column_stack([rng.standard_normal((50, 10))[span], rng.standard_normal((5000, 10))])
    order = rng.permutation(20)
    a, b = (signal + 0.5 * rng.standard_normal((5000, 20)) for signal in (shared, shared[:, order]))
    twin = {int(i): j for j, i in enumerate(order)}
    options = {"nulls": {"permute": 3}, "quiet": True}
    everything = match(ArraySource(a), ArraySource(b), **options)
    assert {int(i): int(j) for i, j in zip(everything.unit_a, everything.unit_b, strict=True)} == twin
    assert everything.calibrate().count == 20
    beyond = match(Residual(ArraySource(a), span), Residual(ArraySource(b), span), **options)
    calibration = beyond.calibrate()
    strong = beyond.correlation >= calibration.threshold
    assert calibration.count == 10
    assert {int(i): int(j) for i, j in zip(beyond.unit_a[strong], beyond.unit_b[strong], strict=True)} == {
        i: twin[i] for i in range(10, 20)
    }
    expected = np.corrcoef(residual_by_hand(a, span)[:, 12], residual_by_hand(b, span)[:, twin[12]])[0, 1]
    assert beyond.correlation[beyond.unit_a == 12] == pytest.approx(expected, abs=1e-5)


def test_residuals_of_untrained_twins():
    source = Stream(np.eye(4), np.array([0, 0, 1, 1]))
    assert untrained(Residual(source)) is None
    source.untrained = lambda seed: Stream(np.full((4, 4), seed) + np.eye(4), source.labels()["span"])
    twin = untrained(Residual(source))(7)
    np.testing.assert_array_equal(next(twin.blocks(4)), residual_by_hand(np.eye(4), np.array([0, 0, 1, 1])))


def test_bad_input():
    source = ArraySource(np.eye(4))
    with pytest.raises(InputError, match=r"span = None: array does not know the texts of its spans"):
        Residual(source)
    with pytest.raises(InputError, match=r"shape \(3,\)': must have one label for each of the 4 positions"):
        Residual(source, np.arange(3))
    with pytest.raises(InputError, match=r"shape \(3,\)': must have one label"):
        lexical_share(source, source, [0], [0], np.arange(3))
    with pytest.raises(InputError, match="equally many positions"):
        lexical_share(source, ArraySource(np.eye(5)), [0], [0], np.arange(4))


def test_a_full_disk_says_so(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(residual.os, "posix_fallocate", full)
    with pytest.raises(RosettaError, match="the disk is full"):
        Residual(ArraySource(np.eye(4)), np.arange(4), memory=1).rows(slice(None))
