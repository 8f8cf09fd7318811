"""Families: every member goes through the same tests, and closed forms agree with the numerical defaults."""

from dataclasses import dataclass, fields

import numpy as np
import pytest
from scipy.stats import lognorm, norm

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.theory import (
    CRRA,
    BrokenPowerLaw,
    Empirical,
    Exponential,
    LinearBudget,
    Log,
    LognormalQuantiles,
    LogQuadratic,
    PowerBudget,
    PowerCost,
    PowerLaw,
    PurePower,
    Saturating,
    Spectrum,
    SquaredError,
    StretchedExponential,
    UnitCost,
    Utility,
    ZipfMandelbrot,
    frontier,
    predict,
)
from rosettalaw.theory.budgets import BUDGETS, COSTS, budget, cost
from rosettalaw.theory.spectra import SPECTRA, spectrum
from rosettalaw.theory.utilities import UTILITIES, utility

# Member -> its local exponent at rank 20 of 1000, by hand.
SPECTRUM_EXPONENTS = {
    PowerLaw(1.6): 1.6,
    Exponential(8.0): 20 / 8,
    StretchedExponential(8.0, 0.5): 0.5 * (20 / 8) ** 0.5,
    LogQuadratic(1.5): np.log(20) / 1.5**2,
    BrokenPowerLaw(1.2, 2.0, 50.0): 1.2,
    BrokenPowerLaw(1.2, 2.0, 10.0): 2.0,
    ZipfMandelbrot(1.5, 5.0): 1.5 * 20 / 25,
    LognormalQuantiles(1.3): None,
    Empirical(np.arange(1.0, 1001.0) ** -1.5): None,
}
UTILITY_MEMBERS = [Log(), CRRA(0.5), CRRA(1.0), CRRA(2.5), PurePower(0.6), Saturating(), SquaredError()]


def members(base):
    found = set(base.__subclasses__())
    return {cls for cls in found if cls.__module__.startswith("rosettalaw.theory.")}


def test_every_member_is_enrolled_here_and_in_its_table():
    assert {type(member) for member in SPECTRUM_EXPONENTS} == members(Spectrum) == set(SPECTRA.values())
    assert {type(member) for member in UTILITY_MEMBERS} == members(Utility) == set(UTILITIES.values())
    assert set(COSTS.values()) == {UnitCost, PowerCost}
    assert set(BUDGETS.values()) == {LinearBudget, PowerBudget}


@pytest.mark.parametrize("member", SPECTRUM_EXPONENTS, ids=lambda member: type(member).__name__)
def test_spectra_descend_and_have_the_stated_local_exponent(member):
    w = member.weights(1000)
    assert w.shape == (1000,)
    assert (w > 0).all()
    assert (np.diff(w) < 0).all()
    np.testing.assert_array_equal(member.weights(1000, upto=10), w[:10])
    expected = SPECTRUM_EXPONENTS[member]
    if expected is not None:
        assert member.exponent(20.0, 1000) == pytest.approx(expected, rel=1e-9)


def test_lognormal_quantiles_are_scipys():
    rank = np.array([1, 37, 1000])
    np.testing.assert_allclose(LognormalQuantiles(1.3).at(rank, 1000), lognorm(1.3).isf((rank - 0.5) / 1000), rtol=1e-9)
    np.testing.assert_allclose(
        LognormalQuantiles(400.0).log_at(rank, 1000), 400 * norm.isf((rank - 0.5) / 1000), rtol=1e-9
    )
    for at in (1.0, 20.0, 500.5, 1000.4):  # dΦ⁻¹/d log r = r/(A φ(z))
        density = norm.pdf(norm.isf((at - 0.5) / 1000))
        assert LognormalQuantiles(1.3).exponent(at, 1000) == pytest.approx(1.3 * at / 1000 / density, rel=1e-9)
    assert LognormalQuantiles(1.3).exponent(1000.5, 1000) == np.inf


def test_own_quantiles_have_exponents_up_to_their_end():
    """Of w = tan(π(1 − u)/2), u = (r − ½)/A, which bends without bound where u = 1: −d log w/d log r by hand."""

    class Cauchy(Spectrum):
        quantiles = True

        def at(self, rank, features):
            return np.tan(np.pi * (1 - (rank - 0.5) / features) / 2)

    for rank in (1.0, 20.0, 143.0, 143.99, 144.4):
        expected = np.pi * rank / 144 / np.sin(np.pi * (1 - (rank - 0.5) / 144))
        assert Cauchy().exponent(rank, 144) == pytest.approx(expected, rel=1e-5)


def test_empirical_sorts_interpolates_and_refuses_what_it_does_not_hold():
    member = Empirical([1.0, 4.0, 2.0])
    np.testing.assert_array_equal(member.weights(3), [4, 2, 1])
    assert member.values.flags.c_contiguous  # a pickled copy is, and logarithms of reversed views round otherwise
    assert member.at(np.array([np.sqrt(2)]), 3)[0] == pytest.approx(np.sqrt(8))
    with pytest.raises(InputError, match=r"features = 4: the empirical spectrum has 3 ranks. Try: features=3"):
        member.weights(4)
    with pytest.raises(InputError, match="must be a vector of finite numbers"):
        Empirical([1.0, np.nan])


