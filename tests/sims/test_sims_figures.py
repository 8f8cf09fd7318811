"""The figures of the simulations are drawn from what was simulated."""

import numpy as np
import pytest

from rosettalaw.paper_figs import fig27, idle_neurons, tail, toy
from rosettalaw.paper_figs.results_folder import Results
from rosettalaw.sims import simulate
from rosettalaw.sims.toy_measures import water_filling
from rosettalaw.sims.toy_recipes import CONFIGURATIONS, SCAN
from rosettalaw.sims.toy_results import Cell, Study


def words(path):
    return path.with_suffix(".svg").read_text(encoding="utf-8")


def test_figure_27_shows_each_exponent_beside_its_limit(tmp_path):
    simulation = simulate([64, 128, 256], [1.5, 2.0], inputs=400, runs=3, quiet=True)
    results = Results({"simulation": [("a", simulation.to_dataset()), ("b", simulation.to_dataset())]})
    files = fig27.make(results, tmp_path / "fig27")
    assert [file.name for file in files] == ["fig27.png", "fig27.svg", "fig27-b.png", "fig27-b.svg"]
    for fit in simulation.fits[:2]:
        (low, high), digits = fit.exponent_ci95, 2 + (fit.exponent_ci95[1] - fit.exponent_ci95[0] < 0.02)
        shown = f"{fit.exponent:.{digits}f} ± {(high - low) / 2:.{digits}f} ({fit.asymptotic_exponent:.2f})"
        assert shown in words(files[0])


def test_an_exponent_without_interval_is_not_drawn(tmp_path):
    simulation = simulate([64, 128], 2.0, inputs=400, runs=3, quiet=True)
    text = words(fig27.draw(simulation, tmp_path / "fig27")[0])
    assert text.count("at 2 of 2 sizes") == 2
    assert "±" not in text.replace(fig27.KEY.split("\n")[0], "").replace("its exponent ± 95%", "")


def test_without_a_simulation_figure_27_waits(tmp_path):
    assert fig27.make(Results(), tmp_path / "fig27") == []


@pytest.mark.parametrize(("module", "sizes"), [(idle_neurons, ("LINES", "POINTS")), (tail, ("SIZES",))])
def test_findings_are_drawn(module, sizes, tmp_path, monkeypatch):
    for name in sizes:
        monkeypatch.setattr(module, name, 2 ** np.arange(6, 9))
    png, svg = module.make(Results(), tmp_path / "finding")
    assert png.stat().st_size > 10_000
    assert "threshold" in words(svg)


def test_idle_neurons_are_shown_with_slope_one(tmp_path, monkeypatch):
    monkeypatch.setattr(idle_neurons, "POINTS", np.array([64, 128]))
    (_, svg) = idle_neurons.make(Results(), tmp_path / "idle")
    assert "slope 1.0" in words(svg)


def cells(names, sizes):
    """Networks that have learned the optimum exactly."""
    found = []
    for name in names:
        recipe = {**CONFIGURATIONS, **SCAN}[name].recipe
        for N in sizes:
            optimum = water_filling(N, 1.5, recipe.kappa, recipe.gamma, recipe.relu)
            learned = np.tile(optimum, (2, 1))
            found.append(Cell(name, 1.5, N, learned, learned, optimum, np.array([[5.0, 1.0, 1.0]]), recipe))
    return Results({"toy": [("toy", Study(tuple(found), {}).to_dataset())]})


@pytest.mark.parametrize(
    ("names", "shown", "absent"),
    [
        (["law"], ["N = 64", "features with s ≥ 1"], ["hollow", "showed the rarest", "A = N/2", "no ReLU"]),
        (["law", "linear"], ["no ReLU", "N = 64, β = 1.5"], ["showed the rarest", "A = N/2"]),
        (
            ["law", "scaled", "few features", "batch 128", *(n for n, c in CONFIGURATIONS.items() if not c.holds)],
            ["hollow: plain recipe", "showed the rarest", "A = N/2", "weight decay"],
            [],
        ),
    ],
)
def test_the_toy_figure_shows_what_a_study_has(names, shown, absent, tmp_path):
    text = words(toy.make(cells(names, [32, 64]), tmp_path / "toy")[0])
    assert all(word in text for word in shown)
    assert not any(word in text for word in absent)


def test_without_the_whole_recipe_the_toy_figure_waits(tmp_path):
    assert toy.make(cells(["linear"], [8]), tmp_path / "toy") == []
