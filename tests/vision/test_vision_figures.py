"""Figures of vision results: everything measured is in them, and nothing is drawn that was not."""

import re

import numpy as np
import pytest

from rosettalaw.paper_figs import fig35, fig36, vision
from rosettalaw.paper_figs.results_folder import Results, read
from rosettalaw.results import dataset, save

SIZES = [192, 192, 192, 384, 384, 384]
LADDER = {
    "neurons": SIZES,
    "calibrated_count": [20, 22, 19, 40, 44, 41],
    "calibrated_count_se": [2.0] * 6,
    "distinct_count": [12, 12, 11, 20, 22, 19],
    "raw_count": [23, 25, 30, 50, 50, 50],
    "permuted_raw": [50.0] * 6,
    "untrained_raw": [30.0] * 6,
    "threshold": [0.4] * 6,
}


def ladder(families=("denoising", "supervised"), **changes):
    variables = {name: ("rung", values) for name, values in {**LADDER, **changes}.items()}
    return dataset("ladder", variables, modality="vision", ladder="vision", families=list(families))


def test_each_pairing_has_its_panel(tmp_path):
    save(ladder(), tmp_path / "one" / "results.nc")
    save(ladder(("denoising", "denoising"), calibrated_count=[0, 0, 0, 0, 0, 7]), tmp_path / "two" / "results.nc")
    some_zeros = ladder(("denoising", "contrastive"), calibrated_count=[20, 22, 19, 0, 8, 0])
    save(some_zeros, tmp_path / "three" / "results.nc")
    png, svg = vision.make(read(tmp_path), tmp_path / "vision")  # a layout that fails warns, and warnings are errors
    text = svg.read_text()
    assert "denoising × supervised" in text
    assert "denoising, two seeds" in text
    assert "pairs at fewer than two sizes: no fit" in text
    assert text.count("α =") == 2
    assert png.stat().st_size > 10_000


def test_language_ladders_are_not_drawn_as_vision(tmp_path):
    language = ladder()
    language.attrs["modality"] = "language"
    assert vision.make(Results({"ladder": [("a", language)]}), tmp_path / "x") == []
    assert not list(tmp_path.iterdir())


def test_real_and_generated_are_drawn_seed_by_seed(tmp_path):
    both = ("image_kind", "seed")
    ds = dataset(
        "image_kinds",
        {
            "kind_calibrated_count": (both, [[40, 42, 41], [30, 35, 31]]),
            "calibrated_overlap": ("seed", [0.5, 0.6, 0.55]),
            "raw_overlap": ("seed", [0.4, 0.5, 0.45]),
        },
        {"image_kind": np.array(["real", "generated"], dtype=object), "seed": [0, 1, 2]},
        pairing="denoising × supervised (generative × discriminative)",
    )
    assert fig35.make(Results(), tmp_path / "none") == []
    _, svg = fig35.make(Results({"image_kinds": [("x", ds)]}), tmp_path / "fig35")
    assert "generated" in svg.read_text()
    assert "denoising ×" in svg.read_text()


@pytest.mark.parametrize("studied", [False, True])
def test_our_judgements_stand_beside_the_papers(tmp_path, studied):
    both = ("population", "top")
    rates = np.array([[0.6, 0.5], [0.3, 0.2]])
    ds = dataset(
        "judge",
        {
            "monosemantic_mean": (both, rates),
            "monosemantic_low": (both, rates - 0.1),
            "monosemantic_high": (both, rates + 0.1),
        },
        {"population": np.array(["rosetta", "other"], dtype=object), "top": [2, 20]},
        judge="offline",
    )
    _, svg = fig36.make(Results({"judge": [("mine", ds)]} if studied else {}), tmp_path / "fig36")
    assert ("mine, judge: offline" in svg.read_text()) == studied


def test_depth_and_sweep_of_vision_stand_below_the_papers(tmp_path):
    from rosettalaw.paper_figs import fig31, fig32, fig34
    from rosettalaw.validation import depths

    deep = ladder()
    for name in ("layer_a", "layer_b"):
        deep[name] = ("pair", np.tile([0, 2], 6))
    deep["pair_rung"] = ("pair", np.repeat(np.arange(6), 2))
    deep["correlation"] = ("pair", np.full(12, 0.9))
    sweep = dataset(
        "image_sweep",
        {
            "size_images": ("data_size", [10, 100]),
            "size_raw_count": ("data_size", [90, 60]),
            "size_calibrated_count": ("data_size", [5, 40]),
            "size_raw_overlap": ("data_size", [np.nan, 0.2]),
            "size_calibrated_overlap": ("data_size", [np.nan, 0.4]),
        },
        ladder="denoising × supervised, 576 neurons",
    )
    results = Results({"ladder": [("planted", deep)], "image_sweep": [("images", sweep)]})
    assert "denoising × supervised" in fig32.make(results, tmp_path / "fig32")[1].read_text()
    shares = depths.depth_shares(deep)  # three layers, of which the middle one has no pair, leave nine bins empty
    expected = np.full(12, np.nan)
    expected[[0, 6, 11]] = 0.5, 0, 0.5
    np.testing.assert_array_equal(shares, np.tile(expected, (len(shares), 1)))
    assert "planted" not in fig31.make(results, tmp_path / "fig31")[1].read_text()
    text = fig34.make(results, tmp_path / "fig34")[1].read_text()
    assert "denoising × supervised, 576 neurons" in text
    assert len(re.findall(r"images used for matching(?!:)", text)) == 4  # with a colon they are numbers of points


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([20, 22, 19, 40, 44, 41], "the fit"),
        ([20, 22, 19, 40, 0, 41], "the fit No pair exceeds the nulls at N = 384 (1 of 3 pairs of seeds)"),
        ([20, 22, 19, 0, 8, 0], "No law is shown: no pair exceeds the nulls"),
        ([0] * 6, "No law is shown: at no size does any pair exceed"),
    ],
)
def test_zeros_decide_before_a_fit_that_leaves_them_out(counts, words):
    from rosettalaw.validation.verdict import with_zeros

    planted = ladder(calibrated_count=counts)
    verdict = with_zeros(planted["neurons"].values, planted["calibrated_count"].values, "the fit")
    assert verdict.startswith(words)
