"""The power law: against brute force, mpmath's zeta, quadrature, and its own defining properties."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from scipy.integrate import quad
from scipy.optimize import brentq
from strategies import betas, brute_force, points, small_points

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.theory import LinearBudget, Model, PowerLaw, Saturating, frontier, isolation, predict
from rosettalaw.theory.power_law import continuum_budget, power_integral, power_sum

EXACT = {"rtol": 2e-12, "atol": 0}


@settings(deadline=None, max_examples=60)
@given(small_points)
def test_discrete_optimum_is_the_one_brute_force_finds(point):
    expected, found = brute_force(*point), predict(*point)
    neurons, tau = point[0], point[3]
    on_edge = np.abs(expected.isolation - tau) < 1e-9 * (1 + tau)
    assume(not on_edge.any())
    assert int(found["active"]) in (expected.active, expected.active + 1, expected.active - 1)
    np.testing.assert_allclose(found["r0"], expected.r0, **EXACT)
    assert int(found["count"]) == expected.count
    np.testing.assert_allclose(found["mean_isolation"], expected.mean_isolation, rtol=1e-11)
    budget = point[2] * neurons
    np.testing.assert_allclose(
        found["tail_mass"], expected.tail_mass, rtol=1e-9, atol=1e-13 * (budget + expected.active)
    )
    if neurons != expected.count:
        per_neuron = float(found["tail_mass"]) / (neurons - expected.count)
        got = float(found["isolation_per_non_rosetta"])
        assert got == pytest.approx(per_neuron) if expected.count < neurons else np.isnan(got)


@settings(deadline=None, max_examples=60)
@given(small_points)
def test_active_features_are_counted_exactly_away_from_ties(point):
    expected = brute_force(*point)
    n, r0 = expected.active, expected.r0
    assume(abs(r0 - n) > 1e-9 * n and abs(r0 - n - 1) > 1e-9 * n)
    assert int(predict(*point)["active"]) == n


@pytest.mark.parametrize("beta", [1.05, 1.2, 1.6, 2.0, 3.0])
@pytest.mark.parametrize("neurons", [1e6, 1e9, 1e12])
def test_huge_networks_meet_the_budget_by_mpmath_zeta(beta, neurons):
    """Σ_{r≤n} [(r0/r)^β − 1] = κN with the sum from ζ(β) − ζ(β, n+1), 40 digits."""
    found = predict(neurons, beta, 0.5, 2.0, 4.0)
    r0, n = mpmath.mpf(float(found["r0"])), int(found["active"])
    with mpmath.workdps(40):
        total = mpmath.zeta(beta) - mpmath.zeta(beta, n + 1)
        assert float((r0**beta * total - n) / (0.5 * neurons)) == pytest.approx(1, rel=1e-12, abs=0)
        assert n <= r0 <= n + 1
        count = int(found["count"])
        assert count == int(mpmath.floor(r0 * mpmath.mpf(3) ** (-1 / mpmath.mpf(beta))))
        tail = r0**beta * (mpmath.zeta(beta, count + 1) - mpmath.zeta(beta, n + 1)) - (n - count)
        assert float(found["tail_mass"]) == pytest.approx(float(tail), rel=1e-9)


def test_closed_form_with_zeta_holds_to_four_parts_per_million():
    """κN = ζ(β) r0^β − β r0/(β−1) + ½: the discrete sum's closed form, N = 10^3."""
    for beta in np.linspace(1.1, 3, 39):
        rank = brentq(lambda r, b=beta: float(mpmath.zeta(b)) * r**b - b * r / (b - 1) + 0.5 - 1000, 2, 1e3, xtol=1e-13)
        assert float(predict(1000, beta)["r0"]) == pytest.approx(rank, rel=6e-4)


@settings(deadline=None, max_examples=60)
@given(betas)
def test_power_sums_and_integrals(beta):
    for low, high in [(0, 7), (0, 10), (3, 50), (12, 40), (0, 2000)]:
        rank = np.arange(low + 1, high + 1, dtype=np.longdouble)
        assert power_sum(low, high, beta) == pytest.approx(float((rank**-beta).sum()), rel=3e-15, abs=2e-15)  # w_1 = 1
    exact = mpmath.quad(lambda r: r**-beta, [2, 5, 30])
    assert power_integral(2.0, 30.0, beta) == pytest.approx(float(exact), rel=1e-13, abs=0)


