"""The exchangeable model: equal to the closed-form solver, to the exponents derived for each family, to differences."""

import numpy as np
import pytest
from scipy.special import lambertw

from rosettalaw.errors import InputError
from rosettalaw.theory import (
    CRRA,
    BrokenPowerLaw,
    Exponential,
    LinearBudget,
    LognormalQuantiles,
    LogQuadratic,
    Model,
    PowerBudget,
    PowerLaw,
    Saturating,
    Spectrum,
    StretchedExponential,
    allocate,
    predict,
)

SAME = ["active", "r_tau", "count", "mean_isolation", "tail_mass", "isolation_per_non_rosetta", "local_exponent"]


@pytest.mark.parametrize(
    ("beta", "kappa", "tau"), [(1.6, 0.5, 2.0), (1.1, 2.0, 1.0), (0.7, 0.3, 0.5), (3.0, 20.0, 5.0)]
)
def test_power_law_equals_the_closed_form_solver(beta, kappa, tau):
    sizes = [100, 1024, 30_000]
    prediction = Model(PowerLaw(beta), budget=LinearBudget(kappa)).predict(sizes, tau)
    expected = predict(sizes, beta, kappa, tau)
    for name in SAME:
        np.testing.assert_allclose(prediction[name], expected[name], rtol=1e-9, atol=1e-12, err_msg=name)


def slope(model, low, high, tau=1.0, quantity="r_tau"):
    prediction = model.predict([low, high], tau)[quantity].values
    return np.log(prediction[1] / prediction[0]) / np.log(high / low)


