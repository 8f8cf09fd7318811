"""Additions from outside: a figure and a command are one file and one line in a table, and nothing else."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rosettalaw
from rosettalaw import cli, paper_figs, save
from rosettalaw.loop.ladder import draw
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
    figures = draw(ladder, None, None, tmp_path / "out")
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
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "help", "option_groups", "output", "stopping"}
    assert modules == set(cli.COMMANDS) == set(typer.main.get_command(cli.app).commands)


NULL = '''
"""B read backwards."""

import numpy as np

from ..activations.views import View
from .null import Null


class Backwards(View):
    """The same activations, last position first."""

    def __init__(self, source):
        self.name, self.layer, self.unit, self.positions = source.name, source.layer, source.unit, source.positions
        self._source = source

    def rows(self, index, columns=slice(None)):
        """Return the activations of mirrored positions."""
        return self._source.rows(np.arange(self.positions)[::-1][index], columns)


class Reverse(Null):
    """B's positions in reverse."""

    name = label = "reverse"
    keeps, breaks = "autocorrelation", "alignment"
    random_access = True

    def draw(self, a, b, entropy):
        """Return A, and B backwards."""
        return a, Backwards(b)
'''


def test_a_null_from_outside_is_drawn_counted_described_and_in_the_figures(tmp_path, monkeypatch):
    from rosettalaw.empirical import nulls
    from rosettalaw.empirical.activations.arrays import ArraySource
    from rosettalaw.empirical.matching import match
    from rosettalaw.paper_figs import calibration, style
    from rosettalaw.validation.verdict import nulls_of

    add_file(nulls, "reverse", NULL, tmp_path, monkeypatch)
    from importlib import import_module

    kind = import_module("rosettalaw.empirical.nulls.reverse").Reverse()
    monkeypatch.setitem(nulls.KINDS, "reverse", kind)
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((400, 12))
    a, b = (shared + 0.5 * rng.standard_normal((400, 12)) for _ in "ab")
    matches = match(ArraySource(a), ArraySource(b), nulls={"reverse": 2}, quiet=True)
    backwards = match(ArraySource(a), ArraySource(b[::-1].copy()), nulls={}, jackknife_blocks=0, quiet=True)
    assert set(matches.nulls) == {"reverse"}
    for correlations in matches.nulls["reverse"]:
        np.testing.assert_allclose(np.sort(correlations), np.sort(backwards.correlation), atol=1e-6)
    saved = matches.to_dataset()
    assert saved["reverse_raw"] == backwards.count
    assert saved["reverse_raw"].attrs["long_name"] == "raw count under the reverse null, mean over draws"
    assert nulls_of(saved)["reverse"] == backwards.count
    look = style.null_looks()[-1]
    assert look.label == "reverse"
    rung = {name: ("null_pair", values) for name, values in nulls.null_pairs(matches.nulls).items()}
    rung |= {"null_rung": ("null_pair", np.zeros(len(rung["null_draw"][1]), dtype=int))}
    rung |= {"correlation": ("pair", matches.correlation), "pair_rung": ("pair", np.zeros(matches.count, dtype=int))}
    rung |= {"neurons": ("rung", [12.0]), "threshold": ("rung", [0.5]), "calibrated_count": ("rung", [12])}
    files = calibration.draw(dataset("ladder", rung), tmp_path / "figure.svg")
    assert "reverse (mean of 2 draws)" in files[1].read_text()
    assert look.colour.lower() in files[1].read_text().lower()
    with pytest.raises(rosettalaw.errors.UnknownNameError, match="reverse"):
        match(ArraySource(a), ArraySource(b), nulls={"revers": 2}, quiet=True)


def test_a_spectrum_from_outside_is_found_by_name_and_solved(monkeypatch):
    from dataclasses import dataclass

    from rosettalaw.theory import Model
    from rosettalaw.theory.spectra import SPECTRA, Spectrum, spectrum

    @dataclass(frozen=True)
    class Plateau(Spectrum):
        width: float

        def at(self, rank, features):
            return np.where(np.asarray(rank) <= self.width, 1.0, 1e-9)

    monkeypatch.setitem(SPECTRA, "plateau", Plateau)
    point = Model(spectrum("plateau", width=5.0), gamma=1.0).predict(100.0, 2.0)
    assert point["count"] == 5  # equal features share the budget κN equally
    assert point["mean_isolation"].item() == pytest.approx(20)  # κN = 100 over 5


def test_an_architecture_from_outside_is_one_entry(tmp_path, monkeypatch):
    import torch
    from transformers import ApertusConfig, AutoModel

    from rosettalaw.empirical.checkpoints.architectures import OUTPUT_PROJECTION, output_projections

    sizes = {"hidden_size": 8, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = AutoModel.from_config(ApertusConfig(vocab_size=64, pad_token_id=0, **sizes))
    with pytest.raises(rosettalaw.errors.RosettaError, match="unknown architecture 'apertus'"):
        output_projections(model, "apertus", "outside")
    monkeypatch.setitem(OUTPUT_PROJECTION, "apertus", "layers.*.mlp.down_proj")
    projections = output_projections(model, "apertus", "outside")
    assert [tuple(one.weight.shape) for one in projections] == [(8, 32), (8, 32)]
    assert isinstance(projections[0], torch.nn.Module)


def test_an_activation_source_from_outside_is_matched_as_it_is():
    from rosettalaw.empirical import ActivationSource, ArraySource, match

    class Thirds:
        """Activations in blocks of its own size, with nothing but what the protocol asks for."""

        name = "outside"

        def __init__(self, array):
            self._array, self.positions = array, len(array)
            self.layer, self.unit = np.zeros(array.shape[1], int), np.arange(array.shape[1])

        def blocks(self, size):
            yield from np.array_split(self._array, 3)

    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((300, 10)).astype(np.float32) for _ in "ab")
    assert isinstance(Thirds(a), ActivationSource)
    options = {"nulls": {"permute": 1}, "quiet": True}
    outside, inside = match(Thirds(a), Thirds(b), **options), match(ArraySource(a), ArraySource(b), **options)
    assert outside.correlation.tobytes() == inside.correlation.tobytes()
    assert outside.nulls["permuted"][0].tobytes() == inside.nulls["permuted"][0].tobytes()
