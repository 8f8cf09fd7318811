"""Tails and quantiles against SciPy's, over all that fits ask for and far beyond."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special, stats

from rosettalaw.validation.distributions import (
    beta_share,
    chi_square_quantile,
    chi_square_tail,
    f_tail,
    gamma_share,
    gamma_shares,
    log_gamma,
    student_quantile,
    student_tail,
)

FREEDOM = st.one_of(st.integers(1, 400), st.floats(0.5, 400))
CLOSE = {"rel": 1e-10, "abs": 1e-14}


def beta_of(a, b, part, rest):
    """Return I_x(a, b) for x = part/(part + rest), whose digits are lost in float64 where rest is tiny."""
    with mpmath.workdps(40):
        x = mpmath.mpf(part) / (mpmath.mpf(part) + mpmath.mpf(rest))
        return float(mpmath.betainc(a, b, 0, x, regularized=True))


@given(FREEDOM, st.floats(0, 60))
@example(1, 3.091380608284197e-08)
def test_students_tail(freedom, t):
    """Against mpmath: SciPy's own is off by 1e-9 near 0."""
    assert student_tail(freedom, t) == pytest.approx(beta_of(freedom / 2, 0.5, freedom, t**2) / 2, **CLOSE)
    assert student_tail(freedom, -t) == student_tail(freedom, t)


@given(st.integers(1, 400), st.floats(0.5001, 0.9999))
def test_students_quantile(freedom, probability):
    assert student_quantile(freedom, probability) == pytest.approx(special.stdtrit(freedom, probability), rel=1e-8)


def test_quantiles_of_the_normal_distribution():
    assert student_quantile(np.inf, 0.975) == pytest.approx(special.ndtri(0.975), rel=1e-13)
    assert student_quantile(np.inf, 0.5) == pytest.approx(0, abs=1e-12)
    assert student_quantile(1, 0.975) == pytest.approx(np.tan(np.pi * 0.475), rel=1e-12)  # Cauchy's


@given(st.integers(1, 30), st.integers(1, 300), st.floats(0, 200))
@example(1, 2, 2.2e-16)
@example(1, 1, 1e-13)
def test_tail_of_f(above, below, x):
    """Against mpmath: SciPy's own is off by 1e-10 at x = 1e-13."""
    assert f_tail(above, below, x) == pytest.approx(beta_of(below / 2, above / 2, below, above * x), **CLOSE)


@given(FREEDOM, st.floats(0, 900))
def test_tail_of_chi_square(freedom, x):
    assert chi_square_tail(freedom, x) == pytest.approx(stats.chi2.sf(x, freedom), **CLOSE)


@given(st.integers(1, 300), st.floats(0.01, 0.99))
def test_quantile_of_chi_square(freedom, probability):
    assert chi_square_quantile(freedom, probability) == pytest.approx(stats.chi2.ppf(probability, freedom), rel=1e-8)


@given(st.floats(0.25, 200), st.floats(0, 500))
def test_incomplete_gamma(a, x):
    assert gamma_share(a, x) == pytest.approx(special.gammainc(a, x), **CLOSE)


@given(st.floats(0.25, 200), st.floats(0.25, 200), st.floats(0, 1))
def test_incomplete_beta(a, b, x):
    assert beta_share(a, b, x) == pytest.approx(special.betainc(a, b, x), **CLOSE)


def test_arrays():
    x = np.linspace(0, 30, 50)
    np.testing.assert_allclose(gamma_shares(2.5, x), special.gammainc(2.5, x), rtol=1e-12, atol=1e-15)
    grid = np.array([[0.3, 4.0], [1e6, 20.5]])
    np.testing.assert_allclose(log_gamma(grid), special.gammaln(grid), rtol=1e-14)
