"""All families × budgets × sizes: every model is an optimum, and its figures fit together."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosettalaw.testing import (
    check_exponent,
    check_model,
    costs,
    ladders,
    models,
    sizes,
    spectra,
    thresholds,
    utilities,
)
from rosettalaw.theory import (
    CRRA,
    BrokenPowerLaw,
    LinearBudget,
    Log,
    LognormalQuantiles,
    Model,
    PowerBudget,
    PowerCost,
    PowerLaw,
    PurePower,
    Saturating,
    SquaredError,
    UnitCost,
    ZipfMandelbrot,
    predict,
)
from rosettalaw.theory.spectra import SPECTRA
from rosettalaw.theory.utilities import UTILITIES

FEW = 3  # examples of each pair of families
MANY = [FEW, pytest.param(100 * FEW, marks=pytest.mark.slow)]


def hypothesis_settings(examples):
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, deadline=None, suppress_health_check=slow, derandomize=True, database=None)


@pytest.mark.parametrize("examples", MANY)
@pytest.mark.parametrize("utility", UTILITIES.values(), ids=UTILITIES)
@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
def test_every_pair_of_families_with_any_cost_and_budget(spectrum, utility, examples):
    @hypothesis_settings(examples)
    @given(models(spectra(spectrum), utilities(utility)), sizes(high=1000), thresholds())
    def obeys(model, neurons, tau):
        check_model(model, neurons, tau)

    obeys()


@pytest.mark.parametrize("examples", [40, pytest.param(4000, marks=pytest.mark.slow)])
def test_power_laws_are_the_closed_form(examples):
    """(1 + s)^η ∝ r^-(β+δ): the profile of (β+δ)/η, solved without arrays where costs are 1."""
    paper = models(spectra(PowerLaw), st.builds(CRRA, st.floats(0.5, 2)), costs(UnitCost))

    @hypothesis_settings(examples)
    @given(paper, sizes(2, 3000), thresholds())
    def equal(model, neurons, tau):
        kappa = float(model.budget.per_neuron(neurons))
        found = model.predict(neurons, tau)
        gamma = model.features_at(neurons) / neurons * (1 + 1e-12)
        expected = predict(neurons, model.spectrum.beta / model.utility.eta, kappa, tau, gamma)
        np.testing.assert_allclose(found["r_tau"].values[0], expected["r_tau"].values, rtol=1e-6)
        if abs(float(expected["r_tau"]) - round(float(expected["r_tau"]))) > 1e-6:
            assert int(found["count"][0]) == int(expected["count"])

    equal()


def test_ladders_are_drawn_with_their_truth():
    @hypothesis_settings(20)
    @given(ladders(scatter=st.sampled_from([0.0, 0.1])))
    def holds(ladder):
        beta, kappa = ladder.model.spectrum.beta, ladder.model.budget.kappa
        exact = predict(ladder.neurons, beta, kappa, ladder.tau)
        np.testing.assert_allclose(ladder.frontier, exact["r_tau"], rtol=1e-9)
        if ladder.scatter == 0:
            np.testing.assert_array_equal(ladder.counts, exact["count"])
        assert 0 < ladder.exponent <= 1

    holds()


# Model -> the exponent it tends to, by hand (η/(β+δ), at most the share that costs leave; θ times that).
EXPONENTS = [
    (Model(PowerLaw(1.2)), 1 / 1.2),
    (Model(PowerLaw(1.5)), 1 / 1.5),
    (Model(PowerLaw(2.0)), 1 / 2),
    (Model(PowerLaw(3.0)), 1 / 3),
    (Model(PowerLaw(0.5)), 1.0),
    (Model(PowerLaw(1.3), budget=LinearBudget(0.01)), 1 / 1.3),
    (Model(PowerLaw(1.5), CRRA(0.5)), 1 / 3),
    (Model(PowerLaw(3.0), SquaredError()), 2 / 3),
    (Model(PowerLaw(1.5), cost=PowerCost(0.5)), 1 / 2),
    (Model(PowerLaw(0.5), cost=PowerCost(0.5)), 1 / 1.5),
    (Model(PowerLaw(1.5), budget=PowerBudget(1.0, 0.7)), 0.7 / 1.5),
    (Model(PowerLaw(0.4), budget=PowerBudget(1.0, 0.7)), 0.7),
    (Model(PowerLaw(1.5), PurePower(0.5), features=10_000), 1 / 3),
    (Model(BrokenPowerLaw(1.2, 2.0, 20.0)), 1 / 2),
    (Model(ZipfMandelbrot(1.5, 10.0)), 1 / 1.5),
]
SLOW_EXPONENTS = [
    (Model(PowerLaw(1.5), PurePower(0.5)), 1 / 3),
    (Model(PowerLaw(1.5), PurePower(1.2)), 0.8),
    (Model(PowerLaw(1.5), CRRA(2.5)), 1.0),
    (Model(PowerLaw(1.5), Saturating()), 1.0),
    (Model(PowerLaw(1.0), SquaredError()), 1.0),
    (Model(LognormalQuantiles(1.0)), 1.0),
]


@pytest.mark.parametrize(
    ("model", "expected"), [*EXPONENTS, *(pytest.param(*one, marks=pytest.mark.slow) for one in SLOW_EXPONENTS)]
)
def test_exponents(model, expected):
    limit = check_exponent(model, expected)
    assert limit.exponent == pytest.approx(expected, abs=limit.error)
    assert limit.error < 0.01


@pytest.mark.parametrize("utility", [Log(), PurePower(0.7), SquaredError()], ids=repr)
@pytest.mark.parametrize("cost", [UnitCost(), PowerCost(0.3)], ids=repr)
def test_local_exponent_where_every_feature_is_active_is_the_slope_over_many_steps_of_a(utility, cost):
    model = Model(PowerLaw(0.6), utility, cost, budget=PowerBudget(50.0, 1.1), gamma=2.0)
    sizes = np.array([4900.0, 5000.0, 5100.0])  # whole A = 2N
    found = model.predict(sizes, tau=120.0)
    assert (found["active"] == 2 * sizes).all()
    slope = np.log(found["r_tau"].values[2] / found["r_tau"].values[0]) / np.log(sizes[2] / sizes[0])
    assert float(found["local_exponent"][1]) == pytest.approx(slope, rel=2e-3)
