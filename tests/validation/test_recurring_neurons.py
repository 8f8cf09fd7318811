"""Neurons that recur in three or more networks: families planted by hand, and closed ones of random matchings."""

import csv
import itertools
import math

import numpy as np
import pandas as pd
import pytest

from rosettalaw.empirical.several.recurrence import Edges
from rosettalaw.empirical.viewer.offline_page import _recurs
from rosettalaw.errors import InputError
from rosettalaw.interface.ladder_result import LadderResult
from rosettalaw.results import dataset
from rosettalaw.validation.reporting.recurring import recurring_table
from rosettalaw.validation.seeds.recurring_neurons import closed_by_chance, recurring_neurons

KEYS = list(itertools.product((0, 1), (0, 1)))  # seeds of A and of B
PLANTED = {  # a square; a chain with two neurons of one network; a pair alone; both seeds of a partner; an open square
    (0, 0): [(0, 10), (1, 11), (2, 12), (3, 13), (4, 14)],
    (0, 1): [(0, 20), (1, 21), (3, 23), (4, 24)],
    (1, 0): [(30, 10), (31, 11), (34, 14)],
    (1, 1): [(30, 20), (32, 21)],
}


def ladder(matchings, sizes=(64,), keys=KEYS, strong=0.8):
    """A ladder whose every size has these matchings; layers of 32 neurons."""
    pairs = [np.asarray(matchings[key]) for key in keys] * len(sizes)
    every = np.concatenate(pairs)
    variables = {
        "neurons": ("rung", np.repeat(np.array(sizes, dtype=float), len(keys))),
        "seed_a": ("rung", [a for a, _ in keys] * len(sizes)),
        "seed_b": ("rung", [b for _, b in keys] * len(sizes)),
        "threshold": ("rung", np.full(len(pairs), strong)),
        "correlation": ("pair", np.full(len(every), strong)),
        "pair_rung": ("pair", np.repeat(np.arange(len(pairs)), [len(one) for one in pairs])),
    }
    for side, units in zip("ab", every.T, strict=True):
        variables |= {
            f"unit_{side}": ("pair", units),
            f"layer_{side}": ("pair", units // 32),
            f"layer_unit_{side}": ("pair", units % 32),
        }
    return dataset("ladder", variables, {}, families=["gpt2", "neox"])


def test_families_planted_by_hand():
    table = recurring_neurons(ladder(PLANTED), 0.5)
    square, chain, still_open, anchored = table.rows
    networks = ["gpt2 seed 0", "gpt2 seed 1", "neox seed 0", "neox seed 1"]
    assert table.networks == networks
    assert [square[name] for name in networks] == ["0:0", "0:30", "0:10", "0:20"]
    assert [chain[name] for name in networks] == ["0:1", "0:31, 1:0", "0:11", "0:21"]
    assert [still_open[name] for name in networks] == ["0:4", "1:2", "0:14", "0:24"]
    assert [anchored[name] for name in networks] == ["0:3", "", "0:13", "0:23"]
    assert [row["closed"] for row in table.rows] == [True, False, False, False]
    assert [(one["networks"], one["families"], one["closed"]) for one in table.counts] == [(4, 3, 1), (3, 1, 0)]
    # 64⁴ choices of a neuron of each, each of the four pairs with probability c/64²
    assert table.counts[0]["closed_by_chance"] == pytest.approx(5 * 4 * 3 * 2 / 64**4)


def test_pairs_below_the_correlation_do_not_join():
    whole = ladder(PLANTED)
    weak = whole.assign(correlation=whole["correlation"].where(whole["unit_a"] != 30, 0.4))
    assert [row["networks"] for row in recurring_neurons(weak, 0.5).rows] == [4, 4, 3, 3]
    assert recurring_neurons(whole, 0.9).rows == []


def test_random_matchings_close_as_often_as_the_formula_says():
    rng, n, pairs = np.random.default_rng(0), 6, 5
    closed, expected = 0.0, 0.0
    for _ in range(3000):
        edges = [
            Edges(a, 2 + b, rng.permutation(n)[:pairs], rng.permutation(n)[:pairs], np.ones(pairs)) for a, b in KEYS
        ]
        partners = [dict(zip(one.unit_a.tolist(), one.unit_b.tolist(), strict=True)) for one in edges]
        closed += sum(
            partners[2].get(c) == b and d is not None and partners[3].get(c) == d
            for a, b in partners[0].items()
            for d in [partners[1].get(a)]
            for c in range(n)
        )
        expected += closed_by_chance([n] * 4, edges, 2, 4)
    assert closed == pytest.approx(expected, abs=4 * math.sqrt(expected))


def test_stars_cannot_close_and_three_by_three_is_counted_over_all_choices():
    edges = [Edges(a, 3 + b, *np.zeros((2, 4), int), np.ones(4)) for a in range(3) for b in range(3)]
    assert closed_by_chance([10] * 6, edges, 3, 3) == 0
    assert closed_by_chance([10] * 6, edges, 3, 4) == pytest.approx(9 * 10**4 * 0.04**4)  # 3 · 3 choices of two and two
    assert closed_by_chance([10] * 6, edges, 3, 5) == pytest.approx(6 * 10**5 * 0.04**6)


def test_the_table_is_a_csv_file(tmp_path):
    table = recurring_neurons(ladder(PLANTED, sizes=(64, 128)), 0.5)
    with table.write(tmp_path / "recurring.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["neurons"]) for row in rows] == [64] * 4 + [128] * 4
    assert rows[5]["gpt2 seed 1"] == "0:31, 1:0"
    assert len(table.largest(2)) == 2
    assert {row["neurons"] for row in table.largest()} == {128}


def test_a_result_has_the_table_in_python():
    frame = LadderResult(ladder(PLANTED)).recurring(0.5)
    assert isinstance(frame, pd.DataFrame)
    assert frame["networks"].tolist() == [4, 4, 4, 3]
    assert frame["neox seed 1"].tolist() == ["0:20", "0:21", "0:24", "0:23"]
    assert len(LadderResult(ladder(PLANTED)).recurring(0.9)) == 0
    with pytest.raises(InputError, match="must have two or more seeds of both families"):
        LadderResult(ladder(PLANTED, keys=[(0, 0)])).recurring(0.5)
    with pytest.raises(InputError, match="must be a correlation from 0 to 1"):
        LadderResult(ladder(PLANTED)).recurring(1.5)


def test_the_page_has_counts_and_the_first_rows():
    shown = recurring_table(ladder(PLANTED), 0.5)
    assert shown.counts[0]["families"] == 3
    assert shown.rows[0]["neurons"] == ["0:0", "0:30", "0:10", "0:20"]
    assert recurring_table(ladder(PLANTED, keys=[(0, 0)]), 0.5) is None


def test_the_viewer_does_not_know_where_no_further_network_was_matched():
    """Seeds that meet one by one say nothing of a pair's recurrence; crossed ones do."""
    crossed = ladder(PLANTED)
    here = crossed.isel(rung=3, pair=np.flatnonzero(crossed["pair_rung"].values == 3))
    assert _recurs(crossed, here, np.arange(2)).tolist() == [2, 1]  # 30–20 with a0 and b0; 32–21 with a0
    one_by_one = ladder(PLANTED, keys=[(0, 0), (1, 1)])
    here = one_by_one.isel(rung=1, pair=np.flatnonzero(one_by_one["pair_rung"].values == 1))
    assert np.isnan(_recurs(one_by_one, here, np.arange(2))).all()