def test_below_the_knee_the_first_exponent_rules():
    model = Model(BrokenPowerLaw(1.5, 2.5, 1e5))
    row = model.predict(30_000.0)
    expected = 30_000 / (30_000 + float(row["active"][0])) / 1.5
    assert float(row["local_exponent"][0]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("spectrum", [Exponential(10.0), StretchedExponential(3.0, 0.5)])
def test_exponential_spectra_grow_slower_than_any_power(spectrum):
    slopes = [slope(Model(spectrum), n, 10 * n) for n in (1e3, 1e5, 1e7)]
    assert slopes[0] > slopes[1] > slopes[2]
    assert slopes[2] < 0.35
    if isinstance(spectrum, Exponential):  # r_τ = r_c log(…): equal steps per decade in the end
        steps = np.diff(Model(spectrum).predict([1e6, 1e7, 1e8])["r_tau"].values)
        assert steps == pytest.approx(10 * np.log(10), rel=0.02)


def test_log_quadratic_spectrum():
    """(S²/ln r_τ) κN/(κN + n)."""
    row = Model(LogQuadratic(2.0)).predict([1e3, 1e5], tau=1.0)
    budget = row["neurons"]
    expected = 4.0 / np.log(row["r_tau"]) * budget / (budget + row["active"])
    np.testing.assert_allclose(row["local_exponent"], expected, rtol=1e-8)


def test_crra_is_the_paper_at_another_exponent():
    """(1 + s)^η ∝ r^-β: the profile of β/η, so the local exponent is (η/β) κN/(κN + n)."""
    prediction = Model(PowerLaw(1.2), utility=CRRA(0.75)).predict([5000.0], tau=2.0)
    expected = predict([5000.0], 1.2 / 0.75, tau=2.0)
    for name in SAME:
        np.testing.assert_allclose(prediction[name], expected[name], rtol=1e-8, err_msg=name)


def test_saturating_utility_has_no_polarization():
    model = Model(PowerLaw(1.5), utility=Saturating())
    means = model.predict([1e4, 1e5, 1e6])["mean_isolation"].values
    assert means == pytest.approx(means[0], rel=1e-3)
    # continuum: s = β log(r0/r), κN = β r0, r_τ = r0 e^(−τ/β)
    assert model.frontier(1e6) == pytest.approx(1e6 / 1.5 * np.exp(-1 / 1.5), rel=1e-3)


def test_beta_one_in_the_continuum_is_lambert():
    """Exponent 1 − (1 − 1/r0)/ln r0 with r0 = exp(1 + W((κN − 1)/e))."""
    for size in (1e2, 1e5, 1e9):
        prediction = predict(size, 1.0, 0.7, limit="continuum")
        r0 = np.exp(1 + lambertw((0.7 * size - 1) / np.e).real)
        assert float(prediction["r0"]) == pytest.approx(r0, rel=1e-10, abs=0)
        assert float(prediction["local_exponent"]) == pytest.approx(1 - (1 - 1 / r0) / np.log(r0), rel=1e-10, abs=0)


@pytest.mark.parametrize(("beta", "tau"), [(1.5, 1.0), (0.8, 3.0)])
def test_fixed_features_are_all_found_from_the_stated_budget(beta, tau):
    """R = A once κN ≥ (1 + τ) A^β H_A − A."""
    features = 200
    rank = np.arange(1.0, features + 1)
    needed = (1 + tau) * features**beta * np.sum(rank**-beta) - features
    model = Model(PowerLaw(beta), features=features)
    assert int(model.predict(needed * 1.0001, tau)["count"][0]) == features
    assert int(model.predict(needed * 0.9999, tau)["count"][0]) == features - 1
    assert float(model.predict(needed * 2, tau)["local_exponent"][0]) == 0


def test_heavy_tailed_importances_redrawn_do_not_self_average():
    """Iid Pareto: with a finite mean the count's spread falls with N, with index 0.5 it does not."""
    rng = np.random.default_rng(5)

    def spread(index, neurons):
        counts = [allocate(rng.pareto(index, 4 * neurons) + 1, neurons).count(1.0) for _ in range(60)]
        return np.std(counts) / np.mean(counts)

    assert spread(3.0, 4000) < 0.6 * spread(3.0, 400)
    assert spread(0.5, 4000) > 0.7 * spread(0.5, 400)
    assert spread(0.5, 4000) > 5 * spread(3.0, 4000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Model("power"), "spectrum = 'power': must be a Spectrum"),
        (lambda: Model(PowerLaw(1.5), gamma=0), "gamma = 0: must be finite and greater than 0"),
        (lambda: Model(PowerLaw(1.5), features=0), "features = 0: must be at least 1"),
        (lambda: Model(PowerLaw(1.5)).allocate(0), "neurons = 0: must be finite and greater than 0"),
        (lambda: Model(PowerLaw(1.5), gamma=0.01).allocate(10), "gamma = 0.01: leaves no feature"),
        (lambda: Model(PowerLaw(1.5)).predict(100, tau=0), "tau = 0: must be finite and greater than 0"),
        (lambda: Model(PowerLaw(1.5)).predict([[100]]), "must be a number or a 1-D array"),
        (lambda: Model(PowerLaw(1.5)).predict([]), "must be a number or a 1-D array, not empty"),
        (lambda: Model(PowerLaw(1.5)).sweep([]), "must be a number or a 1-D array, not empty"),
        (
            lambda: Model(PowerLaw(1.5), budget=PowerBudget(1.0, 200.0)).predict(100),
            r"PowerBudget.total\(100\) = inf: must be finite and greater than 0. Try: LinearBudget\(1.0\)",
        ),
        (lambda: Model(LognormalQuantiles(400.0)).predict(1e3), r"weights\[0\] = inf: must be finite"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_no_feature_above_the_threshold():
    row = Model(PowerLaw(2.0), budget=LinearBudget(0.001)).predict(10)
    assert int(row["count"][0]) == 0
    assert np.isnan(row["mean_isolation"][0])


@pytest.mark.parametrize("features", [3, 4])
def test_a_rise_at_the_very_last_rank_is_refused_also_where_the_budget_does_not_reach_it(features):
    late = type("Late", (Spectrum,), {"at": lambda self, r, features: np.where(r >= features, 5.0, r**-1.5)})()
    with pytest.raises(InputError, match=f"it does beyond rank {features - 1}"):
        Model(late, budget=LinearBudget(0.01), features=features).predict(1.0)


def test_a_frontier_of_zero_has_a_reason():
    """A log-quadratic spectrum is level at rank 1: its power law there has the exponent 0 and never reaches τ."""
    model = Model(LogQuadratic(1.0))
    row = model.predict([2.0, 100.0], tau=3.0)
    assert row["r_tau"].values[0] == 0
    assert np.isnan(row["local_exponent"].values).tolist() == [True, False]
    assert "importance over cost is level at rank 1" in row.attrs["note"]
    assert "note" not in model.predict([100.0], tau=3.0).attrs
    assert "level at rank 1" in model.sweep([2.0, 100.0], tau=3.0)["local_exponent"].attrs["comment"]
