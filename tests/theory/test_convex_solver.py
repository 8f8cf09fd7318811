"""The allocation against an independent convex solver (cvxpy with its interior-point method), on random instances."""

import cvxpy as cp
import numpy as np
import pytest

from rosettalaw.theory import CRRA, Log, PurePower, Saturating, SquaredError, allocate

FEATURES = 8


def problem(objective):
    """Return a solver of one compiled problem: only the weights, costs and budget change between instances."""
    s = cp.Variable(FEATURES, nonneg=True)
    weights = cp.Parameter(FEATURES, nonneg=True)
    costs = cp.Parameter(FEATURES, nonneg=True)
    budget = cp.Parameter(nonneg=True)
    compiled = cp.Problem(cp.Maximize(weights @ objective(s)), [costs @ s <= budget])

    def solve(w, c, total):
        weights.value, costs.value, budget.value = w, c, total
        compiled.solve(solver=cp.CLARABEL, tol_gap_abs=1e-7, tol_gap_rel=1e-7, tol_feas=1e-7)
        return s.value

    return solve


def instance(rng):
    """Random weights with ties and zeros, random costs, budgets over two decades."""
    w = rng.choice([rng.pareto(1.0, FEATURES), rng.random(FEATURES), rng.integers(0, 3, FEATURES).astype(float)])
    w[rng.integers(FEATURES)] = 0.0
    w[rng.integers(FEATURES)] = 1.0
    return w / w.max(), np.exp(rng.normal(0, 0.7, FEATURES)), float(10 ** rng.uniform(-1, 1.5))


CASES = {
    "log": (Log(), cp.log1p, 120),
    "crra below 1": (CRRA(0.5), lambda s: 2 * cp.sqrt(1 + s), 40),
    "crra above 1": (CRRA(2.5), lambda s: -cp.power(1 + s, -1.5) / 1.5, 40),
    "pure power": (PurePower(0.5), lambda s: 2 * cp.sqrt(s), 40),
    "saturating": (Saturating(), lambda s: 1 - cp.exp(-s), 40),
    "squared error": (SquaredError(), lambda s: 1 - cp.inv_pos(1 + s), 40),
}


@pytest.mark.parametrize("priced", [False, True], ids=["unit costs", "costs"])
@pytest.mark.parametrize("utility", [CRRA(0.3), CRRA(1.0), CRRA(4.0), SquaredError()], ids=str)
def test_powers_in_closed_form_are_those_by_root(utility, priced):
    """A subclass is solved by a root: its demand may be another one."""
    by_root = type("Own", (type(utility),), {})(**({"eta": utility.eta} if isinstance(utility, CRRA) else {}))
    rng = np.random.default_rng(5)
    for features in (1, 2, 7, 400, 3000):
        w, c = rng.pareto(0.7, features) + 1e-9, np.exp(rng.normal(0, 0.7, features)) if priced else None
        for budget in (0.01, 3.0, 1e5):
            closed, other = allocate(w, budget, utility, c), allocate(w, budget, by_root, c)
            np.testing.assert_allclose(closed.isolation, other.isolation, rtol=1e-9, atol=1e-12 * budget)
            assert closed.log_multiplier == pytest.approx(other.log_multiplier, abs=1e-11)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("priced", [False, True], ids=["unit costs", "costs"])
def test_objective_and_allocation_agree(case, priced):
    utility, objective, number = CASES[case]
    solve, rng = problem(objective), np.random.default_rng(11)
    for _ in range(number):
        w, c, budget = instance(rng)
        allocation = allocate(w, budget, utility, c if priced else None)
        prices = c if priced else np.ones(FEATURES)
        assert allocation.certificate.holds(1e-9)
        other = np.maximum(solve(w, prices, budget), 0)
        other *= budget / (prices @ other)  # feasible to rounding, so that its objective bounds nothing unfairly
        ours, theirs = (float(w @ utility.value(x)) for x in (allocation.isolation, other))
        scale = float(w @ np.abs(utility.value(allocation.isolation)))
        assert ours >= theirs - 1e-12 * scale
        assert ours == pytest.approx(theirs, abs=1e-5 * scale)
        np.testing.assert_allclose(allocation.isolation, other, atol=2e-3 * budget / prices.min())
