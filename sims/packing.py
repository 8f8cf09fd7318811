"""Synthetic feature packing: two networks whose features are known, and the outcome of matching them (D.7).

Model
-----
The allocation gives each of ``A = γN`` features its isolation ``s_r`` (Eq. 14). Each of the n features with
``s_r > 0`` gets one neuron in each of two networks,

    h_j = W_jr z_r + Σ_{k∈B_j} W_jk z_k + ξ_j,     Var ξ_j = σ∞²                                  (Eq. 64)
    W_jr² / (Σ_k W_jk² + σ∞²) = s_r                                                                (Eq. 65)

where ``(W_jk)_{k∈B_j}`` points in an isotropic Gaussian direction and has a fixed norm. The networks share the
features z; backgrounds and noise are their own. Over M inputs, neurons are matched when each is the other's highest
correlation. Three engines compute the outcome:

- `dense` draws the M inputs and both networks, literally: the reference.
- `wishart` draws the correlations from their law, without inputs. The default.
- `expected` computes mean and standard deviation by an integral, without drawing anything.

Scales
------
Correlations do not change when a neuron is rescaled, so of the interference norm and σ∞² only the interference's share
``f = |W_B|²/(|W_B|² + σ∞²)`` of the variance without the feature can matter.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from ..errors import InputError, UnknownNameError, require

POOLS = ("all", "inactive")
MOST_FEATURES = 10**15  # beyond, ranks are no whole numbers of float64 any more
EXAMPLE = "simulate(neurons=[1024, 4096], beta=[1.5, 2], inputs=10_000, runs=10)"


@dataclass(frozen=True)
class Choices:
    """Choices that the paper leaves open; `rosettalaw sensitivity` shows how much each matters.

    Attributes
    ----------
    background : int or None
        |B_j|, features in a neuron's interference, drawn anew for each neuron; None for the whole pool.
    pool : {"all", "inactive"}
        Which features interfere: every one but the neuron's own, or those without isolation (s = 0).
    interference_norm : float
        Norm of the background loadings, (Σ_k W_jk²)^½.
    noise : float
        σ∞² > 0.
    idle : float
        Share of the N − n neurons without a feature that take part, with interference and noise alone.
    threshold : float
        Correlation that a mutual pair must reach to be counted; −1 counts every one, as the paper does.
    """

    background: int | None = None
    pool: str = "all"
    interference_norm: float = 1.0
    noise: float = 1.0
    idle: float = 0.0
    threshold: float = -1.0

    def __post_init__(self):
        if self.pool not in POOLS:
            raise UnknownNameError("pool", str(self.pool), POOLS)
        whole = self.background is None or (self.background >= 1 and self.background == int(self.background))
        require(whole, "background", self.background, "must be a whole number ≥ 1", "Choices(background=64)")
        norm, noise = self.interference_norm, self.noise
        require(
            0 <= norm < np.inf,
            "interference_norm",
            norm,
            "must be finite and at least 0",
            "Choices(interference_norm=1.0)",
        )
        require(0 < noise < np.inf, "noise", noise, "must be finite and greater than 0", "Choices(noise=1.0)")
        require(0 <= self.idle <= 1, "idle", self.idle, "must be a share between 0 and 1", "Choices(idle=1.0)")
        reachable = -1 <= self.threshold < 1
        require(reachable, "threshold", self.threshold, "must be a correlation in [−1, 1)", "Choices(threshold=0.5)")

    @property
    def interference(self) -> float:
        """f, the share of interference in a neuron's variance without its feature."""
        return self.interference_norm**2 / (self.interference_norm**2 + self.noise)

    def facts(self) -> dict[str, str | float | None]:
        """Return the choices by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Packing:
    """Specification of one pair of synthetic networks: N, β, κ, γ, M and the open choices."""

    neurons: int
    beta: float
    kappa: float = 1.0
    gamma: float = 4.0
    inputs: int = 10_000
    choices: Choices = Choices()

    def __post_init__(self):
        require(self.inputs >= 4, "inputs", self.inputs, "must be at least 4", EXAMPLE)
        rule = f"must be at most {MOST_FEATURES:.0e}"
        require(self.inputs <= MOST_FEATURES, "inputs", self.inputs, rule, EXAMPLE)
        for name in ("beta", "kappa", "gamma"):
            value = getattr(self, name)
            require(0 < value < np.inf, name, value, "must be finite and greater than 0", EXAMPLE)
        require(self.features >= 1, "gamma", self.gamma, "leaves no feature: γN must be at least 1", EXAMPLE)
        rule = f"makes more than {MOST_FEATURES:.0e} features: γN"
        require(self.features <= MOST_FEATURES, "gamma", self.gamma, rule, EXAMPLE)
        if self.pool_size < 1 and self.choices.interference > 0:
            rule = f"leaves no feature to interfere: γN = {self.features}, of which {self.candidates} have isolation"
            raise InputError("pool", self.choices.pool, rule, "a larger gamma, or interference_norm=0")
        if self.choices.background is not None and self.choices.background > self.pool_size:
            raise InputError(
                "background",
                self.choices.background,
                f"is more than the pool's {self.pool_size} features",
                f"background={self.pool_size}, or more neurons",
            )

    @cached_property
    def isolation(self) -> np.ndarray:
        """s_r > 0 of the candidates, the n features that have a neuron, shape (n,)."""
        from ..theory import predict

        point = predict(self.neurons, self.beta, self.kappa, 1.0, self.gamma)
        rank = np.arange(1.0, int(point["active"]) + 1)
        s = np.expm1(self.beta * np.log(float(point["r0"]) / rank))  # Eq. 14
        return s[s > 0]

    @property
    def candidates(self) -> int:
        """Features with s > 0, n."""
        return len(self.isolation)

    @property
    def features(self) -> int:
        """Latent features, A = γN."""
        return int(np.floor(self.gamma * self.neurons))

    @property
    def idle(self) -> int:
        """Neurons per side that stand for no feature and take part."""
        return round(self.choices.idle * max(self.neurons - self.candidates, 0))

    @property
    def matched(self) -> int:
        """Neurons per side that take part in the matching."""
        return self.candidates + self.idle

    @property
    def pool_size(self) -> int:
        """Features that may interfere with a candidate's neuron."""
        return self.features - (1 if self.choices.pool == "all" else self.candidates)

    @property
    def loading(self) -> np.ndarray:
        """W_jr of every neuron that takes part (Eq. 65), 0 for the idle ones; shape (matched,)."""
        off_target = self.choices.interference_norm**2 + self.choices.noise
        return np.sqrt(np.concatenate([self.isolation, np.zeros(self.idle)]) * off_target)


