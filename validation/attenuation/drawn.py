r"""Ladders drawn from the theory: matched correlations of known β, budget and attenuation, without any network.

At each size the optimal allocation gives n features their isolation ``s_r = (r0/r)^β − 1`` (Eq. 14) under the budget
``κ N^θ`` (θ = 1 in the paper); two dedicated neurons of feature r correlate as ``ρ_r = a_r s_r/(1 + s_r)`` (Eq. 62),
with an attenuation a_r of the feature's own. M positions add the noise of Fisher's z, of variance ``1/(M − 3)``, and
the matching keeps pairs at or above the size's own threshold. Between networks, the frontier scatters: log r0 is
normal, with the standard deviation that seeds of training give the log of a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ...theory import predict
from ..theory_search import GAMMA, budget_at
from .law import beta_parameters

POSITIONS = 86_000


@dataclass(frozen=True)
class DrawnLadder:
    """Specification of ladders to draw.

    Attributes
    ----------
    neurons, thresholds : tuple of float
        Sizes, and the correlation from which each size's pairs are counted.
    middle_count : float
        Count above the greatest threshold that κ gives the middle size without attenuation.
    beta, theta : float
        Spectrum and budget exponents β and θ.
    attenuation : tuple of float, or None
        Mean and standard deviation of the Beta law of attenuations.
    scatter : float
        Standard deviation of log r0 between networks.
    positions : int
        M behind each correlation.
    """

    neurons: tuple[float, ...]
    thresholds: tuple[float, ...]
    middle_count: float
    beta: float
    theta: float = 1.0
    attenuation: tuple[float, float] | None = None
    scatter: float = 0.0
    positions: int = POSITIONS

    def frontiers(self) -> tuple[float, ...]:
        """Return r0 at each size."""
        sizes, highest = self.neurons, max(self.thresholds)
        return _frontiers(sizes, highest / (1 - highest), self.middle_count, self.beta, self.theta)

    def draw(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Return the correlations of the matched pairs of each size."""
        draws = []
        for last, threshold in zip(self.frontiers(), self.thresholds, strict=True):
            r0 = last * np.exp(self.scatter * rng.standard_normal()) if self.scatter else last
            rank = np.arange(1.0, np.floor(r0) + 1)
            rho = -np.expm1(self.beta * np.log(np.minimum(rank / r0, 1 - 1e-12)))
            if self.attenuation is not None:
                rho = rho * rng.beta(*beta_parameters(*self.attenuation), len(rho))
            z = np.arctanh(np.clip(rho, 0, 1 - 1e-6)) + rng.standard_normal(len(rho)) / np.sqrt(self.positions - 3)
            seen = np.tanh(z)
            draws.append(seen[seen >= threshold])
        return draws


@cache
def _frontiers(sizes: tuple[float, ...], tau: float, count: float, beta: float, theta: float) -> tuple[float, ...]:
    middle = sizes[len(sizes) // 2]
    kappa = float(np.exp(budget_at(middle, count, beta, tau, GAMMA)) * (1 + tau))
    budgets = [kappa * (size / middle) ** (theta - 1) for size in sizes]
    return tuple(float(predict(n, beta, k, 1.0, GAMMA)["r0"]) for n, k in zip(sizes, budgets, strict=True))
