"""Kernels give the same numbers interpreted and compiled, and a few points go without the compiler."""

import errno
import importlib
import os
import pathlib
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

from rosettalaw import compiled
from rosettalaw.compiled import ANNOUNCEMENT
from rosettalaw.theory import levels, power_law

RNG = np.random.default_rng(5)
POINTS = 400
INPUTS = [
    10 ** RNG.uniform(0, 12, POINTS),
    np.where(RNG.random(POINTS) < 0.1, 1.0, RNG.uniform(0.3, 4, POINTS)),
    10 ** RNG.uniform(-4, 3, POINTS),
    10 ** RNG.uniform(-2, 2, POINTS),
    10 ** RNG.uniform(0, 3, POINTS),
]


@pytest.mark.parametrize("continuum", [False, True])
@pytest.mark.parametrize("kernel", ["solve_points", "frontier_points"])
def test_the_numbers_are_the_same(kernel, continuum):
    points, shape = getattr(power_law, kernel), (POINTS, 7) if kernel == "solve_points" else (POINTS,)
    interpreted, compiled = np.empty(shape), np.empty(shape)
    points.interpreted(*(x.tolist() for x in INPUTS), continuum, interpreted)
    points.compiled(*INPUTS, continuum, compiled)
    assert np.isfinite(compiled).mean() > 0.8
    np.testing.assert_allclose(interpreted, compiled, rtol=1e-13, atol=0)


@pytest.mark.parametrize("size", [1, 7, 300])
def test_allocations_are_the_same(size):
    weights = np.sort(RNG.lognormal(0, 2, size))[::-1].copy()
    isolations = np.empty((2, size))
    some = levels._fill.interpreted(weights.tolist(), 3.0 * size, isolations[0])
    same = levels._fill.compiled(weights, 3.0 * size, isolations[1])
    np.testing.assert_allclose(some, same, rtol=1e-13)
    np.testing.assert_allclose(*isolations, rtol=1e-13, atol=1e-13)


def test_single_values_are_those_of_the_compiled_kernel_also_where_python_refuses():
    for low, high, beta in ((1.0, 1e9, 1.5), (0.0, 40.0, 0.7), (3.0, 3.5, 1.0)):
        assert power_law.power_sum(low, high, beta) == pytest.approx(
            power_law.power_sum.compiled(low, high, beta), rel=1e-13
        )
    with pytest.raises(OverflowError):
        power_law.continuum_budget.interpreted(2000.0, 1.5)
    np.testing.assert_equal(power_law.continuum_budget(2000.0, 1.5), power_law.continuum_budget.compiled(2000.0, 1.5))
    assert power_law.continuum_budget(np.float64(2.0), np.float64(1.5)) == power_law.continuum_budget(2.0, 1.5)


def test_few_points_load_no_compiler_and_many_do(tmp_path):
    code = """
import sys
import numpy as np
import rosettalaw as rl
rl.fit([128, 256, 512, 1024, 2048, 4096, 8192, 16384], [21, 33, 48, 76, 115, 171, 260, 391])
rl.predict(neurons=np.geomspace(1e3, 1e6, 10), beta=1.6)
import matplotlib
matplotlib.use("agg")
rl.fit([128, 256, 512, 1024, 2048], [21, 33, 48, 76, 115]).plot()
print("numba" in sys.modules, "lmfit" in sys.modules)
rl.predict(neurons=np.geomspace(1e3, 1e6, 400), beta=1.6)
rl.predict(neurons=np.geomspace(1e3, 1e6, 400), beta=np.array([1.6, 2.0]))
print("numba" in sys.modules)
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["False", "False", "True"]
    assert done.stderr.strip() == ANNOUNCEMENT  # once
    again = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
    assert again.stderr == ""


def test_without_a_folder_for_its_cache_a_kernel_is_compiled_and_one_line_says_so(monkeypatch, caplog):
    """The compiler refuses to cache a function of no file, as it does where no folder can be written."""
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(compiled, "_said", [])
    code = compile("def square(x):\n    return x * x\ndef cube(x):\n    return x * square(x)", "<no file>", "exec")
    namespace = {}
    exec(code, namespace)
    with pytest.raises(RuntimeError, match="cannot cache function"):
        numba.njit(cache=True)(namespace["square"])
    with caplog.at_level("INFO", "rosettalaw"):
        square = compiled.njit(cache=True, nogil=True)(namespace["square"])
        namespace["square"] = square
        assert compiled.njit(cache=True)(namespace["cube"])(3.0) == 27.0
    assert [record.message for record in caplog.records] == [compiled.WITHOUT_CACHE]


def folder_instead(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size)),
    "another kind": lambda path: path.write_bytes(pickle.dumps([1, 2])),
    "a module that is gone": lambda path: path.write_bytes(b"cno_such_module\nthing\n."),
    "a folder": folder_instead,
}


@pytest.fixture
def cubes(tmp_path, monkeypatch):
    """Return a function that makes a kernel anew, with its cache in a folder of this test, and the folder."""
    numba = pytest.importorskip("numba")
    (tmp_path / "cubes.py").write_text("def cube(x):\n    return x * x * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cubes", raising=False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    return lambda: compiled.njit(cache=True)(importlib.import_module("cubes").cube), tmp_path / "cache"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_a_damaged_file_of_the_compilers_cache_is_made_again(damage, ending, cubes):
    make, folder = cubes
    assert make()(3.0) == 27.0
    whole = make()
    assert whole(3.0) == 27.0
    assert sum(whole.stats.cache_hits.values()) == 1
    (path,) = folder.rglob(f"*.{ending}")
    damage(path)
    again = make()
    assert again(3.0) == 27.0
    assert not again.stats.cache_hits
    third = make()
    assert third(3.0) == 27.0
    assert path.is_dir() or sum(third.stats.cache_hits.values()) == 1


def test_a_disk_that_takes_no_compiled_function_stops_no_run(cubes, monkeypatch):
    from numba.core import caching

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    make, folder = cubes
    assert make()(3.0) == 27.0
    assert not list(folder.rglob("*.nbc"))


def test_another_refusal_of_the_compiler_is_an_error(monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba, "njit", lambda **options: (_ for _ in ()).throw(RuntimeError("no processor")))
    with pytest.raises(RuntimeError, match="no processor"):
        compiled.njit(cache=True)(abs)


def test_every_kernel_that_is_cached_does_without():
    package = pathlib.Path(compiled.__file__).parents[2]
    folders = [package / name for name in ("src", "theory", "sims", "empirical", "validation", "paper_figs")]
    texts = {path: path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py")}
    wrong = re.compile(r"numba\.n?jit\([^)]*cache=")
    assert len(texts) > 300
    assert [path.name for path, text in texts.items() if wrong.search(text)] == []
