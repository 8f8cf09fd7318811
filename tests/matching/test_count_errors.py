"""A count's standard error and interval, from one text: the table kept, its bounds, and a part of it again."""

import csv

import pytest
from scipy import stats

from tests.matching.texts import SETTINGS, TABLE, TEXTS, Setting, measured


def rows():
    with TABLE.open(encoding="utf-8") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def test_the_standard_error_is_the_spread_over_texts():
    """Within 20% in each setting, and intervals of 95% cover the mean in about as many texts."""
    table = list(rows())
    facts = [
        (int(row["neurons"]), int(row["documents"]), float(row["length"]), row["heavy"] == "1", float(row["share"]))
        for row in table
    ]
    assert facts == [(one.neurons, one.documents, one.length, one.heavy, one.share) for one in SETTINGS]
    for row in table:
        assert int(row["texts"]) == TEXTS
        assert float(row["mean_error"]) == pytest.approx(float(row["spread"]), rel=0.2), row
        # A count of few pairs is a small whole number, and its interval steps with it.
        promised = 0.95 if float(row["mean_count"]) > 10 else 0.85
        assert stats.binom.cdf(int(row["covered"]), TEXTS, promised) > 0.01, row
    covered = sum(int(row["covered"]) for row in table if float(row["mean_count"]) > 10)
    assert covered / (TEXTS * sum(float(row["mean_count"]) > 10 for row in table)) > 0.9


def test_a_part_of_the_table_again():
    _, spread, error, covered = measured(Setting(documents=24, length=30), texts=12, reference=60)
    assert 0.6 < error / spread < 1.6
    assert covered >= 9


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(SETTINGS)))
def test_the_table_is_what_comes_out(place):
    row = list(rows())[place]
    mean, spread, error, covered = measured(SETTINGS[place])
    assert (mean, spread, error) == pytest.approx(
        [float(row[name]) for name in ("mean_count", "spread", "mean_error")], rel=0.01
    )
    assert covered == pytest.approx(int(row["covered"]), abs=1)  # other processors round otherwise
