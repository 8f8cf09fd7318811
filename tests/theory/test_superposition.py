"""Loadings, isolation and correlation: by brute force, by Monte Carlo, and as properties over random networks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rosettalaw.errors import InputError
from rosettalaw.theory import (
    correlation,
    effective_size,
    interference_variance,
    isolation_from,
    isolation_of,
    tail_loadings,
)

loadings = arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=st.floats(-3, 3, width=32))
noises = st.floats(1e-3, 3)
isolations = st.floats(1e-3, 1e4)


def brute(W, noise):
    neurons, features = W.shape
    matrix = np.zeros(W.shape)
    for j in range(neurons):
        for r in range(features):
            others = sum(W[j, k] ** 2 for k in range(features) if k != r)
            matrix[j, r] = W[j, r] ** 2 / (noise + others)
    return matrix


@settings(deadline=None)
@given(loadings, noises)
def test_isolation_is_the_ratio_of_variances(W, noise):
    isolation = isolation_of(W, noise)
    expected = brute(W, noise)
    np.testing.assert_allclose(isolation.matrix, expected, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(isolation.isolation, expected.max(axis=0), rtol=1e-12, atol=1e-300)
    assert isolation.energy == pytest.approx((W**2).sum())


@settings(deadline=None)
@given(loadings, noises, st.floats(1, 5, exclude_min=True))
def test_features_above_one_have_neurons_of_their_own(W, noise, tau):
    isolation = isolation_of(W, noise)
    dedicated = isolation.neuron[isolation.isolation >= tau]
    assert len(set(dedicated.tolist())) == len(dedicated)


def test_features_at_half_can_share_a_neuron():
    """The rule needs τ > 1: two equal loadings give both features s = 1 − in the same neuron."""
    isolation = isolation_of([[1.0, 1.0]], noise=1e-9)
    assert isolation.neuron.tolist() == [0, 0]
    assert isolation.isolation == pytest.approx([1, 1], rel=1e-6)


@settings(deadline=None)
@given(loadings, noises)
def test_energy_bounds_total_isolation(W, noise):
    isolation = isolation_of(W, noise)
    assert isolation.isolation.sum() <= isolation.energy / noise * (1 + 1e-12)


def test_dominant_loading_keeps_its_digits():
    isolation = isolation_of([[1e8, 1e-8, 0.0]], noise=0.0)
    assert isolation.isolation[0] == pytest.approx(1e32)
    assert isolation_of([[2.0, 0.0]], noise=0.0).isolation.tolist() == [np.inf, 0.0]


@settings(deadline=None)
@given(isolations, isolations)
def test_correlation_is_symmetric_increasing_and_invertible(s, t):
    rho = float(correlation(s, t))
    assert rho == pytest.approx(1 / np.sqrt((1 + 1 / s) * (1 + 1 / t)), rel=1e-13, abs=0)
    assert rho == float(correlation(t, s))
    assert float(correlation(1.1 * s, t)) > rho
    assert float(isolation_from(rho, t)) == pytest.approx(s, rel=1e-10 * (1 + s) * (1 + 1 / t))
    assert float(isolation_from(correlation(s))) == pytest.approx(s, rel=1e-10 * (1 + s))
    assert float(correlation(s)) == pytest.approx(s / (1 + s))


def test_correlation_of_simulated_readouts():
    rng = np.random.default_rng(3)
    z = rng.standard_normal(400_000)
    for s, t in [(0.5, 4.0), (2.0, 2.0), (10.0, 0.3)]:
        a = z + rng.standard_normal(z.size) / np.sqrt(s)
        b = z + rng.standard_normal(z.size) / np.sqrt(t)
        assert np.corrcoef(a, b)[0, 1] == pytest.approx(float(correlation(s, t)), abs=5e-3)


def test_correlation_at_the_ends_and_beyond():
    assert correlation([0.0, np.inf]).tolist() == [0.0, 1.0]
    assert isolation_from([0.0, 1.0]).tolist() == [0.0, np.inf]
    assert np.isnan(isolation_from(0.9, 1.0))  # with s' = 1 no correlation exceeds √½
    assert isolation_from(np.sqrt(0.5), np.inf) == pytest.approx(1)


def test_random_tails_overlap_as_stated():
    """Mean 0 and variance 1/(s s' L) of the inner product of random directions (Eqs. 60–61)."""
    rng = np.random.default_rng(8)
    s, t, size, draws = 2.0, 5.0, 40, 60_000
    u, v = tail_loadings(np.full(draws, s), size, rng), tail_loadings(np.full(draws, t), size, rng)
    np.testing.assert_allclose((u**2).sum(axis=1), 1 / s)
    assert abs(u.mean()) < 4 * u.std() / np.sqrt(u.size)
    overlap = np.sum(u * v, axis=1)
    expected = float(interference_variance(s, t, size))
    assert abs(overlap.mean()) < 4 * np.sqrt(expected / draws)
    assert overlap.var() == pytest.approx(expected, rel=0.03)


def test_effective_size_of_unequal_shares():
    """Random signs on fixed shares: the overlap's variance is that of L equal ones."""
    assert effective_size(np.full(17, 0.3)) == pytest.approx(17)
    rng = np.random.default_rng(4)
    shares = rng.pareto(2.5, 60) + 0.1
    shares /= shares.sum()
    signs = rng.choice([-1.0, 1.0], (60_000, 60))
    assert (signs @ shares).var() == pytest.approx(1 / effective_size(shares), rel=0.03)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: isolation_of([1.0, 2.0], 0.1), r"loadings = 'shape \(2,\)': must be neurons × features"),
        (lambda: isolation_of([[np.nan]], 0.1), "loadings = .*must be finite"),
        (lambda: isolation_of([[1.0]], -1), "noise = -1: must be finite and at least 0"),
        (lambda: isolation_from(1.5), r"correlation = 1.5: must be in \[0, 1\]"),
        (lambda: isolation_from(-0.5), "correlation = -0.5: must be at least 0"),
        (lambda: correlation(-1.0), "isolation = -1.0: must be at least 0"),
        (lambda: correlation(1.0, np.nan), "other = nan"),
        (lambda: tail_loadings([0.0], 5, np.random.default_rng(0)), "must be a vector of values above 0"),
        (lambda: tail_loadings([1.0], 0, np.random.default_rng(0)), "size = 0: must be at least 1"),
        (lambda: effective_size([0.0]), "must contain a positive share"),
        (lambda: interference_variance(1, 1, "many"), "size = 'many': must be a number"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
