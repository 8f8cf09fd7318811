"""Messages of figures of measurements: true of planted data, and others of other data."""

import re

import numpy as np
import pytest

from rosettalaw.results import dataset
from rosettalaw.validation.compare import compare_series
from rosettalaw.validation.reporting import of_ladders as messages
from rosettalaw.validation.reporting.messages import _sentences as messages_of_sources
from rosettalaw.validation.reporting.messages import message, of_ladder_figure
from rosettalaw.validation.series import Series
from rosettalaw.validation.series_from import of_ladder

SIZES = np.array([100.0, 200, 400, 800, 1600])


def ladder(power=0.5, beta=2.0, nulls=(1, 2, 3, 4, 5), **further):
    """Return a ladder of counts 20·(N/100)^power whose correlations are 1 − ρ = (rank/2R)^beta."""
    counts = np.round(20 * (SIZES / 100) ** power).astype(int)
    rho = [1 - (np.arange(1, k + 1) / (2.0 * k)) ** beta for k in counts]
    variables = {
        "neurons": ("rung", SIZES),
        "raw_count": ("rung", counts + 10),
        "untrained_raw": ("rung", np.array(nulls, dtype=float)),
        "calibrated_count": ("rung", counts),
        "threshold": ("rung", [one.min() for one in rho]),
        "correlation": ("pair", np.concatenate(rho)),
        "pair_rung": ("pair", np.repeat(np.arange(len(SIZES)), counts)),
        **further,
    }
    return dataset("ladder", variables, families='["a", "b"]', modality="language")


def test_growth_and_nulls_of_the_scaling_figure():
    said = of_ladder_figure("scaling", ladder())
    assert said.startswith("Over a 16-fold growth of N the count at ρ ≥ 0.75 rises from 20 to 80;")
    assert said.endswith("the trained networks have more pairs than every null at every size.")
    reached = of_ladder_figure("scaling", ladder(power=-0.5, nulls=(1, 99, 3, 4, 99)))
    assert "falls from 20 to 5; without a threshold, a null (untrained) has at least as many pairs" in reached
    assert reached.endswith("at 2 of 5 sizes.")


@pytest.mark.parametrize(
    ("nulls", "where"),
    [((1, 2, 3, 4, 5), "At every size"), ((1, 99, 3, 4, 5), "At 4 of 5 sizes"), ((99,) * 5, "At no size does")],
)
def test_untrained_networks_beside_trained_ones(nulls, where):
    said = message("fig04", [], [], [("one", ladder(nulls=nulls))])
    assert re.search(f"{where} the untrained null ha(s|ve) fewer pairs without a threshold than the trained", said)


def calibrated(null, threshold):
    far = {
        "threshold": ("rung", [0.5] * 4 + [threshold]),
        "calibrated_count": ("rung", [1, 1, 1, 1, 0 if np.isnan(threshold) else 60]),
        "null_correlation": ("null_pair", np.array(null)),
        "null_rung": ("null_pair", np.full(len(null), 4)),
        "null_draw": ("null_pair", np.arange(len(null)) % 2),
        "null_kind": ("null_pair", np.array(["permuted"] * len(null), dtype=object)),
    }
    return ladder(**far)


def test_pairs_above_the_threshold_beside_the_strongest_null():
    said = of_ladder_figure("calibration", calibrated([0.9, 0.8, 0.9, 0.1], 0.8))  # three of two draws
    assert said == "At N = 1,600, 60 of 80 trained pairs lie above ρ* = 0.80, against 1.5 of the permuted null."
    none = of_ladder_figure("calibration", calibrated([0.9, 0.8], np.nan))
    assert none == "At N = 1,600 no correlation separates the 80 pairs from the nulls."
    assert of_ladder_figure("calibration", ladder()) == ""


