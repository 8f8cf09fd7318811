"""Own theories in symbols: the known exponents come out, and the numerical model agrees with every formula."""

from functools import cache

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.theory import (
    CRRA,
    BrokenPowerLaw,
    Exponential,
    Log,
    LognormalQuantiles,
    LogQuadratic,
    Model,
    PowerBudget,
    PowerCost,
    PowerLaw,
    PurePower,
    Saturating,
    SquaredError,
    StretchedExponential,
    Utility,
    ZipfMandelbrot,
    derive,
)
from rosettalaw.theory.expressions import BUDGETS, COSTS, SPECTRA, UTILITIES
from rosettalaw.theory.limits import FALLING, NONE, NUMERICAL, PROVED, last_piece, limit_of
from rosettalaw.theory.own_steps import budget_for_all, by_ratio, price
from rosettalaw.theory.rank_integrals import over_ranks

beta, eta, delta, theta, tau, kappa, N, n, r0, r_tau = sp.symbols(
    "beta eta delta theta tau kappa N n r_0 r_tau", positive=True
)
scale, power = sp.symbols("scale power", positive=True)
budget = kappa * N
factor = budget / (budget + n)


@cache
def _once(parts):
    return derive(**dict(parts))


def derived(**parts):
    """Return a theory; each is derived once, whichever tests ask for it."""
    return _once(tuple(sorted(parts.items())))


def same(found, expected):
    return sp.simplify(sp.expand_log(found - expected, force=True)) == 0


# Parts -> exponent of the count, local law (None: not stated). The rows of known results beyond the paper.
ROWS = [
    ({}, sp.Min(1, 1 / beta), factor / beta),
    ({"utility": "crra"}, sp.Min(1, eta / beta), eta / beta * factor),
    ({"utility": "pure-power"}, sp.Min(1, eta / beta), eta / beta),
    ({"utility": "saturating"}, sp.Integer(1), budget / (beta * n)),
    ({"utility": "squared-error"}, sp.Min(1, 2 / beta), 2 / beta * factor),
    (
        {"cost": "power"},
        sp.Min(1 / (beta + delta), 1 / (1 + delta)),
        budget / (beta + delta) / (budget + sp.Symbol("C_n", positive=True)),
    ),
    ({"spectrum": "exponential"}, sp.Integer(0), scale / r_tau * factor),
    ({"spectrum": "stretched-exponential"}, sp.Integer(0), (scale / r_tau) ** power / power * factor),
    ({"spectrum": "log-quadratic"}, sp.Integer(0), sp.Symbol("width", positive=True) ** 2 / sp.log(r_tau) * factor),
    (
        {"budget": "power"},
        sp.Min(theta, theta / beta),
        theta / beta * kappa * N**theta / (kappa * N**theta + n),
    ),
    ({"spectrum": "1/r"}, sp.Integer(1), factor),
    ({"spectrum": "r**(-1/2)"}, sp.Integer(1), 2 * factor),
]


@pytest.mark.parametrize(("parts", "exponent", "law"), ROWS, ids=lambda part: str(part)[:40])
def test_known_exponents_are_proved(parts, exponent, law):
    found = derived(**parts)
    count = found.exponents["count"]
    assert count.how == PROVED
    assert same(count.value, exponent)
    assert law is None or same(found.local_exponent, law)


def test_costs_have_an_exponent_on_either_side_of_one():
    for shape, expected in ((sp.Rational(3, 2), 1 / sp.Rational(9, 5)), (sp.Rational(1, 2), 1 / sp.Rational(13, 10))):
        found = derived(cost="power").exponents["count"].value
        assert found.subs({beta: shape, delta: sp.Rational(3, 10)}) == expected


