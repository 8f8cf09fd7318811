"""Sensitivities against complex steps through the defining equations, at 30 digits, with sums by Riemann's zeta."""

import mpmath as mp
import numpy as np
import pytest

from rosettalaw.theory import (
    CRRA,
    Exponential,
    LinearBudget,
    Log,
    Model,
    PowerCost,
    PowerLaw,
    PurePower,
    Saturating,
    Spectrum,
    SquaredError,
    ZipfMandelbrot,
    predict,
    sweep,
)
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


def complex_steps(function, point, h=H):
    with mp.workdps(60):
        steps = [[x + (1j * h if i == j else 0) for j, x in enumerate(point)] for i in range(4)]
        return [float(mp.im(function(*step)) / h) for step in steps]


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


@pytest.mark.parametrize(("neurons", "kappa", "gamma"), [(3e3, 0.5, 4.0), (50.0, 1e-3, 4.0), (200.0, 40.0, 1.0)])
def test_the_papers_model_has_those_of_the_closed_form(neurons, kappa, gamma):
    model = Model(PowerLaw(1.4), budget=LinearBudget(kappa), gamma=gamma)
    found = model.predict(neurons, 30.0, sensitivities=True)
    expected = predict(neurons, 1.4, kappa, 30.0, gamma, sensitivities=True)
    for name in NAMES:
        assert float(found[name][0]) == pytest.approx(float(expected[name]), rel=1e-9)


@pytest.mark.parametrize(
    ("utility", "appetite"),
    [(CRRA(0.6), lambda x: x / 0.6), (SquaredError(), lambda x: x / 2), (Saturating(), None), (PurePower(0.8), None)],
    ids=["crra", "squared-error", "saturating", "pure-power"],
)
@pytest.mark.parametrize("cost", [0.0, 0.4])
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_sensitivities_of_models_are_complex_steps_through_budget_and_frontier(utility, appetite, cost, shift):
    """Σ c_r s_r = B with s_r = (U')⁻¹(λ c_r/w_r) over the active ranks, solved for λ at 60 digits."""
    beta, kappa, tau, neurons = 1.3, 0.4, 0.7, 60.0
    spectrum = ZipfMandelbrot(beta, shift) if shift else PowerLaw(beta)
    model = Model(spectrum, utility, PowerCost(cost), LinearBudget(kappa), features=80)
    found = model.predict(neurons, tau, sensitivities=True)
    active = int(found["active"][0])

    def demand(log_price):
        if appetite is not None:
            return mp.exp(-appetite(log_price)) - 1
        return -log_price if utility == Saturating() else mp.exp(-log_price / mp.mpf(0.8))

    def log_price(rank, beta):
        return mp.mpf(cost) * mp.log(rank) + beta * mp.log(rank + shift)

    def log_r_tau(beta, log_kappa, log_tau, log_neurons):
        budget = mp.exp(log_kappa + log_neurons)

        def excess(log_level):
            return (
                mp.fsum(mp.mpf(r) ** cost * demand(log_level + log_price(r, beta)) for r in range(1, active + 1))
                - budget
            )

        tight = {"tol": mp.mpf(10) ** -90}
        level = mp.findroot(excess, mp.mpf(model.allocate(neurons).log_level), **tight)
        tau = mp.exp(log_tau)
        log_marginal = {
            Saturating(): -tau,
            PurePower(0.8): -mp.mpf(0.8) * log_tau,
            CRRA(0.6): -mp.mpf(0.6) * mp.log(1 + tau),
            SquaredError(): -2 * mp.log(1 + tau),
        }[utility]
        start = mp.mpf(float(found["r_tau"][0]))
        return mp.log(mp.findroot(lambda r: log_marginal - level - log_price(r, beta), start, **tight))

    point = [mp.mpf(beta), mp.log(kappa), mp.log(tau), mp.log(neurons)]
    with mp.workdps(60):
        expected = complex_steps(log_r_tau, point, mp.mpf(10) ** -20)
    np.testing.assert_allclose([float(found[name][0]) for name in NAMES], expected, rtol=1e-7)


class Slowed(Spectrum):
    """A spectrum of one's own, with a β whose effect is not linear."""

    def __init__(self, beta):
        self.beta = beta

    def at(self, rank, features):
        return 1 / (rank + self.beta * np.log(rank)) ** self.beta


@pytest.mark.parametrize("tau", [1.0, 60.0])
def test_spectra_of_ones_own_and_frontiers_below_rank_one(tau):
    """Central differences of the frontier itself."""
    h = 1e-5
    for kind in (Slowed, lambda beta: ZipfMandelbrot(beta, 2.0)):
        found = Model(kind(1.5)).predict(40.0, tau, sensitivities=True)
        r = [Model(kind(1.5 + sign * h)).frontier(40.0, tau) for sign in (-1, 1)]
        assert (r[1] < 1) == (tau == 60)
        assert float(found[NAMES[0]][0]) == pytest.approx(np.log(r[1] / r[0]) / (2 * h), rel=1e-5)
        r = [Model(kind(1.5)).frontier(40.0, tau * np.exp(sign * h)) for sign in (-1, 1)]
        assert float(found[NAMES[2]][0]) == pytest.approx(np.log(r[1] / r[0]) / (2 * h), rel=1e-5)


def test_models_sweep_them_and_have_none_with_a_beta_that_is_not_there():
    grid = {"neurons": [300.0, 3000.0], "tau": [0.5, 1.0], "eta": [0.7, 1.4]}
    found = Model(PowerLaw(1.5), CRRA(1.0)).sweep(**grid, sensitivities=True)
    expected = Model(PowerLaw(1.5), CRRA(1.4)).predict(3000.0, 0.5, sensitivities=True)
    for name in NAMES:
        part = found[name].sel(neurons=3000.0, tau=0.5, eta=1.4)
        assert float(part) == float(expected[name][0])
        assert part.attrs["symbol"].startswith("∂log r_τ/∂")
    assert NAMES[0] not in Model(PowerLaw(1.5)).sweep(300.0)
    none = Model(Exponential(9.0), Log()).predict(300.0, sensitivities=True)
    assert np.isnan(float(none[NAMES[0]][0]))
    assert float(none[NAMES[1]][0]) > 0
    full = Model(PowerLaw(1.5), features=3).predict(300.0, sensitivities=True)
    assert [float(full[name][0]) for name in NAMES] == [0, 0, 0, 0]
