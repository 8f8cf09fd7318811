"""Profile, triangle and extension against profiles from brute-force water-filling, with and without planted budgets."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from rosettalaw.errors import InputError
from rosettalaw.paper_figs import style
from rosettalaw.paper_figs.triangle import draw
from rosettalaw.validation.extension import exponents, fit_extension
from rosettalaw.validation.profiles import fit_profile
from rosettalaw.validation.triangle import (
    TriangleStatus,
    _product,
    contradicted,
    estimate,
    expected_exponents,
    measure_triangle,
)

SIZES = np.array([768, 1024, 1536, 2048, 3072, 4096])


def correlations(size, beta, budget, noise=0.0, seed=0, attenuation=1.0):
    """Matched correlations s/(1 + s) of all features with s ≥ 1, from the discrete water level (Eqs. 11, 14, 62)."""
    w = np.arange(1.0, 4 * size + 1) ** -beta
    active = np.arange(1, len(w) + 1)
    level = (budget + active) / np.cumsum(w)
    k = np.flatnonzero(w * level > 1)[-1]
    s = w * level[k] - 1
    s = s[s >= 1]
    rng = np.random.default_rng([seed, size])
    return attenuation * (1 - np.exp(rng.normal(0, noise, len(s))) / (1 + s)) if noise else attenuation * s / (1 + s)


def ladder(beta, theta=1.0, kappa=1.0, **kwargs):
    return [correlations(n, beta, kappa * n**theta, **kwargs) for n in SIZES]


@pytest.mark.parametrize("beta", [0.4, 1.3, 2.5])
def test_the_correlations_in_rank_order_are_the_profile(beta):
    """Without noise the slope is β to rounding, whatever threshold cuts the profile."""
    rho = np.random.default_rng(0).permutation(correlations(2048, beta, 1000.0))
    assert fit_profile(rho).exponent == pytest.approx(beta, rel=1e-9)
    cut = fit_profile(rho, threshold=0.7)
    assert cut.exponent == pytest.approx(beta, rel=1e-9)
    assert cut.pairs == np.sum(rho >= 0.7)
    assert cut.rms < 1e-9
    assert np.allclose(cut.correlation(np.arange(1, cut.pairs + 1)), np.sort(rho)[::-1][: cut.pairs])
    assert fit_profile(rho).mean_isolation == pytest.approx(np.mean(rho / (1 - rho)))


def test_attenuation_is_found_and_bends_the_plain_fit():
    rho = correlations(4096, 1.5, 4096.0, noise=0.01, attenuation=0.8)
    plain, attenuated = fit_profile(rho), fit_profile(rho, attenuated=True)
    assert plain.exponent < 1.0
    assert attenuated.exponent == pytest.approx(1.5, abs=0.03)
    assert attenuated.attenuation == pytest.approx(0.8, abs=0.005)


def test_few_pairs_have_no_profile_and_foreign_numbers_are_refused():
    assert np.isnan(fit_profile([0.9, 0.8, 0.7]).exponent)
    with pytest.raises(InputError, match="must be numbers between -1 and 1"):
        fit_profile([0.5, 1.5, 0.3])
    with pytest.raises(InputError, match="must have one entry per size, 6 in all"):
        measure_triangle(SIZES, [[0.5]])


@pytest.mark.parametrize("beta", [1.3, 1.6, 2.2])
def test_the_papers_theory_passes_its_own_test(beta):
    triangle = measure_triangle(SIZES, ladder(beta, noise=0.01), threshold=0.5)
    assert triangle.profile.value == pytest.approx(beta, abs=0.02)
    assert not contradicted(triangle.product, triangle.expected_product)
    assert not contradicted(triangle.sum, triangle.expected_sum)
    assert "contradicts" not in triangle.verdict()
    assert fit_extension(triangle).plain_p > 0.05


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (0.99, "agrees with the theory's 1.00"),
        (1.01, "agrees, within the rounding error 0.02 of whole counts, with the theory's 1.00"),
        (1.03, "contradicts the theory with unattenuated correlations, which demands 1.00"),
    ],
)
def test_what_rounding_makes_agree_is_said(low, words):
    triangle = measure_triangle(SIZES, ladder(1.6, noise=0.01), threshold=0.5)
    told = replace(triangle, sum=estimate(low + 0.5, 0.0, 4), expected_sum=1.0)
    told = replace(told, sum=replace(told.sum, ci95=(low, low + 1)))
    assert words in told.verdict()


@pytest.mark.parametrize(("beta", "theta", "kappa"), [(0.4, 0.7, 2.5), (1.5, 0.7, 1.0)])
def test_a_budget_that_lags_behind_is_caught_and_measured(beta, theta, kappa):
    triangle = measure_triangle(SIZES, ladder(beta, theta, kappa, noise=0.01), threshold=0.5)
    assert contradicted(triangle.product, triangle.expected_product)
    assert contradicted(triangle.sum, triangle.expected_sum)
    assert triangle.verdict().count("contradicts the theory with unattenuated correlations") == 2
    extension = fit_extension(triangle)
    assert extension.plain_p < 0.01
    assert extension.misfit_p > 0.05
    assert extension.theta.ci95[0] - 0.02 < theta < extension.theta.ci95[1] + 0.02
    assert extension.beta.value == pytest.approx(beta, abs=0.05)
    assert "A budget proportional to N with unattenuated correlations is rejected" in extension.verdict()


@pytest.mark.slow
@pytest.mark.parametrize(("beta", "theta", "kappa"), [(1.5, 1.0, 1.0), (1.5, 0.7, 1.0), (0.5, 0.7, 2.5)])
def test_levels_of_the_extension_are_what_they_say(beta, theta, kappa):
    """100 ladders whose budgets and spectra scatter from rung to rung: size, power and coverage."""
    plain, misfit, covered = [], [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        budgets = kappa * np.exp(rng.normal(0, 0.1, len(SIZES))) * SIZES**theta
        betas = beta * np.exp(rng.normal(0, 0.03, len(SIZES)))
        rungs = zip(SIZES, betas, budgets, strict=True)
        rhos = [correlations(n, b, budget, noise=0.03, seed=seed) for n, b, budget in rungs]
        extension = fit_extension(measure_triangle(SIZES, rhos, threshold=0.5))
        plain.append(extension.plain_p < 0.05)
        misfit.append(extension.misfit_p < 0.05)
        covered.append(extension.theta.ci95[0] <= theta <= extension.theta.ci95[1])
    assert np.mean(misfit) < 0.12
    assert 0.89 <= np.mean(covered) <= 1.0
    assert np.mean(plain) < 0.09 if theta == 1 else np.mean(plain) > 0.5


def test_three_exponents_of_no_budget_are_a_misfit():
    """Counts that grow while profiles sharpen: p taken from another law."""
    rhos = [1 - (1 - rho) ** (1 + 0.5 * i) for i, rho in enumerate(ladder(1.5))]
    assert fit_extension(measure_triangle(SIZES, rhos, threshold=0.5)).misfit_p < 0.05


def test_the_extensions_exponents_obey_their_sum_rule_and_meet_at_one():
    for beta in (0.3, 0.999, 1.001, 1.7, 4):
        for theta in (0.4, 0.7, 1.0):
            alpha, b, p = exponents(beta, theta)
            assert alpha + p == pytest.approx(theta)
            assert b == beta
    assert np.allclose(exponents(1 - 1e-9, 0.7), exponents(1 + 1e-9, 0.7), atol=1e-8)
    assert np.allclose(exponents(1.6, 1.0), [1 / 1.6, 1.6, 0.6 / 1.6])


def test_the_joint_covariance_is_that_of_repeated_ladders():
    """400 noisy ladders: the spread of α and p, and their correlation, are what a single ladder states on average."""
    rng = np.random.default_rng(5)
    base = [np.linspace(0.9, 0.5, round(2 * n**0.6)) for n in SIZES]
    triangles = []
    for _ in range(400):
        kept = [rng.choice(rho, size=max(rng.poisson(len(rho)), 5)) for rho in base]
        triangles.append(measure_triangle(SIZES, [np.append(rho, 0.5) for rho in kept], threshold=0.5))
    seen = np.cov([(t.count.value, t.profile.value, t.purity.value) for t in triangles], rowvar=False)
    stated = np.mean([t.covariance for t in triangles], axis=0)
    assert stated[0, 0] == pytest.approx(seen[0, 0], rel=0.2)
    assert stated[2, 2] == pytest.approx(seen[2, 2], rel=0.2)
    assert stated[0, 2] == pytest.approx(seen[0, 2], abs=0.2 * np.sqrt(seen[0, 0] * seen[2, 2]))
    assert 0.8 < stated[1, 1] / seen[1, 1] < 1.7  # rungs whose b differ by more than noise widen the mean's error
    sums = [t.sum.value for t in triangles]
    truth = np.mean(sums)
    assert 0.9 < np.mean([t.sum.ci95[0] < truth < t.sum.ci95[1] for t in triangles]) < 0.99


def test_two_sizes_test_nothing():
    triangle = measure_triangle(SIZES[:2], ladder(1.5)[:2])
    assert triangle.status is TriangleStatus.FEW_RUNGS
    assert triangle.verdict().startswith("The triangle of exponents cannot be tested")
    assert np.isnan(fit_extension(triangle).plain_p)


def test_the_default_threshold_is_the_strictest_rungs():
    rhos = ladder(1.5)
    rhos[2] = rhos[2][rhos[2] > 0.6]
    assert measure_triangle(SIZES, rhos).threshold == rhos[2].min()


def test_p_values_are_students():
    """T = 3.182446 at three degrees of freedom is p = 0.05 (tables)."""
    assert estimate(2.0, 0.25, 3).p_value(2.0 - 0.5 * 3.182446) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize(("b", "counts"), [(0.14, (60, 65, 62, 66)), (1.5, (90, 70, 55, 40)), (2.9, (20, 27, 36, 49))])
def test_every_point_lies_inside_its_picture(b, counts, monkeypatch):
    """Flat profiles, counts that fall, steep profiles: none may leave without a word."""
    rng, drawn = np.random.default_rng(0), []
    sizes = np.array([300.0, 900, 2700, 8100])
    rho = [1 - (np.arange(1, k + 1) / (1.5 * k)) ** (b + rng.normal(0, 0.01)) for k in counts]
    triangle = measure_triangle(sizes, rho)
    monkeypatch.setattr(style, "save", lambda figure, path: drawn.append(figure) or [])
    draw([("planted", triangle)], "nowhere")
    x, y = drawn[0].axes[0].lines[0].get_data()
    assert np.allclose(y, np.where(x > 1, 1 / x, 1))  # the theory itself, drawn first
    for axis in drawn[0].axes:
        (point,) = (line for line in axis.lines if line.get_label() == "planted")
        (x,), (y,) = point.get_data()
        assert axis.get_xlim()[0] < x < axis.get_xlim()[1]
        assert axis.get_ylim()[0] < y < axis.get_ylim()[1]


@pytest.mark.parametrize(("theta", "bend"), [(1.0, 1.0), (0.9, 1.0), (1.0, 1.3)])
def test_both_p_values_are_those_of_the_distance_in_the_measured_covariance(theta, bend):
    """Searched anew by scipy: 3 exponents less 1 parameter leave Hotelling's T², less 2 leave F(1, n − 2)."""
    rng = np.random.default_rng(5)
    bent = [1 - ((1 - rho) * np.exp(rng.normal(0, 0.03))) ** bend for rho in ladder(1.5, theta)]
    triangle = measure_triangle(SIZES, bent, threshold=0.6)
    measured = np.array([triangle.count.value, triangle.profile.value, triangle.purity.value])
    rounding = np.diag([0.02, 0.02 * measured[1], 0.02]) / 2  # as `ROUNDING` says, twice its standard deviation
    weight = np.linalg.inv(triangle.covariance + rounding**2)

    def distance(beta, theta):
        alpha, p = expected_exponents(SIZES, beta, 1.5, triangle.profiles[3].pairs, theta=theta)
        off = measured - (alpha, beta, p)
        return off @ weight @ off

    plain = optimize.minimize_scalar(lambda beta: distance(beta, 1.0), bounds=(1.1, 2.2), method="bounded").fun
    free = optimize.minimize(lambda at: distance(*at), (1.5, theta), method="Nelder-Mead").fun
    found = fit_extension(triangle)
    assert found.plain_p == pytest.approx(stats.f.sf(plain * 3 / 8, 2, 3), rel=0.1)
    assert found.misfit_p == pytest.approx(stats.f.sf(free, 1, 4), rel=0.15)  # finite size is held while it searches
    assert found.theta.freedom == found.beta.freedom == 3  # one less: as in Hotelling's T²