@pytest.mark.slow
def test_a_broken_power_law_has_one_law_on_either_side_of_its_knee():
    found = derived(spectrum="broken-power-law")
    first, second, knee = sp.symbols("beta1 beta2 knee", positive=True)
    assert same(found.exponents["count"].value, sp.Min(1, 1 / second))
    law = found.local_exponent
    assert same(law.subs(r_tau, knee / 2), factor / first)
    assert same(law.subs(r_tau, 2 * knee), factor / second)


def test_the_spectrum_at_the_border_is_solved_by_lambert():
    found = derived(spectrum="1/r")
    assert same(found.continuum_exponent, 1 - (1 - 1 / r0) / sp.log(r0))
    assert same(found.r0, sp.exp(1 + sp.LambertW((budget - 1) / sp.E)))


# Sums of powers, of which SymPy's own solutions are pages long or never come: exponent of the count.
SUMS = [
    ({"spectrum": "r**-1.5 + r**-3"}, "2/3"),
    ({"spectrum": "1/(r + r**2)"}, "1/2"),
    ({"spectrum": "1/(1 + r + r**3)"}, "1/3"),
    ({"spectrum": "r**-2", "utility": "sqrt(1 + s) + log(1 + s)"}, "1/4"),
    ({"spectrum": "r**-1.5", "utility": "sqrt(s) + log(1 + s)"}, "1/3"),
    ({"spectrum": "Piecewise((r**-1.2, r <= 50), (50**1.3*r**-2.5, True))"}, "2/5"),
]


@pytest.mark.parametrize(("parts", "exponent"), SUMS, ids=lambda part: str(part)[:60])
def test_sums_of_powers_have_exponents_in_finite_time(parts, exponent):
    count = derived(**parts).exponents["count"]
    assert (count.value, count.how) == (sp.Rational(exponent), PROVED)


def test_frontiers_of_sums_are_their_positive_roots():
    """q(r_τ) = (1 + τ) q(r0), at numbers; of three powers only the equation is given."""
    at = {r0: 40, tau: sp.Rational(7, 10)}
    for spectrum, q in (("r**-1.5 + r**-3", lambda r: 1 / (r**-1.5 + r**-3)), ("1/(r + r**2)", lambda r: r + r**2)):
        edge = float(derived(spectrum=spectrum).frontier.subs(at))
        assert q(edge) == pytest.approx(q(40.0) / 1.7, rel=1e-12)
    assert isinstance(derived(spectrum="1/(1 + r + r**3)").frontier, sp.Eq)


def test_decimals_in_formulas_are_exact():
    found = derived(spectrum="5*r**-1.7", cost="r**0.3", budget="kappa*N**0.9")
    assert found.exponents["count"].value == sp.Rational(9, 20)
    assert not found.local_exponent.has(sp.Float)


def test_a_bounded_appetite_has_no_polarization():
    assert derived(utility="saturating").exponents["mean_isolation"].value == 0


def test_a_fixed_number_of_features_is_all_found_from_a_budget_on():
    found = derived().found_all_from
    for shape, features, threshold in [(1.5, 7, 2.0), (0.6, 40, 0.3)]:
        harmonic = np.sum(np.arange(1, features + 1.0) ** -shape)
        expected = (1 + threshold) * features**shape * harmonic - features
        number = found.subs({"A": features}).subs({beta: shape, tau: threshold})
        number = number.subs({symbol: features for symbol in number.free_symbols}).doit()
        assert float(number) == pytest.approx(expected, rel=1e-12)


def test_importances_drawn_from_a_distribution():
    assert derived(spectrum="-log(r/A)").exponents["count"].value == 1
    heavy = derived(spectrum="(r/A)**(-3/2)").exponents["count"]
    assert heavy.how == NONE
    assert "samples at different sizes do not converge" in heavy.words


@pytest.mark.slow
def test_a_tail_of_unknown_index_has_one_exponent_for_each_case():
    index = sp.Symbol("a", positive=True)
    either = derived(spectrum="(r/A)**(-1/a)").exponents["count"].value
    assert either.subs(index, 2) == 1
    assert either.subs(index, sp.Rational(1, 2)) == sp.nan


