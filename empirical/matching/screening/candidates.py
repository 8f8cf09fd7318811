"""Pairs worth an exact correlation: candidates, possible pairs and their rivals, from two sketches.

1. **Candidates**. The c largest estimates of every neuron, both ways, from one product of the coarse sketches.
2. **Possible pairs**. A pair can be mutual only if each is among the other's candidates. Such pairs are estimated again
   from the fine sketches, and those stay that are within `REACH` standard deviations of both neurons' best. With those
   that may well be mutual come their **challengers**, the best-looking of all other partners, and candidates that are
   rivals of a pair whose correlation is the least that it probably has. Where all of its rivals are candidates, they
   need no further reading.
3. **Rivals**. A neuron's best partner may be no candidate, where many are alike. So every neuron whose estimate with
   either neuron of a mutual pair comes within `REACH` standard deviations of the pair's correlation is correlated too
   (and its best-looking partners, for the margin). A rival may itself make a pair in place of the one it beats: where
   the fine sketch says so, its own rivals are read with it. Pairs that would take more than `MOST_RIVALS` rivals per
   neuron, at the level of the sketch's noise, stay unverified and are counted.

A pair of correlation ρ is missed when its estimate falls below the c-th best of either neuron. With the noise σ known,
its chance to be a candidate is p = Φ((ρ − max(bar_a, bar_b))/σ), and the number of exact pairs is estimated (Horvitz
and Thompson 1952) by Σ 1/p over the mutual pairs among the candidates. `expected_recall` is the number of
mutual pairs, among rivals too, over that one, for pairs with p ≥ ½: each weaker one found stands for many that are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ....threads import return_memory
from ..cost import RANKED
from ..machine import arrays
from ..machine.reading import tiles
from . import sketch_kernels as kernels
from .device_kernels import Best
from .sketch import Sketch, fine_estimates, fine_noise

REACH = 4.5  # standard deviations beyond which an estimate does not stray
STRAY = 2.0  # standard deviations by which a guess allows for the sketch's noise
FIRST = 4  # candidates of a neuron that say how good a partner it has at least
CHALLENGERS = 8  # partners of a likely pair's neurons, the best by the fine sketch, that are read with it
MOST_RIVALS = 64  # a neuron on average; beyond that the weakest pairs stay unverified
WIDTH = 2**16  # neurons of B whose estimates are ranked at a time on other devices than the CPU
GROUP = 256  # pairs whose rivals are searched at a time
Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Candidates:
    """Best estimates of one side: keys (falling) and partners, shape (neurons, candidates); −1 for none.

    `bar` is the best estimate of the others, which a pair's estimate had to exceed; −∞ where all are candidates.
    """

    keys: np.ndarray
    units: np.ndarray
    bar: np.ndarray

    def listed(self, first: int | None = None) -> Pairs:
        """Return all neurons and their candidates, or the first of these, pair by pair."""
        units = self.units[:, :first]
        unit, partner = np.repeat(np.arange(len(units)), units.shape[1]), units.ravel()
        return unit[partner >= 0], partner[partner >= 0]


def candidates(a: Sketch, b: Sketch, count: int, absolute: bool, chunk: int = 1024) -> tuple[Candidates, Candidates]:
    """Return the `count` best estimates of each neuron of A and of B.

    Parameters
    ----------
    count : int
        Candidates of each neuron.
    """
    neurons = len(a.fine), len(b.fine)
    on_cpu = a.device == "cpu"
    best = (_Best if on_cpu else Best)(neurons, count + 1, a.device)
    constant_a, constant_b = (arrays.placed(one.moments.square == 0, a.rounded) for one in (a, b))
    chunk = max(min(chunk, RANKED // neurons[1]), 1) if on_cpu else chunk
    return_memory()  # of rounding
    edges = min(chunk, neurons[0]), neurons[1] if on_cpu else min(WIDTH, neurons[1])
    # Memory that is used again: fresh one takes as long as ranking.
    product = torch.empty(edges[0] * edges[1], dtype=a.rounded.dtype, device=a.device)
    widened = product if product.dtype == torch.float32 else torch.empty_like(product, dtype=torch.float32)
    for rows, columns in tiles(*neurons, edges):
        one, other = a.rounded[rows], b.rounded[columns]
        shape = len(one), len(other)
        rounded, estimate = (memory[: shape[0] * shape[1]].view(shape) for memory in (product, widened))
        estimate.copy_(torch.mm(one, other.T, out=rounded))
        if absolute:
            estimate.abs_()
        estimate[constant_a[rows]] = -float("inf")
        if constant_b[columns].any():
            estimate[:, constant_b[columns]] = -float("inf")
        best.offer(estimate, rows.start, columns.start)
    one, other = (Candidates(keys[:, :-1], units[:, :-1], keys[:, -1]) for keys, units in best.listed())
    return one, other


class _Best:
    """The largest estimates of every neuron on the CPU; see `Best`, which keeps them elsewhere."""

    def __init__(self, neurons: tuple[int, int], number: int, device: str):
        self._sides = [
            (np.full((n, number), -np.inf, dtype=np.float32), np.full((n, number), -1, dtype=np.int64)) for n in neurons
        ]

    def offer(self, estimate: torch.Tensor, row: int, column: int) -> None:
        (keys, units), columns = self._sides
        some = slice(row, row + len(estimate))
        kernels.offer_rows(estimate.numpy(), keys[some], units[some])
        kernels.offer_columns(estimate.numpy(), row, *columns)

    def listed(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return self._sides


def possible_pairs(
    sketches: tuple[Sketch, Sketch], near: tuple[Candidates, Candidates], k: int, absolute: bool
) -> tuple[Pairs, np.ndarray]:
    """Return the two-way candidates that may be among the k best of both by the fine sketch, and their estimates."""
    neurons_b = len(near[1].units)
    (unit_a, partner_a), (partner_b, unit_b) = (side.listed() for side in near)
    both = np.intersect1d(unit_a * neurons_b + partner_a, unit_b * neurons_b + partner_b, assume_unique=True)
    units = both // neurons_b, both % neurons_b
    estimate = _fine(sketches, units, absolute)
    band = REACH * np.sqrt(2) * fine_noise(sketches, *units, estimate)
    possible = np.full(len(both), True)
    for side, unit in enumerate(units):
        first, other = near[side].listed(max(FIRST, k))
        closest = _fine(sketches, (first, other) if side == 0 else (other, first), absolute)
        possible &= estimate >= kth(first, closest, k, len(near[side].units))[unit] - band
    return (units[0][possible], units[1][possible]), estimate[possible]


def likely_pairs(
    sketches: tuple[Sketch, Sketch], pairs: Pairs, estimate: np.ndarray, k: int, within: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the possible pairs that look mutual, beyond the sketch's noise, and a correlation each probably exceeds.

    `within` is how many standard deviations they may be below either neuron's best.
    """
    noise = fine_noise(sketches, *pairs, estimate)
    least = estimate - STRAY * noise
    mutual = least > 0
    for unit, sketch in zip(pairs, sketches, strict=True):
        mutual &= estimate + within * noise >= kth(unit, estimate, k, len(sketch.fine))[unit]
    return pairs[0][mutual], pairs[1][mutual], least[mutual]


