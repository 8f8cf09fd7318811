"""The parts of the synthetic networks, against definitions and brute force."""

import numpy as np
import pytest

from rosettalaw.errors import InputError, UnknownNameError
from rosettalaw.sims.backgrounds import backgrounds, bartlett
from rosettalaw.sims.dense import _background
from rosettalaw.sims.packing import Choices, Packing, mutual_nearest
from rosettalaw.sims.wishart import lower_times
from rosettalaw.theory import allocate

CHOICES = {
    "whole pool": Choices(interference_norm=1.5),
    "inactive": Choices(pool="inactive", interference_norm=1.5),
    "few": Choices(background=5, interference_norm=1.5),
    "few inactive": Choices(background=5, pool="inactive", interference_norm=1.5),
    "with idle neurons": Choices(idle=0.5, interference_norm=1.5),
}


def test_isolation_is_the_optimal_allocation():
    packing = Packing(300, 1.4, kappa=0.7, gamma=3)
    optimum = allocate(np.arange(1.0, 901.0) ** -1.4, 0.7 * 300)
    np.testing.assert_allclose(packing.isolation, optimum.isolation[: packing.candidates], rtol=1e-9)
    assert packing.candidates == optimum.active


def test_loadings_give_the_isolation_of_equation_65():
    choices = Choices(interference_norm=0.7, noise=0.3, idle=1.0)
    packing = Packing(64, 1.5, choices=choices)
    ratio = packing.loading**2 / (0.7**2 + 0.3)
    np.testing.assert_allclose(ratio[: packing.candidates], packing.isolation)
    assert len(ratio) == 64
    assert not ratio[packing.candidates :].any()


@pytest.mark.parametrize("name", CHOICES)
def test_backgrounds_have_their_norm_and_spare_their_own_feature(name):
    packing = Packing(64, 1.5, gamma=2, choices=CHOICES[name])
    rows, n = 2 * packing.matched, packing.candidates
    W, products = backgrounds(packing, np.random.default_rng(0), rows)
    np.testing.assert_allclose((W**2).sum(axis=1) + np.diag(products), 1.5**2)
    own = np.arange(n)
    assert not W[own, own].any()
    assert not W[packing.matched + own, own].any()
    assert W[own].any() == (packing.choices.pool == "all")
    literal = _background(packing, np.random.default_rng(0))
    np.testing.assert_allclose((literal**2).sum(axis=1), 1.5**2)
    assert not literal[own, own].any()


@pytest.mark.parametrize("name", CHOICES)
def test_overlaps_of_backgrounds_have_the_moments_of_literal_ones(name):
    """Mean square of inner products of two neurons' loadings, on candidates' and on other features."""
    packing = Packing(16, 1.3, gamma=2, choices=CHOICES[name])
    m, n = packing.matched, packing.candidates
    rng, sampled, literal = np.random.default_rng(1), [], []
    off = ~np.eye(2 * m, dtype=bool)
    for _ in range(250):
        W, products = backgrounds(packing, rng, 2 * m)
        V = np.vstack([_background(packing, rng), _background(packing, rng)])
        for kept, on, among in ((sampled, W, products), (literal, V[:, :n], V[:, n:] @ V[:, n:].T)):
            kept.append([(on**2).mean(), ((on @ on.T)[off] ** 2).mean(), (among[off] ** 2).mean(), among[off].mean()])
    a, b = np.array(sampled), np.array(literal)
    error = np.sqrt(a.var(axis=0) / 250 + b.var(axis=0) / 250)
    assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 4 * error + 1e-12).all()


@pytest.mark.parametrize(("size", "freedom"), [(6, 9), (6, 6), (6, 3)])
def test_bartlett_has_the_moments_of_a_gaussian_matrix(size, freedom):
    """E[T Tᵀ] = ν I; off-diagonal entries have variance ν, diagonal ones 2ν; det and so rank follow."""
    rng = np.random.default_rng(0)
    products = np.array([T @ T.T for T in (bartlett(rng, size, freedom) for _ in range(20_000))])
    np.testing.assert_allclose(products.mean(axis=0), freedom * np.eye(size), atol=0.12)
    expected = freedom * (1 + np.eye(size))
    np.testing.assert_allclose(products.var(axis=0), expected, rtol=0.08)
    assert np.linalg.matrix_rank(products[0]) == min(size, freedom)


def test_products_with_triangles():
    rng = np.random.default_rng(0)
    L, X = np.tril(rng.standard_normal((7, 7))), rng.standard_normal((7, 11))
    np.testing.assert_allclose(lower_times(L, X.copy()), L @ X, atol=1e-12)


def test_mutual_nearest_against_the_definition():
    rng = np.random.default_rng(0)
    for _ in range(50):
        r = rng.uniform(-1, 1, (rng.integers(1, 9), rng.integers(1, 9)))
        a, b = mutual_nearest(r, threshold=0.2)
        pairs = [
            (i, j)
            for i in range(r.shape[0])
            for j in range(r.shape[1])
            if r[i, j] >= 0.2 and r[i, j] == r[i].max() == r[:, j].max()
        ]
        assert list(zip(a.tolist(), b.tolist(), strict=True)) == pairs


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Choices(pool="activ"), UnknownNameError, "did you mean inactive"),
        (lambda: Choices(background=0), InputError, "background = 0: must be a whole number ≥ 1"),
        (lambda: Choices(noise=0), InputError, "noise = 0: must be finite and greater than 0"),
        (lambda: Choices(idle=1.5), InputError, "idle = 1.5: must be a share between 0 and 1"),
        (lambda: Choices(threshold=1.0), InputError, "threshold = 1.0: must be a correlation"),
        (lambda: Packing(64, 1.5, choices=Choices(background=1000)), InputError, "more than the pool's 255 features"),
        (lambda: Packing(64, 1.5, kappa=999, choices=Choices(pool="inactive")), InputError, "no feature to interfere"),
        (lambda: Packing(64, 1.5, inputs=2), InputError, "inputs = 2: must be at least 4"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message.replace("(", r"\(")):
        call()