@settings(deadline=None, max_examples=60)
@given(points)
@example((100.0, 0.5, 50.0, 2.0, 1.0))  # every feature active
@example((1e6, 1.5, 1e5, 2.0, 1.0))
def test_continuum_satisfies_the_papers_budget(point):
    """Eq. 20 with its own ζ-free closed form in 40 digits; beyond A the integral ends at A."""
    neurons, beta, kappa, _, gamma = point
    assume(gamma * neurons > 1)
    found = predict(*point, limit="continuum")
    with mpmath.workdps(60):
        r0, b = mpmath.mpf(float(found["r0"])), mpmath.mpf(beta)
        last = min(r0, mpmath.mpf(gamma) * mpmath.mpf(neurons))
        total = mpmath.log(last) if b == 1 else (1 - last ** (1 - b)) / (b - 1)
        budget = r0**b * total - (last - 1)
        sensitivity = max(1.0, 1e-3 / float(mpmath.log(r0)))  # r0 is stored to 16 digits, log r0 to fewer
    assert float(budget) == pytest.approx(kappa * neurons, rel=1e-11 * sensitivity, abs=0)
    whole = float(found["count"]) * np.nan_to_num(float(found["mean_isolation"])) + float(found["tail_mass"])
    assert whole == pytest.approx(kappa * neurons, rel=1e-9)


@pytest.mark.parametrize("log_x", [1e-7, 1e-3, 0.02, 0.1, 0.24, 0.26, 3.0])
@pytest.mark.parametrize("beta", [0.3, 1.0, 1.00001, 2.5, 8.0])
def test_continuum_budget_equals_its_integral(log_x, beta):
    with mpmath.workdps(40):
        x, b = mpmath.exp(mpmath.mpf(log_x)), mpmath.mpf(beta)
        exact = x**b * (mpmath.log(x) if b == 1 else (1 - x ** (1 - b)) / (b - 1)) - (x - 1)
    assert continuum_budget(log_x, beta) == pytest.approx(float(exact), rel=1e-12, abs=0)


def test_continuum_mean_isolation_and_tail_are_the_integrals():
    found = predict(1000.0, 1.7, 0.8, 2.0, 4.0, limit="continuum")
    r0, r_tau = float(found["r0"]), float(found["r_tau"])
    profile = lambda r: (r0 / r) ** 1.7 - 1  # noqa: E731
    inside, beyond = quad(profile, 1, r_tau)[0], quad(profile, r_tau, r0)[0]
    assert profile(r_tau) == pytest.approx(2.0)
    assert float(found["mean_isolation"]) == pytest.approx(inside / (r_tau - 1))
    assert float(found["tail_mass"]) == pytest.approx(beyond)
    assert float(found["count"]) == pytest.approx(r_tau - 1)


@settings(deadline=None, max_examples=80)
@given(points)
def test_identity_mean_times_count_plus_tail_is_the_budget(point):
    found = predict(*point)
    inside = int(found["count"]) * np.nan_to_num(float(found["mean_isolation"]))
    assert inside + float(found["tail_mass"]) == pytest.approx(point[0] * point[2], rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(points)
def test_monotone_in_neurons_budget_and_threshold(point):
    neurons, beta, kappa, tau, gamma = point
    assume(gamma == int(gamma))  # else A/N, rounded down to whole features, may rise with N and thin the budget out
    count = int(predict(*point)["count"])
    assert int(predict(2 * neurons, beta, kappa, tau, gamma)["count"]) >= count
    assert int(predict(neurons, beta, 1.3 * kappa, tau, gamma)["count"]) >= count
    assert int(predict(neurons, beta, kappa, 1.3 * tau, gamma)["count"]) <= count


@settings(deadline=None, max_examples=60)
@given(points)
def test_local_exponent_is_the_slope_of_the_frontier(point):
    """Central difference over 0.02% in N, where A does not limit the active set."""
    neurons, beta, kappa, tau, _ = point
    neurons *= 1e3
    h = 1e-4
    few = predict(neurons * np.exp([-h, 0, h]), beta, kappa, tau, 1e6)
    assume((few["r0"] < 1e6 * neurons * 0.9).all())
    # r0 is smooth between the steps of n, where its slope bends by O(1/n): allow for one step within h
    slope = np.diff(np.log(few["r_tau"].values)[[0, 2]])[0] / (2 * h)
    active = float(few["active"][1])
    assert float(few["local_exponent"][1]) == pytest.approx(slope, rel=2e-6 + 1.1 / active**2 + 5e-4)


@pytest.mark.parametrize("limit", ["discrete", "continuum"])
def test_local_exponent_when_every_feature_is_active(limit):
    """β < 1, a large budget and A = γN: the slope over a decade of N, A moving with N."""
    for tau, beta in [(40.0, 0.5), (0.5, 0.5), (30.0, 1.3)]:
        sizes = 2e5 * np.exp([-1e-3, 0, 1e-3])
        found = predict(np.round(sizes), beta, 20.0, tau, 2.0, limit)
        assert beta > 1 or (found["r0"] > 2 * np.round(sizes)).all()
        slope = np.diff(np.log(found["r_tau"].values)[[0, 2]])[0] / np.diff(np.log(np.round(sizes))[[0, 2]])[0]
        assert float(found["local_exponent"][1]) == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.3])
