"""Families of a user's own: one method, any parameters, and little slower than shipped ones."""

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from rosettalaw.errors import InputError
from rosettalaw.testing import check_model, check_utility
from rosettalaw.theory import (
    CRRA,
    Budget,
    LinearBudget,
    Log,
    Model,
    PowerBudget,
    PowerCost,
    PowerLaw,
    Spectrum,
    SquaredError,
    Utility,
)


@dataclass(frozen=True)
class OwnCRRA(Utility):
    """CRRA by its `marginal` alone."""

    eta: float

    def marginal(self, s):
        return (1 + s) ** -self.eta


class Unhashable(OwnCRRA):
    """The same without a hash, as a class with an own equality has it."""

    __hash__ = None


@dataclass
class Mutable(Utility):
    """A class that is not frozen."""

    eta: float

    def marginal(self, s):
        return (1 + s) ** -self.eta


@pytest.mark.parametrize("kind", [OwnCRRA, Unhashable, Mutable])
@pytest.mark.parametrize(("eta", "shipped"), [(0.7, CRRA(0.7)), (1.0, Log()), (2.0, SquaredError())])
def test_marginal_alone_solves_as_the_closed_form_does(kind, eta, shipped):
    own, expected = Model(PowerLaw(1.7), kind(eta)), Model(PowerLaw(1.7), shipped)
    for neurons in (10.0, 3000.0):
        np.testing.assert_allclose(
            own.allocate(neurons).isolation, expected.allocate(neurons).isolation, rtol=1e-9, atol=1e-12
        )
    price = np.geomspace(1e-20, 0.999, 400)
    np.testing.assert_allclose(kind(eta).demand(price), shipped.demand(price), rtol=1e-10)
    assert kind(eta).demand(np.array(0.25)).shape == ()


def test_a_parameter_changed_later_counts():
    utility = Mutable(0.5)
    model = Model(PowerLaw(1.5), utility)
    model.predict(1000.0)
    utility.eta = 2.0
    expected = Model(PowerLaw(1.5), SquaredError()).predict(1000.0)
    np.testing.assert_allclose(model.predict(1000.0)["r_tau"], expected["r_tau"], rtol=1e-9)


def test_kinks_are_inverted_by_bisection():
    """U' = 1/(1+s) to s = 1, 2/(1+s)² beyond: demand by hand."""
    kinked = type("Mine", (Utility,), {"marginal": lambda self, s: np.where(s < 1, 1 / (1 + s), 2 / (1 + s) ** 2)})()
    price = np.array([0.9, 0.5001, 0.4999, 0.1, 1e-6])
    expected = np.where(price > 0.5, 1 / price - 1, np.sqrt(2 / price) - 1)
    np.testing.assert_allclose(kinked.demand(price), expected, rtol=1e-9)
    check_utility(kinked)
    check_model(Model(PowerLaw(1.5), kinked), neurons=[10, 1000])


def cpu_seconds(*works):
    """Return the least time that this thread spends on each of several works, in turn."""
    best = [np.inf] * len(works)
    for _ in range(7):
        for i, work in enumerate(works):
            start = time.thread_time()
            work()
            best[i] = min(best[i], time.thread_time() - start)
    return best


def test_an_own_utility_is_a_few_times_slower_than_a_shipped_one():
    """At most 5 times (`python -m benchmarks theory`), although CRRA has a closed form; 7 here, for busy machines."""
    sizes = [1e3, 1e4, 1e5, 1e6]
    shipped, own = Model(PowerLaw(1.7), CRRA(0.7)), Model(PowerLaw(1.7), OwnCRRA(0.7))
    fast, slow = cpu_seconds(lambda: shipped.predict(sizes), lambda: own.predict(sizes))
    assert slow < 7 * fast


@dataclass(frozen=True)
class Everything(Spectrum):
    """Parameters of every kind; one says its range."""

    name: str
    shift: float
    knots: tuple[float, ...] = ()
    steepness: float = 1.5
    ranges: ClassVar = {"steepness": (1.0, 3.0)}

    def at(self, rank, features):
        return (rank + self.shift) ** -self.steepness


def test_parameters_of_any_sign_and_kind_and_ranges_of_their_own():
    check_model(Model(Everything("mine", -0.5, (1.0, 2.0))), neurons=[10, 1000])
    check_model(Model(Everything("mine", 0.0)), neurons=[10, 1000])
    for wrong in (1.0, 3.0, np.nan, "steep", True):
        with pytest.raises(
            InputError, match=r"Everything.steepness = .*must be finite and greater than 1 and less than 3"
        ):
            Everything("mine", 0.0, (), wrong)


def test_null_hypotheses_of_costs_and_budgets():
    for model in (
        Model(PowerLaw(1.5), cost=PowerCost(0.0)),
        Model(PowerLaw(1.5), cost=PowerCost(-0.2)),
        Model(PowerLaw(1.5), budget=PowerBudget(50.0, 0.0)),
        Model(PowerLaw(1.5), budget=PowerBudget(50.0, -0.1)),
    ):
        check_model(model, neurons=[10, 1000])


@pytest.mark.parametrize("kappa", [0.0, -1.0, np.inf, "much"])
def test_every_shipped_budget_says_its_range(kappa):
    for make in (LinearBudget, lambda kappa: PowerBudget(kappa, 1.0)):
        with pytest.raises(InputError, match=r"Budget.kappa = .*must be finite and greater than 0"):
            make(kappa)


def test_plain_classes_have_names_without_addresses():
    class Sized(Budget):
        def __init__(self, factor):
            self.factor = factor

        def total(self, neurons):
            return self.factor * np.asarray(neurons, dtype=float)

    assert repr(Sized(2.0)) == "Sized(factor=2.0)"
    assert "0x" not in Model(PowerLaw(1.5), budget=Sized(2.0)).predict(100.0).attrs["model"]


@pytest.mark.parametrize(("family", "method"), [(Budget, "total"), (Utility, "marginal"), (Spectrum, "at")])
def test_missing_methods_are_named_with_their_arguments(family, method):
    arguments = {"total": "neurons", "marginal": "s", "at": "rank, features"}[method]
    with pytest.raises(InputError, match=rf"must define the method {method}. Try: def {method}\(self, {arguments}\)"):
        type("Mine", (family,), {"value": lambda self, s: s})()
