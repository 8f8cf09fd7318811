"""Toy networks: sparse data and products against dense ones, measures against planted networks, training end to end."""

import io
import json
import os
import signal
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rosettalaw.cli import main  # noqa: E402
from rosettalaw.errors import InputError, UnknownNameError  # noqa: E402
from rosettalaw.sims import toy, toy_measures, toy_recipes, toy_samples, toy_step, toy_study  # noqa: E402
from rosettalaw.sims.toy import Network  # noqa: E402
from rosettalaw.sims.toy_ingredients import ToyRecipe  # noqa: E402
from rosettalaw.sims.toy_recipes import CONFIGURATIONS, SCAN  # noqa: E402
from rosettalaw.sims.toy_results import Cell, Study  # noqa: E402
from rosettalaw.sims.toy_study import study_toys  # noqa: E402


def drawn(betas, features, batch, steps=1):
    rngs = [np.random.default_rng(i) for i in range(len(betas))]
    p = np.array([toy_samples.active_probability(beta, features) for beta in betas])
    return list(toy_samples.sample_stream(rngs, p, batch, steps))


def dense(samples):
    """X, shape (networks, batch, features), by writing every entry."""
    networks, batch, features = samples.shape
    columns, starts, values = (part.numpy() for part in samples.by_row)
    x = np.zeros((networks * batch, features))
    rows = np.repeat(np.arange(networks * batch), np.diff(np.append(starts, len(columns))))
    assert (columns // features == rows // batch).all()
    x[rows, columns % features] = values
    return x.reshape(networks, batch, features)


def planted(gains, permutations, recipe=None):
    """Networks in which neuron j of network g reads feature permutations[g][j] with gain gains[feature], β = 1.5."""
    recipe = recipe or ToyRecipe()
    neurons = len(gains)
    features = int(recipe.gamma * neurons)
    encoder = torch.zeros(len(permutations), features, neurons)
    for g, order in enumerate(permutations):
        for j, r in enumerate(order):
            encoder[g, r, j] = gains[r]
    bias = torch.zeros(len(permutations), 1, neurons)
    return toy.Trained(tuple(Network(neurons, 1.5, g) for g in range(len(permutations))), encoder, bias, recipe)


def test_features_are_active_independently_with_their_probability():
    batch = 40_000
    (samples,) = drawn([1.2, 2.0], 6, batch)
    p, x = np.array([toy_samples.active_probability(1.2, 6), toy_samples.active_probability(2.0, 6)]), dense(samples)
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
    np.testing.assert_allclose(x.var(axis=1), toy_samples.variance(p), rtol=0.15)
    np.testing.assert_allclose((x[0] ** 2).mean(axis=0) / x[0].var(axis=0), toy.costs(p[0]), rtol=0.02)


def test_both_orders_hold_the_same_entries_of_every_step():
    for samples in drawn([1.2, 1.2, 1.2], 8, 100, steps=5):
        x = dense(samples)
        rows, starts, values = (part.numpy() for part in samples.by_column)
        columns = np.repeat(np.arange(24), np.diff(np.append(starts, len(rows))))
        assert (columns // 8 == rows // 100).all()
        np.testing.assert_array_equal(x[columns // 8, rows % 100, columns % 8], values.astype(float))
        assert len(values) == np.count_nonzero(x) == len(samples.by_row[0])


def test_sparse_products_are_the_dense_ones():
    (samples,) = drawn([1.2, 1.5], 12, 50)
    rng, x = np.random.default_rng(0), dense(samples)
    table, h = rng.standard_normal((2, 12, 5)), rng.standard_normal((2, 50, 5))
    np.testing.assert_allclose(samples.times(torch.tensor(table)).numpy(), x @ table, atol=1e-12)
    got = samples.transposed_times(torch.tensor(h)).numpy()
    np.testing.assert_allclose(got, np.swapaxes(x, 1, 2) @ h, atol=1e-12)
    np.testing.assert_allclose(samples.variance().numpy(), x.var(axis=1), atol=1e-7)


def backpropagated(x, W, b, D, c, recipe, decorrelate):
    """The loss as its definition says, and autograd's gradients, all dense and in float64."""
    W, b, D = (weights.clone().requires_grad_() for weights in (W, b, D))
    h = x @ W + b
    h = torch.relu(h) if recipe.relu else h
    N = h.shape[2]
    if recipe.budget == "layer norm":
        h = torch.nn.functional.layer_norm(h, (N,), eps=1e-6) * recipe.kappa**0.5
    elif recipe.budget == "proportional":
        h = h * torch.sqrt(recipe.kappa * N / (h**2).sum(2).mean(1))[:, None, None]
    else:
        h = toy_step.GAIN * h
    mse = (x - h @ D.transpose(1, 2)).var(1, unbiased=False) + recipe.noise * (D**2).sum(2)
    loss = (c * mse).sum()
    if recipe.budget == "price":
        loss = loss + recipe.price * (h**2).sum(2).mean(1).sum()
    for one in h:
        squares = torch.cov(one.T, correction=0) ** 2
        own = squares.diagonal().sqrt()
        off = squares / (own[:, None] * own[None, :] + 1e-6)
        loss = loss + decorrelate * (off.sum() - off.diagonal().sum()) / N
    loss.backward()
    return mse.detach(), W.grad, b.grad, D.grad


CHANGES = [
    {},
    {"relu": False},
    {"noise": 0.0},
    {"budget": "layer norm"},
    {"budget": "price"},
    {"budget": "weight decay"},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_step_in_closed_form_is_backpropagation(change):
    recipe, rng = ToyRecipe(**change), np.random.default_rng(1)
    (samples,) = drawn([1.2, 1.5], 24, 64)
    W, D, c = (torch.tensor(rng.standard_normal((2, 24, 6))) for _ in range(3))
    b, c = torch.tensor(0.3 * rng.standard_normal((2, 1, 6))), c[:, :, 0].abs()
    expected = backpropagated(torch.tensor(dense(samples)), W, b, D, c, recipe, 0.7)
    got = toy_step.gradients(samples, W, b, D, lambda error: c, recipe, 0.7)
    for mine, reference in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), reference.numpy(), atol=1e-8 * float(reference.abs().max()))


def test_networks_do_not_depend_on_what_they_are_trained_beside():
    recipe, nets = ToyRecipe(steps=70, batch=16), [Network(6, beta, i) for beta in (1.5, 2.0) for i in range(2)]
    together, alone = toy.train_networks(nets, 1, recipe), toy.train_networks(nets[2:3], 1, recipe)
    np.testing.assert_allclose(together.encoder[2].numpy(), alone.encoder[0].numpy(), atol=1e-4)
    assert np.abs(together.encoder[3].numpy() - alone.encoder[0].numpy()).max() > 0.1


def test_weight_decay_and_the_readouts_rate_do_what_they_say():
    """Adam's first step is its rate in every entry that has a gradient; decay takes rate · decay off besides."""
    nets = [Network(32, 1.2)]
    first = {"steps": 1, "batch": 4096}
    base, slow = ToyRecipe(**first), ToyRecipe(**first, readout_width=8)
    assert base.rates(32) == (5e-3, 5e-3)
    assert slow.rates(32) == (5e-3, 5e-3 / 4)
    assert slow.rates(4) == (5e-3, 5e-3)
    assert ToyRecipe(batch_per_neuron=4).samples(512) == 2048
    assert ToyRecipe(batch_per_neuron=4).samples(16) == 512
    start = toy.train_networks(nets, 0, ToyRecipe(**first, rate=1e-30)).encoder
    for decay in (0.0, 1.0):
        moved = toy.train_networks(nets, 0, ToyRecipe(**first, budget="weight decay", decay=decay)).encoder
        change = (moved - start * (1 - 5e-3 * decay)).abs()[0, :4]
        assert float(change.median()) == pytest.approx(5e-3, rel=0.01)


def test_water_filling_spends_the_budget_and_levels_the_gradient():
    s = toy_measures.water_filling(32, 1.5, kappa=4, gamma=4)
    c, w = toy.costs(toy_samples.active_probability(1.5, 128)), np.arange(1.0, 129) ** -1.5
    assert float(c @ s) == pytest.approx(128)
    level = (w / (1 + s) / c)[s > 0]
    np.testing.assert_allclose(level, level[0])
    assert (w / c)[s == 0].max() <= level[0]


def test_planted_networks_are_measured_as_planted():
    """One feature a neuron: s_r = scale² a² Var x, with the scale that brings E|h|² to κN."""
    gains = np.array([3.0, 2.0, 4.0, 1.0, 5.0, 0.5])
    trained = planted(gains, [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]])
    found = toy_measures.measure_networks(trained, seed=1)
    p = toy_samples.active_probability(1.5, 6)
    scale = 4 * 6 / np.sum(gains**2 * p / 3)
    expected = scale * gains**2 * toy_samples.variance(p)
    for network, order in zip(found.learned, ([0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]), strict=True):
        np.testing.assert_allclose(network.isolation[:6], expected, rtol=0.02)
        np.testing.assert_allclose(network.information[:6], expected, rtol=0.02)
        assert [order[j] for j in network.neuron[:6]] == [0, 1, 2, 3, 4, 5]
        assert network.isolation[6:].max() < 0.01
    (pair,) = found.matchings
    strong = int((expected >= 1).sum())
    assert (pair.precision, pair.recall) == (1, 1)
    assert pair.pairs == pytest.approx(strong, abs=1)


def test_a_feature_in_two_neurons_is_isolated_in_half_but_known_in_full():
    trained = planted(np.full(4, 2.0), [[0, 0, 1, 2]] * 2)
    learned = toy_measures.measure_networks(trained, seed=1).learned
    assert learned[0].information[0] == pytest.approx(2 * learned[0].isolation[0], rel=1e-3)
    assert learned[0].information[1] == pytest.approx(learned[0].isolation[1], rel=1e-3)


def test_neurons_that_mix_features_are_no_match():
    """Two features per neuron, differently paired in each network: information stays, isolation does not."""
    first, second = planted(np.full(4, 2.0), [[0, 1, 2, 3]] * 2), planted(np.full(4, 2.0), [[0, 1, 2, 3]] * 2)
    mix = torch.tensor([[1.0, 1, 0, 0], [1, -1, 0, 0], [0, 0, 1, 1], [0, 0, 1, -1]]) / 2**0.5
    second.encoder[0] = second.encoder[0] @ mix
    linear = toy.Trained(second.networks, second.encoder, first.bias, ToyRecipe(relu=False))
    learned = toy_measures.measure_networks(linear, seed=1).learned
    np.testing.assert_allclose(learned[0].information[:4], learned[1].information[:4], rtol=0.02)
    assert (learned[0].isolation[:4] < 0.8 * learned[1].isolation[:4]).all()
    assert learned[0].isolation[1] < 1 < learned[1].isolation[1]


def test_features_that_hardly_occur_are_not_measured():
    """β = 4: feature 64 occurs once in 33 million samples, feature 5 is in one of 1250."""
    trained = toy.Trained(
        (Network(16, 4.0, 0), Network(16, 4.0, 1)), torch.ones(2, 64, 16), torch.zeros(2, 1, 16), ToyRecipe()
    )
    (first, _) = toy_measures.measure_networks(trained, seed=1, samples=1 << 16).learned
    assert (first.isolation[:5] > 0).all()
    assert not first.isolation[8:].any()
    assert not first.information[8:].any()


def test_a_matched_pair_of_different_features_is_not_right():
    """A neuron that carries features 1 and 4 as 3 to 2 in one network and as 2 to 3 in the other: one pair of four."""
    sd = np.sqrt(toy_samples.variance(toy_samples.active_probability(1.5, 16)))
    trained = planted(1 / sd[:4], [[0, 1, 2, 3]] * 2)  # every neuron has variance 1 before the budget's scale
    for network, shares in enumerate(((0.6, 0.4), (0.4, 0.6))):
        trained.encoder[network, :5, 1] = 0.0
        trained.encoder[network, [1, 4], 1] = torch.tensor(np.sqrt(shares) / sd[[1, 4]], dtype=torch.float32)
    (pair,) = toy_measures.measure_networks(trained, seed=1).matchings
    assert (pair.pairs, pair.precision) == (4, 0.75)


def test_training_finds_the_optimum_and_is_deterministic():
    arguments = {"neurons": [8], "beta": [1.5], "seeds": 2, "seed": 1, "quiet": True}
    (cell,) = study_toys(["law"], **arguments, steps=700).cells
    assert (np.abs(cell.counts - 4) <= 1).all()  # the optimum's count
    assert 0.97 < cell.utility_share < 1.02
    np.testing.assert_allclose(cell.information[:, :3].mean(axis=0), cell.optimum[:3], rtol=0.15)
    (linear,) = study_toys(["linear"], **arguments, steps=700).cells
    assert linear.counts.mean() < cell.counts.mean()
    assert linear.utility_share > 0.97
    (once,), (again,) = (study_toys(["law"], **arguments, steps=40).cells for _ in range(2))
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
        (lambda: study_toys(["lwa"]), UnknownNameError, "did you mean law"),
        (lambda: study_toys(seeds=1), InputError, "seeds = 1: must be from 2 to 1000"),
        (lambda: study_toys(neurons=[2]), InputError, "neurons = 2: must be between 4 and 16384"),
        (lambda: study_toys(neurons=[float("nan")]), InputError, "neurons = nan: must be between 4"),
        (lambda: study_toys(neurons=[1e9]), InputError, "must be between 4 and 16384"),
        (lambda: study_toys(neurons=[]), InputError, "must not be empty"),
        (lambda: study_toys(seed=-1), InputError, "seed = -1: must be at least 0"),
        (lambda: study_toys(beta=[-1]), InputError, "beta = -1.0"),
        (lambda: ToyRecipe(budget="free"), InputError, "must be one of proportional"),
        (lambda: ToyRecipe(steps=0), InputError, "steps = 0"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_table_of_configurations_changes_one_thing_at_a_time():
    law = vars(CONFIGURATIONS["law"].recipe)
    for name, configuration in CONFIGURATIONS.items():
        changed = [key for key, value in vars(configuration.recipe).items() if value != law[key]]
        assert len(changed) == {"law": 0, "plain": 4, "scaled": 2}.get(name, 1), (name, changed)
    assert not set(CONFIGURATIONS) & set(SCAN)
    assert toy_recipes.BOUNDS["count"] == 0.1
    assert toy_recipes.visits(ToyRecipe(steps=10, batch=6), 8, 2.0, 3) == pytest.approx(10 * 6 / 18)
    named = {name for part in toy_recipes.PARTS for name in part.configurations}
    assert named == {*CONFIGURATIONS, *SCAN}


def test_recipes_that_come_to_the_same_at_a_width_are_trained_once(monkeypatch):
    law, scaled, slow = CONFIGURATIONS["law"].recipe, CONFIGURATIONS["scaled"].recipe, SCAN["slow readout"].recipe
    assert scaled.at(16) == law.at(16) == law
    assert scaled.at(128) == slow.at(128) != law
    assert scaled.at(256) != slow.at(256)
    assert law.at(64) != SCAN["large batch"].recipe.at(64)
    trained = []
    plain = toy.train_networks
    monkeypatch.setattr("rosettalaw.sims.toy_study.train_networks", lambda *a: trained.append(a[2]) or plain(*a))
    study = study_toys(["law", "scaled"], [4, 6], [1.5], seeds=2, steps=5, workers=1, quiet=True)
    assert len(trained) == 2
    assert [cell.configuration for cell in study.cells] == ["law", "law", "scaled", "scaled"]
    np.testing.assert_array_equal(study.cells[0].isolation, study.cells[2].isolation)
    assert study.cells[2].recipe.readout_width == 16


def test_ctrl_c_stops_at_the_next_step(monkeypatch):
    outlived = []

    def endless(networks, seed, recipe, advance):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(10_000):
            advance()
            time.sleep(1e-3)
        outlived.append(networks)

    monkeypatch.setattr("rosettalaw.sims.toy_study.train_networks", endless)
    with pytest.raises(KeyboardInterrupt):
        study_toys(["law"], [4], [1.5], seeds=2, workers=1, quiet=True)
    assert not outlived


def test_a_study_goes_on_where_it_was_and_its_bits_do_not_depend_on_workers(tmp_path, monkeypatch):
    arguments = {"neurons": [4, 6], "beta": [1.5, 2], "seeds": 2, "steps": 30, "quiet": True}
    plain = study_toys(["law"], **arguments, workers=1)
    study = study_toys(["law"], **arguments, workers=3, cache=tmp_path)
    assert len(list(tmp_path.glob("toy-*.npz"))) == 8
    with monkeypatch.context() as patch:
        patch.setattr("rosettalaw.sims.toy_study.train_networks", None)  # nothing is trained again
        again = study_toys(["law"], **arguments, cache=tmp_path)
    for one, two, three in zip(plain.cells, study.cells, again.cells, strict=True):
        np.testing.assert_array_equal(one.isolation, two.isolation)
        np.testing.assert_array_equal(one.isolation, three.isolation)
    damaged = next(tmp_path.glob("toy-*.npz"))
    whole = damaged.read_bytes()
    damaged.write_bytes(b"nothing")
    mended = study_toys(["law"], **arguments, cache=tmp_path)
    for one, two in zip(plain.cells, mended.cells, strict=True):
        np.testing.assert_array_equal(one.isolation, two.isolation)
    assert np.array_equal(np.load(io.BytesIO(whole))["encoder"], np.load(damaged)["encoder"])


def test_networks_of_older_caches_are_still_found(tmp_path):
    """The names of two files as they were when recipes had another class name."""
    wide = CONFIGURATIONS["scaled"].recipe
    names = {
        "toy-1647a12286441ed5655b.npz": (2026, ToyRecipe(), Network(8, 1.5, 0)),
        "toy-d3d17a8398c2fe185ea9.npz": (7, wide, Network(256, 1.2, 3)),
    }
    for name, key in names.items():
        assert toy_study._file(tmp_path, *key) == tmp_path / name
