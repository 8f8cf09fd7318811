"""Domains that the Rosetta Neurons of a network belong to, and their shift with its size.

Model: every domain d (code, mathematics, prose, …) has features of its own, ranked within it, with importance

    w_{d,r} = C_d r^(-β_d),     r = 1 … A_d,     A_d = γN / number of domains,

and all domains share one budget (Eq. 11 over the union). The offset C_d says how much the data rewards the domain's
first feature: by default the domain's share of the data. One level λ serves all, so each domain is the paper's solution
(Eqs. 14, 22) with a frontier of its own,

    r0_d = (C_d/λ)^(1/β_d),    r_τ,d = r0_d (1 + τ)^(-1/β_d),    Σ_d [r0_d^β_d H(n_d) − n_d] = κN,

and every frontier grows with ``d log r_τ,d/d log N = (1/β_d) κN/(κN + n)``, n counted over all domains. Consequences:

- a rare domain has no Rosetta Neuron until r_τ,d passes 1, and then gains share: small networks share what is common,
  large ones also what is special;
- for one β the shares tend to ``C_d^(1/β)/Σ C^(1/β)``, flatter than the data: rare domains end above their share;
- for different β_d the domain of the slowest decay takes over.

The enrichment ``(share of Rosetta Neurons)/(share of data)`` is the quantity that the paper's figure 7 measures from
top-activating contexts, under the assumption that a domain's neuron has its top contexts within the domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import checked
from ..errors import InputError, require
from ..results import dataset
from .allocation import allocate
from .frontiers import last_below
from .parameters import RULES, as_floats
from .power_law import JUST_BELOW, ROUNDING_UP, TINY, power_sum
from .roots import root

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import ArrayLike

EXAMPLE = "specialize([1024, 65536], {'prose': 0.7, 'code': 0.2, 'math': 0.1}, beta=1.5)"
LISTED = 100_000  # features that are listed one by one


@checked(EXAMPLE, "offsets", "beta", "data_share", "kappa", "tau", "gamma")
def specialize(
    neurons: ArrayLike,
    offsets: Mapping[str, float],
    beta: float | Mapping[str, float],
    kappa: float = 1.0,
    tau: float = 1.0,
    gamma: float = 4.0,
    data_share: Mapping[str, float] | None = None,
) -> xr.Dataset:
    """Predict the Rosetta features of every domain.

    Parameters
    ----------
    neurons : float or 1-D array_like
        N.
    offsets : mapping of str to float
        C_d > 0 by domain; only their ratios matter.
    beta : float or mapping of str to float
        β, or β_d by domain.
    kappa, tau, gamma : float
        κ, τ, γ.
    data_share : mapping of str to float, optional
        Share of the data by domain, the denominator of the enrichment; `offsets`, normalised, unless given.

    Returns
    -------
    xarray.Dataset
        ``r_tau, count, share, enrichment`` over (domain, neurons); ``active`` over neurons. `share`
        and `enrichment` are NaN where no domain has a Rosetta feature.

    Raises
    ------
    InputError
        For values that are not positive, and mappings over other domains.
    """
    sizes = np.atleast_1d(as_floats("neurons", neurons, EXAMPLE))
    require(sizes.ndim == 1 and bool(((sizes > 0) & np.isfinite(sizes)).all()), "neurons", neurons, RULES["neurons"])
    require(sizes.size, "neurons", neurons, "must be at least one size", EXAMPLE)
    for name, value in [("kappa", kappa), ("tau", tau), ("gamma", gamma)]:
        require(0 < value < np.inf, name, value, "must be finite and greater than 0", EXAMPLE)
    domains = list(offsets)
    C = _by_domain("offsets", offsets, domains)
    b = _by_domain("beta", beta if isinstance(beta, Mapping) else dict.fromkeys(domains, beta), domains)
    baseline = C if data_share is None else _by_domain("data_share", data_share, domains)

    r_tau, count, active = np.array([_point(size, C, b, kappa, tau, gamma) for size in sizes]).transpose(1, 2, 0)
    total = count.sum(axis=0)
    with np.errstate(invalid="ignore"):
        share = count / total
    variables = {
        "r_tau": (("domain", "neurons"), r_tau),
        "count": (("domain", "neurons"), count.astype(np.int64)),
        "share": (("domain", "neurons"), share),
        "enrichment": (("domain", "neurons"), share / (baseline / baseline.sum())[:, None]),
        "active": (("neurons",), active.sum(axis=0).astype(np.int64)),
    }
    coords = {
        "domain": ("domain", domains),
        "neurons": ("neurons", sizes),
        "offset": ("domain", C),
        "beta": ("domain", b),
        "kappa": kappa,
        "tau": tau,
        "gamma": gamma,
    }
    return dataset("specialization", variables, coords, limit="discrete")


def _point(
    neurons: float, C: np.ndarray, beta: np.ndarray, kappa: float, tau: float, gamma: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return r_τ,d, the count and n_d at one size, each of shape (domains,)."""
    budget, features = kappa * neurons, np.floor(gamma * neurons / len(C))
    rule = "leaves no feature: gamma * neurons must reach the number of domains"
    require(features >= 1, "gamma", gamma, rule, EXAMPLE)
    with np.errstate(over="ignore"):  # ranks of a domain that may have isolation: one lifted to the level spends more
        ranks = np.minimum(np.floor((C * (1 + budget) / C.max()) ** (1 / beta)) + 1, features)
    if budget < TINY and ranks.sum() <= LISTED:
        return _listed(ranks.astype(int), C, beta, budget, tau)
    log_r0, active = _level(budget, features, C, beta)
    r_tau = np.minimum(np.exp(log_r0 - np.log1p(tau) / beta), features)
    count = np.minimum(np.floor(r_tau * ROUNDING_UP), active)
    return np.maximum(np.minimum(r_tau, (count + 1) * JUST_BELOW), count), count, active


