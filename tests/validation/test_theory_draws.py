"""Many theories fitted at once, against one fit after the other and against SciPy's least squares."""

import numpy as np
import pytest
from scipy import optimize

from rosettalaw.theory import frontier
from rosettalaw.theory.frontiers import frontiers
from rosettalaw.validation.curves import CURVES, fitted_curves
from rosettalaw.validation.theory_draws import fitted_theories
from rosettalaw.validation.theory_search import BETA_RANGE, log_curve

SIZES = {"six": np.array([128, 192, 256, 384, 512, 768.0]), "eight": 128 * 2.0 ** np.arange(8)}
TRUTHS = {
    "theory": lambda n: frontier(n, 1.5, 1.0, 1.0, 4.0) - 0.5,
    "logarithmic": lambda n: 20 + 8 * np.log(n / 100),
    "linear": lambda n: n / 10,
    "constant": lambda n: np.full_like(n, 8.0),
}


def test_frontiers_are_those_of_the_kernels():
    rng = np.random.default_rng(0)
    neurons, kappa = 10 ** rng.uniform(0.5, 9, 4000), 10 ** rng.uniform(-4, 4, 4000)
    beta = rng.uniform(1.001, 8, 4000)
    for tau, gamma in ((1.0, 4.0), (0.2, 1.5)):
        expected = frontier(neurons, beta, kappa, tau, gamma)
        np.testing.assert_allclose(frontiers(neurons, beta, kappa, tau, gamma), expected, rtol=1e-12)
    grid = frontiers(neurons.reshape(40, 100), beta.reshape(40, 100), kappa.reshape(40, 100), 0.2, 1.5)
    assert np.array_equal(grid.ravel(), frontiers(neurons, beta, kappa, 0.2, 1.5))


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("sizes", SIZES)
def test_sums_of_squares_are_as_small_as_of_single_fits(truth, sizes):
    neurons, rng = SIZES[sizes], np.random.default_rng(1)
    x, log_counts = np.log(neurons), np.log(TRUTHS[truth](neurons))
    y = log_counts + rng.normal(0, 0.15, (20, len(x)))
    together = np.sum((y - fitted_theories(x, y)) ** 2, axis=1)
    alone = np.array([np.sum((one - log_curve(x, one)(x)) ** 2) for one in y])
    np.testing.assert_allclose(together, alone, rtol=1e-4)


def test_a_single_fit_of_scipy():
    x, rng = np.log(SIZES["eight"]), np.random.default_rng(2)
    y = np.log(TRUTHS["theory"](SIZES["eight"])) + rng.normal(0, 0.1, 8)

    def left(at):
        return y - np.log(frontier(np.exp(x), at[0], 2 * np.exp(at[1]), 1.0, 4.0) - 0.5)

    found = optimize.least_squares(left, (1.6, 0.0), bounds=([BETA_RANGE[0], -20], [BETA_RANGE[1], 20]), xtol=1e-12)
    together = np.sum((y - fitted_theories(x, y[None])[0]) ** 2)
    assert together == pytest.approx(2 * found.cost, rel=1e-6)


def test_every_curve_is_fitted_to_each_series_by_itself():
    x, rng = np.log(SIZES["six"]), np.random.default_rng(3)
    y = np.log(TRUTHS["linear"](SIZES["six"])) + rng.normal(0, 0.1, (3, 6))
    for name, (_, fit) in CURVES.items():
        expected = np.stack([fit(x, one)(x) for one in y])
        np.testing.assert_allclose(fitted_curves(name, x, y), expected, atol=1e-4, err_msg=name)
