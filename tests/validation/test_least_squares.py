"""Searches for least squares against SciPy's, with limits and without, and where the answer is known."""

import numpy as np
import pytest
from scipy import optimize

from rosettalaw.validation.least_squares import least_squares

X = np.linspace(0.1, 3, 9)


def decay(at):
    return at[0] * np.exp(-at[1] * X) + at[2]


def decay_slopes(at, left):
    fall = np.exp(-at[1] * X)
    return np.stack([fall, -at[0] * X * fall, np.ones_like(X)], axis=1)


@pytest.mark.parametrize("jacobian", [None, decay_slopes])
@pytest.mark.parametrize("limits", [(-np.inf, np.inf), ([0, 0, 0], [2.2, 0.9, 5])])
def test_searches_end_where_scipys_do(jacobian, limits):
    rng = np.random.default_rng(0)
    at_limits = 0
    for _ in range(12):
        truth = rng.uniform([1, 0.5, -0.2], [3, 2, 0.5])
        measured = decay(truth) + rng.normal(0, 0.02, len(X))
        start = np.clip([2.0, 0.8, 0.1], *limits)
        ours, left = least_squares(lambda at, y=measured: decay(at) - y, start, jacobian, 1e-14, limits)
        theirs = optimize.least_squares(
            lambda at, y=measured: decay(at) - y, start, bounds=limits, xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
        assert left @ left <= 2 * theirs.cost * (1 + 1e-12)
        np.testing.assert_allclose(ours, theirs.x, rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(left, decay(ours) - measured)
        at_limits += bool(np.any(ours == limits[0]) or np.any(ours == limits[1]))
    assert (at_limits > 3) == (limits[0] != -np.inf)


def test_the_classic_valley_and_one_without_a_bottom():
    at, left = least_squares(lambda at: np.array([10 * (at[1] - at[0] ** 2), 1 - at[0]]), [-1.2, 1.0])
    np.testing.assert_allclose(at, [1, 1], rtol=1e-7)
    assert left @ left < 1e-14
    at, left = least_squares(lambda at: np.array([at[0] + at[1] - 3]), [0.0, 0.0])  # any pair with the sum
    assert at.sum() == pytest.approx(3)


def test_exact_data_are_met_to_rounding_in_few_values():
    asked = []

    def residuals(at):
        asked.append(at)
        return decay(at) - decay([2.0, 1.3, 0.2])

    at, _ = least_squares(residuals, [1.5, 0.8, 0.0], decay_slopes, 1e-14)
    np.testing.assert_allclose(at, [2.0, 1.3, 0.2], rtol=1e-12)
    assert len(asked) < 15
