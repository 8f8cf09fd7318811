"""How often unrelated models have calibrated pairs: the table kept, its bound, and some of its rows again."""

import csv

import pytest
from scipy import stats

from tests.matching.unrelated import RUNS, SETTINGS, TABLE, Setting, false_pairs


def rows():
    with TABLE.open(encoding="utf-8") as file:
        yield from csv.DictReader(line for line in file if not line.startswith("#"))


def test_at_most_five_percent_of_unrelated_models_have_a_calibrated_pair():
    """Within binomial error in each setting, and over all of them."""
    table = list(rows())
    settings = [(float(row["time"]), float(row["share"]), int(row["documents"]), row["hubs"] == "1") for row in table]
    assert settings == [(one.time, one.share, one.documents, one.hubs) for one in SETTINGS]
    for row in table:
        assert int(row["runs"]) == RUNS
        assert stats.binom.sf(int(row["runs_with_pairs"]) - 1, RUNS, 0.05) > 0.01, row
    assert sum(int(row["runs_with_pairs"]) for row in table) <= 0.05 * RUNS * len(table)


@pytest.mark.parametrize("setting", [Setting(300, 1.0), Setting(share=0.5, documents=22), Setting(30, 0.5, hubs=True)])
def test_smaller_models_of_the_table_have_none(setting):
    assert [false_pairs(setting, seed, 64, 4000) for seed in range(8)].count(0) >= 7


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(SETTINGS)))
def test_the_table_is_what_comes_out(place):
    row = list(rows())[place]
    passed = sum(false_pairs(SETTINGS[place], seed) > 0 for seed in range(RUNS))
    assert passed == pytest.approx(int(row["runs_with_pairs"]), abs=1)  # other processors round otherwise
