"""Measures of toy networks, whose features are known: isolation, information, matching.

Over fresh samples that all networks of one β share, with the noise's variance added exactly:

    W_jr = cov(h_j, x_r)/sd(x_r)          loading on the standardised feature                     (Eq. 37)
    s_jr = W_jr²/(Var h_j + σ∞² − W_jr²)  isolation: everything but the feature is interference   (Eq. 44)
    s_r  = max_j s_jr,  c(r) its neuron                                                           (Eqs. 45–46)
    t_r  = Var x_r/MSE_r − 1              of the best linear readout: the information of the whole network (Eqs. 49–51)

A feature spread over several neurons has t_r > s_r: the theory's optimum does not care, the Rosetta count does. Two
networks are matched by mutual nearest neighbours with ρ ≥ τ/(1 + τ) (Eqs. 62–63). A pair is right if both neurons
have the same most isolated feature; precision is the share of right pairs, recall the share of the features with
``min(s_r, s'_r) ≥ τ`` that a right pair stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from .packing import mutual_nearest
from .toy import Trained, costs
from .toy_samples import active_entries, active_probability, network_generator, sample_batches, variance
from .toy_step import energy, hidden_activations

CHUNK = 4096
FEWEST, PER_NEURON = 1 << 17, 1 << 10  # samples: the frontier's feature is as rare as 1/N
SEEN = 30  # times that a feature must occur in the samples, on average, to be measured at all
FRESH = 1 << 31  # the index of no network: its stream is fresh data


@dataclass(frozen=True, eq=False)
class Learned:
    """One network's features.

    Attributes
    ----------
    isolation : ndarray, shape (A,)
        s_r.
    information : ndarray, shape (A,)
        t_r.
    sampled : ndarray, shape (A,)
        s_r with the variance that x_r has in the samples, as correlations over them have it.
    neuron : ndarray of int, shape (A,)
        c(r).
    of_neuron : ndarray of int, shape (N,)
        The feature that each neuron isolates most.
    """

    isolation: np.ndarray
    information: np.ndarray
    sampled: np.ndarray
    neuron: np.ndarray
    of_neuron: np.ndarray

    def count(self, tau: float) -> int:
        """Return R_τ (Eq. 10)."""
        return int(np.count_nonzero(self.isolation >= tau))


@dataclass(frozen=True)
class Matching:
    """Rosetta matching of two networks against the truth; NaN where there is no pair, or no feature to match."""

    pairs: int
    precision: float
    recall: float


@dataclass(frozen=True, eq=False)
class ToyMeasurement:
    """Measures of the networks of one N and β, and the matching of each two of them."""

    learned: list[Learned]
    matchings: list[Matching]


def measure_networks(trained: Trained, seed: int, tau: float = 1.0, samples: int | None = None) -> ToyMeasurement:
    """Measure networks of one N and β on fresh samples that they share."""
    N, beta, _ = trained.networks[0]
    samples = samples or max(FEWEST, PER_NEURON * N)
    products, with_x, power = _moments(trained, network_generator(seed, N, beta, FRESH), samples)
    blocks = [slice(k * N, (k + 1) * N) for k in range(len(with_x))]
    noise, p = trained.recipe.noise, active_probability(beta, len(power))
    rarer = np.where((samples * p >= SEEN) & (power > 0), variance(p) / np.where(power > 0, power, 1.0), 0.0)
    learned = [_learned(products[k, k], x, power, rarer, noise) for k, x in zip(blocks, with_x, strict=True)]
    sd = np.sqrt(np.diag(products) + noise)
    correlation = products / np.maximum(np.outer(sd, sd), 1e-12)
    pairs = combinations(range(len(learned)), 2)
    matchings = [_matching(learned[a], learned[b], correlation[blocks[a], blocks[b]], tau) for a, b in pairs]
    return ToyMeasurement(learned, matchings)


def water_filling(neurons: int, beta: float, kappa: float, gamma: float, relu: bool = True) -> np.ndarray:
    """Return the optimal s_r of the toy's own problem: weights r^-β, budget κN, and the energy costs of ReLU."""
    from ..theory import allocate

    features = int(gamma * neurons)
    price = costs(active_probability(beta, features)) if relu else None
    return allocate(np.arange(1.0, features + 1) ** -beta, kappa * neurons, costs=price).isolation


