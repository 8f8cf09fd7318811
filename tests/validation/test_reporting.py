"""Parts of a ladder's page, each against answers from elsewhere: planted ladders, brute force, other files."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rosettalaw.theory
from rosettalaw.looks import contrast
from rosettalaw.model_names import family_name, model_name
from rosettalaw.paper_figs.results_folder import Results
from rosettalaw.results import dataset, load
from rosettalaw.validation.analysis import analyse_series
from rosettalaw.validation.compare import compare_series
from rosettalaw.validation.findings import Finding, Shown
from rosettalaw.validation.reporting.answer import answer, of_findings, of_row
from rosettalaw.validation.reporting.captions import Captions
from rosettalaw.validation.reporting.citation import bibtex
from rosettalaw.validation.reporting.drawings import DARK_PAPER, dark_colours, embedded, on_dark
from rosettalaw.validation.reporting.excerpts import excerpt, visible
from rosettalaw.validation.reporting.exponents import exponents
from rosettalaw.validation.reporting.of_filtering import of_filtering
from rosettalaw.validation.reporting.of_matchings import answer_of_pairs
from rosettalaw.validation.reporting.over_rho import over_rho
from rosettalaw.validation.series import Series
from rosettalaw.validation.series_from import of_ladder

ROOT = Path(rosettalaw.theory.__file__).parents[1]
SIZES = np.array([256.0, 512, 1024, 2048])


def ladder(power=0.5, beta=2.0, top=0.95):
    """A ladder whose pairs above any ρ grow as N to a power; its own ρ* falls with size."""
    counts = np.round(30 * (SIZES / SIZES[0]) ** power).astype(int)
    rho = [top - (np.arange(1, k + 1) / k) ** beta * 0.6 * (SIZES[0] / SIZES[i]) ** -0.02 for i, k in enumerate(counts)]
    variables = {
        "neurons": ("rung", SIZES),
        "raw_count": ("rung", counts),
        "calibrated_count": ("rung", counts),
        "calibrated_count_se": ("rung", np.sqrt(counts)),
        "stable_count": ("rung", np.round(0.6 * counts)),
        "permuted_raw": ("rung", 2.0 * counts),
        "threshold": ("rung", [one.min() for one in rho]),
        "correlation": ("pair", np.concatenate(rho)),
        "pair_rung": ("pair", np.repeat(np.arange(4), counts)),
    }
    return dataset("ladder", variables, families='["gpt2", "own"]', ladder="planted")


@pytest.fixture(scope="module")
def planted():
    made = ladder()
    series = of_ladder(made)
    return made, series, analyse_series(series)


def test_the_answer_has_three_short_sentences(planted):
    made, series, analysis = planted
    said = answer(made, analysis, series.triangle(), [Finding("x", Shown.NO, "")], analysis.verdict)
    counts = [int(np.sum(one >= series.threshold)) for one in series.correlations]
    assert said.growth.startswith(f"Matched pairs of GPT-2 and own at correlation ρ ≥ {series.threshold:.2f} go from ")
    assert f"from {counts[0]} at 256 neurons to {counts[-1]} at 2,048" in said.growth
    assert f"{analysis.power_law.exponent:.2f}" in said.growth
    assert "one finding of the paper" in said.open_questions
    assert "other training seeds" in said.open_questions
    for sentence in vars(said).values():
        assert len(sentence.split()) < 45
        assert sentence.count(". ") <= 1
        assert sentence.endswith(".")


def test_a_contradicted_theory_is_said_first_and_no_law_is_no_growth(planted):
    made, series, analysis = planted
    triangle = replace(series.triangle(), matched=None)
    against = replace(triangle, product=replace(triangle.product, ci95=(0.1, 0.2)), expected_product=0.9)
    said = answer(made, analysis, against, [], analysis.verdict)
    assert "but the theory demands 0.90" in said.contradiction
    assert "which β the theory would have" in said.open_questions
    opposite = [Finding("the count grows", Shown.OPPOSITE, "")]
    assert (
        "These findings contradict the paper: the count grows."
        in answer(made, None, against, opposite, "No law.").contradiction
    )
    raw = answer(made, analysis, None, [], analysis.verdict).contradiction
    assert raw.startswith("The raw count, without a threshold, shows nothing: the permuted null has as many")
    nothing = answer(made, None, None, [], "No law here: nothing at N = 256. The other counts alone would say: yes.")
    assert nothing.growth == "No law here: nothing at N = 256."
    assert "cannot decide whether the count grows with network size" in nothing.open_questions  # nothing was fitted


def test_a_contradiction_that_does_not_survive_its_number_is_none(planted):
    """Of three tests at p = 0.03, Holm's correction leaves 0.09; of one at 0.01 among them, 0.03."""
    made, series, analysis = planted
    triangle = replace(series.triangle(), matched=None)
    against = replace(triangle, product=replace(triangle.product, ci95=(0.1, 0.2)), expected_product=0.9)
    said = [
        answer(made, analysis, against, [], analysis.verdict, {"α·b": p, "α + p": 0.03, "both together": 0.9})
        for p in (0.03, 0.01)
    ]
    assert ["demands 0.90" in one.contradiction for one in said] == [False, True]
    assert ["which β" in one.open_questions for one in said][1]


