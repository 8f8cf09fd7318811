"""Ladders with seeds: components against an analysis of variance, coverage, lack of fit, replication of pairs."""

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rosettalaw.errors import InputError
from rosettalaw.validation import analyse_seeds, anchored_count, closing_triangles, recurring
from rosettalaw.validation.seeds.components import estimate_components
from rosettalaw.validation.seeds.study import SIZES, coverage, draw_table
from rosettalaw.validation.seeds.table import read_seeds

COVERAGE = Path(__file__).parents[1] / "data/crossed_coverage.csv"


def table(counts, sizes=(128, 256, 512)):
    """Columns of counts, shape (sizes, seeds of A, seeds of B)."""
    size, a, b = np.indices(np.shape(counts)).reshape(3, -1)
    return pd.DataFrame({"neurons": np.array(sizes)[size], "seed_a": a, "seed_b": b, "count": np.ravel(counts)})


def test_components_are_those_of_a_two_way_analysis_of_variance():
    """Balanced 3 × 3: mean squares by plain averages of the log counts, pooled over sizes."""
    rng = np.random.default_rng(0)
    log = rng.normal(0, 0.1, (3, 3, 1)) + rng.normal(0, 0.4, (3, 1, 3)) + rng.normal(0, 0.1, (3, 3, 3)) + 4
    rows = log.mean(axis=2, keepdims=True)
    columns = log.mean(axis=1, keepdims=True)
    mean = log.mean(axis=(1, 2), keepdims=True)
    ms_a, ms_b = 3 * np.sum((rows - mean) ** 2) / 6, 3 * np.sum((columns - mean) ** 2) / 6
    ms_ab = np.sum((log - rows - columns + mean) ** 2) / 12
    components, means = estimate_components(read_seeds(table(np.exp(log))))
    assert components.pair == pytest.approx(ms_ab)
    assert components.b == pytest.approx((ms_b - ms_ab) / 3)
    assert components.a == pytest.approx(max((ms_a - ms_ab) / 3, 0))
    assert means.log_count == pytest.approx(mean.ravel())


def test_components_are_unbiased_where_seeds_differ_in_number():
    """Sizes of 2 × 4, 4 × 2 and 3 × 3 pairs: mean components over 150 tables are the planted ones."""
    rng, shapes = np.random.default_rng(1), [(2, 4), (4, 2), (3, 3), (5, 5)]
    found = []
    for _ in range(150):
        parts = []
        for size, (k_a, k_b) in zip((100, 200, 400, 800), shapes, strict=True):
            log = 3 + rng.normal(0, 0.3, (k_a, 1)) + rng.normal(0, 0.2, k_b) + rng.normal(0, 0.25, (k_a, k_b))
            parts.append(table(np.exp(log)[None], [size]))
        components, _ = estimate_components(read_seeds(pd.concat(parts)))
        found.append((components.a, components.b, components.pair))
    assert np.mean(found, axis=0) == pytest.approx([0.09, 0.04, 0.0625], rel=0.15)


def test_the_interval_is_made_of_its_parts():
    rng = np.random.default_rng(2)
    fit = analyse_seeds(draw_table(rng, SIZES, 3, (0.1, 0.1, 0.1), text=0.07))
    assert np.sqrt(sum(part**2 for part in fit.parts.values())) == pytest.approx(fit.half_width)
    assert fit.parts["text"] > 0.3 * fit.parts["seeds"]
    assert set(fit.parts) == {"seeds", "text", "lack of fit"}
    assert fit.clustered_se == pytest.approx(fit.se, rel=0.6)
    assert fit.pairs == 54
    assert "over 54 pairs of networks at 6 sizes" in fit.sentence()


def test_the_exponent_is_least_squares_where_all_is_balanced():
    rng = np.random.default_rng(3)
    drawn = draw_table(rng, SIZES, 2, (0.1, 0.1, 0.1))
    assert analyse_seeds(drawn).exponent == pytest.approx(np.polyfit(np.log(drawn.neurons), np.log(drawn.counts), 1)[0])


def test_one_seed_a_size_gives_students_interval():
    rng = np.random.default_rng(4)
    drawn = draw_table(rng, SIZES, 1, (0.1, 0.1, 0.1))
    line = stats.linregress(np.log(drawn.neurons), np.log(drawn.counts))
    fit = analyse_seeds(drawn)
    assert fit.half_width == pytest.approx(stats.t.ppf(0.975, 4) * line.stderr)
    assert np.isnan(fit.fit_p)
    assert "one seed per size" in fit.sentence()


def test_a_bent_line_is_seen_by_pure_error():
    x = np.log(SIZES / 300)
    rng = np.random.default_rng(5)
    log = 4 + 0.7 * x - 0.25 * x**2
    counts = np.exp(log[:, None, None] + rng.normal(0, 0.03, (6, 3, 3)))
    fit = analyse_seeds(table(counts, SIZES))
    assert fit.fit_p < 1e-3
    assert fit.parts["lack of fit"] > fit.parts["seeds"]
    assert fit.freedom == 4
    assert "does not fit" in fit.sentence()


