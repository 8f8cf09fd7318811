"""Searches of the exact engine: one matching, or several against the same A, from readable sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..activations.source import ActivationSource, identity
from .cost import RIVALS, SPARE
from .evidence.part_products import PartMoments, of_partners
from .evidence.replicates import Replicates, replicates
from .exact import TileBest
from .machine import distributed
from .machine.checkpoint import Checkpoint
from .machine.choice import NUMPY
from .machine.reading import tiles
from .moments import Moments, NonFinite
from .pairs import pair_correlations
from .partners import Partners, mutual, settle
from .products import Workspace
from .screening.settings import Screening

FORMAT = 3  # of resume files; 3: every third shift of a long text is a sum, so that older draws are others
TRAINED = "trained"  # what the matching itself is called on disk; nulls are called otherwise


@dataclass(frozen=True)
class Settings:
    """Settings of a matching; see `match`."""

    k: int
    also_k: tuple[int, ...]
    absolute: bool
    jackknife_blocks: int
    engine: str
    block: int
    tile: tuple[int, int]
    seed: int
    compute: str
    library: str
    device: str
    screening: Screening
    verified: bool

    @property
    def widest_k(self) -> int:
        """The largest number of partners."""
        return max((self.k, *self.also_k))

    def passes(self, neurons_a: int, neurons_b: int) -> int:
        """Return how often the positions are read: once a tile, and for moments and chosen pairs."""
        if self.engine == "screened":
            return 2
        return len(tiles(neurons_a, neurons_b, self.tile)) + 2 * (self.engine == "certified")

    def fingerprint(self, a: ActivationSource, b: ActivationSource) -> dict[str, Any]:
        """Return the facts that must be the same to resume a matching; nulls are not: their files name their kind."""
        facts = {"format": FORMAT, "a": identity(a), "b": identity(b), **dataclasses.asdict(self)}
        if self.verified:  # as in files of before there was a choice; so it is with the library
            del facts["verified"]
        if self.library == NUMPY:
            del facts["library"]
        return facts


@dataclass(frozen=True)
class SearchResult:
    """The result of one search: mutual pairs (at other k too), replicates, moments of both sides, and remarks.

    Replicates are of trained networks only.
    """

    pairs: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    replicates: Replicates | None
    moments: tuple[Moments, Moments]
    details: dict[str, Any]
    at_k: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)


class Tally:
    """Best partners, replicates and moments of one matching, as far as its tiles were seen.

    Parameters
    ----------
    a, b : ActivationSource
        The two models.
    settings : Settings
        Settings of the matching.
    parts : int
        Parts of the positions, for replicates; 0 for none.
    """

    def __init__(self, a: ActivationSource, b: ActivationSource, settings: Settings, parts: int):
        self.sources, self._settings = (a, b), settings
        neurons = len(a.layer), len(b.layer)
        keep = kept_partners(settings, parts > 0)
        self._best = (
            Partners(neurons[0], min(keep, neurons[1]), parts),
            Partners(neurons[1], min(keep, neurons[0]), parts),
        )
        self._parts = PartMoments.empty(parts, neurons[0]), PartMoments.empty(parts, neurons[1])
        self._moments = tuple(Moments.empty(n) for n in neurons)
        for moments in self._moments:
            moments.count = a.positions

    def offer(self, tile: tuple[slice, slice], best: TileBest) -> None:
        """Take in the best partners of a tile."""
        best.offer(tile, self._best)
        for side, (mean, square) in enumerate(((best.mean_a, best.square_a), (best.mean_b, best.square_b))):
            self._moments[side].mean[tile[side]] = mean
            self._moments[side].square[tile[side]] = square
        parts = (best.part_mean_a, best.part_square_a), (best.part_mean_b, best.part_square_b)
        for side, moments in enumerate(parts):
            if len(self._parts[side].mean):
                self._parts[side].mean[:, tile[side]], self._parts[side].square[:, tile[side]] = moments

    def result(self, workspace: Workspace, trained: bool) -> SearchResult:
        """Settle close calls, and give the pairs (for trained networks, with their float64 correlations)."""
        (a, b), (side_a, side_b), best = self.sources, self._moments, self._best
        k, absolute = self._settings.k, self._settings.absolute
        details: dict[str, Any] = {}
        replicated = len(self._parts[0].mean) > 1
        counts = [sum(stop - start for start, stop in blocks) for blocks in workspace.parts]
        products = of_partners(best, self._parts, counts) if replicated else None
        if self._settings.compute == "float32":
            contested = settle(best[0], k, (a, b), (side_a, side_b), workspace.parts, absolute)
            contested += settle(best[1], k, (b, a), (side_b, side_a), workspace.parts, absolute)
            details["contested_units"] = contested
        pairs = mutual(*best, k, absolute)
        if trained:
            rho = pair_correlations(a, b, pairs[0], pairs[1], (side_a, side_b), workspace.parts)
            details["largest_rounding_error"] = float(np.max(np.abs(rho - pairs[2]), initial=0))
            pairs = (pairs[0], pairs[1], rho, pairs[3])
        seed = self._settings.seed
        return SearchResult(
            pairs=pairs,
            replicates=replicates(products, pairs[:2], k, absolute, seed) if products is not None else None,
            moments=(side_a, side_b),
            details=details,
            at_k={other: mutual(*best, other, absolute)[:3] for other in self._settings.also_k},
        )


def kept_partners(settings: Settings, replicated: bool) -> int:
    """Return how many partners of each neuron are listed: so many that close calls can be settled, or replicated."""
    return settings.widest_k + (RIVALS if replicated else SPARE)


def exact_search(
    a: ActivationSource,
    several: dict[str, ActivationSource],
    settings: Settings,
    workspace: Workspace,
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
) -> list[SearchResult]:
    """Match A with several sources (B itself, and B permuted), tile by tile; a tile of A is read once for all of them.

    Parameters
    ----------
    several : dict of str to ActivationSource
        The other sides by what they are called on disk, at most ``workspace.at_once``; only `TRAINED` has replicates.
    """
    parts = len(workspace.parts) if settings.jackknife_blocks else 0
    tallies = {name: Tally(a, b, settings, parts * (parts > 1 and name == TRAINED)) for name, b in several.items()}
    for number, tile in enumerate(tiles(len(a.layer), len(next(iter(several.values())).layer), settings.tile)):
        _offer(number, tile, a, several, tallies, settings, workspace, checkpoint, advance)
    workspace.free()  # nothing refers to the last tile any more
    return [tally.result(workspace, name == TRAINED) for name, tally in tallies.items()]


def _offer(
    number: int,
    tile: tuple[slice, slice],
    a: ActivationSource,
    several: dict[str, ActivationSource],
    tallies: dict[str, Tally],
    settings: Settings,
    workspace: Workspace,
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
) -> None:
    """Show one tile to the tallies of all sources, from disk where it was finished before."""
    parts = len(workspace.parts) if settings.jackknife_blocks else 0
    pending = {}
    for name, tally in tallies.items():
        stored = checkpoint.load(f"{name}-tile{number}")
        if stored is None:
            pending[name] = f"{name}-tile{number}"
            continue
        tally.offer(tile, TileBest(**stored))
        advance(a.positions)
    try:
        others = [several[name] for name in pending]
        products = workspace.tiles(a, others, tile, list(pending.values()), checkpoint, advance)
    except NonFinite as error:
        raise NonFinite(error.side, error.columns + tile[error.side].start) from None
    for (name, title), product in zip(pending.items(), products, strict=True):
        replicated = parts > 1 and name == TRAINED
        best = product.best(tile, kept_partners(settings, replicated), settings.absolute, replicated)
        if distributed.rank() == 0:
            checkpoint.save(title, best.__dict__)
        tallies[name].offer(tile, best)
    distributed.wait()
    for title in pending.values() if distributed.rank() == 0 else ():
        workspace.forget(title, checkpoint)