@dataclass(frozen=True)
class Outcome:
    """Outcome of one matching, or its expectation.

    Attributes
    ----------
    count : float
        Mutual pairs at or above the correlation threshold, right or wrong, as a measurement counts them.
    false_pairs : float
        Those of them whose neurons stand for different features, or for none.
    mean_isolation_matched : float
        Mean assigned isolation of the pairs' neurons; an idle neuron has 0, and of a false pair both count half.
    isolation_per_non_rosetta : float
        Assigned isolation of one network that is in no pair, per neuron in no pair: over ``N − count`` (Eq. 32).
    count_sd : float
        Standard deviation of the count, where an engine knows it.
    """

    count: float
    false_pairs: float
    mean_isolation_matched: float
    isolation_per_non_rosetta: float
    count_sd: float = np.nan


def outcome(packing: Packing, count: float, false_pairs: float, matched_isolation: float, count_sd=np.nan) -> Outcome:
    """Return the outcome whose pairs hold `matched_isolation` in total, per network."""
    rest = packing.neurons - count
    left = max(packing.isolation.sum() - matched_isolation, 0.0)
    return Outcome(
        count=count,
        false_pairs=false_pairs,
        mean_isolation_matched=matched_isolation / count if count > 0 else np.nan,
        isolation_per_non_rosetta=left / rest if rest > 0 else np.nan,
        count_sd=count_sd,
    )


def match_networks(packing: Packing, correlation: np.ndarray) -> Outcome:
    """Match two networks by mutual nearest neighbours and compare the pairs with the truth.

    Parameters
    ----------
    packing : Packing
        The networks; their candidates are the first rows and columns, in order of rank.
    correlation : ndarray, shape (matched, matched)
        Pearson correlations of network A's neurons (rows) with network B's.
    """
    a, b = mutual_nearest(correlation, packing.choices.threshold)
    s = np.concatenate([packing.isolation, np.zeros(packing.idle)])
    right = (a == b) & (a < packing.candidates)
    return outcome(packing, len(a), len(a) - int(right.sum()), float(s[a].sum() + s[b].sum()) / 2)


def mutual_nearest(correlation: np.ndarray, threshold: float = -1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the entries that are the largest of both, and at least `threshold` (Eq. 3, k = 1)."""
    if correlation.size == 0:  # no feature is represented in either network
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    best_b, best_a = correlation.argmax(axis=1), correlation.argmax(axis=0)
    a = np.flatnonzero(best_a[best_b] == np.arange(len(best_b)))
    a = a[correlation[a, best_b[a]] >= threshold]
    return a, best_b[a]
