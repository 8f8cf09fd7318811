"""Attenuation between networks, against planted loadings and factors of pairs, and cases counted by hand."""

import csv
import itertools
import math

import numpy as np
import pytest

from rosettalaw.errors import InputError
from rosettalaw.results import dataset
from rosettalaw.validation import measure_attenuation
from rosettalaw.validation.attenuation.measured import measure_ladder_attenuation, words
from rosettalaw.validation.attenuation.networks import triangles
from tests.tiny_ladder import ladder_text, write_text

NETWORKS = ["a0", "a1", "a2", "b0", "b1", "b2"]
FAMILIES = {name: name[0] for name in NETWORKS}


def planted(features, rng, network_sd, pair_sd, between=1.0, common_sd=0.3):
    """Exact pairs of features: log λ of network and feature, log p of pair and feature; neurons in random order."""
    order = {name: rng.permutation(2 * features)[:features] for name in NETWORKS}
    log_feature = np.log(0.6) / 2 + common_sd * rng.standard_normal(features)
    log_own = {name: log_feature + network_sd * rng.standard_normal(features) for name in NETWORKS}
    pairs = {}
    for a, b in itertools.combinations(NETWORKS, 2):
        factor = 1.0 if a[0] == b[0] else between
        log_rho = log_own[a] + log_own[b] + np.log(factor) + pair_sd * rng.standard_normal(features) - 3
        pairs[a, b] = (order[a], order[b], np.exp(log_rho))
    return pairs


def test_planted_spreads_and_the_factor_between_families_come_back():
    rng = np.random.default_rng(0)
    got = measure_attenuation(planted(4000, rng, 0.1, 0.15, between=0.8), FAMILIES, 1e9)
    assert (got.features, got.cliques) == (4000, 9 * 4000)
    assert got.pair_sd == pytest.approx(0.15, rel=0.04)
    assert got.network_sd == pytest.approx(0.1, rel=0.06)
    assert got.spread == pytest.approx(math.hypot(0.1 * math.sqrt(2), 0.15), rel=0.03)
    assert got.between == pytest.approx(0.8, rel=0.02)


def test_attenuation_of_a_feature_in_all_networks_is_not_seen():
    rng = np.random.default_rng(1)
    got = measure_attenuation(planted(500, rng, 0.0, 0.0, common_sd=0.35), FAMILIES, 1e9)
    assert got.spread < 1e-3
    assert got.between == pytest.approx(1)
    assert got.communality == pytest.approx(0.6 * math.exp(-3), rel=0.15)


def test_intervals_cover():
    rng = np.random.default_rng(2)
    runs = [measure_attenuation(planted(60, rng, 0.1, 0.15, between=0.9), FAMILIES, 1e9) for _ in range(60)]
    truth = math.hypot(0.1 * math.sqrt(2), 0.15)
    assert sum(low <= truth <= high for low, high in (one.spread_ci95 for one in runs)) >= 49
    assert sum(low <= 0.9 <= high for low, high in (one.between_ci95 for one in runs)) >= 49


def test_noise_of_sampling_is_taken_out():
    """Sample correlations of normal neurons with equal loadings have no spread of their own."""
    rng = np.random.default_rng(3)
    features, positions = 400, 400
    signal = rng.standard_normal((features, positions, 1))
    h = math.sqrt(0.6) * signal + math.sqrt(0.4) * rng.standard_normal((features, positions, 6))
    h = h - h.mean(axis=1, keepdims=True)
    h /= np.sqrt(np.sum(h**2, axis=1, keepdims=True))
    rho = np.einsum("fmi,fmj->fij", h, h)
    unit = np.arange(features)
    pairs = {(NETWORKS[i], NETWORKS[j]): (unit, unit, rho[:, i, j]) for i, j in itertools.combinations(range(6), 2)}
    got = measure_attenuation(pairs, FAMILIES, positions)
    raw = np.std(np.log(rho[:, 0, 3]))
    assert raw > 0.03
    assert got.spread < raw / 3
    assert got.communality == pytest.approx(0.6, abs=0.02)


def four(pairs):
    """Four networks, a0, a1 and b0, b1, with pairs of neurons of one correlation each."""
    return {key: tuple(np.array(column) for column in zip(*rows, strict=True)) for key, rows in pairs.items()}


def test_cliques_counted_by_hand():
    rows = {
        ("a0", "a1"): [(0, 5, 0.9), (1, 6, 0.9)],
        ("a0", "b0"): [(0, 2, 0.8), (1, 3, 0.8)],
        ("a0", "b1"): [(0, 7, 0.8), (1, 8, 0.8)],
        ("a1", "b0"): [(5, 2, 0.8), (6, 3, 0.8)],
        ("a1", "b1"): [(5, 7, 0.8), (6, 8, 0.4)],
        ("b0", "b1"): [(2, 7, 0.9), (3, 9, 0.9)],  # the second is no clique: b0's 3 has another partner
    }
    families = {"a0": "a", "a1": "a", "b0": "b", "b1": "b"}
    assert measure_attenuation(four(rows), families, 1e6).features == 1
    crossed = {key: of for key, of in rows.items() if key[0][0] != key[1][0]}
    squares = measure_attenuation(four(crossed), families, 1e6)
    assert squares.features == squares.cliques == 2
    assert measure_attenuation(four(crossed), families, 1e6, rho=0.5).features == 1
    assert math.isnan(squares.spread)


