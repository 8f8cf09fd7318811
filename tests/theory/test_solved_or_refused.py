"""Every allocation is an optimum by its certificate, or refused with the reason."""

import pickle
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import psutil
import pytest

from rosettalaw.errors import InputError
from rosettalaw.theory import (
    CRRA,
    Cost,
    Exponential,
    LinearBudget,
    Log,
    LognormalQuantiles,
    LogQuadratic,
    Model,
    PowerBudget,
    PowerCost,
    PowerLaw,
    PurePower,
    Saturating,
    Spectrum,
    SquaredError,
    StretchedExponential,
    Utility,
    ZipfMandelbrot,
    allocate,
    frontier,
    isolation,
    predict,
    solve,
)


@pytest.mark.parametrize("kappa", [100.0, 739.0, 1000.0, 1e4, 1e8])
def test_one_saturated_neuron_spends_its_whole_budget(kappa):
    """With n features active, s_r = s̄ + β (mean of log r − log r) where U' = e^-s: no exponentials."""
    model = Model(PowerLaw(1.5), Saturating(), budget=LinearBudget(kappa), gamma=1.0)
    row, prediction = model.predict(100.0), model.allocate(100.0)
    logs = np.log(np.arange(1, 101))
    np.testing.assert_allclose(prediction.isolation, kappa + 1.5 * (logs.mean() - logs), rtol=1e-12)
    assert prediction.certificate.holds(1e-9)
    assert float(row["mean_isolation"][0]) == pytest.approx(kappa, rel=1e-12)
    assert int(row["status"][0]) == 0


@pytest.mark.parametrize(("kappa", "neurons"), [(1.0, 1e6), (50.0, 3000.0), (1.0, 1e8)])
def test_weights_that_underflow_are_solved_in_logs(kappa, neurons):
    """Weights e^-r and U' = e^-s: s_r = [x − r]_+, so the budget is n x − n(n+1)/2 with n = floor x."""
    row = Model(Exponential(1.0), Saturating(), budget=LinearBudget(kappa)).predict(neurons)
    budget = kappa * neurons
    n = int((1 + np.sqrt(1 + 8 * budget)) / 2)
    while n * (n - 1) / 2 >= budget:
        n -= 1
    level = (budget + n * (n + 1) / 2) / n
    assert int(row["active"][0]) == n
    assert float(row["r_tau"][0]) == pytest.approx(level - 1, rel=1e-9)
    assert int(row["count"][0]) == int(level - 1 + 1e-9)


def _utility(name, marginal):
    return type(name, (Utility,), {"marginal": staticmethod(marginal)})()


