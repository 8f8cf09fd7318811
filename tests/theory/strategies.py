"""Strategies of the property tests, and the reference solution that they compare the package with.

The ranges cover β on both sides of 1 and within rounding of it, sizes from one neuron to 10^12, and budgets so small
that a single feature is active.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

near_one = st.floats(-8, -1).flatmap(lambda e: st.sampled_from([1.0, 1 + 10.0**e, 1 - 10.0**e]))
betas = st.one_of(st.floats(1.1, 4), near_one, st.floats(0.1, 1), st.floats(4, 12))
taus = st.floats(-1, 1.5).map(lambda e: 10.0**e)
kappas = st.one_of(st.floats(-2, 2), st.floats(-9, -2)).map(lambda e: 10.0**e)
gammas = st.sampled_from([1.0, 2.5, 4.0, 32.0])
small_sizes = st.floats(0, 4.5).map(lambda e: int(10.0**e))
sizes = st.floats(0, 12).map(lambda e: float(round(10.0**e)))
points = st.tuples(sizes, betas, kappas, taus, gammas)
small_points = st.tuples(small_sizes, betas, kappas, taus, gammas)
weight_vectors = st.lists(
    st.one_of(st.floats(0, 1e3, allow_subnormal=False), st.sampled_from([0.0, 1.0, 2.5])), min_size=1, max_size=40
).filter(lambda w: max(w) > 1e-100)


@dataclass(frozen=True)
class Brute:
    active: int
    r0: float
    count: int
    mean_isolation: float
    tail_mass: float
    isolation: np.ndarray


def brute_force(neurons, beta, kappa, tau, gamma) -> Brute:
    """Solve the power law by testing every prefix, in extended precision."""
    features = int(gamma * neurons)
    rank = np.arange(1, features + 1)
    weight = rank.astype(np.longdouble) ** -np.longdouble(beta)
    total = np.cumsum(weight)
    budget = np.longdouble(kappa * neurons)
    active = int(np.flatnonzero(weight * (budget + rank) > total)[-1]) + 1
    inverse = (budget + active) / total[active - 1]
    isolation = np.maximum(weight * inverse - 1, 0)
    found = isolation >= tau
    return Brute(
        active=active,
        r0=float(inverse ** (1 / np.longdouble(beta))),
        count=int(found.sum()),
        mean_isolation=float(isolation[found].mean()) if found.any() else np.nan,
        tail_mass=float(isolation[~found].sum()),
        isolation=isolation.astype(float),
    )
