"""The notebooks of `examples` run from top to bottom and give the outputs that they are kept with."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")

ROOT = Path(__file__).parents[2]
NAMES = ["arrays", "counts", "models", "theory"]
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
OF_THE_MACHINE = re.compile(r"(?<![\w<])/(home|root|tmp|work|usr|Users|opt)/|Warning|\d ?(ms|seconds)\b|0x[0-9a-f]{6}")
TRAINED = "models"  # its numbers are those of one processor, and of one Python's text


def notebook(name):
    return nbformat.read(ROOT / f"examples/{name}.ipynb", as_version=4)


def code(name):
    return [cell for cell in notebook(name).cells if cell.cell_type == "code"]


def kept_texts(name):
    outputs = [output for cell in code(name) for output in cell.outputs if "image/png" not in output.get("data", {})]
    return [output.get("text") or output.data["text/plain"] for output in outputs]


@pytest.fixture(scope="module")
def new_texts(tmp_path_factory):
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.run_notebooks", *(f"examples/{name}.ipynb" for name in NAMES)],
        cwd=ROOT,
        env=os.environ | threads | {"MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(NAMES, json.loads(done.stdout), strict=True))


def test_there_are_no_others():
    assert sorted(path.stem for path in (ROOT / "examples").glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_they_are_kept_with_outputs_that_show_nothing_of_the_machine(name):
    cells = code(name)
    assert notebook(name).cells[0].cell_type == "markdown"
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert name == TRAINED or any("image/png" in output.get("data", {}) for output in outputs)
    for output in outputs:
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text
        pages = [page for kind, page in output.get("data", {}).items() if kind != "image/png"]
        assert not OF_THE_MACHINE.search("".join([output.get("text", ""), *pages]))
    assert all(len(line) <= 120 for cell in notebook(name).cells for line in cell.source.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_they_run_and_give_what_they_show(name, new_texts):
    kept, new = kept_texts(name), new_texts[name]
    assert len(new) == len(kept), new[-1]
    if name == TRAINED:
        return
    for was, now in zip(kept, new, strict=True):
        assert NUMBER.sub("0", " ".join(now.split())) == NUMBER.sub("0", " ".join(was.split()))
        numbers = [[float(number.replace(",", "")) for number in NUMBER.findall(text)] for text in (was, now)]
        assert numbers[1] == pytest.approx(numbers[0], rel=0.02, abs=0.02)
