"""The page docs/testing/README.md: its code runs, its tests pass, its failure reads as shown."""

import pathlib
import re

import pytest

import rosettalaw.testing
from rosettalaw.testing import BrokenLawError, check_model, check_spectrum
from rosettalaw.testing.laws import MODEL_LAWS, UTILITY_LAWS
from rosettalaw.theory import Model
from rosettalaw.theory.budgets import LinearBudget
from rosettalaw.theory.utilities import PurePower

PAGE = (pathlib.Path(__file__).parents[2] / "docs/testing/README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page():
    """Return the names that the page's code defines."""
    names = {"__name__": "page"}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(compile(code, "docs/testing/README.md", "exec"), names)
    return names


def test_its_tests_pass(page):
    tests = [name for name in page if name.startswith("test_")]
    assert len(tests) == 3
    for name in tests:
        page[name]()


def test_a_frontier_of_few_digits_has_no_slope_to_compare_with(page):
    budget = LinearBudget(0.023713737056616554)
    model = Model(page["Slowed"](1.4296875, 33.0), PurePower(2.921875), budget=budget, gamma=4.0, features=951)
    assert 0 < model.frontier(3.0, 10.0) < 1e-320
    check_model(model, 3.0, 10.0)


def test_its_example_has_twenty_lines_beside_imports():
    code = re.search(r"```python\n(.*?)```", PAGE, re.S).group(1)
    lines = [line for line in code.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 20


def test_its_failure_is_the_real_one(page):
    shown = re.search(r"```text\nBrokenLawError: (.*?)```", PAGE, re.S).group(1)
    with pytest.raises(BrokenLawError) as caught:
        check_spectrum(page["Slowed"](-1.6, 10.0))
    assert str(caught.value).split() == shown.split()


def test_own_demand_in_closed_form_is_the_inverse_of_marginal(page):
    rosettalaw.testing.check_utility(page["Mine"](0.7))


def test_it_names_every_strategy_and_law():
    for name in rosettalaw.testing.__all__:
        if name not in ("BrokenLawError", "Extrapolation", "PlantedLadder", "extrapolate"):
            assert f"{name}" in PAGE, name
    assert {"certificate", "scale"} <= set(MODEL_LAWS)
    assert {"concave", "tolerance"} <= set(UTILITY_LAWS)