@pytest.mark.slow
def test_lognormal_importances_have_slopes_that_fall():
    lognormal = derive(spectrum="lognormal", at={"sigma": 1.0}).exponents["count"]
    assert (lognormal.value, lognormal.how) == (1, FALLING)
    assert len(lognormal.table) == 8


def test_polarization_and_tail_of_the_paper_come_out():
    b = sp.Symbol("b", positive=True)
    found = {name: one.value.subs(beta, b + 1) for name, one in derived().exponents.items()}
    expected = {"count": 1 / (b + 1), "mean_isolation": b / (b + 1), "tail_mass": 1 / (b + 1)}
    for name, value in {**expected, "isolation_per_non_rosetta": -b / (b + 1)}.items():
        assert sp.simplify(found[name].rewrite(sp.Piecewise).subs(b, sp.Rational(7, 5))) == value.subs(
            b, sp.Rational(7, 5)
        )


# Theories and the models that they are, with the numbers of their letters.
MODELS = [
    ({}, Model(PowerLaw(1.7)), {"beta": 1.7}),
    ({"utility": "crra"}, Model(PowerLaw(1.7), CRRA(1.3)), {"beta": 1.7, "eta": 1.3}),
    ({"utility": "saturating"}, Model(PowerLaw(1.4), Saturating()), {"beta": 1.4}),
    ({"utility": "squared-error"}, Model(PowerLaw(2.6), SquaredError()), {"beta": 2.6}),
    ({"cost": "power"}, Model(PowerLaw(1.5), cost=PowerCost(0.4)), {"beta": 1.5, "delta": 0.4}),
    ({"budget": "power"}, Model(PowerLaw(1.5), budget=PowerBudget(2.0, 0.8)), {"beta": 1.5, "theta": 0.8}),
    ({"spectrum": "exponential", "utility": "saturating"}, Model(Exponential(9.0), Saturating()), {"scale": 9.0}),
    ({"spectrum": "zipf-mandelbrot"}, Model(ZipfMandelbrot(1.6, 5.0)), {"beta": 1.6, "shift": 5.0}),
]


def numbers(expression, values):
    return expression.subs({symbol: values[symbol.name] for symbol in expression.free_symbols if symbol.name in values})


@pytest.mark.parametrize(("parts", "model", "letters"), MODELS, ids=lambda part: str(part)[:50])
def test_the_numerical_model_is_the_derived_one(parts, model, letters):
    """Profile, frontier and local law in r0 and n of a solved model, and the exponent at the end of large sizes."""
    found, size, threshold = derived(**parts), 2e5, 0.7
    solved = model.allocate(size)
    active = solved.isolation > 0
    rank = np.arange(1, active.sum() + 1.0)
    costs = model.cost.at(rank)
    last = float(sp.N(_last_rank(found, letters, solved.isolation[0])))
    letters = {**letters, "r_0": last, "tau": threshold, "kappa": float(model.budget.total(size)) / size, "N": size}
    if "theta" in letters:
        letters["kappa"] = 2.0
    profile = sp.lambdify(sp.Symbol("r", positive=True), numbers(found.allocation, letters))
    np.testing.assert_allclose(profile(rank), solved.isolation[active], rtol=1e-6, atol=1e-9)
    edge = float(numbers(found.frontier, letters))
    assert edge == pytest.approx(model.frontier(size, threshold), rel=1e-9)
    tolerance = np.sum(costs * model.utility.tolerance(solved.isolation[active]))
    letters |= {"r_tau": edge, "n": float(active.sum()), "C_n": costs.sum(), "S_T": tolerance}
    local = float(numbers(found.local_exponent, letters))
    assert local == pytest.approx(float(model.predict(size, threshold)["local_exponent"].item()), rel=1e-8)


