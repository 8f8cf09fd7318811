"""Every figure of the catalogue: drawn from published numbers or from our results, or listed with what it waits for."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rosettalaw import paper_figs, save
from rosettalaw.cli import app
from rosettalaw.errors import MissingFileError, UnknownNameError
from rosettalaw.paper_figs.catalogue import CATALOGUE, make_all, module_of, on_page
from rosettalaw.paper_figs.results_folder import Results, read
from rosettalaw.results import dataset
from rosettalaw.sims import simulate

SIZES = np.array([256.0, 512, 1024, 2048])
NEEDS_RESULTS = {"fig03", "fig27", "calibration", "profiles"}
WAITING = {"fig05", "fig25", "fig35"}
PUBLISHED = [name for name in CATALOGUE if name.startswith(("fig", "table")) and name not in NEEDS_RESULTS | WAITING]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with a ladder and a simulation of planted content."""
    folder = tmp_path_factory.mktemp("results")
    counts = np.array([30, 45, 68, 100])
    rho = [1 - (np.arange(1, k + 1) / (1.6 * k)) ** 1.5 for k in counts]
    rung, layers = np.repeat(np.arange(4), counts), np.resize([0, 1, 1], counts.sum())
    ladder = {
        "neurons": ("rung", SIZES),
        "raw_count": ("rung", counts + 5),
        "calibrated_count": ("rung", counts),
        "calibrated_count_se": ("rung", np.sqrt(counts)),
        "threshold": ("rung", [r.min() for r in rho]),
        "permuted_raw": ("rung", SIZES / 2),
        "untrained_raw": ("rung", SIZES / 4),
        "permuted_above_threshold": ("rung", np.zeros(4)),
        "untrained_above_threshold": ("rung", np.ones(4)),
        "correlation": ("pair", np.concatenate(rho)),
        "pair_rung": ("pair", rung),
        "layer_a": ("pair", layers),
        "layer_b": ("pair", layers),
        "null_correlation": ("null_pair", np.linspace(0.01, 0.3, 200)),
        "null_rung": ("null_pair", np.full(200, 3)),
        "null_draw": ("null_pair", np.repeat([0, 1], 100)),
        "null_kind": ("null_pair", np.array(["permuted", "untrained"], dtype=object).repeat(100)),
    }
    save(dataset("ladder", ladder), folder / "planted.nc")
    save(simulate([128, 256, 512], [1.5, 2.0], inputs=2000, runs=2, quiet=True).to_dataset(), folder / "packing.nc")
    (folder / "broken.nc").write_bytes(b"not netcdf")
    return folder


def test_every_script_is_in_the_catalogue_and_every_entry_has_a_script():
    folder = Path(paper_figs.__file__).parent
    scripts = {path.stem for path in folder.glob("*.py") if path.stem.startswith(("fig", "table"))} - {"tables"}
    assert scripts <= set(CATALOGUE)
    for name in CATALOGUE:
        assert callable(module_of(name).make)
    paper = {"fig03", "fig04", "fig05", "fig06", "fig07"} | {f"fig{i}" for i in range(25, 39)}
    assert paper | {f"table{i}" for i in range(1, 6)} <= set(CATALOGUE)


@pytest.mark.parametrize("name", [*PUBLISHED, "sources"])
def test_published_numbers_are_drawn_and_named_as_such(name, tmp_path):
    (made,) = make_all(Results(), tmp_path, [name])
    assert [path.suffix for path in made.files] == [".png", ".svg"]
    text = made.files[1].read_text()
    assert "2606.03990" in text or "paper" in text


@pytest.mark.parametrize("name", sorted(NEEDS_RESULTS | WAITING))
def test_what_has_no_data_is_listed_with_what_it_waits_for(name, tmp_path):
    (made,) = make_all(Results(), tmp_path, [name])
    assert made.files == ()
    assert made.waits_for
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [*sorted(NEEDS_RESULTS), "triangle", "fig03b", "fig04", "fig26", "fig31", "sources"])
def test_our_results_are_drawn_beside_them(name, results, tmp_path):
    found = read(results)
    assert "broken.nc: not a readable netCDF result, but a text file" in found.skipped[0]
    (made,) = make_all(found, tmp_path, [name])
    svg = made.files[1].read_text()
    assert {"fig27": "neurons per network", "triangle": "α·b", "calibration": "calibrated pairs"}.get(
        name, "planted"
    ) in svg


def test_the_page_shows_figures_of_any_results_first_then_those_of_each_kind(results):
    """A study without a ladder comes first: its reader opened the page for it, and the rest are numbers of others."""
    own = ["fig03", "vision", "triangle", "exponents", "profiles", "sources", "calibration"]
    own += ["reproducibility", "fig27"]
    paper = ["fig03b", "fig04", "fig26", "fig31", "fig38"]
    assert on_page(Results()) == own + paper
    assert on_page(read(results)) == [*own, *paper, "fig06", "fig07", "fig25", "fig33", "specialists"]
    studies = Results({kind: [("one", None)] for kind in ("toy", "judge", "filtering")})
    assert on_page(studies) == ["table1", "fig36", "table5", "toy", *own, *paper]
    simulated = Results({"simulation": [("one", None)]})
    assert on_page(simulated) == ["fig27", *[name for name in [*own, *paper] if name != "fig27"]]
    assert on_page(Results({"pairs": [("one", None)]}))[:2] == ["calibration", "reproducibility"]


def test_the_command_draws_and_lists(results, tmp_path):
    arguments = ["figures", str(results), "--out", str(tmp_path), "--only", "fig03,fig05,table1", "--json"]
    made = {one["name"]: one for one in json.loads(CliRunner().invoke(app, arguments).stdout)}
    assert len(made["fig03"]["files"]) == 2
    assert (tmp_path / "table1.png").stat().st_size > 1000
    assert made["fig05"]["files"] == []
    assert "pretrained models" in made["fig05"]["waits_for"]


def test_a_figure_that_does_not_exist_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown figure 'fig3': did you mean fig"):
        list(make_all(Results(), tmp_path, ["fig3"]))
    with pytest.raises(MissingFileError, match="no such folder"):
        read(tmp_path / "none")


def test_table_three_gives_the_mean_size_of_models_whose_sizes_are_published(tmp_path):
    """OPT-1.3B has 24 × 8,192 neurons and Qwen2.5-1.5B 28 × 8,960; vision sizes are not published."""
    (made,) = make_all(Results(), tmp_path, ["table3"])
    svg = made.files[1].read_text()
    assert f"{(24 * 8192 + 28 * 8960) / 2:,.0f}" in svg
    assert svg.count(">OPT-Qwen2.5<") == 1  # a curve's name on its first row alone
    assert "vision models are not published" in svg