def test_intervals_are_scipys_and_the_errors_of_count_and_purity_are_carried_together():
    """Slopes by `linregress`, the sum as one slope; the product's error by drawing α and b from their normal laws."""
    rng = np.random.default_rng(8)
    noisy = [1 - ((1 - rho) * np.exp(rng.normal(0, 0.1))) ** rng.normal(1, 0.03) for rho in ladder(1.5)]
    triangle = measure_triangle(SIZES, noisy, threshold=0.6)
    kept = [np.sort(rho[rho >= 0.6])[::-1] for rho in noisy]
    x, counts = np.log(SIZES), np.log([len(rho) for rho in kept])
    purities = np.log([np.mean(rho / (1 - rho)) for rho in kept])
    b = [stats.linregress(np.log(np.arange(1, len(rho) + 1)), np.log(1 - rho)).slope for rho in kept]
    for found, y in ((triangle.count, counts), (triangle.purity, purities), (triangle.sum, counts + purities)):
        line = stats.linregress(x, y)
        half = stats.t.ppf(0.975, 4) * line.stderr
        assert found.ci95 == pytest.approx((line.slope - half, line.slope + half), rel=1e-9)
    half = stats.t.ppf(0.975, 5) * stats.sem(b)
    assert triangle.profile.ci95 == pytest.approx((np.mean(b) - half, np.mean(b) + half), rel=1e-9)
    total = np.array([1, 0, 1]) @ triangle.covariance @ [1, 0, 1]
    assert np.sqrt(total) == pytest.approx(triangle.sum.se)
    drawn = rng.normal(triangle.count.value, triangle.count.se, 10**5) * rng.normal(np.mean(b), stats.sem(b), 10**5)
    assert triangle.product.se == pytest.approx(drawn.std(), rel=0.02)
    assert 4 <= triangle.product.freedom <= 9


