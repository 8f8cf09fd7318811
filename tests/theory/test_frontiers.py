"""Frontiers by whole arrays equal those by brute force and those of the kernels."""

import numpy as np
import pytest

from rosettalaw.theory import frontier
from rosettalaw.theory.frontiers import frontiers


def by_brute_force(neurons, beta, kappa, tau, gamma):
    """Fill ranks one after the other: rank n + 1 is active while the budget buys it at the price it would set."""
    weight = np.arange(1.0, np.floor(gamma * neurons) + 1) ** -beta
    total = np.cumsum(weight)
    levels = (kappa * neurons + np.arange(1, len(weight) + 1)) / total  # r0^β if so many ranks are active
    active = np.flatnonzero(levels * weight > 1)[-1]
    return min(levels[active] ** (1 / beta) * (1 + tau) ** (-1 / beta), np.floor(gamma * neurons))


@pytest.mark.parametrize("tau", [0.5, 3.0])
@pytest.mark.parametrize("gamma", [4.0, 0.01])
def test_they_are_what_brute_force_finds(tau, gamma):
    neurons, beta, kappa = np.array(
        [(500, 1.2, 0.3), (500, 2.5, 0.01), (2000, 1.6, 0.5), (2000, 1.05, 3.0), (4000, 1.02, 20.0), (900, 8.0, 40.0)]
    ).T
    expected = [by_brute_force(*point, tau, gamma) for point in zip(neurons, beta, kappa, strict=True)]
    np.testing.assert_allclose(frontiers(neurons, beta, kappa, tau, gamma), expected, rtol=1e-11)


def test_they_equal_the_kernels_at_any_size():
    neurons, beta = np.meshgrid(10.0 ** np.arange(2, 13, 2), [1.001, 1.3, 2.0, 6.0])
    for kappa in (1e-3, 1.0, 50.0):
        got = frontiers(neurons, beta, np.full(beta.shape, kappa), 1.0, 4.0)
        np.testing.assert_allclose(got, frontier(neurons, beta, kappa, 1.0, 4.0), rtol=1e-11)
