"""The calibrated count by its definition, by hand and by brute force; planted pairs at the rate of theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.calibration import calibrate
from rosettalaw.empirical.matching import match
from rosettalaw.errors import InputError
from rosettalaw.theory.detectability import detect


def test_by_hand():
    """Ten pairs from .1 to 1; the null has .05, .15 and .25 in three draws: E(ρ) ≤ .1 K(ρ) first at ρ = .1."""
    calibration = calibrate(
        np.arange(1, 11) / 10, {"permuted": [np.array([0.05, 0.15]), np.array([0.25]), np.array([])]}, 0.1
    )
    # ρ   K   V   (1 + V)/3     ρ = .1: 10, 2 → 1;  .2: 9, 1 → .67 ≤ .9
    assert calibration.threshold == 0.1
    assert calibration.count == 10
    assert calibration.expected_null == pytest.approx(1.0)
    assert calibration.null_raw == {"permuted": 1.0}
    assert calibration.null_above == {"permuted": pytest.approx(2 / 3)}
    stricter = calibrate(
        np.arange(1, 11) / 10, {"permuted": [np.array([0.05, 0.15]), np.array([0.25]), np.array([])]}, 0.07
    )
    assert (stricter.threshold, stricter.count) == (pytest.approx(0.3), 8)


values = arrays(np.float64, st.integers(0, 12), elements=st.sampled_from(np.linspace(0, 1, 11)))


@given(
    found=values,
    permuted=st.lists(values, min_size=1, max_size=4),
    untrained=st.lists(values, min_size=0, max_size=3),
    q=st.sampled_from([0.05, 0.2, 0.5, 0.9]),
)
def test_equals_the_definition(found, permuted, untrained, q):
    """Try every pair's correlation as the threshold, count by comparing."""
    nulls = {"permuted": permuted, **({"untrained": untrained} if untrained else {})}
    best = None
    for rho in sorted(set(found.tolist()), reverse=True):
        expected = max((1 + sum((draw >= rho).sum() for draw in draws)) / len(draws) for draws in nulls.values())
        if expected <= q * (found >= rho).sum():
            best = rho
    result = calibrate(found, nulls, q)
    if best is None:
        assert result.count == 0
        assert np.isnan(result.threshold)
    else:
        assert result.threshold == best
        assert result.count == (found >= best).sum()


def test_refusals():
    with pytest.raises(InputError, match=r"q = 1\.5: must be between 0 and 1"):
        calibrate(np.ones(3), {"permuted": [np.ones(1)]}, q=1.5)
    with pytest.raises(InputError, match="at least one draw"):
        calibrate(np.ones(3), {})
    with pytest.raises(InputError, match="at least one draw"):
        calibrate(np.ones(3), {"permuted": []})


@pytest.mark.parametrize("strength", [0.1, 0.25, 0.5])
def test_planted_pairs_are_found_at_the_rate_of_theory(strength):
    """Neurons √s z + ξ: isolation s in both networks, independent noise; 40 of them beside 60 idle neurons per side."""
    counts = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        signals = rng.standard_normal((300, 40))
        a, b = (rng.standard_normal((300, 100)) for _ in range(2))
        a[:, :40] += np.sqrt(strength) * signals
        b[:, :40] += np.sqrt(strength) * signals
        matches = match(ArraySource(a), ArraySource(b), nulls={}, jackknife_blocks=0, quiet=True)
        counts.append(np.sum((matches.unit_a == matches.unit_b) & (matches.unit_a < 40)))
    expected = detect(np.full(40, strength), inputs=300, interference=0.0, idle=60)
    assert abs(np.mean(counts) - expected.count) < 4 * expected.count_sd / 5 + 0.3


def test_the_threshold_of_a_matching_clears_both_nulls(plant):
    a, b, _ = plant(600, 40, 50, 25)
    matches = match(ArraySource(a), ArraySource(b), nulls={"permute": 4}, quiet=True)
    permuted = matches.calibrate()
    assert permuted.count == pytest.approx(25, abs=2)
    strict = matches.calibrate({"untrained": [np.full(3, 0.7), np.full(2, 0.75)]})
    assert strict.threshold > 0.75
    assert strict.count < permuted.count
    assert strict.standard_error == matches.count_error(strict.threshold)
    assert match(ArraySource(a), ArraySource(b), nulls={}, quiet=True).calibrate() is None
