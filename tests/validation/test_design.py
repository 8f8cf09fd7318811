"""Designs: half-widths against closed forms and full simulation, powers, the search, the next step, bad input."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from rosettalaw import cli
from rosettalaw.empirical.matching.rates import Device
from rosettalaw.errors import InputError
from rosettalaw.validation import Design, Scatter, expect
from rosettalaw.validation.design import cost, expected
from rosettalaw.validation.design import search as design_search
from rosettalaw.validation.design.cost import design_cost
from rosettalaw.validation.design.expected import curve_powers
from rosettalaw.validation.design.measured import measured_design, next_steps
from rosettalaw.validation.design.search import search, typical_half_width
from rosettalaw.validation.seeds.crossed import analyse_seeds
from rosettalaw.validation.seeds.study import draw_table

SIZES = tuple(np.geomspace(128, 768, 6))
MACHINE = Device(
    name="cpu", operations=5e10, bandwidth=1e10, memory=8e9, link=float("inf"), source="a machine of the tests"
)


def design(**changes):
    return Design(**{"neurons": SIZES, "seeds": 3, "scatter": Scatter(0.1, 0.1, 0.1), **changes})


def run(*arguments):
    return CliRunner().invoke(cli.app, ["design", *map(str, arguments)])


@pytest.fixture(autouse=True)
def one_machine(monkeypatch):
    """A machine of known speed, and a search of fewer designs."""
    monkeypatch.setattr(cost, "this_machine", lambda: MACHINE)
    monkeypatch.setattr(design_search, "SIZES", (3, 5, 8))
    monkeypatch.setattr(design_search, "SEEDS", (1, 2, 4))
    monkeypatch.setattr(expected, "LADDERS", 4)


def test_one_seeds_half_width_is_students():
    """E[s] of 4 degrees of freedom is σ √(2/4) Γ(5/2)/Γ(2)."""
    one = design(seeds=1, scatter=Scatter(0.1, 0.1, 0.1, text=0.0))
    x = np.log(SIZES)
    mean_s = np.sqrt(0.03) * np.sqrt(0.5) * (0.75 * np.sqrt(np.pi)) / 1.0
    exact = stats.t.ppf(0.975, 4) * mean_s / np.sqrt(np.sum((x - x.mean()) ** 2))
    assert typical_half_width(one) == pytest.approx(exact, rel=0.01)
    assert expect(one, 300, 0).half_width_alpha == pytest.approx(exact, rel=0.06)


def test_the_prediction_is_what_simulated_ladders_have():
    """60 crossed ladders of whole tables through the analysis; the study has 400 of each design."""
    rng, planned = np.random.default_rng(0), design()
    half = [
        analyse_seeds(draw_table(rng, planned.sizes, 3, (0.1, 0.1, 0.1), planned.text_sd)).half_width for _ in range(60)
    ]
    assert typical_half_width(planned) == pytest.approx(np.mean(half), rel=0.1)
    assert expect(planned, 200, 0).half_width_alpha == pytest.approx(np.mean(half), rel=0.1)


def test_more_of_everything_narrows_the_interval():
    base = typical_half_width(design())
    assert typical_half_width(design(seeds=5)) < base
    assert typical_half_width(design(positions=4 * 86_000)) < base
    assert typical_half_width(design(neurons=tuple(np.geomspace(128, 768, 10)))) < base
    assert typical_half_width(design(neurons=tuple(np.geomspace(128, 3072, 6)))) < base


def test_powers_are_those_of_closed_forms():
    """A wide ladder sees what a narrow one does not; against a line, power is that of F(5, ∞) far from α = 1."""
    narrow, wide = expect(design(), 200, 0), expect(design(neurons=tuple(np.geomspace(128, 12288, 10))), 200, 0)
    assert wide.sublinear > 0.99
    assert narrow.sublinear == pytest.approx(narrow.shrinking, abs=0.01)
    assert all(wide.curves[name] >= narrow.curves[name] for name in wide.curves)
    assert wide.curves["logarithmic"] > 0.9
    assert set(expect(design(seeds=1), 20, 0).curves.values()) == {None}
    one = design()
    x = np.log(one.sizes)
    apart = (1 - one.alpha) ** 2 * np.sum((x - x.mean()) ** 2) / one.variance
    loose = stats.ncf.sf(stats.f.ppf(0.95, 5, 1e6), 5, 1e6, apart)
    assert curve_powers(one)["linear"] == pytest.approx(loose, abs=0.05)


def test_beta_is_the_image_of_alpha():
    one = design(beta=1.4)
    assert one.beta_at(one.alpha) == pytest.approx(1.4, rel=0.01)
    assert one.beta_at(0.99) == 1.0
    assert one.beta_at(-0.1) == np.inf


def test_the_triangle_sees_attenuation_and_never_distinguishes_a_budget_from_it():
    wide = design(neurons=tuple(np.geomspace(288, 3072, 8)), scatter=Scatter(0.01, 0.01, 0.01, text=0.0))
    powers = expect(wide, 5, 12).triangle
    assert powers["attenuation"] > 0.9
    assert powers["budget"] > 0.9
    assert powers["budget_under_any_attenuation"] <= 0.1


def test_the_cheapest_design_is_cheapest_and_reaches():
    found, tried = search(design(), 0.15, 1000, MACHINE)
    assert found[0].half_width <= 0.15
    assert found[0].cost.hours == min(one.cost.hours for one in tried if one.half_width <= 0.15)
    assert len(found) == 3
    assert all(one.half_width <= 0.15 for one in found)
    assert len({one.effort for one in found}) == 3


def test_cost_grows_as_it_must():
    one, three = design_cost(design(seeds=1), MACHINE), design_cost(design(seeds=3), MACHINE)
    assert three.training_seconds == pytest.approx(3 * one.training_seconds)
    assert 3 < three.matching_seconds / one.matching_seconds < 9.01
    assert design_cost(design(seeds=1), MACHINE, tokens=8e5).training_seconds == pytest.approx(2 * one.training_seconds)
    assert three.memory_bytes > one.memory_bytes > 2 * 4 * 768 * 86_000


def test_a_measured_ladder_says_what_to_measure_next():
    rng = np.random.default_rng(3)
    planned, said = measured_design(draw_table(rng, np.array(SIZES), 4, (0.1, 0.2, 0.05), 0.05))
    assert planned.seeds == 4
    assert planned.scatter.b == pytest.approx(0.2, rel=0.4)
    assert planned.text_sd == pytest.approx(0.05)
    assert "sd of the log count" in said
    steps = next_steps(planned, MACHINE)
    assert len(steps) == 4
    gain = [(typical_half_width(planned) - one.half_width) / one.cost.hours for one in steps]
    assert gain == sorted(gain, reverse=True)
    _, one_seed = measured_design(draw_table(rng, np.array(SIZES), 1, (0.1, 0.1, 0.1), 0.5))
    assert one_seed.startswith("one seed per size")


def test_the_command_prints_the_record(tmp_path):
    done = run("--neurons", "128:768:6:log", "--seeds", 3, "--beta", 1.5, "--seed-sd", 0.19, "--json")
    record = json.loads(done.stdout)
    assert record["alpha"] == pytest.approx(0.64, abs=0.01)
    assert set(record["power"]) == {"sublinear", "shrinking", "power_law_over", "triangle"}
    assert record["cost"]["hours"] > 0
    searched = run("--halfwidth", 0.2, "--hours", 1000, "--picture", tmp_path / "design.png", "--json")
    assert len(json.loads(searched.stdout)["alternatives"]) == 2
    assert (tmp_path / "design.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--neurons", "128,256"), "--neurons 128:768:3:log"),
        (("--beta", 0.9), "--beta 1.01"),
        (("--beta", "nan"), "--beta 1.5"),
        (("--seeds", 0), "--seeds 3"),
        (("--positions", 3), "--positions 86000"),
        (("--seed-sd", -1), "--seed-sd 0.17"),
        (("--hours", 3), "needs a half-width"),
        (("--halfwidth", 0.1, "--hours", -1), "must be greater than 0"),
        (("--halfwidth", 5), "from 0.001 to 1"),
        (("--halfwidth", 0.1, "--hours", 1e-6), "the cheapest design tried takes"),
        (("--halfwidth", 0.002), "is out of reach"),
        (("--count", 5000), "--count 40"),
    ],
)
def test_bad_input_names_the_nearest_possible_design(arguments, words):
    done = run(*arguments)
    assert isinstance(done.exception, InputError)
    assert words in str(done.exception)
    assert "Try:" in str(done.exception)


def test_the_kept_predictions_are_what_simulated_ladders_have():
    """Half-widths within 10%; powers within the binomial error of 400 ladders, of 40 comparisons at once."""
    with (Path(__file__).parents[1] / "data/design_predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["design"] for row in rows}) == 6
    assert {row["runs"] for row in rows} == {"400"}
    for row in rows:
        said, seen, runs = float(row["predicted"]), float(row["simulated"]), int(row["runs"])
        if row["quantity"].startswith("half_width"):
            assert said == pytest.approx(seen, rel=0.1), row
        elif row["seeds"] != "1" or not row["quantity"].startswith("over"):
            share = np.clip((said + seen) / 2, 1 / runs, 1 - 1 / runs)
            drawn = 2 if row["quantity"].startswith("triangle") else 1  # the prediction is itself drawn
            assert abs(said - seen) < 3.3 * np.sqrt(drawn * share * (1 - share) / runs) + 0.01, row
