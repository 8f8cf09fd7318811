"""Additions from outside: a figure and a command are one file and one line in a table, and nothing else."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rosettalaw
from rosettalaw import cli, demo, paper_figs, save
from rosettalaw.paper_figs import CATALOGUE, Figure
from rosettalaw.results import dataset, load
from rosettalaw.results_page import write_results_page
from rosettalaw.validation.ladder_report import write_report

FIGURE = '''
"""Squares, as a figure."""

from . import style


def make(results, path):
    """Draw one point for each ladder; nothing without one."""
    return _draw(len(results.of("ladder")), path) if results.of("ladder") else []


def draw_measured(measured, path):
    """Draw as many points as the ladder has rungs."""
    return _draw(measured.ladder.sizes["rung"], path)


def _draw(points, path):
    with style.figure() as (figure, axis):
        axis.plot(range(points), range(points), "o")
        axis.set_title(f"{points} points of an outside figure")
        return style.save(figure, path)
'''
COMMAND = '''
"""``rosettalaw squares``: squares of numbers."""

import typer

from .output import JsonOption, print_json


def register(app, section):
    """Add the command to the command line."""

    @app.command(rich_help_panel=section, epilog="Example: rosettalaw squares 3 --json")
    def squares(number: int = typer.Argument(help="A number."), as_json: bool = JsonOption) -> None:
        """Square a number."""
        print_json({"square": number**2}) if as_json else typer.echo(number**2)
'''


def add_file(package, name, text, folder, monkeypatch):
    """Put a module beside those of a package, without writing into its folder."""
    (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)


@pytest.fixture
def results(tmp_path):
    """A folder with a ladder of three rungs."""
    counts = np.array([30, 45, 68])
    ladder = {"neurons": ("rung", [256.0, 512, 1024]), "threshold": ("rung", [0.4] * 3)}
    ladder |= {name: ("rung", counts) for name in ("raw_count", "calibrated_count")}
    folder = tmp_path / "results"
    save(dataset("ladder", ladder), folder / "planted.nc")
    return folder


def only(name, entry, monkeypatch):
    """Leave one entry in the catalogue, so that pages are made at once."""
    monkeypatch.setattr(paper_figs.catalogue, "CATALOGUE", {name: entry})


def test_a_figure_from_outside_is_drawn_and_on_the_page(results, tmp_path, monkeypatch):
    add_file(paper_figs, "squares", FIGURE, tmp_path, monkeypatch)
    monkeypatch.setitem(CATALOGUE, "squares", Figure("Squares from outside", "a ladder", page=0))
    arguments = ["figures", str(results), "--only", "squares", "--out", str(tmp_path / "out"), "--json"]
    (made,) = json.loads(CliRunner().invoke(cli.app, arguments).stdout)
    assert "1 points of an outside figure" in Path(made["files"][1]).read_text()
    assert paper_figs.catalogue.on_page(paper_figs.read(results))[:2] == ["squares", "fig03"]
    only("squares", CATALOGUE["squares"], monkeypatch)
    monkeypatch.setattr("rosettalaw.validation.compare.reference_rows", list)
    page = write_results_page(results, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "1 points of an outside figure" in page
    assert "<figcaption>Squares from outside.</figcaption>" in page


def test_a_figure_is_left_out_of_the_page_where_its_entry_says_so(results, monkeypatch):
    contents = paper_figs.read(results)
    places = paper_figs.catalogue.on_page(contents)
    assert {"fig06", "specialists"} <= set(places)
    assert not {"toy", "table1", "fig28"} & set(places)
    for entry, shown in (
        (Figure("Squares", page=2.5), True),
        (Figure("Squares", page=2.5, with_kind="ladder"), True),
        (Figure("Squares", page=2.5, with_kind="toy"), False),
        (Figure("Squares"), False),
    ):
        monkeypatch.setitem(CATALOGUE, "squares", entry)
        assert ("squares" in paper_figs.catalogue.on_page(contents)) == shown
        assert [name for name in paper_figs.catalogue.on_page(contents) if name != "squares"] == places


def test_a_figure_from_outside_is_on_the_page_of_a_measured_ladder(tmp_path, monkeypatch):
    add_file(paper_figs, "squares", FIGURE, tmp_path, monkeypatch)
    monkeypatch.setitem(CATALOGUE, "squares", Figure("Squares from outside", page=0, demo="outside"))
    two = {name: CATALOGUE[name] for name in ("fig03", "squares")}
    monkeypatch.setattr(paper_figs.catalogue, "CATALOGUE", two)
    ladder = load(Path(rosettalaw.theory.__file__).parents[1] / "docs/full_ladder/results.nc", "ladder")
    figures = demo.draw(ladder, None, None, tmp_path / "out")
    assert sorted(figures) == ["outside", "scaling"]
    figures["calibration"] = figures["scaling"]  # the page asks for one
    page = write_report(ladder, None, "No law.", [], [], figures, tmp_path / "report.html", 1.0)
    assert f"{ladder.sizes['rung']} points of an outside figure" in page.read_text(encoding="utf-8")


def test_a_command_from_outside_is_called_and_in_the_help(tmp_path, monkeypatch, capsys):
    add_file(cli, "squares", COMMAND, tmp_path, monkeypatch)
    monkeypatch.setitem(cli.COMMANDS, "squares", "Theory")
    monkeypatch.setattr(cli, "app", cli.build())
    for arguments, code, words in (
        (["squares", "12", "--json"], 0, '"square": 144'),
        (["squares", "twelve"], 2, "twelve"),
        (["square", "12"], 2, "Did you mean 'squares'"),
        (["--help"], 0, "Square a number."),
    ):
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        assert end.value.code == code
        assert words in "".join(capsys.readouterr())


def test_every_module_of_the_command_line_is_one_command():
    import typer

    folder = Path(cli.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "output"}
    assert modules == set(cli.COMMANDS) == set(typer.main.get_command(cli.app).commands)