def replacements(
    sketches: tuple[Sketch, Sketch], best: tuple[np.ndarray, np.ndarray], pairs: Pairs, k: int, absolute: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return those of some pairs that may turn out mutual, with a correlation that each probably exceeds.

    Parameters
    ----------
    best : pair of ndarray, shape (neurons,)
        The k-th best exact key of every neuron so far.
    pairs : pair of int arrays
        What has not been correlated yet.
    """
    estimate = _fine(sketches, pairs, absolute)
    stray = STRAY * fine_noise(sketches, *pairs, estimate)
    mutual = estimate > stray
    for unit, bar in zip(pairs, best, strict=True):
        mutual &= estimate + stray >= np.maximum(bar, kth(unit, estimate, k, len(bar)))[unit]
    return pairs[0][mutual], pairs[1][mutual], (estimate - stray)[mutual]


def challengers(
    sketches: tuple[Sketch, Sketch],
    near: tuple[Candidates, Candidates],
    likely: tuple[np.ndarray, ...],
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    noise: float,
    absolute: bool,
    keep: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return, as u N_B + v, the candidates that are read with possible pairs, and of which pairs no rival is left.

    Most pairs that are not mutual lose to one of these, so that few are left to verify. Rivals are those of the least
    correlation that a pair probably has (`likely_pairs`); one that has more has no others.

    Parameters
    ----------
    likely : (units of A, units of B, …)
        Pairs whose neurons' best-looking partners are read too.
    pairs : (units of A, units of B, least correlation)
        Pairs whose rivals are read, the likely ones among them.
    noise : float
        Of the coarse estimates.
    keep : int
        How many best-looking partners are listed at least.
    """
    neurons_b, chosen, least = len(near[1].units), [], pairs[2]
    # What may beat a pair grows with its correlation only where the noise is that small.
    listed = min(both.units.shape[1] for both in near) >= keep
    complete = np.full(len(least), listed and REACH * noise < 1)
    for side, both in enumerate(near):
        complete &= least - REACH * noise * np.sqrt(1 + least**2) > both.bar[pairs[side]]
        units, place = np.unique(pairs[side], return_inverse=True)
        lowest = np.full(len(units), np.inf)
        np.minimum.at(lowest, place, least)
        partners = both.units[units]
        row, column = (partners >= 0).nonzero()
        unit, partner = units[row], partners[row, column]
        ours = (unit, partner) if side == 0 else (partner, unit)
        estimate = _fine(sketches, ours, absolute)
        rival = estimate >= lowest[row] - REACH * fine_noise(sketches, *ours, lowest[row])
        first = np.isin(unit, likely[side]) & (_rank(unit, estimate) < CHALLENGERS)
        some = rival | first | (column < keep)
        chosen.append(ours[0][some] * neurons_b + ours[1][some])
    return np.unique(np.concatenate(chosen)), complete


def rivals(
    sketches: tuple[Sketch, Sketch],
    pairs: tuple[np.ndarray, ...],
    noise: float,
    absolute: bool,
    known: np.ndarray,
    keep: int,
) -> tuple[np.ndarray, int]:
    """Return the pairs, as u N_B + v, that could beat a given one and are not among the `known`.

    With them the `keep` best-looking partners of each given neuron. Second is how many pairs are left without: the
    strongest come first until there are more than `MOST_RIVALS` a neuron.

    Parameters
    ----------
    pairs : (units of A, units of B, ρ, …)
        Mutual pairs, known or likely.
    noise : float
        Of the coarse estimates.
    known : int array
        Pairs that need no look.
    """
    known = np.unique(known)
    neurons_b = len(sketches[1].fine)
    rho = np.abs(pairs[2]) if absolute else pairs[2]
    bar = torch.from_numpy((rho - REACH * noise * np.sqrt(1 + rho**2)).astype(np.float32)).to(sketches[0].device)
    order = np.argsort(-rho, kind="stable")
    chosen, room = [np.empty(0, dtype=np.int64)], MOST_RIVALS * sum(len(one.fine) for one in sketches)
    for start in range(0, len(order), GROUP):
        some = order[start : start + GROUP]
        keys = []
        for side in (0, 1):
            estimate = _coarse(sketches, side, pairs[side][some], absolute)
            second = estimate.topk(min(keep, estimate.shape[1])).values[:, -1]
            above = estimate >= torch.minimum(bar[some], second)[:, None]
            row, other = (place.cpu().numpy() for place in above.nonzero(as_tuple=True))
            best = (estimate >= second[:, None])[above].cpu().numpy()
            units = (pairs[side][some][row], other) if side == 0 else (other, pairs[side][some][row])
            key = units[0] * neurons_b + units[1]
            new = known[np.minimum(np.searchsorted(known, key), len(known) - 1)] != key if len(known) else key >= 0
            units, key, best = (units[0][new], units[1][new]), key[new], best[new]
            beaten = rho[some][row[new]]
            close = _fine(sketches, units, absolute) >= beaten - REACH * fine_noise(sketches, *units, beaten)
            keys.append(key[close | best])
        new = np.unique(np.concatenate(keys))
        room -= len(new)
        if room < 0:
            return np.unique(np.concatenate(chosen)), len(order) - start
        chosen.append(new)
    return np.unique(np.concatenate(chosen)), 0


def expected_recall(
    pairs: tuple[np.ndarray, ...], near: tuple[Candidates, Candidates], noise: float, absolute: bool
) -> tuple[float, int]:
    """Return the share of exact pairs that are found (module head), and how many pairs it rests on."""
    from scipy.stats import norm

    rho = np.abs(pairs[2]) if absolute else pairs[2]
    spread = noise * np.sqrt(1 + rho**2)
    bar = np.maximum(near[0].bar[pairs[0]], near[1].bar[pairs[1]]).astype(float)  # one estimate has to pass both
    chance = norm.cdf((rho - bar) / spread)
    listed = (near[0].units[pairs[0]] == pairs[1][:, None]).any(1) & (near[1].units[pairs[1]] == pairs[0][:, None]).any(
        1
    )
    sure = chance >= 0.5
    total = np.sum(1 / chance[sure & listed])
    return (min(1.0, float(sure.sum() / total)) if total else float("nan")), int(sure.sum())


def _coarse(sketches: tuple[Sketch, Sketch], side: int, units: np.ndarray, absolute: bool) -> torch.Tensor:
    """Return the coarse estimates of some units of a side with all of the other."""
    estimate = (sketches[side].rounded[torch.from_numpy(units)] @ sketches[1 - side].rounded.T).float()
    return estimate.abs_() if absolute else estimate


def _fine(sketches: tuple[Sketch, Sketch], units: Pairs, absolute: bool) -> np.ndarray:
    estimate = fine_estimates(sketches, *units)
    return np.abs(estimate) if absolute else estimate


def kth(unit: np.ndarray, value: np.ndarray, k: int, neurons: int) -> np.ndarray:
    """Return the k-th largest value of every neuron's entries, or −∞ where there are fewer."""
    last = _rank(unit, value) == k - 1
    kth = np.full(neurons, -np.inf)
    kth[unit[last]] = value[last]
    return kth


def _rank(unit: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return how many entries of the same unit have a larger value (of equal ones, earlier entries count)."""
    order = np.lexsort((-value, unit))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(unit[order], unit[order], side="left")
    return rank
