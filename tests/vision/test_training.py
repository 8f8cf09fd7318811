"""Models trained here: the stacked network against transformers, objectives against their definitions, checkpoints."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rosettalaw.empirical.checkpoints import hub
from rosettalaw.empirical.vision.families import batched_vit as stacked
from rosettalaw.empirical.vision.families.generation import effective_dimension, generate, unpatched
from rosettalaw.empirical.vision.families.objectives import OBJECTIVES, TEMPERATURE, head
from rosettalaw.empirical.vision.families.photographs import Crops
from rosettalaw.empirical.vision.families.training import Job, Recipe, learning_rate, train
from rosettalaw.empirical.vision.source import open_reader
from rosettalaw.empirical.vision.train_ladder import Pairing, VisionLadder
from rosettalaw.errors import InputError, RosettaError, UnknownNameError


@pytest.fixture(scope="module")
def crops():
    """Crops of four pictures with waves of their own, and some noise."""
    rng = np.random.default_rng(0)

    def wave(kind, height, width):
        y, x = np.mgrid[:height, :width]
        waves = np.sqrt(1.5) * np.sin((0.4 + 0.3 * kind) * (x if kind % 2 else y))
        return waves[..., None] + 0.5 * rng.standard_normal((height, width, 3))

    return Crops([[wave(kind, 60, 90), wave(kind, 40, 60)] for kind in range(4)], "train")


def job(objective, root, **changes):
    recipe = dataclasses.replace(Recipe(steps=3, batch=8, layers=1), **changes)
    return Job(objective, 16, recipe, "sha", root)


@pytest.mark.parametrize("width", [16, 32])
def test_the_stacked_network_is_the_one_of_transformers(width):
    config = stacked.configuration(width, 2)
    weights = stacked.initial(config, [5, 6])
    images = torch.randn(2, 3, 32, 32, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = stacked.encode(weights, config, stacked.patches(images))
        for seed, number in ((5, 0), (6, 1)):
            model = hub.untrained_model(config, seed)
            theirs = model(pixel_values=images[number].permute(0, 3, 1, 2)).last_hidden_state
            torch.testing.assert_close(ours[number], theirs, rtol=1e-4, atol=1e-5)
    assert not torch.equal(ours[0], ours[1])


def test_patches_go_back_to_where_they_came_from():
    images = torch.randn(3, 32, 32, 3)
    rows = stacked.patches(images)
    assert rows.shape == (3, 16, 192)
    torch.testing.assert_close(unpatched(rows), images)
    # patch 6 is row 1, column 2; its first 64 numbers are the first colour
    torch.testing.assert_close(rows[0, 6, :64], images[0, 8:16, 16:24, 0].flatten())


def trained_weights(objective, crops):
    config = stacked.configuration(16, 1)
    weights = stacked.initial(config, [0, 1])
    outputs = OBJECTIVES[objective].outputs(crops)
    weights["head.weight"] = torch.randn(2, outputs, 16, generator=torch.Generator().manual_seed(1))
    weights["head.bias"] = torch.randn(2, outputs, generator=torch.Generator().manual_seed(2))
    return config, weights


def drawn(objective, crops, number=6):
    rngs = [np.random.default_rng(seed) for seed in (3, 4)]
    batches = [OBJECTIVES[objective].batch(crops, rng, number) for rng in rngs]
    return {name: torch.from_numpy(np.stack([batch[name] for batch in batches])) for name in batches[0]}


def features(config, weights, images):
    return stacked.encode(weights, config, stacked.patches(images))


def test_denoising_is_the_squared_error_of_the_centred_crop(crops):
    config, weights = trained_weights("denoising", crops)
    batch = drawn("denoising", crops)
    loss = OBJECTIVES["denoising"].loss(weights, config, batch)
    for seed in range(2):
        made = features(config, weights, batch["noisy"])[seed] @ weights["head.weight"][seed].T
        made = unpatched(made + weights["head.bias"][seed]).numpy().astype(float)
        clean = batch["clean"][seed].numpy().astype(float)
        expected = np.mean((made - (clean - clean.mean((1, 2, 3), keepdims=True))) ** 2)
        assert loss[seed].item() == pytest.approx(expected, rel=1e-4)


def test_noise_keeps_the_variance_of_white_crops(crops):
    batch = OBJECTIVES["denoising"].batch(crops, np.random.default_rng(0), 400)
    variance = batch["noisy"].var((1, 2, 3))
    assert variance.mean() == pytest.approx(1, abs=0.05)
    mix = (batch["noisy"] * batch["clean"]).mean((1, 2, 3))  # cos θ: 0 … 1, mean 2/π
    assert mix.mean() == pytest.approx(2 / np.pi, abs=0.05)


def test_supervised_is_the_cross_entropy_of_the_photograph(crops):
    config, weights = trained_weights("supervised", crops)
    batch = drawn("supervised", crops)
    loss = OBJECTIVES["supervised"].loss(weights, config, batch)
    for seed in range(2):
        pooled = features(config, weights, batch["images"])[seed].mean(1)
        scores = pooled @ weights["head.weight"][seed].T + weights["head.bias"][seed]
        assert loss[seed].item() == pytest.approx(F.cross_entropy(scores, batch["labels"][seed]).item(), rel=1e-4)


def test_contrastive_finds_the_other_view(crops):
    config, weights = trained_weights("contrastive", crops)
    batch = drawn("contrastive", crops)
    loss = OBJECTIVES["contrastive"].loss(weights, config, batch)
    for seed in range(2):
        pooled = features(config, weights, batch["images"])[seed].mean(1)
        seen = (pooled @ weights["head.weight"][seed].T + weights["head.bias"][seed]).double().numpy()
        seen /= np.linalg.norm(seen, axis=1, keepdims=True)
        expected = []
        for one, other in ((seen[:3], seen[3:]), (seen[3:], seen[:3])):
            for i in range(3):
                scores = other @ one[i] / TEMPERATURE
                expected.append(np.log(np.exp(scores).sum()) - scores[i])
        assert loss[seed].item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_views_lie_near_each_other(crops):
    rng = np.random.default_rng(0)
    places = crops.draw(rng, 200)
    near = crops.nearby(places, rng, 5)
    assert np.abs(near.top - places.top).max() <= 5
    assert np.abs(near.left - places.left).max() <= 5
    assert (near.top != places.top).any()
    assert near.top.min() >= 0


def test_the_head_is_a_linear_map_of_every_seed():
    weights = {"head.weight": torch.randn(2, 3, 4), "head.bias": torch.randn(2, 3)}
    x = torch.randn(2, 5, 6, 4)
    torch.testing.assert_close(head(weights, x)[1], F.linear(x[1], weights["head.weight"][1], weights["head.bias"][1]))


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_training_lowers_the_loss_and_can_be_repeated_to_the_bit(objective, crops, tmp_path):
    from safetensors.numpy import load_file

    first, again = job(objective, tmp_path / "a"), job(objective, tmp_path / "b")
    assert not first.finished
    train(first, crops)
    assert first.finished
    train(again, crops)
    states = [load_file(one.folder(2) / "model.safetensors") for one in (first, again)]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
    long = train(job(objective, tmp_path / "c", steps=30), crops)
    short = train(job(objective, tmp_path / "d", steps=5), crops)
    assert long.mean() < 0.97 * short.mean()


def test_a_seed_does_not_depend_on_the_seeds_beside_it(crops, tmp_path):
    together, alone = job("denoising", tmp_path / "a"), job("denoising", tmp_path / "b", seeds=(1,))
    losses = train(together, crops), train(alone, crops)
    assert losses[0][1] == pytest.approx(losses[1][0], rel=1e-4)


def test_a_stopped_training_leaves_nothing(crops, tmp_path):
    stopped = job("supervised", tmp_path)
    assert np.isnan(train(stopped, crops, lambda step: step < 2)).all()
    assert not stopped.finished
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_opens_as_any_other(crops, tmp_path):
    done = job("denoising", tmp_path)
    train(done, crops)
    reader = open_reader(done.folder(1))
    assert len(reader.projections) == 1
    made = generate(done.folder(1), 5, seed=3)
    assert len(made.images) == 5
    pixels = np.stack([made.images[i] for i in range(5)])
    assert pixels.std() == pytest.approx(1, abs=1e-3)
    assert made.contrast > 0
    again = generate(done.folder(1), 5, seed=3)
    np.testing.assert_array_equal(pixels[2], again.images[2])
    with pytest.raises(RosettaError, match=r"has no head\.safetensors"):
        generate(tmp_path, 1)


def test_only_a_denoiser_makes_pictures(crops, tmp_path):
    done = job("supervised", tmp_path)
    train(done, crops)
    with pytest.raises(RosettaError, match="gives 4 numbers per patch; an image needs 192"):
        generate(done.folder(0), 1)


def test_the_learning_rate_warms_up_to_its_peak_and_falls_to_zero():
    recipe = Recipe(steps=100)
    rates = [learning_rate(recipe, 16, step) for step in range(100)]
    assert max(rates) == pytest.approx(3e-3 * 2)  # (64/16)^½
    assert np.argmax(rates) in (4, 5)
    assert rates[0] == pytest.approx(max(rates) / 5)
    assert rates[-1] < 0.01 * max(rates)


def test_effective_dimension_counts_equal_directions():
    rng = np.random.default_rng(0)
    white = rng.standard_normal((4000, 32, 32, 3), dtype=np.float32)
    assert effective_dimension(white) == pytest.approx(192, rel=0.02)
    flat = np.broadcast_to(rng.standard_normal((500, 1, 1, 1)), (500, 32, 32, 3))
    assert effective_dimension(flat) == pytest.approx(1, abs=1e-3)


def test_pairings_and_ladders():
    assert Pairing("denoising", "denoising").seeds((0, 1, 2)) == [(0, 1), (1, 2), (2, 0)]
    assert Pairing("denoising", "supervised").seeds((0, 1, 2)) == [(0, 0), (1, 1), (2, 2)]
    assert "two seeds of one objective" in Pairing("denoising", "denoising").title
    assert "generative × discriminative" in Pairing("denoising", "contrastive").title
    with pytest.raises(UnknownNameError, match=r"unknown objective 'denoise': did you mean denoising\?"):
        Pairing("denoise", "supervised")
    with pytest.raises(InputError, match=r"seeds = \(0, 1\): a rung needs at least three"):
        VisionLadder(recipe=Recipe(seeds=(0, 1)))