def profile_slope(isolation: np.ndarray, tau: float) -> float:
    """Return d log(1 + s_r)/d log r over features with s ≥ τ: −β by Eq. 14. NaN with fewer than three."""
    ranks = np.flatnonzero(isolation >= tau) + 1
    if len(ranks) < 3:
        return np.nan
    return float(np.polyfit(np.log(ranks), np.log1p(isolation[ranks - 1]), 1)[0])


def _moments(trained: Trained, rng: np.random.Generator, samples: int):
    """Return covariances of all neurons, of each network's neurons with the features, and the features' variances.

    All three are of the same samples: where MSE_r is a hundredth of Var x_r, the error of a variance taken from
    elsewhere would be as large as the measure.
    """
    import torch

    W, b, beta = trained.encoder, trained.bias, trained.networks[0].beta
    networks, features, N = W.shape
    recipe = trained.recipe  # the budget's scale is that of all samples, not of a chunk
    unscaled = replace(recipe, budget="price") if recipe.budget == "proportional" else recipe
    p, chunks = active_probability(beta, features), max(1, samples // CHUNK)
    mean, energies = torch.zeros(networks * N, dtype=torch.float64), torch.zeros(networks, dtype=torch.float64)
    products = torch.zeros(networks * N, networks * N, dtype=torch.float64)
    with_x = torch.zeros(networks, features, N, dtype=torch.float64)
    x_mean, x_square = np.zeros(features), np.zeros(features)
    for _ in range(chunks):
        column, value = (one := active_entries(rng, p, CHUNK))[1:]
        (shared,) = sample_batches([one] * networks, features, CHUNK, 1)
        h = hidden_activations(shared, W, b, unscaled).h
        flat = h.transpose(0, 1).reshape(CHUNK, networks * N)
        energies += energy(h).double() / chunks
        mean += flat.double().mean(0) / chunks
        products += (flat.T @ flat).double() / CHUNK / chunks
        with_x += shared.transposed_times(h).double() / CHUNK / chunks
        x_mean += np.bincount(column, value, features) / CHUNK / chunks
        x_square += np.bincount(column, value.astype(float) ** 2, features) / CHUNK / chunks
    scale = torch.ones(networks, dtype=torch.float64)
    if recipe.budget == "proportional":
        scale = torch.sqrt(recipe.kappa * N / (energies + 1e-9))
    each = scale.repeat_interleave(N)
    products = (products - torch.outer(mean, mean)) * torch.outer(each, each)
    with_x = with_x - torch.tensor(x_mean)[None, :, None] * mean.view(networks, 1, N)
    return products.numpy(), (with_x * scale[:, None, None]).numpy(), x_square - x_mean**2


def _learned(covariance: np.ndarray, with_x: np.ndarray, power: np.ndarray, rarer: np.ndarray, noise: float) -> Learned:
    """Return the measures of one network; `rarer` is Var x_r over that in the samples, 0 where not measured."""
    power = np.where(rarer > 0, power, np.inf)
    share = with_x**2 / power[:, None]  # W_jr², shape (A, N)
    total = np.diag(covariance) + noise
    s = share / np.maximum(total - share, 1e-6 * np.maximum(total, 1e-12))
    ridge = max(noise, 1e-6 * float(np.trace(covariance)) / len(total))
    explained = (
        np.einsum("rj,jr->r", with_x, np.linalg.solve(covariance + ridge * np.eye(len(total)), with_x.T)) / power
    )
    t = rarer * explained / np.maximum(1 - explained, 1e-6)
    best, of_neuron = s.max(axis=1), (rarer[:, None] * s).argmax(axis=0)
    return Learned(isolation=rarer * best, information=t, sampled=best, neuron=s.argmax(axis=1), of_neuron=of_neuron)


def _matching(a: Learned, b: Learned, correlation: np.ndarray, tau: float) -> Matching:
    i, j = mutual_nearest(correlation, tau / (1 + tau))
    right = a.of_neuron[i] == b.of_neuron[j]
    both = np.flatnonzero(np.minimum(a.sampled, b.sampled) >= tau)
    recalled = np.isin(both, a.of_neuron[i][right])
    precision = float(right.mean()) if len(i) else np.nan
    return Matching(len(i), precision, float(recalled.mean()) if len(both) else np.nan)
