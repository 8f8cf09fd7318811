"""The examples in the docstrings run and give what they show."""

import doctest
import importlib

import pytest

MODULES = ["allocation", "parameters", "predictions", "solution"]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(f"rosettalaw.theory.{name}")
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
