"""The joint fit against planted truth from brute-force water-filling: recovery, coverage, and what stays open."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.theory import frontier
from rosettalaw.validation.identifiability import identify
from rosettalaw.validation.joint_fit import (
    JointStatus,
    Observations,
    _estimated_errors,
    _status,
    fit_jointly,
)
from rosettalaw.validation.joint_problem import JointProblem
from rosettalaw.validation.joint_result import quantiles
from rosettalaw.validation.observations import BLOCKS

SIZES = np.array([512, 1024, 2048, 4096, 8192, 16384])
BETA, KAPPA, TAU, SCALE = 1.6, 0.5, 2.0, 3.0
TRUTH = {"beta": BETA, "log_kappa": np.log(KAPPA), "log_threshold": np.log1p(TAU), "log_scale": np.log(SCALE)}
TRUTH_OF_COUNTS = {name: TRUTH[name] for name in ("beta", "log_kappa", "log_threshold")}
NOISE = 0.05


def water_fill(size):
    """Isolation of every feature at the discrete optimum (Eqs. 11, 14), by trying every active set."""
    w = np.arange(1.0, 4 * size + 1) ** -BETA
    active = np.arange(1, len(w) + 1)
    level = (KAPPA * size + active) / np.cumsum(w)
    return np.maximum(w * level[np.flatnonzero(w * level > 1)[-1]] - 1, 0)


PROFILES = {int(size): water_fill(size) for size in SIZES}


def observe(seed, blocks=BLOCKS, stated=True, noise=NOISE):
    rng = np.random.default_rng(seed)
    rows = {name: [] for name in BLOCKS}
    for size, s in PROFILES.items():
        count = round(np.sum(s >= TAU) * np.exp(rng.normal(0, noise)))  # pairs by chance are in every block
        found, rest = s[:count], s[count:]
        rows["counts"].append(count)
        rows["isolation"].append(SCALE * found.mean() * np.exp(rng.normal(0, noise)))
        rows["tail"].append(SCALE * rest.sum() / (size - count) * np.exp(rng.normal(0, noise)))
        rows["correlations"].append(1 - np.exp(rng.normal(0, noise, len(found))) / (1 + found))
    kept = {name: rows[name] for name in blocks}
    return Observations(list(PROFILES), **kept, sd=dict.fromkeys(blocks, noise) if stated else {})


def deviations(seeds, stated, interval=False):
    """Return standard errors from each parameter to its truth, and whether the profile interval of β holds it."""
    off, held = [], []
    for seed in range(seeds):
        fit = fit_jointly(observe(seed, stated=stated))
        off.append([(fit.values[name] - truth) / fit.stderr[name] for name, truth in TRUTH.items()])
        if interval:
            lo, hi = fit.interval("beta")
            held.append(lo <= BETA <= hi)
    return np.array(off), np.mean(held) if held else np.nan


def test_everything_together_returns_all_four_numbers():
    fit = fit_jointly(observe(0))
    assert fit.beta == pytest.approx(BETA, abs=0.01)
    assert fit.kappa == pytest.approx(KAPPA, rel=0.05)
    assert fit.tau == pytest.approx(TAU, rel=0.1)
    assert fit.scale == pytest.approx(SCALE, rel=0.1)
    assert fit.misfit_p > 0.01
    assert fit.identifiability.sentence.startswith("All parameters are identified")


def test_the_predicted_blocks_are_those_of_the_discrete_optimum():
    """At the truth, without noise, over many sizes: rounding to whole ranks averages out, wrong sums do not."""
    sizes = np.unique(np.geomspace(300, 6000, 60).astype(int))
    rows = {name: [] for name in BLOCKS}
    for size in sizes:
        s = water_fill(size)
        found = s[s >= TAU]
        rows["counts"].append(len(found))
        rows["isolation"].append(SCALE * found.mean())
        rows["tail"].append(SCALE * s[s < TAU].sum() / (size - len(found)))
        rows["correlations"].append(1 - 1 / (1 + found))
    problem = fit_jointly(Observations(sizes.tolist(), **rows, sd=dict.fromkeys(BLOCKS, NOISE)))._problem
    residuals = problem.split(TRUTH)
    off = {name: abs(np.mean(block)) for name, block in residuals.items()}
    assert off["counts"] < 0.01
    assert off["isolation"] < 0.006
    assert off["tail"] < 0.012
    assert np.max(np.abs(residuals["correlations"])) < 1e-3


def test_counts_alone_leave_kappa_and_tau_open_and_say_so():
    fit = fit_jointly(observe(0, ["counts"]))
    assert fit.identifiability.condition > 1e5
    assert fit.identifiability.sentence.startswith("Not identified: log κ and log(1+τ) can rise together")
    direction = fit.identifiability.direction
    assert direction["log_kappa"] * direction["log_threshold"] > 0


def test_isolation_without_a_tail_leaves_the_scale_open():
    sentence = fit_jointly(observe(0, ["counts", "isolation"])).identifiability.sentence
    assert sentence.startswith("Not identified")
    assert "log scale falls" in sentence


def test_the_tail_closes_it():
    fit = fit_jointly(observe(0, ["counts", "isolation", "tail"]))
    assert fit.identifiability.condition < 1e4
    assert fit.kappa == pytest.approx(KAPPA, rel=0.5)


def test_standard_errors_are_the_spread_of_repeated_experiments():
    """40 seeds: the spread of z is 1 ± 0.11; naive errors of sorted correlations would give 1.6 if unstated."""
    for stated, high in ((True, 1.35), (False, 1.5)):
        off, _ = deviations(40, stated)
        assert np.all(off.std(axis=0) < high)
        assert np.all(off.std(axis=0) > 0.7)


@pytest.mark.slow
@pytest.mark.parametrize("stated", [True, False])
def test_coverage_over_two_hundred_seeds(stated):
    """95% profile intervals of β hold the truth 92–98% of the time; Wald intervals too where errors are stated."""
    off, held = deviations(200, stated, interval=True)
    assert 0.92 <= held <= 0.985
    if stated:
        covered = np.mean(np.abs(off) < 1.96, axis=0)
        assert np.all((covered > 0.915) & (covered < 0.985))


def test_profile_intervals_meet_wald_where_the_problem_is_nearly_linear():
    fit = fit_jointly(observe(3))
    lo, hi = fit.interval("beta")
    assert (lo, hi) == pytest.approx(
        (fit.beta - 1.96 * fit.stderr["beta"], fit.beta + 1.96 * fit.stderr["beta"]), abs=2e-4
    )
    grid = fit.beta + fit.stderr["beta"] * np.array([-2, -1, 0, 1, 2])
    assert fit.rise("beta", grid) == pytest.approx(((grid - fit.beta) / fit.stderr["beta"]) ** 2, abs=0.15)


def test_chi_squared_belongs_to_the_errors_that_are_kept():
    """With estimated errors as well: χ² is the sum of the reported residuals over the reported deviations."""
    fit = fit_jointly(observe(2, stated=False))
    total = sum(np.sum((block / fit.sd[name]) ** 2) for name, block in fit.residuals.items())
    assert fit.chi2 == pytest.approx(total, rel=1e-9)
    assert fit.interval("beta")[0] < fit.beta < fit.interval("beta")[1]


def test_the_interval_ends_where_the_rise_is_what_is_allowed():
    fit = fit_jointly(observe(2, ["counts", "isolation", "tail"], stated=False))
    for name in fit.values:
        assert fit.rise(name, fit.interval(name)) == pytest.approx(fit.allowance(name), rel=1e-3)
        assert fit.enlargement[name] > 1
        student = stats.t.ppf(0.975, fit.freedom[name])
        assert fit.allowance(name) == pytest.approx(student**2 * fit.enlargement[name])
    stated = fit_jointly(observe(2))
    assert stated.allowance("beta") == pytest.approx(1.959964**2)


def test_a_misfit_is_tested_where_errors_are_stated_and_nowhere_else():
    """40 ladders: p-values are uniform, though residuals of sorted correlations are smoother than their errors."""
    fits = [fit_jointly(observe(seed, ["counts", "correlations"])) for seed in range(40)]
    assert stats.kstest([fit.misfit_p for fit in fits], "uniform").pvalue > 0.01
    unsorted = fit_jointly(observe(6, ["counts", "isolation", "tail"]))
    assert unsorted.misfit_p == pytest.approx(stats.chi2.sf(unsorted.chi2, 3 * len(SIZES) - 4), rel=1e-4)
    assert np.isnan(fit_jointly(observe(0, stated=False)).misfit_p)


def test_errors_may_be_stated_number_by_number():
    """One count is far off and says so: it is passed over, where one error for all would follow it."""
    counts = np.array(observe(5, ["counts"], noise=0.01).counts) * [1, 1, 1, 1, 1, 1.5]
    fit = fit_jointly(Observations(SIZES, counts, sd={"counts": [0.02] * 5 + [1.0]}))
    assert fit.beta == pytest.approx(BETA, abs=0.1)
    assert fit.misfit_p > 0.01
    assert fit_jointly(Observations(SIZES, counts, sd={"counts": 0.02})).misfit_p < 1e-6


def test_ranked_correlations_over_few_inputs_lie_where_sampling_and_sorting_put_them():
    """1500 matchings by Bartlett's decomposition of bivariate normal samples, sorted and cut: mean over ranks."""
    rng, inputs, beta, kappa, size = np.random.default_rng(0), 500, 1.6, 1.0, 8192
    r0 = float(frontier(float(size), beta, kappa, 1.0)) * 2 ** (1 / beta)
    rho = 1 - (np.arange(1, int(r0)) / r0) ** beta
    seen, kept = [], np.arange(10, 90)
    for _ in range(1500):
        a, rest = np.sqrt(rng.chisquare(inputs - 1, len(rho))), np.sqrt(1 - rho**2)
        along, across = rho * a + rest * rng.normal(size=len(rho)), rest * np.sqrt(rng.chisquare(inputs - 2, len(rho)))
        seen.append(np.sort(np.log1p(-along / np.hypot(along, across)))[kept])
    observed = [Observations([size], [90.0], correlations=[rho[:90]], inputs=m) for m in (inputs, np.inf)]
    with_bias, without = (JointProblem(one, gamma=4).predicted(beta, np.log(kappa), np.log(2)) for one in observed)
    bias = (with_bias["correlations"] - without["correlations"])[kept]
    measured = np.mean(seen, axis=0) - without["correlations"][kept]
    assert np.mean(measured) == pytest.approx(np.mean(bias), rel=0.1)
    assert -4 / inputs < np.mean(bias) < -1 / inputs


