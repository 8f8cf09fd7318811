"""The report of a folder: verdicts first, one file, nothing executed that came from a file."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rosettalaw.theory
from rosettalaw import cli, results_page, save
from rosettalaw.cli import app
from rosettalaw.errors import MissingFileError
from rosettalaw.paper_figs.catalogue import make_all
from rosettalaw.paper_figs.results_folder import read
from rosettalaw.results import dataset
from rosettalaw.results_page import interval, write_results_page
from rosettalaw.validation.findings import Finding, Shown
from rosettalaw.validation.reporting.messages import message, of_findings

EVIL = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evil")
    sizes, counts = np.array([256.0, 512, 1024, 2048]), np.array([30, 45, 68, 100])
    rho = [1 - (np.arange(1, k + 1) / (1.6 * k)) ** 1.5 for k in counts]
    variables = {
        "neurons": ("rung", sizes),
        "raw_count": ("rung", counts + 5),
        "calibrated_count": ("rung", counts),
        "threshold": ("rung", [r.min() for r in rho]),
        "correlation": ("pair", np.concatenate(rho)),
        "pair_rung": ("pair", np.repeat(np.arange(4), counts)),
        "layer_a": ("pair", np.zeros(counts.sum(), dtype=int)),
        "layer_b": ("pair", np.zeros(counts.sum(), dtype=int)),
        "null_correlation": ("null_pair", np.linspace(0, 0.2, 50)),
        "null_rung": ("null_pair", np.full(50, 3)),
        "null_draw": ("null_pair", np.zeros(50, dtype=int)),
        "null_kind": ("null_pair", np.array(["permuted"], dtype=object).repeat(50)),
    }
    save(dataset("ladder", variables, corpus=EVIL, training_seed=7), folder / "my ladder.nc")
    (folder / "broken.nc").write_bytes(b"half a file")
    return write_results_page(folder, folder / "report.html").read_text(encoding="utf-8")


def test_the_verdict_comes_before_tables_and_figures(page):
    body = page[page.index("<h1>") :]
    places = [body.index(words) for words in ("The count grows sublinearly", "<table>", "<svg", 'id="provenance"')]
    assert places == sorted(places)


def test_the_caption_of_the_counts_says_what_they_show(page):
    captions = re.findall(r'<figcaption>(?:<span class="says">(.*?)</span> )?(.*?)</figcaption>', page)
    (says,) = [says for says, shows in captions if shows.startswith("Count over network size")]
    assert re.match(r"The count grows sublinearly with network size \(exponent 0\.5[89], 95% interval ", says)
    assert says in page.split("<figcaption>")[0]  # the whole verdict, with what it takes back


def test_captions_say_a_finding_and_its_judgement():
    judged = [
        Finding("Rosetta Neurons are more selective than others of their layers", Shown.YES, "A 0.60"),
        Finding("their lead in selectivity grows with size", Shown.NO, "A 0.01"),
        Finding("they specialize in kinds of document", Shown.OPPOSITE, "numbers"),
    ]
    expected = {
        "specialists": "Rosetta Neurons are more selective than others of their layers: shown (A 0.60).",
        "fig06": "The lead of Rosetta Neurons in selectivity grows with size: not shown (A 0.01).",
        "documents": "Rosetta Neurons specialize in kinds of document: contradicted (numbers).",
        "partners": "",
    }
    assert {name: of_findings(name, judged) for name in expected} == expected
    assert message("fig07", [], [("one", judged), ("two", judged)]).startswith("one: Rosetta Neurons specialize in")
    many = [(str(i), judged[: 2 + (i > 0)]) for i in range(5)]
    assert message("fig07", [], many) == "Rosetta Neurons specialize in kinds of document: shown in 0 of 4 ladders."


def test_what_came_from_a_file_is_escaped(page):
    assert EVIL not in page
    assert "&lt;script&gt;alert" in page


def test_the_page_needs_nothing_else(page):
    links = re.findall(r'(?:src|href)="([^"#][^"]*)"', page)
    assert [link for link in links if not link.startswith("data:")] == []
    assert "viewport" in page
    assert "@media print" in page


def test_the_page_says_what_it_was_made_from_and_what_it_left_out(page):
    assert "<dt>training_seed</dt><dd>7</dd>" in page
    assert "Omitted:" in page
    assert "broken.nc" in page
    assert "α·b" in page
    assert "DINOv3: no clean trend" in page


@pytest.fixture
def few_figures(monkeypatch):
    """Pages whose words are looked at: two of the figures are enough."""
    monkeypatch.setattr(results_page, "on_page", lambda results: ["fig03", "vision"])


@pytest.mark.usefixtures("few_figures")
def test_an_empty_folder_has_nothing_to_report_but_the_paper(tmp_path, capsys):
    (tmp_path / "bad.nc").write_text("x")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", str(tmp_path)])
    assert ended.value.code == 2
    message = f"error: {tmp_path}: nothing to report: .*; left out: .*bad.nc: not a readable .*Try: rosettalaw demo"
    assert re.fullmatch(message + " --out results/demo\n", capsys.readouterr().err)
    assert not (tmp_path / "report.html").exists()
    CliRunner().invoke(app, ["report", str(tmp_path), "--all"])
    assert "No counts were found." in (tmp_path / "report.html").read_text(encoding="utf-8")
    with pytest.raises(MissingFileError, match="no such folder or file"):
        write_results_page(tmp_path / "none", tmp_path / "x.html")


@pytest.fixture
def no_references(monkeypatch):
    """Pages of one's own results alone, in a tenth of the time."""
    monkeypatch.setattr("rosettalaw.validation.compare.reference_rows", tuple)


