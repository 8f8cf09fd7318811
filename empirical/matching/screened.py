r"""The screened engine: candidates from a sketch, exact correlations for the candidates only.

1. **Sketch** (count-sketch, Charikar, Chen and Farach-Colton 2002). Position t goes to bucket h(t) with a random sign
   σ(t): ``S[h(t)] += σ(t) x_t``. It is linear, so means come off afterwards, and it takes one pass. Here h runs through
   the B buckets in order from a random start for each stripe of B positions: two positions of a stripe never meet, two
   of different stripes meet with probability 1/B, and memory is read and written in order. For standardised columns

       E[S_aᵀ S_b]/T = ρ,      variance ≈ (1 + ρ²)(1/B − 1/T)   (none for T ≤ B, where nothing collides).

2. **Candidates**. The c largest estimates of every neuron, both ways, from one product of the sketches.
3. **Exact**. A pair can be mutual only if each is among the other's candidates. Those pairs are estimated again from a
   sketch of 4 B buckets (the one that is built; the coarse one is folded from it). Those within `REACH` standard
   deviations of both neurons' best, and the candidates as close to these, are correlated over all positions. Products
   are kept part by part, so that the jackknife comes with them.
4. **Verification**. A neuron's best partner may be no candidate, where many are alike. So every neuron whose estimate
   with either neuron of a found pair comes within `REACH` standard deviations of the pair's correlation is correlated
   too (and its best-looking partners, for the margin), and pairs are found again, until none is new. Pairs that would
   take more than `MOST_RIVALS` rivals a neuron, at the level of the sketch's noise, stay unverified and are counted.

A pair of correlation ρ is missed when its estimate falls below the c-th best of either neuron. With the noise σ known,
its chance to be found is p = Φ((ρ − bar_a)/σ) Φ((ρ − bar_b)/σ), and the number of exact pairs is estimated (Horvitz and
Thompson 1952) by Σ 1/p over the pairs found. `recall_expected` is that ratio over the pairs with p ≥ ½: of weaker ones
each that is found stands for many that are not, and says little. Measured, not modelled: a random sample of A's neurons
is also matched exactly (`audit`), and it is reported how many of their pairs were found.

A null pair is weak, and weak pairs are what a sketch misses: below a few 1/√B the screened null has too few pairs. A
calibrated threshold that low is remarked on in the result's status.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ...errors import require
from ..sources import ActivationSource
from . import distributed
from . import sketch_kernels as kernels
from .checkpoint import Checkpoint
from .moments import Moments, NonFinite, wide
from .partners import Partners, mutual
from .reading import Block, aligned_blocks, cut, read

REACH = 4.5  # standard deviations beyond which an estimate does not stray
REFINED = 4  # the sketch is built with as many times the buckets: its half noise prunes candidates
STRIPS = 16  # of a block, worked on side by side
MOST_RIVALS = 64  # a neuron on average; beyond that the weakest pairs stay unverified


@dataclass(frozen=True)
class Screening:
    """Settings of the screened engine.

    Attributes
    ----------
    buckets : int
        Rows of the sketch, B: the noise of an estimate is about 1/√B.
    candidates : int
        Partners looked at for each neuron, c.
    audit : int
        Neurons of A that are also matched exactly.
    recall : float, optional
        Wanted `recall_expected`: candidates are doubled until it is met, at most four times.
    """

    buckets: int = 2048
    candidates: int = 16
    audit: int = 32
    recall: float | None = None

    def __post_init__(self):
        for name, least in (("buckets", 1), ("candidates", 1), ("audit", 0)):
            require(getattr(self, name) >= least, name, getattr(self, name), f"must be at least {least}")
        if self.recall is not None:
            require(0 < self.recall < 1, "recall", self.recall, "must be between 0 and 1", "--recall 0.999")


@dataclass(frozen=True)
class Sketch:
    """One model's sketch.

    Attributes
    ----------
    fine : float32 array, shape (neurons, REFINED · buckets)
        Sketch of the standardised activations, divided by √T: products of two estimate ρ. Zero for constant neurons.
    moments : Moments
        Means and sums of squares.
    """

    fine: np.ndarray
    moments: Moments

    @cached_property
    def coarse(self) -> torch.Tensor:
        """Return the sketch with `REFINED` buckets merged into one, shape (neurons, buckets)."""
        return torch.from_numpy(self.fine.reshape(len(self.fine), REFINED, -1).sum(1))


@dataclass(frozen=True)
class Products:
    """Exact products of candidate pairs, part by part.

    Attributes
    ----------
    unit_a, unit_b : ndarray of int, shape (pairs,)
        Candidate pairs, sorted.
    cross : ndarray, shape (J, pairs)
        Σ of products about the means of all positions.
    sums : ndarray, shape (J, 2, neurons) for each side
        Σ and Σ of squares about the mean of all positions.
    """

    unit_a: np.ndarray
    unit_b: np.ndarray
    cross: np.ndarray
    sums: tuple[np.ndarray, np.ndarray]
    counts: np.ndarray

    def correlations(self, mask: np.ndarray) -> np.ndarray:
        """Return the pairs' correlations over the parts of a boolean mask; NaN where a neuron is constant there."""
        n = self.counts[mask].sum()
        (sum_a, square_a), (sum_b, square_b) = (side[mask].sum(0) for side in self.sums)
        cross = self.cross[mask].sum(0) - sum_a[self.unit_a] * sum_b[self.unit_b] / n
        spread_a, spread_b = square_a - sum_a**2 / n, square_b - sum_b**2 / n
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = cross / np.sqrt(spread_a[self.unit_a]) / np.sqrt(spread_b[self.unit_b])
        return np.where(np.isfinite(rho), np.clip(rho, -1, 1), np.nan)