def test_the_posterior_agrees_with_the_likelihood():
    fit = fit_jointly(observe(1))
    chain = fit.sample(steps=600, seed=2)
    assert chain.attrs["status"].startswith("rough: the chain is shorter than 50")
    assert quantiles(chain)["beta"] == tuple(np.quantile(chain["beta"], [0.025, 0.975]))
    for name, value in fit.values.items():
        assert chain[name].mean() == pytest.approx(value, abs=0.5 * fit.stderr[name])
        assert chain[name].std() == pytest.approx(fit.stderr[name], rel=0.25)


def test_a_profile_that_contradicts_the_counts_is_a_misfit():
    """Correlations of a flatter spectrum, counts of the planted one."""
    observed = observe(0)
    flatter = [1 - (1 - np.asarray(rho)) ** 0.6 for rho in observed.correlations]
    mixed = Observations(
        observed.neurons, observed.counts, correlations=flatter, sd={"counts": 0.05, "correlations": 0.05}
    )
    assert fit_jointly(mixed).misfit_p < 1e-3


def test_the_sloppy_direction_is_that_of_a_known_matrix():
    """Residuals that see only x + y (and z weakly): the open direction is x − y."""
    jacobian = np.array([[1.0, 1, 0], [2, 2, 0], [0, 0, 3]])
    told = identify(jacobian + 1e-6 * np.eye(3), ["x", "y", "z"], {name: name for name in "xyz"})
    assert abs(told.direction["x"] + told.direction["y"]) < 1e-5
    assert "x can rise while y falls" in told.sentence or "y can rise while x falls" in told.sentence
    weakest = np.linalg.svd(jacobian + 1e-6 * np.eye(3), compute_uv=False)[-1]
    assert told.reach == pytest.approx(1 / weakest, rel=1e-3)
    one = identify(np.array([[1.0, 1], [0.5, -0.5]]), ["x", "y"], {"x": "x", "y": "y"})  # √2 along (1, −1)/√2
    assert "by ± 1 in the largest" in one.sentence
    full = np.random.default_rng(0).normal(size=(9, 3))
    expected = np.sqrt(np.diag(np.linalg.inv(full.T @ full)))
    assert identify(full, ["x", "y", "z"], {name: name for name in "xyz"}).stderr == pytest.approx(expected)