def test_cliques_that_share_a_neuron_are_one_feature():
    rng = np.random.default_rng(4)
    pairs = planted(30, rng, 0.1, 0.1)
    assert measure_attenuation(pairs, FAMILIES, 1e9).features == 30
    assert measure_attenuation(pairs, FAMILIES, 1e9).cliques == 270


def test_a_ladder_with_seeds_gives_its_squares_by_size():
    rng = np.random.default_rng(5)
    sizes, keys, columns = (64, 128), [], []
    for size in sizes:
        pairs = planted(size // 2, rng, 0.1, 0.2)
        for a, b in itertools.product(NETWORKS[:3], NETWORKS[3:]):
            keys.append((size, int(a[1]), int(b[1])))
            columns.append(np.stack([np.asarray(one, dtype=float) for one in pairs[a, b]], axis=1))
    table = np.concatenate(columns)
    variables = {
        "neurons": ("rung", np.array([key[0] for key in keys], dtype=float)),
        "seed_a": ("rung", np.array([key[1] for key in keys])),
        "seed_b": ("rung", np.array([key[2] for key in keys])),
        "effective_positions": ("rung", np.full(len(keys), 1e9)),
        "unit_a": ("pair", table[:, 0].astype(int)),
        "unit_b": ("pair", table[:, 1].astype(int)),
        "correlation": ("pair", table[:, 2]),
        "pair_rung": ("pair", np.repeat(np.arange(len(keys)), [len(one) for one in columns])),
    }
    ladder = dataset("ladder", variables, {})
    got = measure_ladder_attenuation(ladder, 0.0)
    assert [got[size].features for size in sizes] == [32, 64]
    assert got[128].pair_sd == pytest.approx(0.2, rel=0.2)
    assert math.isnan(got[128].between)
    said = words(got)
    assert f"{got[64].spread:.2f}" in said
    assert f"{got[128].spread:.2f}" in said
    assert "96 features" in said
    assert words({}) == words({64: measure_ladder_attenuation(ladder, 0.99)[64]}) == ""
    assert measure_ladder_attenuation(ladder.drop_vars("seed_a"), 0.0) == {}
    assert measure_ladder_attenuation(ladder, float("nan")) == {}


def test_bad_input_is_one_message():
    good = planted(10, np.random.default_rng(6), 0.1, 0.1)
    with pytest.raises(InputError, match="two families of at least two"):
        measure_attenuation(good, {"a0": "a", "b0": "b"}, 1e4)
    with pytest.raises(InputError, match="must also have"):
        measure_attenuation({k: v for k, v in good.items() if k != ("a0", "b0")}, FAMILIES, 1e4)
    with pytest.raises(InputError, match="must name networks of families"):
        measure_attenuation(good | {("a0", "c0"): good["a0", "b0"]}, FAMILIES, 1e4)
    with pytest.raises(InputError, match="must be more than 10"):
        measure_attenuation(good, FAMILIES, 3)
    with pytest.raises(InputError, match="mutual pairs"):
        measure_attenuation(good | {("a0", "b0"): ([1, 1], [2, 3], [0.5, 0.5])}, FAMILIES, 1e4)
    with pytest.raises(InputError, match="of one length"):
        measure_attenuation(good | {("a0", "b0"): ([1, 1], [2], [0.5, 0.5])}, FAMILIES, 1e4)


def test_all_networks_of_a_trained_ladder_are_matched(tmp_path, monkeypatch):
    from rosettalaw.validation.attenuation import networks

    monkeypatch.setenv("ROSETTALAW_CACHE", str(tmp_path / "cache"))
    corpus = tmp_path / "corpus"
    write_text(corpus)
    file = tmp_path / "two_seeds.toml"
    text = ladder_text(corpus, 10_000, widths=(16,))
    file.write_text(text.replace("batch = 4", "batch = 4\ntraining_seed = [0, 1]"), encoding="utf-8")
    table = tmp_path / "networks.csv"
    networks.main([str(file), str(table), "0.2", "--cache", str(tmp_path / "cache")])
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [int(row["neurons"]) for row in rows] == [64]
    (row,) = rows
    assert float(row["across_close"]) <= float(row["across_go_on"])
    assert float(row["within_go_on"]) == 0  # two networks of a family are no three
    assert int(row["features"]) <= int(row["cliques"])
    assert float(row["across_close"]) > 2 * float(row["across_by_chance"]) > 0


def test_triangles_of_hand_made_pairs():
    families = {"a0": "a", "a1": "a", "b0": "b"}
    rows = {
        ("a0", "a1"): [(0, 5, 0.9), (1, 6, 0.9)],
        ("a0", "b0"): [(0, 2, 0.8), (1, 3, 0.8)],
        ("a1", "b0"): [(5, 2, 0.8), (6, 4, 0.8)],
    }
    got = triangles(four(rows), families)
    assert (got["across_go_on"], got["across_close"]) == (2, 1)
    assert got["across_by_chance"] == 2 * 1 / (2 * 2)  # one neuron of b0 is in both of its matchings, two in each
    assert got["within_go_on"] == 0
