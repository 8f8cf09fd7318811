"""One optimum as an object: its certificate holds at any size and tells wrong solutions."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import points

from rosettalaw.errors import InputError
from rosettalaw.theory import allocate, isolation, predict, solve


@settings(deadline=None, max_examples=100)
@given(points)
def test_certificate_holds_and_figures_are_those_of_predict(point):
    neurons, beta, kappa, tau, gamma = point
    found, expected = solve(neurons, beta, kappa, gamma), predict(*point)
    # What rounding r0 leaves of a small budget: r0^β is off by β times as much.
    cancelled = 1e-15 * max(1, beta) * (found.active + found.budget) / found.budget / min(1, abs(beta - 1) + 1e-300)
    assert found.certificate.holds(1e-9 + (cancelled if beta > 1 else 1e-13 / kappa))
    assert (found.r0, found.active) == (float(expected["r0"]), int(expected["active"]))
    assert abs(found.count(tau) - int(expected["count"])) <= 1e-12 * found.r0 + 1e-9


def test_certificate_is_that_of_the_explicit_weights():
    found, explicit = solve(500, 1.4, 0.8), allocate(np.arange(1.0, 2001.0) ** -1.4, 400.0)
    assert found.active == explicit.active
    assert found.multiplier == pytest.approx(explicit.multiplier)
    np.testing.assert_allclose(found.isolation_at(np.arange(1, 2001)), explicit.isolation, atol=1e-11)
    np.testing.assert_array_equal(found.isolation_at(np.arange(1, 2001)), isolation(500, 1.4, 0.8))


def test_certificate_tells_wrong_solutions():
    right = solve(1e9, 1.6)
    assert abs(dataclasses.replace(right, r0=1.01 * right.r0).certificate.budget_residual) > 0.01
    assert dataclasses.replace(right, active=right.active + 1000).certificate.first_order_residual > 1e-3
    assert dataclasses.replace(right, active=right.active - 1000).certificate.first_order_residual > 1e-3
    assert not dataclasses.replace(right, r0=1.01 * right.r0).certificate.holds()


def test_every_feature_active_needs_no_next_rank():
    full = solve(100, 0.5, kappa=100.0)
    assert full.active == 400
    assert full.certificate.holds()


def test_bad_input():
    with pytest.raises(InputError, match=r"beta = 'array of shape \(2,\)': must be one number; predict takes arrays"):
        solve(100, [1.5, 2.0])
    with pytest.raises(InputError, match=r"kappa = 0\.0: must be finite and greater than 0"):
        solve(100, 1.5, 0)


@pytest.mark.parametrize("kappa", [1e-3, 1e-8, 1e-200])
def test_tiny_budgets_have_their_certificate(kappa):
    assert solve(1, 1.5, kappa, 1).certificate.holds()
    assert solve(3, 1.5, kappa, 4).certificate.holds()
