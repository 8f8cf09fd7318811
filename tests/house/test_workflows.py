"""The workflows that an outside host runs call only commands, targets, folders and extras that exist."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALLED = {"pip", "python", "uv", "make"}  # by the host, by the step before, or by the system


def jobs(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def commands(path):
    steps = [step for job in jobs(path).values() for step in job["steps"]]
    return [line for step in steps for line in step.get("run", "").splitlines() if line.strip()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_their_commands_exist(path):
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", (ROOT / "Makefile").read_text(), re.M))
    targets = {name for line in targets for name in line.split()}
    assert commands(path)
    for command in commands(path):
        program, *words = command.split()
        assert program in INSTALLED, command
        if program == "make":
            called = [word for word in words if re.fullmatch("[a-z-]+", word)]
            matrix = [word for word in words if "matrix.versions" in word]
            assert called or matrix
            assert {*called, *(("lowest", "newest") if matrix else ())} <= targets, command
        for extras in re.findall(r"\.\[([a-z,]+)\]", command):
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]), command
        for folder in re.findall(r"\btests/[\w/.]+", command):
            assert (ROOT / folder).exists(), command


def test_every_python_that_is_promised_is_tested():
    promised = {line.split()[-1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)}
    tests = jobs(ROOT / ".github/workflows/tests.yml")
    assert set(tests["tests"]["strategy"]["matrix"]["python"]) == promised == {"3.11", "3.12", "3.13", "3.14"}
    assert set(tests["bounds"]["strategy"]["matrix"]["versions"]) == {"lowest", "newest"}


def test_bounds_are_taken_from_the_project():
    from tests.house.bounds import installation, pinned, requirements

    assert pinned("numpy>=2.0") == "numpy==2.0"
    lines = requirements(["vision"])
    assert {line for line in PROJECT["dependencies"]} <= set(lines)
    assert any(line.startswith("torch") for line in lines)  # of measure, which vision names
    assert all(re.fullmatch(r"[\w.-]+(\[\w+\])?==[\d.]+", pinned(line)) for line in lines)
    assert not any("==" in word for word in installation("newest", ["arrays"]))
