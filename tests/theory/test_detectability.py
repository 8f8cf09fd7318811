"""Detectability: against literal simulations of two networks, closed forms and limits."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats import norm

from rosettalaw.errors import InputError
from rosettalaw.theory import detect, expected_null_pairs, isolation, tau_eff
from rosettalaw.theory.detectability import _null_sf, _overlap


def simulate(s, inputs, features, interference, idle, runs, seed, threshold=-1.0):
    """Draw inputs and two networks with random backgrounds, match them, and count correct and false pairs."""
    rng = np.random.default_rng(seed)
    n, own = len(s), np.arange(len(s))
    share = np.concatenate([s / (1 + s), np.zeros(idle)])
    correct, false = [], []
    for _ in range(runs):
        z = rng.standard_normal((inputs, features))
        sides = []
        for _ in range(2):
            u = rng.standard_normal((n + idle, features))
            u[own, own] = 0
            u *= np.sqrt((1 - share) * interference)[:, None] / np.linalg.norm(u, axis=1, keepdims=True)
            u[own, own] = np.sqrt(share[:n])
            h = z @ u.T + np.sqrt((1 - share) * (1 - interference)) * rng.standard_normal((inputs, n + idle))
            sides.append((h - h.mean(axis=0)) / h.std(axis=0))
        c = sides[0].T @ sides[1] / inputs
        partner = c.argmax(axis=1)
        mutual = (c.argmax(axis=0)[partner] == np.arange(n + idle)) & (c.max(axis=1) >= threshold)
        same = (partner == np.arange(n + idle)) & (np.arange(n + idle) < n)
        correct.append(np.sum(mutual & same))
        false.append(np.sum(mutual & ~same))
    return np.array(correct), np.array(false)


SETTINGS = [
    (60, 1.5, 1.0, 150, 1.0, 0),
    (150, 1.2, 0.3, 50, 0.0, 0),
    (60, 2.0, 1.0, 50, 1.0, 20),
    (40, 1.1, 4.0, 100, 0.5, 10),
]


@pytest.mark.parametrize("threshold", [-1.0, 0.25])
@pytest.mark.parametrize(("neurons", "beta", "kappa", "inputs", "interference", "idle"), SETTINGS)
def test_counts_agree_with_simulated_networks(neurons, beta, kappa, inputs, interference, idle, threshold):
    s = isolation(neurons, beta, kappa)
    features, s = len(s), s[s > 0]
    runs = 120
    correct, false = simulate(s, inputs, features, interference, idle, runs, 1, threshold)
    detection = detect(s, inputs, features, interference, idle, threshold)
    assert detection.count == pytest.approx(correct.mean(), abs=4 * correct.std() / np.sqrt(runs) + 0.15)
    assert detection.count_sd == pytest.approx(correct.std(), rel=0.2)
    assert detection.false_pairs == pytest.approx(false.mean(), abs=4 * false.std() / np.sqrt(runs) + 0.15)


def test_interference_widens_the_null():
    """Few features to hide in: chance correlations of real overlap, not of sampling, decide."""
    s = np.full(30, 0.25)
    correct, _ = simulate(s, 1000, 60, 1.0, 0, 60, seed=2)
    detection = detect(s, 1000, 60)
    assert detection.count == pytest.approx(correct.mean(), abs=1.5)
    assert detect(s, 1000).count > detection.count + 3


def test_weak_features_give_half_their_number_of_false_pairs():
    n = 400
    detection = detect(np.full(n, 1e-7), inputs=5000)
    assert detection.false_pairs == pytest.approx(n * (n - 1) / (2 * n - 1), rel=0.01)
    assert detection.count == pytest.approx(n / (2 * n - 1), rel=2e-2)


def test_weak_features_and_idle_neurons_are_exchangeable():
    """All m = n + idle neurons per side are alike: m²/(2m−1) pairs, of which n/(2m−1) are right by chance."""
    n, idle = 150, 250
    detection, lines = detect(np.full(n, 1e-7), inputs=5000, idle=idle), 2 * (n + idle) - 1
    assert detection.false_pairs == pytest.approx(((n + idle) ** 2 - n) / lines, rel=2e-3)


def test_lone_pair_reaches_a_threshold_as_often_as_drawn():
    """Twelve inputs, where Fisher's z is visibly biased; the exact law by drawing."""
    rng, inputs, runs = np.random.default_rng(6), 12, 60_000
    z = rng.standard_normal((runs, inputs))
    sides = [z + rng.standard_normal((runs, inputs)) for _ in range(2)]  # s = 1, ρ = ½
    a, b = (x - x.mean(axis=1, keepdims=True) for x in sides)
    drawn = np.sum(a * b, axis=1) / np.sqrt(np.sum(a * a, axis=1) * np.sum(b * b, axis=1))
    for threshold in (0.3, 0.5, 0.7):
        share = detect([1.0], inputs, interference=0.0, threshold=threshold).count
        assert share == pytest.approx(np.mean(drawn >= threshold), abs=0.011)


def test_strong_features_are_all_found():
    detection = detect(np.full(50, 20.0), inputs=1000)
    assert detection.count == pytest.approx(50)
    assert detection.count_sd == pytest.approx(0, abs=1e-6)
    assert detection.false_pairs == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(detection.probability, 1)


def test_half_of_the_features_at_the_edge_are_found():
    n, inputs = 500, 2000
    edge = tau_eff(n, inputs)
    s = np.concatenate([np.full(n - 1, 50.0), [edge]])
    assert detect(s, inputs).probability[-1] == pytest.approx(0.5, abs=0.02)
    rho = norm.ppf(2 ** (-1 / (2 * (n - 1)))) / np.sqrt(inputs - 1)  # the normal approximation
    assert edge / (1 + edge) == pytest.approx(rho, rel=2e-3)
    assert edge / (1 + edge) == pytest.approx(np.sqrt(2 * np.log(2 * n) / inputs), rel=0.2)


