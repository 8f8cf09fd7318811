"""One saved result of each kind in a folder of its own: its page speaks of it, its figures are drawn or waited for."""

import time
import warnings

import numpy as np
import pytest

import rosettalaw as rl
from rosettalaw import results_page
from rosettalaw.errors import ForeignFileError
from rosettalaw.paper_figs import style
from rosettalaw.paper_figs.catalogue import CATALOGUE, make_all, on_page
from rosettalaw.paper_figs.results_folder import read
from rosettalaw.results import dataset, load, save
from rosettalaw.results_page import write_results_page
from rosettalaw.theory.specialization import specialize
from rosettalaw.validation.reporting.of_others import COUNTS_ALONE, of_other
from tests.fuzz.examples import filled

SIZES, COUNTS = [128, 256, 512, 1024], [21, 33, 48, 76]


@pytest.fixture
def few_figures(monkeypatch):
    """Pages with the figure of counts alone, and without the references."""
    monkeypatch.setattr(results_page, "on_page", lambda results: ["fig03"])
    monkeypatch.setattr("rosettalaw.validation.compare.reference_rows", tuple)


@pytest.mark.usefixtures("few_figures")
@pytest.mark.parametrize("alone", [False, True])
def test_a_saved_law_alone_has_its_curve_and_says_what_it_lacks(alone, tmp_path):
    law = rl.fit(SIZES, COUNTS)
    path = law.save(tmp_path / "law.nc")
    page = write_results_page(path if alone else tmp_path, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No counts were found" not in page
    assert f"α = {law.exponent:.2f}" in page.split("<svg")[1]
    assert f"to the power {law.exponent:.2f}" in page
    assert COUNTS_ALONE in page.replace("&#39;", "'")
    assert "how many of the pairs are due to chance" in page  # what counts alone leave open
    assert "1 saved law," in page
    assert "As it was saved" not in page


@pytest.mark.usefixtures("few_figures")
def test_a_law_with_nulls_of_its_own_keeps_its_verdict_on_the_page(tmp_path):
    law = rl.fit(SIZES, COUNTS, nulls={"raw": [30, 40, 60, 90], "permuted": [40, 60, 90, 120]})
    assert law.verdict != rl.fit(SIZES, COUNTS).verdict
    law.save(tmp_path / "law.nc")
    page = write_results_page(tmp_path, tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"As it was saved, with its own τ or nulls: {law.verdict}" in page.replace("&#39;", "'")


def test_a_table_and_matchings_of_several_sizes_have_the_figure_of_counts_as_well(tmp_path):
    (tmp_path / "own.csv").write_text("neurons,count\n128,21\n256,0\n512,48\n1024,76\n")
    for name, size, pairs in (("small", 100.0, 10), ("large", 400.0, 25)):
        sizes = {"neurons_a": size, "neurons_b": size, "raw_count": pairs, "calibrated_count": pairs, "threshold": 0.4}
        save(dataset("pairs", sizes | {"correlation": ("pair", np.linspace(0.9, 0.5, pairs))}), tmp_path / f"{name}.nc")
    (made,) = make_all(read(tmp_path), tmp_path / "figures", ["fig03"])
    assert [path.name for path in made.files] == ["fig03.png", "fig03.svg", "fig03-own.png", "fig03-own.svg"]
    drawn = made.files[3].read_text()
    assert "N: 256" in drawn  # the zero, on a logarithmic axis too


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"neurons": ("size", [1.0, np.inf])}, "neurons has a number that is not from 1 to 1e"),
        ({"count": ("size", [1, -2])}, "count has a number that is not from 0"),
        ({"count": ("size", ["a", "b"])}, "count does not contain numbers"),
        ({"count": ((), 3.0)}, r"count along \(\), not \(size\)"),
        ({"count_sd": ("size", [1.0, -1.0])}, r"sd\[1\] = -1.0: must be from 0"),
    ],
)
def test_a_law_that_is_damaged_is_one_message(change, reason, tmp_path):
    variables = {"neurons": ("size", [100.0, 200.0]), "count": ("size", [3, 4])} | change
    path = save(dataset("fit", variables, verdict="No law."), tmp_path / "law.nc")
    for read_it in (read, lambda path: rl.compare(path)):
        with pytest.raises(ForeignFileError, match=rf"law(.nc)?: .*{reason}"):
            read_it(path)
    (skipped,) = read(tmp_path).skipped
    assert "Try: Series" not in skipped


