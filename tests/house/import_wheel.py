"""Install a built wheel into a fresh folder and import every subpackage from it (run by ``make wheel``)."""

import pathlib
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).parents[2]
CHECK = """
import importlib, pathlib, sys
folder = pathlib.Path(sys.argv[1])
for name in sys.argv[2:]:
    module = importlib.import_module(name)
    assert folder in pathlib.Path(module.__file__).parents, f"{name} came from {module.__file__}"
from rosettalaw.empirical.language.families import open_ladder
assert open_ladder("quickstart").rung and open_ladder("full").rung
from rosettalaw.validation.page import TEMPLATES
assert list(TEMPLATES.glob("*.html"))
assert list((folder / "rosettalaw/validation/published").glob("*.csv"))
print(f"{len(sys.argv) - 2} packages import from the wheel")
"""


def main(dist: str) -> None:
    (wheel,) = pathlib.Path(dist).glob("*.whl")
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, str(wheel)]
        subprocess.run(pip, check=True)
        # -P and a foreign working directory keep the source tree out; the path entry goes before the editable install.
        check = f"import sys; sys.path.insert(0, {folder!r})\n" + CHECK
        subprocess.run([sys.executable, "-P", "-c", check, folder, *packages], cwd=folder, check=True)


if __name__ == "__main__":
    main(sys.argv[1])
