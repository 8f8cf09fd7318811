"""The code has nothing that Python 3.12, 3.13 or 3.14 removes, deprecates or warns of."""

import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ("src", "theory", "sims", "empirical", "validation", "paper_figs", "benchmarks", "tests")


def script(name):
    path = pathlib.Path(__file__).with_name(f"{name}.py")
    specification = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_nothing_that_newer_pythons_refuse():
    faults = script("newer_pythons").faults
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > 300
    wrong = [
        f"{path.relative_to(ROOT)}:{fault}" for path in paths for fault in faults(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import imp", "module imp is removed in 3.12"),
        ("from distutils.util import strtobool", "module distutils is removed in 3.12"),
        ("import cgi", "module cgi is removed in 3.13"),
        ("import datetime\ndatetime.datetime.utcnow()", "deprecated in 3.12"),
        ("from datetime import datetime as d\nd.utcnow()", "deprecated in 3.12"),
        ("import pkgutil as p\np.find_loader('x')", "removed in 3.14"),
        ("import ast\nast.Str", "removed in 3.14"),
        ("from typing import ByteString", "deprecated in 3.12"),
        ("import shutil\nshutil.rmtree(p, onerror=f)", "onexc"),
        ("import re\nre.sub(a, b, c, 1)", "by position"),
        ("tar.extractall(folder)", "filter="),
        ("buffer.getbuffer()", "getvalue"),
        ("import multiprocessing as m\nm.Pool(2)", "get_context"),
        ("from concurrent.futures import ProcessPoolExecutor\nProcessPoolExecutor(2)", "mp_context"),
        ("~True", "deprecated"),
        ("def f():\n    try:\n        pass\n    finally:\n        return 1", "finally"),
        ("for x in y:\n    try:\n        pass\n    finally:\n        if x:\n            break", "finally"),
        ("'\\d'", "invalid escape sequence"),
        ("x is 1", '"is" with'),
    ],
)
def test_each_fault_is_seen(text, reason):
    assert reason in " ".join(script("newer_pythons").faults(text))


@pytest.mark.parametrize(
    "text",
    [
        "import re\nre.sub(a, b, c, count=1)",
        "tar.extractall(folder, filter='data')",
        "def f():\n    try:\n        pass\n    finally:\n        for x in y:\n            break",
        "try:\n    pass\nfinally:\n    def f():\n        return 1",
        "import datetime\ndatetime.datetime.now(datetime.UTC)",
    ],
)
def test_what_is_right_is_let_pass(text):
    assert script("newer_pythons").faults(text) == []


def test_the_newest_of_each_minor_version_is_taken():
    pythons, paths = script("pythons"), [pathlib.Path(name) for name in "abcdef"]
    numbers = [(3, 10, 13), (3, 11, 7), (3, 12, 1), (3, 12, 9), (3, 14, 0), (3, 9, 18)]
    chosen = pythons.newest(dict(zip(paths, numbers, strict=True)))
    assert chosen == {"3.11": paths[1], "3.12": paths[3], "3.14": paths[4]}


def test_this_python_is_among_those_of_the_machine():
    pythons = script("pythons")
    base = pathlib.Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    assert pythons.version(base) == sys.version_info[:3]
    assert pythons.version(pathlib.Path(__file__)) is None
