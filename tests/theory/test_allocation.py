"""The exact allocation: first-order conditions, certificates, brute force, and bad input."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import weight_vectors

from rosettalaw.errors import InputError
from rosettalaw.theory import Allocation, Log, PowerLaw, SquaredError, allocate

budgets = st.floats(-6, 6).map(lambda e: 10.0**e)


def bisect(weights, budget):
    """Solve by bisection on log λ: shares no step with the package."""
    w = np.asarray(weights, dtype=np.longdouble)
    low, high = np.log(w.max() / (budget + 1) / w.size / 4), np.log(w.max())
    for _ in range(200):
        middle = (low + high) / 2
        if np.maximum(w / np.exp(middle) - 1, 0).sum() > budget:
            low = middle
        else:
            high = middle
    return np.maximum(w / np.exp(middle) - 1, 0).astype(float)


@settings(deadline=None, max_examples=200)
@given(weight_vectors, budgets)
def test_equals_bisection_and_carries_a_certificate(weights, budget):
    found = allocate(weights, budget)
    np.testing.assert_allclose(found.isolation, bisect(weights, budget), rtol=1e-9, atol=1e-12 * (1 + budget))
    assert found.certificate.holds(1e-9 + 1e-14 / budget)
    assert found.active == np.count_nonzero(found.isolation > 0) or found.isolation[found.isolation > 0].min() < 1e-12
    assert found.isolation.shape == (len(weights),)


@settings(deadline=None, max_examples=60)
@given(weight_vectors, budgets, st.randoms(use_true_random=False), st.floats(0.01, 100))
def test_permutation_and_scale_change_nothing(weights, budget, random, factor):
    found = allocate(weights, budget)
    order = random.sample(range(len(weights)), len(weights))
    np.testing.assert_allclose(
        allocate([weights[i] for i in order], budget).isolation, found.isolation[order], rtol=1e-12, atol=1e-14
    )
    scaled = allocate(np.asarray(weights) * factor, budget)
    np.testing.assert_allclose(scaled.isolation, found.isolation, rtol=1e-9, atol=1e-12 * (1 + budget))
    assert scaled.multiplier == pytest.approx(factor * found.multiplier, rel=1e-12, abs=0)


@settings(deadline=None, max_examples=60)
@given(weight_vectors, budgets)
def test_more_important_features_are_at_least_as_isolated(weights, budget):
    found = allocate(weights, budget)
    assert (np.diff(found.isolation[np.argsort(weights, kind="stable")]) >= 0).all()


def test_millions_of_weights_meet_the_budget_to_rounding():
    found = allocate(PowerLaw(0.5).weights(1 << 21), float(1 << 23))
    assert found.active == 1 << 21
    assert abs(found.certificate.budget_residual) < 1e-14
    assert found.certificate.holds(1e-12)


def test_sum_of_millions_of_weights_is_exact_to_the_last_digits():
    """λ against math.fsum; a plain running sum is off by 10^-14, block sums without the carry by 10^-15."""
    for seed in range(3):
        weights = np.sort(np.random.default_rng(seed).random(1 << 21))[::-1] + 1.0
        found = allocate(weights, 4.0 * weights.size)
        exact = math.fsum(weights) / (4.0 * weights.size + found.active)
        assert found.active == weights.size
        assert found.multiplier == pytest.approx(exact, rel=4e-16, abs=0)


def test_certificate_tells_a_worse_allocation():
    best = allocate([4.0, 2.0, 1.0], 4.0)
    worse = Allocation(np.array([2.5, 1.5, 0.0]), best.multiplier, 2, best.weights, 4.0)
    assert worse.certificate.duality_gap > 1e-3
    assert worse.certificate.first_order_residual > 0.1
    neglected = Allocation(
        np.array([0.0, 4.0, 0.0]), best.multiplier, 1, best.weights, 4.0
    )  # the best feature left out
    assert neglected.certificate.first_order_residual == pytest.approx(4.0 / best.multiplier - 1)
    short = Allocation(0.9 * best.isolation, best.multiplier, 2, best.weights, 4.0)
    assert short.certificate.budget_residual == pytest.approx(-0.1)
    assert not worse.certificate.holds()


def test_zeros_before_positive_weights():
    assert allocate([0.0, 3.0, 0.0], 2.0).isolation.tolist() == [0.0, 2.0, 0.0]
    assert allocate([1.0], 2.0).count(2.0) == 1


@pytest.mark.parametrize(
    ("weights", "budget", "message"),
    [
        ([1.0, np.nan, 0.5], 1, r"weights\[1\] = nan: must be finite and at least 0. Try: allocate\("),
        ([1.0, -1.0], 1, r"weights\[1\] = -1.0"),
        ([np.inf, 1.0], 1, r"weights\[0\] = inf"),
        ([[1.0]], 1, r"array of shape \(1, 1\)': must be a vector"),
        ([], 1, r"array of shape \(0,\)"),
        ([0.0, 0.0], 1, "must hold at least one positive weight"),
        (["a"], 1, "must be a number or an array of numbers"),
        ([1.0], 0, "budget = 0: must be a finite number greater than 0"),
        ([1.0], np.inf, "budget = inf"),
        ([1.0], [1.0, 2.0], "budget = "),
    ],
)
def test_bad_input(weights, budget, message):
    with pytest.raises(InputError, match=message):
        allocate(weights, budget)


@pytest.mark.parametrize("utility", [Log(), SquaredError()])
def test_the_gap_of_a_wrong_solution_is_lagranges_by_search(utility):
    """Weak duality: λB + Σ max_s [w U(s) − λ c s] − Σ w U(s), the maxima found on a grid, over λB."""
    weights, costs, grid = (
        1 / np.arange(1.0, 7.0),
        np.array([1.0, 2.0, 1.0, 0.5, 3.0, 1.0]),
        np.linspace(0, 60, 600_001),
    )
    right = allocate(weights, 12.0, utility, costs)
    assert abs(right.certificate.duality_gap) < 1e-9
    wrong = dataclasses.replace(
        right, isolation=np.array([1.0, 3.0, 0.5, 0.0, 1.0, 2.0]), multiplier=0.7 * right.multiplier
    )
    worth = wrong.multiplier * 12.0
    best = sum(
        np.max(w * utility.value(grid) - wrong.multiplier * c * grid) for w, c in zip(weights, costs, strict=True)
    )
    gap = (worth + best - float(weights @ utility.value(wrong.isolation))) / worth
    assert gap > 0.1
    assert wrong.certificate.duality_gap == pytest.approx(gap, rel=1e-6)