def test_reproducible_pairs_are_counted():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=80)
    halves = {"first": truth + 0.05 * rng.normal(size=80), "second": truth + 0.05 * rng.normal(size=80)}

    def measured(second):
        margins = {"first": halves["first"], "second": second}
        fill = np.full(ladder().sizes["pair"] - 80, np.nan)
        return ladder(**{f"margin_{n}_half": ("pair", np.concatenate([fill, v])) for n, v in margins.items()})

    same, unrelated = (
        of_ladder_figure("reproducibility", measured(v)) for v in (halves["second"], rng.normal(size=80))
    )
    some, none = (int(said.split()[0]) for said in (same, unrelated))
    assert same.split(" ", 1)[1].startswith("of 80 pairs can be taken with at most 5% irreproducible")
    assert some > 60 > 20 > none
    assert of_ladder_figure("reproducibility", ladder()) == ""


def partnered(powers):
    counts = np.array([20 * (SIZES / 100) ** power for power in powers])
    sized = ladder(k_calibrated_count=(("k", "rung"), np.round(counts)))
    return sized.assign_coords(k=[1, 5])


def test_the_exponent_over_k():
    depends = of_ladder_figure("partners", partnered([0.3, 0.9]))
    assert depends.startswith("The exponent depends on k: the intervals do not overlap (α = 0.3")
    same = of_ladder_figure("partners", partnered([0.5, 0.5]))
    assert same.startswith("The exponent shows no change with k: the intervals overlap (α = 0.50 (")


def test_count_and_overlap_over_data():
    def sized(counts):
        return ladder(
            size_positions=("data", [100, 200, 1000]),
            size_calibrated_count=("data", counts),
            size_calibrated_overlap=("data", [np.nan, 0.25, 0.75]),
        )

    assert of_ladder_figure("data_size", sized([9, 8, 4])) == (
        "From 100 to 1,000 aligned positions the calibrated count falls from 9 to 4; "
        "its overlap with the previous set rises from 0.25 to 0.75."
    )
    assert "the calibrated count stays at 4" in of_ladder_figure("data_size", sized([4, 8, 4]))


def test_the_exponent_over_rho():
    """All sizes share one profile shape, so α is the same at every ρ; with steeper profiles at large sizes it moves."""
    same = of_ladder_figure("exponents", ladder())
    assert same.startswith("α is 0.50 (0.")
    assert same.endswith("; the intervals overlap.")
    counts = np.array([40, 57, 80, 113, 160])
    rho = [1 - 0.5 * (np.arange(1, k + 1) / k) ** beta for k, beta in zip(counts, [2, 1.6, 1.3, 1, 0.7], strict=True)]
    parts = {"neurons": SIZES, "counts": counts, "correlations": tuple(rho), "threshold": 0.5}
    moves = messages.exponent_over_rho(Series(name="x", source="language", **parts))
    assert moves is not None
    assert not moves.holds
    assert moves.sentence.startswith("α is 0.50 (0.")
    assert moves.sentence.endswith("; the intervals do not overlap.")


def test_demands_of_the_theory_and_the_steepness_of_profiles():
    agrees, flat = ladder(power=0.5, beta=2.0), ladder(power=0.5, beta=1.2)
    said, other = (of_ladder_figure("triangle", one, of_ladder(one).triangle()) for one in (agrees, flat))
    assert said.startswith("α·b = ")
    assert "contradicts the demanded" in other
    assert other.endswith(" The demands are the theory's for unattenuated correlations.")
    rows = compare_series([of_ladder(flat, "flat")])
    said = message("profiles", rows, [])
    assert said.startswith("The profile (b = 1.20) is flatter than the counts require at these sizes (b = ")
    steep = compare_series([of_ladder(ladder(power=0.5, beta=3.5), "steep")])
    assert "is steeper than the counts require" in message("profiles", steep, [])


def test_many_sources_are_counted():
    """Four ladders that grow sublinearly, and one that falls."""
    several = [(f"l{i}", ladder(power)) for i, power in enumerate((0.4, 0.5, 0.6, 0.7, -0.5))]
    rows = compare_series([of_ladder(one, name) for name, one in several])
    assert message("fig03", rows, []) == "4 of 5 sources grow sublinearly."
    assert message("fig03", rows[:4], []) == "All 4 sources grow sublinearly."
    few = message("fig03", rows[:2], [])
    assert few.startswith("Both sources grow sublinearly: l0 (a × b), α = 0.40 (")
    assert "; l1 (a × b), α = 0.50 (" in few
    assert few.endswith("The verdicts above say how far the counts are evidence.")
    assert message("sources", rows, []).startswith("The count grows sublinearly in 4 of 5 sources; α·b agrees with")
    assert message("sources", rows[:2], []).startswith("The count grows sublinearly in 2 of 2 sources")
    assert message("fig04", [], [], several).endswith(
        "4 of 5 ladders have fewer untrained than trained pairs at each size."
    )
    assert message("sources", [], []) == ""


