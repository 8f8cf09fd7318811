"""Choice of the engine: by size first, then by a speed that is measured once for a machine."""

import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match, products
from rosettalaw.empirical.matching.certifying import sums
from rosettalaw.empirical.matching.machine import choice, precision
from rosettalaw.empirical.matching.machine.choice import (
    CLEARLY,
    FASTER,
    LARGE,
    fastest,
    half_precision_speed,
    library_of_products,
    measured_speed,
    measured_speed_of_torch,
    speed_of_torch,
)
from rosettalaw.errors import MissingExtraError, UnknownNameError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROSETTALAW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def fast(cache, monkeypatch):
    """A machine whose half-precision products are much faster, for a matching of any size."""
    monkeypatch.setattr(choice, "measured_speed", lambda device: 10.0)
    monkeypatch.setattr(choice, "LARGE", 0)


def never(device):
    raise AssertionError("measured")


def test_a_machine_is_measured_once(cache, monkeypatch):
    monkeypatch.setattr(choice, "measured_speed", lambda device: CLEARLY["cpu"])
    assert fastest(LARGE, (), "float32", "cpu") == "certified"
    monkeypatch.setattr(choice, "measured_speed", never)
    assert fastest(LARGE, (), "float32", "cpu") == "certified"
    (key,) = choice._saved(cache / choice.SPEEDS)
    assert key == f"{choice.processor()}, {torch.get_num_threads()} threads, torch {version('torch')}"
    monkeypatch.setattr(choice, "measured_speed", lambda device: CLEARLY["cpu"] - 0.1)
    monkeypatch.setattr(choice, "measured_speed_of_integers", lambda over_half: 1.0)
    monkeypatch.setattr(choice, "processor", lambda: "another processor")
    assert fastest(LARGE, (), "float32", "cpu") == "exact"
    assert len(choice._saved(cache / choice.SPEEDS)) == 2
    (cache / choice.SPEEDS).write_text("damaged")
    assert fastest(LARGE, (), "float32", "cpu") == "exact"


def test_integers_alone_may_be_fast(cache, monkeypatch):
    """Many processors multiply eight-bit integers quickly and half precision slowly; sums must not overflow."""
    monkeypatch.setattr(choice, "measured_speed", lambda device: 0.2)
    monkeypatch.setattr(choice, "measured_speed_of_integers", lambda over_half: 1.2 if over_half else 3.5)
    for exact, engine in ((True, "certified"), (False, "exact")):
        monkeypatch.setattr(choice, "exact_integers", lambda exact=exact: exact)
        assert fastest(LARGE, (), "float32", "cpu") == engine
    monkeypatch.setattr(choice, "exact_integers", lambda: True)
    for half, engine in ((1.6, "exact"), (1.7, "certified")):  # times 1.2
        monkeypatch.setattr(choice, "half_precision_speed", lambda device, half=half: half)
        assert fastest(LARGE, (), "float32", "cpu") == engine


def test_what_is_small_or_needs_the_exact_engine_measures_nothing(cache, monkeypatch):
    monkeypatch.setattr(choice, "measured_speed", never)
    assert fastest(LARGE * 0.99, (), "float32", "cpu") == "exact"
    assert fastest(LARGE, (2,), "float32", "cpu") == "exact"
    assert fastest(LARGE, (), "bfloat16", "cpu") == "exact"
    assert not cache.exists()
    assert match(ArraySource(np.eye(5)), ArraySource(np.eye(5)), nulls={}, quiet=True).engine == "exact"