def test_errors_name_the_block():
    with pytest.raises(InputError, match=r"tail = .*must have one entry per size, 3 in all"):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12], tail=[1.0]))
    with pytest.raises(InputError, match=r"isolation = .*must be positive numbers"):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12], isolation=[1.0, -2, 3]))
    with pytest.raises(UnknownNameError, match="unknown block 'count': did you mean counts"):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12], sd={"count": 0.1}))
    with pytest.raises(UnknownNameError, match="unknown parameter 'kapa': did you mean kappa"):
        fit_jointly(observe(0)).interval("kapa")
    with pytest.raises(InputError, match=r"observed = .*must be the Observations of a ladder"):
        fit_jointly(SIZES, SIZES)


def test_intervals_of_kappa_and_tau_are_those_of_their_logarithms():
    fit = fit_jointly(observe(0))
    assert fit.interval("kappa") == pytest.approx(np.exp(fit.interval("log_kappa")))
    assert fit.interval("tau") == pytest.approx(np.exp(fit.interval("log_threshold")) - np.array(1))
    assert fit.interval("tau")[0] < TAU < fit.interval("tau")[1]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"correlations": [[0.5, 5.0]] * 3}, r"correlations at N = 100 = 5.0: must be numbers from -1 to below 1"),
        ({"correlations": [[0.5], [0.7, 1.0], [0.5]]}, r"correlations at N = 200 = 1.0: must be numbers from -1"),
        ({"correlations": [[0.5], [0.5], [np.nan]]}, r"correlations at N = 400 = nan: must be"),
        ({"correlations": [[]] * 3}, r"correlations = \[\[\], \[\], \[\]\]: must not be empty at every size"),
        ({"correlations": [0.5] * 3}, "correlations at N = 100 = 0.5: must be a list of correlations"),
        ({"isolation": [1.0, -1, 2]}, r"isolation = \[1.0, -1, 2\]: must be positive numbers"),
        ({"tail": [1.0, np.nan, 2]}, r"tail = \[1.0, nan, 2\]: must be positive numbers"),
        ({"tail": 1.0}, "tail = 1.0: must have one entry per size, 3 in all"),
        ({"sd": {"counts": [0.1, 0.2]}}, r"sd of counts = \[0.1, 0.2\]: must be positive, one number or 3"),
        ({"sd": {"counts": 0}}, "sd of counts = 0: must be positive"),
        ({"inputs": 0}, "inputs = 0: must be greater than 0"),
    ],
)
def test_what_cannot_be_used_is_shown_as_it_was_given(blocks, message):
    with pytest.raises(InputError, match=message):
        fit_jointly(Observations([100, 200, 400], [5, 8, 12], **blocks))