def test_pairs_that_share_no_seed_are_independent_repeats():
    rng = np.random.default_rng(6)
    log = 3 + 0.7 * np.log(SIZES)[:, None] + rng.normal(0, 0.2, (6, 4))
    rows = pd.DataFrame(
        [(n, k, k, np.exp(log[i, k])) for i, n in enumerate(SIZES) for k in range(4)],
        columns=["neurons", "seed_a", "seed_b", "count"],
    )
    components, means = estimate_components(read_seeds(rows))
    assert components.sd**2 == pytest.approx(log.var(axis=1, ddof=1).mean())
    assert components.variance(means.seeds_a, means.seeds_b, means.crossed) == pytest.approx(components.sd**2 / 4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop(index=0), "lacks 1 of the 4 pairs of its 2 × 2 seeds"),
        (lambda rows: pd.concat([rows, rows[:1]]), "a pair of seeds that occurs twice"),
        (lambda rows: rows.assign(count=0), "must be a count above 0"),
        (lambda rows: rows.drop(columns="seed_b"), "must have a column seed_b"),
        (lambda rows: rows[rows["neurons"] < 500], "must be at least three"),
        (lambda rows: rows.assign(neurons="many"), "must be a number of neurons"),
    ],
)
def test_bad_tables_give_one_message(change, words):
    with pytest.raises(InputError, match=words):
        analyse_seeds(change(table(np.full((3, 2, 2), 20.0))))


def test_a_csv_file_and_columns_are_read_alike(tmp_path):
    rows = table(np.exp(np.random.default_rng(7).normal(3, 0.2, (3, 2, 2)))).assign(text_sd=0.05)
    rows.to_csv(tmp_path / "seeds.csv", index=False)
    assert analyse_seeds(tmp_path / "seeds.csv").exponent_ci95 == pytest.approx(analyse_seeds(rows).exponent_ci95)


def test_the_kept_table_covers_as_it_says():
    """400 ladders a row; in rows without a misfit that seeds cannot show, 92 to 98% of intervals hold the truth."""
    with COVERAGE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    honest = [float(row["coverage"]) for row in rows if float(row["misfit_sd"]) == 0]
    assert len(honest) == 24
    assert min(honest) >= 0.92
    assert max(honest) <= 0.98
    assert min(float(row["coverage"]) for row in rows) > 0.9
    halves = [float(r["half_width"]) for r in rows if r["components"] == "even" and r["text_sd"] == "0.0"]
    assert all(later < earlier for earlier, later in pairwise(halves))


def test_coverage_of_a_few_ladders():
    covered, half, _ = coverage(3, (0.1, 0.1, 0.1), 0.0, 0.0, 60, 8)
    assert covered >= 0.87  # two standard deviations below 95%
    assert half == pytest.approx(0.148, rel=0.15)


def test_anchored_neurons_and_their_chance_by_enumeration():
    """Chance of at least two of three: p1p2 + p1p3 + p2p3 − 2 p1p2p3."""
    found = anchored_count([[0, 1, 2, 5], [1, 2, 7], [2, 5, 8, 9, 11]], neurons=20)
    assert found.members.tolist() == [1, 2, 5]
    assert found.of == 8
    p = np.array([4, 3, 5]) / 20
    assert found.expected == pytest.approx(20 * (p[0] * p[1] + p[0] * p[2] + p[1] * p[2] - 2 * p.prod()))
    assert anchored_count([np.arange(50), np.arange(50)], 500).p < 1e-20
    with pytest.raises(InputError, match="different whole numbers from 0 to 19"):
        anchored_count([[0, 0], [1]], neurons=20)
    with pytest.raises(InputError, match="from 2 to the number of seeds"):
        anchored_count([[0]], neurons=20)


def test_triangles_close_by_chance_as_often_as_random_matchings_do():
    rng, n, pairs = np.random.default_rng(9), 40, 20

    def matching():
        return np.stack([rng.choice(n, pairs, replace=False), rng.choice(n, pairs, replace=False)], axis=1)

    trials = [closing_triangles(matching(), matching(), matching()) for _ in range(1500)]
    counts, expected = [one.count for one in trials], [one.expected for one in trials]
    assert np.mean(counts) == pytest.approx(np.mean(expected), abs=4 * np.std(counts) / np.sqrt(1500))
    same = np.stack([np.arange(20), np.arange(20)], axis=1)
    closed = closing_triangles(same, same, same[:10])
    assert (closed.count, closed.of) == (10, 10)
    assert closed.members[0].tolist() == [0, 0, 0]
    assert closed.p < 1e-4
    with pytest.raises(InputError, match="each neuron at most once"):
        closing_triangles([[0, 1], [0, 2]], same, same)


def test_neurons_that_recur_in_three_models():
    groups = recurring({("A", "B"): [[1, 2], [3, 4]], ("B", "C"): [[2, 7], [4, 8]], ("A", "C"): [[1, 7], [3, 9]]})
    assert groups == [{"A": 1, "B": 2, "C": 7}]
