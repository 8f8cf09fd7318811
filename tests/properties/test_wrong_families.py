"""Mistakes that users make in families of their own: each is caught, by the name of the law it breaks."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from rosettalaw.errors import MissingExtraError
from rosettalaw.testing import (
    BrokenLawError,
    check_budget,
    check_cost,
    check_exponent,
    check_model,
    check_spectrum,
    check_utility,
)
from rosettalaw.theory import Budget, Cost, Log, Model, PowerLaw, Spectrum, UnitCost, Utility
from rosettalaw.theory.budgets import LinearBudget


def own(family, **methods):
    """Return a member of a family with these methods."""
    return type("Mine", (family,), {name: staticmethod(method) for name, method in methods.items()})()


def utility(marginal=lambda s: 1 / (1 + s), **others):
    return own(Utility, marginal=marginal, **others)


def at(function, **others):
    return own(Spectrum, at=lambda rank, features: function(rank), **others)


def changed(rank):
    rank += 1
    return rank**-1.5


RIGHT = [
    (check_utility, utility()),
    (check_utility, utility(lambda s: 1 / (1 + s) / (1 + 0.3 * np.log1p(s)))),
    (check_utility, utility(lambda s: np.where(s < 1, 1 / (1 + s), 2 / (1 + s) ** 2))),  # a kink is no jump
    (check_utility, utility(lambda s: np.exp(-s))),
    (check_spectrum, at(lambda r: (r + np.log(r)) ** -1.5)),
    (check_spectrum, at(lambda r: np.where(r <= 10, 1.0, (r / 10) ** -2))),
    (check_cost, own(Cost, at=lambda rank: 1 / (1 + rank))),
    (check_budget, own(Budget, total=lambda n: np.sqrt(np.asarray(n, dtype=float)))),
    (check_model, Model(at(lambda r: (r + np.log(r)) ** -1.5), utility(lambda s: (1 + s) ** -0.7))),
]
# Mistake -> (check, object, law that it breaks).
WRONG = {
    "utility: convex": (check_utility, utility(lambda s: 1 + s), "concave"),
    "utility: linear": (check_utility, utility(np.ones_like), "concave"),
    "utility: U in place of U'": (check_utility, utility(np.log1p), "concave"),
    "utility: sign flipped": (check_utility, utility(lambda s: -1 / (1 + s)), "positive"),
    "utility: convex beyond s = 5": (check_utility, utility(lambda s: 1 / (1 + s) + 0.01 * s), "concave"),
    "utility: value without its ½": (
        check_utility,
        utility(lambda s: 0.5 / (1 + s), value=np.log1p),
        "value",
    ),
    "utility: demand without its ½": (
        check_utility,
        utility(lambda s: 0.5 / (1 + s), demand=lambda p: np.maximum(1 / p - 1, 0)),
        "demand",
    ),
    "utility: tolerance without its ½": (
        check_utility,
        utility(lambda s: (1 + s) ** -2.0, tolerance=lambda s: 1 + s),
        "tolerance",
    ),
    "utility: log_marginal without its ½": (
        check_utility,
        utility(lambda s: (1 + s) ** -0.5, log_marginal=lambda s: -np.log1p(s)),
        "log",
    ),
    "utility: demand below 0": (check_utility, utility(demand=lambda p: 1 / p - 1), "demand"),
    "utility: other demand in logs": (check_utility, utility(demand_at_log=lambda x: np.exp(-x)), "demand at log"),
    "utility: jump": (check_utility, utility(lambda s: np.where(s < 1, 1, 0.1) / (1 + s)), "continuous"),
    "utility: NaN": (check_utility, utility(lambda s: np.full_like(s, np.nan)), "finite"),
    "utility: scalar": (check_utility, utility(lambda s: 0.5), "shape"),
    "utility: looks at the whole array": (check_utility, utility(lambda s: 1 / (1 + s) / s.max()), "vectorised"),
    "spectrum: ascending": (check_spectrum, at(lambda r: r**1.5), "descending"),
    "spectrum: sign of the exponent": (check_spectrum, at(lambda r: r * np.exp(-r / 50)), "descending"),
    "spectrum: bump": (check_spectrum, at(lambda r: r**-1.5 + 0.1 * (np.abs(r - 14) < 2)), "descending"),
    "spectrum: negative": (check_spectrum, at(lambda r: 2 - r), "positive"),
    "spectrum: NaN": (check_spectrum, at(lambda r: np.where(r > 10, np.nan, 1 / r)), "finite"),
    "spectrum: infinite at rank 1": (check_spectrum, at(lambda r: 1 / (r - 1)), "finite"),
    "spectrum: scalar": (check_spectrum, at(lambda r: 1.0), "shape"),
    "spectrum: normalised by the ranks asked for": (check_spectrum, at(lambda r: 1 / r / np.sum(1 / r)), "vectorised"),
    "spectrum: cumulative": (check_spectrum, at(lambda r: np.cumsum(r)[::-1]), "shape"),
    "spectrum: changes its argument": (check_spectrum, at(changed), "pure"),
    "spectrum: random": (check_spectrum, at(lambda r: np.sort(np.random.default_rng().random(r.shape))), "pure"),
    "spectrum: other logarithm": (
        check_spectrum,
        at(lambda r: r**-1.5, log_at=lambda rank, features: -2 * np.log(rank)),
        "log",
    ),
    "spectrum: wrong exponent": (
        check_spectrum,
        at(lambda r: r**-1.5, exponent=lambda rank, features: -1.5),
        "local exponent",
    ),
    "cost: negative": (check_cost, own(Cost, at=lambda rank: -rank), "positive"),
    "cost: zero": (check_cost, own(Cost, at=lambda rank: rank - 1), "positive"),
    "cost: scalar": (check_cost, own(Cost, at=lambda rank: 1.0), "shape"),
    "cost: infinite": (check_cost, own(Cost, at=lambda rank: np.exp(rank * 10)), "finite"),
    "budget: negative": (check_budget, own(Budget, total=lambda n: -n), "positive"),
    "budget: per neuron in place of total": (
        check_budget,
        own(Budget, total=lambda n: 2 * n, per_neuron=lambda n: 2 * n),
        "per neuron",
    ),
    "model: convex utility": (check_model, Model(PowerLaw(1.5), utility(lambda s: 1 + s)), "solved"),
    "model: rising spectrum": (check_model, Model(at(lambda r: r**0.5)), "solved"),
    "model: demand of another utility": (
        check_model,
        Model(PowerLaw(1.5), utility(demand=lambda p: np.maximum(2 / p - 2, 0))),
        "solved",
    ),
    "model: tolerance without its ½": (
        check_model,
        Model(PowerLaw(1.5), utility(lambda s: (1 + s) ** -2.0, tolerance=lambda s: 1 + s)),
        "local exponent",
    ),
    "model: exponent of another spectrum": (
        check_model,
        Model(at(lambda r: r**-1.5, exponent=lambda rank, features: 2.0)),
        "local exponent",
    ),
    "exponent: β in place of 1/β": (lambda m: check_exponent(m, 1.6), Model(PowerLaw(1.6)), "exponent"),
    "exponent: a square forgotten": (
        lambda m: check_exponent(m, 1 / 1.5),
        Model(PowerLaw(1.5), utility(lambda s: (1 + s) ** -0.5)),
        "exponent",
    ),
    "exponent: spectrum a little steeper": (lambda m: check_exponent(m, 1 / 1.5), Model(PowerLaw(1.52)), "exponent"),
    "exponent: no power law": (
        lambda m: check_exponent(m, 0.1),
        Model(at(lambda r: np.exp(-r / 10), log_at=lambda rank, features: -rank / 10)),
        "settled",
    ),
}


@pytest.mark.parametrize(("check", "member"), RIGHT)
def test_right_families_pass(check, member):
    check(member)


@pytest.mark.parametrize("mistake", WRONG)
def test_mistakes_are_caught_by_name(mistake):
    check, member, law = WRONG[mistake]
    with pytest.raises(BrokenLawError) as caught:
        check(member)
    assert caught.value.law == law, caught.value
    assert "help('rosettalaw.theory." in str(caught.value)


@dataclass(frozen=True)
class OwnLog(Log):
    """A logarithm without hash, equality or pickle of its own."""

    def __reduce__(self):
        raise TypeError("not for pickling")


@dataclass(frozen=True)
class Forgetful(UnitCost):
    """A cost that pickle gives back as another."""

    def at(self, rank):
        return 2.0 * rank

    def __reduce__(self):
        return (UnitCost, ())


def test_families_that_do_not_pickle_are_caught():
    with pytest.raises(BrokenLawError, match=r"breaks the law 'pickles' .*not for pickling"):
        check_utility(OwnLog())
    with pytest.raises(BrokenLawError, match=r"breaks the law 'pickles' .* at rank = 1: c = 2, after pickle = 1"):
        check_cost(Forgetful())
    assert pickle.loads(pickle.dumps(Forgetful())) == UnitCost()


def test_a_failure_says_law_smallest_example_and_reading():
    bump = at(lambda r: r**-1.5 + 0.1 * ((r > 12) & (r < 30)))
    with pytest.raises(
        BrokenLawError, match=r"breaks the law 'descending' \(w never rises with rank, Eq. 9\)"
    ) as caught:
        check_spectrum(bump)
    assert "at rank = 13: w = 0.121" in str(caught.value)
    assert str(caught.value).endswith("Read: help('rosettalaw.theory.spectra')")
    assert isinstance(caught.value, AssertionError)


def test_a_models_failure_is_at_the_smallest_size():
    """A budget that turns negative beyond N = 700 breaks at 351, of which twice the size is tried too."""
    budget = own(Budget, total=lambda n: np.where(np.asarray(n) > 700, -1.0, np.asarray(n, dtype=float)))
    with pytest.raises(BrokenLawError) as caught:
        check_model(Model(PowerLaw(1.5), budget=budget), neurons=[10, 1000], tau=1.0)
    assert caught.value.law == "solved"
    assert caught.value.example == "neurons = 351, tau = 1"
    assert ".total(702) = -1.0: must be finite and greater than 0" in str(caught.value)


def test_strategies_without_hypothesis_name_the_extra(monkeypatch):
    import sys

    import rosettalaw.testing

    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "rosettalaw.testing.strategies", raising=False)
    with pytest.raises(MissingExtraError, match=r"(?s)hypothesis.*testing"):
        rosettalaw.testing.__getattr__("spectra")
    rosettalaw.testing.check_budget(LinearBudget(2.0))
