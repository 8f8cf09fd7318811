"""One matching by the screened engine, from readable sources."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...activations.reordered import Shifted
from ...activations.source import ActivationSource
from ..evidence.replicates import replicates
from ..machine.checkpoint import Checkpoint
from ..moments import Moments
from ..products import Workspace
from ..searches import TRAINED, SearchResult, Settings
from .draws import folds, null_draw
from .screened import ScreenedSearch, saved_sketch
from .settings import MOST_DOUBLINGS, doubled
from .shifts import ShiftedSketches
from .sketch import Sketch


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
    neurons, parts, trained = (len(a.layer), len(b.layer)), workspace.parts, name == TRAINED and settings.verified

    def sketched(source: ActivationSource, side: int) -> Sketch:
        how = settings.seed, settings.block, settings.device, workspace.memory
        return saved_sketch(source, side, screening.buckets, *how, checkpoint, name)

    workspace.sketch = workspace.sketch or sketched(a, 0)  # the nulls permute B only
    if name != TRAINED and settings.device == "cpu":
        draw = _small_draw(a, b, settings, workspace, checkpoint, advance, name)
        if draw is not None:
            return draw
    sketches = workspace.sketch, sketched(b, 1)
    advance(a.positions)
    audited = screening.audit
    search = ScreenedSearch(a, b, sketches, parts, checkpoint, name, k, absolute, trained, audited, settings.seed)
    for doublings in range(MOST_DOUBLINGS + 1):
        pairs, recall, likely = search.run(min(screening.candidates, *neurons), advance if not doublings else None)
        met = screening.recall is None or not recall < screening.recall
        if met or screening.candidates >= min(neurons) or doublings == MOST_DOUBLINGS:
            break  # unmet, it is remarked on in the result's status (`Matches.remark`)
        screening = doubled(screening)
    audit: dict[str, float] = {}
    if trained:
        search.verify()
        pairs, contested = search.settled()
        audit = {"contested_units": contested, **search.audited(pairs)}
        recall, likely = search.recall(pairs)
        workspace.weakest, workspace.moments = float(np.abs(pairs[2]).min(initial=np.inf)), sketches[1].moments
        if workspace.draws and settings.device == "cpu":
            workspace.shifts = ShiftedSketches(sketches[0].coarsened, sketches[1].coarsened, b)
    replicated = trained and settings.jackknife_blocks and len(parts) > 1
    return SearchResult(
        pairs=pairs,
        replicates=replicates(search.products, pairs[:2], k, absolute, settings.seed) if replicated else None,
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


def _small_draw(
    a: ActivationSource,
    b: ActivationSource,
    settings: Settings,
    workspace: Workspace,
    checkpoint: Checkpoint,
    advance: Callable[[float], None],
    name: str,
) -> SearchResult | None:
    """Match A with a null's B through a small sketch (`draws`), or return None where that cannot say enough."""
    screening, neurons, weakest = settings.screening, (len(a.layer), len(b.layer)), workspace.weakest
    if not folds(screening.buckets, a.positions, neurons, weakest):
        return None

    def small(source: ActivationSource, side: int, known: Moments | None) -> Sketch:
        how = settings.seed, settings.block, settings.device, workspace.memory
        title = f"{name}-small"
        return saved_sketch(source, side, screening.buckets, *how, checkpoint, title, refined=1, known=known)

    if isinstance(b, Shifted) and b.source is workspace.shifts.source:
        moments = workspace.sketch.moments, workspace.moments

        def shifted(side: int, begin: int) -> Sketch:
            return small(b if side else Shifted(a, begin), side, moments[side])

        sketches = workspace.shifts.pair(b.lag, shifted)
    else:  # documents exchanged repeat some of their positions, which changes means and variances
        sketches = workspace.sketch.coarsened, small(b, 1, None)
    rules = weakest, settings.k, settings.absolute
    pairs = null_draw((a, b), sketches, *rules, workspace.parts, checkpoint, name, advance)
    if pairs is None:
        return None
    advance(a.positions)
    moments = sketches[0].moments, sketches[1].moments
    return SearchResult(pairs=pairs, replicates=None, moments=moments, details={})
