"""Budgets at which the next feature's isolation is exactly 0: it is not active, whoever solves the problem."""

from dataclasses import dataclass
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

from rosettalaw.theory import (
    CRRA,
    Log,
    Model,
    PowerCost,
    PowerLaw,
    PurePower,
    Saturating,
    Utility,
    allocate,
    isolation,
    predict,
    solve,
    specialize,
    sweep,
)
from rosettalaw.theory import power_law as kernels
from rosettalaw.theory.frontiers import last_below

RANKS = [2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 17, 20, 25, 33, 64, 100, 128, 250, 777, 2050]
BETAS = [0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0]
TIES = [(n, beta) for beta in BETAS for n in RANKS]
FEATURES = 3000


def tie(n, beta):
    """Return Σ_{r≤n} [(n/r)^β − 1], the budget that leaves rank n with nothing, as the nearest float."""
    if beta == int(beta):
        return float(sum(Fraction(n, r) ** int(beta) - 1 for r in range(1, n + 1)))
    with mp.workdps(40):
        return float(mp.fsum((mp.mpf(n) / r) ** mp.mpf(beta) - 1 for r in range(1, n + 1)))


BUDGETS = {at: tie(*at) for at in TIES}
N, B = (np.array(column) for column in zip(*TIES, strict=True))
KN = np.array(list(BUDGETS.values()))


def inputs():
    return [KN, B, np.ones_like(KN), np.ones_like(KN), (FEATURES + 0.5) / KN]


@pytest.mark.parametrize("beta", [1, 2, 3])
def test_the_answer_is_that_of_fractions(beta):
    """Every prefix is tried: n is the largest rank with w_n (B + n) > Σ_{r≤n} w_r, in exact arithmetic."""
    for n in RANKS[:14]:
        weights = [Fraction(1, r**beta) for r in range(1, n + 4)]
        budget = sum(Fraction(n, r) ** beta - 1 for r in range(1, n + 1))
        prefixes = [k for k in range(1, n + 4) if weights[k - 1] * (budget + k) > sum(weights[:k])]
        assert max(prefixes) == n - 1
        assert int(predict(float(budget), float(beta), gamma=100)["active"]) == n - 1


@pytest.mark.parametrize("form", ["interpreted", "compiled"])
def test_both_forms_of_the_kernel_leave_the_rank_out(form):
    out = np.empty((len(KN), 7))
    given = [x.tolist() for x in inputs()] if form == "interpreted" else inputs()
    getattr(kernels.solve_points, form)(*given, False, out)
    np.testing.assert_array_equal(out[:, kernels.ACTIVE], N - 1)
    np.testing.assert_allclose(out[:, kernels.R0], N, rtol=1e-13)


@pytest.mark.parametrize("cost", [None, PowerCost(0.0)])
def test_models_agree_with_the_closed_form(cost):
    for n, beta in TIES:
        parts = {} if cost is None else {"cost": cost}
        assert Model(PowerLaw(beta), features=FEATURES, **parts).allocate(BUDGETS[n, beta]).active == n - 1, (n, beta)


@pytest.mark.parametrize(("beta", "eta"), [(0.75, 0.5), (1.5, 0.75), (1.0, 0.5)])
def test_other_powers_of_utility_have_the_ties_of_beta_over_eta(beta, eta):
    for n in RANKS:
        model = Model(PowerLaw(beta), CRRA(eta), features=FEATURES)
        assert model.allocate(tie(n, beta / eta)).active == n - 1, n


def test_allocations_compiled_and_interpreted_leave_the_rank_out():
    for n, beta in TIES:
        for size in (n, 520, 2 * n + 2048):  # from 513 weights on the kernel is compiled
            if size >= n:
                solved = allocate(np.arange(1.0, size + 1) ** -beta, BUDGETS[n, beta], Log())
                assert solved.active == n - 1 == np.count_nonzero(solved.isolation), (n, beta, size)
                assert solved.certificate.holds()


