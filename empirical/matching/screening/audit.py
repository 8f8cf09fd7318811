"""The share of pairs that screening misses, measured: some neurons of A, drawn at random, are matched exactly.

Half of them are drawn from the neurons that look as if they had a mutual partner, where most pairs are, and half from
all others, where pairs would be missed; each stands for as many as its stratum has per sampled one (weights). A sampled
neuron u is multiplied with all of B while candidates are read (`pair_products`). Its best partner v is not mutual if a
known pair of v is closer; where none is, every neuron of A whose estimate with v comes within reach is correlated with
v exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..moments import Moments
from ..partners import Partners

NEAR = 1e-6  # how far products of the audited neurons, summed in float32, may be off


@dataclass(frozen=True)
class Strata:
    """Sampled neurons of A, sorted, and how many neurons each stands for."""

    sampled: np.ndarray
    weight: np.ndarray


def strata(neurons: int, likely: np.ndarray, count: int, seed: int) -> Strata:
    """Draw half of `count` neurons from the likely ones, and half from the others, without replacement."""
    count = min(count, neurons)
    rest = np.setdiff1d(np.arange(neurons), likely)
    likely = np.setdiff1d(np.arange(neurons), rest)
    first = min(len(likely), max(count // 2, count - len(rest)))
    random = np.random.default_rng([seed, 3])
    sampled, weight = [], []
    for stratum, number in ((likely, first), (rest, count - first)):
        sampled.append(random.permutation(stratum)[:number])
        weight.append(np.full(number, len(stratum) / max(number, 1)))
    order = np.argsort(np.concatenate(sampled), kind="stable")
    return Strata(np.concatenate(sampled)[order], np.concatenate(weight)[order])


@dataclass(frozen=True)
class Audit:
    """Best partners of the sampled neurons: units of A and B, the keys that rank them, and their weights.

    `close` has, for each, all units of B that the products' rounding cannot distinguish from the best one.
    """

    sampled: int
    unit_a: np.ndarray
    unit_b: np.ndarray
    key: np.ndarray
    weight: np.ndarray
    close: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(cls, strata: Strata, crossed: np.ndarray, moments: tuple[Moments, Moments], absolute: bool) -> Audit:
        """Rank the sampled neurons' products with all of B.

        Parameters
        ----------
        strata : Strata
            The sampled neurons.
        crossed : ndarray, shape (sampled, neurons of B)
            Σ (x − x̄) (y − ȳ).
        """
        units = strata.sampled
        if not len(units):
            return cls(0, units, units, np.empty(0), strata.weight)
        square_x, square_y = moments[0].square[units], moments[1].square
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = crossed / np.sqrt(square_x)[:, None] / np.sqrt(square_y)
        known = (square_x > 0)[:, None] & (square_y > 0)
        key = np.where(known, np.abs(rho) if absolute else rho, -np.inf)
        best = key.max(1)
        some = best > 0
        close = [np.flatnonzero(row >= top - NEAR) for row, top in zip(key[some], best[some], strict=True)]
        return cls(len(units), units[some], key.argmax(1)[some], best[some], strata.weight[some], close)

    def unsettled(self, best: Partners, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return sampled neurons, partners and keys where fewer than k known pairs of the partner are closer."""
        still = self._still(best, k)
        return self.unit_a[still], self.unit_b[still], self.key[still]

    def report(self, best: tuple[Partners, Partners], k: int, pairs_known: tuple[np.ndarray, ...]) -> dict[str, float]:
        """Return how many were sampled, how many have a mutual partner, how many of these were found, and the recall.

        `best` must know all that could be closer to the unsettled partners. The recall is the weighted share; NaN if no
        sampled neuron has a partner. Of partners that are equally close up to `NEAR` any will do: a sampled neuron
        counts as found with any of them, and as having none where one of them is paired with others as close.
        """
        still = self._still(best[1], k)
        units, partner, key, weight = self.unit_a[still], self.unit_b[still], self.key[still], self.weight[still]
        mutual = (best[1].index[partner, :k] == units[:, None]).any(1)
        hit = _as_close(units, key, pairs_known[0], pairs_known[2]) > 0
        for place, number in enumerate(np.flatnonzero(still) if self.close else ()):
            equal = self.close[number]
            occupied = _as_close(equal, np.full(len(equal), key[place]), pairs_known[1], pairs_known[2]) >= k
            mutual[place] &= hit[place] | ~occupied.any()
        total = weight[mutual].sum()
        return {
            "audited": self.sampled,
            "audited_pairs": int(mutual.sum()),
            "audited_found": int((mutual & hit).sum()),
            "recall_audited": float(weight[mutual & hit].sum() / total) if total else float("nan"),
        }

    def _still(self, best: Partners, k: int) -> np.ndarray:
        return self.key >= best.key[self.unit_b, k - 1] - NEAR


def _as_close(units: np.ndarray, key: np.ndarray, paired: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Return in how many pairs each unit is that are as close as its key, up to `NEAR`."""
    return np.sum((paired == units[:, None]) & (np.abs(rho) >= key[:, None] - NEAR), axis=1)
