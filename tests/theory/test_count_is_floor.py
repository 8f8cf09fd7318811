"""The count is the floor of the frontier, to the last bit: in predictions, sweeps, models, solutions and domains."""

import mpmath as mp
import numpy as np
import pytest

from rosettalaw.theory import (
    CRRA,
    LinearBudget,
    Model,
    PowerLaw,
    PurePower,
    Saturating,
    SquaredError,
    Utility,
    frontier,
    isolation,
    predict,
    solve,
    specialize,
    sweep,
)
from rosettalaw.theory import power_law as kernels

# κN far below τ, and above it, where 1 + κN and 1 + τ are both 1 as floats.
NEAR_NOTHING = [
    (1e-30, 1e-17, 0),
    (1e-20, 9e-17, 0),
    (1e-17, 1.0000001e-17, 0),
    (1.0000001e-17, 1e-17, 1),
    (1e-17, 1e-17, 1),
    (1e-16, 2e-16, 0),
    (5e-17, 1e-20, 1),
    (3e-300, 4e-300, 0),
    (4e-300, 3e-300, 1),
]


class Own(Utility):
    def marginal(self, s):
        return (1 + s) ** -3.0


def exact(neurons, beta, kappa, tau, features):
    """Return r_τ and the count: the last prefix that pays, in 50 digits, or in as many as distinguish κN and τ."""
    with mp.workdps(50 if kappa > 1e-40 else 350):
        budget, b = mp.mpf(kappa) * mp.mpf(neurons), mp.mpf(beta)
        total, n = mp.mpf(0), 0
        while n < features and (n + 1) ** b * total - n < budget:
            n += 1
            total += mp.mpf(n) ** -b
        r_tau = ((budget + n) / total / (1 + mp.mpf(tau))) ** (1 / b)
        return min(r_tau, mp.mpf(features)), int(min(mp.floor(r_tau), features))


def everyone(neurons, beta, kappa, tau, gamma):
    """Return r_τ and the count by every way to them."""
    point = predict(neurons, beta, kappa, tau, gamma)
    grid = sweep([neurons, 2 * neurons], beta, kappa, [tau, 2 * tau], gamma).isel(neurons=0, tau=0)
    model = Model(PowerLaw(beta), budget=LinearBudget(kappa), gamma=gamma).predict(neurons, tau).isel(neurons=0)
    domain = specialize(neurons, {"all": 1.0}, beta, kappa, tau, gamma).isel(domain=0, neurons=0)
    r_tau = [float(one["r_tau"]) for one in (point, grid, model, domain)]
    count = [int(one["count"]) for one in (point, grid, model, domain)]
    r_tau.append(float(frontier(neurons, beta, kappa, tau, gamma)))
    count.append(solve(neurons, beta, kappa, gamma).count(tau))
    return r_tau, count


@pytest.mark.parametrize(("budget", "tau", "expected"), NEAR_NOTHING)
@pytest.mark.parametrize("beta", [0.3, 1.0, 1.5, 7.0])
def test_budgets_and_thresholds_below_rounding(budget, tau, expected, beta):
    assert exact(1.0, beta, budget, tau, 4)[1] == expected
    r_tau, count = everyone(1.0, beta, budget, tau, 4.0)
    assert count == [expected] * 5
    assert [int(r) for r in r_tau] == [expected] * 5, r_tau
    np.testing.assert_allclose(r_tau, 1.0, rtol=1e-15)


@pytest.mark.parametrize(("budget", "tau", "expected"), NEAR_NOTHING[:-2])
@pytest.mark.parametrize("utility", [CRRA(2.0), CRRA(0.3), Saturating(), SquaredError(), PurePower(0.5), Own()])
def test_other_utilities_below_rounding(budget, tau, expected, utility):
    point = Model(PowerLaw(1.5), utility, budget=LinearBudget(budget), features=1).predict(1.0, tau).isel(neurons=0)
    assert int(point["count"]) == expected
    assert int(float(point["r_tau"])) == expected