def test_ellipses_hold_both_exponents_in_95_of_100_ladders(monkeypatch):
    """Six sizes with normal scatter in log count and log purity: the drawn region is asked."""
    rng, drawn = np.random.default_rng(11), []
    triangle = measure_triangle(SIZES, ladder(1.5, noise=0.01), threshold=0.5)
    monkeypatch.setattr(style, "save", lambda figure, path: drawn.append(figure) or [])
    draw([("planted", triangle)], "nowhere")
    edge = np.array(drawn[0].axes[1].patches[0].get_xy())[:-1] - [triangle.count.value, triangle.purity.value]
    inverse = np.linalg.inv(triangle.covariance[np.ix_([0, 2], [0, 2])])
    reach = np.einsum("ki,ij,kj->k", edge, inverse, edge)
    assert np.allclose(reach, reach[0])
    x = np.log(SIZES) - np.log(SIZES).mean()
    y = rng.normal(size=(20000, 6, 2)) @ np.array([[1.0, 0.4], [0.0, 0.7]])
    slopes = np.einsum("i,kij->kj", x, y) / (x @ x)
    left = y - y.mean(axis=1, keepdims=True) - x[:, None] * slopes[:, None]
    covariance = np.einsum("kia,kib->kab", left, left) / 4 / (x @ x)
    far = np.einsum("ka,kab,kb->k", slopes, np.linalg.inv(covariance), slopes)
    assert np.mean(far <= reach[0]) == pytest.approx(0.95, abs=0.006)


