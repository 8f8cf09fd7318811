r"""Attenuation measured where four networks share positions: vanishing tetrads, and the communality of a neuron.

If the neurons A, B, C and D of one feature have nothing else in common, ``ρ_AB = λ_A λ_B`` (Eq. 62 with λ² = s/(1+s)),
and so (Spearman 1904; Bollen and Ting 1993)

    ρ_AB ρ_CD = ρ_AC ρ_BD = ρ_AD ρ_BC                 vanishing tetrads
    ρ_AB ρ_AC / ρ_BC = λ_A²                           communality of A: its isolation s/(1+s), with what attenuates A

Attenuation of a network's own neuron is part of λ and leaves tetrads vanished; attenuation of a *pair* of networks
(alignment, tokenizers) does not. The log ratio ``log(ρ_AB ρ_CD) − log(ρ_AC ρ_BD)`` has, from M positions of one shared
feature, a sampling variance that follows from that of correlations (Olkin and Siotani 1976); what its spread over
features has beyond it is the spread of pair attenuation, four independent factors a ratio.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import checked
from ...contents import ByContent
from ...errors import require
from ...lazy import deferred
from ..inputs import numbers

stats = deferred("scipy.stats")  # half a second

NAMES = ("ab", "ac", "ad", "bc", "bd", "cd")
EXAMPLE = "fit_tetrads({'ab': rho_ab, 'ac': rho_ac, 'ad': rho_ad, 'bc': rho_bc, 'bd': rho_bd, 'cd': rho_cd}, 86_000)"


@dataclass(frozen=True, eq=False)
class Tetrads(ByContent):
    """Tetrads of features that are matched in four networks.

    Attributes
    ----------
    log_ratio, se : ndarray, shape (features, 2)
        ``log(ρ_AB ρ_CD/(ρ_AC ρ_BD))`` and ``log(ρ_AB ρ_CD/(ρ_AD ρ_BC))`` with their sampling errors.
    vanish_p : float
        p-value of all tetrads vanishing, from the first ratio's sum of squares.
    pair_sd : float
        Spread of the log attenuation of a pair of networks beyond sampling.
    communality : ndarray, shape (features, 4)
        λ² of A, B, C and D, each the geometric mean of its three estimates; may exceed 1 by noise.
    """

    log_ratio: np.ndarray
    se: np.ndarray
    vanish_p: float
    pair_sd: float
    communality: np.ndarray


def communality(ab: ArrayLike, ac: ArrayLike, bc: ArrayLike) -> np.ndarray:
    """Return ``ρ_AB ρ_AC/ρ_BC``, the share of A's neuron that it has in common with both others.

    Raises
    ------
    InputError
        If a correlation is not between 0 and 1.
    """
    ab, ac, bc = (_correlations(name, one) for name, one in (("ab", ab), ("ac", ac), ("bc", bc)))
    return ab * ac / bc


@checked(EXAMPLE)
def fit_tetrads(correlations: Mapping[str, ArrayLike], positions: float) -> Tetrads:
    """Test vanishing tetrads and measure communalities.

    Parameters
    ----------
    correlations : mapping of str to array_like, shape (features,)
        ``ab, ac, ad, bc, bd, cd``: correlations of the neurons of each two networks, feature by feature.
    positions : float
        M, effective positions behind each correlation (fewer than there are, where positions are alike).

    Raises
    ------
    InputError
        If a pair is missing, lengths differ, or a correlation is not between 0 and 1.
    """
    missing = [name for name in NAMES if name not in correlations]
    require(not missing, "correlations", sorted(correlations), f"must also have {', '.join(missing)}", EXAMPLE)
    require(positions > 10, "positions", positions, "must be more than 10", EXAMPLE)
    rho: dict[str, Any] = {name: _correlations(name, correlations[name]) for name in NAMES}
    lengths = {name: len(one) for name, one in rho.items()}
    same = len(set(lengths.values())) == 1 and lengths["ab"] > 0
    require(same, "correlations", lengths, "must be arrays of one length, with one entry per feature", EXAMPLE)
    log = {name: np.log(one) for name, one in rho.items()}
    first = log["ab"] + log["cd"] - log["ac"] - log["bd"]
    second = log["ab"] + log["cd"] - log["ad"] - log["bc"]
    ratios = ("ab", "cd", "ac", "bd"), ("ab", "cd", "ad", "bc")
    se = np.stack([sampling_error(rho, names, positions) for names in ratios], axis=1)
    variance = float(np.mean(first**2 - se[:, 0] ** 2))
    shared = np.stack([_of_one(log, letter) for letter in "abcd"], axis=1)
    return Tetrads(
        log_ratio=np.stack([first, second], axis=1),
        se=se,
        vanish_p=float(stats.chi2.sf(np.sum((first / se[:, 0]) ** 2), len(first))),
        pair_sd=float(np.sqrt(max(variance, 0.0)) / 2),
        communality=np.exp(shared),
    )


def _of_one(log: Mapping[str, np.ndarray], letter: str) -> np.ndarray:
    """Return the mean log communality of one network's neurons over the three pairs of the others."""
    others = [other for other in "abcd" if other != letter]
    pairs = [(x, y) for i, x in enumerate(others) for y in others[i + 1 :]]

    def between(x: str, y: str) -> np.ndarray:
        return log["".join(sorted((x, y)))]

    return np.mean([between(letter, x) + between(letter, y) - between(x, y) for x, y in pairs], axis=0)


def sampling_error(rho: Mapping[str, np.ndarray], names: tuple[str, ...], positions: float) -> np.ndarray:
    """Return the sampling error of the log ratio of the first two of four correlations to the last two."""
    sign = (1, 1, -1, -1)
    total = np.zeros(len(rho["ab"]))
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            total += sign[i] * sign[j] * _covariance(rho, first, second) / (rho[first] * rho[second])
    return np.sqrt(np.maximum(total, 1e-300) / positions)


def _covariance(rho: Mapping[str, np.ndarray], first: str, second: str) -> np.ndarray:
    """Return M times the covariance of two sample correlations of normal variables (Olkin and Siotani 1976)."""

    def of(x: str, y: str) -> np.ndarray:
        return np.ones(len(rho["ab"])) if x == y else rho["".join(sorted((x, y)))]

    (i, j), (k, m) = first, second
    ij, km = of(i, j), of(k, m)
    ik, im, jk, jm = of(i, k), of(i, m), of(j, k), of(j, m)
    quadratic = ij * km * (ik**2 + im**2 + jk**2 + jm**2) / 2
    return quadratic + ik * jm + im * jk - (ij * ik * im + ij * jk * jm + ik * jk * km + im * jm * km)


def _correlations(name: str, values: ArrayLike) -> np.ndarray:
    array = numbers(name, values, EXAMPLE)
    good = array.ndim == 1 and bool(np.all((array > 0) & (array <= 1)))
    require(good, name, values, "must be correlations above 0 and at most 1, one per feature", EXAMPLE)
    return array