@pytest.mark.parametrize(
    ("result", "panels"),
    [
        (lambda: rl.predict(SIZES, beta=1.6), 2),
        (lambda: rl.sweep(beta=[1.5, 2.0], neurons=SIZES), 2),
        (lambda: rl.sweep(beta=[1.5, 2.0], neurons=SIZES, tau=[0.5, 1.0], kappa=[1.0, 2.0]), 2),
        (lambda: rl.sweep(beta=np.linspace(1.2, 3, 30), neurons=[1024]), 2),
        (lambda: rl.predict(neurons=1024, beta=1.6), 0),
        (lambda: specialize(SIZES, {"code": 1.0, "prose": 2.0}, 1.5), 2),
    ],
)
def test_predictions_are_drawn_and_spoken_of(result, panels, tmp_path):
    path = save(result(), tmp_path / "theory.nc")
    results = read(path)
    assert on_page(results)[0] == "predictions"
    (made,) = make_all(results, tmp_path / "figures", ["predictions"])
    assert len(made.files) == (2 if panels else 0)
    assert made.waits_for == ("" if panels else CATALOGUE["predictions"].waits_for)
    if panels:
        drawing = made.files[1].read_text()
        assert drawing.count('id="axes_') >= panels
        assert drawing.count('id="legend_') <= 1  # both panels have the same lines
    said = of_other(load(path).attrs["rosettalaw_kind"], load(path), "theory")
    counts = load(path)["count"].values
    assert f"{counts.max():,.0f}" in said[0]
    assert "no measured counts" in said[1]


@pytest.mark.parametrize("kind", ["judge", "image_sweep", "image_kinds", "rung"])
def test_studies_without_counts_over_sizes_are_spoken_of(kind, tmp_path):
    save(filled(kind), tmp_path / ("rungs" if kind == "rung" else "study") / "study.nc")
    results = read(tmp_path)
    assert results.skipped == []
    ((name, ds),) = results.of(kind)
    (sentence,) = of_other(kind, ds, name)
    assert sentence.endswith(".")
    figure = {"judge": "fig36", "image_sweep": "fig34", "image_kinds": "fig35"}.get(kind)
    assert figure is None or on_page(results)[0] == figure


def test_kinds_of_others_are_named(tmp_path):
    save(dataset("recipe", {"flour": 1.0}), tmp_path / "cake.nc")
    ((name, ds),) = read(tmp_path).of("recipe")
    assert "no figure or sentence for results of kind recipe" in of_other("recipe", ds, name)[0]


def test_results_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("one", "two"):
        rl.fit(SIZES, COUNTS).save(tmp_path / folder / "run" / "results.nc")
    rl.fit(SIZES, COUNTS).save(tmp_path / "other.nc")
    names = [name for name, _ in read(tmp_path).of("fit")]
    assert sorted(names) == ["one-run-results", "other", "two-run-results"]
    (made,) = make_all(read(tmp_path), tmp_path / "figures", ["fig03"])
    assert len(set(made.files)) == 6
    assert all(path.is_file() for path in made.files)


@pytest.mark.parametrize("name", ["a/b", "a\\b", "x.png", "n" * 300, "\x1b[31m", "line\nbreak", "\udcff", "日本 (語)"])
def test_a_drawing_is_named_after_any_source(name, tmp_path):
    first = [tmp_path / "fig03.svg"]
    second = style.target_of(tmp_path / "fig03", first, name)
    third = style.target_of(tmp_path / "fig03", [*first, second.with_name(second.name + ".svg")], name)
    assert second.parent == third.parent == tmp_path
    assert len({"fig03", second.name, third.name}) == 3
    for path in (second, third):
        for target in style.targets(path):
            assert target.name.startswith("fig03-")
            target.write_text("")


def test_ladders_whose_sides_or_bins_are_fewer_are_damaged(tmp_path):
    ladder = filled("ladder")
    for dim in ("depth_bin", "side"):
        path = save(ladder.isel({dim: slice(0, 1)}), tmp_path / f"{dim}.nc")
        with pytest.raises(ForeignFileError, match=rf"{dim} has 1 entries, not {12 if dim == 'depth_bin' else 2}"):
            load(path)


def test_a_legend_that_is_slow_to_place_is_no_warning(monkeypatch, tmp_path):
    monkeypatch.setattr(time, "perf_counter", iter(range(0, 10**6, 10)).__next__)  # each look is ten seconds later
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with style.figure() as (figure, axis):
            axis.plot([1, 2], [1, 2], label="x")
            axis.legend(loc="best")
            assert style.save(figure, tmp_path / "x")
