"""The filtering study on models that are trained here, with the text that CPython ships.

The models are those of the demo's ladder (`rosettalaw demo`), at its largest rung. All three parts of the text are cut
from the documents that the ladder held out, which neither the models nor their tokenizers have seen: nothing overlaps.

The target is ``docstring``. The other small domains, ``reference`` and ``cdoc``, would be rarer targets, as the paper's
is; but only 16 and 17 of their documents are held out (CPython 3.11), too few for an interval, and too few tokens for
more than a handful of training steps. ``code`` is the majority, which a random sample finds as well. Docstrings are a
third of the text, so that a random selection already has an F1 of about a third (the paper's: 0.06), and their rivals
are mostly code: this is an easier separation than that of one programming language from five others.

Documents are cut into passages of 1000 characters, about the length of the functions that the paper filtered; passages
of one document stay together in the split and in the bootstrap.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import RosettaError
from ..corpora.corpus import open_corpus
from ..ladder.train import train_ladder
from ..language.families import open_ladder
from .plan import FilteringPlan
from .splitting import require_target, require_target_of
from .study import filter_documents

if TYPE_CHECKING:
    import xarray as xr

TARGET, PASSAGE = "docstring", 1000


def embedded_study(
    plan: FilteringPlan,
    ladder: str = "filter",
    out: Path | None = None,
    cache: Path | None = None,
    *,
    selection: Path | None = None,
    quiet: bool = False,
) -> xr.Dataset:
    """Train (or find) the ladder's largest models and run the study on the text that they have not seen.

    Parameters
    ----------
    plan : FilteringPlan
        Settings of the study.
    ladder : str
        Name of a shipped ladder of two families, or a ladder file.
    out : path, optional
        Folder where finished parts are saved.
    cache : path, optional
        Folder of checkpoints.
    selection : path, optional
        Where to write the selected documents, as ``.jsonl``.
    quiet : bool
        Show no progress.

    Raises
    ------
    RosettaError
        If the ladder has fewer than two families, or its text lacks the target.
    """
    opened = open_ladder(ladder)
    if len(opened.family) < 2:
        raise RosettaError(f"ladder {opened.name!r}: one family; a Rosetta Neuron needs two models")
    require_target_of(opened.corpus, plan.target)  # before seconds of reading
    require_target(open_corpus(opened.corpus), plan.target)  # before minutes of training
    trained = train_ladder(opened, cache=cache, quiet=quiet)
    largest = max(opened.rung, key=lambda rung: rung.neurons)
    a, b = (trained.folders[family.name, largest, opened.seeds(family)[0]] for family in opened.family[:2])
    return filter_documents(trained.held_out, plan, a, b, out=out, selection=selection, quiet=quiet, ladder=opened.name)