def test_three_sizes_estimate_a_budget_but_do_not_test_it():
    extension = fit_extension(measure_triangle(SIZES[::2], ladder(1.5, noise=0.01)[::2], threshold=0.5))
    assert np.isfinite(extension.theta.value)
    assert np.isnan(extension.plain_p)
    assert extension.verdict().startswith(
        "A budget proportional to N with unattenuated correlations is not tested with three sizes. A budget κN^θ with"
    )


def test_the_demands_at_finite_size_are_those_of_the_discrete_optimum():
    """τ = ρ/(1 − ρ) of a threshold of 0.8, far from the 1 of ½: least squares on brute-force counts and isolations."""
    found = [rho[rho >= 0.8] for rho in ladder(1.3, kappa=4.0)]
    triangle = measure_triangle(SIZES, found, threshold=0.8)
    x = np.log(SIZES)
    alpha = np.polyfit(x, np.log([len(rho) for rho in found]), 1)[0]
    p = np.polyfit(x, np.log([np.mean(rho / (1 - rho)) for rho in found]), 1)[0]
    assert triangle.expected_product == pytest.approx(1.3 * alpha, abs=0.006)
    assert triangle.expected_sum == pytest.approx(alpha + p, abs=0.006)


def test_the_products_degrees_of_freedom_are_welchs():
    product = _product(estimate(0.6, 0.01, 4), estimate(1.5, 0.04, 5))
    parts = np.array([1.5**2 * 0.01, 0.6**2 * 0.04])
    assert product.freedom == pytest.approx(parts.sum() ** 2 / (parts[0] ** 2 / 4 + parts[1] ** 2 / 5))
    assert product.se == pytest.approx(np.sqrt(parts.sum()))