def test_unrelated_networks():
    """N_A N_B/(N_A + N_B − 1), by simulation and in the limit of equal sizes."""
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(400):
        c = rng.standard_normal((30, 50))
        partner = c.argmax(axis=1)
        counts.append(np.sum(c.argmax(axis=0)[partner] == np.arange(30)))
    assert np.mean(counts) == pytest.approx(expected_null_pairs(30, 50), abs=4 * np.std(counts) / 20)
    assert expected_null_pairs(10**6, 10**6) == pytest.approx(5e5, rel=1e-5)


def test_more_inputs_and_fewer_rivals_find_more():
    s = isolation(2000, 1.3)
    counts = [detect(s, m).count for m in (100, 1000, 10_000)]
    assert counts[0] < counts[1] < counts[2] <= np.count_nonzero(s)
    assert detect(s, 1000, idle=500).count < counts[1]


def test_nothing_to_find():
    empty = detect([0.0, 0.0], 100)
    assert (empty.count, empty.false_pairs) == (0, 0)
    assert detect([0.0], 100, idle=20).false_pairs == pytest.approx(expected_null_pairs(20, 20), rel=1e-3)
    assert detect([0.0], 100, idle=1).false_pairs == pytest.approx(1)
    assert detect([0.0], 100, idle=20, threshold=0.9).false_pairs == pytest.approx(0, abs=1e-9)
    alone = detect([1.0], 100)
    assert (alone.count, alone.false_pairs, alone.tau_eff) == (pytest.approx(1), 0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"isolation": [[1.0]]}, "must be a vector"),
        ({"isolation": [-1.0]}, "must be at least 0 and not NaN"),
        ({"inputs": 3}, "inputs = 3: must be at least 4"),
        ({"features": 1}, "features = 1: must be at least the 2 candidates"),
        ({"interference": 1.5}, "interference = 1.5: must be between 0 and 1"),
        ({"threshold": 1.0}, r"threshold = 1.0: must be a correlation in \[−1, 1\)"),
        ({"idle": -1}, "idle = -1: must be finite and at least 0"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InputError, match=message):
        detect(**{"isolation": [1.0, 2.0], "inputs": 100, **arguments})


def test_bad_counts():
    with pytest.raises(InputError, match="candidates = 0: must be finite and at least 1"):
        tau_eff(0, 100)
    with pytest.raises(InputError, match="inputs = 2: must be at least 4"):
        tau_eff(10, 2)
    with pytest.raises(InputError, match="neurons_b = 0: must be finite and at least 1"):
        expected_null_pairs(10, 0)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_features_too_weak_to_be_found_are_exchangeable_signals(n):
    """Each of the n² correlations leads its 2n − 1 rivals alike: n of them are right, n(n − 1) wrong."""
    detection = detect(np.full(n, 1e-12), inputs=2000)
    assert detection.count == pytest.approx(n / (2 * n - 1), rel=0.01)
    assert detection.false_pairs == pytest.approx(n * (n - 1) / (2 * n - 1), rel=0.01)


@pytest.mark.parametrize(("n", "inputs"), [(40, 4), (300, 4), (40, 12), (300, 5)])
def test_few_inputs_have_chance_correlations_near_one(n, inputs):
    """Over four inputs a chance correlation is uniform: of n² exchangeable ones, the best lie within 1/n² of 1."""
    detection = detect(np.full(n, 1e-12), inputs=inputs, interference=0.0)
    assert detection.count + detection.false_pairs == pytest.approx(n * n / (2 * n - 1), rel=0.005)


@pytest.mark.parametrize("f", [1.0, 0.3])
def test_mean_overlap_is_that_of_drawn_loadings(f):
    """Neuron r holds √a_r of its feature and √(f(1 − a_r)) in a random direction over A; the rest is its own noise."""
    n, A, rng = 40, 60, np.random.default_rng(5)
    share = np.linspace(0.05, 0.9, n)

    def network():
        direction = rng.standard_normal((n, A))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        loadings = np.sqrt(f * (1 - share))[:, None] * direction
        loadings[np.arange(n), np.arange(n)] += np.sqrt(share)
        return loadings

    squares = np.mean([(network() @ network().T) ** 2 for _ in range(2000)], axis=0)
    others = (squares.sum(1) - np.diag(squares)) / (n - 1)
    np.testing.assert_allclose(others * A, _overlap(share, f), rtol=0.06)


def test_a_feature_without_noise_is_found_like_a_very_strong_one():
    endless, strong = (detect([s, 0.02, 0.01], inputs=500, features=30) for s in (np.inf, 1e9))
    np.testing.assert_allclose(endless.probability, strong.probability, atol=1e-6)
    assert endless.count == pytest.approx(strong.count)
    assert endless.false_pairs == pytest.approx(strong.false_pairs)


@pytest.mark.parametrize("inputs", [3, 5, 12])
def test_correlations_of_unrelated_signals_over_few_inputs_have_scipys_distribution(inputs):
    """ρ̂ of M pairs of independent Gaussians: (1 + ρ̂)/2 is Beta(M/2 − 1, M/2 − 1)."""
    x = np.array([-0.9, -0.2, 0.0, 0.4, 0.99])
    expected = stats.beta(inputs / 2 - 1, inputs / 2 - 1).sf((1 + x) / 2)
    np.testing.assert_allclose(_null_sf(x, inputs), expected, rtol=1e-10)
