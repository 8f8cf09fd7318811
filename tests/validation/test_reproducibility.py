"""The irreproducible discovery rate against simulated truth, and against what it must not depend on."""

import numpy as np
import pytest

from rosettalaw.errors import InputError
from rosettalaw.paper_figs import reproducibility as figure
from rosettalaw.results import dataset
from rosettalaw.validation.reproducibility import fit_reproducibility

TRUTH = {"share": 0.65, "mean": 2.5, "deviation": 1.0, "correlation": 0.84}  # of the first simulation of Li et al.


def drawn(members, seed, share=0.65, mean=2.5, deviation=1.0, correlation=0.84):
    """Return two scores of each member, and which are reproducible."""
    rng = np.random.default_rng(seed)
    real = rng.random(members) < share
    covariance = deviation**2 * np.array([[1, correlation], [correlation, 1]])
    scores = rng.normal(size=(members, 2))
    scores[real] = rng.multivariate_normal([mean, mean], covariance, int(real.sum()))
    return *scores.T, real


@pytest.fixture(scope="module")
def simulated():
    first, second, real = drawn(2000, 0)
    return first, second, real, fit_reproducibility(first, second)


def test_the_parameters_of_the_truth_are_found(simulated):
    *_, fit = simulated
    for name, tolerance in {"share": 0.04, "mean": 0.25, "deviation": 0.12, "correlation": 0.05}.items():
        assert getattr(fit, name) == pytest.approx(TRUTH[name], abs=tolerance), name


def test_the_rate_is_the_share_of_irreproducible_members(simulated):
    """Among those taken at 1, 5 and 20%, as many are false as the rate says; nearly all true ones are found at 20%."""
    *_, real, fit = simulated
    order, rates = np.argsort(fit.local, kind="stable"), fit.rates()
    for rate in (0.01, 0.05, 0.2):
        taken = order[: fit.count(rate)]
        false = np.mean(~real[taken])
        assert false == pytest.approx(rates[len(taken) - 1], abs=3 * np.sqrt(rate / len(taken)) + 0.01)
    assert np.mean(np.isin(np.flatnonzero(real), order[: fit.count(0.2)])) > 0.95
    assert np.all(np.diff(rates) >= -1e-12)


def test_the_truth_itself_gives_the_same_probabilities(simulated):
    """Bayes' rule with the parameters that drew the scores, which the fit has not seen."""
    from scipy import stats

    first, second, _, fit = simulated
    both = np.column_stack([first, second])
    one = stats.multivariate_normal([2.5, 2.5], [[1, 0.84], [0.84, 1]]).pdf(both)
    none = stats.multivariate_normal([0, 0]).pdf(both)
    exact = 0.35 * none / (0.35 * none + 0.65 * one)
    assert np.corrcoef(exact, fit.local)[0, 1] > 0.98


def test_only_the_order_counts():
    first, second, _ = drawn(200, 2)
    fits = fit_reproducibility(first, second), fit_reproducibility(np.exp(first), second**3)
    np.testing.assert_allclose(fits[0].local, fits[1].local, atol=1e-9)


def test_two_independent_rankings_have_nothing_to_reproduce():
    rng = np.random.default_rng(3)
    fit = fit_reproducibility(rng.normal(size=400), rng.normal(size=400))
    assert fit.count(0.05) <= 6


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([1.0] * 30, [1.0] * 29, "must have as many scores as the first, 30"),
        (range(19), range(19), "must have at least 20 scores"),
        ([np.nan, *range(29)], range(30), "must be finite numbers"),
    ],
)
def test_bad_rankings(first, second, words):
    with pytest.raises(InputError, match=words):
        fit_reproducibility(np.array(list(first)), np.array(list(second)))


def test_the_figure_needs_margins_on_both_halves_of_enough_pairs(tmp_path):
    first, second, _ = drawn(60, 1)
    rows = {
        "margin_first_half": ("pair", np.append(first, np.nan)),
        "margin_second_half": ("pair", np.append(second, 0.1)),
    }
    svg = figure.draw(dataset("pairs", rows), tmp_path / "idr", "A × B")[1].read_text()
    assert f"{fit_reproducibility(first, second).count()} of 60 pairs at 5%" in svg
    few = {name: ("pair", values[:19]) for name, (_, values) in rows.items()}
    assert figure.draw(dataset("pairs", few), tmp_path / "few") == []
    assert figure.draw(dataset("pairs", {"margin": ("pair", first)}), tmp_path / "old") == []