def test_the_limit_of_a_flat_profile_is_its_exponent_and_only_a_sure_one_is_outside_the_paper():
    assert "(0.4 for N → ∞)" in measure_triangle(SIZES, ladder(0.4), threshold=0.5).verdict()
    bent = [
        1 - np.exp(np.log1p(-rho) * (1 + e))
        for rho, e in zip(ladder(1.0), (-0.1, 0.06, -0.08, 0.07, -0.05, 0.04), strict=True)
    ]
    unsure = measure_triangle(SIZES, bent)
    assert unsure.profile.value < 1 < unsure.profile.ci95[1]
    assert "outside the paper's spectra" not in unsure.verdict()
    assert "outside the paper's spectra" in measure_triangle(SIZES, ladder(0.4), threshold=0.5).verdict()


def test_what_the_extension_expects_is_what_a_ladder_without_noise_has():
    """At finite size: 0.03 below the limit 1/β in α, and as much above (β − 1)/β in p."""
    triangle = measure_triangle(SIZES, ladder(1.5), threshold=0.5)
    measured = (triangle.count.value, triangle.profile.value, triangle.purity.value)
    assert fit_extension(triangle).expected == pytest.approx(measured, abs=0.008)
    assert measured[0] == pytest.approx(1 / 1.5 - 0.027, abs=0.005)


def test_an_attenuated_profile_is_that_of_the_isolation_behind_it():
    """ρ = 0.8 s/(1+s): its mean isolation is that of s, its correlations are 0.8 s/(1+s) again."""
    plain = correlations(4096, 1.5, 4096.0)
    s = plain / (1 - plain)
    profile = fit_profile(0.8 * plain, attenuated=True)
    assert profile.mean_isolation == pytest.approx(s.mean(), rel=1e-3)
    assert profile.correlation(np.arange(1, len(s) + 1)) == pytest.approx(np.sort(0.8 * plain)[::-1], abs=1e-5)
