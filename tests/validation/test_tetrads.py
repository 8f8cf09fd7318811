"""Tetrads and communalities against neurons of planted loadings, and against networks whose pairs are attenuated."""

import numpy as np
import pytest

from rosettalaw.errors import InputError
from rosettalaw.validation import communality, fit_tetrads

PAIRS = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
LOADINGS = np.sqrt([0.8, 0.6, 0.5, 0.7])


def drawn(features, positions, rng, attenuation=0.0):
    """Sample correlations of four neurons per feature, ``λ z + √(1 − λ²) noise``; pairs attenuated by e^normal."""
    z = rng.standard_normal((features, positions, 1))
    noise = rng.standard_normal((features, positions, 4))
    h = LOADINGS * z + np.sqrt(1 - LOADINGS**2) * noise
    h = h - h.mean(axis=1, keepdims=True)
    h = h / np.sqrt(np.sum(h**2, axis=1, keepdims=True))
    rho = np.einsum("fmi,fmj->fij", h, h)
    factor = np.exp(-np.abs(rng.normal(0, attenuation, (features, 6))))
    return {a + b: rho[:, "abcd".index(a), "abcd".index(b)] * factor[:, i] for i, (a, b) in enumerate(PAIRS)}


def test_communality_is_the_squared_loading():
    exact = {a + b: LOADINGS["abcd".index(a)] * LOADINGS["abcd".index(b)] for a, b in PAIRS}
    assert communality(exact["ab"], exact["ac"], exact["bc"]) == pytest.approx([0.8])
    fitted = fit_tetrads(exact, 1e5)
    assert fitted.communality[0] == pytest.approx([0.8, 0.6, 0.5, 0.7])
    assert fitted.log_ratio == pytest.approx(np.zeros((1, 2)), abs=1e-12)


def test_tetrads_vanish_with_one_shared_feature_and_errors_are_those_of_sampling():
    rng = np.random.default_rng(0)
    fitted = fit_tetrads(drawn(400, 1000, rng), 1000)
    assert fitted.log_ratio[:, 0].std() == pytest.approx(np.median(fitted.se[:, 0]), rel=0.1)
    assert fitted.log_ratio[:, 1].std() == pytest.approx(np.median(fitted.se[:, 1]), rel=0.1)
    assert fitted.vanish_p > 0.001
    assert fitted.pair_sd < 0.02
    assert np.median(fitted.communality, axis=0) == pytest.approx(LOADINGS**2, abs=0.02)


def test_attenuation_of_pairs_is_measured():
    """The log of a half-normal factor of scale 0.3 has the standard deviation 0.3 √(1 − 2/π)."""
    rng = np.random.default_rng(1)
    fitted = fit_tetrads(drawn(300, 1000, rng, attenuation=0.3), 1000)
    assert fitted.vanish_p < 1e-6
    assert fitted.pair_sd == pytest.approx(0.3 * np.sqrt(1 - 2 / np.pi), rel=0.12)


def test_bad_correlations_give_one_message():
    good = {a + b: [0.5, 0.6] for a, b in PAIRS}
    with pytest.raises(InputError, match="must also have cd"):
        fit_tetrads({name: one for name, one in good.items() if name != "cd"}, 1000)
    with pytest.raises(InputError, match="above 0 and at most 1"):
        fit_tetrads(good | {"ab": [0.5, -0.1]}, 1000)
    with pytest.raises(InputError, match="of one length"):
        fit_tetrads(good | {"ab": [0.5]}, 1000)
    with pytest.raises(InputError, match="must be more than 10"):
        fit_tetrads(good, 5)
