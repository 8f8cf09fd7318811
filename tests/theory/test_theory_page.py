"""The page on the theory: its Python runs, and its comments say what comes out."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import sympy as sp

from rosettalaw import cli
from rosettalaw.theory.sweeps import STATUS

PAGE = (Path(__file__).parents[2] / "docs/theory/README.md").read_text(encoding="utf-8")


def test_the_page_runs_and_shows_what_comes_out(capsys):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        exec(compile(block, "docs/theory/README.md", "exec"), names)
    plt.close("all")
    assert "Exponents for N → ∞" in capsys.readouterr().out
    assert names["beta_for"](exponent=0.63, neurons=[4e4, 2e6]) == pytest.approx(1.577, abs=5e-4)
    assert names["kappa_for"](count=312, neurons=131072, beta=1.6, tau=2) == pytest.approx(0.4994, abs=5e-5)
    assert names["neurons_for"](count=312, beta=1.6, kappa=0.5, tau=2) == 130919
    count = names["theory"].exponents["count"]
    assert (str(count.value), count.how) == ("Min(2/(beta + delta), 1/(delta + 1))", "proved")
    assert names["derive"](utility="saturating", spectrum="exponential").exponents["count"].value == sp.Rational(1, 2)


def test_the_table_of_statuses_is_the_code_s():
    rows = re.findall(r"^\| (\d) \| (.*) \|$", PAGE, re.M)
    assert {int(code): words for code, words in rows} == STATUS


def test_its_links_and_commands_exist():
    for link in re.findall(r"\]\((?!http)([^)]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs/theory" / link).exists(), link
    assert set(re.findall(r"`rosettalaw (\w+)", PAGE)) <= set(cli.COMMANDS)
