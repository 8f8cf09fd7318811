"""The public interface: lazy, quick to import, complete in one list, documented with examples, typed."""

import doctest
import importlib
import inspect
import json
import subprocess
import sys

import pytest

import rosettalaw as rl

VERBS = ("compare", "fit", "forecast", "load", "match", "match_several")
VERBS += ("measure_ladder", "predict", "save", "sweep")


def test_import_is_quick_and_brings_nothing_heavy():
    code = (
        "import time, sys, json; t = time.process_time(); import rosettalaw; t = time.process_time() - t\n"
        "heavy = {'torch', 'numpy', 'xarray', 'pandas', 'numba', 'scipy', 'matplotlib', 'rich', 'typer'}\n"
        "print(json.dumps([t, sorted(heavy & set(sys.modules))]))"
    )
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert runs[0][1] == []
    bare = (
        "import time; t = time.process_time(); import json, email, importlib.metadata; print(time.process_time() - t)"
    )
    yardstick = min(float(subprocess.check_output([sys.executable, "-c", bare])) for _ in range(3))
    assert min(seconds for seconds, _ in runs) < max(0.1, 4 * yardstick)


def test_every_public_name_is_in_the_list_in_the_head_and_in_dir():
    assert set(VERBS) < set(rl.__all__) <= set(dir(rl))
    for name in VERBS:
        assert f"`{name}`" in rl.__doc__, name
        assert callable(getattr(rl, name))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rl.nothing


@pytest.mark.parametrize("name", VERBS)
def test_every_function_is_typed_and_documented(name):
    function = getattr(rl, name)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(one.annotation is not inspect.Parameter.empty for one in signature.parameters.values())
    documented = inspect.getdoc(function)
    assert documented
    for parameter in signature.parameters:
        assert parameter.strip("*") in documented, parameter
    assert doctest.DocTestFinder().find(function)[0].examples


@pytest.mark.parametrize("name", ["interface.counting", "interface.matching", "interface.reading", "results"])
def test_examples_run(name):
    done = doctest.testmod(importlib.import_module(f"rosettalaw.{name}"))
    assert done.attempted > 1
    assert done.failed == 0
