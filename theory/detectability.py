"""Detectability of allocated features in a finite experiment: M inputs, n candidates per side.

Two networks have one dedicated neuron for each of n features. Feature r's two neurons correlate with
``ρ_r = s_r/(1 + s_r)`` (Eq. 62); neurons of different features correlate only by chance. Pearson correlations over M
inputs are then distributed as follows (`a_r = s_r/(1 + s_r)` is the feature's share of its neuron's variance, f the
share of interference in what is not the feature, spread over A features in random directions):

    matched    atanh ρ̂_r ~ Normal(atanh ρ_r + ρ_r/(2(M−1)),  1/(M−3) + (f (1−a_r))²/(A (1−ρ_r²)²))
    others     ρ̂ ~ the null law of M inputs widened to the variance   v_r = 1/(M−1) + o_r/A,
               o_r = f a_r(1−ā) + f ā(1−a_r) + f² (1−a_r)(1−ā)        (mean overlap with the other neurons' loadings)

Let ``F_r`` be the distribution of the others and ``D_r`` of the matched. A pair is mutual when it beats its row and its
column, ``2(n−1)`` competitors, taken as independent:

    P_r      = ∫ dD_r(x) F_r(x)^(2(n−1))                               correct pair found
    E[count] = Σ P_r,    Var ≈ Σ P_r (1 − P_r)
    E[false] = ∫ dF(x) F(x)^(2(n−2)) [(Σ D_r(x))² − Σ D_r(x)²]         mutual pairs of two different features

Idle neurons stand for no feature (a = 0). They overlap the neurons of strong features more than each other, so that
many prefer a partner that does not return it: where they take part, each rival has the width of its own overlap,

    E[idle, idle] = k² ∫ dF₀₀(x) F₀₀(x)^(2(k−1)) Π_r F₀ᵣ(x)²            k idle neurons per side

and likewise a feature's neuron beside an idle one. With a threshold ρ* the integrals over x begin at ρ*.

For features that are all too weak to be found, ``D_r = F`` and the last line is ``n(n−1)/(2n−1)``, about n/2. The edge
τ_eff is where half of the features are found: ``τ_eff/(1 + τ_eff)`` is the median of the largest of 2(n−1) others,
about ``√(2 log(2n)/M)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import checked
from ..errors import require
from .parameters import as_floats, as_number
from .superposition import _share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

EXAMPLE = "detect(isolation(1024, beta=1.5), inputs=10_000, features=4096)"
HERMITE = np.polynomial.hermite_e.hermegauss(48)
LEGENDRE = np.polynomial.legendre.leggauss(64)
FAR = 9.0  # standard deviations; what lies beyond is below rounding
CHUNK = 4096  # features at a time, so that memory stays flat


@dataclass(frozen=True, eq=False)
class Detection:
    """Expected result of matching two synthetic networks.

    Attributes
    ----------
    probability : ndarray, shape (candidates,)
        P_r, that the two neurons of feature r are mutual nearest neighbours.
    count, count_sd : float
        Expected number of correct pairs, and its standard deviation.
    false_pairs : float
        Expected number of mutual pairs whose neurons stand for different features, or for none.
    tau_eff : float
        Isolation at which half of the features are found; infinite where even ρ = 1 is not enough.
    """

    probability: np.ndarray
    count: float
    count_sd: float
    false_pairs: float
    tau_eff: float


@checked(EXAMPLE, "features")
def detect(
    isolation: ArrayLike,
    inputs: float,
    features: float = np.inf,
    interference: float = 1.0,
    idle: int = 0,
    threshold: float = -1.0,
) -> Detection:
    """Predict the outcome of mutual-nearest-neighbour matching with M inputs.

    Parameters
    ----------
    isolation : array_like, shape (candidates,)
        s_r ≥ 0 of the features that have a neuron in both networks; zeros are left out.
    inputs : float
        M ≥ 4; of autocorrelated inputs the effective number (`empirical.matching.evidence`).
    features : float
        A, over how many features interference is spread; infinite neglects its overlap.
    interference : float
        f, the share of interference (the rest is noise) in a neuron's activation besides its feature.
    idle : int
        Neurons per side that stand for no feature and take part in the matching.
    threshold : float
        ρ*, the correlation that a pair must reach to be counted; −1 counts every mutual pair.

    Raises
    ------
    InputError
        For isolation that is not a vector of numbers ≥ 0, fewer than 4 inputs, A below the number of candidates,
        f outside [0, 1], negative `idle` and a threshold outside [−1, 1).
    """
    s = as_floats("isolation", isolation, EXAMPLE)
    require(s.ndim == 1, "isolation", f"shape {s.shape}", "must be a vector", EXAMPLE)
    require(bool((s >= 0).all()), "isolation", s, "must be at least 0 and not NaN", EXAMPLE)
    as_number("inputs", inputs, lambda x: x >= 4, "must be at least 4", EXAMPLE)
    as_number("interference", interference, lambda x: 0 <= x <= 1, "must be between 0 and 1", EXAMPLE)
    as_number("idle", idle, lambda x: 0 <= x < np.inf, "must be finite and at least 0", EXAMPLE)
    as_number("threshold", threshold, lambda x: -1 <= x < 1, "must be a correlation in [−1, 1)", EXAMPLE)
    s = s[s > 0]
    n = s.size
    require(features >= n, "features", features, f"must be at least the {n} candidates", EXAMPLE)
    if n == 0:
        false_pairs = _idle_pairs(s, s, s, features, interference, inputs, idle, threshold)
        return Detection(probability=s, count=0.0, count_sd=0.0, false_pairs=false_pairs, tau_eff=np.nan)

    share = _share(s)
    mean, sd = _matched(share, inputs, features, interference)
    width = np.sqrt(1 + (inputs - 1) * _overlap(share, interference) / features)
    rivals = 2 * (n - 1 + idle)
    probability = np.empty(n)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        nodes, weights = _nodes((np.arctanh(threshold) - mean[part]) / sd[part] if threshold > -1 else None)
        x = np.tanh(mean[part, None] + sd[part, None] * nodes)
        best = _power(_null_sf(x / width[part, None], inputs), rivals)
        summed = np.sum(best * weights, axis=-1)
        probability[part] = np.minimum(summed, 1.0)  # the weights sum to 1 up to rounding
    false_pairs = _false_pairs(mean, sd, float(np.mean(width)), inputs, idle, threshold)
    if idle:
        false_pairs += _idle_pairs(mean, sd, share, features, interference, inputs, idle, threshold)
    return Detection(
        probability=probability,
        count=float(probability.sum()),
        count_sd=float(np.sqrt(np.sum(probability * (1 - probability)))),
        false_pairs=false_pairs,
        tau_eff=tau_eff(n + idle, inputs, float(width[-1])),
    )


@checked("tau_eff(candidates=1000, inputs=10_000)", "width")
def tau_eff(candidates: int, inputs: float, width: float = 1.0) -> float:
    """Return the isolation whose correlation equals the median of the largest of 2(n−1) chance correlations.

    Parameters
    ----------
    candidates : int
        n ≥ 1 neurons per side.
    inputs : int
        M ≥ 4.
    width : float
        Standard deviation of chance correlations over that of independent signals (√(v (M−1))).
    """
    from scipy.special import stdtrit

    example = "tau_eff(candidates=1000, inputs=10_000)"
    as_number("inputs", inputs, lambda x: x >= 4, "must be at least 4", example)
    as_number("candidates", candidates, lambda x: 1 <= x < np.inf, "must be finite and at least 1", example)
    if candidates == 1:
        return 0.0
    upper = -np.expm1(-np.log(2) / (2 * (candidates - 1)))  # 1 − 2^(−1/(2(n−1)))
    t = -stdtrit(inputs - 2, upper)
    rho = width * t / np.sqrt(inputs - 2 + t * t)
    return float(rho / (1 - rho)) if rho < 1 else np.inf


def expected_null_pairs(neurons_a: int, neurons_b: int) -> float:
    """Return the expected mutual nearest neighbours of two unrelated networks, ``N_A N_B/(N_A + N_B − 1)``.

    Each of the N_A N_B correlations is the largest of its row and column, N_A + N_B − 1 exchangeable entries, with
    that probability: about N/2 pairs, whatever the number of inputs.
    """
    for name, value in [("neurons_a", neurons_a), ("neurons_b", neurons_b)]:
        rule = "must be finite and at least 1"
        as_number(name, value, lambda x: 1 <= x < np.inf, rule, "expected_null_pairs(1000, 1000)")
    return neurons_a * neurons_b / (neurons_a + neurons_b - 1)


def _overlap(share: np.ndarray, f: float) -> np.ndarray:
    mean = float(share.mean())
    return f * share * (1 - mean) + f * mean * (1 - share) + f * f * (1 - share) * (1 - mean)


def _matched(share: np.ndarray, inputs: float, features: float, f: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of Fisher's z of the matched pairs."""
    rho = np.minimum(share, 1 - 1e-12)
    spread = (f * (1 - share)) ** 2 / features / (1 - rho**2) ** 2
    return np.arctanh(rho) + rho / (2 * (inputs - 1)), np.sqrt(1 / (inputs - 3) + spread)