def test_the_answer_of_counts_says_doubts_and_takes_no_claim_that_zeros_take_away():
    """Seven sizes, the last three empty; then one count of eight that is five times too high."""
    (row,) = compare_series([table([128, 256, 512, 1024, 2048, 4096, 8192], [10, 16, 25, 40, 0, 0, 0])])
    assert of_row(row).growth.endswith("No power law is shown: growth cannot be distinguished from none.")
    (row,) = compare_series([table(128 * 2 ** np.arange(8), [4, 7, 10, 16, 120, 37, 56, 86])])
    said = of_row(row)
    assert said.growth.startswith("Rosetta Neurons go from 4 at 128 neurons to 86 at 16,384: ")
    assert said.contradiction.startswith("N = 2,048 is an outlier, with 5 times the count")
    assert "seeds" not in said.open_questions  # these are no trained networks
    (row,) = compare_series([table([100], [5])])
    assert "a slope needs positive counts at two sizes" in of_row(row).growth


def table(neurons, counts):
    return Series(name="mine", source="counts", neurons=np.array(neurons, float), counts=np.array(counts, float))


def test_findings_are_sorted_into_the_three_sentences():
    judged = [Finding("a grows", Shown.YES, ""), Finding("b shrinks", Shown.NO, ""), Finding("c", Shown.OPPOSITE, "")]
    assert list(vars(of_findings(judged)).values()) == ["Shown: a grows.", "Contradicted: c.", "Not shown: b shrinks."]
    assert of_findings(judged[:1]).contradiction == "No finding of the paper is contradicted."


@pytest.mark.parametrize(("raw", "words"), [(9, "the permuted null has as many"), (11, "every null has fewer pairs")])
def test_one_matching_says_which_nulls_reach_it_and_that_it_cannot_show_growth(raw, words):
    matching = {"raw_count": raw, "calibrated_count": 4, "permuted_raw": 10.0, "threshold": 0.5, "stable_count": 3}
    said = answer_of_pairs(dataset("pairs", matching), "x")
    assert said.growth.startswith(f"4 of {raw} mutual pairs reach")
    assert words in said.contradiction
    assert said.open_questions == "One matching cannot decide how the count grows with network size."
    said = answer_of_pairs(dataset("pairs", {"raw_count": 9}), "x")
    assert said.contradiction == "Nothing here can contradict the count, because no null was drawn."
    assert "how many of the pairs are due to chance, how the count grows" in said.open_questions


