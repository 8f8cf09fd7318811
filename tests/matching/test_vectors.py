"""Vector instructions and plain loops: the same bits, and which of the two is taken."""

import logging
import sys
from fractions import Fraction

import numba
import numpy as np
import pytest

from rosettalaw.empirical.matching.machine import loops, simd, vectors


def compiled(operations):
    """Return the operations of one route as one compiled function."""
    inner, turn, multiply = operations.inner, operations.turn, operations.multiply
    fetch, move = operations.fetch, operations.move

    @numba.njit
    def run(x, y, out, sums, squares, product, dots):
        for i in range(len(dots)):
            dots[i] = inner(x, 7 * i, y, 5 * i, 96)
        fetch(x, 3, 40)  # changes nothing, within the array or beyond it
        fetch(x, 1990, 40)
        move(y, 11, out, 330, 64)
        turn(x, 3, 40, y, 9, out, 2, 20, sums, 1, squares, 4)
        multiply(x, 1, 45, y, 6, product, 3, 37, 30)

    return run


@pytest.fixture(scope="module")
def routes():
    return {"simd": compiled(simd), "plain": compiled(loops)}


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_both_routes_give_the_same_bits(routes, seed, scale):
    rng = np.random.default_rng(seed)
    x, y = (rng.standard_normal(2000) * scale * 10 ** rng.uniform(-3, 3, 2000) for _ in "xy")
    made = {}
    for name, run in routes.items():
        room = [np.full(n, 0.25, np.float32) for n in (600, 40, 40, 400, 100)]
        run(x.astype(np.float32), y.astype(np.float32), *room)
        made[name] = np.concatenate(room).view(np.int32)
    np.testing.assert_array_equal(made["simd"], made["plain"])
    assert len(np.unique(made["plain"])) > 300


def test_a_product_is_added_as_if_it_were_never_rounded():
    """Numbers of few bits, whose sums are often halfway between two float32, against exact fractions."""
    rng = np.random.default_rng(0)
    halfway = 0
    for _ in range(4000):
        x, y = (np.float32(rng.integers(1, 2**24) * 2.0**-12) for _ in "xy")
        z = np.float32(rng.choice([-1, 1]) * rng.integers(1, 2**24) * 2.0 ** rng.integers(-70, 40))
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        ours = loops.fused(x, y, z)
        near = np.float32(float(x) * float(y) + float(z))
        error = abs(Fraction(float(ours)) - exact)
        for other in (np.nextafter(ours, np.float32(np.inf)), np.nextafter(ours, np.float32(-np.inf))):
            assert error <= abs(Fraction(float(other)) - exact)
        halfway += ours != near
    x, y, z = np.float32(1 + 2.0**-12), np.float32(1 + 2.0**-12), np.float32(2.0**-70)  # halfway, and a little more
    assert loops.fused(x, y, z) == np.float32(1 + 2.0**-11 + 2.0**-23)
    assert loops.fused(x, y, -z) == np.float32(1 + 2.0**-11)
    assert loops.fused(-x, y, -z) == -np.float32(1 + 2.0**-11 + 2.0**-23)


def test_versions_that_were_tried_take_the_instructions_and_newer_ones_plain_loops(monkeypatch, caplog):
    assert vectors.chosen() is simd
    assert vectors.inner is simd.inner
    caplog.set_level(logging.DEBUG, "rosettalaw")
    for name in ("numba", "llvmlite"):
        caplog.clear()
        assert vectors.chosen(vectors.NEWEST | {name: (0, 1)}) is loops
        assert name in caplog.text
        assert "is newer than any tried: kernels use plain loops" in caplog.text
    monkeypatch.setitem(sys.modules, simd.__name__, None)
    caplog.clear()
    assert vectors.chosen() is loops
    assert "private interface differs: kernels use plain loops" in caplog.text