def test_a_cache_that_cannot_be_written_leaves_the_exact_engine(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROSETTALAW_CACHE", str(tmp_path / "file"))
    assert half_precision_speed("cpu", lambda device: 10.0) is None
    monkeypatch.setattr(choice, "measured_speed", lambda device: 10.0)
    assert fastest(LARGE, (), "float32", "cpu") == "exact"


def test_the_measurement_itself():
    """On any machine a positive number; where both kinds of products are the same kernels, about 1."""
    assert 0.05 < measured_speed("cpu") < 100


def test_inaccurate_products_are_not_chosen(monkeypatch):
    """Sums that are a hundredth off are less accurate than those that are rounded once."""

    def coarse(one, other, room):
        return (one.float() @ other.float().T * 1.01).bfloat16()

    monkeypatch.setattr(sums, "host_product", coarse)
    assert measured_speed("cpu") == 0


@pytest.mark.usefixtures("fast")
def test_a_matching_goes_on_with_the_engine_it_was_begun_with(plant, tmp_path, monkeypatch):
    a, b, _ = plant(400, 20, 20, 8)
    monkeypatch.setattr(products, "SAVE_EVERY", 0.0)
    options = {"nulls": {}, "quiet": True, "folder": tmp_path / "work"}
    found = match(ArraySource(a), ArraySource(b), **options)
    assert found.engine == "certified"
    assert found.details["computed_exactly"] > 0
    monkeypatch.setattr(choice, "LARGE", np.inf)
    again = match(ArraySource(a), ArraySource(b), **options)
    assert again.engine == "certified"
    assert again.correlation.tobytes() == found.correlation.tobytes()
    exact = match(ArraySource(a), ArraySource(b), **{**options, "folder": None})
    assert exact.engine == "exact"
    assert exact.correlation.tobytes() == found.correlation.tobytes()


@pytest.mark.usefixtures("fast")
def test_further_k_and_precisions_are_the_exact_engines(plant):
    a, b, _ = plant(400, 20, 20, 8)
    options = {"nulls": {}, "quiet": True}
    assert match(ArraySource(a), ArraySource(b), also_k=(2,), **options).engine == "exact"
    assert match(ArraySource(a), ArraySource(b), compute="float16", **options).engine == "exact"
    with pytest.raises(UnknownNameError, match="unknown engine 'certain': did you mean certified"):
        match(ArraySource(a), ArraySource(b), engine="certain", **options)


def test_small_matchings_do_not_import_torch(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((50, 6)))
    call = "import sys; from rosettalaw.empirical.activations.arrays import ArraySource as A\n"
    call += "from rosettalaw.empirical.matching import match\n"
    call += "found = match(A('a.npy'), A('a.npy'), quiet=True)\nassert 'torch' not in sys.modules; print(found.engine)"
    done = subprocess.run([sys.executable, "-c", call], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "exact"


def test_the_library_of_products_is_measured_once(cache, monkeypatch):
    call = LARGE, "exact", "float32", "cpu"
    monkeypatch.setattr(choice, "measured_speed_of_torch", lambda: FASTER)
    assert library_of_products(*call) == "torch"
    monkeypatch.setattr(choice, "measured_speed_of_torch", lambda: never(None))
    assert library_of_products(*call) == "torch"
    (key,) = choice._saved(cache / choice.SPEEDS_OF_LIBRARIES)
    assert key.startswith(f"{choice.processor()}, {torch.get_num_threads()} threads, torch {version('torch')}, ")
    assert f"numpy {np.__version__} and " in key
    more = 1 + max(one["num_threads"] for one in threadpool_info())
    with threadpool_limits(more, "blas"), pytest.raises(AssertionError, match="measured"):
        library_of_products(*call)  # another number of threads is another ratio
    monkeypatch.setattr(choice, "processor", lambda: "another processor")
    monkeypatch.setattr(choice, "measured_speed_of_torch", lambda: FASTER - 0.01)
    assert library_of_products(*call) == "numpy"


@pytest.mark.parametrize(
    "call",
    [
        (LARGE * 0.99, "exact", "float32", "cpu"),
        (LARGE, "screened", "float32", "cpu"),
        (LARGE, "certified", "float32", "cpu"),
        (LARGE, "exact", "bfloat16", "cpu"),
        (LARGE, "exact", "float32", "cuda"),
    ],
)
def test_other_products_than_large_ones_of_float32_on_the_cpu_measure_nothing(call, cache, monkeypatch):
    monkeypatch.setattr(choice, "measured_speed_of_torch", lambda: never(None))
    assert library_of_products(*call) == "numpy"
    assert not cache.exists()


def test_without_torch_or_a_cache_products_are_numpys(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROSETTALAW_CACHE", str(tmp_path / "file"))
    assert speed_of_torch(lambda: 10.0) is None
    monkeypatch.setattr(choice, "measured_speed_of_torch", lambda: 10.0)
    assert library_of_products(LARGE, "exact", "float32", "cpu") == "numpy"
    monkeypatch.setattr(choice, "installed", lambda name: False)
    monkeypatch.setattr(choice, "measured_speed_of_torch", lambda: never(None))
    assert library_of_products(LARGE, "exact", "float32", "cpu") == "numpy"


def test_the_measurement_of_the_libraries():
    assert 0.02 < measured_speed_of_torch() < 50


@pytest.mark.parametrize("first", [True, False])
def test_products_of_both_libraries_are_those_of_float64(first):
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((70, columns)).astype(np.float32) for columns in (9, 13))
    before = rng.standard_normal((9, 13)).astype(np.float32)
    expected = x.astype(float).T @ y + (0 if first else before)
    for library in choice.LIBRARIES:
        cross = before.copy()
        precision.Product(library=library).add(cross, x, y, first)
        np.testing.assert_allclose(cross, expected, rtol=0, atol=1e-5)


def test_a_matching_by_torchs_products_is_resumed_with_them(plant, tmp_path, cache, monkeypatch):
    a, b, _ = plant(400, 20, 20, 8)
    monkeypatch.setattr(choice, "LARGE", 0)
    monkeypatch.setattr(choice, "measured_speed", lambda device: 1.0)
    monkeypatch.setattr(choice, "measured_speed_of_integers", lambda over_half: 1.0)
    monkeypatch.setattr(choice, "measured_speed_of_torch", lambda: 2.0)
    monkeypatch.setattr(products, "SAVE_EVERY", 0.0)
    options = {"nulls": {"shift": 1}, "quiet": True, "folder": tmp_path / "work"}
    by_torch = match(ArraySource(a), ArraySource(b), **options)
    assert by_torch.details["library"] == "torch"
    (cache / choice.SPEEDS_OF_LIBRARIES).unlink()
    monkeypatch.setattr(choice, "measured_speed_of_torch", lambda: 0.5)
    again = match(ArraySource(a), ArraySource(b), **options)
    assert again.details["library"] == "torch"
    with monkeypatch.context() as hidden:
        hidden.setitem(sys.modules, "torch", None)
        with pytest.raises(MissingExtraError, match="torch"):
            match(ArraySource(a), ArraySource(b), **options)
    by_numpy = match(ArraySource(a), ArraySource(b), **{**options, "folder": tmp_path / "other"})
    assert by_numpy.details["library"] == "numpy"
    assert (by_numpy.unit_a.tolist(), by_numpy.unit_b.tolist()) == (by_torch.unit_a.tolist(), by_torch.unit_b.tolist())
    np.testing.assert_allclose(by_numpy.correlation, by_torch.correlation, rtol=0, atol=1e-12)
    np.testing.assert_allclose(*(one.nulls["shifted"][0] for one in (by_numpy, by_torch)), rtol=0, atol=1e-6)