@pytest.mark.parametrize("missing", ["some", "none"])
def test_a_size_without_correlations_is_no_error(missing):
    rho = [[0.9, 0.7, 0.5], [], [0.95, 0.8, 0.7, 0.5]]
    fit = fit_jointly(Observations([100, 200, 400], [5, 8, 12], correlations=rho if missing == "some" else rho[:1] * 3))
    assert np.isfinite(fit.beta)


def means(rng, n, noise):
    """Means of counts at n sizes of one theory, with log-normal errors."""
    sizes = np.geomspace(128, 16384, n).round()
    return sizes, (frontier(sizes, 1.6, 2.0, 1.0) - 0.5) * np.exp(rng.normal(0, noise, n))


def test_as_many_counts_as_parameters_say_nothing():
    """Three means are met exactly by β, κ and τ, whatever their errors are; stated errors are another matter."""
    fit = fit_jointly(Observations([128, 1024, 8192], [4.5, 16.2, 56.7]))
    assert fit.status is JointStatus.MET
    assert fit.identifiability.sentence.startswith("Not determined: as many parameters (3) as numbers (3)")
    assert np.isnan([fit.interval(name) for name in ("beta", "log_kappa", "tau")]).all()
    assert fit.record()["profiles"] == {}
    with pytest.raises(InputError, match="observed = '3 numbers': a posterior needs more numbers than parameters"):
        fit.sample(100)
    stated = fit_jointly(Observations([128, 1024, 8192], [4.5, 16.2, 56.7], sd={"counts": 0.05}))
    assert stated.status is not JointStatus.MET
    assert stated.interval("beta")[0] < stated.beta < stated.interval("beta")[1]
    scaled = Observations([128, 1024], [4.5, 16.2], isolation=[1.5, 2.0])
    sentence = fit_jointly(scaled).identifiability.sentence
    assert sentence.startswith("Not determined: as many parameters (4) as numbers (4)")


