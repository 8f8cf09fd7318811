"""Sensitivities of any model's frontier: how far log r_τ moves with β, log κ, log τ and log N, in closed form.

The frontier is where ``w(r_τ) U'(τ) = λ c(r_τ)``, and the price λ answers to what spends the budget. With
``P = (β_loc + δ_loc)(r_τ)``, ``T = −U'/U''`` and means over the active features weighted by ``c_r T(s_r)``,

    ∂/∂β      = [∂log w/∂β (r_τ) − ⟨∂log w/∂β⟩] / P       where the spectrum has a parameter β
    ∂/∂log κ  = B / (P Σ c T)
    ∂/∂log τ  = −τ / (P T(τ))
    ∂/∂log N  = the local exponent of `model`

Power law, logarithm and unit costs give those of `sensitivities`. Below rank 1 the spectrum continues as its local
power law; a frontier that has reached A moves with A alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .allocation import Allocation
from .sensitivities import NAMES
from .spectra import log_slope, slope_of

if TYPE_CHECKING:
    from .model import Model


def model_sensitivities(
    model: Model, allocation: Allocation, neurons: float, tau: float, r_tau: float, local_exponent: float
) -> dict[str, float]:
    """Return the four derivatives at one size; that with β is NaN where the spectrum has no such parameter."""
    features = model.features_at(neurons)
    if not r_tau > 0:
        return dict.fromkeys(NAMES, np.nan)
    by_beta = model.spectrum.by_beta(np.array([max(r_tau, 1.0)]), features)
    if r_tau >= features:
        return dict(zip(NAMES, (0.0 if np.isfinite(by_beta).all() else np.nan, 0.0, 0.0, local_exponent), strict=True))
    rank = max(r_tau, 1.0)
    steepness = model.spectrum.exponent(rank, features) + log_slope(model.cost.at, rank)
    active = np.flatnonzero(allocation.isolation)
    costs = 1.0 if allocation.costs is None else allocation.costs[active]
    response = costs * model.utility.tolerance(allocation.isolation[active])
    mean = float(np.sum(response * model.spectrum.by_beta(active + 1.0, features)) / np.sum(response))
    at_frontier = float(by_beta[0])
    if r_tau < 1:
        at_frontier += float(np.log(r_tau)) * slope_of(lambda r: model.spectrum.by_beta(r, features), 1.0)
    if not steepness > 0:  # on level ground r_τ waits, then jumps
        return dict(zip(NAMES, (0.0, 0.0, 0.0, local_exponent), strict=True))
    threshold = float(model.utility.tolerance(np.array(tau)))
    values = (
        (at_frontier - mean) / steepness,
        float(model.budget.total(neurons)) / (steepness * float(np.sum(response))),
        -tau / (steepness * threshold),
        local_exponent,
    )
    return dict(zip(NAMES, values, strict=True))
