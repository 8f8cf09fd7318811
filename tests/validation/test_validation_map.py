"""The face and the map of validation: every file named once, no name that is gone, no import that runs in a circle."""

import ast
import pathlib
import re
import subprocess
import sys
from collections import Counter

import pytest

import rosettalaw.validation as validation

FOLDER = pathlib.Path(validation.__file__).parent


def chapters():
    """Names at the left of the chapter table: lines that the next, indented line explains."""
    table = validation.__doc__.split("-\n", 1)[1].split("\n\n")[0]
    return [name for line in table.splitlines() if line and line[0] != " " for name in re.split(r", ", line.strip())]


def modules():
    files = [path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__"]
    return files + [path.parent.name for path in FOLDER.glob("*/__init__.py")]


def test_the_chapter_table_names_every_file_once_and_none_that_is_gone():
    assert Counter(chapters()) == Counter(modules())


def imports():
    """Every import of one module of validation by another, those inside functions too; not those for types alone."""
    for path in FOLDER.rglob("*.py"):
        inside = path.relative_to(FOLDER).parent.parts
        name = "/".join(path.relative_to(FOLDER).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        guarded = [
            node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        ]
        types = {inner for node in guarded for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if node not in types and isinstance(node, ast.ImportFrom) and node.level and node.level - 1 <= len(inside):
                base = inside[: len(inside) - node.level + 1]
                for other in [node.module] if node.module else [alias.name for alias in node.names]:
                    target = "/".join((*base, *other.split(".")))
                    if (FOLDER / f"{target}.py").exists():
                        yield name, target
                    elif (FOLDER / target / "__init__.py").exists():
                        yield name, f"{target}/__init__"


def test_no_import_runs_in_a_circle():
    below = {}
    for name, other in imports():
        if name != "__init__":  # the face, which nothing imports
            below.setdefault(name, set()).add(other)
    assert len(below) > 15
    while True:
        leaves = set().union(*below.values()) - set(below)
        rest = {name: others - leaves for name, others in below.items()}
        rest = {name: others for name, others in rest.items() if others}
        if rest == below:
            break
        below = rest
    assert not below


def test_the_face_gives_what_it_names_and_no_more():
    assert sorted(validation.__all__) == sorted(validation._HOME) == validation.__all__
    for name in validation.__all__:
        thing = getattr(validation, name)
        assert thing.__module__ == f"rosettalaw.validation.{validation._HOME[name]}"
    assert set(validation.__all__) <= set(dir(validation))
    with pytest.raises(AttributeError, match="no attribute 'analyze'"):
        _ = validation.analyze
    assert not set(validation.__all__) & set(modules())  # a module of that name would take its place


def test_the_face_loads_nothing_until_it_is_asked():
    code = "import sys, rosettalaw.validation; print('scipy' in sys.modules or 'lmfit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
