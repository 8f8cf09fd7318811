"""From loadings to isolation, and from isolation to the correlation of matched neurons.

Activations are a linear superposition of uncorrelated unit-variance features z_r (Eqs. 33–36),

    h_j = Σ_r W_jr z_r + noise of variance σ∞²,        a_jr = W_jr²,   g_r² = Σ_j a_jr               (Eqs. 37–38)
    Σ_r g_r² ≤ C_h N                                                  the energy bound               (Eq. 41)
    s_jr = a_jr / (σ∞² + Σ_{k≠r} a_jk)                                isolation of r in neuron j     (Eq. 44)
    c(r) = argmax_j s_jr,    s_r = s_{c(r) r}                         its most dedicated neuron      (Eqs. 45–46)

Two features above 1 never share a neuron: ``s_jr > 1`` says that a_jr exceeds all other variance of neuron j together.
Since ``s_r ≤ g_r²/σ∞²``, the energy bound gives the budget ``Σ_r s_r ≤ (C_h/σ∞²) N = κN``        (Eqs. 53–54).

A dedicated neuron, rescaled, reads ``z_r + ε`` with ``Var ε = 1/s_r``. Two networks share z_r but not ε:

    ρ = 1/√((1 + 1/s)(1 + 1/s'))                                                                     (Eq. 62)

up to the overlap of their interference, which over L directions chosen at random has mean 0 (Eq. 60) and
variance ``1/(s s' L)`` (Eq. 61).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import checked
from ..errors import require
from .parameters import as_floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Isolation:
    """Isolation of every feature in a network with known loadings.

    Attributes
    ----------
    matrix : ndarray, shape (neurons, features)
        s_jr (Eq. 44); infinite where a neuron carries one feature and there is no noise.
    neuron : ndarray of int, shape (features,)
        c(r), the most dedicated neuron of each feature (Eq. 45).
    isolation : ndarray, shape (features,)
        s_r (Eq. 46).
    energy : float
        Σ_r g_r², which the energy bound limits (Eq. 41).
    """

    matrix: np.ndarray
    neuron: np.ndarray
    isolation: np.ndarray
    energy: float


@checked("isolation_of(loadings=np.eye(3), noise=0.1)")
def isolation_of(loadings: ArrayLike, noise: float) -> Isolation:
    """Return the isolation of every feature from the loading matrix.

    Parameters
    ----------
    loadings : array_like, shape (neurons, features)
        W_jr = g_r v_r[j] (Eq. 37).
    noise : float
        σ∞² ≥ 0, variance of each neuron's readout noise.

    Raises
    ------
    InputError
        For loadings that are not a finite matrix, and for negative noise.
    """
    example = "isolation_of(loadings=np.eye(3), noise=0.1)"
    W = as_floats("loadings", loadings, example)
    require(W.ndim == 2 and W.size > 0, "loadings", f"shape {W.shape}", "must be neurons × features", example)
    require(bool(np.isfinite(W).all()), "loadings", W, "must be finite", example)
    require(0 <= noise < np.inf, "noise", noise, "must be finite and at least 0", example)
    share = W**2
    others = np.zeros_like(share)  # summed, not subtracted from the total: a dominant loading would leave rounding
    others[:, 1:] = np.cumsum(share[:, :-1], axis=1)
    others[:, :-1] += np.cumsum(share[:, :0:-1], axis=1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        matrix = np.where(share > 0, share / (noise + others), 0.0)
    neuron = matrix.argmax(axis=0)
    return Isolation(matrix, neuron, matrix[neuron, np.arange(W.shape[1])], float(share.sum()))


def correlation(isolation: ArrayLike, other: ArrayLike | None = None) -> np.ndarray:
    """Return the correlation of two dedicated neurons of one feature (Eq. 62).

    Parameters
    ----------
    isolation, other : array_like
        s and s' ≥ 0, broadcast together; without `other` the two are equal and ``ρ = s/(1 + s)``.
    """
    s = _at_least_zero("isolation", isolation)
    t = s if other is None else _partner(other, s)
    return np.sqrt(_share(s) * _share(t))


def _partner(other: ArrayLike, first: np.ndarray) -> np.ndarray:
    """Return the isolation of partners, which goes with that of the first neurons."""
    s = _at_least_zero("other", other)
    fits = all(a == b or 1 in (a, b) for a, b in zip(s.shape[::-1], first.shape[::-1], strict=False))
    require(fits, "other", f"shape {s.shape}", f"must go with the other argument's shape, {first.shape}", "other=2.0")
    return s


def isolation_from(correlation: ArrayLike, other: ArrayLike | None = None) -> np.ndarray:
    """Return the isolation that a correlation implies (Eq. 62 inverted).

    Without `other` both neurons are taken as equally isolated, ``s = ρ/(1 − ρ)``; with it, as the isolation s' of the
    partner, ``1/s = 1/(ρ² (1 + 1/s')) − 1``. NaN where no isolation gives so high a correlation; infinite at the limit.

    Raises
    ------
    InputError
        For correlations outside [0, 1].
    """
    rho = _at_least_zero("correlation", correlation)
    require(bool((rho <= 1).all()), "correlation", rho.max(initial=0), "must be in [0, 1]", "isolation_from(0.8)")
    if other is None:
        share = rho
    else:
        partner = _share(_partner(other, rho))
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(rho == 0, 0.0, rho**2 / partner)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(share <= 1, share / (1 - share), np.nan)


def interference_variance(isolation: ArrayLike, other: ArrayLike, size: ArrayLike) -> np.ndarray:
    """Return the variance of the interference covariance over a tail of effective size L, ``1/(s s' L)`` (Eq. 61).

    With ε and ε' spread over L features in random directions, ``cov = Σ_k u_k u'_k`` where ``|u|² = 1/s``,
    ``|u'|² = 1/s'``; its mean is 0 (Eq. 60) by symmetry.
    """
    s, t, length = (_at_least_zero(name, x) for name, x in [("isolation", isolation), ("other", other), ("size", size)])
    with np.errstate(divide="ignore"):
        return 1 / (s * t * length)


@checked("tail_loadings([2.0], 100, np.random.default_rng(0))")
def tail_loadings(isolation: ArrayLike, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the interference of dedicated neurons: random directions over a tail of L features.

    Parameters
    ----------
    isolation : array_like, shape (features,)
        s_r > 0.
    size : int
        L, the number of tail features.
    rng : numpy.random.Generator
        Source of the directions.

    Returns
    -------
    ndarray, shape (features, L)
        Loadings u on the tail with ``Σ_k u_k² = 1/s_r``, for readouts ``z_r + Σ_k u_k z_k`` (Eqs. 60–61).
    """
    s = _at_least_zero("isolation", isolation)
    require(
        s.ndim == 1 and bool((s > 0).all()), "isolation", s, "must be a vector of values above 0", "isolation=[2.0]"
    )
    require(size >= 1, "size", size, "must be at least 1", "tail_loadings([2.0], 100, np.random.default_rng(0))")
    direction = rng.standard_normal((s.size, size))
    return direction / (np.linalg.norm(direction, axis=1) * np.sqrt(s))[:, None]


def effective_size(shares: ArrayLike) -> float:
    """Return the number L of equal shares that would overlap as much: ``(Σ a)²/Σ a²``."""
    a = _at_least_zero("shares", shares)
    require(bool(a.sum() > 0), "shares", a, "must contain a positive share", "effective_size([1.0, 1.0])")
    return float(a.sum() ** 2 / np.sum(a**2))


def _share(s: np.ndarray) -> np.ndarray:
    """Return ``1/(1 + 1/s)``, the feature's share of its neuron's variance."""
    return np.where(np.isinf(s), 1.0, s / (1 + np.where(np.isinf(s), 0.0, s)))


def _at_least_zero(name: str, value: ArrayLike) -> np.ndarray:
    array = as_floats(name, value, f"{name}=0.8")
    require(bool((array >= 0).all()), name, value, "must be at least 0 and not NaN", f"{name}=0.8")
    return array