def _listed(
    ranks: np.ndarray, C: np.ndarray, beta: np.ndarray, budget: float, tau: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same over a list of the few features that a tiny budget can reach: λ has lost the digits of s."""
    weights = [c * np.arange(1.0, n + 1) ** -b for c, n, b in zip(C, ranks, beta, strict=True)]
    allocation = allocate(np.concatenate(weights), budget)
    start = np.insert(np.cumsum(ranks)[:-1], 0, 0)
    count, active = (np.add.reduceat(which, start) for which in (allocation.reached(tau), allocation.isolation > 0))
    first = allocation.isolation[start]
    # where s_1 = 0 the domain lies below the level by what its weight is short of the dearest at s_max
    below = np.log1p(allocation.isolation.max()) + np.log(C / C.max())
    log_r0 = np.where(first > 0, np.log1p(first), below) / beta
    r_tau = np.exp(log_r0 - np.log1p(tau) / beta)
    return np.clip(r_tau, count, np.nextafter(count + 1.0, 0.0)), count, active


def _level(budget: float, features: float, C: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return log r0_d and n_d, shape (2, domains), at the level λ that spends the budget."""

    def profile(log_level: float) -> tuple[np.ndarray, np.ndarray, float]:
        log_r0 = (np.log(C) - log_level) / beta
        r0 = np.exp(np.minimum(log_r0, 700.0))
        active = np.clip(last_below(r0, beta), 0.0, features)
        sums = np.array([power_sum(0.0, n, b) for n, b in zip(active, beta, strict=True)])
        return log_r0, active, float(np.sum(np.exp(beta * log_r0) * sums - active))

    def excess(log_level: float) -> float:
        return profile(log_level)[2] / budget - 1

    high = float(np.log(C.max()))  # nothing is spent here
    low = high - np.log1p(budget) - 1e-9  # the most important feature alone would spend more than there is
    return np.array(profile(root(excess, low, high))[:2])


def _by_domain(name: str, values: Mapping[str, float], domains: list[str]) -> np.ndarray:
    require(len(domains) > 0, name, values, "must name at least one domain", EXAMPLE)
    if set(values) != set(domains):
        raise InputError(name, sorted(values), f"must name the domains {sorted(domains)}", EXAMPLE)
    for domain in domains:
        require(0 < values[domain] < np.inf, f"{name}[{domain!r}]", values[domain], "must be greater than 0", EXAMPLE)
    return np.array([float(values[domain]) for domain in domains])
