"""Every shipped family obeys the laws that a user's must obey."""

import numpy as np
import pytest
from hypothesis import given

from rosettalaw.testing import (
    budgets,
    check_budget,
    check_cost,
    check_spectrum,
    check_utility,
    costs,
    spectra,
    utilities,
)
from rosettalaw.theory import Empirical, Utility
from rosettalaw.theory.budgets import BUDGETS, COSTS
from rosettalaw.theory.spectra import SPECTRA
from rosettalaw.theory.utilities import UTILITIES

from .test_models import hypothesis_settings

MANY = [10, pytest.param(1000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("examples", MANY)
@pytest.mark.parametrize("family", SPECTRA.values(), ids=SPECTRA)
def test_spectra(family, examples):
    @hypothesis_settings(examples)
    @given(spectra(family))
    def obeys(spectrum):
        check_spectrum(spectrum, len(spectrum.values) if isinstance(spectrum, Empirical) else 1000)

    obeys()


@pytest.mark.parametrize("examples", MANY)
@pytest.mark.parametrize("family", UTILITIES.values(), ids=UTILITIES)
def test_utilities(family, examples):
    @hypothesis_settings(examples)
    @given(utilities(family))
    def obeys(utility):
        check_utility(utility)
        s = np.geomspace(1e-3, 15, 7)
        np.testing.assert_allclose(Utility.demand(utility, utility.marginal(s)), s, rtol=1e-9)
        np.testing.assert_allclose(Utility.tolerance(utility, s), utility.tolerance(s), rtol=1e-6)

    obeys()


@pytest.mark.parametrize("family", COSTS.values(), ids=COSTS)
def test_costs(family):
    @hypothesis_settings(10)
    @given(costs(family))
    def obeys(cost):
        check_cost(cost)

    obeys()


@pytest.mark.parametrize("family", BUDGETS.values(), ids=BUDGETS)
def test_budgets(family):
    @hypothesis_settings(10)
    @given(budgets(family))
    def obeys(budget):
        check_budget(budget)

    obeys()


def test_empirical_exponent_at_and_beyond_the_ends_is_that_of_the_nearest_ranks():
    measured = Empirical([4.0, 2.0, 1.0])
    assert measured.exponent(1.0, 3) == pytest.approx(1)  # log 2/log 2
    for rank in (2.5, 3.0, 3.001):
        assert measured.exponent(rank, 3) == pytest.approx(np.log(2) / np.log(1.5))
    assert Empirical([4.0]).exponent(1.0, 1) == 0
