"""One-dimensional minima against SciPy's, and where the answer is known."""

import math

import numpy as np
import pytest
from scipy import optimize

from rosettalaw.validation.minimum import minimum, minimum_near

CURVES = {
    "quartic": lambda x, a, b: 3 * (x - a) ** 2 + b + 0.1 * x**4,
    "cosh": lambda x, a, b: math.cosh((abs(a) + 0.2) * (x - b)),
    "well": lambda x, a, b: -math.exp(-0.1 * (x - b) ** 2),
}


@pytest.mark.parametrize("curve", CURVES)
def test_minima_are_scipys_at_as_little_cost(curve):
    asked = {"ours": 0, "theirs": 0}
    for a, b, start in np.random.default_rng(1).normal(size=(60, 3)):

        def value(x, whose, a=a, b=b):
            asked[whose] += 1
            return CURVES[curve](float(x), a, b)

        theirs = optimize.minimize_scalar(value, args=("theirs",), bounds=(-4, 4), method="bounded")
        at, least = minimum(lambda x, value=value: value(x, "ours"), -4.0, 4.0, 1e-5)
        assert at == pytest.approx(theirs.x, abs=1e-4)
        assert least == pytest.approx(theirs.fun, abs=1e-9)

        theirs = optimize.minimize_scalar(value, args=("theirs",), bracket=(start - 0.5, start + 0.5))
        at, least = minimum_near(lambda x, value=value: value(x, "ours"), start - 0.5, start + 0.5)
        assert at == pytest.approx(theirs.x, abs=1e-6)
        assert least == pytest.approx(theirs.fun, abs=1e-14)
    assert asked["ours"] < 1.2 * asked["theirs"]


def test_a_minimum_at_an_end_and_one_far_downhill():
    at, _ = minimum(lambda x: x, -1.0, 2.0, 1e-9)
    assert at == pytest.approx(-1.0, abs=1e-7)
    at, least = minimum_near(lambda x: (x - 1e6) ** 2, 0.0, 1.0)
    assert (at, least) == (pytest.approx(1e6, rel=1e-7), pytest.approx(0, abs=1e-2))
    assert minimum_near(lambda x: (x + 5) ** 2, 0.0, 1.0)[0] == pytest.approx(-5)
