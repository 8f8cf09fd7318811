"""Roots against SciPy's ``brentq``: the same places asked for, in the same order, and the same bits."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from rosettalaw.theory.roots import root

SHAPES = {
    "cubic": lambda x, a, b: a + b * x + x**3,
    "step": lambda x, a, b: math.tanh(40 * a * x) - b / 3,
    "exponential": lambda x, a, b: math.exp(a * x) - 2 - abs(b),
    "flat at its root": lambda x, a, b: (x - a) ** 9 * math.exp(20 * b),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_steps_are_brentqs(shape):
    rng = np.random.default_rng(0)
    tried = 0
    for xtol in (1e-15, 1e-9, 1e-3):
        for a, b, low, high in rng.normal(size=(60, 4)) * [1, 1, 5, 5]:
            asked: list[list[float]] = [[], []]

            def seen(x, place, a=a, b=b, asked=asked):
                asked[place].append(x)
                return SHAPES[shape](x, a, b)

            if SHAPES[shape](low, a, b) * SHAPES[shape](high, a, b) >= 0:
                continue
            ours = root(lambda x, seen=seen: seen(x, 0), low, high, xtol)
            theirs = brentq(lambda x, seen=seen: seen(x, 1), low, high, xtol=xtol, rtol=1e-15, maxiter=500)
            assert ours == theirs
            assert asked[0] == asked[1]
            tried += 1
    assert tried > 20


def test_ends_that_are_roots_and_functions_without_one():
    assert root(lambda x: x, 0.0, 1.0) == 0.0
    assert root(lambda x: x - 1, 0.0, 1.0) == 1.0
    with pytest.raises(ValueError, match="one sign at 1 and 2"):
        root(lambda x: x, 1.0, 2.0)
    with pytest.raises(ValueError, match="NaN at"):
        root(lambda x: x if abs(x) > 0.9 else math.nan, -1.0, 1.0)