def test_growth_and_nulls_of_vision_pairings():
    grows, falls = (
        ladder(0.5).assign_attrs(modality="vision"),
        ladder(-0.5, nulls=(99,) * 5).assign_attrs(modality="vision"),
    )
    assert message("vision", [], [], [("a", grows), ("b", falls), ("c", ladder())]) == (
        "The calibrated count grows in 1 of 2 pairings; "
        "without a threshold a null has as many pairs as the trained networks in 1 of 2."
    )
    assert message("vision", [], [], [("a", grows)]).endswith("in 0 of 1.")


def test_own_judges_and_filters():
    judged = dataset(
        "judge",
        {
            "monosemantic_low": (("population", "top"), [[0.5, 0.5], [0.1, 0.1]]),
            "monosemantic_high": (("population", "top"), [[0.6, 0.6], [0.2, 0.55]]),
        },
        {"population": ["rosetta", "other"], "top": [2, 5]},
    )
    assert "At 1 of 2 numbers of images here Rosetta Neurons are judged" in message(
        "fig36", [], [], others={"judge": [("j", judged)]}
    )
    filtering = dataset(
        "filtering",
        {
            "filter_f1": ("selector", [0.9, 0.2]),
            "f1_behind_low": ("selector", [0, 0.5]),
            "f1_behind_high": ("selector", [0, 0.8]),
        },
        {"selector": ["rosetta", "non_rosetta"]},
    )
    others = {"filtering": [("f", filtering)]}
    said = message("table1", [], [], others=others)
    assert said.endswith(
        "Here the Rosetta Neuron selects documents better than the other neuron (F1 0.90 against 0.20)."
    )
    filtering["f1_behind_low"][1] = -0.1
    assert "not measurably better or worse than the other neuron" in message("table1", [], [], others=others)


def test_a_caption_does_not_turn_alpha_into_a_capital():
    assert messages_of_sources([("only", "α is 0.5.")]) == "α is 0.5."
    assert messages_of_sources([("only", "the count rises.")]) == "The count rises."
    assert messages_of_sources([("a", "α is 0.5."), ("b", "it is 1.")]) == "a: α is 0.5. b: it is 1."


def test_depths_count_every_network_that_is_drawn():
    """The largest of three planted sizes has 1 of 4 pairs in the first layers; the paper's networks come first."""
    layers = {"layer_a": [0, 0, 0, 2, 0, 2, 2, 2], "pair_rung": [0, 0, 1, 1, 2, 2, 2, 2]}
    parts = {name: ("pair", np.array(values)) for name, values in layers.items()}
    rows = {"neurons": [100.0, 200, 400], "calibrated_count": [2, 2, 4], "threshold": [0.5] * 3}
    variables = parts | {"layer_b": parts["layer_a"]} | {name: ("rung", np.array(row)) for name, row in rows.items()}
    deep = dataset("ladder", variables | {"correlation": ("pair", np.full(8, 0.9))}, modality="language")
    said = message("fig31", [], [], [("deep", deep), ("no layers", ladder())])
    paper = message("fig31", [], [])
    assert said == f"{paper} 1 of 3 sizes measured here does; the smallest share is 25%."
    for side in "ab":
        deep[f"layer_{side}"].values[-1] = 1  # of layers 0, 1 and 2
    middle = " 1 of 3 sizes measured here does, if a layer exactly in the middle counts as the second half; the"
    assert message("fig31", [], [], [("deep", deep)]) == f"{paper}{middle} smallest share is 25%."
    assert message("fig32", [], [], [("deep", deep)]) == message("fig32", [], [])  # language beside vision models
