"""Exponents of a simulation: measured, expected at these sizes, and in the limit of endless networks.

Measured: least squares of the logarithms of the means over runs, ``log Q = log c + p log N``, with Student's t interval
over the sizes. Expected: the same line through the allocation's values at the same sizes, for the detectable
features, those with isolation of at least

    τ = max(ρ*/(1 − ρ*), τ_eff)

where ρ* is the correlation threshold (Eq. 62) and τ_eff the isolation at which M inputs find half of the features
(`rosettalaw.theory.detectability`):

    count ≈ r_τ − ½,    tail = ∫_{r_τ}^{r0} s dr (Eq. 32),    (κN − tail)/count,    tail/(N − count)

The half is the mean loss from rounding r_τ down to a whole count: without it the line would depend on where the steps
of a count happen to fall. In the limit: 1/β, (β−1)/β and (1−β)/β (Eqs. 23, 26, 32).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .packing import Packing

# Quantity -> its exponent for N → ∞.
LIMITS: dict[str, Callable[[float], float]] = {
    "count": lambda beta: min(1.0, 1 / beta),
    "mean_isolation_matched": lambda beta: max(0.0, (beta - 1) / beta),
    "isolation_per_non_rosetta": lambda beta: min(0.0, (1 - beta) / beta),
}


@dataclass(frozen=True)
class Exponent:
    """Slope of a quantity over N, with the 95% interval of the straight line, and its two references."""

    beta: float
    quantity: str
    exponent: float
    exponent_ci95: tuple[float, float]
    finite_size_exponent: float
    asymptotic_exponent: float


def slope(neurons: np.ndarray, values: np.ndarray) -> tuple[float, tuple[float, float]]:
    """Return d log Q/d log N and its 95% interval; NaN with fewer than two (three) positive values or with one size."""
    from scipy.stats import t

    usable = np.isfinite(values) & (values > 0)
    n = int(usable.sum())
    if n < 2:
        return np.nan, (np.nan, np.nan)
    x, y = np.log(neurons[usable]), np.log(values[usable])
    if np.ptp(x) == 0:
        return np.nan, (np.nan, np.nan)
    x, y = x - x.mean(), y - y.mean()
    estimate = float(x @ y / (x @ x))
    if n == 2:
        return estimate, (np.nan, np.nan)
    error = np.sqrt(np.sum((y - estimate * x) ** 2) / (n - 2) / (x @ x))
    half = float(t.ppf(0.975, n - 2) * error)
    return estimate, (estimate - half, estimate + half)


def detectable(packing: Packing) -> float:
    """Return τ, the least isolation of a detectable feature (see the head of this module)."""
    from ..theory.detectability import tau_eff

    rho = packing.choices.threshold
    edge = tau_eff(max(packing.matched, 1), packing.inputs)
    return max(rho / (1 - rho), edge, 1e-9)


def theory_values(packing: Packing) -> dict[str, float]:
    """Return the allocation's values for the detectable features, by quantity."""
    from ..theory import predict
    from ..theory.power_law import power_integral

    N, beta = packing.neurons, packing.beta
    point = predict(N, beta, packing.kappa, detectable(packing), packing.gamma)
    r0, r_tau = float(point["r0"]), float(point["r_tau"])
    last = min(r0, packing.features)
    tail = r0**beta * power_integral(r_tau, last, beta) - (last - r_tau) if r_tau < last else 0.0
    count = max(r_tau - 0.5, 0.0)
    return {
        "count": count,
        "mean_isolation_matched": (packing.kappa * N - tail) / count if count else np.nan,
        "isolation_per_non_rosetta": tail / (N - count) if count < N else np.nan,
    }


def fit_exponents(packings: list[Packing], measured: dict[str, np.ndarray]) -> list[Exponent]:
    """Return the exponent of every quantity; all packings share β and differ in N."""
    sizes = np.array([p.neurons for p in packings], dtype=float)
    beta, theory = packings[0].beta, [theory_values(p) for p in packings]
    fits = []
    for name, limit in LIMITS.items():
        exponent, interval = slope(sizes, measured[name])
        expected = slope(sizes, np.array([values[name] for values in theory]))[0]
        fits.append(
            Exponent(
                beta=beta,
                quantity=name,
                exponent=exponent,
                exponent_ci95=interval,
                finite_size_exponent=expected,
                asymptotic_exponent=limit(beta),
            )
        )
    return fits