@pytest.mark.parametrize("ladders", [60, pytest.param(400, marks=pytest.mark.slow)])
def test_counts_that_scatter_are_not_called_identified_because_they_happen_to_lie_on_a_curve(ladders):
    """A true error of 1% leaves κ and τ open by more than ½: four means may seem to have less, and did in a quarter."""
    rng, told = np.random.default_rng(4), []
    for _ in range(ladders):
        told.append(fit_jointly(Observations(*means(rng, 4, 0.01))).identifiability.sentence)
    assert np.mean([sentence.startswith("All parameters") for sentence in told]) <= 0.025
    assert any("so few numbers estimate their own errors" in sentence for sentence in told)


@pytest.mark.parametrize("sizes", [5, pytest.param(4, marks=pytest.mark.slow), pytest.param(8, marks=pytest.mark.slow)])
def test_ladders_whose_parameters_are_all_identified_hold_the_truth(request, sizes):
    """Means with an error of 0.01%: κ and τ are determined, and intervals of all three are honest."""
    slow = request.node.get_closest_marker("slow")
    ladders, rng, held = 300 if slow else 40, np.random.default_rng(sizes), {"beta": [], "kappa": [], "tau": []}
    claimed = 0
    for _ in range(ladders):
        fit = fit_jointly(Observations(*means(rng, sizes, 1e-4)))
        claimed += fit.identifiability.sentence.startswith("All parameters")
        for name, truth in (("beta", 1.6), ("kappa", 2.0), ("tau", 1.0)):
            low, high = fit.interval(name)
            held[name].append(low <= truth <= high)
    assert claimed > 0.8 * ladders
    for name, inside in held.items():
        assert 0.92 - 2 * np.sqrt(0.0736 / ladders) <= np.mean(inside), name


def test_errors_that_are_estimated_enlarge_a_variance_as_meier_says():
    """A mean weighted by estimated variances (Meier 1953): 1 + 4 Σ w(1−w)/ν, and 1/ν = Σ w²/ν (Satterthwaite)."""
    blocks = SimpleNamespace(
        stated=set(),
        information=lambda _: {"counts": np.array([[3.0]]), "tail": np.array([[1.0]])},
        freedoms=lambda _: {"counts": 5.0, "tail": 8.0},
    )
    freedom, enlargement = _estimated_errors(blocks, {"beta": 1.6})
    assert enlargement["beta"] == pytest.approx(1 + 4 * 0.75 * 0.25 * (1 / 5 + 1 / 8))
    assert freedom["beta"] == pytest.approx(1 / (0.75**2 / 5 + 0.25**2 / 8))
    blocks.stated = {"counts", "tail"}
    assert _estimated_errors(blocks, {"beta": 1.6}) == ({"beta": np.inf}, {"beta": 1.0})


def test_the_enlarged_interval_of_a_weighted_mean_covers():
    """4000 means of two samples of five with unequal variances: 95%, where weights taken as known give 88%."""
    rng = np.random.default_rng(6)
    samples = rng.normal(0, [[[1.0]], [[2.0]]], (4000, 2, 1, 5))[:, :, 0]
    means, information = samples.mean(axis=2), 5 / samples.var(axis=2, ddof=1)
    held, naive = [], []
    for mean, weight in zip(means, information, strict=True):
        parts = {"counts": np.array([[weight[0]]]), "tail": np.array([[weight[1]]])}
        found = SimpleNamespace(
            stated=set(), information=lambda _, p=parts: p, freedoms=lambda _: {"counts": 4.0, "tail": 4.0}
        )
        freedom, enlargement = _estimated_errors(found, {"beta": 0.0})
        z2 = (mean @ weight / weight.sum()) ** 2 * weight.sum()
        held.append(z2 <= stats.t.ppf(0.975, freedom["beta"]) ** 2 * enlargement["beta"])
        naive.append(z2 <= stats.norm.ppf(0.975) ** 2)
    assert 0.93 < np.mean(held) < 0.97
    assert np.mean(naive) < 0.90