def sketch(source: ActivationSource, side: int, screening: Screening, seed: int, block: int) -> Sketch:
    """Sketch a source in one pass; the same seed gives the same buckets and signs for both models.

    Raises
    ------
    NonFinite
        If a neuron has a NaN or an infinity.
    """
    buckets = REFINED * screening.buckets
    size = buckets * max(1, block // buckets)
    blocks = [one for part in cut(source.positions, size, 1) for one in part]
    neurons = len(source.layer)
    own = np.array_split(np.arange(neurons), distributed.size())
    columns = slice(int(own[distributed.rank()][0]), int(own[distributed.rank()][-1]) + 1)
    width = columns.stop - columns.start
    rows = np.zeros((buckets, width), dtype=np.float32)
    total, square = np.zeros(width), np.zeros(width)
    spread, ones = np.zeros(width, dtype=np.float32), np.zeros(buckets)
    first = shift = None
    for number, x in enumerate(read(source, blocks, columns)):
        if shift is None or first is None:
            first = np.array(x[0])
            shift = np.nan_to_num(x[:256].astype(np.float64).mean(0)).astype(x.dtype)
        random = np.random.default_rng([seed, 2, number])
        turn = random.integers(0, buckets, -(-len(x) // buckets))
        sign = random.choice(np.array([-1, 1], dtype=np.float32), len(x))
        place = np.arange(len(x))
        np.add.at(ones, (place + turn[place // buckets]) % buckets, sign)
        kernels.add_to_sketch(wide(x), width, shift, first, turn, sign, rows, total, square, spread)
        bad = ~(np.isfinite(total) & np.isfinite(square))
        if bad.any():
            raise NonFinite(side, np.flatnonzero(bad) + columns.start)
    assert shift is not None
    positions = source.positions
    offset = total / positions
    centred = np.where(spread > 0, np.maximum(square - total * offset, 0), 0)
    torch.from_numpy(rows).addr_(torch.from_numpy(ones).float(), torch.from_numpy(offset).float(), alpha=-1)
    with np.errstate(divide="ignore"):
        rows *= np.where(centred > 0, 1 / np.sqrt(centred), 0).astype(np.float32)
    mean = np.asarray(np.where(spread > 0, shift + offset, first))
    return _joined(torch.from_numpy(rows).T.contiguous().numpy(), mean, centred, own, positions)


def _joined(fine: np.ndarray, mean: np.ndarray, square: np.ndarray, own: list[np.ndarray], positions: int) -> Sketch:
    """Put the processes' ranges of neurons together."""
    if len(own) == 1:
        return Sketch(fine, Moments(positions, torch.from_numpy(mean), torch.from_numpy(square)))
    pieces = []
    for owner, units in enumerate(own):
        piece = torch.empty(len(units), fine.shape[1]), torch.empty(len(units), 2, dtype=torch.float64)
        if owner == distributed.rank():
            piece = torch.from_numpy(fine), torch.from_numpy(np.stack([mean, square], axis=1))
        for tensor in piece:
            distributed.send(tensor, owner)
        pieces.append(piece)
    whole, moments = (torch.cat(part) for part in zip(*pieces, strict=True))
    return Sketch(whole.numpy(), Moments(positions, moments[:, 0].clone(), moments[:, 1].clone()))


@dataclass(frozen=True)
class Candidates:
    """Best estimates of one side: keys (falling) and partners, shape (neurons, candidates); −1 for none.

    `bar` is the best estimate that is no candidate, what a pair's estimate had to exceed; −∞ where all are candidates.
    """

    keys: np.ndarray
    units: np.ndarray
    bar: np.ndarray


def candidates(a: Sketch, b: Sketch, count: int, absolute: bool, chunk: int = 1024) -> tuple[Candidates, Candidates]:
    """Return the `count` best estimates of each neuron of A and of B."""
    shapes = [(len(one.fine), count + 1) for one in (a, b)]
    keys = [np.full(shape, -np.inf, dtype=np.float32) for shape in shapes]
    units = [np.full(shape, -1, dtype=np.int64) for shape in shapes]
    constant_a, constant_b = ((one.moments.square == 0) for one in (a, b))
    for low in range(0, len(a.fine), chunk):
        high = min(low + chunk, len(a.fine))
        estimate = a.coarse[low:high] @ b.coarse.T
        estimate[constant_a[low:high]] = -torch.inf
        estimate[:, constant_b] = -torch.inf
        if absolute:
            estimate.abs_().masked_fill_(constant_a[low:high, None] | constant_b, -torch.inf)
        kernels.offer_rows(estimate.numpy(), keys[0][low:high], units[0][low:high])
        kernels.offer_columns(estimate.numpy(), low, keys[1], units[1])
    one, other = (Candidates(k[:, :-1], u[:, :-1], k[:, -1]) for k, u in zip(keys, units, strict=True))
    return one, other


def chosen_pairs(
    sketches: Sequence[Sketch], near: tuple[Candidates, Candidates], noise: float, k: int, absolute: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs to correlate exactly: two-way candidates that may be the k best of both by the fine sketch."""
    neurons_b = len(near[1].units)
    (unit_a, partner_a), (partner_b, unit_b) = (_listed(side) for side in near)
    forth, back = unit_a * neurons_b + partner_a, unit_b * neurons_b + partner_b  # the same numbering: u N_B + v
    keys = np.union1d(forth, back)
    units = keys // neurons_b, keys % neurons_b
    estimate = fine_estimates(sketches, *units, absolute)
    band = REACH * noise * np.sqrt(2 * (1 + np.minimum(estimate, 1) ** 2))
    possible = np.isin(keys, forth) & np.isin(keys, back)
    for unit in units:
        possible &= estimate >= _best(unit, estimate, k) - band
    chosen = possible.copy()
    for unit in units:
        chosen |= estimate >= _best(unit, np.where(possible, estimate, -np.inf), k, np.inf) - band
    return units[0][chosen], units[1][chosen]


def _best(unit: np.ndarray, value: np.ndarray, k: int, otherwise: float = -np.inf) -> np.ndarray:
    """Return, for each entry, the k-th largest finite value of its unit, or `otherwise` where there is none."""
    order = np.lexsort((-value, unit))
    rank = np.arange(len(order)) - np.searchsorted(unit[order], unit[order], side="left")
    bar = np.full(int(unit.max(initial=0)) + 1, otherwise)
    last = order[(rank == k - 1) & np.isfinite(value[order])]
    bar[unit[last]] = value[last]
    return bar[unit]


def fine_estimates(sketches: Sequence[Sketch], units_a: np.ndarray, units_b: np.ndarray, absolute: bool) -> np.ndarray:
    """Return the fine sketch's estimates of some pairs' correlations (their magnitudes where `absolute`)."""
    estimate = np.empty(len(units_a), dtype=np.float32)
    kernels.row_products(sketches[0].fine, sketches[1].fine, units_a, units_b, estimate)
    return np.abs(estimate) if absolute else estimate


def _listed(side: Candidates) -> tuple[np.ndarray, np.ndarray]:
    unit = np.repeat(np.arange(len(side.units)), side.units.shape[1])
    partner = side.units.ravel()
    return unit[partner >= 0], partner[partner >= 0]


def exact_products(
    a: ActivationSource,
    b: ActivationSource,
    pairs: tuple[np.ndarray, np.ndarray],
    moments: tuple[Moments, Moments],
    parts: Sequence[Sequence[Block]],
    checkpoint: Checkpoint,
    name: str,
    advance: Callable[[float], None],
) -> Products:
    """Correlate candidate pairs over all positions; with several processes each reads its own parts."""
    neurons = len(a.layer), len(b.layer)
    cross = torch.zeros(len(parts), len(pairs[0]), dtype=torch.float64)
    sums = [torch.zeros(len(parts), 2, n, dtype=torch.float64) for n in neurons]
    own = []
    for j in range(distributed.rank(), len(parts), distributed.size()):
        held = checkpoint.load(f"{name}-pairs{j}")
        if held is None:
            own.append(j)
            continue
        cross[j] = torch.from_numpy(held["cross"])
        for total, side in zip(sums, "ab", strict=True):
            total[j] = torch.from_numpy(held[side])
        advance(sum(stop - start for start, stop in parts[j]))
    everything = slice(0, neurons[0]), slice(0, neurons[1])
    stream = aligned_blocks(a, b, [block for j in own for block in parts[j]], everything)
    order = np.lexsort((pairs[1], pairs[0]))
    pair_a, pair_b = pairs[0][order], pairs[1][order]
    units, places = zip(*(np.unique(side, return_inverse=True) for side in (pair_a, pair_b)), strict=True)
    means = [moment.mean.numpy()[unit] for moment, unit in zip(moments, units, strict=True)]
    strips = max(1, min(STRIPS, 2**27 // max(len(pair_a), 1)))
    for j in own:
        products = np.zeros((strips, len(pair_a)))
        totals = [np.zeros((strips, 2, len(unit))) for unit in units]
        for _ in parts[j]:
            x, y = next(stream)
            shifts = [mean.astype(side.dtype) for mean, side in zip(means, (x, y), strict=True)]
            columns = shifts[0], shifts[1], units[0], units[1]
            kernels.add_products(wide(x), wide(y), *columns, places[0], places[1], products, totals[0], totals[1])
            advance(len(x))
        cross[j] = torch.from_numpy(products.sum(0))
        for total, unit, found in zip(sums, units, totals, strict=True):
            total[j][:, torch.from_numpy(unit)] = torch.from_numpy(found.sum(0))
        kept = {"cross": cross[j].numpy(), "a": sums[0][j].numpy(), "b": sums[1][j].numpy()}
        checkpoint.save(f"{name}-pairs{j}", kept)
    for j in range(len(parts)):
        for tensor in (cross[j], sums[0][j], sums[1][j]):
            distributed.send(tensor, j % distributed.size())
    counts = np.array([sum(stop - start for start, stop in blocks) for blocks in parts])
    return Products(pair_a, pair_b, cross.numpy(), (sums[0].numpy(), sums[1].numpy()), counts)


def rivals(
    sketches: Sequence[Sketch],
    pairs: tuple[np.ndarray, ...],
    noise: tuple[float, float],
    absolute: bool,
    known: np.ndarray,
    keep: int,
) -> tuple[np.ndarray, int]:
    """Return the pairs, as u N_B + v, that could beat a found one and are not among the `known`.

    With them the `keep` best-looking partners of each found neuron. Second is how many pairs are left without: the
    strongest come first until there are too many rivals.
    """
    neurons_b = len(sketches[1].fine)
    rho = np.abs(pairs[2]) if absolute else pairs[2]
    bar, fine_bar = ((rho - REACH * one * np.sqrt(1 + rho**2)).astype(np.float32) for one in noise)
    order = np.argsort(-rho, kind="stable")
    chosen, room = [np.empty(0, dtype=np.int64)], MOST_RIVALS * sum(len(one.fine) for one in sketches)
    for start in range(0, len(order), 256):
        some = order[start : start + 256]
        keys = []
        for side in (0, 1):
            estimate = sketches[side].coarse[pairs[side][some]] @ sketches[1 - side].coarse.T
            estimate = estimate.abs_() if absolute else estimate
            second = estimate.topk(min(keep, estimate.shape[1])).values[:, -1].numpy()
            row, other = np.nonzero(estimate.numpy() >= np.minimum(bar[some], second)[:, None])
            units = (pairs[side][some][row], other) if side == 0 else (other, pairs[side][some][row])
            close = fine_estimates(sketches, *units, absolute) >= fine_bar[some][row]
            close |= estimate.numpy()[row, other] >= second[row]
            keys.append(units[0][close] * neurons_b + units[1][close])
        new = np.setdiff1d(np.concatenate(keys), known)
        room -= len(new)
        if room < 0:
            return np.unique(np.concatenate(chosen)), len(order) - start
        chosen.append(new)
    return np.unique(np.concatenate(chosen)), 0


def joined(first: Products, second: Products) -> Products:
    """Put the products of different pairs together."""
    unit_a, unit_b = (np.concatenate(both) for both in ((first.unit_a, second.unit_a), (first.unit_b, second.unit_b)))
    sums = [np.where(one[:, 1:].any(0), one, other) for one, other in zip(first.sums, second.sums, strict=True)]
    cross = np.concatenate([first.cross, second.cross], axis=1)
    return Products(unit_a, unit_b, cross, (sums[0], sums[1]), first.counts)


def partners(
    products: Products, neurons: tuple[int, int], mask: np.ndarray, keep: int, absolute: bool
) -> tuple[Partners, Partners]:
    """Return the best partners of both sides among the candidates, over the parts of a boolean mask."""
    rho = products.correlations(mask)
    key = np.nan_to_num(np.abs(rho) if absolute else rho, nan=-np.inf)
    sides = []
    for count, unit, partner in (
        (neurons[0], products.unit_a, products.unit_b),
        (neurons[1], products.unit_b, products.unit_a),
    ):
        side = Partners(count, keep)
        order = np.lexsort((partner, -key, unit))
        order = order[key[order] > -np.inf]
        rank = np.arange(len(order)) - np.searchsorted(unit[order], unit[order], side="left")
        order, rank = order[rank < keep], rank[rank < keep]
        side.key[unit[order], rank] = key[order]
        side.rho[unit[order], rank] = rho[order]
        side.index[unit[order], rank] = partner[order]
        sides.append(side)
    return sides[0], sides[1]


def expected_recall(
    pairs: tuple[np.ndarray, ...], a: Candidates, b: Candidates, noise: float, absolute: bool
) -> tuple[float, int]:
    """Return Σ 1/p's answer (module head), and how many pairs it rests on: those likelier found than missed."""
    from scipy.stats import norm

    rho = np.abs(pairs[2]) if absolute else pairs[2]
    if noise == 0:
        return 1.0, len(rho)
    spread = noise * np.sqrt(1 + rho**2)
    chance = np.ones(len(rho))
    for side, units in ((a, pairs[0]), (b, pairs[1])):
        chance = chance * norm.cdf((rho - side.bar[units].astype(float)) / spread)
    sure = chance[chance >= 0.5]
    return (float(len(sure) / np.sum(1 / sure)) if len(sure) else float("nan")), len(sure)


def audit(
    a: ActivationSource,
    b: ActivationSource,
    moments: tuple[Moments, Moments],
    found: tuple[np.ndarray, ...],
    best: tuple[Partners, Partners],
    settings: Any,
) -> dict[str, int]:
    """Match a random sample of A's neurons exactly; return how many had a mutual partner, and how many were found.

    A neuron's exact best partner v is not mutual if a candidate of v is known to be closer to v; those that are left
    are settled by v's correlations with all of A.
    """
    count = min(settings.screening.audit, len(a.layer))
    if not count:
        return {"audited": 0, "audited_pairs": 0, "audited_found": 0}
    units = np.sort(np.random.default_rng([settings.seed, 3]).permutation(len(a.layer))[:count])
    key = _keys((a, b), moments, units, settings)
    partner, value = key.argmax(1), key.max(1)
    unsettled = (value > 0) & (value >= best[1].key[partner, 0] - 1e-6)
    units, partner = units[unsettled], partner[unsettled]
    if len(units):
        columns = np.unique(partner)
        back = _keys((b, a), (moments[1], moments[0]), columns, settings)
        returned = back.argmax(1)[np.searchsorted(columns, partner)] == units
        units, partner = units[returned], partner[returned]
    listed = set(zip(found[0].tolist(), found[1].tolist(), strict=True))
    hits = sum(pair in listed for pair in zip(units.tolist(), partner.tolist(), strict=True))
    return {"audited": count, "audited_pairs": len(units), "audited_found": hits}


def _keys(
    sources: tuple[ActivationSource, ActivationSource],
    moments: tuple[Moments, Moments],
    units: np.ndarray,
    settings: Any,
) -> np.ndarray:
    """Correlate some units of the first source with all of the second in float32; −∞ for constant ones.

    Only the units are centred: Σ (x − x̄) y = Σ (x − x̄)(y − ȳ), and what is left of Σ (x − x̄) is taken off at the end.
    """
    mean_x, mean_y = (m.mean.numpy() for m in moments)
    square_x, square_y = (m.square.numpy() for m in moments)
    positions = sources[0].positions
    blocks = [one for part in cut(positions, settings.block, 1) for one in part]
    cross, left = np.zeros((len(units), len(mean_y))), np.zeros(len(units))
    streams = (read(source, blocks, slice(0, len(source.layer))) for source in sources)
    for x, y in zip(*streams, strict=True):
        centred = (x[:, units] - mean_x[units]).astype(y.dtype)
        cross += (torch.from_numpy(centred).T @ torch.from_numpy(y)).numpy()
        left += centred.sum(0, dtype=np.float64)
    cross -= np.outer(left, mean_y)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = cross / np.sqrt(square_x[units])[:, None] / np.sqrt(square_y)
    known = (square_x[units] > 0)[:, None] & (square_y > 0)
    return np.where(known, np.abs(rho) if settings.absolute else rho, -np.inf)


class Search:
    """Candidates, exact products, verification: the search for pairs in two sketches."""

    def __init__(
        self,
        a: ActivationSource,
        b: ActivationSource,
        sketches: tuple[Sketch, Sketch],
        parts: Sequence[Sequence[Block]],
        checkpoint: Checkpoint,
        name: str,
        k: int,
        absolute: bool,
    ):
        self._sources, self._sketches, self._parts = (a, b), sketches, parts
        self._checkpoint, self._name, self._k, self._absolute = checkpoint, name, k, absolute
        buckets = sketches[0].fine.shape[1]
        self._noise, self._fine_noise = (
            max(1 / rows - 1 / a.positions, 0.0) ** 0.5 for rows in (buckets // REFINED, buckets)
        )
        self.reliable_above = REACH * self._noise
        self.products: Products
        self.unverified = 0

    def run(
        self, count: int, advance: Callable[[float], None] | None
    ) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], float, int]:
        """Return the mutual pairs among `count` candidates a neuron, the expected recall, and on how many it rests."""
        near = candidates(*self._sketches, count, self._absolute)
        chosen = chosen_pairs(self._sketches, near, self._fine_noise, self._k, self._absolute)
        self.products = self._multiplied(chosen, f"{self._name}-{count}", advance)
        pairs = self.pairs()
        self.unverified = len(pairs[0])
        return pairs, *expected_recall(pairs, *near, self._noise, self._absolute)

    def verify(self, rounds: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Correlate what could beat a found pair until the pairs stand; return them."""
        pairs = self.pairs()
        for number in range(rounds):
            neurons_b = len(self._sources[1].layer)
            known = self.products.unit_a * neurons_b + self.products.unit_b
            noise = self._noise, self._fine_noise
            new, self.unverified = rivals(self._sketches, pairs, noise, self._absolute, known, self._k + 1)
            if not len(new):
                break
            more = self._multiplied((new // neurons_b, new % neurons_b), f"{self._name}-rivals{number}", None)
            self.products = joined(self.products, more)
            pairs = self.pairs()
        return pairs

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the mutual pairs among what is correlated so far."""
        return mutual(*self.best(self._k + 1), self._k, self._absolute)

    def best(self, keep: int, mask: np.ndarray | None = None) -> tuple[Partners, Partners]:
        """Return the best partners of both sides among what is correlated so far, over some parts."""
        neurons = len(self._sources[0].layer), len(self._sources[1].layer)
        mask = np.full(len(self._parts), True) if mask is None else mask
        return partners(self.products, neurons, mask, keep, self._absolute)

    def _multiplied(
        self, pairs: tuple[np.ndarray, np.ndarray], name: str, advance: Callable[[float], None] | None
    ) -> Products:
        moments = self._sketches[0].moments, self._sketches[1].moments
        told = advance or (lambda positions: None)
        return exact_products(*self._sources, pairs, moments, self._parts, self._checkpoint, name, told)


def doubled(screening: Screening) -> Screening:
    """Return the settings with twice the candidates."""
    return dataclasses.replace(screening, candidates=2 * screening.candidates)
