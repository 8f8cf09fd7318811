"""Every pair of several models matched once: saved as an ordinary result of kind "pairs", and recognised later.

A pair's file says by a hash what it was matched from and how; a later run with the same models and options reads it
back, and a killed matching resumes from the folder beside it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import __version__
from ...console import say
from ...contents import ByContent
from ...errors import RosettaError, require
from ...model_names import pair_file
from ...removal import ours, remove
from ...results import load, require_replaceable
from ..nulls import draws_of
from ..pairing import PairOptions, Sources, unfinished_work
from .models import Together
from .recurrence import Edges
from .spools import Spools

if TYPE_CHECKING:
    import xarray as xr

KEY = "pair_key"  # attribute of a result: hash of models and options


@dataclass(frozen=True, eq=False)
class MatchedPair(ByContent):
    """The result of two of the models.

    Attributes
    ----------
    first, second : int
        The models.
    dataset : Dataset of kind "pairs"
        The result.
    path : Path, optional
        Its file.
    """

    first: int
    second: int
    dataset: xr.Dataset
    path: Path | None = None

    def edges(self) -> Edges:
        """Return the pairs at or above the threshold; all of them where no null was drawn."""
        ds = self.dataset
        correlation = np.asarray(ds["correlation"].values, dtype=float)
        bar = float(ds["threshold"]) if "threshold" in ds else 0.0
        counts = np.abs(correlation) >= bar  # none, where the threshold is NaN
        return Edges(
            first=self.first,
            second=self.second,
            unit_a=np.asarray(ds["unit_a"].values)[counts],
            unit_b=np.asarray(ds["unit_b"].values)[counts],
            correlation=correlation[counts],
        )


def path_of(folder: Path, names: tuple[str, ...], first: int, second: int) -> Path:
    """Return the file of two models' result."""
    return folder / pair_file(names[first], names[second])


def check(together: Together, pairing: PairOptions, folder: Path | None) -> None:
    """Refuse, before any pair is matched, options that one of them cannot have, and files that are not replaced.

    Raises
    ------
    RosettaError
        If k exceeds a model's neurons, a null cannot be drawn of two of the models, or a file is a stranger's.
    """
    for name, source in zip(together.names, together.sources, strict=True):
        rule = f"must be at most the number of neurons, {len(source.layer)} of {name}"
        require(1 <= pairing.k <= len(source.layer), "--k", pairing.k, rule, "--k 1")
    for first, second in itertools.combinations(range(len(together.names)), 2):
        sources: Sources = (together.sources[first], together.sources[second])
        for null, draws in draws_of(pairing.nulls(sources)).items():
            null.check(*sources, draws)
        if folder is not None:
            require_replaceable("--out", path_of(folder, together.names, first, second))


def match_pairs(
    together: Together, pairing: PairOptions, folder: Path | None, spools: Spools, quiet: bool = False
) -> list[MatchedPair]:
    """Match every two of the models, in their order; finished pairs are read back.

    Raises
    ------
    RosettaError
        If a pair cannot be matched; the message names it, and finished pairs stay.
    """
    number = len(together.names)
    every = list(itertools.combinations(range(number), 2))
    results = []
    for turn, (first, second) in enumerate(every, start=1):
        title = f"{together.names[first]} × {together.names[second]}"
        path = None if folder is None else path_of(folder, together.names, first, second)
        key = _key(together, pairing, first, second)
        saved = None if path is None else _saved(path, key)
        if saved is not None and path is not None:
            if ours(unfinished_work(path)):  # of a run killed between the result and its clean end
                remove(unfinished_work(path))
            if not quiet:
                say(f"pair {turn} of {len(every)}: {title} is finished")
            results.append(MatchedPair(first, second, saved, path))
            continue
        if not quiet:
            say(f"pair {turn} of {len(every)}: {title}")
        facts: dict[str, Any] = dict(together.common)
        for side, model in (("a", first), ("b", second)):
            own = dict(together.own[model])
            tokens = own.pop("tokens", None)
            facts |= {f"{name}_{side}": value for name, value in own.items() if value != ""}
            facts |= {"tokens": tokens} if side == "a" and tokens is not None else {}
        facts |= {"together": list(together.names), KEY: key}
        try:
            sources = together.sources[first], together.sources[second]
            result = pairing.run(sources, facts, path, quiet, together.text)
        except RosettaError as error:
            raise RosettaError(f"{title}: {error}. Finished pairs are saved") from error
        finally:
            spools.pass_on()
        results.append(MatchedPair(first, second, result.to_dataset(), path))
    return results


def _key(together: Together, pairing: PairOptions, first: int, second: int) -> str:
    """Return the hash of all that decides a pair's result."""
    options = dataclasses.asdict(pairing)
    del options["memory"]
    facts = [together.identities[first], together.identities[second], options, __version__]
    facts += [together.names, None if together.text is None else together.text.sha256]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _saved(path: Path, key: str) -> xr.Dataset | None:
    if not path.exists():
        return None
    try:
        result = load(path, "pairs")
    except RosettaError as error:
        say(f"{error}; matched again")
        return None
    if result.attrs.get(KEY) == key:
        return result
    say(f"{path}: of other models or options; matched again")
    return None
