"""The tests on every Python of this machine: ``make pythons``.

Interpreters are looked for on the path, among pyenv's, and among uv's; of each minor version from the lowest that
`pyproject.toml` allows the newest is taken. Each gets a virtual environment of its own below ``.venv-pythons``, which
later runs use again. An extra that cannot be installed there, as a library may have no build for a new Python yet, is
said and left out: tests that need it are skipped (`tests/conftest.py`).
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).parents[2]
ASK = "import sys; print(*sys.version_info[:3], sys.version_info.releaselevel, sys.prefix == sys.base_prefix)"
TESTS = ("pytest>=9.0", "hypothesis>=6.100", "cvxpy>=1.5", "statsmodels>=0.14", "zarr>=3.0.1", "build>=1.2")


def lowest() -> tuple[int, int]:
    """Return the lowest minor version that the package allows."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    major, minor = re.fullmatch(r">=(\d+)\.(\d+)", wanted).groups()
    return int(major), int(minor)


def candidates() -> list[pathlib.Path]:
    """Return the files that may be interpreters, on the path and in the folders of version managers."""
    home = pathlib.Path.home()
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"
    uv = pathlib.Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python"))
    folders = [pathlib.Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    folders += [*sorted(pyenv.glob("*/bin")), *sorted(uv.glob("*/bin"))]
    names = re.compile(r"python3(\.\d+)?t?(\.exe)?")
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir() if names.fullmatch(path.name)]
    return [path for path in found if os.access(path, os.X_OK)]


def version(python: pathlib.Path) -> tuple[int, int, int] | None:
    """Return an interpreter's version; None if it does not run, is no release, or is a virtual environment's."""
    try:
        done = subprocess.run([python, "-c", ASK], capture_output=True, text=True, timeout=30, check=True, cwd="/")
    except (OSError, subprocess.SubprocessError):  # pyenv's shims refuse versions that are not chosen
        return None
    major, minor, micro, release, base = done.stdout.split()
    return (int(major), int(minor), int(micro)) if release == "final" and base == "True" else None


def newest(versions: dict[pathlib.Path, tuple[int, int, int]]) -> dict[str, pathlib.Path]:
    """Return the newest interpreter of each minor version that the package allows, by "major.minor"."""
    best: dict[str, pathlib.Path] = {}
    for path, number in sorted(versions.items(), key=lambda item: (item[1], str(item[0]))):
        if number[:2] >= lowest():
            best[f"{number[0]}.{number[1]}"] = path
    return best


def interpreters() -> dict[str, pathlib.Path]:
    """Return the newest interpreter of each minor version on this machine."""
    asked = {path.resolve(): None for path in candidates()}
    numbers = {path: version(path) for path in asked}
    return newest({path: number for path, number in numbers.items() if number})


def environment(python: pathlib.Path, name: str, extras: str) -> pathlib.Path:
    """Return the interpreter of a virtual environment that has the package and what its tests need."""
    folder = ROOT / ".venv-pythons" / name
    inside = folder / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
    install = [inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    install += ["--constraint", ROOT / "constraints.txt"]
    chosen = f"{ROOT}[{extras}]" if extras else str(ROOT)
    if subprocess.run([*install, "--editable", chosen, *TESTS]).returncode and extras:
        print(f"Python {name}: [{extras}] cannot be installed; tests without it", flush=True)
        subprocess.run([*install, "--editable", str(ROOT), *TESTS], check=True)
    return inside


def main() -> int:
    """Run the tests on each interpreter, print a line for each, and return 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extras", default="dev,vision", help="extras to install; '' for the base alone")
    parser.add_argument("--list", action="store_true", help="only list the interpreters")
    parser.add_argument("tests", nargs="*", help="arguments for pytest; after -- where they begin with a dash")
    options = parser.parse_args()
    failed = []
    known = interpreters()
    for name, python in known.items():
        print(f"Python {name}: {python}", flush=True)
        if options.list:
            continue
        try:
            inside = environment(python, name, options.extras)
        except subprocess.CalledProcessError:
            failed.append(f"{name} (cannot be installed)")
            continue
        if subprocess.run([inside, "-m", "pytest", "-q", *options.tests], cwd=ROOT).returncode:
            failed.append(name)
    if not options.list:
        print(f"tested on {', '.join(known)}: {'failed on ' + ', '.join(failed) if failed else 'all passed'}")
    return 1 if failed or not known else 0


if __name__ == "__main__":
    sys.exit(main())