def test_local_exponent_of_the_continuum_with_every_feature_active_is_exact(beta):
    h = 1e-4
    found = predict(20 * np.exp([-h, 0, h]), beta, 20.0, 40.0, 2.0, "continuum")
    assert (found["r_tau"] < 39).all()
    slope = np.log(found["r_tau"].values[2] / found["r_tau"].values[0]) / (2 * h)
    assert float(found["local_exponent"][1]) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("beta", [1.1, 1.5, 2.0, 3.0])
def test_continuum_overstates_r0_by_the_known_ratio(beta):
    """Discrete to continuum tends to ((β−1) ζ(β))^(-1/β)."""
    limit = float((beta - 1) * mpmath.zeta(beta)) ** (-1 / beta)
    ratio = float(predict(1e12, beta)["r0"] / predict(1e12, beta, limit="continuum")["r0"])
    assert ratio == pytest.approx(limit, rel=2e-2 if beta < 1.2 else 2e-3)


def test_frontier_equals_predict_broadcasts_and_keeps_shape():
    sizes, beta = np.array([[1024], [131072]]), np.array([1.2, 1.6, 2.0])
    found = frontier(sizes, beta, 0.5, 2.0)
    grid = predict(sizes[:, 0], beta, 0.5, 2.0)["r_tau"]
    assert found.shape == (2, 3)
    np.testing.assert_array_equal(found, grid.transpose("neurons", "beta"))
    assert frontier(1024, 1.6).shape == ()
    np.testing.assert_array_equal(frontier(sizes.astype(np.float32), beta, 0.5, 2.0), found)
    np.testing.assert_array_equal(frontier(sizes.astype(np.int16)[:1], beta, 0.5, 2.0), found[:1])


@settings(deadline=None, max_examples=40)
@given(mutually_broadcastable_shapes(num_shapes=5, max_dims=2, max_side=3), st.sampled_from([float, np.float32, int]))
def test_any_shapes_and_dtypes_broadcast_as_in_numpy(shapes, dtype):
    ranges = [(10, 1000), (2, 4), (1, 5), (1, 5), (2, 9)]
    rng = np.random.default_rng(0)
    drawn = [rng.integers(*span, shape).astype(dtype) for span, shape in zip(ranges, shapes.input_shapes, strict=True)]
    found = frontier(*drawn)
    assert found.shape == shapes.result_shape
    each = np.broadcast_arrays(*drawn)
    for at in np.ndindex(found.shape):
        assert found[at] == frontier(*(x[at] for x in each))


@pytest.mark.parametrize("limit", ["discrete", "continuum"])
def test_nearly_equal_importances_share_equally(limit):
    """β → 0 with every feature active: s = κN/A each, although r0 itself exceeds all numbers."""
    found = predict(100, 1e-6, kappa=100.0, tau=[20.0, 30.0], limit=limit)
    assert found["count"].values.tolist() == ([400, 0] if limit == "discrete" else [399, 0])
    assert float(found["mean_isolation"][0]) == pytest.approx(25, rel=4e-3)
    assert float(found["tail_mass"][1]) == pytest.approx(10_000)


def test_frontier_stops_at_the_last_feature():
    assert frontier(100, 0.5, kappa=100, tau=1, gamma=4) == 400
    assert frontier(100, 1.5, kappa=1e6, tau=1, gamma=4) == 400