def _last_rank(theory, letters, first):
    """Return r0 from the isolation of rank 1, by bisection on the profile."""
    profile = sp.lambdify(r0, numbers(theory.allocation.subs(sp.Symbol("r", positive=True), 1), letters))
    low, high = 1.0, 1e12
    for _ in range(200):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if profile(middle) < first else (low, middle)
    return low


@pytest.mark.parametrize(
    "parts", [{"budget": "power"}, {"cost": "power"}, {"utility": "crra", "cost": "power"}], ids=str
)
def test_budget_integrals_are_quadrature(parts):
    found = derived(**parts)
    letters = {"beta": 1.7, "delta": 0.4, "eta": 1.3, "r_0": 40.0}
    integrand = sp.lambdify(sp.Symbol("r", positive=True), numbers(found.cost * found.allocation, letters))
    expected = quad(integrand, 1, 40)[0]
    assert float(numbers(found.spent, letters)) == pytest.approx(expected, rel=1e-9)


def test_integrals_over_ranks():
    r = sp.Symbol("r", positive=True)
    for integrand in (1 / r, r**-1.5 * sp.log(r), sp.log(r) / r, sp.exp(-r / 3) * r, 2 + r**2, sp.log(r0 / r)):
        found = over_ranks(integrand, sp.Integer(1), r0)
        assert not found.has(sp.Integral)
        expected = quad(sp.lambdify(r, integrand.subs(r0, 9)), 1, 9)[0]
        assert float(found.subs(r0, 9)) == pytest.approx(expected, rel=1e-9)
    assert over_ranks(sp.exp(-(r**2)), sp.Integer(1), r0).has(sp.Integral)


def test_indices_that_do_not_decide_leave_the_limit_of_the_local_law():
    found = derived(utility="saturating", spectrum="exponential")
    assert (found.exponents["count"].value, found.exponents["count"].how) == (sp.Rational(1, 2), PROVED)
    assert found.exponents["mean_isolation"].value == sp.Rational(1, 2)
    slope = np.log(np.divide(*(Model(Exponential(9.0), Saturating()).frontier(size, 0.5) for size in (4e7, 1e7))))
    assert slope / np.log(4) == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
def test_a_bounded_appetite_and_a_stretched_exponential():
    stretched = derived(utility="saturating", spectrum="stretched-exponential").exponents["count"]
    assert same(stretched.value, 1 / (1 + sp.Symbol("power", positive=True)))


def test_a_limit_that_is_only_numerical_shows_its_table():
    found = derive(utility="erf(s)", spectrum="exponential", at={"scale": 2, "tau": 1})
    count = found.exponents["count"]
    assert count.how == NUMERICAL
    assert float(count.value) == pytest.approx(2 / 3, abs=1e-6)
    assert [at for at, _ in count.table] == [2, 4, 6, 8, 10]
    assert "values used to estimate the limit" in str(found)
    assert "1e10: 0.666666667" in str(found)
    with pytest.raises(InputError, match="must have numbers for scale, tau") as refused:
        derive(utility="erf(s)", spectrum="exponential")
    assert eval(refused.value.example).exponents["count"].how == NUMERICAL
    growing = derive(utility="erf(s)", spectrum="exponential", budget="power", at={"scale": 2, "tau": 1, "theta": 0.6})
    assert float(growing.exponents["count"].value) == pytest.approx(0.6 * 2 / 3, abs=1e-6)


# Utilities whose U' does not fall to 0, and the limit that it falls to.
FLOORS = [
    ("s/(2 + s) + s", lambda s: 2 / (2 + s) ** 2 + 1, "1"),
    ("log(1 + s) + s/2", lambda s: 1 / (1 + s) + 0.5, "1/2"),
    ("sqrt(s) + s", lambda s: 0.5 * s**-0.5 + 1, "1"),
]


