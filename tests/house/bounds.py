"""Tests with the lowest versions that `pyproject.toml` allows, and with the newest: ``make lowest``, ``make newest``.

Each has a virtual environment of its own, which later runs use again. The lowest version of every dependency that is
stated is installed, and of theirs those that fit; the newest ones go without `constraints.txt`.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).parents[2]
NEEDED = ("pytest", "hypothesis")  # of the extra dev, to run tests at all
REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)(\[[^\]]+\])?>=([0-9.]+)(?:,<([0-9.]+))?")


def requirements(extras: list[str]) -> list[str]:
    """Return the requirements of the base and of extras, those within other extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional, lines, pending = project["optional-dependencies"], list(project["dependencies"]), list(extras)
    lines += [line for line in (*optional["dev"], *optional["testing"]) if line.partition(">")[0] in NEEDED]
    for extra in pending:  # grows as extras name others
        for line in optional[extra]:
            within = re.fullmatch(r"rosettalaw\[(.+)\]", line)
            if within:
                pending += [name for name in within[1].split(",") if name not in pending]
            else:
                lines.append(line)
    return list(dict.fromkeys(lines))


def pinned(line: str) -> str:
    """Return a requirement at its lowest version.

    Examples
    --------
    >>> pinned("dask[array]>=2024.8")
    'dask[array]==2024.8'
    """
    name, extra, lowest, _ = REQUIREMENT.fullmatch(line).groups()
    return f"{name}{extra or ''}=={lowest}"


def installation(versions: str, extras: list[str]) -> list[str]:
    """Return pip's arguments that install the package with its lowest or newest versions."""
    lines = requirements(extras)
    chosen = [pinned(line) for line in lines] if versions == "lowest" else ["--upgrade", *lines]
    return ["install", "--quiet", *chosen, "--editable", f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)]


def main() -> int:
    """Install, say what was installed, and return the exit status of the tests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", choices=["lowest", "newest"], required=True)
    parser.add_argument("--extras", default="", help="extras to install, as measure,arrays; none by default")
    parser.add_argument("--environment", type=pathlib.Path, help="folder of the virtual environment")
    parser.add_argument("tests", nargs="*", help="arguments for pytest; after -- where they begin with a dash")
    options = parser.parse_args()
    folder = options.environment or ROOT / f".venv-{options.versions}"
    inside = folder / "bin" / "python"
    if not inside.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    extras = [extra for extra in options.extras.split(",") if extra]
    subprocess.run(
        [inside, "-m", "pip", "--disable-pip-version-check", *installation(options.versions, extras)], check=True
    )
    subprocess.run([inside, "-m", "pip", "--disable-pip-version-check", "list"], check=True)
    return subprocess.run([inside, "-m", "pytest", "-q", *options.tests], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
