"""Sentences about single matchings and about neurons that recur: true of planted counts."""

import numpy as np
import pytest

from rosettalaw.errors import ForeignFileError
from rosettalaw.paper_figs import calibration
from rosettalaw.paper_figs.results_folder import Results
from rosettalaw.results import dataset
from rosettalaw.validation.reporting.of_matchings import of_pairs, of_recurrence

MODELS = {"model_a": "one", "model_b": "other"}
SIZES = {"neurons_a": 1200.0, "neurons_b": 900.0, "positions": 5000, "raw_count": 460}


def pairs(facts=MODELS, **further):
    return dataset("pairs", SIZES | further, **facts)


def test_counts_and_nulls_of_one_matching():
    counts = {"calibrated_count": 200, "threshold": 0.3125, "stable_count": 180, "calibrated_count_se": 12.5}
    assert of_pairs(pairs(**counts, permuted_raw=520.0, shifted_raw=511.0), "x.nc") == [
        "one (1,200 neurons) was matched with other (900 neurons) at 5,000 positions.",
        "200 of 460 mutual pairs (standard error 12) reach a correlation that few null pairs reach, ρ* = 0.312. "
        "180 of them are stable.",
        "Pairs without a threshold in a draw of a null: 520 with the permuted null and 511 with the shifted null.",
    ]


def test_large_counts_are_written_out():
    counts = {"calibrated_count": 8610, "threshold": 0.3125, "calibrated_count_se": 145.0}
    said = of_pairs(pairs(**counts, raw_count=12_400, shifted_raw=12_345.7), "x.nc")
    assert said[1].startswith("8,610 of 12,400 mutual pairs (standard error 145)")
    assert said[2].endswith(": 12,346 with the shifted null.")


def test_without_a_null_nothing_is_calibrated():
    said = of_pairs(pairs(), "x.nc")
    assert said[1:] == ["460 pairs are mutual. No null was drawn, so chance may explain all of them."]


def test_no_pair_beyond_the_nulls():
    nothing = pairs(calibrated_count=0, threshold=np.nan, stable_count=0)
    assert of_pairs(nothing, "x.nc")[1] == (
        "None of the 460 mutual pairs reaches a correlation that few null pairs reach."
    )


def test_the_status_is_said():
    assert of_pairs(pairs(MODELS | {"status": "too few draws"}), "x.nc")[-1] == "Status: too few draws."


def test_results_of_others_without_names_or_sizes_say_less():
    assert of_pairs(dataset("pairs", {"raw_count": 5}), "x.nc") == [
        "5 pairs are mutual. No null was drawn, so chance may explain all of them."
    ]


def recurring(**other):
    rows = {"shared_by": [2, 3], "families": [40, 12], "closed_families": [40, 9]} | other
    variables = {name: ("shared_by", np.array(values)) for name, values in rows.items()}
    return dataset("recurrence", variables | {"model": ("model", np.array(["a", "b", "c"], dtype=object))})


def test_families_that_recur():
    assert of_recurrence(recurring(), "x.nc") == [
        "Each of a, b and c was matched with every other.",
        "Families of neurons that recur: 12 in 3 of 3 models (9 closed) and 40 in 2 of 3 models (40 closed). In a "
        "closed family every two neurons are a pair.",
    ]


def test_chance_is_named_where_it_is_known():
    said = of_recurrence(recurring(closed_by_chance=[np.nan, 0.25]), "x.nc")[1]
    assert (
        "12 in 3 of 3 models (9 closed, of which chance would make 0.25) and 40 in 2 of 3 models (40 closed)." in said
    )


def test_words_in_place_of_numbers_are_refused_by_name():
    with pytest.raises(ForeignFileError, match=r"x\.nc: its variables are inconsistent"):
        of_recurrence(recurring(families=["many", "few"]), "x.nc")


def test_the_threshold_of_a_matching_is_drawn_and_of_a_few_only(tmp_path):
    null = ("null", np.linspace(0.1, 0.3, 9))
    rho = {"correlation": ("pair", np.linspace(0.9, 0.5, 20)), "shifted_correlation": null}
    matched = pairs(calibrated_count=20, threshold=0.5, shifted_draws=3, **rho)
    results = Results({"pairs": [(f"m{i}", matched) for i in range(6)] + [("no null", pairs(**rho))]})
    files = [file for file in calibration.make(results, tmp_path / "calibration") if file.suffix == ".svg"]
    assert [file.stem for file in files] == ["calibration", "calibration-m1", "calibration-m2", "calibration-m3"]
    text = files[1].read_text()
    assert all(words in text for words in ("m1", "20 calibrated pairs", "shifted (mean of 3 draws)"))
