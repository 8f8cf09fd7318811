r"""Replicates of a matching: would a pair be found again, and how much does the count depend on the text?

The positions lie in J parts of consecutive positions, of whole documents where documents are known. Products of each
neuron with its best partners are there part by part (`part_products`), so that any weighting of the parts is a matching
again, and nothing is read anew. A replicate looks among each neuron's best `RIVALS` + k partners over all positions.

**Stability** (Shah and Samworth 2013, J. R. Stat. Soc. B 75, 55–80). Half of the parts are drawn `SPLITS` times, each
half together with the other one. The share π of these halves in which a pair is found again is its stability. With q
pairs found in a half on average, of N_A N_B that could be, the pairs with π ≥ τ hold at most

    q² / ((2 τ − 1) N_A N_B)

expected pairs that a half finds with no more than the average chance q / (N_A N_B) (their theorem 1).

**Error of the count.** `BOOTSTRAP` texts are drawn of J parts with replacement (Field and Welsh 2007, J. R. Stat. Soc.
B 69, 369–390). The standard deviation of the number of pairs at or above ρ*, times √(J/(J − 1)), is the standard error.
The same texts give the standard error of each pair's margin over its best rival. Leaving out one part at a time is no
substitute: the jackknife is inconsistent for a count of maxima (Shao and Wu 1989, Ann. Statist. 17, 1176–1197).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ....contents import ByContent
from ....threads import return_memory
from ..cost import TEXTS, TOGETHER
from ..machine.small import kernels
from .part_products import PartProducts

SPLITS = 50
BOOTSTRAP = TEXTS
STABLE = 0.9
AT_ONCE = TOGETHER


@dataclass(frozen=True, eq=False)
class Replicates(ByContent):
    """Replicates of a matching.

    Attributes
    ----------
    stability : ndarray, shape (pairs,)
        π, the share of halves in which a pair is found.
    pairs_in_half : float
        q, the mean number of pairs of a half.
    correlations : list of ndarray
        Correlations of the mutual pairs of each drawn text.
    parts : int
        J.
    halves : ndarray of bool, shape (2, pairs)
        Whether the first and the second half of the positions have the pair.
    half_margins : ndarray, shape (2, pairs)
        Margin of each pair on the first and on the second half of the positions; NaN for k > 1.
    margin_errors : ndarray, shape (pairs,)
        Standard error of each pair's margin: its correlation less that of the best rival of either neuron;
        NaN for k > 1.
    overlap : float
        Jaccard overlap of the pairs found in the first and in the second half of the positions.
    """

    stability: np.ndarray
    pairs_in_half: float
    correlations: list[np.ndarray]
    parts: int
    halves: np.ndarray
    half_margins: np.ndarray
    margin_errors: np.ndarray
    overlap: float

    @property
    def settled(self) -> np.ndarray:
        """Mask of the pairs found in the first and in the second half of the positions."""
        return np.asarray(self.halves.all(0))


def replicates(
    products: PartProducts, pairs: tuple[np.ndarray, np.ndarray], k: int, absolute: bool, seed: int
) -> Replicates:
    """Return the replicates of a matching.

    Parameters
    ----------
    products : PartProducts
        Products of each neuron with its best partners, J ≥ 2 parts.
    pairs : pair of int arrays
        Units of A and of B of the mutual pairs over all positions.
    k, absolute
        As in `match`.
    seed : int
        Seed of the halves and of the texts.
    """
    return_memory()  # of tiles and sketches
    parts = len(products.counts)
    rng = np.random.default_rng([seed, *b"replicates"])
    first = np.arange(parts) < (parts + 1) // 2
    in_order, halves, texts = np.array([first, ~first]), complementary_halves(parts, rng), drawn_texts(parts, rng)
    where = _places(products, pairs)
    contiguous, half_margins, recurrences, sizes = [], [], np.zeros(len(pairs[0])), []
    for _, mutual, margin in _matched(products, in_order, k, absolute, margins=True):
        contiguous.append(mutual.copy())
        half_margins.append(margin[where])
    for _, mutual in _matched(products, halves, k, absolute):
        recurrences += _at(mutual, where)
        sizes.append(mutual.sum())
    correlations, margins = [], []
    for rho, mutual, margin in _matched(products, texts, k, absolute, margins=True):
        correlations.append(rho[mutual])
        margins.append(margin[where])
    with np.errstate(invalid="ignore"):  # no rival at all: a margin without end
        errors = np.std(margins, axis=0, ddof=1) * (parts / (parts - 1)) ** 0.5
    either = int(np.sum(contiguous[0] | contiguous[1]))
    return Replicates(
        stability=recurrences / len(halves),
        pairs_in_half=float(np.mean(sizes)),
        correlations=correlations,
        parts=parts,
        halves=np.stack([_at(mutual, where) for mutual in contiguous]),
        half_margins=np.where((where >= 0) & (k == 1), np.stack(half_margins), np.nan),
        margin_errors=np.where((where >= 0) & (k == 1), errors, np.nan),
        overlap=int(np.sum(contiguous[0] & contiguous[1])) / either if either else float("nan"),
    )


def complementary_halves(parts: int, rng: np.random.Generator) -> np.ndarray:
    """Return masks of `SPLITS` random halves of the parts, each followed by the other half: (2 `SPLITS`, parts)."""
    masks = np.zeros((SPLITS, parts), dtype=bool)
    for mask in masks:
        mask[rng.permutation(parts)[: (parts + 1) // 2]] = True
    return np.stack([masks, ~masks], axis=1).reshape(-1, parts)


def drawn_texts(parts: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each part is in each of `BOOTSTRAP` texts drawn with replacement: (`BOOTSTRAP`, parts)."""
    return rng.multinomial(parts, np.full(parts, 1 / parts), BOOTSTRAP)


