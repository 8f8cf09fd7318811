"""Copies of models' activations in the cache: each under the hash of all that decides it, for all pairs and later runs.

A copy is a folder ``spools/<hash>`` with the activations and a record of whose they are (`rosettalaw.cached` lists it).
One process writes it, others that want it wait; a killed one is resumed at its record (`activations.copies`). All
copies together take at most `Spools.most` bytes, but for those that are being read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ...cached import FACTS, LIMIT, MOST, SPOOLS, bound_spools, contents, facts_in
from ...console import progress, say
from ...disk import disk_error, existing_folder, replacing, require_room
from ...errors import RosettaError
from ...leftovers import note_reader, reader_file
from ...removal import begin, made, remove
from ..activations.source import ActivationSource
from ..activations.spooling import Spooled, bytes_on_disk, is_whole, spool
from ..activations.views import Without
from ..checkpoints.claims import claimed
from ..matching.cost import byte_count
from ..matching.engine import BLOCK

NAME = "activations"


class Spools:
    """The copies of one run.

    Parameters
    ----------
    root : path
        The cache.
    kind : str
        "float32" or "float16".
    quiet : bool
        No progress bar.
    """

    def __init__(self, root: Path, kind: str = "float32", quiet: bool = False):
        self.root, self.kind, self._quiet = root, kind, quiet
        limit = os.environ.get(LIMIT)
        self.most = float(byte_count(LIMIT, limit)) if limit else MOST
        self._read: set[Path] = set()
        self._passing: set[Path] = set()
        self._private: set[Path] = set()
        self.runs = 0  # of models: copies that were made, not found

    def folder(self, facts: Mapping[str, Any]) -> Path:
        """Return the folder of a copy, by all that decides it."""
        stated = json.dumps([facts, self.kind, BLOCK], sort_keys=True, default=str)
        return self.root / SPOOLS / hashlib.sha256(stated.encode()).hexdigest()[:32]

    def missing(self, facts: Mapping[str, Any], positions: int, neurons: int) -> int:
        """Return the bytes that a copy will still take."""
        whole = np.dtype(self.kind).itemsize * positions * neurons
        return max(whole - bytes_on_disk(self.folder(facts) / NAME, self.kind), 0)

    def reserve(self, need: float, models: int) -> None:
        """Say what the copies of some models will take, and make room for them.

        Raises
        ------
        RosettaError
            If the disk has no room.
        """
        if need:
            several = "1 model" if models == 1 else f"{models} models"
            say(f"{self.root / SPOOLS}: activations of {several} will take {need / 1e9:.3g} GB")
        self._make_room(need)

    def _make_room(self, need: float) -> None:
        """Remove copies that were read longest ago where all exceed the bound, or the disk lacks room."""
        place = self.root / SPOOLS / NAME
        removed = bound_spools(self.root, self.most, need)
        short = need - shutil.disk_usage(existing_folder(place)).free
        if short > 0:
            removed += bound_spools(self.root, sum(one.bytes for one in contents(self.root, (SPOOLS,))) - short)
        if removed:
            size = sum(one.bytes for one in removed) / 1e9
            say(f"{self.root / SPOOLS}: removed {len(removed)} spools that were read longest ago, {size:.3g} GB")
        try:
            require_room(place, need)
        except RosettaError as error:
            raise RosettaError(
                f"{error}. Try: --spool float16 (half the size), fewer --tokens, rosettalaw cache clear --kind spools, "
                "or ROSETTALAW_CACHE on another disk"
            ) from error

    def copy(
        self,
        facts: Mapping[str, Any],
        like: ActivationSource,
        make: Callable[[], ActivationSource],
        about: Mapping[str, Any],
        private: bool = False,
        passing: bool = False,
    ) -> Spooled:
        """Return the copy of a model's activations, made now if the cache lacks it.

        Parameters
        ----------
        facts : mapping
            All that decides the activations.
        like : ActivationSource
            Name, neurons, positions and labels; never read.
        make : callable
            Opens the model.
        about : mapping
            Facts for a reader of the list of the cache.
        private : bool
            Whether the copy is of no use to later runs, and removed at the end of this one.
        passing : bool
            Whether it may go as soon as `pass_on` is called, and its room was not reserved.
        """
        folder = self.folder(facts)
        title = f"activations of {about['model']} on {about['text']}"
        with claimed(folder):
            begin(folder, title)
            self._note_reader(folder, passing)
            if private:
                self._private.add(folder)
            place = folder / NAME
            if not (is_whole(like, place, BLOCK, self.kind) and (folder / FACTS).is_file()):
                if passing:
                    self._make_room(self.missing(facts, like.positions, len(like.layer)))
                self._make(like, make, place)
                self._record(folder, about)
            else:
                with suppress(OSError):
                    os.utime(folder / FACTS)
        return Spooled(like, place.with_name(f"{NAME}-{self.kind}.npy"), BLOCK, self.kind)

    def require_finite(self, facts: Mapping[str, Any], copy: Spooled, failure: Callable[..., Exception]) -> None:
        """Raise the error that `failure` makes of a copy's neurons that are not finite; once for a copy."""
        record = self.folder(facts) / FACTS
        known = facts_in(record)
        if known.get("finite") is True:
            return
        bad = nonfinite(copy)
        if len(bad):
            raise failure(copy, bad)
        self._record(record.parent, known | {"finite": True})

    def end(self) -> None:
        """Give up all copies: later runs may remove them; private ones go now, and old ones beyond the bound."""
        self.pass_on()
        self._give_up(self._read)
        for folder in self._private:
            remove(folder)
        self._private.clear()
        bound_spools(self.root, self.most)

    def pass_on(self) -> None:
        """Give up the passing copies: they stay for later pairs as long as the bound has room."""
        self._give_up(self._passing - self._read)

    def _give_up(self, folders: set[Path]) -> None:
        for folder in list(folders):
            with suppress(OSError):
                remove(made(reader_file(folder)))
            self._read.discard(folder)
            self._passing.discard(folder)

    def __enter__(self) -> Spools:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def _make(self, like: ActivationSource, make: Callable[[], ActivationSource], place: Path) -> None:
        source = make()
        self.runs += 1
        with progress(f"reading {Path(source.name).name}", like.positions, self._quiet) as bar:
            spool(source, place, BLOCK, self.kind, bar.advance)

    def _record(self, folder: Path, about: Mapping[str, Any]) -> None:
        with replacing(folder / FACTS) as partial:
            partial.write_text(json.dumps(dict(about), indent=2) + "\n", encoding="utf-8")

    def _note_reader(self, folder: Path, passing: bool) -> None:
        try:
            note_reader(folder)
        except OSError as error:
            raise disk_error(folder, error) from error
        (self._passing if passing else self._read).add(folder)


def nonfinite(source: ActivationSource) -> np.ndarray:
    """Return the neurons that the engine would refuse, by reading the source once."""
    return Without.columns(source, BLOCK)


def nonce() -> str:
    """Return a word that no other run has, for copies that are of no use to it."""
    return uuid.uuid4().hex