@pytest.mark.parametrize("member", UTILITY_MEMBERS, ids=repr)
def test_closed_forms_of_utilities_equal_the_numerical_defaults(member):
    s = np.array([1e-3, 0.1, 1.0, 7.0, 15.0])
    np.testing.assert_allclose(member.tolerance(s), Utility.tolerance(member, s), rtol=1e-6)
    np.testing.assert_allclose(member.demand(member.marginal(s)), s, rtol=1e-10)
    np.testing.assert_allclose(Utility.demand(member, member.marginal(s)), s, rtol=1e-9)
    if not isinstance(member, PurePower):  # infinite slope at 0: quadrature is no reference
        np.testing.assert_allclose(member.value(s), Utility.value(member, s), rtol=1e-9)
        assert member.demand(member.marginal(np.zeros(1)) * 1.01) == [0]
    h = 1e-6 * s
    slope = (member.value(s + h) - member.value(s - h)) / (2 * h)
    np.testing.assert_allclose(slope, member.marginal(s), rtol=1e-7, atol=1e-10)
    assert (np.diff(member.marginal(s)) < 0).all()


class MarginalAlone(Utility):
    """A utility that gives its U', and its T as a test knows it."""

    def __init__(self, slope, exact):
        self.slope, self.exact = slope, exact

    def marginal(self, s):
        with np.errstate(divide="ignore"):
            return self.slope(s)


@pytest.mark.parametrize(
    "own",
    [
        MarginalAlone(lambda s: np.exp(-s), lambda s: 1 + 0 * s),
        MarginalAlone(lambda s: (2 + s) ** -0.5, lambda s: 2 * (2 + s)),
        MarginalAlone(lambda s: 5 * (1 + 100 * s) ** -3.0, lambda s: (1 + 100 * s) / 300),
        MarginalAlone(lambda s: 1 / (1 + 1e-9 * s), lambda s: 1e9 + s),
        MarginalAlone(lambda s: np.asarray(s) ** -0.7, lambda s: s / 0.7),
    ],
    ids=["exponential", "root", "steep", "nearly straight", "priceless"],
)
def test_the_tolerance_of_an_own_utility_at_any_isolation(own):
    s = np.array([0, 1e-300, 1e-20, 1e-13, 1e-9, 1e-5, 1e-3, 1.0, 30.0])
    np.testing.assert_allclose(own.tolerance(s), own.exact(s), rtol=1e-6)
    for one in s:
        np.testing.assert_allclose(own.tolerance(one), own.exact(one), rtol=1e-6)


@pytest.mark.parametrize("eta", [0.6, 1.0, 1.7])
def test_pure_power_value_is_an_antiderivative(eta):
    s, h = np.array([0.2, 1.0, 9.0]), 1e-6
    member = PurePower(eta)
    np.testing.assert_allclose((member.value(s + h) - member.value(s - h)) / (2 * h), member.marginal(s), rtol=1e-7)


def test_a_user_adds_a_spectrum_in_ten_lines():
    from rosettalaw.theory import Model

    @dataclass(frozen=True)
    class Plateau(Spectrum):
        width: float

        def at(self, rank, features):
            return np.where(rank <= self.width, 1.0, (rank / self.width) ** -2)

    allocation = Model(Plateau(10.0)).allocate(2)  # all eight features lie on the plateau
    np.testing.assert_allclose(allocation.isolation, np.full(8, 0.25))


def test_budget_laws():
    np.testing.assert_allclose(LinearBudget(0.5).total([10, 20]), [5, 10])
    np.testing.assert_allclose(PowerBudget(2.0, 0.5).total([100.0]), [20])
    np.testing.assert_allclose(PowerBudget(2.0, 0.5).per_neuron(100), 0.2)
    np.testing.assert_allclose(PowerCost(0.5).at(np.array([4.0])), 2)
    np.testing.assert_array_equal(UnitCost().at(np.array([4.0, 9.0])), 1)


@pytest.mark.parametrize(("beta", "theta"), [(1.5, 0.7), (2.0, 0.5), (0.4, 0.7)])
def test_power_budget_changes_all_three_exponents(beta, theta):
    """Count θ/β and mean isolation θ(β−1)/β above β = 1; θ and 0 below; the sum is θ in both."""
    sizes = np.array([1e11, 1e12])
    kappa = PowerBudget(1.0, theta).per_neuron(sizes)
    count = frontier(sizes, beta, kappa, tau=1.0)
    mean = [float(predict(n, beta, k)["mean_isolation"]) for n, k in zip(sizes, kappa, strict=True)]
    alpha, p = np.diff(np.log10(count))[0], np.diff(np.log10(mean))[0]
    expected = (theta / beta, theta * (beta - 1) / beta) if beta > 1 else (theta, 0.0)
    assert (alpha, p) == pytest.approx(expected, abs=6e-3)
    assert alpha + p == pytest.approx(theta, abs=2e-3)


def test_tables_answer_names():
    assert spectrum("power-law", beta=1.6) == PowerLaw(1.6)
    assert utility("crra", eta=0.5) == CRRA(0.5)
    assert cost("power", delta=0.5) == PowerCost(0.5)
    assert budget("power", kappa=1, theta=0.7) == PowerBudget(1, 0.7)
    for table in (SPECTRA, UTILITIES, COSTS, BUDGETS):
        assert all(isinstance(fields(cls), tuple) for cls in table.values())


def test_misspelt_names_parameters_and_values():
    with pytest.raises(UnknownNameError, match="unknown spectrum 'powerlaw': did you mean power-law"):
        spectrum("powerlaw", beta=1.6)
    with pytest.raises(UnknownNameError, match="unknown parameter of crra 'etta': did you mean eta"):
        utility("crra", etta=1)
    with pytest.raises(InputError, match=r"takes the parameters beta. Try: spectrum\('power-law', beta=1.5\)"):
        spectrum("power-law")
    with pytest.raises(InputError, match=r"PowerLaw.beta = -1: must be finite and greater than 0"):
        PowerLaw(-1)
    with pytest.raises(InputError, match=r"CRRA.eta = nan"):
        CRRA(np.nan)