def _nodes(low: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of ∫ φ(t) … dt over the whole line, or from each `low` upwards (rows)."""
    if low is None:
        nodes, weights = HERMITE
        return nodes, weights / weights.sum()
    low = np.clip(low, -FAR, FAR)[:, None]
    half = (FAR - low) / 2
    nodes = low + half * (LEGENDRE[0] + 1)
    return nodes, half * LEGENDRE[1] * np.exp(-nodes * nodes / 2) / np.sqrt(2 * np.pi)


def _null_sf(x: np.ndarray, inputs: float) -> np.ndarray:
    """Return P(ρ̂ > x) for independent Gaussian signals: ``ρ̂ √((M−2)/(1−ρ̂²))`` is Student's t with M − 2 degrees."""
    from scipy.special import stdtr

    x = np.clip(x, -1, 1)
    with np.errstate(divide="ignore"):
        return stdtr(inputs - 2, -x * np.sqrt((inputs - 2) / (1 - x * x)))


def _power(upper: np.ndarray, rivals: int) -> np.ndarray:
    """Return ``(1 − upper)^rivals`` without loss where `upper` is tiny."""
    with np.errstate(divide="ignore"):
        return np.exp(rivals * np.log1p(-np.minimum(upper, 1.0))) if rivals else np.ones_like(upper)


def _false_pairs(mean, sd, width: float, inputs: float, idle: int, threshold: float) -> float:
    """Return the expected mutual pairs of two different features."""
    from scipy.special import ndtr

    n = mean.size
    if n < 2:
        return 0.0
    x, upper = _chance(width, inputs, threshold)
    z = np.arctanh(np.clip(x, -1 + 1e-15, 1 - 1e-15))
    total, squares = np.zeros_like(x), np.zeros_like(x)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        below = ndtr((z - mean[part, None]) / sd[part, None])
        total += below.sum(axis=0)
        squares += (below**2).sum(axis=0)
    integrand = _power(upper, 2 * (n + idle - 2)) * (total**2 - squares)
    return max(float(np.trapezoid(integrand, -upper)), 0.0)


def _idle_pairs(mean, sd, share, features: float, f: float, inputs: float, idle: int, threshold: float) -> float:
    """Return the expected mutual pairs of an idle neuron, with another or with a feature's neuron.

    Every rival has its own width; a feature's own two neurons correlate by Fisher's z of `mean` and `sd`.
    """
    from scipy.special import ndtr

    if not idle:
        return 0.0
    among = float(np.sqrt(1 + (inputs - 1) * f * f / features))
    beside = np.sqrt(1 + (inputs - 1) * (f * share + f * f * (1 - share)) / features)
    x, upper = _chance(among, inputs, threshold)
    with np.errstate(divide="ignore"):
        log_free = np.log1p(-np.minimum(upper, 1.0))
    others = (idle - 1) * log_free if idle > 1 else np.zeros_like(x)
    strong = np.zeros_like(x)
    for start in range(0, share.size, CHUNK):
        width = beside[start : start + CHUNK, None]
        with np.errstate(divide="ignore"):
            strong += np.log1p(-np.minimum(_null_sf(x / width, inputs), 1.0)).sum(axis=0)
    pairs = idle**2 * float(np.trapezoid(np.exp(2 * (others + strong)), -upper))
    z = np.arctanh(np.clip(x, -1 + 1e-15, 1 - 1e-15))
    for start in range(0, share.size, CHUNK):
        part = slice(start, start + CHUNK)
        law = _null_sf(x / beside[part, None], inputs)  # of an idle neuron beside feature r's
        own = ndtr((z - mean[part, None]) / sd[part, None])
        row = _power(law, idle - 1) * _power(upper, share.size - 1) * own
        column = np.exp(others + strong) / np.maximum(_power(law, 1), 1e-300)
        pairs += 2 * idle * float(np.trapezoid(row * column, -law).sum())
    return max(pairs, 0.0)


def _chance(width: float, inputs: float, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return correlations from the threshold upwards, and the probability that a chance one is above each."""
    scale = np.sqrt(inputs - 2)
    lowest = np.clip(threshold / width, np.tanh(-FAR / scale), np.tanh(FAR / scale))
    x = np.tanh(np.linspace(scale * np.arctanh(lowest), FAR, 721) / scale)
    return width * x, _null_sf(x, inputs)