def test_the_other_neurons_are_those_that_are_left():
    """A budget so large that a third of the neurons are Rosetta: the tail is divided by N − R, not by N (Eq. 32)."""
    sizes, beta, kappa = np.array([150, 220, 310, 430, 600, 850]), 1.2, 8.0
    rows = {"counts": [], "isolation": [], "tail": []}
    for size in sizes:
        w = np.arange(1.0, 4 * size + 1) ** -beta
        level = (kappa * size + np.arange(1, len(w) + 1)) / np.cumsum(w)
        s = np.maximum(w * level[np.flatnonzero(w * level > 1)[-1]] - 1, 0)
        found = s[s >= 1]
        rows["counts"].append(len(found))
        rows["isolation"].append(found.mean())
        rows["tail"].append(s[s < 1].sum() / (size - len(found)))
    assert 0.3 < rows["counts"][0] / sizes[0] < 0.9
    predicted = JointProblem(Observations(sizes, **rows), gamma=4).predicted(beta, np.log(kappa), np.log(2))
    for name, values in rows.items():
        assert predicted[name] == pytest.approx(np.log(values), abs=0.03)


def test_degrees_of_freedom_are_the_numbers_less_the_parameters():
    fit = fit_jointly(observe(4, ["counts", "isolation", "tail"]))
    freedoms = fit._problem.freedoms(fit.values)
    assert sum(freedoms.values()) == pytest.approx(3 * len(SIZES) - 4, abs=1e-6)
    assert all(0 < freedom < len(SIZES) for freedom in freedoms.values())


def test_the_least_error_of_isolation_and_tail_is_one_rank_more_or_less():
    """Replace the last feature found by the next, at the discrete optimum: the change in both logarithms."""
    sizes = np.array([4096, 8192, 16384])
    rows, steps = {"counts": [], "isolation": [], "tail": []}, {"isolation": [], "tail": []}
    for size in sizes:
        s = PROFILES[int(size)]
        count = int(np.sum(s >= TAU))
        inside, step = s[:count].sum(), s[count - 1] - s[count]
        rows["counts"].append(count)
        rows["isolation"].append(inside / count)
        rows["tail"].append((s.sum() - inside) / (size - count))
        steps["isolation"].append(step / inside)
        steps["tail"].append(step / (s.sum() - inside))
    least = JointProblem(Observations(sizes, **rows), gamma=4)._steps({**TRUTH, "log_scale": 0.0})
    for name, brute_force in steps.items():
        assert least[name] == pytest.approx(np.sqrt(np.mean(np.square(brute_force))), rel=0.06)


@pytest.mark.parametrize(("shift", "sd", "power"), [(0, {}, 0.5), (0.3, {}, 0), (0, {"counts": 0.1}, 0)])
def test_whole_counts_err_as_their_root_and_others_as_themselves(shift, sd, power):
    """Residuals of one error throughout a block: weights √R for whole counts whose error is not stated."""
    counts = np.array([9.0, 36, 144]) + shift
    problem = JointProblem(Observations([100, 400, 1600], counts, sd=sd), gamma=4)
    split, predicted = problem.split(TRUTH_OF_COUNTS), problem.predicted(**TRUTH_OF_COUNTS)
    weights = split["counts"] / (np.log(counts) - predicted["counts"])
    assert weights / weights[0] == pytest.approx((counts / counts[0]) ** power)
    assert np.mean(weights**2) == pytest.approx(1)


@pytest.mark.parametrize(
    ("fan", "low", "high"),
    [(0.0, 0.02, 0.08), (1.0, 0.1, 0.45), (2.0, 0.3, 0.9), (-1.0, 0.04, 0.45), (-2.0, 0.15, 0.9)],
)
def test_errors_that_grow_with_size_are_told_from_even_ones_at_their_level(fan, low, high):
    """300 sets of residuals that a fit leaves of errors whose sd grows by e^fan over six sizes: 5% if even."""
    rng, low_p = np.random.default_rng(abs(int(fan))), []
    problem = JointProblem(observe(4, BLOCKS[:3], stated=False), gamma=4)
    values = {**TRUTH_OF_COUNTS, "log_scale": np.log(SCALE)}
    predicted, jacobian = problem.predicted(**values), problem.jacobian(values)
    hat = jacobian @ np.linalg.pinv(jacobian)
    sd = np.exp(fan * np.linspace(-0.5, 0.5, 6))
    for _ in range(300):
        error = rng.normal(size=18) * np.concatenate([np.ones(6), sd, sd])
        left = np.split(0.01 * (error - hat @ error), 3)
        problem.measured = {
            name: predicted[name] + part / problem.weight[name] for name, part in zip(predicted, left, strict=True)
        }
        low_p.append(problem.unevenness(values, draws=500) < 0.05)
    assert low < np.mean(low_p) < high


