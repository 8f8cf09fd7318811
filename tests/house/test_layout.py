"""The layout's known traps: a forgotten subpackage, a shadowing folder, an eager heavy import, a second copy."""

import json
import pathlib
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
ROOMS = {"theory", "sims", "empirical", "validation", "paper_figs"}


def folders_with_code():
    source = ROOT / "src/rosettalaw"
    yield from (path.parent.relative_to(source.parent).as_posix() for path in source.rglob("__init__.py"))
    for room in ROOMS:
        yield from (f"rosettalaw/{p.parent.relative_to(ROOT).as_posix()}" for p in (ROOT / room).rglob("__init__.py"))


def test_every_folder_is_in_the_list_of_packages():
    assert {folder.replace("/", ".") for folder in folders_with_code()} == set(SETTINGS["packages"])


def test_every_module_lies_in_a_package():
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_no_root_folder_shadows_the_package():
    assert not (ROOT / "rosettalaw").exists()


def test_the_links_for_the_type_checker_lead_to_every_module():
    links = ROOT / "typings/rosettalaw"
    expected = ROOMS | {path.name for path in (ROOT / "src/rosettalaw").glob("*.py")} | {"cli", "loop"}
    assert {path.name for path in links.iterdir() if path.is_symlink()} == expected
    assert all(path.exists() for path in links.iterdir())


def test_the_type_checker_reads_every_folder():
    """It does not follow a link to a folder by itself, and silently checks nothing there."""
    include = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]["include"]
    assert set(include) == {"typings/rosettalaw"} | {f"typings/rosettalaw/{room}" for room in ROOMS | {"cli", "loop"}}


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
