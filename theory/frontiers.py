"""The discrete frontier (Eqs. 11, 14, 22) at many points by whole arrays, for searches that move all points at once.

    r0^β = (κN + n)/H_β(n),   n the last rank below r0,   r_τ = r0 (1+τ)^(-1/β),   at most A = ⌊γN⌋

The same steps as the kernels of `rosettalaw.theory.power_law`, which take one point after the other; numbers agree to
rounding. For β > 1, which fits are confined to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .power_law import EULER_MACLAURIN, FIRST, NEAREST, TIE, TINY

RANKS = np.arange(1, FIRST + 1)
LOG_RANKS = np.log(RANKS)
MOST_TURNS = 100  # one or two as a rule


def frontiers(neurons: np.ndarray, beta: np.ndarray, kappa: np.ndarray, tau: float, gamma: float) -> np.ndarray:
    """Return r_τ at each point; arrays of one shape, β > 1."""
    budget, features = kappa * neurons, np.floor(gamma * neurons)
    log_r0 = np.empty(np.shape(neurons))
    few, last, levels = _first_ranks(budget, beta, features)
    log_r0[few] = levels[few]
    many = ~few
    if many.any():
        log_r0[many] = _whole_ranks(budget[many], beta[many], features[many], last[many])
    return np.minimum(np.exp(log_r0 - np.log1p(tau) / beta), features)


def last_below(r0: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return the last rank with positive isolation at each level: strictly below r0, to rounding."""
    return np.ceil(r0 - np.minimum(r0 * TIE * (1 + 1 / beta), NEAREST)) - 1


def _first_ranks(budget: np.ndarray, beta: np.ndarray, features: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return where at most `FIRST` features are active, Σ r^-β over the first ranks, and log r0 at the former."""
    weights = np.exp(-beta[..., None] * LOG_RANKS)
    sums = np.cumsum(weights, axis=-1)
    before = np.concatenate([np.zeros_like(sums[..., :1]), sums[..., :-1]], axis=-1)
    active = RANKS - 1.0
    slack = np.where(budget >= TINY, 1.0 + TIE, 1.0)[..., None]
    ends = (active == features[..., None]) | (slack * before - active * weights >= budget[..., None] * weights)
    ends = np.concatenate([ends, (features == FIRST)[..., None]], axis=-1)
    last = np.argmax(ends, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # where no rank is the last one
        total = np.take_along_axis(np.concatenate([before, sums[..., -1:]], axis=-1), last[..., None], axis=-1)[..., 0]
        return np.any(ends, axis=-1), sums[..., -1], np.log((budget + last) / total) / beta


def _whole_ranks(budget: np.ndarray, beta: np.ndarray, features: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return log r0 where more features are active: r0 from n, n from r0, until they agree."""
    constant = sums - _integral(LOG_RANKS[-1], beta) - FIRST**-beta * _endpoint(np.full_like(beta, FIRST), beta)
    log_last = np.log(features)
    log_x = np.log(budget * np.where(beta < 1.05, 1.0, beta - 1.0)) / beta
    for _ in range(2):  # n as a real number
        start = np.maximum(np.minimum(log_x, log_last), LOG_RANKS[-1])
        log_x = _log_r0(np.exp(start), start, budget, beta, constant)
    active = np.clip(np.floor(np.exp(np.minimum(log_x, log_last))), FIRST, features)
    for _ in range(MOST_TURNS):
        log_x = _log_r0(active, np.log(active), budget, beta, constant)
        last = np.clip(last_below(np.exp(np.minimum(log_x, 700.0)), beta), FIRST, features)
        if np.array_equal(last, active):
            break
        active = last
    return log_x


def _log_r0(x: np.ndarray, log_x: np.ndarray, budget: np.ndarray, beta: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """Return log r0 from the budget when ranks up to x are active: ``r0^β = (κN + x)/H(x)``."""
    integral = _integral(log_x, beta)
    power = (1.0 + (1.0 - beta) * integral) / x  # x^-β
    return np.log((budget + x) / (constant + integral + power * _endpoint(x, beta))) / beta


def _integral(log_x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return ∫ r^-β dr from 1 to x."""
    return np.expm1((1.0 - beta) * log_x) / (1.0 - beta)


def _endpoint(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return ½ − β/(12x) + …: what one end adds to a sum beyond its integral, over x^-β (Euler and Maclaurin)."""
    inverse = 1.0 / x
    total, term, square = 0.5 - 0.0 * beta, beta * inverse, inverse * inverse
    for k, coefficient in enumerate(EULER_MACLAURIN):
        total = total - coefficient * term
        term = term * (beta + 2 * k + 1) * (beta + 2 * k + 2) * square
    return total
