"""Copies of activations and draws of nulls that the pairs of a ladder share, so that each network is read once.

With k seeds of two families k² pairs are made of 2k networks. A network's activations are copied to disk, and its
neurons described, when its first pair is measured; both are removed after its last. Draws that the architectures alone
decide (`Null.architectures_alone`) are matched once for all pairs of a size.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...removal import made, remove
from ..language.source import TextSource
from ..matching import Matches
from ..matching.machine import distributed
from ..nulls import Null
from .comparison import Sources, on_disk

if TYPE_CHECKING:
    from .neurons import Neurons

Draw = list[Matches]  # at every number of positions


class Shared:
    """Copies and null draws of the networks of one size.

    Parameters
    ----------
    folder : path
        Where copies are written; the caller removes it.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._copies: dict[str, set[str]] = {}
        self._neurons: dict[str, Neurons] = {}
        self._architectures: str | None = None
        self._draws: dict[str, Draw] = {}

    def copies(self, sources: Sequence[TextSource]) -> Sources:
        """Return both networks' activations as copies on disk, those of an earlier pair where there are any."""
        names = [_digest(source.identity()) for source in sources]
        for source, name in zip(sources, names, strict=True):
            self._copies.setdefault(source.name, set()).add(name)
        return on_disk(sources, self._folder, names)

    def neurons(self, source: TextSource, describe: Callable[[], Neurons]) -> Neurons:
        """Return the description of a network's neurons, the one of an earlier pair where there is one."""
        name = _digest(source.identity())
        if name not in self._neurons:
            self._neurons[name] = describe()
        return self._neurons[name]

    def keep(self, checkpoints: Collection[str]) -> None:
        """Remove the copies and descriptions of all networks but these."""
        distributed.wait()  # others may still read them
        for checkpoint in set(self._copies) - set(checkpoints):
            names = self._copies.pop(checkpoint)
            for name in names:
                self._neurons.pop(name, None)
            for name in names if distributed.rank() == 0 else ():
                for file in self._folder.glob(f"activations-{name}*"):
                    remove(made(file))  # in the folder that this measurement was given for its copies

    def draw(self, sources: Sequence[TextSource], null: Null, number: int, plan: Any, make: Callable[[], Draw]) -> Draw:
        """Return a draw of a null, the one of an earlier pair where nothing that decides it differs."""
        if not null.architectures_alone:
            return make()
        architectures = _digest([[_config(one), one.text.sha256, str(one.site)] for one in sources])
        if architectures != self._architectures:  # the next size has no use for earlier draws
            self._architectures, self._draws = architectures, {}
        key = _digest([null.name, number, plan])
        if key not in self._draws:
            self._draws[key] = make()
        return self._draws[key]


def _config(source: TextSource) -> dict[str, Any]:
    facts = json.loads(source.model.config.to_json_string(use_diff=False))
    return {name: value for name, value in facts.items() if not name.startswith("_")}  # but not where it was read from


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:24]
