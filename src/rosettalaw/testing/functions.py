"""Checks of spectra, costs and budgets: positive, vectorised, pure, and what else their laws say.

Ranks and sizes are tried in ascending order, so that the first failure is the smallest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..theory import Budget, Cost, Spectrum
from .laws import BUDGET_LAWS, COST_LAWS, SPECTRUM_LAWS, Subject, by_contract, close, require_kind

SLOPE_STEP = 1e-4
KINK = 0.1  # share of a jump in slope by which a difference across it may miss both sides


@by_contract(SPECTRUM_LAWS)
def check_spectrum(spectrum: Spectrum, features: int = 1000) -> None:
    """Check a spectrum over the ranks 1 … `features`.

    Raises
    ------
    BrokenLawError
        At the smallest rank where a law of `laws.SPECTRUM_LAWS` breaks.
    """
    require_kind("spectrum", spectrum, Spectrum, "check_spectrum(PowerLaw(1.6))")
    subject = Subject(spectrum, SPECTRUM_LAWS)
    rank = _ranks(features)
    with np.errstate(all="ignore"):
        w = _function(subject, lambda r: spectrum.at(r, features), rank, "rank")
        subject.obeys("positive", (w > 0) | ((w == 0) & (rank > 1)), {"rank": rank}, {"w": w})
        rise = w[1:] <= w[:-1] * (1 + 1e-12)
        subject.obeys("descending", rise, {"rank": rank[1:]}, {"w": w[1:], "w before": w[:-1]})
        log_w = np.asarray(spectrum.log_at(rank, features), dtype=float)
        normal = w > 1e-300
        right = close(log_w, np.log(w), 1e-9, 1e-9) | ~normal
        subject.obeys("log", right, {"rank": rank}, {"log_at": log_w, "log of at": np.log(w)})
        whole = np.arange(1.0, features + 1)
        all_weights = np.asarray(spectrum.weights(features))
        first = np.asarray(spectrum.weights(features, upto=min(10, features)))
        same = close(all_weights, spectrum.at(whole, features), 1e-12) if all_weights.shape == whole.shape else False
        subject.obeys("prefix", same, {"rank": whole}, "weights(A) differ from the values of at")
        same = np.array_equal(first, all_weights[:10])
        subject.obeys("prefix", same, {"features": features, "upto": 10}, "other weights")
        _check_exponent_of(subject, spectrum, features)
    again = np.asarray(subject.copy({"features": features}).at(rank, features))
    subject.obeys("pickles", close(again, w, 1e-12), {"rank": rank}, {"w": w, "after pickle": again})


@by_contract(COST_LAWS)
def check_cost(cost: Cost, features: int = 1000) -> None:
    """Check a cost over the ranks 1 … `features`.

    Raises
    ------
    BrokenLawError
        At the smallest rank where a law of `laws.COST_LAWS` breaks.
    """
    require_kind("cost", cost, Cost, "check_cost(PowerCost(0.5))")
    subject = Subject(cost, COST_LAWS)
    rank = _ranks(features)
    with np.errstate(all="ignore"):
        c = _function(subject, cost.at, rank, "rank")
    subject.obeys("positive", c > 0, {"rank": rank}, {"c": c})
    again = np.asarray(subject.copy({"features": features}).at(rank))
    subject.obeys("pickles", close(again, c, 1e-12), {"rank": rank}, {"c": c, "after pickle": again})


@by_contract(BUDGET_LAWS)
def check_budget(budget: Budget) -> None:
    """Check a budget law over the sizes 1 … 10^12.

    Raises
    ------
    BrokenLawError
        At the smallest size where a law of `laws.BUDGET_LAWS` breaks.
    """
    require_kind("budget", budget, Budget, "check_budget(LinearBudget(0.5))")
    subject = Subject(budget, BUDGET_LAWS)
    sizes = np.geomspace(1.0, 1e12, 37)
    with np.errstate(all="ignore"):
        total = _function(subject, budget.total, sizes, "neurons")
    subject.obeys("positive", total > 0, {"neurons": sizes}, {"B": total})
    each = np.asarray(budget.per_neuron(sizes), dtype=float)
    subject.obeys("per neuron", close(each * sizes, total, 1e-9), {"neurons": sizes}, {"B": total, "B/N": each})
    again = np.asarray(subject.copy({"neurons": 1.0}).total(sizes))
    subject.obeys("pickles", close(again, total, 1e-12), {"neurons": sizes}, {"B": total, "after pickle": again})


def _function(subject: Subject, function: Callable[[np.ndarray], Any], x: np.ndarray, name: str) -> np.ndarray:
    """Return the values of a function of arrays, after the laws that any of them obeys."""
    given = x.copy()
    values = np.asarray(function(given))
    at, met = {name: x}, {"value": values}
    subject.obeys("shape", values.shape == x.shape, at, f"shape {values.shape} for {x.shape}")
    subject.obeys("finite", np.isfinite(values), at, met)
    subject.obeys("pure", given == x, at, {"argument after the call": given})
    subject.obeys("pure", np.asarray(function(x.copy())) == values, at, "value changed in a second call")
    table = np.asarray(function(x[: x.size // 2 * 2].reshape(2, -1)))
    subject.obeys("shape", table.shape == (2, x.size // 2), at, f"shape {table.shape} for {(2, x.size // 2)}")
    single = np.array([np.ravel(np.asarray(function(one[None])))[0] for one in x[:20]])
    subject.obeys("vectorised", close(single, values[:20], 1e-12), at, {"alone": single, "in an array": values[:20]})
    subject.obeys("vectorised", close(table.ravel(), values[: table.size], 1e-12), at, {"in a table": table.ravel()})
    return values.astype(float)


def _check_exponent_of(subject: Subject, spectrum: Spectrum, features: int) -> None:
    """Compare `exponent` with the slopes on both sides; at a kink it may be either."""
    rank = np.unique(np.geomspace(2.0, max(2.0, 0.9 * features), 12).round())
    rank = rank[rank < features]
    centre = np.asarray(spectrum.log_at(rank, features))
    left = (np.asarray(spectrum.log_at(rank * np.exp(-SLOPE_STEP), features)) - centre) / SLOPE_STEP
    right = (centre - np.asarray(spectrum.log_at(rank * np.exp(SLOPE_STEP), features))) / SLOPE_STEP
    met = np.array([spectrum.exponent(float(r), features) for r in rank])
    low, high = np.minimum(left, right), np.maximum(left, right)
    room = KINK * (high - low) + 1e-3 * np.abs(high) + 1e-6
    fine = ((met >= low - room) & (met <= high + room)) | ~np.isfinite(centre + left + right)
    subject.obeys("local exponent", fine, {"rank": rank}, {"exponent": met, "−d log w/d log r": (left + right) / 2})


def _ranks(features: int) -> np.ndarray:
    """Return whole and halved ranks in ascending order, dense at first."""
    whole = np.concatenate([np.arange(1.0, 21.0), np.geomspace(20.0, 1e9, 100).round(), [features]])
    ranks = np.unique(np.concatenate([whole, [1.5, 2.5, 7.5]]))
    return ranks[ranks <= features]
