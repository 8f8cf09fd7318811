"""Sensitivities of the frontier: how far log r_τ moves with β, log κ, log τ and log N, in closed form.

At fixed n, which holds throughout since n steps where its own isolation is 0, ``log r_τ = (1/β) [log((κN + n)/H(n)) −
log(1 + τ)]`` (Eqs. 14, 21) gives, with ``L(n) = Σ_{r≤n} r^-β log r = −dH/dβ``:

    ∂/∂β      = [L(n)/H(n) − log r_τ] / β
    ∂/∂log κ  = (1/β) κN/(κN + n)
    ∂/∂log τ  = −(1/β) τ/(1 + τ)
    ∂/∂log N  = ∂/∂log κ while n < A; the local exponent of `predictions` where A = γN grows with N

In the continuum H and L are integrals from rank 1 and n is r0 − 1. Nothing but log N moves a frontier that has reached
A. ``L`` is summed over ten ranks and continued by the derivative of Euler and Maclaurin's formula with respect to β,

    Σ r^-β log r = ∫ r^-β log r dr + x^-β [½ log x − Σ_k c_k (β)_(2k−1) x^(1−2k) (log x − Σ_{j<2k−1} 1/(β + j))] + …
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .power_law import EULER_MACLAURIN, FIRST

NAMES = ("sensitivity_beta", "sensitivity_log_kappa", "sensitivity_log_tau", "sensitivity_log_neurons")
SERIES = 0.5  # |(1−β) log(x/low)| below which the integral is summed as a series
TERMS = 18


def sensitivities(
    arrays: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray], continuum: bool
) -> dict[str, np.ndarray]:
    """Return the four derivatives at points that `predictions.predict_arrays` has solved; all arrays broadcast."""
    neurons, beta, kappa, tau, gamma = (arrays[name] for name in ("neurons", "beta", "kappa", "tau", "gamma"))
    features = gamma * neurons if continuum else np.floor(gamma * neurons)
    active, r_tau, budget = values["active"], values["r_tau"], kappa * neurons
    log_r_tau = np.log(r_tau)
    with np.errstate(over="ignore", under="ignore"):
        # the budget gives H(n) = (κN + n)/r0^β with r0 from r_τ, since r0 itself may overflow
        weight = (budget + active) * np.exp(-beta * log_r_tau) / (1 + tau)
    moments = log_integral(1.0, active + 1.0, beta) if continuum else log_sum(active, beta)
    by_kappa = budget / (beta * (budget + active))
    found = (
        (moments / weight - log_r_tau) / beta,
        by_kappa,
        -tau / (beta * (1 + tau)),
        values["local_exponent"],
    )
    whole = r_tau >= features
    rest = (0.0, 0.0, 0.0, 1.0)
    return {name: np.where(whole, there, value) for name, value, there in zip(NAMES, found, rest, strict=True)}


def log_sum(last: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return ``Σ_{r≤last} r^-β log r`` for whole numbers `last` of any size; the arguments broadcast."""
    last, beta = np.broadcast_arrays(np.asarray(last, dtype=float), np.asarray(beta, dtype=float))
    total = np.zeros(last.shape)
    for r in range(2, FIRST + 1):
        total += np.where(r <= last, r**-beta * np.log(r), 0.0)
    beyond = np.maximum(last, FIRST)  # where no more than ten ranks are summed, the rest is 0
    ends = _endpoint(beyond, beta) - _endpoint(np.full(last.shape, float(FIRST)), beta)
    return total + np.where(last > FIRST, log_integral(float(FIRST), beyond, beta) + ends, 0.0)


def log_integral(low: float, high: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return ``∫ r^-β log r dr`` from `low` to `high`, without loss near β = 1."""
    start, reach = np.log(low), np.log(np.asarray(high, dtype=float) / low)
    y = (1 - beta) * reach
    small = np.abs(y) < SERIES
    safe = np.where(small, 1.0, y)
    near = np.where(small, y, 0.0)
    with np.errstate(over="ignore"):
        # ∫_0^1 e^(yv) dv and ∫_0^1 v e^(yv) dv, with v = log(r/low) in units of its reach
        mean = np.where(small, _series(near, 1), np.expm1(safe) / safe)
        moment = np.where(small, _series(near, 2), (safe * np.exp(safe) - np.expm1(safe)) / safe**2)
    return low ** (1 - beta) * reach * (start * mean + reach * moment)


def _series(y: np.ndarray, power: int) -> np.ndarray:
    """Return ``∫_0^1 v^(power−1) e^(yv) dv = Σ_k y^k/(k! (k + power))``."""
    total, term = np.full(np.shape(y), 1.0 / power), np.ones(np.shape(y))
    for k in range(1, TERMS):
        term = term * y / k
        total = total + term / (k + power)
    return total


def _endpoint(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return what one end adds to the sum beyond its integral."""
    log_x = np.log(x)
    total, term = 0.5 * log_x, beta / x
    inverses = 1 / beta
    for k, coefficient in enumerate(EULER_MACLAURIN):
        total = total - coefficient * term * (log_x - inverses)
        first, second = beta + 2 * k + 1, beta + 2 * k + 2
        term = term * first * second / x**2
        inverses = inverses + 1 / first + 1 / second
    return x**-beta * total
