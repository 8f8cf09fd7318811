"""Sensitivities against complex steps through the defining equations, at 30 digits, with sums by Riemann's zeta."""

import mpmath as mp
import numpy as np
import pytest

from rosettalaw.theory import predict, sweep
from rosettalaw.theory.sensitivities import NAMES, log_integral, log_sum

H = mp.mpf(10) ** -40


def discrete_frontier(active):
    """Return log r_τ as a function of complex parameters, with n active features."""

    def log_r_tau(beta, log_kappa, log_tau, log_neurons):
        if active <= 300:
            total = mp.fsum(mp.mpf(r) ** -beta for r in range(1, active + 1))
        else:
            n = mp.mpf(active)  # Euler and Maclaurin's formula; the next term is n^-5
            ends = n**-beta / 2 - beta * n ** (-beta - 1) / 12 + beta * (beta + 1) * (beta + 2) * n ** (-beta - 3) / 720
            total = mp.zeta(beta) - n ** (1 - beta) / (beta - 1) + ends
        budget = mp.exp(log_kappa + log_neurons)
        return (mp.log((budget + active) / total) - mp.log(1 + mp.exp(log_tau))) / beta

    return log_r_tau


def complex_steps(function, point):
    with mp.workdps(60):
        steps = [[x + (1j * H if i == j else 0) for j, x in enumerate(point)] for i in range(4)]
        return [float(mp.im(function(*step)) / H) for step in steps]


@pytest.mark.parametrize(
    ("neurons", "beta", "kappa", "tau"),
    [
        (1e12, 1.6, 0.5, 2.0),
        (3e7, 1.05, 1.0, 1.0),
        (1e5, 2.5, 3.0, 0.1),
        (400.0, 1.0, 0.05, 4.0),
        (50.0, 0.6, 0.1, 1.0),
        (3.0, 7.0, 1e-3, 1.0),
    ],
)
def test_discrete_sensitivities_are_complex_steps(neurons, beta, kappa, tau):
    found = predict(neurons, beta, kappa, tau, 4.0, sensitivities=True)
    active = int(found["active"])
    assert active < 4 * neurons
    with mp.workdps(60):
        point = [mp.mpf(beta), mp.log(kappa), mp.log(tau), mp.log(neurons)]
        expected = complex_steps(discrete_frontier(active), point)
    np.testing.assert_allclose([found[name] for name in NAMES], expected, rtol=1e-11)


def test_every_feature_active():
    """N reaches the frontier through A too: the local exponent; the others are those at n = A."""
    found = predict(200.0, 0.5, 40.0, 30.0, 1.0, sensitivities=True)
    assert float(found["active"]) == 200
    assert float(found["r_tau"]) < 200
    with mp.workdps(60):
        expected = complex_steps(discrete_frontier(200), [mp.mpf(0.5), mp.log(40), mp.log(30), mp.log(200)])
    np.testing.assert_allclose([found[name] for name in NAMES[:3]], expected[:3], rtol=1e-11)
    assert found[NAMES[3]] == found["local_exponent"]


@pytest.mark.parametrize(
    ("neurons", "beta", "kappa", "tau", "gamma"),
    [(1e5, 1.6, 0.5, 2.0, 4.0), (1e3, 1.0, 0.2, 0.5, 4.0), (1e9, 2.5, 3.0, 1.0, 4.0), (500.0, 0.6, 30.0, 25.0, 2.0)],
)
def test_continuum_sensitivities_are_those_of_equation_20(neurons, beta, kappa, tau, gamma):
    found = predict(neurons, beta, kappa, tau, gamma, "continuum", sensitivities=True)

    def log_r_tau(beta, log_kappa, log_tau, log_neurons):
        features = gamma * mp.exp(log_neurons)

        def excess(log_r0):
            last = log_r0 if found["r0"] < gamma * neurons else mp.log(features)
            shape = last if beta == 1 else (mp.exp((1 - beta) * last) - 1) / (1 - beta)
            return mp.exp(beta * log_r0) * shape - (mp.exp(last) - 1) - mp.exp(log_kappa + log_neurons)

        return mp.findroot(excess, mp.log(float(found["r0"]))) - mp.log(1 + mp.exp(log_tau)) / beta

    with mp.workdps(60):
        point = [mp.mpf(beta) + mp.mpf("1e-25"), mp.log(kappa), mp.log(tau), mp.log(neurons)]  # off β = 1 by nothing
        h = mp.mpf("1e-10")
        expected = [
            float((log_r_tau(*_moved(point, i, h)) - log_r_tau(*_moved(point, i, -h))) / (2 * h)) for i in range(4)
        ]
    np.testing.assert_allclose([found[name] for name in NAMES], expected, rtol=1e-9)


def _moved(point, i, step):
    return [x + step if i == j else x for j, x in enumerate(point)]


def test_a_frontier_at_the_last_feature_moves_with_it_alone():
    found = predict(100.0, 1.5, 1e6, 1.0, 4.0, sensitivities=True)
    assert float(found["r_tau"]) == 400
    assert [float(found[name]) for name in NAMES] == [0, 0, 0, 1]


@pytest.mark.parametrize("beta", [0.05, 1 - 1e-6, 1.3, 7.0])
def test_the_sum_and_the_integral_of_logarithms(beta):
    with mp.workdps(60):
        exact = mp.mpf(beta)
        for last in (1, 2, 10, 11, 10**6, 10**12):
            expected = float(mp.zeta(exact, last + 1, 1) - mp.zeta(exact, 1, 1))
            assert log_sum(float(last), beta) == pytest.approx(expected, rel=1e-14, abs=0)
        for high in (1.0001, 2.0, 1e14):
            a = 1 - exact
            expected = float((mp.exp(a * mp.log(high)) * (a * mp.log(high) - 1) + 1) / a**2)
            assert log_integral(1.0, high, beta) == pytest.approx(expected, rel=1e-14, abs=0)


def test_sums_at_beta_one_and_over_arrays():
    direct = [np.sum(np.log(np.arange(1, n + 1)) / np.arange(1, n + 1)) for n in (5, 50, 5000)]
    np.testing.assert_allclose(log_sum(np.array([5.0, 50.0, 5000.0]), 1.0), direct, rtol=1e-14)


@pytest.mark.parametrize("limit", ["discrete", "continuum"])
def test_sweeps_have_them_too(limit):
    grid = {"neurons": [1e3, 1e6], "beta": [0.7, 1.3, 2.0], "kappa": [0.1, 1e5], "tau": [1.0, 8.0]}
    found, expected = sweep(**grid, limit=limit, sensitivities=True), predict(**grid, limit=limit, sensitivities=True)
    for name in NAMES:
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].attrs["symbol"].startswith("∂log r_τ/∂")
    assert NAMES[0] not in sweep(**grid)