@pytest.mark.usefixtures("few_figures", "no_references")
def test_one_file_has_a_page_of_its_own(tmp_path):
    """The page lies beside the file and has its name; other files of the folder are left alone."""
    for name, size in (("one", 300.0), ("zebra", 900.0)):
        rows = {"neurons_a": size, "neurons_b": size, "raw_count": 30, "calibrated_count": 20, "threshold": 0.4}
        pairs = {"correlation": ("pair", np.linspace(0.9, 0.5, 20))}
        save(dataset("pairs", rows | pairs), tmp_path / f"{name}.nc")
    (tmp_path / "own.csv").write_text("neurons,count\n100,10\n1000,41\n10000,160\n")
    for name in ("one.nc", "own.csv"):
        result = CliRunner().invoke(app, ["report", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        page = (tmp_path / name).with_suffix(".html").read_text(encoding="utf-8")
        assert ("one.nc: 1 matching," if name == "one.nc" else "own.csv: 1 table of counts,") in page
        assert f"rosettalaw report {name}" in page
        assert "@software{rosettalaw" in page
        assert "slope needs positive counts" not in page  # one matching has no law, and says its counts
        assert ("20 of 30 mutual pairs reach" in page) == (name == "one.nc")
        assert "No counts were found" not in page
        assert "zebra" not in page
    assert not (tmp_path / "report.html").exists()


@pytest.mark.usefixtures("few_figures", "no_references")
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bad.csv", "neurons,count\n100,x\n", "bad.csv, line 2: count"),
        ("bad.nc", "no netCDF", "bad.nc"),
        ("notes.txt", "neurons", "must be a result (.nc), a table of counts (.csv), or a folder of them"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    result = CliRunner().invoke(app, ["report", str(tmp_path / name)])
    assert result.exit_code != 0
    assert words in result.output + str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_of_the_page_s_name_that_is_no_page_is_not_replaced(tmp_path):
    (tmp_path / "own.csv").write_text("neurons,count\n100,10\n1000,41\n")
    (tmp_path / "own.html").write_text("my notes")
    result = CliRunner().invoke(app, ["report", str(tmp_path / "own.csv")])
    assert result.exit_code != 0
    assert "must be a new file, or an HTML page, which is replaced" in result.output + str(result.exception)
    assert (tmp_path / "own.html").read_text() == "my notes"


@pytest.mark.usefixtures("few_figures")
def test_parts_of_a_ladder_are_not_sources_and_one_size_is_no_curve(tmp_path):
    """As `rosettalaw demo --vision` leaves its folder: seeds of one size in rungs/; and a ladder of one size alone."""
    rows = {
        "neurons": ("rung", [192.0, 192]),
        "raw_count": ("rung", [20, 25]),
        "calibrated_count": ("rung", [15, 18]),
        "distinct_count": ("rung", [9, 12]),
        "threshold": ("rung", [0.4, 0.5]),
        "permuted_raw": ("rung", [46.0, 49]),
        "untrained_raw": ("rung", [31.0, 31]),
    }
    facts = {"modality": "vision"}
    save(dataset("ladder", rows, **facts), tmp_path / "rungs" / "part.nc")
    save(dataset("ladder", rows, **facts, families='["denoising", "supervised"]'), tmp_path / "one size.nc")
    found = read(tmp_path)
    assert [name for name, _ in found.of("ladder")] == ["one size"]
    assert [row.series.name for row in found.rows if not row.series.reference] == ["one size (denoising × supervised)"]
    page = write_results_page(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "a slope needs positive counts at two sizes" in page
    assert "pairs at fewer than two sizes: no fit" in page


@pytest.mark.usefixtures("few_figures")
def test_what_is_no_count_is_said_and_drawn_too(tmp_path, monkeypatch):
    """The kept full ladder and the kept filtering study: their neurons' findings, its comparisons, its table."""
    monkeypatch.setattr(results_page, "on_page", lambda results: ["fig06", "table1"])
    docs = Path(rosettalaw.theory.__file__).parents[1] / "docs"
    for name in ("full_ladder/results.nc", "filtering/filtering.nc"):
        shutil.copy(docs / name, tmp_path / name.replace("/", "-"))
    page = write_results_page(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    verdicts = page[: page.index('id="all"')]
    assert "Their lead in selectivity grows with size: shown (GPT-2 0.06 per factor e in N (joint 95%" in verdicts
    assert "F1 of the Rosetta Neuron for" in verdicts
    assert "Filtering by one neuron" in page  # table 1
    assert "adds the other figures and tables of the paper, which show none of these results" in page


@pytest.mark.usefixtures("few_figures", "no_references")
def test_matchings_and_tables_of_counts_are_counts(tmp_path):
    for size, k in ((300.0, 20), (900.0, 41), (2700.0, 80)):
        rows = {
            "neurons_a": size,
            "neurons_b": size,
            "calibrated_count": k,
            "raw_count": k + 3,
            "permuted_raw": 0.5 * k,
            "threshold": 0.4,
            "correlation": ("pair", np.linspace(0.9, 0.4, k)),
        }
        save(dataset("pairs", rows), tmp_path / "pairs" / f"{size:.0f}.nc")
    (tmp_path / "own.csv").write_text("# by hand\nneurons,count\n100,10\n1000,41\n10000,160\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad.csv").write_text("neurons,count\n100,x\n")
    found = read(tmp_path)
    assert [row.series.name for row in found.rows if not row.series.reference] == ["pairs", "own"]
    assert found.rows[-2].triangle is not None
    page = write_results_page(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No counts were found" not in page
    assert "bad.csv, line 2: count" in page
    assert "3 matchings and 1 table of counts, beside the numbers" in page
    assert "20 of 23 mutual pairs reach a correlation that few null pairs reach, ρ* = 0.400." in page
    assert "Pairs without a threshold in a draw of a null: 10 with the permuted null." in page
    assert "<dt>rows</dt><dd>3</dd>" in page
    assert "other.csv" not in page


@pytest.mark.usefixtures("few_figures")
def test_an_incomplete_ladder_costs_its_own_place_only(tmp_path, monkeypatch):
    """One without counts is left out by name; one without what a figure needs costs that figure."""
    monkeypatch.setattr(results_page, "on_page", lambda results: ["fig03", "vision", "calibration"])
    sizes = {"neurons": ("rung", [256.0, 512, 1024, 2048])}
    counts = {name: ("rung", [30, 45, 68, 100]) for name in ("raw_count", "calibrated_count")}
    save(dataset("ladder", sizes), tmp_path / "empty.nc")
    facts = {"modality": "vision", "families": '["dit", "vit"]'}
    save(dataset("ladder", sizes | counts | {"threshold": ("rung", [0.4] * 4)}, **facts), tmp_path / "thin.nc")
    page = write_results_page(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "without the variables calibrated_count, threshold; rerun the command that made it" in page
    assert "The count grows sublinearly" in page
    made = {one.name: one for one in make_all(read(tmp_path), tmp_path / "figures", ("vision",))}
    assert made["vision"].files == ()
    assert made["vision"].waits_for.endswith("(No variable named 'distinct_count')")


def test_the_page_replaces_pages_only(tmp_path):
    (tmp_path / "counts.csv").write_text("neurons,count\n100,10\n1000,41\n")
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--out", str(tmp_path / "counts.csv")])
    assert result.exit_code != 0
    assert "must be a new file, or an HTML page, which is replaced" in result.output + str(result.exception)
    assert (tmp_path / "counts.csv").read_text().startswith("neurons")


def test_a_small_drawing_is_not_blown_up_to_the_width_of_the_page(page):
    """Each drawing says how wide it was drawn, and the style sheet enlarges it by half at most."""
    drawings = re.findall(r'<div class="figure"[^>]*style="--drawn: ([0-9.]+)pt; --high: [0-9.]+pt">', page)
    assert len(drawings) == page.count('<div class="figure"')
    assert "min(100%, 1.5 * var(--drawn" in page


def test_intervals_read_as_people_write_them():
    assert interval((-0.5, 1.25)) == "(−0.50 to 1.25)"
    assert interval((1.0, np.inf)) == "(1.00 to ∞)"
    assert interval((np.nan, np.nan)) == interval(None) == ""