def test_the_answer_of_filtering_follows_its_intervals():
    """The kept study: F1 and perplexity are ahead of random documents and of one other neuron, not of many."""
    said = of_filtering(load(ROOT / "docs/filtering/filtering.nc", "filtering"))
    assert said.growth.startswith("One Rosetta Neuron finds 'docstring' documents with F1 = 0.90 (95% interval 0.81 to")
    assert "It beats random documents in F1 and perplexity after training, and the other neuron in F1" in said.growth
    assert said.contradiction == "No other selection is better than the Rosetta Neuron's."
    assert "cannot distinguish it from the oracle in perplexity after training" in said.open_questions
    names = ("f1_behind", "f1_behind_low", "f1_behind_high")
    study = load(ROOT / "docs/filtering/filtering.nc", "filtering")
    f1, mask = study["leader_f1"].values, study["leader_rosetta"].values
    wins = [(one > other) + 0.5 * (one == other) for one in f1[mask] for other in f1[~mask]]
    words = f"the larger F1 in {np.mean(wins):.0%} of its pairs with the {(~mask).sum()} other leaders"
    assert words in said.open_questions
    raised = study.assign(leader_f1=study["leader_f1"] + study["leader_rosetta"])
    assert "larger F1" not in of_filtering(raised).open_questions
    lowered = study.assign(leader_f1=study["leader_f1"] - study["leader_rosetta"])
    assert "the larger F1 in 0% of its pairs" in of_filtering(lowered).open_questions
    turned = study.assign({name: -study[name] for name in names})
    turned = turned.rename({"f1_behind_low": "f1_behind_high", "f1_behind_high": "f1_behind_low"})
    assert of_filtering(turned).contradiction == "It is worse than random documents in F1, and the other neuron in F1."


def test_a_figure_of_several_sources_names_each_and_says_its_own_message():
    """Two matchings of the same models, with 2 and 3 of 4 pairs above ρ*, and 3 null pairs in two draws above 0.3."""

    def matching(threshold):
        null = {"shifted_correlation": ("null_pair", [0.31, 0.35, 0.4, 0.1]), "shifted_draws": 2}
        pairs = {"correlation": ("pair", [0.9, 0.8, 0.5, 0.2]), "threshold": threshold}
        return dataset("pairs", pairs | null, model_a="own", model_b="other")

    results = Results({"pairs": [("one", matching(0.6)), ("two", matching(0.3))]})
    captions = Captions(results, [], [])
    said = captions.of("calibration", "Pairs", [Path("calibration.svg"), Path("calibration-two.svg")])
    assert [shows for _, shows, _ in said] == ["Pairs (own × other, one)", "Pairs (own × other, two)"]
    assert said[0][2] == "2 of 4 trained pairs lie above ρ* = 0.60."
    assert said[1][2] == "3 of 4 trained pairs lie above ρ* = 0.30, against 1.5 of the shifted null."
    ((_, shows, both),) = captions.of("calibration", "Pairs", [Path("calibration.svg")])
    assert shows == "Pairs"
    assert both.startswith("one: 2 of 4")


def test_every_exponent_has_its_reason(planted):
    made, _, analysis = planted
    listed = exponents(made, analysis)
    assert listed[0].value == f"{analysis.power_law.exponent:.2f}"
    assert listed[1].value == f"{analysis.own.exponent:.2f}"
    assert {one.pairs for one in listed[2:]} == {"stable pairs", "pairs without a threshold"}
    slope = np.polyfit(np.log(SIZES), np.log(made["stable_count"].values), 1)[0]
    assert listed[2].value == f"{slope:.2f}"
    assert all(one.reason for one in listed)
    assert exponents(made, None) == []