def test_a_feature_exactly_at_the_threshold_counts():
    """A single feature gets the whole budget: s = κN."""
    for kappa in (0.3, 2.0, 10**1.5):
        assert int(predict(1, 2.0, kappa, tau=kappa, gamma=1)["count"]) == 1
        assert int(predict(1, 2.0, kappa, tau=kappa * (1 + 1e-9), gamma=1)["count"]) == 0


def test_endless_features_equal_very_many():
    assert frontier(1e6, 1.5, gamma=np.inf) == frontier(1e6, 1.5, gamma=1e9)
    assert int(predict(1e6, 1.5, gamma=np.inf)["active"]) == int(predict(1e6, 1.5)["active"])
    continuum = predict(1e6, 1.5, gamma=np.inf, limit="continuum")
    assert float(continuum["r0"]) == float(predict(1e6, 1.5, gamma=10, limit="continuum")["r0"])


def test_many_points_in_threads_have_the_bits_of_one():
    sizes = np.geomspace(10, 1e9, 50_000)
    many = frontier(sizes, 1.3)
    np.testing.assert_array_equal(many[::5000], [frontier(n, 1.3) for n in sizes[::5000]])


@pytest.mark.parametrize("limit", ["discrete", "continuum"])
def test_isolation_of_every_feature(limit):
    s = isolation(1000, 1.5, kappa=0.7, gamma=4, limit=limit)
    expected = predict(1000, 1.5, kappa=0.7, gamma=4, limit=limit)
    assert s.shape == (4000,)
    assert (np.diff(s) <= 0).all()
    if limit == "discrete":
        np.testing.assert_allclose(s, brute_force(1000, 1.5, 0.7, 1, 4).isolation, rtol=1e-10, atol=1e-12)
        assert np.count_nonzero(s) == expected["active"]


