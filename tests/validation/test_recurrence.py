"""Recurrence in a ladder with seeds: planted pairs counted by hand, and independent matchings that recur by chance."""

import itertools

import numpy as np
import pytest

from rosettalaw.results import dataset
from rosettalaw.validation.seeds.recurrence import recurrence


def ladder(matchings, sizes, strong=0.8):
    """A ladder of two seeds per family: `matchings` of (size, seed_a, seed_b) to pairs of neurons."""
    keys = list(itertools.product(sizes, (0, 1), (0, 1)))
    pairs = [np.asarray(matchings[key]).reshape(-1, 2) for key in keys]
    every = np.concatenate(pairs)
    neurons, seed_a, seed_b = (np.array(column) for column in zip(*keys, strict=True))
    variables = {
        "neurons": ("rung", neurons.astype(float)),
        "seed_a": ("rung", seed_a),
        "seed_b": ("rung", seed_b),
        "unit_a": ("pair", every[:, 0]),
        "unit_b": ("pair", every[:, 1]),
        "correlation": ("pair", np.full(len(every), strong)),
        "pair_rung": ("pair", np.repeat(np.arange(len(keys)), [len(one) for one in pairs])),
    }
    return dataset("ladder", variables, {})


def test_a_case_counted_by_hand():
    # a₁: 0 with both seeds, 1 with one; b₁–a₂ and b₂–a₂ close the square of 0–0–5–7, and that of 1–1 does not go on.
    matchings = {
        (32, 0, 0): [(0, 0), (1, 1)],
        (32, 1, 0): [(5, 0)],
        (32, 0, 1): [(0, 7), (2, 8)],
        (32, 1, 1): [(5, 7), (6, 8)],
    }
    got = recurrence(ladder(matchings, [32]), 0.5)
    # networks: A seed 0 has neuron 0, A seed 1 neuron 5, B seed 0 neuron 0, B seed 1 neurons 7 and 8
    assert got.anchored.tolist() == [(1 + 1 + 1 + 2) / 4]
    assert got.pairs.tolist() == [7 / 4]
    assert (got.squares.tolist(), got.closed.tolist()) == ([1], [1])
    # a₂ is met as 5, b₂ as 7 and 8; one pair of the last matching lies between them
    assert got.closed_by_chance.tolist() == [1 / 2]


def test_weaker_pairs_are_not_counted():
    matchings = {(32, a, b): [(0, 0)] for a in (0, 1) for b in (0, 1)}
    assert recurrence(ladder(matchings, [32], strong=0.4), 0.5).anchored.tolist() == [0]


def test_independent_matchings_recur_as_often_as_chance_says():
    rng = np.random.default_rng(0)
    sums = np.zeros(4)
    for _ in range(400):
        matchings = {
            (40, a, b): np.stack([rng.permutation(40)[:32], rng.permutation(40)[:32]], axis=1)
            for a in (0, 1)
            for b in (0, 1)
        }
        got = recurrence(ladder(matchings, [40]), 0.5)
        sums += [got.anchored[0], got.by_chance[0], got.closed[0], got.closed_by_chance[0]]
    assert sums[0] == pytest.approx(sums[1], rel=0.03)
    assert sums[2] == pytest.approx(sums[3], rel=0.15)


def test_one_seed_of_a_family_has_nothing_that_recurs():
    matchings = {(32, a, b): [(0, 0)] for a in (0, 1) for b in (0, 1)}
    whole = ladder(matchings, [32])
    assert recurrence(whole.isel(rung=[0, 1], pair=[0, 1]), 0.5) is None
    assert recurrence(whole.drop_vars("seed_a"), 0.5) is None
    assert recurrence(whole, np.nan) is None