def test_counts_over_rho_are_those_of_brute_force(planted):
    _, series, analysis = planted
    curve = over_rho(series)
    assert curve.rows == sorted(curve.rows, key=lambda row: row["rho"])
    for row in curve.rows:
        at = series.threshold if row["rho"] == curve.headline else row["rho"]
        counts = [int(np.sum(one >= at)) for one in series.correlations]
        assert row["counts"] == counts
        if all(counts):
            assert row["alpha"] == pytest.approx(np.polyfit(np.log(SIZES), np.log(counts), 1)[0], abs=1e-5)
        else:
            assert row["alpha"] is None
    headline = next(row for row in curve.rows if row["rho"] == curve.headline)
    assert headline["alpha"] == pytest.approx(analysis.power_law.exponent, abs=1e-5)
    assert headline["rho"] in [row["rho"] for row in curve.table()]
    assert len(curve.table()) <= 9
    json.dumps(curve.record(), allow_nan=False)
    assert over_rho(replace(series, correlations=None)) is None
    names = ("neurons", "counts", "sd", "own", "own_sd", "correlations", "thresholds")
    two = {name: getattr(series, name)[:2] for name in names if getattr(series, name) is not None}
    few = replace(series, nulls={}, **two)
    assert over_rho(few) is None


@pytest.mark.parametrize(
    ("text", "around", "shown"),
    [
        (("ore words here ", "the", " words after i"), 14, ("…words here ", "the", " words after…")),
        (("short ", "the", " end"), 14, ("short ", "the", " end")),
        (("x" * 14, "the", "y" * 14), 14, ("…" + "x" * 14, "the", "y" * 14 + "…")),
        (("before", "  ", ""), 0, ("before", "␣␣", "")),
    ],
)
def test_excerpts_end_with_words(text, around, shown):
    assert tuple(excerpt(*text, around).values()) == shown


@pytest.mark.parametrize(
    ("span", "signs"),
    [(" the", "␣the"), ("\n    ", "⏎\n␣␣␣␣"), ("\t", "⇥\t"), ("a b", "a b"), ("", ""), ("   ", "␣␣␣")],
)
def test_blanks_of_a_span_can_be_seen(span, signs):
    assert visible(span) == signs


def test_the_reference_is_that_of_the_citation_file():
    entries, file = bibtex("0.1.0"), (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for name in re.findall(r"family-names: (.+)", file):
        assert name in entries
    for words in (*re.findall(r"title: (.+)", file), re.search(r"^version: (.+)", file, re.MULTILINE)[1], "2606.03990"):
        assert words in entries
    assert entries.count("{") == entries.count("}")


@pytest.mark.parametrize("colour", ["0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9", "222222", "6a6a6a"])
def test_colours_stand_out_on_dark_paper_too(colour):
    assert contrast(on_dark(colour), DARK_PAPER) >= 4.5


def test_greys_are_mirrored_and_papers_swapped():
    assert on_dark("ffffff") == DARK_PAPER
    assert contrast("ffffff", "000000") == pytest.approx(21)
    assert contrast(on_dark("e6e6e6"), DARK_PAPER) < 2 < contrast(on_dark("222222"), DARK_PAPER)


def test_a_drawing_takes_the_colours_of_its_page_and_no_markup_from_its_name(tmp_path):
    (tmp_path / "a b.svg").write_text(
        '<?xml version="1.0"?><svg height="70pt" width="100pt" id="x"><metadata>m</metadata><g style="fill: #0072b2"/>'
        '<use href="#x" style="fill: url(#x)"/></svg>'
    )
    markup = embedded(tmp_path / "a b.svg", '"><script>')
    assert "var(--c0072b2,#0072b2)" in markup
    assert 'href="#a-b-x"' in markup
    assert "url(#a-b-x)" in markup
    assert "<script>" not in markup
    assert "<metadata>" not in markup
    assert 'style="--drawn: 100pt; --high: 70pt"' in markup
    assert dark_colours(markup) == f"--c0072b2: #{on_dark('0072b2')};"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("gpt2-768-22d3842d11", "GPT-2, 768 neurons"),
        ("/cache/x/neox-3072-11a44678a6/", "GPT-NeoX, 3,072 neurons"),
        ("EleutherAI/pythia-70m", "pythia-70m"),
        ("own", "own"),
    ],
)
def test_models_have_the_names_that_people_know(name, shown):
    assert model_name(name) == shown
    assert family_name("gpt_neox") == "GPT-NeoX"
