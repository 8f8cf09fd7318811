"""The examples in docstrings run and give what they show."""

import doctest
import importlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
ROOMS = {"rosettalaw": "src/rosettalaw"} | {
    f"rosettalaw.{room}": room for room in ("theory", "sims", "empirical", "validation", "paper_figs")
}


def modules():
    for package, folder in ROOMS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                yield ".".join([package, *path.relative_to(ROOT / folder).with_suffix("").parts])


@pytest.mark.parametrize("name", list(modules()))
def test_docstring_examples(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0