def test_stated_errors_are_not_tested_for_being_even():
    assert np.isnan(fit_jointly(observe(4, BLOCKS[:3])).uneven_p)


def test_inputs_that_are_not_given_are_read_off_the_scatter_of_correlations():
    """Correlations of the discrete optimum with the error of M inputs; a stated error leaves them alone."""
    rng, inputs, rho = np.random.default_rng(0), 1000, []
    counts = [int(np.sum(s >= TAU)) for s in PROFILES.values()]
    for s, count in zip(PROFILES.values(), counts, strict=True):
        exact = 1 - 1 / (1 + s[:count])
        rho.append(np.tanh(np.arctanh(exact) + rng.normal(0, inputs**-0.5, count)))  # Fisher's z
    read = fit_jointly(Observations(list(PROFILES), counts, correlations=rho))._problem.inputs
    assert inputs / 3 < read < 3 * inputs
    stated = fit_jointly(Observations(list(PROFILES), counts, correlations=rho, sd={"correlations": 0.05}))
    assert np.isinf(stated._problem.inputs)


def test_one_rank_in_a_crowded_network_is_a_share_of_the_neurons_that_are_left():
    """Half of the neurons are Rosetta: the last feature found, against the isolation that N − R others have."""
    sizes, beta, kappa, brute_force = np.array([150, 220, 310, 430, 600, 850]), 1.2, 8.0, []
    rows = {"counts": [], "tail": []}
    for size in sizes:
        w = np.arange(1.0, 4 * size + 1) ** -beta
        level = (kappa * size + np.arange(1, len(w) + 1)) / np.cumsum(w)
        s = np.maximum(w * level[np.flatnonzero(w * level > 1)[-1]] - 1, 0)
        count = int(np.sum(s >= 1))
        rows["counts"].append(count)
        rows["tail"].append(s[count:].sum() / (size - count))
        brute_force.append((s[count - 1] - s[count]) / s[count:].sum())
    values = {"beta": beta, "log_kappa": np.log(kappa), "log_threshold": np.log(2), "log_scale": 0.0}
    least = JointProblem(Observations(sizes, **rows), gamma=4)._steps(values)
    assert least["tail"] == pytest.approx(np.sqrt(np.mean(np.square(brute_force))), rel=0.1)


def test_standard_errors_are_those_of_the_curvature_enlarged():
    """With three sizes, whose estimated errors enlarge variances by more than a factor of 1.5."""
    three = Observations(SIZES[::2], **{name: getattr(observe(0), name)[::2] for name in BLOCKS})
    fit = fit_jointly(three)
    jacobian = fit._problem.jacobian(fit.values)
    enlarged = np.diag(np.linalg.inv(jacobian.T @ jacobian)) * list(fit.enlargement.values())
    assert list(fit.stderr.values()) == pytest.approx(np.sqrt(enlarged), rel=1e-6)
    assert max(fit.enlargement.values()) > 1.2
    assert min(fit.freedom.values()) < 3 < max(fit.freedom.values())
    assert fit.status is JointStatus.ROUGH


def test_what_is_met_exactly_is_said_before_what_is_rough():
    rough = {"beta": 1.5}
    for exactly, status in ((True, JointStatus.EXACT), (False, JointStatus.ROUGH)):
        assert _status(1.6, SimpleNamespace(met_exactly=lambda _, e=exactly: e), {}, rough, 1.0) is status


def test_results_are_given_in_kappa_and_tau_in_words_and_in_a_table():
    fit = fit_jointly(observe(0))
    assert list(fit.params) == ["beta", "kappa", "tau", "scale"]
    assert fit.params["kappa"].value == fit.kappa
    assert fit.params["kappa"].interval == pytest.approx(np.exp(fit.interval("log_kappa")))
    assert not fit.params["kappa"].open
    assert list(fit_jointly(observe(0, ["counts"])).params) == ["beta", "kappa", "tau"]
    assert fit_jointly(observe(0, ["counts"])).params["tau"].open
    assert str(fit) == fit.summary()
    assert f"kappa = {fit.kappa:.4g} (95% interval" in fit.summary()
    assert fit.to_dataframe().loc["tau", "value"] == fit.tau