def test_dataset_describes_itself():
    found = predict([100, 1000], beta=[1.5, 2.0, 2.5], tau=2)
    assert dict(found.sizes) == {"neurons": 2, "beta": 3}
    assert found["r_tau"].attrs["equation"] == "21"
    assert found["count"].dtype.kind == "i"
    assert found.attrs["limit"] == "discrete"
    assert np.isnan(predict(2, 1.5, 0.01)["mean_isolation"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta": 0.9, "gamma": np.inf}, r"beta = 0.9: must be greater than 1 when gamma is infinite .*Try: predict\("),
        ({"beta": -1}, r"beta = -1.0: must be finite and greater than 0"),
        ({"tau": 0}, r"tau = 0.0: must be finite and greater than 0"),
        ({"kappa": -2}, r"kappa = -2.0: must be finite and greater than 0"),
        ({"neurons": 0}, r"neurons = 0.0: must be finite and greater than 0"),
        ({"neurons": [10, np.nan]}, r"neurons = nan: must be finite"),
        ({"neurons": [[10, 20]]}, r"neurons = 'array of shape \(1, 2\)': must be a number or a 1-D array"),
        ({"neurons": []}, r"neurons = 'array of shape \(0,\)'"),
        ({"neurons": "many"}, r"neurons = 'many': must be a number or an array of numbers"),
        ({"gamma": 0.01, "neurons": 10}, r"gamma = 0.01: leaves no feature"),
        ({"gamma": 1.0, "neurons": 0.1}, r"gamma = 1.0: leaves no feature"),
        ({"limit": 3}, r"limit = 3: must be 'discrete' or 'continuum'"),
    ],
)
def test_bad_input_names_argument_value_and_rule(arguments, message):
    with pytest.raises(InputError, match=message):
        predict(**{"neurons": 100, "beta": 1.5, **arguments})


def test_misspelt_limit_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown limit 'continum': did you mean continuum"):
        predict(100, 1.5, limit="continum")


def test_shapes_that_do_not_broadcast():
    with pytest.raises(InputError, match=r"neurons \(3,\), beta \(2,\)': must broadcast together"):
        frontier([1, 2, 3], [1.5, 2.0])


# Frontiers close to r0, and budgets nearly all beyond the frontier: N, β, κ, τ, γ; allowed errors of tail and mean.
EDGES = [
    ((168965279403.0, 1.5, 672.054477376697, 1.4640917828578004e-09, 32.0), 1e-5, 1e-13),
    ((304765566491.0, 1.0, 0.007745904286650288, 8.531381418371522e-09, 4.0), 1e-6, 1e-13),
    ((9068868222253.0, 0.05, 0.03477000902121015, 4.979376835563407e-09, 1.0), 1e-6, 1e-13),
    ((126.0, 1.0001, 5.071145974341517, 0.00012027143621334222, 32.0), 1e-10, 1e-13),
    ((233.0, 0.3, 12.701770929795769, 0.0005033067350889017, 32.0), 1e-10, 1e-13),
    ((17947807338.0, 0.05, 0.8149779273673193, 4.4525987753269725, 1.0), 1e-13, 1e-13),
    ((1156103687056.0, 0.05, 769.3455015799886, 532.812956820452, 4.0), 1e-13, 1e-13),
]


@pytest.mark.parametrize(("point", "tail_error", "mean_error"), EDGES)
def test_tails_and_means_keep_their_digits_where_the_closed_form_cancels(point, tail_error, mean_error):
    """By mpmath's zeta with 50 digits; a tail of 10^-9 was once -10^-7, and a mean wrong in its fifth digit."""
    neurons, beta, kappa, tau, gamma = map(mpmath.mpf, point)
    found = predict(*point)
    n, count = int(found["active"]), int(found["count"])
    with mpmath.workdps(50):

        def harmonic(m):
            if m < 100:
                return mpmath.fsum(mpmath.mpf(r) ** -beta for r in range(1, m + 1))
            return mpmath.harmonic(m) if beta == 1 else mpmath.zeta(beta) - mpmath.zeta(beta, m + 1)

        level = (kappa * neurons + n) / harmonic(n)
        assert level * mpmath.mpf(n) ** -beta > 1 > level * mpmath.mpf(n + 1) ** -beta or n == int(gamma * neurons)
        assert level * mpmath.mpf(count) ** -beta > 1 + tau > level * mpmath.mpf(count + 1) ** -beta
        tail = float(level * (harmonic(n) - harmonic(count)) - (n - count))
        mean = float((level * harmonic(count) - count) / count)
    assert float(found["tail_mass"]) == pytest.approx(tail, rel=tail_error, abs=0)
    assert float(found["mean_isolation"]) == pytest.approx(mean, rel=mean_error, abs=0)


@pytest.mark.parametrize(
    ("size", "beta", "tau"), [(1e4, 1.5, 1e-9), (1e9, 0.7, 1e-8), (1e3, 3.0, 1e-3), (1e9, 1.2, 5.0)]
)
def test_tails_of_the_continuum_keep_their_digits(size, beta, tau):
    """∫ [(r0/r)^β − 1] dr from r_τ to r0 with 40 digits, r0 from Eq. 20."""
    found = predict(size, beta, tau=tau, gamma=1e4, limit="continuum")
    with mpmath.workdps(40):
        b, start = mpmath.mpf(beta), mpmath.mpf(float(found["r0"]))
        r0 = mpmath.findroot(lambda x: (x**b - b * x) / (b - 1) + 1 - mpmath.mpf(size), start)
        edge = r0 * (1 + mpmath.mpf(tau)) ** (-1 / b)
        tail = r0**b * (r0 ** (1 - b) - edge ** (1 - b)) / (1 - b) - (r0 - edge)
    assert float(found["tail_mass"]) == pytest.approx(float(tail), rel=1e-12 / min(tau, 1) + 1e-12, abs=0)


def test_isolation_sums_where_r0_is_beyond_the_largest_float():
    """β = 0.001 and every feature active: s = e^(β(log r0 − log r)) − 1, log r0 from the budget."""
    found = predict(100.0, 0.001, 10.0, 9.8, 1.0)
    rank = np.arange(1, 101.0)
    s = (1000 + 100) / np.sum(rank**-0.001) * rank**-0.001 - 1
    assert np.isinf(found["r0"])
    assert float(found["tail_mass"]) == pytest.approx(s[s < 9.8].sum(), rel=1e-12)
    assert int(found["count"]) == np.sum(s >= 9.8) > 0


def test_tails_of_any_model_are_summed_from_the_tail():
    """All features but the last found: its isolation, and not what is lost of the others' sum."""
    model = Model(PowerLaw(1.0), Saturating(), features=1000, budget=LinearBudget(1e12))
    s = model.allocate(1.0).isolation
    found = model.predict(1.0, tau=float(s[-2]) - 1e-7)
    assert int(found["count"][0]) == 999
    assert float(found["tail_mass"][0]) == s[-1]