@pytest.mark.parametrize(("formula", "marginal", "floor"), FLOORS, ids=lambda part: str(part)[:20])
def test_a_marginal_utility_that_does_not_fall_to_zero_finds_no_more_features(formula, marginal, floor):
    """Of the numerical model too: the count stops, and rank 1 takes what every larger budget adds."""

    class Own(Utility):
        def marginal(self, s):
            with np.errstate(divide="ignore"):
                return marginal(s)

    found = derived(utility=formula)
    limits = {name: (limit.value, limit.how) for name, limit in found.exponents.items()}
    assert (limits["count"], limits["mean_isolation"]) == ((0, PROVED), (1, PROVED))
    assert f"U' stays above {floor}: no feature reaches τ" in str(found)
    law = Model(PowerLaw(0.8), Own(), features=3000).predict([1e3, 1e5], tau=0.1)
    assert law["count"].values[0] == law["count"].values[1]
    assert np.log(np.divide(*law["mean_isolation"].values[::-1])) / np.log(100) == pytest.approx(1, abs=0.01)
    farthest = 0.8 * np.log(law["count"].values[1] + 1)  # log q of the first rank beyond the frontier
    assert farthest > np.log(marginal(0.1) / float(sp.Rational(floor))) > farthest - 0.8 * np.log(2)


def test_frontiers_never_outgrow_the_features():
    """A budget like N², and costs that fall with rank: count at most A, the other exponents where r0 stays below it."""
    square = derived(budget="N**2").exponents
    assert same(square["count"].value.subs(beta, 3), sp.Rational(2, 3))
    assert square["count"].value.subs(beta, sp.Rational(3, 2)) == 1
    assert square["mean_isolation"].value.subs(beta, 3) == sp.Rational(4, 3)
    assert square["mean_isolation"].value.subs(beta, sp.Rational(3, 2)) == sp.nan
    model = Model(PowerLaw(3.0), budget=PowerBudget(1.0, 2.0)).predict([1e5, 1e6])
    for name, limit in (("count", 2 / 3), ("mean_isolation", 4 / 3)):
        assert np.log10(np.divide(*model[name].values[::-1])) == pytest.approx(limit, abs=0.01)
    everything = Model(PowerLaw(1.5), budget=PowerBudget(1.0, 2.0)).predict([1e4, 1e5])["count"]
    assert everything.values.tolist() == [4e4, 4e5]
    cheap = derived(spectrum="r**-4", cost="r**-2").exponents
    model = Model(PowerLaw(4.0), cost=PowerCost(-2.0)).predict([1e5, 1e6])
    for name, limit in (("count", 1 / 2), ("mean_isolation", 1 / 2)):
        assert float(cheap[name].value) == limit
        assert np.log10(np.divide(*model[name].values[::-1])) == pytest.approx(limit, abs=0.01)
    assert derived(budget="exp(N)").exponents["count"].value == 1
    assert derived(cost="r**-2", utility="saturating").exponents["count"].value == 1


def test_exponents_that_the_number_of_features_decides_are_none():
    """With w = 1 + 1/r every feature is active once κN is large: s_r = (1 + κ/γ) w_r/w̄ − 1 has no frontier in r0."""
    found = derived(spectrum="1 + 1/r").exponents["count"]
    assert found.how == NONE
    assert "every feature is active in the end" in found.words
    assert derived(budget="1/N").exponents["count"].words == "the budget falls with N"


def test_plateaus_are_spectra():
    found = derived(spectrum="Piecewise((1, r <= 5), ((r/5)**-2, True))").exponents["count"]
    assert (found.value, found.how) == (sp.Rational(1, 2), PROVED)


@pytest.mark.slow
def test_a_spectrum_without_an_index_has_no_limit():
    slow = derive(spectrum="1/log(1 + r)").exponents["count"]
    assert slow.how == NONE
    assert "every feature is active in the end" in slow.words


