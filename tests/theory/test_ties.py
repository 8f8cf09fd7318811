"""Budgets at which the next feature's isolation is exactly 0: it is not active, whoever solves the problem."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

from rosettalaw.theory import CRRA, Log, Model, PowerCost, PowerLaw, allocate, isolation, predict, specialize, sweep
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
