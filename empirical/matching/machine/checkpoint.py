"""Resume files of a running matching: a killed one resumes from its last completed block.

Each file is written beside its name and moved into place when whole, so a file that exists is a whole file. The folder
belongs to one matching: a fingerprint of the sources and the settings says which, and another one is refused. A damaged
file, or one of another matching, is computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ....checksums import arrays_in
from ....console import say
from ....disk import marked, replacing
from ....errors import ForeignFileError
from ....removal import MARKER, UNFINISHED, ours, remove

FINGERPRINT = "matching.json"
OWN = "group"  # array in a file that says whose it is
CONTENT = "an unfinished matching, from which the same command resumes"


class Checkpoint:
    """A folder of named groups of arrays; with no folder, nothing is saved or loaded.

    Parameters
    ----------
    folder : path or None
        Where to keep them; made if absent.
    fingerprint : mapping
        Sources and settings of the matching, as JSON can hold them.

    Raises
    ------
    ForeignFileError
        If the folder holds another matching, or is a folder of something else.
    """

    def __init__(self, folder: str | os.PathLike[str] | None, fingerprint: Mapping[str, Any]):
        self.folder = None if folder is None else Path(folder)
        if self.folder is None:
            return
        stated = self.folder / FINGERPRINT
        expected = json.loads(json.dumps(fingerprint))
        self._matching = hashlib.sha256(json.dumps(expected, sort_keys=True).encode()).hexdigest()
        if stated.is_file():
            stored = _json(stated)
            if stored != expected:
                differing = sorted(key for key in {*stored, *expected} if stored.get(key) != expected.get(key))
                raise ForeignFileError(
                    f"{self.folder}: holds an unfinished matching with other {', '.join(differing)}. "
                    f"Try: the settings it was begun with, another --out, or remove the folder"
                )
            marked(self.folder, CONTENT)
            return
        if self.folder.is_dir() and ours(self.folder):  # one that a killed run was removing
            remove(self.folder)
        if self.folder.exists() and (not self.folder.is_dir() or any(map(_foreign, self.folder.iterdir()))):
            raise ForeignFileError(f"{self.folder}: exists and is not an unfinished matching. Try: another --out")
        marked(self.folder, CONTENT)
        with replacing(stated) as partial:
            partial.write_text(json.dumps(expected))

    def save(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep a group of arrays."""
        if self.folder is not None:
            with replacing(self.folder / f"{name}.npz") as partial:
                np.savez(partial, allow_pickle=False, **{**arrays, OWN: self._own(name)})

    def load(self, name: str) -> dict[str, np.ndarray] | None:
        """Return a group of arrays, or None if it was not saved, or is damaged: it is computed again.

        Raises
        ------
        MissingFileError
            If the file cannot be read now.
        """
        path = self.folder / f"{name}.npz" if self.folder is not None else None
        if path is None or not path.is_file():
            return None
        try:
            arrays = arrays_in(path)
            if str(arrays.pop(OWN, "")) == self._own(name):
                return arrays
        except ValueError:  # damaged
            pass
        say(f"{path}: damaged, or of another matching; computed again")
        return None

    def _own(self, name: str) -> str:
        """Return a word that no other group has, of this matching or of another."""
        return hashlib.sha256(f"{self._matching} {name}".encode()).hexdigest()

    def drop(self, name: str) -> None:
        """Forget a group of arrays."""
        if self.folder is not None:
            remove(self.folder / f"{name}.npz")

    def finish(self) -> None:
        """Remove the folder: the result is saved elsewhere."""
        if self.folder is not None:
            remove(self.folder)


def stated_in(folder: str | os.PathLike[str] | None) -> dict[str, Any]:
    """Return the settings that an unfinished matching was begun with; empty where there is none."""
    stated = None if folder is None else Path(folder) / FINGERPRINT
    return {} if stated is None or not stated.is_file() else _json(stated)


def tile_of(folder: str | os.PathLike[str] | None) -> tuple[int, int] | None:
    """Return the tile that an unfinished matching was begun with, if there is one."""
    tile = stated_in(folder).get("tile")
    if folder is None or tile is None:
        return None
    sides = tile if isinstance(tile, list) and len(tile) == 2 else [0, 0]
    if not all(isinstance(side, int) and side > 0 for side in sides):
        stated = Path(folder) / FINGERPRINT
        raise ForeignFileError(f"{stated}: damaged, its tile is {tile!r}. Try: another --out, or remove the folder")
    return sides[0], sides[1]


def _foreign(path: Path) -> bool:
    """Return whether a file is a stranger's; the marker and the fingerprint that a killed run began are not."""
    return path.name not in (MARKER, UNFINISHED) and not path.name.startswith(f".{FINGERPRINT}.")


def _json(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text())
    except ValueError as error:
        raise ForeignFileError(f"{path}: damaged; remove the folder and start again") from error
    if not isinstance(stored, dict):
        raise ForeignFileError(f"{path}: not an unfinished matching of rosettalaw. Try: another --out")
    return stored
