"""One matching by the certified engine, from readable sources.

    moments of both sides (`standard`) → tiles in half precision, with bounds (`tile`) → pairs that these leave open
    (`undecided`) → their exact correlations (`pair_products`) → best partners, as in the exact engine

Of every other pair the bound says that neither neuron is among the other's best, so that pairs and their correlations
are the exact engine's; so are margins up to float32's rounding, and replicates where no two partners tie up to it. A
tile is multiplied with one piece, and with two where one leaves too much open (or would, on CUDA); three would gain
nothing, because sums in float32 err by more than the second piece leaves. Where two leave too much open (thousands of
equal neurons), the tile's correlations are computed as in the exact engine. On the CPU whole numbers of eight bits
(`integers`) are tried before one piece, where their products are faster and their bound is near that of one piece. A
tile that they leave open is computed as in the exact engine where half-precision products are slower than float32 ones.

Each form that is rounded at random may be wrong with `bound.RISK` for each of two sums: `risk_of_a_bound` adds those of
the forms that a tile may be tried in. The bound rests on how processors add (`bound.UNIT`). Every correlation that is
computed exactly is compared with its bounds, and a matching that finds one outside ends with an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import RosettaError
from ....threads import return_memory
from ...activations.source import ActivationSource
from ..cost import RIVALS, SPARE
from ..evidence.part_products import PartProducts
from ..evidence.replicates import replicates
from ..machine import distributed
from ..machine.checkpoint import Checkpoint
from ..machine.choice import forms_that_pay
from ..machine.reading import tiles
from ..moments import Moments
from ..pairs import pair_correlations
from ..partners import Partners, mutual, settle
from ..products import Workspace
from ..screening.pair_products import exact_products
from ..searches import TRAINED, SearchResult, Settings
from .bound import RISK
from .integers import fine_enough
from .pieces import kind_on
from .rounded import Rounded
from .standard import moments_of
from .tile import certified_tile, forget
from .undecided import OpenPairs, Undecided

WHOLE, ONE, TWO, SINGLE = range(4)  # forms: whole numbers of eight bits, one or two half-precision pieces, float32
ROUNDED = 0.005  # how far apart two correlations of columns rounded to one piece must be to be distinguished


def certified_search(
    a: ActivationSource,
    b: ActivationSource,
    settings: Settings,
    workspace: Workspace,
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
    name: str,
) -> SearchResult:
    """Match two sources (module head). Only the search named `TRAINED` is replicated."""
    trained, k, absolute, parts = name == TRAINED, settings.k, settings.absolute, workspace.parts

    def known(source: ActivationSource, side: int) -> tuple[Moments, np.ndarray]:
        where = settings.tile[side], parts, settings.device, checkpoint, f"{name}-moments{side}"
        return moments_of(source, side, *where, lambda positions: advance(positions / 2))

    workspace.moments = workspace.moments or known(a, 0)  # the nulls change B only
    (of_a, reach_a), (of_b, reach_b) = workspace.moments, known(b, 1)
    moments = of_a, of_b
    replicated = trained and settings.jackknife_blocks > 0 and len(parts) > 1
    keep = k + (RIVALS if replicated else 1)
    search = _Tiles((a, b), moments, (reach_a, reach_b), settings, workspace, checkpoint, name)
    (*undecided, lower, upper), facts = search.undecided(keep, advance)
    how = moments, parts, checkpoint, name, advance
    products, _ = exact_products(a, b, (undecided[0], undecided[1]), *how, device=settings.device)
    rho = products.correlations()
    facts["largest_error"] = _checked(np.abs(rho) if absolute else rho, lower, upper)
    best = products.partners(k + (RIVALS if replicated else SPARE), absolute)
    listed = _among(products, best) if replicated else products
    contested = settle(best[0], k, (a, b), moments, parts, absolute)
    contested += settle(best[1], k, (b, a), (moments[1], moments[0]), parts, absolute)
    pairs = mutual(*best, k, absolute)
    details: dict[str, Any] = {**facts, "contested_units": contested}
    if trained:
        rho = pair_correlations(a, b, pairs[0], pairs[1], moments, parts)
        details["largest_rounding_error"] = float(np.max(np.abs(rho - pairs[2]), initial=0))
        pairs = (pairs[0], pairs[1], rho, pairs[3])
    return SearchResult(
        pairs=pairs,
        replicates=replicates(listed, pairs[:2], k, absolute, settings.seed) if replicated else None,
        moments=moments,
        details=details,
    )


def begins_with_two(device: str, neurons: int, positions: int) -> bool:
    """Return whether one piece would leave too much open, so that columns are split into two at once.

    Rounding at random, on the CPU, leaves a tenth of the noise of correlations at any T; to nearest, the same always.
    """
    return device != "cpu" and ROUNDED * (2 * np.log(max(neurons, 2)) * positions) ** 0.5 > 1


class _Tiles:
    """Tiles of one search, and how they were decided."""

    def __init__(
        self,
        sources: tuple[ActivationSource, ActivationSource],
        moments: tuple[Moments, Moments],
        reach: tuple[np.ndarray, np.ndarray],
        settings: Settings,
        workspace: Workspace,
        checkpoint: Checkpoint,
        name: str,
    ):
        self._sources, self._moments, self._reach, self._settings = sources, moments, reach, settings
        self._workspace, self._checkpoint, self._name = workspace, checkpoint, name
        neurons = max(len(source.layer) for source in sources)
        two = begins_with_two(settings.device, neurons, sources[0].positions)
        workspace.rounded = workspace.rounded or Rounded(workspace.memory)
        ranges = [-(-len(source.layer) // edge) for source, edge in zip(sources, settings.tile, strict=True)]
        workspace.rounded.restart(a=ranges[1] > 1 or name != TRAINED, b=ranges[0] > 1)
        on_cpu = settings.device == "cpu"
        # Another process may have measured otherwise.
        whole, self._half = distributed.once(forms_that_pay) if on_cpu else (False, True)
        self._first = WHOLE if whole else ONE + two
        self._rounded_at_random = on_cpu * (whole + self._half)  # forms of a tile that are

    def undecided(self, keep: int, advance: Callable[[float], None]) -> tuple[tuple[np.ndarray, ...], dict[str, Any]]:
        """Return the pairs that are to be computed exactly with their bounds, and facts for the result."""
        neurons = len(self._sources[0].layer), len(self._sources[1].layer)
        undecided = Undecided(neurons, keep, self._settings.absolute, self._sources[0].positions)
        forms, largest, in_float32 = set(), 0.0, 0
        for number, columns in enumerate(tiles(*neurons, self._settings.tile)):
            title = f"{self._name}-tile{number}"
            stored = self._checkpoint.load(title)
            if stored is None:
                pairs, facts = self._decided(undecided, columns, title, keep, advance)
                if distributed.rank() == 0:
                    self._checkpoint.save(title, {**pairs.__dict__, "facts": facts})
            else:
                facts = stored.pop("facts")
                pairs = OpenPairs(**stored)
                advance(self._sources[0].positions)
            undecided.offer(columns, pairs)
            forms, largest, in_float32 = forms | {int(facts[0])}, max(largest, facts[1]), in_float32 + facts[2]
            self._first = max(self._first, int(facts[3]))
            distributed.wait()
            self._forget(title)
            return_memory()  # arrays of one tile lie between those of the next, which would find no room as large
        pairs, half = undecided.pairs(), kind_on(self._settings.device)
        return pairs, {
            "pieces": max(forms & {TWO} or {ONE}),
            "format": " and ".join(sorted({{WHOLE: "int8", SINGLE: "float32"}.get(form, half) for form in forms})),
            "largest_bound": float(largest),
            "risk_of_a_bound": 2 * RISK * neurons[0] * neurons[1] * self._rounded_at_random,
            "decided_by_bound": neurons[0] * neurons[1] - len(pairs[0]),
            "computed_exactly": len(pairs[0]),
            "tiles_in_float32": int(in_float32),
        }

    def _decided(
        self,
        undecided: Undecided,
        columns: tuple[slice, slice],
        title: str,
        keep: int,
        advance: Callable[[float], None],
    ) -> tuple[OpenPairs, np.ndarray]:
        """Return a tile's undecided pairs; its form and bound, whether it was in float32, and the least form of others.

        Where a form leaves too much open, later tiles are not tried in it.
        """
        begin = self._begin(columns)
        for form in range(begin, (TWO if self._half else WHOLE) + 1):
            progress = advance if form == begin else _nowhere  # a tile tried again is one tile
            how = form == TWO, self._settings.device, self._checkpoint, title, progress
            reach = self._reach if form == WHOLE else None
            tile = certified_tile(self._sources, columns, self._moments, *how, reach, self._workspace.rounded)
            pairs = undecided.of_bounds(tile, columns)
            if pairs is not None:
                return pairs, np.array([form, tile.largest_error, 0, form if form > begin else WHOLE])
            del tile
            self._workspace.rounded.forget()  # in this form
        a, b = self._sources
        exact = self._workspace.tiles(a, [b], columns, [title], self._checkpoint, _nowhere)[0]
        best = exact.best(columns, keep, self._settings.absolute, False)
        last, others = (TWO, TWO) if self._half else (SINGLE, ONE if begin == WHOLE else WHOLE)
        return undecided.of_float32(best, columns), np.array([last, 0.0, 1, others])

    def _begin(self, columns: tuple[slice, slice]) -> int:
        """Return the form that a tile is tried in first."""
        if self._first != WHOLE:
            return self._first
        reach, square = (
            tuple(one[some] for one, some in zip(of, columns, strict=True))
            for of in (self._reach, [one.square for one in self._moments])
        )
        return WHOLE if fine_enough(reach, square, self._sources[0].positions) else ONE

    def _forget(self, title: str) -> None:
        forget(title, self._checkpoint)
        if distributed.rank() == 0:
            self._workspace.forget(title, self._checkpoint)


def _checked(key: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """Return how far the exact values are from the middle of their bounds at most.

    Raises
    ------
    RosettaError
        If one is out of its bounds: the processor's sums are not as accurate as `bound.UNIT` says.
    """
    known = np.isfinite(key) & np.isfinite(lower) & np.isfinite(upper)
    key, lower, upper = key[known], lower[known], upper[known]
    out = int(np.sum((key < lower) | (key > upper)))
    if out:
        rule = "are further off than their bound: half-precision products of this processor are not as they should be"
        raise RosettaError(f"{out} of {len(key)} correlations {rule}. Try: --engine exact")
    return float(np.max(np.abs(key - (lower + upper) / 2), initial=0))


def _among(products: PartProducts, best: tuple[Partners, Partners]) -> PartProducts:
    """Return the products of the listed partners alone: as many as the exact engine's replicates look among."""
    neurons_b = len(best[1].key)
    listed = []
    for side, partners in enumerate(best):
        unit, place = np.nonzero(partners.index >= 0)
        pair = unit, partners.index[unit, place]
        listed.append(pair[side] * neurons_b + pair[1 - side])
    return products.some(np.isin(products.unit_a * neurons_b + products.unit_b, np.concatenate(listed)))


def _nowhere(positions: float) -> None:
    """Take no notice of progress."""
