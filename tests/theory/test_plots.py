"""Drawings: what they show is what was computed, on the caller's axes, and nothing of matplotlib's settings changes."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.looks import symbol
from rosettalaw.paper_figs import phases
from rosettalaw.results import load, save
from rosettalaw.theory import (
    LinearBudget,
    Model,
    PowerLaw,
    Range,
    allocate,
    frontier,
    predict,
    solve,
    specialize,
    sweep,
)
from rosettalaw.validation import Observations, clean, fit_jointly, fit_model, fit_profile
from rosettalaw.validation.draws import posterior_draws

DRAWN = predict([100.0, 1e3, 1e4], [1.3, 1.6])


@pytest.fixture(autouse=True)
def _clean():
    before = dict(matplotlib.rcParams)
    yield
    plt.close("all")
    assert dict(matplotlib.rcParams) == before


@pytest.fixture
def ax():
    return Figure().subplots()


def test_a_line_for_each_value(ax):
    assert DRAWN.plot(ax) is ax
    for line, beta in zip(ax.lines, [1.3, 1.6], strict=True):
        np.testing.assert_array_equal(line.get_ydata(), DRAWN["count"].sel(beta=beta))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["β = 1.3", "β = 1.6"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlabel().endswith("N")
    assert ax.get_ylabel().endswith("R_τ")


def test_new_axes_in_the_package_s_style():
    drawing = DRAWN.plot(y="local_exponent")
    assert isinstance(drawing, Axes)
    assert drawing.get_yscale() == "linear"
    assert not drawing.spines["top"].get_visible()


def test_many_values_are_a_map(ax):
    found = sweep(Range(1e2, 1e6, 9, log=True), Range(1.1, 3, 12))
    found.plot(ax, y="local_exponent")
    (cells,) = ax.collections
    np.testing.assert_array_equal(cells.get_array(), found["local_exponent"].T)
    assert ax.get_ylabel().endswith("β")


def test_every_prediction_and_sweep_draws_itself(ax, tmp_path):
    model = Model(PowerLaw(1.5))
    for ds in (model.predict([10.0, 100.0]), model.sweep([10.0, 100.0], tau=[1.0, 2.0])):
        assert ds.plot(Figure().subplots()).lines
    save(DRAWN, tmp_path / "saved.nc")
    saved = load(tmp_path / "saved.nc")
    xr.testing.assert_identical(saved, DRAWN)
    assert saved.isel(beta=0).plot(ax) is ax
    assert DRAWN.plot.scatter is not None  # xarray's own plots stay


def test_what_cannot_be_drawn_is_refused(ax):
    with pytest.raises(
        InputError, match="a single point cannot be plotted; a dimension with at least two values is needed"
    ):
        predict(100.0, 1.5).plot(ax)
    with pytest.raises(InputError, match=r"must be at most two; choose a value of the others. Try: ds.isel\(tau=0\)"):
        predict([1e2, 1e3], [1.3, 1.6], tau=[1, 2]).plot(ax)
    with pytest.raises(UnknownNameError, match="unknown variable 'conut': did you mean count"):
        DRAWN.plot(ax, y="conut")
    with pytest.raises(UnknownNameError, match="unknown dimension 'kappa'"):
        DRAWN.plot(ax, x="kappa")


def test_an_allocation_shows_threshold_and_count(ax):
    solved = allocate([1.0, 4.0, 2.0, 0.1], budget=4.0)
    assert solved.plot(ax, tau=1.0) is ax
    profile, threshold, count = ax.lines
    np.testing.assert_array_equal(profile.get_ydata(), [3.0, 1.0])
    assert set(threshold.get_ydata()) == {1.0}
    assert set(count.get_xdata()) == {2}


def test_a_profile_shows_its_pairs_and_its_line(ax):
    rho = 1 - (np.arange(1, 41) / 60) ** 1.4
    fit_profile(rho).plot(ax, correlations=rho[::-1])
    points, line = ax.lines
    np.testing.assert_allclose(points.get_ydata(), 1 - rho)
    slope = np.polyfit(np.log(line.get_xdata()), np.log(line.get_ydata()), 1)[0]
    assert slope == pytest.approx(1.4)


def test_a_posterior_shows_its_interval(ax):
    rng = np.random.default_rng(5)
    draws = posterior_draws(pd.DataFrame({"beta": rng.normal(1.6, 0.1, 400), "kappa": rng.uniform(1, 2, 400)}), "ok")
    draws.plot(ax)
    np.testing.assert_allclose(
        [line.get_xdata()[0] for line in ax.lines], np.quantile(draws["beta"], [0.025, 0.5, 0.975])
    )
    both = draws[["kappa", "beta"]].plot(Figure().subplots(), x="beta", y="kappa")
    assert len(both.lines) == 7
    assert draws.attrs["status"] == "ok"
    with pytest.raises(UnknownNameError, match="unknown parameter 'bta': did you mean beta"):
        draws.plot(ax, x="bta")


def test_a_likelihood_profile_shows_the_rise_and_where_the_interval_ends(ax):
    counts = [7, 10, 16, 24, 37, 56]
    data = clean(256 * 2.0 ** np.arange(6), counts)
    fit = fit_model(lambda beta, kappa: Model(PowerLaw(beta), budget=LinearBudget(kappa)), data)
    profile = fit.profile("beta", points=9)
    assert profile.plot(ax) is ax
    curve, level, best = ax.lines
    np.testing.assert_array_equal(curve.get_xdata(), profile.at)
    np.testing.assert_array_equal(curve.get_ydata(), profile.rise)
    assert set(level.get_ydata()) == {profile.allowed}
    assert profile.allowed == pytest.approx(stats.t.ppf(0.975, 4) ** 2)
    assert set(best.get_xdata()) == {fit.values["beta"]}
    low, high = fit.params["beta"].interval
    inside = (profile.at > low) & (profile.at < high)
    assert (profile.rise[inside] < profile.allowed).all()
    assert (profile.rise[~inside] > profile.allowed).all()
    assert list(profile.to_dataframe().columns) == ["beta", "rise"]
    with pytest.raises(UnknownNameError, match="unknown parameter 'bta': did you mean beta"):
        fit.profile("bta")


def test_a_joint_profile_of_kappa_is_that_of_its_logarithm(ax):
    sizes = 256 * 2.0 ** np.arange(5)
    truth = predict(sizes, 1.6, 0.5, 2.0)
    fit = fit_jointly(Observations(sizes, truth["count"], truth["mean_isolation"], truth["isolation_per_non_rosetta"]))
    plain, logarithm = fit.profile("kappa", points=5), fit.profile("log_kappa", points=5)
    np.testing.assert_allclose(plain.at, np.exp(logarithm.at))
    np.testing.assert_allclose(plain.rise, logarithm.rise, rtol=1e-6, atol=1e-9)
    assert plain.best == pytest.approx(fit.kappa)
    assert plain.plot(ax).get_xlabel() == "κ"
    with pytest.raises(UnknownNameError, match="unknown parameter 'kapa': did you mean kappa"):
        fit.profile("kapa")


def test_joint_fits_draw_counts_and_curve(ax):
    sizes, counts = [256, 1024, 4096, 16384], [14, 32, 72, 164]
    fit = fit_jointly(Observations(sizes, counts, sd={"counts": 0.1}))
    assert fit.plot(ax) is ax
    curve, points = ax.lines[:2]
    at = fit.beta, fit.kappa, fit.tau
    np.testing.assert_allclose(curve.get_ydata(), frontier(curve.get_xdata(), *at) - 0.5, rtol=1e-9)
    np.testing.assert_allclose(points.get_xydata(), np.transpose([sizes, counts]))
    bars = ax.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(np.diff(bars, axis=1)[:, 0, 1], 2 * 0.1 * np.array(counts))
    values = ", ".join(f"{letter} = {value:.3g}" for letter, value in zip("βκτ", at, strict=True))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [values, "counts"]
    assert isinstance(fit.plot(), Axes)


def test_domains_that_share_a_budget_are_drawn_by_name(ax):
    shared = specialize([1e3, 1e4, 1e5], {"prose": 0.7, "code": 0.3}, 1.5)
    assert shared.plot(ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["prose", "code"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), shared["count"].sel(domain="code"))


def test_letters_of_parameters():
    assert [symbol(name) for name in ("beta1", "log_threshold", "shift")] == ["β₁", "log(1 + τ)", "shift"]


def test_the_phase_diagram_is_drawn(tmp_path):
    png, svg = phases.make(None, tmp_path / "phases")
    assert png.stat().st_size > 10_000
    assert "1/β is 5% too large" in svg.read_text()


@pytest.mark.parametrize("neurons", [300.0, 1e9])
def test_solutions_draw_their_profile(ax, neurons):
    solution = solve(neurons, 1.6, 0.5)
    assert solution.plot(ax, tau=2.0) is ax
    rank, s = ax.lines[0].get_data()
    np.testing.assert_allclose(s, (solution.r0 / rank) ** 1.6 - 1, rtol=1e-9, atol=1e-9)
    assert (rank[0], rank[-1]) == (1, solution.active)
    assert len(rank) <= 400
    assert [line.get_xdata()[0] for line in ax.lines[2:]] == [solution.count(2.0)]


def test_fits_of_models_draw_counts_and_curve(ax):
    sizes, counts = [256, 1024, 4096, 16384], [14, 32, 72, 164]
    fit = fit_model(lambda beta: Model(PowerLaw(beta)), clean(sizes, counts))
    assert fit.plot(ax) is ax
    curve, points = ax.lines[:2]
    np.testing.assert_array_equal(curve.get_ydata(), fit.predict(curve.get_xdata()))
    np.testing.assert_array_equal(points.get_xydata(), np.transpose([sizes, counts]))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [f"β = {fit.values['beta']:.3g}", "counts"]
    stated = fit_model(lambda beta: Model(PowerLaw(beta)), clean(sizes, counts, [1, 2, 3, 4])).plot(Figure().subplots())
    bars = stated.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(np.diff(bars, axis=1)[:, 0, 1], [2, 4, 6, 8])