@pytest.mark.parametrize(
    ("marginal", "message"),
    [
        (lambda s: 1 + s, "must be concave"),
        (lambda s: np.ones_like(s), "must be concave"),
        (lambda s: 1 / (1 + s) * np.where(s < 1, 1, 0.1), "decreasing and continuous"),
        (lambda s: np.full_like(s, np.nan), "must be positive, finite"),
        (lambda s: 1 / (1 + s) + 0.5 * np.exp(-((s - 3) ** 2)), "must be concave"),
        (lambda s: (1 + 0.3 * np.sin(5 * s)) / (1 + s), "must be concave"),
        (lambda s: np.floor(10 / (1 + s)), "must be concave|decreasing and continuous"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_utilities_without_an_optimum_are_refused(marginal, message):
    model = Model(PowerLaw(1.5), _utility("Mine", marginal))
    for call in (lambda: model.predict(100.0), lambda: model.allocate(100.0)):
        with pytest.raises(InputError, match=message):
            call()


def test_negative_parts_are_refused_without_a_warning_of_numpy():
    negative = type("Mine", (Spectrum,), {"at": lambda self, rank, features: 1 - rank / 50})()
    with pytest.raises(InputError, match="must be a number of at least 0 at every rank"):
        Model(negative).predict(100.0)
    with pytest.raises(InputError, match="U' must be positive"):
        Model(PowerLaw(1.5), _utility("Mine", lambda s: -1 / (1 + s))).predict(100.0)


@pytest.mark.parametrize("at", [lambda r: r**0.5, lambda r: r * np.exp(-r / 50), lambda r: np.where(r < 3, 1 / r, 5.0)])
def test_spectra_that_rise_are_refused_by_a_model(at):
    rising = type("Mine", (Spectrum,), {"at": lambda self, rank, features: at(rank)})()
    with pytest.raises(InputError, match="importance over cost must not rise with rank; it does beyond rank"):
        Model(rising).predict(100.0)
    late = type("Late", (Spectrum,), {"at": lambda self, r, features: np.where(r < 1e6, r**-1.5, 5.0)})()
    with pytest.raises(InputError, match="must not rise"):
        Model(late).predict(1e6)


@pytest.mark.parametrize("utility", [Log(), CRRA(0.7)], ids=repr)
@pytest.mark.parametrize("edge", [10.0, 30.0])
def test_where_importance_jumps_the_frontier_lies_before_the_rank_that_falls(utility, edge):
    """Ranks below the edge are alike, those beyond get nothing at this budget: the count is edge − 1 by hand."""
    step = type("Mine", (Spectrum,), {"at": lambda self, r, features: np.where(r < edge, 1.0, 0.01)})()
    row = Model(step, utility, budget=LinearBudget(1.0)).predict(5 * edge)
    assert int(row["count"][0]) == edge - 1
    assert np.floor(float(row["r_tau"][0])) == edge - 1


def test_an_infinite_importance_is_refused_for_every_utility():
    for utility in (Log(), CRRA(0.7)):
        with pytest.raises(InputError, match="must be a number of at least 0 at every rank"):
            Model(type("Mine", (Spectrum,), {"at": lambda self, r, f: 1 / (r - 1)})(), utility).predict(100.0)


def test_a_spectrum_returns_a_weight_for_each_rank():
    with pytest.raises(InputError, match=r"Mine.at = 'shape \(\) for rank of .*return one weight for each rank"):
        Model(type("Mine", (Spectrum,), {"at": lambda self, r, features: 1.0})()).predict(100.0)
    with pytest.raises(InputError, match="must be a number of at least 0 at every rank"):
        Model(type("Mine", (Spectrum,), {"at": lambda self, r, f: np.where(r > 10, np.nan, 1 / r)})()).predict(100.0)


@pytest.mark.parametrize(
    ("family", "method"), [(Spectrum, "at"), (Utility, "marginal"), (Cost, "at")], ids=lambda x: str(x)
)
def test_a_missing_method_is_named(family, method):
    with pytest.raises(InputError, match=f"class = 'Mine': must define the method {method}. Try: def {method}"):
        type("Mine", (family,), {})()


@dataclass(frozen=True)
class Shifted(Spectrum):
    """Own spectrum with a name and a shift of any sign."""

    name: str
    shift: float
    knots: np.ndarray | None = None

    def at(self, rank, features):
        return (rank + self.shift) ** -1.5


def test_own_parameters_may_be_of_any_sign_and_kind():
    for shift in (0.0, -0.5):
        model = Model(Shifted("mine", shift, np.ones(3)))
        assert int(model.predict(1000.0)["count"][0]) > 0
    assert pickle.loads(pickle.dumps(Shifted("mine", 0.0))) == Shifted("mine", 0.0)


def test_null_hypotheses_of_costs_and_budgets():
    plain = Model(PowerLaw(1.5)).predict([100.0, 1000.0])
    free = Model(PowerLaw(1.5), cost=PowerCost(0.0)).predict([100.0, 1000.0])
    np.testing.assert_allclose(free["r_tau"], plain["r_tau"], rtol=1e-12)
    fixed = Model(PowerLaw(1.5), budget=PowerBudget(50.0, 0.0), features=10_000).predict([100.0, 1000.0])
    assert fixed["count"].values[0] == fixed["count"].values[1] == int(predict(50.0, 1.5, gamma=200)["count"])
    cheaper = Model(PowerLaw(1.5), cost=PowerCost(-0.2)).predict(1000.0)
    assert float(cheaper["r_tau"][0]) > float(plain["r_tau"][1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PowerBudget(0.0, 1.0), r"PowerBudget.kappa = 0.0: .* Try: PowerBudget\(kappa=1.5, theta=1.5\)"),
        (lambda: PowerLaw(np.array([1.5, 2.0])), "PowerLaw.beta = .*must be finite and greater than 0"),
        (lambda: PowerCost(np.nan), "PowerCost.delta = nan: must be finite"),
    ],
)
def test_refused_parameters(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("beta", [1, 2, 3])
def test_exact_ties_are_counted_alike(beta):
    """B = Σ (r0^β/r^β − 1) in rational numbers puts s_r = τ exactly at every whole divisor."""
    for r0 in (12, 60, 120):
        budget = float(sum(Fraction(r0**beta, r**beta) - 1 for r in range(1, r0)))
        for r in range(1, r0):
            if r0 % r:
                continue
            tau = float(r0**beta // r**beta - 1)
            model = Model(PowerLaw(float(beta)), gamma=40.0)
            counts = [
                int(predict(budget, beta, tau=tau, gamma=40.0)["count"]),
                solve(budget, beta, gamma=40.0).count(tau),
                int(model.predict(budget, tau)["count"][0]),
                model.allocate(budget).count(tau),
            ]
            assert counts == [r] * 4


@pytest.mark.parametrize("point", [(1e15, 1.2, 1e6, 1.0, 4.0), (43016805424301.516, 1.0001, 192255.51, 3.6614, 4.0)])
def test_no_more_found_than_active_than_there_are(point):
    row = predict(*point)
    features = int(np.floor(point[4] * point[0]))
    assert int(row["count"]) <= int(row["active"]) <= features
    assert float(row["tail_mass"]) >= 0
    assert solve(point[0], point[1], point[2], point[4]).count(point[3]) <= features
    if point[1] == 1.2:
        assert int(row["count"]) == features
        assert float(row["tail_mass"]) == 0


def test_frontier_below_rank_one():
    """Closed form r0 (1+τ)^(-1/β) with the one active feature at s = B: ((1+B)/(1+τ))^(1/β)."""
    model = Model(PowerLaw(1.5), budget=LinearBudget(0.001))
    expected = ((1 + 0.1) / 2) ** (1 / 1.5)
    assert model.frontier(100.0) == pytest.approx(expected, rel=1e-9)
    assert frontier(100.0, 1.5, 0.001) == pytest.approx(expected, rel=1e-12)
    assert float(model.predict(100.0)["local_exponent"][0]) == pytest.approx(
        float(predict(100.0, 1.5, 0.001)["local_exponent"]), rel=1e-9
    )


@pytest.mark.parametrize("budget", [1e-300, 1e-100, 1e-12, 1e-8])
@pytest.mark.parametrize("utility", [Log(), CRRA(2.0), CRRA(0.3), Saturating(), SquaredError()], ids=repr)
@pytest.mark.parametrize("exponent", [None, 0.5])
def test_tiny_budgets_are_spent_on_the_first_feature(budget, utility, exponent):
    rank = np.arange(1.0, 101)
    allocation = allocate(rank**-1.5, budget, utility, None if exponent is None else 2 * rank**exponent)
    assert allocation.isolation[0] == pytest.approx(budget / (1 if exponent is None else 2), rel=1e-14, abs=0)
    assert allocation.active == 1
    assert allocation.certificate.holds()


@pytest.mark.parametrize("utility", [Log(), CRRA(0.7), Saturating()], ids=repr)
def test_equal_features_share_a_tiny_budget(utility):
    allocation = allocate(np.full(100, 0.1), 1e-12, utility)
    np.testing.assert_allclose(allocation.isolation, 1e-14, rtol=1e-12)


def test_nearly_equal_weights_and_a_tiny_budget_in_rational_numbers():
    """s_r = (w_r B + n w_r − P)/P of the weights as they are stored, without rounding."""
    weights = 1 - np.array([0.0, 3e-14, 7e-14, 3e-13, 1e-6])
    exact, budget = [Fraction(float(w)) for w in weights], Fraction(1e-12)
    n = max(k for k in range(1, 6) if exact[k - 1] * budget > sum(exact[:k]) - k * exact[k - 1])
    total = sum(exact[:n])
    expected = [float((w * budget + n * w - total) / total) for w in exact[:n]]
    for costs in (None, np.ones(5)):
        allocation = allocate(weights, 1e-12, Log(), costs)
        assert allocation.active == n == 4
        np.testing.assert_allclose(allocation.isolation[:n], expected, rtol=1e-12)


@pytest.mark.parametrize("budget", [1e12, 1e100, 1e300])
@pytest.mark.parametrize("utility", [Log(), CRRA(2.0), PurePower(0.5), Saturating()], ids=repr)
def test_huge_budgets_are_shared_by_the_closed_form_of_large_isolation(utility, budget):
    """U' ~ s^-η gives s_r ∝ w_r^(1/η); e^-s gives equal shares."""
    weights = np.arange(1.0, 21) ** -1.5
    eta = {"Log()": 1, "CRRA(eta=2.0)": 2, "PurePower(eta=0.5)": 0.5, "Saturating()": np.inf}[repr(utility)]
    share = weights ** (1 / eta) / np.sum(weights ** (1 / eta))
    np.testing.assert_allclose(allocate(weights, budget, utility).isolation / budget, share, rtol=1e-9)


class Slow(Utility):
    """U' = 3/(1 + s)^0.7 by `marginal` alone, whose digits end where 1 + s = 1."""

    def marginal(self, s):
        return 3 * (1 + s) ** -0.7


def test_an_own_utility_solves_a_small_budget_or_says_that_it_is_too_small():
    weights = np.arange(1.0, 21) ** -1.5
    assert allocate(weights, 1e-12, Slow()).isolation[0] == pytest.approx(1e-12, rel=1e-12, abs=0)
    with pytest.raises(InputError, match="budget = 1e-300: is too small to be allocated in floating point"):
        allocate(weights, 1e-300, Slow())


SPECTRA = [
    PowerLaw(1.5), PowerLaw(0.5), Exponential(1.0), Exponential(100.0), StretchedExponential(0.5, 0.683),
    LogQuadratic(2.0), ZipfMandelbrot(1.5, 10.0), LognormalQuantiles(1.0),
]  # fmt: skip
UTILITIES = [CRRA(0.5), CRRA(3.0), PurePower(0.5), PurePower(2.0), Saturating(), SquaredError()]


def _solved_or_says_why(spectrum, utility, neurons, kappa):
    model = Model(spectrum, utility, budget=LinearBudget(kappa), features=min(int(4 * neurons), 3000))
    try:
        row, prediction = model.predict(neurons), model.allocate(neurons)
    except InputError as error:
        return str(error)
    assert prediction.certificate.holds(1e-6)
    assert int(row["count"][0]) <= int(row["active"][0])
    assert np.isfinite(float(row["r_tau"][0]))
    return ""


@pytest.mark.parametrize("utility", UTILITIES, ids=repr)
@pytest.mark.parametrize("spectrum", SPECTRA, ids=repr)
def test_shipped_pairs_at_the_corners(spectrum, utility):
    for neurons, kappa in [(1.0, 1e-8), (1e3, 1.0), (1e15, 1e-8), (1e15, 1e6)]:
        assert not _solved_or_says_why(spectrum, utility, neurons, kappa), (neurons, kappa)


@pytest.mark.slow
@pytest.mark.parametrize("utility", UTILITIES, ids=repr)
@pytest.mark.parametrize("spectrum", SPECTRA, ids=repr)
def test_shipped_pairs_on_the_whole_grid(spectrum, utility):
    for neurons in 10.0 ** np.arange(0, 15.5, 1):
        for kappa in 10.0 ** np.arange(-8, 6.5, 1):
            assert not _solved_or_says_why(spectrum, utility, neurons, kappa), (neurons, kappa)


@pytest.fixture
def free(monkeypatch):
    """Let so many bytes of memory be free."""
    memory = type(psutil.virtual_memory())
    return lambda size: monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(*[size] * len(memory._fields)))


def test_more_active_features_than_memory_holds_are_refused_before_they_take_it(free):
    """PowerLaw(0.3) and a budget of 1e15 leave no feature of a few million without isolation."""
    free(1_000_000)
    with pytest.raises(
        InputError, match=r"neurons = 1000000000000000.0: gives isolation to more features than the free memory"
    ):
        Model(PowerLaw(0.3)).allocate(1e15)
    swept = Model(PowerLaw(1.5)).sweep(1e9, beta=[0.3, 3.0])
    assert swept["status"].values.tolist() == [5, 0]
    with pytest.raises(InputError, match=r"lists 4e\+12 features, and the free memory holds 2.5e\+04 of them"):
        isolation(1e12, 1.5)
    assert isolation(1e4, 1.5).shape == (40_000,)


def test_what_memory_holds_is_solved(free):
    """A million and a half features of equal importance share the budget, in a prefix that memory cut short."""
    free(48 * 2_000_000)
    flat = type("Flat", (Spectrum,), {"at": lambda self, rank, features: np.where(rank <= 1.5e6, 1.0, 1e-9)})()
    allocation = Model(flat).allocate(3e6)
    assert allocation.active == 1_500_000
    assert len(allocation.isolation) == 2_000_000
    np.testing.assert_allclose(allocation.isolation[:1_500_000], 2.0)


@pytest.mark.parametrize("scale", [1e308, 1e300, 1e-300, 1e-310, 5e-324])
@pytest.mark.parametrize("utility", [Log(), CRRA(2.0), Saturating()])
def test_only_ratios_of_weights_matter_at_the_ends_of_the_floats(scale, utility):
    """Two equal weights share the budget, and three in powers of two allocate as at any other scale."""
    allocation = allocate([scale, scale], 2.0, utility)
    np.testing.assert_allclose(allocation.isolation, [1.0, 1.0])
    assert allocation.certificate.holds()
    if scale > 1e-310:
        weights = np.array([1.0, 0.5, 0.25])
        expected = allocate(weights, 4.0, utility)
        scaled = allocate(weights * scale, 4.0, utility)
        np.testing.assert_allclose(scaled.isolation, expected.isolation, rtol=1e-12)
        assert scaled.log_level == pytest.approx(expected.log_level + np.log(scale), rel=1e-12)


@pytest.mark.parametrize("budget", [1e301, 1.7e308, 1e-301, 5e-324])
@pytest.mark.parametrize("utility", [CRRA(2.0), PurePower(1.0), Saturating()])
def test_a_budget_beyond_the_floats_is_refused_as_the_budget(budget, utility):
    with pytest.raises(InputError, match=r"^budget = .*must lie between 1e-300 and 1e300"):
        allocate([1.0, 0.5], budget, utility)
    np.testing.assert_allclose(allocate([1.0, 1.0], 1e300, utility).isolation, [5e299, 5e299])


@pytest.mark.parametrize("beta", [0.05, 1.0, 1.0001, 1.01, 2.0, 50.0])
@pytest.mark.parametrize("kappa", [1e-14, 1e-8, 1.0, 1e6])
def test_the_certificate_of_solve_holds_at_any_scale(beta, kappa):
    for neurons in (1.0, 1e3, 1e12, 1e15):
        assert solve(neurons, beta, kappa).certificate.holds(1e-8), neurons