def test_limits_by_value():
    x = sp.Symbol("x", positive=True)
    found = limit_of(sp.Piecewise((x, x < 5), (3 + 1 / x, True)), x, {})
    assert (found.value, found.how) == (3, PROVED)
    wild = limit_of(sp.sin(x), x, {})
    assert wild.how == NONE
    assert "no limit was found" in str(wild)


def test_the_last_piece_is_the_one_far_out():
    x, knee = sp.Symbol("x", positive=True), sp.Symbol("knee", positive=True)
    far = sp.Piecewise((1, x < 10**9), (x**2, x > 10**40), (x, True))
    assert last_piece(far + sp.Piecewise((2, x < knee), (3, True)), x) == x + 3


def test_a_profile_of_a_ratio_is_written_in_it():
    r = sp.Symbol("r", positive=True)
    assert by_ratio(sp.expand(r0**beta * r**-beta - 1), r0) == (r0 / r) ** beta - 1
    assert by_ratio(r0**2 / r, r0) == r0**2 / r


@pytest.mark.parametrize(("shape", "taste", "dearer"), [(1.5, 1.0, 0.0), (1.5, 0.7, 0.4)])
def test_the_budget_that_finds_every_feature_is_the_sum_to_the_last(shape, taste, dearer):
    """Of ranks 1 to 7, where the last one has isolation τ = 2: s_r = 3 (7/r)^((β + δ)/η) − 1."""
    rank = np.arange(1.0, 8.0)
    expected = np.sum(rank**dearer * (3 * (7 / rank) ** ((shape + dearer) / taste) - 1))
    s, r = sp.symbols("s r", positive=True)
    cost = r**delta if dearer else sp.Integer(1)
    budget = budget_for_all(price ** (-1 / eta) - 1, (1 + s) ** -eta, cost * r**beta, cost)
    numbers = {"beta": shape, "eta": taste, "delta": dearer, "tau": 2.0, "A": 7}
    assert float(budget.subs({letter: numbers[letter.name] for letter in budget.free_symbols}).doit()) == pytest.approx(
        expected, rel=1e-9
    )


def test_exponents_by_integrals_follow_the_budget():
    """1 − e^−s and e^(−r/a): s = (r0 − r)/a, κN^θ = r0²/2a; beyond r_τ = r0 − aτ lies the mass aτ²/2, whatever N."""
    theta = sp.Symbol("theta", positive=True)
    found = derive("saturating", "exponential", budget="power").exponents
    expected = {"count": theta / 2, "mean_isolation": theta / 2, "tail_mass": 0, "isolation_per_non_rosetta": -1}
    for name, value in expected.items():
        assert sp.simplify(found[name].value - value) == 0, name


def test_named_parts_are_the_shipped_families():
    rank, s = np.array([1.0, 3.0, 60.0]), np.array([0.1, 1.0, 6.0])
    values = {"beta": 1.3, "scale": 9.0, "power": 0.6, "width": 2.0, "beta1": 1.2, "beta2": 1.9, "knee": 10.0}
    values |= {"shift": 4.0, "sigma": 1.1, "eta": 1.4, "delta": 0.3, "theta": 0.7, "kappa": 2.0, "A": 100.0}
    families = {
        "power-law": PowerLaw(1.3),
        "exponential": Exponential(9.0),
        "stretched-exponential": StretchedExponential(9.0, 0.6),
        "log-quadratic": LogQuadratic(2.0),
        "broken-power-law": BrokenPowerLaw(1.2, 1.9, 10.0),
        "zipf-mandelbrot": ZipfMandelbrot(1.3, 4.0),
        "lognormal": LognormalQuantiles(1.1),
    }
    assert set(families) == set(SPECTRA)
    r = sp.Symbol("r", positive=True)
    for name, family in families.items():
        formula = numbers(SPECTRA[name], values)
        np.testing.assert_allclose([float(formula.subs(r, at)) for at in rank], family.at(rank, 100), rtol=1e-12)
    utilities = {"log": Log(), "crra": CRRA(1.4), "pure-power": PurePower(1.4), "saturating": Saturating()}
    letter = sp.Symbol("s", positive=True)
    for name, family in {**utilities, "squared-error": SquaredError()}.items():
        formula = numbers(sp.diff(UTILITIES[name], letter), values)
        np.testing.assert_allclose([float(formula.subs(letter, at)) for at in s], family.marginal(s), rtol=1e-12)
    assert float(numbers(COSTS["power"], values).subs(r, 5)) == pytest.approx(PowerCost(0.3).at(np.array(5.0)))
    assert float(numbers(BUDGETS["power"], values).subs(N, 50)) == pytest.approx(PowerBudget(2.0, 0.7).total(50))


