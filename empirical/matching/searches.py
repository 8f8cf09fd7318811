"""One matching from readable sources, by either engine; the exact one does several against the same A at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ..activations.source import ActivationSource, identity
from .exact import Subsets, TileBest
from .machine import distributed
from .machine.checkpoint import Checkpoint
from .machine.reading import tiles
from .moments import Moments, NonFinite
from .pairs import pair_correlations
from .partners import SPARE, Partners, Replicate, mutual, overlap, settle, settled
from .products import Workspace
from .screening import screened

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
    device: str
    screening: screened.Screening

    @property
    def widest_k(self) -> int:
        """The largest number of partners."""
        return max((self.k, *self.also_k))

    def fingerprint(self, a: ActivationSource, b: ActivationSource) -> dict[str, Any]:
        """Return the facts that must be the same to resume a matching; nulls are not: their files name their kind."""
        return {"a": identity(a), "b": identity(b), **dataclasses.asdict(self)}


@dataclass(frozen=True)
class SearchResult:
    """The result of one search: mutual pairs (at other k too), replicates, moments of both sides, and remarks.

    Replicates and what both halves of the positions agree on (`settled`, `split_half`) are of trained networks only.
    """

    pairs: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    replicates: list[np.ndarray]
    settled: np.ndarray | None
    split_half: float
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
    replicates : int
        Subsets of the positions that are matched beside all of them.
    """

    def __init__(self, a: ActivationSource, b: ActivationSource, settings: Settings, replicates: int):
        self.sources, self._settings = (a, b), settings
        neurons = len(a.layer), len(b.layer)
        keep = spare(settings)
        self._best = Partners(neurons[0], min(keep, neurons[1])), Partners(neurons[1], min(keep, neurons[0]))
        self._replicates = [Replicate(*neurons, min(settings.k, *neurons)) for _ in range(replicates)]
        self._moments = tuple(Moments.empty(n) for n in neurons)
        for moments in self._moments:
            moments.count = a.positions

    def offer(self, tile: tuple[slice, slice], best: TileBest) -> None:
        """Take in the best partners of a tile."""
        best.offer(tile, self._best, self._replicates)
        for side, (mean, square) in enumerate(((best.mean_a, best.square_a), (best.mean_b, best.square_b))):
            self._moments[side].mean[tile[side]] = torch.from_numpy(mean)
            self._moments[side].square[tile[side]] = torch.from_numpy(square)

    def result(self, workspace: Workspace, trained: bool) -> SearchResult:
        """Settle close calls, and give the pairs (for trained networks, with their float64 correlations)."""
        (a, b), (side_a, side_b), best = self.sources, self._moments, self._best
        k, absolute = self._settings.k, self._settings.absolute
        details: dict[str, Any] = {}
        if self._settings.compute == "float32":
            contested = settle(best[0], k, (a, b), (side_a, side_b), workspace.parts, absolute)
            contested += settle(best[1], k, (b, a), (side_b, side_a), workspace.parts, absolute)
            details["contested_units"] = contested
        pairs = mutual(*best, k, absolute)
        if trained:
            rho = pair_correlations(a, b, pairs[0], pairs[1], (side_a, side_b), workspace.parts)
            details["largest_rounding_error"] = float(np.max(np.abs(rho - pairs[2]), initial=0))
            pairs = (pairs[0], pairs[1], rho, pairs[3])
        replicate_pairs = [replicate.pairs(absolute) for replicate in self._replicates]
        return SearchResult(
            pairs=pairs,
            **_replicated(pairs, replicate_pairs),
            moments=(side_a, side_b),
            details=details,
            at_k={other: mutual(*best, other, absolute)[:3] for other in self._settings.also_k},
        )


def spare(settings: Settings) -> int:
    """Return how many partners of each neuron a tile keeps, so that close calls can be settled."""
    return settings.widest_k + SPARE


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
    replicated = settings.jackknife_blocks > 0
    count = len(Subsets(len(workspace.parts)).masks()) if replicated else 0
    tallies = {name: Tally(a, b, settings, count * (name == TRAINED)) for name, b in several.items()}
    for number, tile in enumerate(tiles(len(a.layer), len(next(iter(several.values())).layer), settings.tile)):
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
            best = product.best(tile, settings.k, settings.absolute, replicated and name == TRAINED, spare(settings))
            if distributed.rank() == 0:
                checkpoint.save(title, best.__dict__)
            tallies[name].offer(tile, best)
        distributed.wait()
        for title in pending.values() if distributed.rank() == 0 else ():
            workspace.forget(title, checkpoint)
    return [tally.result(workspace, name == TRAINED) for name, tally in tallies.items()]


def screened_search(
    a: ActivationSource,
    b: ActivationSource,
    settings: Settings,
    workspace: Workspace,
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
    name: str,
) -> SearchResult:
    """Match two sources through a sketch (`screened`). Only the search named `TRAINED` is verified and replicated."""
    screening, absolute, k = settings.screening, settings.absolute, settings.k
    neurons, parts, trained = (len(a.layer), len(b.layer)), workspace.parts, name == TRAINED

    def sketched(source: ActivationSource, side: int) -> screened.Sketch:
        how = settings.seed, settings.block, settings.device, workspace.memory
        return screened.saved_sketch(source, side, screening.buckets, *how, checkpoint, name)

    workspace.sketch = workspace.sketch or sketched(a, 0)  # the nulls permute B only
    sketches = workspace.sketch, sketched(b, 1)
    advance(a.positions)
    audited = screening.audit
    search = screened.ScreenedSearch(
        a, b, sketches, parts, checkpoint, name, k, absolute, trained, audited, settings.seed
    )
    for doublings in range(screened.MOST_DOUBLINGS + 1):
        pairs, recall, likely = search.run(min(screening.candidates, *neurons), advance if not doublings else None)
        met = screening.recall is None or not recall < screening.recall
        if met or screening.candidates >= min(neurons) or doublings == screened.MOST_DOUBLINGS:
            break  # unmet, it is remarked on in the result's status (`Matches.remark`)
        screening = screened.doubled(screening)
    audit: dict[str, float] = {}
    if trained:
        search.verify()
        pairs, contested = search.settled()
        audit = {"contested_units": contested, **search.audited(pairs)}
        recall, likely = search.recall(pairs)
    masks = Subsets(len(parts)).masks() if trained and settings.jackknife_blocks else []
    replicates = [mutual(*search.best(k, mask), k, absolute) for mask in masks]
    return SearchResult(
        pairs=pairs,
        **_replicated(pairs, replicates),
        moments=(sketches[0].moments, sketches[1].moments),
        details={
            "buckets": screening.buckets,
            "candidates": screening.candidates,
            "candidate_pairs": len(search.products.unit_a),
            "unverified_pairs": search.unverified,
            "reliable_above": search.reliable_above,
            **({} if screening.recall is None else {"recall_wanted": screening.recall}),
            "recall_expected": recall,
            "recall_rests_on": likely,
            **audit,
        },
    )


def _replicated(pairs: Sequence[np.ndarray], replicate_pairs: Sequence[Sequence[np.ndarray]]) -> dict[str, Any]:
    """Return the results of replicates (pairs without each block, then of each half), or empty ones without them."""
    if not replicate_pairs:
        return {"replicates": [], "settled": None, "split_half": float("nan")}
    halves = replicate_pairs[-2:]
    rho = [one[2] for one in replicate_pairs[:-2]]
    return {"replicates": rho, "settled": settled(pairs, halves), "split_half": overlap(*halves)}