def count_error(counts: np.ndarray, parts: int) -> float:
    """Return the standard error of a count from its values in resampled texts; NaN for fewer than two texts."""
    return float(np.std(counts, ddof=1) * (parts / (parts - 1)) ** 0.5) if len(counts) > 1 else float("nan")


def error_bound(pairs_in_half: float, neurons: tuple[int, int], stable: float = STABLE) -> float:
    """Return the bound on expected null pairs among those with π ≥ `stable` (module head)."""
    return pairs_in_half**2 / ((2 * stable - 1) * neurons[0] * neurons[1])


def _matched(
    products: PartProducts, weights: np.ndarray, k: int, absolute: bool, margins: bool = False
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield, for each weighting of the parts, all candidates' correlations, which are pairs, and if asked margins."""
    size = max(1, AT_ONCE // max(len(products.unit_a), 1))
    units = products.unit_a, products.unit_b, *products.neurons
    shape = min(size, len(weights)), len(products.unit_a)
    rooms, room = [np.empty(shape) for _ in range(2 + margins)], np.empty(shape, dtype=bool)  # the same for all
    for start in range(0, len(weights), size):
        several = weights[start : start + size]
        rho, key, *others = (one[: len(several)] for one in rooms)
        mutual = room[: len(several)]
        products.correlations(several, rho)
        kernels().keys(rho, absolute, -1.0 if absolute else 0.0, key)
        kernels().mutual_pairs(key, *units, k, mutual)
        if margins:
            rival = others[0]
            kernels().keys(rho, absolute, -np.inf, key)
            kernels().rivals(key, *units, rival)
            with np.errstate(invalid="ignore"):  # −inf − (−inf): neither a pair nor a rival
                yield from zip(rho, mutual, np.subtract(key, rival, out=rival), strict=True)
        else:
            yield from zip(rho, mutual, strict=True)


def _places(products: PartProducts, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return where each pair stands among the products, −1 where it does not."""
    width = products.neurons[1]
    known, wanted = products.unit_a * width + products.unit_b, pairs[0] * width + pairs[1]
    if not len(known):
        return np.full(len(wanted), -1)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, place, -1)


def _at(mutual: np.ndarray, places: np.ndarray) -> np.ndarray:
    there = np.zeros(len(places), dtype=bool)
    known = places >= 0
    there[known] = mutual[places[known]]
    return there
