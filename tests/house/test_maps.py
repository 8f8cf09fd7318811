"""Maps of the packages: the chapters in a package's docstring name every file of its folder once, and no other."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

FACES = ["theory", "sims", "empirical", "validation", "paper_figs"]
PACKAGES = [
    *FACES,
    *(
        f"empirical.{name}"
        for name in (
            "activations",
            "activations.inputs",
            "checkpoints",
            "corpora",
            "filtering",
            "ladder",
            "language",
            "matching",
            "matching.certifying",
            "matching.evidence",
            "matching.machine",
            "matching.screening",
            "measures",
            "nulls",
            "several",
            "sites",
            "viewer",
            "vision",
            "vision.families",
            "vision.judging",
        )
    ),
    "interface",
    "loop",
    "testing",
    "validation.attenuation",
    "validation.design",
    "validation.reporting",
    "validation.seeds",
]


def chapters(docstring):
    """Return the names in a docstring's map, in order.

    A map is a Markdown table, with names in backticks in its column "files", or in the first one; or lines of names
    under "Where to look", each explained by the indented line below it.
    """
    if "Where to look" in docstring:
        lines = docstring.split("-\n", 1)[1].split("\n\n")[0].splitlines()
        return [name for line in lines if line and line[0] != " " for name in line.strip().split(", ")]
    rows = [line.strip().strip("|").split("|") for line in docstring.splitlines() if line.strip().startswith("|")]
    assert len(rows) > 2, "no table of chapters"
    column = next((i for i, title in enumerate(rows[0]) if title.strip() == "files"), 0)
    return [name for row in rows[2:] for name in re.findall(r"`(\w+)`", row[column])]


def rooms(folder):
    """Return the modules of a folder and the packages in it, without those that hold data alone."""
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    return files | {path.parent.name for path in folder.glob("*/__init__.py")}


def faults(docstring, folder):
    """Return the faults of a map: files it does not name, names without a file, names it has twice."""
    named, there = chapters(docstring), rooms(folder)
    return {
        "missing": sorted(there - set(named)),
        "gone": sorted(set(named) - there),
        "twice": sorted({name for name in named if named.count(name) > 1}),
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_chapters_name_every_file_once(package):
    module = import_module(f"rosettalaw.{package}")
    assert faults(module.__doc__, Path(module.__file__).parent) == {"missing": [], "gone": [], "twice": []}


def test_every_package_of_chapters_is_tested():
    top = Path(import_module("rosettalaw.empirical").__file__).parent
    folders = {".".join(path.parent.relative_to(top.parent).parts) for path in top.rglob("__init__.py")}
    assert folders == {name for name in PACKAGES if name.startswith("empirical")}


@pytest.mark.parametrize("package", FACES)
def test_every_name_of_a_packages_face_exists(package):
    module = import_module(f"rosettalaw.{package}")
    assert module.__all__
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert set(module.__all__) & rooms(Path(module.__file__).parent) == set()  # a module would take the name's place


def test_a_map_that_lies_is_seen(tmp_path):
    (tmp_path / "one.py").touch()
    (tmp_path / "two.py").touch()
    (tmp_path / "three").mkdir()
    (tmp_path / "three/__init__.py").touch()
    table = "Chapters.\n\n| chapter | files |\n|---|---|\n| `two` in words | `one`, `four` |\n| more | `one` |\n"
    assert faults(table, tmp_path) == {"missing": ["three", "two"], "gone": ["four"], "twice": ["one"]}
    with pytest.raises(AssertionError, match="no table of chapters"):
        faults("No table here.", tmp_path)


def arrows(folder):
    """Return the modules of a folder that each of its modules imports, at its head, in functions or for types alone."""
    names = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    graph = {}
    for name in names:
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        near = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
        targets = {node.module.split(".")[0] for node in near if node.module}
        targets |= {alias.name for node in near if node.module is None for alias in node.names}
        graph[name] = targets & names
    return graph


def circle(graph):
    """Return the modules that remain when those without arrows into the rest are taken away, one after another."""
    rest = dict(graph)
    while leaves := [name for name, targets in rest.items() if not targets & set(rest)]:
        for name in leaves:
            del rest[name]
    return sorted(rest)


@pytest.mark.parametrize("package", ["sims", "paper_figs", ""])
def test_no_modules_import_each_other_in_a_circle(package):
    module = import_module(f"rosettalaw.{package}".rstrip("."))
    assert circle(arrows(Path(module.__file__).parent)) == []


def test_a_circle_is_seen_also_in_a_function_or_for_types(tmp_path):
    (tmp_path / "one.py").write_text("def f():\n    from .two import g\n")
    (tmp_path / "two.py").write_text("if TYPE_CHECKING:\n    from . import three\n")
    (tmp_path / "three.py").write_text("from .one import f\n")
    (tmp_path / "four.py").write_text("from .one import f\n")
    assert circle(arrows(tmp_path)) == ["four", "one", "three", "two"]
    (tmp_path / "two.py").write_text("from ..three import h\n")
    assert circle(arrows(tmp_path)) == []
