"""The layout's known traps: a forgotten subpackage, a shadowing folder, an eager heavy import, a second copy."""

import ast
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tomllib
from functools import cache
from types import SimpleNamespace

import pytest

from tests import conftest

ROOT = pathlib.Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
LARGEST_ROOM = 12  # modules; larger ones give their reason in CONTRIBUTING.md
ROOMS = {"theory", "sims", "empirical", "validation", "paper_figs"}


# The floors of `empirical`: a room imports from those below it alone (the text of CONTRIBUTING.md draws the same).
FLOORS = (
    {"intervals", "worker_pool"},
    {"activations", "calibration", "checkpoints", "corpora"},
    {"config", "nulls", "sites"},
    {"language", "matching"},
    {"measures"},
    {"ladder", "viewer"},
    {"filtering", "pairing", "vision"},
    {"two_models"},
    {"several"},
)
OWN = {"cli", "interface", "loop", "testing"}  # packages below src/rosettalaw


def read_imports():
    """Return the module that reads the package's imports, which lies beside this one."""
    specification = importlib.util.spec_from_file_location("imports", pathlib.Path(__file__).with_name("imports.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@cache
def graph():
    """Return who imports whom in the package."""
    return read_imports().graph()


def room(name):
    """Return the room of a module of `empirical`, None of another."""
    parts = name.split(".")
    return parts[2] if parts[1:2] == ["empirical"] and len(parts) > 2 else None


def between_rooms(arrows):
    """Return the rooms of `empirical` that each room imports."""
    rooms = {}
    for name, targets in arrows.items():
        if room(name):
            rooms.setdefault(room(name), set()).update({room(one) for one in targets if room(one)} - {room(name)})
    return rooms


def test_no_circle_anywhere():
    """Also inside functions; not where names are needed for types alone."""
    imports = read_imports()
    arrows = graph()
    assert sum(map(len, arrows.values())) > 500
    assert imports.circles(arrows) == []
    assert imports.circles(between_rooms(arrows)) == []
    assert imports.circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]


def test_rooms_of_empirical_import_from_the_floors_below_them():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    rooms = between_rooms(graph())
    folders = {p.parent.name for p in (ROOT / "empirical").glob("*/__init__.py")}
    assert set(floor) == folders | {p.stem for p in (ROOT / "empirical").glob("*.py")} - {"__init__"}
    wrong = [(a, b) for a, targets in rooms.items() for b in targets if floor[b] >= floor[a]]
    assert wrong == []


def test_large_rooms_give_their_reason():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    reasons = set(re.findall(r"^\| `([a-z_/]+)/` \|", text, flags=re.MULTILINE))
    large = set()
    for name in (*ROOMS, "src/rosettalaw"):
        for folder in {path.parent for path in (ROOT / name).rglob("__init__.py")}:
            if len({path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}) > LARGEST_ROOM:
                large.add(folder.relative_to(ROOT).as_posix())
    assert reasons == large


def folders_with_code():
    source = ROOT / "src/rosettalaw"
    yield from (path.parent.relative_to(source.parent).as_posix() for path in source.rglob("__init__.py"))
    for room in ROOMS:
        yield from (f"rosettalaw/{p.parent.relative_to(ROOT).as_posix()}" for p in (ROOT / room).rglob("__init__.py"))


def test_every_folder_is_in_the_list_of_packages():
    assert {folder.replace("/", ".") for folder in folders_with_code()} == set(SETTINGS["packages"])


def test_data_lie_in_packages_of_their_own():  # or setuptools warns
    assert not [one for patterns in SETTINGS["package-data"].values() for one in patterns if "/" in one]


def test_every_module_lies_in_a_package():
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_no_root_folder_shadows_the_package():
    assert not (ROOT / "rosettalaw").exists()


def test_the_source_distribution_has_what_its_tests_read():
    manifest = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    grafted = {line.split()[1] for line in manifest if line.startswith("graft ")}
    assert {".github", "benchmarks", "docs", "examples", "tests"} <= grafted
    named = next(line for line in manifest if line.startswith("include ")).split()
    for name in ("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "Makefile", "SECURITY.md", "constraints.txt"):
        assert name in named


def test_the_longest_files_of_tests_come_first():
    """Files that have equally many tests stay whole."""
    names = [*reversed(conftest.LONGEST), "one.py", "two.py", "two.py", "other.py"]
    items = [SimpleNamespace(path=ROOT / "tests" / name) for name in names]
    assert all(item.path.is_file() for item in items[:-4])
    conftest.pytest_collection_modifyitems(SimpleNamespace(), items)
    assert [item.path for item in items] == [ROOT / "tests" / name for name in names]
    conftest.pytest_collection_modifyitems(SimpleNamespace(workerinput={}), items)
    expected = [*conftest.LONGEST, "two.py", "two.py", "one.py", "other.py"]
    assert [item.path for item in items] == [ROOT / "tests" / name for name in expected]


@pytest.mark.skipif(not (ROOT / "typings").exists(), reason="links are not in a source distribution")
def test_the_links_for_the_type_checker_lead_to_every_module():
    links = ROOT / "typings/rosettalaw"
    expected = ROOMS | {path.name for path in (ROOT / "src/rosettalaw").glob("*.py")} | OWN
    assert {path.name for path in links.iterdir() if path.is_symlink()} == expected
    assert all(path.exists() for path in links.iterdir())


def test_the_type_checker_reads_every_folder():
    """It does not follow a link to a folder by itself, and silently checks nothing there."""
    include = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]["include"]
    assert set(include) == {"typings/rosettalaw"} | {f"typings/rosettalaw/{room}" for room in ROOMS | OWN}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_packages_import_relatively(room):
    for path in (ROOT / room).rglob("*.py"):
        for line in path.read_text().splitlines():
            assert not line.lstrip().startswith(("from rosettalaw", "import rosettalaw")), f"{path}: {line}"


def test_data_flows_one_way():
    """Theory knows nothing above it, sims know theory, empirical knows neither."""
    forbidden = {
        "theory": ("sims", "empirical", "validation", "paper_figs"),
        "sims": ("empirical", "validation", "paper_figs"),
        "empirical": ("theory", "sims", "validation", "paper_figs"),
        "validation": ("paper_figs",),
    }
    for room, others in forbidden.items():
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text()
            for other in others:
                assert f"from ..{other}" not in text, f"{path} imports {other}"
                assert f"from ...{other}" not in text, f"{path} imports {other}"


def test_help_imports_nothing_heavy():
    code = (
        "import sys, json\n"
        "from rosettalaw.cli import app\n"
        "import typer; typer.main.get_command(app)\n"
        "heavy = {'torch', 'transformers', 'sympy', 'matplotlib', 'numba', 'xarray', 'pandas', 'scipy', 'numpy'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_console_script_and_module_are_one_command():
    by_module = subprocess.run([sys.executable, "-m", "rosettalaw", "--version"], capture_output=True, text=True)
    script = pathlib.Path(sys.executable).with_name("rosettalaw")
    by_script = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert by_module.stdout == by_script.stdout != ""


MIRRORS = {"Job"}  # language and vision are twins


def top_level():
    """Yield module name and top-level definition of the whole package."""
    for name, path in read_imports().modules().items():
        yield from ((name, node) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def test_no_two_things_share_a_name():
    places = {}
    for name, node in top_level():
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            places.setdefault(node.name, []).append(name)
    assert len(places) > 100
    assert {name: where for name, where in places.items() if len(where) > 1 and name not in MIRRORS} == {}


def test_values_of_many_fields_are_built_by_keyword():
    """A swap of two positional values of five or more would be silent."""
    classes = {}
    for _, node in top_level():
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.dump(one) for one in node.decorator_list):
            classes[node.name] = sum(isinstance(one, ast.AnnAssign) for one in node.body)
    assert classes["Settings"] > 8
    wrong = [
        f"{name}:{node.lineno} {node.func.id}"
        for name, path in read_imports().modules().items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and classes.get(node.func.id, 0) > 4
        if sum(not isinstance(one, ast.Starred) for one in node.args) > 4
    ]
    assert wrong == []
