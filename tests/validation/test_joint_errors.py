"""The errors that a joint fit states and estimates: their size, their freedom, and how they widen intervals."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from rosettalaw.validation.joint_fit import (
    JointStatus,
    Observations,
    _estimated_errors,
    fit_jointly,
)
from rosettalaw.validation.joint_problem import JointProblem
from rosettalaw.validation.observations import BLOCKS
from tests.validation.planted import (
    PROFILES,
    SCALE,
    SIZES,
    TAU,
    TRUTH,
    TRUTH_OF_COUNTS,
    observe,
)


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