def test_sweeps_single_points_isolations_and_one_domain_agree():
    for (n, beta), budget in BUDGETS.items():
        gamma = (FEATURES + 0.5) / budget
        assert int(sweep(budget, beta, gamma=gamma)["active"]) == n - 1
        assert np.count_nonzero(isolation(budget, beta, gamma=gamma)) == n - 1
        assert last_below(np.array(float(n)), np.array(beta)) == n - 1
        assert int(specialize(budget, {"a": 1.0}, beta, gamma=gamma)["active"][0]) == n - 1


def test_a_budget_beyond_the_tie_activates_the_rank():
    """In 1 + s a part in 10^12 is more than rounding."""
    for (n, beta), budget in BUDGETS.items():
        more = budget + 1e-12 * n**beta * float(mp.zeta(beta, 1) - mp.zeta(beta, n + 1) if beta > 1 else n)
        assert int(predict(more, beta, gamma=(FEATURES + 0.5) / more)["active"]) == n
        assert Model(PowerLaw(beta), features=FEATURES).allocate(more).active == n


def test_a_rank_at_the_threshold_is_still_counted():
    """r0 = n at the tie, so rank m has s = (n/m)^β − 1: at that τ the count is m."""
    for (n, beta), budget in BUDGETS.items():
        for m in {1, (n + 1) // 2, n - 1}:
            tau = (n / m) ** beta - 1
            assert int(predict(budget, beta, tau=tau, gamma=(FEATURES + 0.5) / budget)["count"]) == m, (n, m, beta)
            assert int(Model(PowerLaw(beta), features=FEATURES).predict(budget, tau)["count"][0]) == m, (n, m, beta)


@dataclass(frozen=True)
class OwnRoot(Utility):
    """``U' = (2 + s)^-½``, whose inverse comes from a table."""

    def marginal(self, s):
        return (2 + s) ** -0.5


@dataclass(frozen=True)
class OwnDemand(OwnRoot):
    def demand(self, price):
        return np.maximum(price**-2.0 - 2, 0)


@dataclass(frozen=True)
class OwnExponential(Utility):
    """Saturating, without its closed forms."""

    def marginal(self, s):
        return np.exp(-s)


@dataclass(frozen=True)
class OwnSteep(Utility):
    """A hundredth of a unit halves ``U'`` some four times."""

    def marginal(self, s):
        return 5 * (1 + 100 * s) ** -3.0


@dataclass(frozen=True)
class OwnPriceless(Utility):
    def marginal(self, s):
        with np.errstate(divide="ignore"):
            return np.asarray(s) ** -0.7


ROOTS = {  # utility, U'(0) (1 where it is infinite), and the inverse of U' in mpmath
    "own": (OwnRoot(), mp.mpf(2) ** -0.5, lambda p: p**-2 - 2),
    "own with demand": (OwnDemand(), mp.mpf(2) ** -0.5, lambda p: p**-2 - 2),
    "own exponential": (OwnExponential(), mp.mpf(1), lambda p: -mp.log(p)),
    "own steep": (OwnSteep(), mp.mpf(5), lambda p: ((p / 5) ** (-mp.mpf(1) / 3) - 1) / 100),
    "own priceless": (OwnPriceless(), mp.mpf(1), lambda p: p ** (-10 / mp.mpf(7))),
    "saturating": (Saturating(), mp.mpf(1), lambda p: -mp.log(p)),
    "pure power": (PurePower(0.7), mp.mpf(1), lambda p: p ** (-10 / mp.mpf(7))),
}


@pytest.mark.parametrize("beta", [0.75, 1.5, 2.5])
@pytest.mark.parametrize("kind", list(ROOTS))
def test_utilities_solved_by_root_have_the_same_ties(kind, beta):
    """Rank n costs exactly U'(0), so it gets nothing; ranks below it have known isolation, and meet it as τ."""
    utility, first, inverse = ROOTS[kind]
    priceless = np.isinf(utility.marginal(np.zeros(1))[0])
    for n in (3, 10, 33, 257):
        with mp.workdps(40):
            exact = [inverse(first * (mp.mpf(r) / n) ** mp.mpf(beta)) for r in range(1, n + 1)]
            s, budget = [float(one) for one in exact], float(mp.fsum(exact))
        model = Model(PowerLaw(beta), utility, features=n if priceless else FEATURES)
        active = n if priceless else n - 1
        assert model.allocate(budget).active == active, n
        for m in {1, (n + 1) // 2, active}:
            point = model.predict(budget, s[m - 1])
            assert int(point["count"][0]) == m, (n, m)
            assert m <= float(point["r_tau"][0]) <= m * (1 + 1e-10), (n, m)
            if m > 1:  # a part in 10^7 of the way to the next rank is more than rounding
                more = s[m - 1] + 1e-7 * (s[m - 2] - s[m - 1])
                assert int(model.predict(budget, more)["count"][0]) == m - 1, (n, m)


@pytest.mark.parametrize("tau", [1e-18, 1e-15, 2e-14, 1e-13, 1e-6])
@pytest.mark.parametrize("utility", [Log(), CRRA(0.5), Saturating(), PurePower(2.0), OwnRoot()])
def test_thresholds_near_nothing(utility, tau):
    """Features without isolation reach no threshold; those with much of it reach a tiny one."""
    solved = allocate([1.0, 0.5, 0.25, 0.0], 1.0, utility)
    assert 0 < solved.active < 4
    assert solved.reached(tau).tolist() == (solved.isolation > 0).tolist()
    assert int(predict(100.0, 1.5, tau=tau)["count"]) == int(predict(100.0, 1.5)["active"])
    assert solve(100.0, 1.5).count(tau) == Model(PowerLaw(1.5)).allocate(100.0).count(tau) == solve(100.0, 1.5).active


@pytest.mark.parametrize("budget", [1e-18, 1e-15, 1e-13, 1e-9, 1e-5])
@pytest.mark.parametrize("utility", [Log(), CRRA(0.5), CRRA(3.0), Saturating(), OwnRoot(), OwnExponential()])
def test_budgets_near_nothing_meet_thresholds_of_their_size(utility, budget):
    """Rank 1 alone is active, and has the whole budget: at every multiple of it the count is known."""
    model = Model(PowerLaw(1.5), utility, gamma=4.0 / budget)
    for tau, count in [(0.5, 1), (1 - 1e-9, 1), (1.0, 1), (1 + 1e-9, 0), (2.0, 0)]:
        assert allocate([1.0, 0.5], budget, utility).count(tau * budget) == count, tau
        assert int(model.predict(budget, tau * budget)["count"][0]) == count, tau
        if utility == Log():
            assert int(predict(budget, 1.5, tau=tau * budget, gamma=4.0 / budget)["count"]) == count, tau
            assert solve(budget, 1.5, gamma=4.0 / budget).count(tau * budget) == count, tau


def test_two_features_near_nothing():
    """Weights 1 and 1 − 10^-16·k in binary: s_1 − s_2 is (w_1 − w_2) (B + 2)/(w_1 + w_2), in rational numbers."""
    weights, budget = [1.0, 1.0 - 2.0**-50], 2.0**-48
    w, b = [Fraction(one) for one in weights], Fraction(budget)
    s = [float(one * (b + 2) / sum(w) - 1) for one in w]
    solved = allocate(weights, budget)
    np.testing.assert_allclose(solved.isolation, s, rtol=1e-12)
    for tau, count in [(s[1], 2), (s[1] * (1 + 1e-9), 1), (s[0], 1), (s[0] * (1 + 1e-9), 0)]:
        assert solved.count(tau) == count, tau


@pytest.mark.parametrize("unit", [1e-15, 1e-9, 1e-5])
@pytest.mark.parametrize("cost", [1e-6, 1e6])
def test_budgets_near_nothing_are_those_of_few_units(cost, unit):
    solved = allocate([1.0, 0.5], unit * cost, costs=[cost, cost])
    for tau, count in [(0.5, 1), (1 - 1e-9, 1), (1 + 1e-9, 0), (2.0, 0)]:
        assert solved.count(tau * unit) == count, tau
