"""Toy networks: sparse data and products against dense ones, measures against planted networks, training end to end."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rosettalaw.cli import main  # noqa: E402
from rosettalaw.errors import InputError, UnknownNameError  # noqa: E402
from rosettalaw.sims import toy, toy_measures, toy_study  # noqa: E402
from rosettalaw.sims.toy_study import CONFIGURATIONS, Cell, Study, study  # noqa: E402


def dense(samples, networks, batch, features):
    x = np.zeros((networks * batch, features))
    x[samples.row, samples.column % features] = samples.value
    return x.reshape(networks, batch, features)


def planted(gains, permutations, recipe=None):
    """Networks in which neuron j of network g reads feature permutations[g][j] with gain gains[feature], β = 1.5."""
    recipe = recipe or toy.Recipe()
    neurons = len(gains)
    features = int(recipe.gamma * neurons)
    encoder = torch.zeros(len(permutations), features, neurons)
    for g, order in enumerate(permutations):
        for j, r in enumerate(order):
            encoder[g, r, j] = gains[r]
    bias = torch.zeros(len(permutations), 1, neurons)
    return toy.Trained((1.5,) * len(permutations), encoder, bias, recipe, np.zeros(len(permutations)))


def test_features_are_active_independently_with_their_probability():
    p, batch = np.array([toy.activity(1.2, 6), toy.activity(2.0, 6)]), 40_000
    x = dense(toy.draw(np.random.default_rng(0), p, batch), 2, batch, 6)
    on = x > 0
    error = np.sqrt(p * (1 - p) / batch)
    assert (np.abs(on.mean(axis=1) - p) < 4.5 * error).all()
    together = on[0].T.astype(float) @ on[0] / batch
    expected = np.outer(p[0], p[0])
    off = ~np.eye(6, dtype=bool)
    assert (np.abs(together - expected)[off] < 4.5 * np.sqrt(expected / batch)[off]).all()
    values = x[0, :, 0][on[0, :, 0]]
    assert values.mean() == pytest.approx(0.5, abs=0.01)
    assert values.var() == pytest.approx(1 / 12, rel=0.03)
    np.testing.assert_allclose(x.var(axis=1), toy.variance(p), rtol=0.15)
    np.testing.assert_allclose((x[0] ** 2).mean(axis=0) / x[0].var(axis=0), toy.costs(p[0]), rtol=0.02)


def test_samples_are_ordered_and_no_cell_is_hit_twice():
    samples = toy.draw(np.random.default_rng(0), np.tile(toy.activity(1.2, 8), (3, 1)), 100)
    cells = samples.row * 8 + samples.column % 8
    assert (np.diff(cells) > 0).all()
    np.testing.assert_array_equal(samples.row // 100, samples.column // 8)


@pytest.mark.parametrize("recipe", [toy.Recipe(), toy.Recipe(relu=False), toy.Recipe(budget="layer norm")])
def test_sparse_products_are_the_dense_ones(recipe):
    rng = np.random.default_rng(0)
    samples = toy.draw(rng, np.tile(toy.activity(1.2, 12), (2, 1)), 50)
    encoder = torch.tensor(rng.standard_normal((2, 12, 5)), dtype=torch.float32)
    bias = torch.tensor(rng.standard_normal((2, 1, 5)), dtype=torch.float32)
    x = dense(samples, 2, 50, 12)
    h = x @ encoder.numpy() + bias.numpy()
    h = np.maximum(h, 0) if recipe.relu else h
    if recipe.budget == "layer norm":
        h = h - h.mean(-1, keepdims=True)
        h *= 2 / h.std(-1, keepdims=True)  # |h|² = κN, κ = 4
    got = toy.encode(samples, encoder, bias, recipe, 50)
    np.testing.assert_allclose(got.numpy(), h, atol=2e-4)
    products = np.swapaxes(x, 1, 2) @ h / 50
    np.testing.assert_allclose(toy.with_features(samples, got, 12).numpy(), products, atol=1e-4)
    np.testing.assert_allclose(toy.batch_variance(samples, 2, 12, 50).numpy(), x.var(axis=1), atol=1e-6)


def test_water_filling_spends_the_budget_and_levels_the_gradient():
    s = toy_measures.water_filling(32, 1.5, kappa=4, gamma=4)
    c, w = toy.costs(toy.activity(1.5, 128)), np.arange(1.0, 129) ** -1.5
    assert float(c @ s) == pytest.approx(128)
    level = (w / (1 + s) / c)[s > 0]
    np.testing.assert_allclose(level, level[0])
    assert (w / c)[s == 0].max() <= level[0]


def test_planted_networks_are_measured_as_planted():
    """One feature a neuron: s_r = scale² a² Var x, with the scale that brings E|h|² to κN."""
    gains = np.array([3.0, 2.0, 4.0, 1.0, 5.0, 0.5])
    trained = planted(gains, [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]])
    learned, matchings = toy_measures.measure(trained, seed=1)
    p = toy.activity(1.5, 6)
    scale = 4 * 6 / np.sum(gains**2 * p / 3)
    expected = scale * gains**2 * toy.variance(p)
    for network, order in zip(learned, ([0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]), strict=True):
        np.testing.assert_allclose(network.isolation[:6], expected, rtol=0.06)
        np.testing.assert_allclose(network.information[:6], expected, rtol=0.06)
        assert [order[j] for j in network.neuron[:6]] == [0, 1, 2, 3, 4, 5]
        assert network.isolation[6:].max() < 0.01
    (pair,) = matchings[1.5]
    strong = int((expected >= 1).sum())
    assert (pair.precision, pair.recall) == (1, 1)
    assert pair.pairs == pytest.approx(strong, abs=1)


def test_a_feature_in_two_neurons_is_isolated_in_half_but_known_in_full():
    trained = planted(np.full(4, 2.0), [[0, 0, 1, 2]] * 2)
    learned, _ = toy_measures.measure(trained, seed=1)
    assert learned[0].information[0] == pytest.approx(2 * learned[0].isolation[0], rel=1e-3)
    assert learned[0].information[1] == pytest.approx(learned[0].isolation[1], rel=1e-3)


def test_neurons_that_mix_features_are_no_match():
    """Two features a neuron, differently paired in each network: information stays, isolation does not."""
    first, second = planted(np.full(4, 2.0), [[0, 1, 2, 3]] * 2), planted(np.full(4, 2.0), [[0, 1, 2, 3]] * 2)
    mix = torch.tensor([[1.0, 1, 0, 0], [1, -1, 0, 0], [0, 0, 1, 1], [0, 0, 1, -1]]) / 2**0.5
    second.encoder[0] = second.encoder[0] @ mix
    linear = toy.Trained((1.5, 1.5), second.encoder, first.bias, toy.Recipe(relu=False), np.zeros(2))
    learned, _ = toy_measures.measure(linear, seed=1)
    np.testing.assert_allclose(learned[0].information[:4], learned[1].information[:4], rtol=0.02)
    assert (learned[0].isolation[:4] < 0.8 * learned[1].isolation[:4]).all()
    assert learned[0].isolation[1] < 1 < learned[1].isolation[1]


def test_training_finds_the_optimum_and_is_deterministic():
    arguments = {"neurons": [8], "beta": [1.5], "seeds": 2, "seed": 1, "quiet": True}
    (cell,) = study(["law"], **arguments, steps=700).cells
    assert (np.abs(cell.counts - 4) <= 1).all()  # the optimum's count
    assert 0.97 < cell.utility_share < 1.02
    np.testing.assert_allclose(cell.information[:, :3].mean(axis=0), cell.optimum[:3], rtol=0.15)
    (linear,) = study(["linear"], **arguments, steps=700).cells
    assert linear.counts.mean() < cell.counts.mean()
    assert linear.utility_share > 0.97
    (once,), (again,) = (study(["law"], **arguments, steps=40).cells for _ in range(2))
    np.testing.assert_array_equal(once.isolation, again.isolation)


def fake(name, beta, neurons, shrink=1.0, precision=1.0):
    recipe = CONFIGURATIONS[name].recipe
    optimum = toy_measures.water_filling(neurons, beta, recipe.kappa, recipe.gamma, recipe.relu)
    learned = np.tile(optimum * shrink, (2, 1))
    return Cell(name, beta, neurons, learned, learned, optimum, np.array([[5, precision, 1.0]]))


@pytest.mark.parametrize(
    ("shrink", "precision", "broken"),
    [(lambda n: 1.0, 1.0, None), (lambda n: n**-0.4, 1.0, "count"), (lambda n: 1.0, 0.8, "precision")],
)
def test_checks_hold_for_the_optimum_and_fail_beside_it(shrink, precision, broken):
    cells = [fake("law", 1.5, n, shrink(n), precision) for n in (16, 32, 64)]
    (check,) = Study(tuple(cells), {}).checks
    assert check["law_holds"] == (broken is None)
    assert check["law_expected"]
    if broken:
        assert not check["met"][broken]


def test_profile_slope_of_the_model_is_minus_beta():
    r = np.arange(1.0, 200)
    assert toy_measures.profile_slope((50 / r) ** 1.7 - 1, 1.0) == pytest.approx(-1.7)


def test_command_and_dataset(tmp_path, capsys):
    from rosettalaw import load

    path = tmp_path / "toy.nc"
    call = "toy --neurons 4,6 --beta 1.5,2 --seeds 2 --steps 20 --json --out"
    with pytest.raises(SystemExit) as left:
        main([*call.split(), str(path)])
    record = json.loads(capsys.readouterr().out)
    assert left.value.code == 0
    assert [(row["beta"], row["neurons"]) for row in record["rows"]] == [(1.5, 4), (2.0, 4), (1.5, 6), (2.0, 6)]
    assert {fit["quantity"] for fit in record["fits"]} == {"count", "mean_isolation"}
    ds = load(path, "toy")
    assert ds["toy_isolation"].dims == ("cell", "seed", "rank")
    assert ds["toy_optimum"].attrs["symbol"] == "s*_r"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: study(["lwa"]), UnknownNameError, "did you mean law"),
        (lambda: study(seeds=1), InputError, "seeds = 1: must be at least 2"),
        (lambda: study(neurons=[2]), InputError, "must be at least 4"),
        (lambda: study(beta=[-1]), InputError, "beta = -1.0"),
        (lambda: toy.Recipe(budget="free"), InputError, "must be one of proportional"),
        (lambda: toy.Recipe(steps=0), InputError, "steps = 0"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_table_of_configurations_changes_one_thing_at_a_time():
    law = vars(CONFIGURATIONS["law"].recipe)
    for name, configuration in CONFIGURATIONS.items():
        changed = [key for key, value in vars(configuration.recipe).items() if value != law[key]]
        assert len(changed) == {"law": 0, "plain": 4}.get(name, 1), (name, changed)
    assert toy_study.BOUNDS["count"] == 0.1