def test_random_points_and_thresholds_within_rounding_of_a_rank():
    """τ is s_m of some rank m, moved by some parts in 10^16, 10^15, 10^13 or 10^6: where it matters mpmath decides."""
    rng = np.random.default_rng(7)
    for _ in range(25):
        neurons, beta, kappa = float(rng.integers(1, 60)), rng.uniform(0.2, 4.0), 10 ** rng.uniform(-3, 3)
        gamma = float(rng.integers(1, 6))
        features = int(gamma * neurons)
        edge, _ = exact(neurons, beta, kappa, 0.0, 10**9 if beta > 1.2 else features)
        m = rng.integers(1, max(2, min(int(edge) + 1, features)))
        solved = isolation(neurons, beta, kappa, gamma)
        move = rng.choice([0.0, 1e-16, 1e-15, 1e-13, 1e-6]) * rng.choice([-1, 1])
        tau = float((1 + solved[m - 1]) * (1 + move) - 1)
        if tau <= 0:
            continue
        r_tau, count = everyone(neurons, beta, kappa, tau, gamma)
        assert [int(r) for r in r_tau] == count, (neurons, beta, kappa, tau, gamma, r_tau)
        true, whole = exact(neurons, beta, kappa, tau, features)
        np.testing.assert_allclose(r_tau, float(true), rtol=1e-12)
        if abs(true - round(true)) > 1e-11 * true or true == features:
            assert count == [whole] * 5


def test_compiled_and_interpreted_points_and_frontiers():
    """Random points of every size; beyond 10^14 the factor of rounding is more than a rank."""
    rng = np.random.default_rng(3)
    size = 20_000
    neurons, beta = 10 ** rng.uniform(0, 17, size), rng.uniform(0.05, 6, size)
    kappa, tau = 10 ** rng.uniform(-25, 6, size), 10 ** rng.uniform(-25, 6, size)
    inputs = [np.ceil(neurons), beta, kappa, tau, np.full(size, 4.0)]
    out, r_tau = np.empty((size, 7)), np.empty(size)
    kernels.solve_points.compiled(*inputs, False, out)
    kernels.frontier_points.compiled(*inputs, False, r_tau)
    np.testing.assert_array_equal(np.floor(out[:, kernels.R_TAU]), out[:, kernels.COUNT])
    np.testing.assert_array_equal(out[:, kernels.R_TAU], r_tau)
    assert (out[:, kernels.COUNT] <= out[:, kernels.ACTIVE]).all()
    for i in range(0, size, 997):
        one = [x[i : i + 1].tolist() for x in inputs]
        again, edge = np.empty((1, 7)), np.empty(1)
        kernels.solve_points.interpreted(*one, False, again)
        kernels.frontier_points.interpreted(*one, False, edge)
        assert np.floor(again[0, kernels.R_TAU]) == again[0, kernels.COUNT]
        assert edge[0] == again[0, kernels.R_TAU]


@pytest.mark.parametrize("beta", [1e-5, 1e-4, 1e-3])
def test_levels_beyond_the_largest_float(beta):
    """β near 0: r0 overflows, while isolation and counts are ordinary numbers."""
    neurons, features = 100.0, 400
    with mp.workdps(50):
        total = mp.fsum(mp.mpf(r) ** -mp.mpf(beta) for r in range(1, features + 1))
        lifted = (neurons + features) / total
        s = [float(lifted * mp.mpf(r) ** -mp.mpf(beta) - 1) for r in range(1, features + 1)]
    solution = solve(neurons, beta)
    np.testing.assert_allclose(solution.isolation_at(np.arange(1, features + 1)), s, rtol=1e-11)
    np.testing.assert_allclose(isolation(neurons, beta), s, rtol=1e-11)
    assert solution.certificate.holds()
    np.testing.assert_allclose(solution.multiplier, float(1 / lifted), rtol=1e-11)
    for m in (1, 3, 50, 399):
        tau = (s[m - 1] + s[m]) / 2
        assert everyone(neurons, beta, 1.0, tau, 4.0)[1] == [m] * 5


def test_several_domains_count_no_more_than_is_active():
    """At ties of r0 with a rank, and for thresholds that rounding swallows."""
    for beta in (0.5, 1.5, 2.0):
        for tau in (1e-18, 1e-15, 1e-6, 1.0):
            ds = specialize([3.0, 50.0, 1e4], {"a": 0.7, "b": 0.2, "c": 0.1}, beta, 1.0, tau)
            np.testing.assert_array_equal(np.floor(ds["r_tau"]), ds["count"])
            assert (ds["count"].sum("domain") <= ds["active"]).all()


@pytest.mark.parametrize(("kappa", "tau", "count"), NEAR_NOTHING)
def test_the_frontier_alone_knows_the_budget_of_all_neurons(kappa, tau, count):
    assert np.floor(frontier(16, 1.5, kappa / 16, tau)) == count  # a power of 2: κN has the same bits
