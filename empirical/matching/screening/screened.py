"""The screened engine: candidates from a sketch, exact correlations for the candidates only.

    sketch of both sides (`sketch`) → candidates, possible pairs (`candidates`) → their exact correlations
    (`pair_products`) → mutual pairs → rivals of these, exactly → … until no pair is new

Both sides are read twice, once for the sketch and once for the exact correlations; later readings take few
columns. Every correlation that decides or is reported comes from all positions, in float64. The missed share is
estimated twice: by the sketch's noise (`candidates.expected_recall`), and measured on random neurons (`audit`).

Null pairs are weak. Below a few 1/√B a sketch misses some of them, and others, whose rivals are not read, are mutual
only among the candidates: there the screened null has too many pairs. So counts of its pairs without a threshold say
nothing, and a calibrated threshold that low is remarked on in the result's status.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...activations.source import ActivationSource
from ..cost import SPARE
from ..evidence.part_products import PartProducts
from ..machine import distributed
from ..machine.checkpoint import Checkpoint
from ..machine.reading import Block
from ..moments import Moments
from ..partners import Partners, in_play, mutual, settle
from .audit import Audit, Strata, strata
from .candidates import (
    REACH,
    STRAY,
    Candidates,
    candidates,
    challengers,
    expected_recall,
    likely_pairs,
    possible_pairs,
    replacements,
    rivals,
)
from .pair_products import exact_products
from .sketch import Sketch, coarse_noise, sketch
from .sketch_kernels import REFINED

Found = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # units of A and B, correlations, margins


def saved_sketch(
    source: ActivationSource,
    side: int,
    buckets: int,
    seed: int,
    block: int,
    device: str,
    memory: int,
    checkpoint: Checkpoint,
    name: str,
    refined: int = REFINED,
    known: Moments | None = None,
) -> Sketch:
    """Return the sketch that an interrupted run left, or make it."""
    title = f"{name}-sketch{side}"
    stored = checkpoint.load(title)
    if stored is not None:
        moments = Moments(source.positions, stored["mean"], stored["square"])
        return Sketch(fine=stored["fine"], step=stored["step"], coarse=stored["coarse"], moments=moments, device=device)
    new = sketch(source, side, buckets, seed, block, device, memory, refined, known)
    if distributed.rank() == 0:
        arrays = {"fine": new.fine, "step": new.step, "coarse": new.coarse}
        moments = {"mean": new.moments.mean, "square": new.moments.square}
        checkpoint.save(title, {**arrays, **moments})
    return new


class ScreenedSearch:
    """The search for mutual pairs in two sketches.

    Parameters
    ----------
    a, b : ActivationSource
        The models.
    sketches : pair of Sketch
        Sketches of both.
    parts : sequence of sequences of (start, stop)
        Positions of each part.
    checkpoint, name :
        Where products are saved, and under which name.
    k, absolute :
        See `match`.
    verified : bool
        Whether matches are verified (a null is not).
    audited, seed : int
        How many units of A are audited, and the seed that draws them.
    """

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
        verified: bool,
        audited: int,
        seed: int,
    ):
        self._sources, self._sketches, self._parts = (a, b), sketches, parts
        self._checkpoint, self._name, self._k, self._absolute = checkpoint, name, k, absolute
        self._verified, self._audited, self._seed = verified, audited, seed
        self._neurons_b = len(b.layer)
        self._noise = coarse_noise(sketches[0].coarse.shape[1], a.positions)
        self._near: tuple[Candidates, Candidates]
        self._audit: Audit
        self._ahead = np.empty(0, dtype=np.int64), np.empty(0)  # pairs whose rivals are read with them, and beyond what
        self._aside: PartProducts  # what is known, and what settles the audit
        self.products: PartProducts
        self.unverified = 0

    @property
    def reliable_above(self) -> float:
        """Correlation above which no pair is lost in the coarse sketch's noise."""
        return REACH * self._noise

    def run(self, count: int, advance: Callable[[float], None] | None) -> tuple[Found, float, int]:
        """Return the mutual pairs among `count` candidates per neuron, the expected recall, and its number of pairs."""
        self._near = candidates(*self._sketches, count, self._absolute)
        pairs, estimate = possible_pairs(self._sketches, self._near, self._k, self._absolute)
        chosen = self._numbered(pairs)
        picked = Strata(np.empty(0, dtype=np.int64), np.empty(0))
        if self._verified:
            likely = likely_pairs(self._sketches, pairs, estimate, self._k)
            chosen = np.union1d(chosen, self._challengers(pairs, estimate, likely))
            picked = strata(len(self._sketches[0].fine), likely[0], self._audited, self._seed)
        self.products, crossed = self._multiplied(chosen, f"{self._name}-{count}", advance, picked.sampled)
        if self._verified:
            moments = self._sketches[0].moments, self._sketches[1].moments
            self._audit = Audit.of(picked, crossed, moments, self._absolute)
        mutual_pairs = self.pairs()
        self.unverified = len(mutual_pairs[0])
        return mutual_pairs, *self.recall(mutual_pairs)

    def recall(self, mutual_pairs: Found) -> tuple[float, int]:
        """Return the expected recall of the mutual pairs, and on how many it rests."""
        return expected_recall(mutual_pairs, self._near, self._noise, self._absolute)

    def verify(self, rounds: int = 8) -> None:
        """Correlate the rivals of mutual pairs until the pairs stand (`settled`), and the pairs that the audit needs.

        The audit's pairs are read with the rivals, but add no matches.
        """
        mutual_pairs, aside = self.pairs(), self.products
        seen = np.empty(0, dtype=np.int64)  # pairs whose rivals have been read
        for number in range(rounds):
            new, seen = self._new(mutual_pairs, seen)
            settling = np.setdiff1d(self._settling(aside), self._known(aside))
            if not len(new) and not len(settling):
                break
            more, _ = self._multiplied(np.union1d(new, settling), f"{self._name}-rivals{number}", None)
            self.products = self.products.joined(more.some(np.isin(self._known(more), new)))
            aside = aside.joined(more.some(~np.isin(self._known(more), self._known(aside))))
            mutual_pairs = self.pairs()
        else:
            unread, left = self._rivals(mutual_pairs, self._known(self.products))
            open_a, open_b = unread // self._neurons_b, unread % self._neurons_b
            self.unverified = max(
                left, int((np.isin(mutual_pairs[0], open_a) | np.isin(mutual_pairs[1], open_b)).sum())
            )
        self._aside = aside

    def audited(self, mutual_pairs: Found) -> dict[str, float]:
        """Return the audit's report on the mutual pairs."""
        return self._audit.report(self._aside.partners(self._k + 1, self._absolute), self._k, mutual_pairs)

    def _new(self, mutual_pairs: Found, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pairs to read after those that are known, and the mutual pairs whose rivals are then all read."""
        numbers, known = self._numbered((mutual_pairs[0], mutual_pairs[1])), self._known(self.products)
        fresh = np.flatnonzero(~np.isin(numbers, seen) & ~self._read_ahead(numbers, mutual_pairs[2]))
        fresh = fresh[np.argsort(-np.abs(mutual_pairs[2][fresh]), kind="stable")]
        new, self.unverified = self._rivals(tuple(one[fresh] for one in mutual_pairs), known)
        seen = np.union1d(seen, numbers[fresh[: len(fresh) - self.unverified]])
        if len(new) and not self.unverified:
            keys = [side.key[:, self._k - 1] for side in self.best(self._k)]
            units = new // self._neurons_b, new % self._neurons_b
            likely = replacements(self._sketches, (keys[0], keys[1]), units, self._k, self._absolute)
            new = np.union1d(new, self._rivals(likely, np.union1d(known, new))[0])
        return new, seen

    def _settling(self, products: PartProducts) -> np.ndarray:
        """Return the pairs that settle the audit: all that could be closer to a sampled neuron's partner."""
        units, partner, key = self._audit.unsettled(products.partners(self._k + 1, self._absolute)[1], self._k)
        own = self._numbered((units, partner))
        return np.union1d(own, self._rivals((units, partner, key), np.unique(own))[0])

    def pairs(self) -> Found:
        """Return the mutual pairs among the pairs correlated so far."""
        return mutual(*self.best(self._k + 1), self._k, self._absolute)

    def settled(self) -> tuple[Found, int]:
        """Return the mutual pairs, those that rounding could decide decided in float64, and of how many units.

        Products of a few positions are summed in float32 (`pair_kernels`): copies of a neuron, scaled or shifted, tie
        up to that, and the tie is broken as in the exact engine.
        """
        one, other = self.best(self._k + SPARE)
        positions = self._sources[0].positions
        units = in_play(one, other, self._k, positions), in_play(other, one, self._k, positions)
        (a, b), (side_a, side_b) = self._sources, [sketch.moments for sketch in self._sketches]
        contested = settle(one, self._k, (a, b), (side_a, side_b), self._parts, self._absolute, units[0])
        contested += settle(other, self._k, (b, a), (side_b, side_a), self._parts, self._absolute, units[1])
        return mutual(one, other, self._k, self._absolute), contested

    def best(self, keep: int, mask: np.ndarray | None = None) -> tuple[Partners, Partners]:
        """Return the best partners of both sides among the pairs correlated so far, over some parts or all."""
        return self.products.partners(keep, self._absolute, mask)

    def _challengers(
        self, pairs: tuple[np.ndarray, np.ndarray], estimate: np.ndarray, likely: tuple[np.ndarray, ...]
    ) -> np.ndarray:
        """Return the pairs that are read with the possible ones, and remember which of these then need no reading."""
        hopeful = likely_pairs(self._sketches, pairs, estimate, self._k, STRAY)
        how = self._noise, self._absolute, self._k + 1
        chosen, complete = challengers(self._sketches, self._near, likely, hopeful, *how)
        numbers = self._numbered((hopeful[0], hopeful[1]))[complete]
        order = np.argsort(numbers)
        self._ahead = numbers[order], hopeful[2][complete][order]
        return chosen

    def _read_ahead(self, numbers: np.ndarray, rho: np.ndarray) -> np.ndarray:
        """Say of which pairs all rivals were read with the pair: it has at least the correlation expected of it."""
        likely, least = self._ahead
        if not len(likely):
            return np.zeros(len(numbers), dtype=bool)
        place = np.minimum(np.searchsorted(likely, numbers), len(likely) - 1)
        return (likely[place] == numbers) & ((np.abs(rho) if self._absolute else rho) >= least[place])

    def _rivals(self, pairs: tuple[np.ndarray, ...], known: np.ndarray) -> tuple[np.ndarray, int]:
        return rivals(self._sketches, pairs, self._noise, self._absolute, known, self._k + 1)

    def _known(self, products: PartProducts) -> np.ndarray:
        return self._numbered((products.unit_a, products.unit_b))

    def _numbered(self, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return pairs[0] * self._neurons_b + pairs[1]

    def _multiplied(
        self, numbers: np.ndarray, name: str, advance: Callable[[float], None] | None, sampled: np.ndarray | None = None
    ) -> tuple[PartProducts, np.ndarray]:
        moments = self._sketches[0].moments, self._sketches[1].moments
        pairs = numbers // self._neurons_b, numbers % self._neurons_b
        progressed = advance or (lambda positions: None)
        device = self._sketches[0].device
        return exact_products(
            *self._sources, pairs, moments, self._parts, self._checkpoint, name, progressed, sampled, device
        )