def test_text_and_latex_show_every_step():
    found = derived(cost="power")
    text, document = str(found), found.latex()
    titles = (
        "The theory",
        "Stationarity",
        "Allocation",
        "Budget",
        "Frontier",
        "A fixed",
        "Local law",
        "Exponents for N",
    )
    for number, title in enumerate(titles, start=1):
        assert f"{number}. {title}" in text
    assert "Min(1/(β + δ), 1/(δ + 1))   proved" in text
    assert document.isascii()
    assert document.count("{") == document.count("}")
    assert document.count("\\[") == document.count("\\]") >= 7
    assert document.rstrip().endswith("\\end{document}")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"utility": "s**2"}, "must be concave"),
        ({"utility": "-log(1 + s)"}, "must be concave"),
        ({"utility": "2*s"}, "must be concave"),
        ({"utility": "log(1 + r)"}, "is a function of s; r has another meaning"),
        ({"utility": "x + 1"}, "must be a function of s"),
        ({"utility": "log(1 + s)**2"}, "must be concave"),
        ({"utility": "Min(s, 1)"}, "must be concave"),
        ({"utility": "Piecewise((s, s < 1), (1 + log(s), True))"}, "must be concave"),
        ({"utility": "s - s**2/2"}, "U' must be positive and fall with s; it falls to -oo"),
        ({"utility": "log(1 + s) - a*s"}, "it falls to -a"),
        ({"spectrum": "r**2"}, "importance over cost must fall with rank"),
        ({"cost": "r**-beta"}, "importance over cost must fall with rank"),
        ({"spectrum": "r*exp(-r/50)"}, "importance over cost must fall with rank"),
        ({"spectrum": "-1/r"}, "must be positive at every r"),
        ({"spectrum": "1/r - 1/2"}, "must be positive at every r"),
        ({"cost": "0"}, "must be positive at every r"),
        ({"cost": -1}, "must be positive at every r"),
        ({"budget": "-N"}, "must be positive at every N"),
        ({"utility": CRRA(1.5)}, "or a name: log, crra"),
        ({"at": {"beta": -1}}, "must be finite and greater than 0"),
        ({"spectrum": "exp(-r**2/A)"}, "may contain A only as r/A"),
        ({"utility": "__import__('os').getcwd()"}, "must be a formula of numbers, letters"),
        ({"utility": "log(1 + s"}, "must be a formula of numbers, letters"),
        ({"cost": "r.real"}, "must be a formula of numbers, letters"),
        ({"utility": "lambda*s"}, "lambda is the multiplier"),
        ({"budget": 3.5}, "must be a function of N"),
        ({"utility": None}, "must be a formula"),
    ],
    ids=str,
)
def test_what_is_no_theory_is_refused(parts, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(").replace("+", r"\+")):
        derive(**parts)


def test_misspelt_families():
    with pytest.raises(UnknownNameError, match="unknown utility 'cra': did you mean crra"):
        derive(utility="cra")
    for name in ("PowerLaw", "power_law", "power law"):
        with pytest.raises(UnknownNameError, match="did you mean power-law"):
            derive(spectrum=name)
