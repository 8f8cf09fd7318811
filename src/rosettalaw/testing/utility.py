"""Checks of utilities: positive, falling and unbroken U', and closed forms that agree with it.

Values of s are tried from 1 outwards, so that the first failure is the simplest.
"""

from __future__ import annotations

import numpy as np

from ..theory import Utility
from .laws import UTILITY_LAWS, Subject, by_contract, close, require_kind

SIMPLE = (1.0, 2.0, 3.0, 5.0, 10.0, 0.5, 0.2, 0.1, 20.0, 50.0, 0.01, 100.0, 1e-3, 1e3, 1e4, 1e-4)
FAR = 100.0  # beyond it U' may underflow
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


@by_contract(UTILITY_LAWS)
def check_utility(utility: Utility) -> None:
    """Check a utility between s = 1e-4 and 1e4.

    Raises
    ------
    BrokenLawError
        At the simplest s where a law of `laws.UTILITY_LAWS` breaks.
    """
    require_kind("utility", utility, Utility, "check_utility(CRRA(0.7))")
    subject = Subject(utility, UTILITY_LAWS)
    s = np.array(SIMPLE)
    with np.errstate(all="ignore"):
        slope = _marginal(subject, utility, s)
        _check_descent(subject, utility)
        seen = slope > 1e-250
        log_slope = np.asarray(utility.log_marginal(s))
        met = {"log_marginal": log_slope, "log U'": np.log(slope)}
        subject.obeys("log", close(log_slope, np.log(slope), 1e-9, 1e-9) | ~seen, {"s": s}, met)
        _check_value(subject, utility)
        _check_demand(subject, utility, s, slope, seen)
        h = 1e-5
        expected = -2 * h * s / (np.log(utility.marginal(s * (1 + h))) - np.log(utility.marginal(s * (1 - h))))
        tolerance = np.asarray(utility.tolerance(s))
        fine = close(tolerance, expected, 1e-3) | ~seen
        subject.obeys("tolerance", fine, {"s": s}, {"tolerance": tolerance, "−U'/U''": expected})
    again = np.asarray(subject.copy({"s": 1.0}).marginal(s))
    subject.obeys("pickles", close(again, slope, 1e-12), {"s": s}, {"U'": slope, "after pickle": again})


def _marginal(subject: Subject, utility: Utility, s: np.ndarray) -> np.ndarray:
    given = s.copy()
    slope = np.asarray(utility.marginal(given))
    at, met = {"s": s}, {"U'": slope}
    subject.obeys("shape", slope.shape == s.shape, at, f"shape {slope.shape} for {s.shape}")
    subject.obeys("finite", np.isfinite(slope), at, met)
    subject.obeys("positive", (slope > 0) | ((slope == 0) & (s > FAR)), at, met)
    subject.obeys("pure", given == s, at, {"argument after the call": given})
    subject.obeys("pure", np.asarray(utility.marginal(s)) == slope, at, "value changed in a second call")
    table = np.asarray(utility.marginal(s.reshape(2, -1)))
    subject.obeys("shape", table.shape == (2, s.size // 2), at, f"shape {table.shape} for {(2, s.size // 2)}")
    single = np.array([np.ravel(np.asarray(utility.marginal(one[None])))[0] for one in s])
    subject.obeys("vectorised", close(single, slope, 1e-12), at, {"alone": single, "in an array": slope})
    return slope.astype(float)


def _check_descent(subject: Subject, utility: Utility) -> None:
    """Find a rise of U' between neighbours, and a jump by halving the steepest part of every interval."""
    s = np.geomspace(1e-4, 1e4, 200)
    slope = np.asarray(utility.marginal(s), dtype=float)
    fine = (slope[1:] < slope[:-1]) | (slope[:-1] < 1e-250)
    order = np.argsort(np.abs(np.log(s[1:])), kind="stable")  # nearest to s = 1 first
    at = {"s": s[1:][order]}
    subject.obeys("concave", fine[order], at, {"U'": slope[1:][order], "U' a little before": slope[:-1][order]})
    low, high = s[:-1].copy(), s[1:].copy()
    for _ in range(40):
        middle = np.sqrt(low * high)
        first = np.asarray(utility.log_marginal(low)) - np.asarray(utility.log_marginal(middle))
        second = np.asarray(utility.log_marginal(middle)) - np.asarray(utility.log_marginal(high))
        low, high = np.where(first >= second, low, middle), np.where(first >= second, middle, high)
    drop = np.asarray(utility.log_marginal(low)) - np.asarray(utility.log_marginal(high))
    jumps = np.isfinite(drop) & (drop > 1e-3)
    subject.obeys("continuous", ~jumps[order], {"s": high[order]}, {"fall of log U'": drop[order]})


def _check_value(subject: Subject, utility: Utility) -> None:
    """Compare differences of U with integrals of U' over log s."""
    ends = np.array([[1.0, 2.0], [0.1, 1.0], [0.01, 0.1], [1.0, 10.0], [10.0, 100.0]])
    half, middle = 0.5 * np.log(ends[:, 1:] / ends[:, :1]), 0.5 * np.log(ends[:, 1:] * ends[:, :1])
    t = np.exp(middle + half * NODES)
    expected = np.sum(WEIGHTS * half * np.asarray(utility.marginal(t)) * t, axis=1)
    values = np.asarray(utility.value(ends))
    met = values[:, 1] - values[:, 0]
    fine = close(met, expected, 1e-3, 1e-9 * np.abs(values).max())
    at = {"s from": ends[:, 0], "to": ends[:, 1]}
    subject.obeys("value", fine, at, {"rise of value": met, "integral of U'": expected})


def _check_demand(subject: Subject, utility: Utility, s: np.ndarray, price: np.ndarray, seen: np.ndarray) -> None:
    demand = np.asarray(utility.demand(price))
    fine = close(demand, s, 1e-5) | ~seen
    subject.obeys("demand", fine, {"price": price}, {"demand": demand, "s with that U'": s})
    log_demand = np.asarray(utility.demand_at_log(np.log(price)))
    fine = close(log_demand, s, 1e-5) | ~seen
    subject.obeys("demand at log", fine, {"log price": np.log(price)}, {"demand_at_log": log_demand, "demand": s})
    first = np.asarray(utility.marginal(np.zeros(1)), dtype=float)
    if np.isfinite(first[0]):
        dear = first * np.array([1.0, 1.01, 2.0, 1e6])
        bought = np.asarray(utility.demand(dear))
        subject.obeys("demand", np.abs(bought) <= 1e-12, {"price": dear}, {"demand": bought, "U'(0)": first})
        bought = np.asarray(utility.demand_at_log(np.log(dear)))
        subject.obeys("demand at log", np.abs(bought) <= 1e-12, {"log price": np.log(dear)}, {"demand_at_log": bought})
