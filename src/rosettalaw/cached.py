"""Contents of the cache: their kinds, sizes and ages, and the removal of those that this program wrote.

| kind | content | its place in the cache |
|---|---|---|
| models | networks that were trained here | ``<ladder>/<text>/<network>`` |
| texts | tokenizers and tokenized texts of their training | ``<ladder>/<text>/text/<tokenizer>`` |
| spools | activations of models on a text, read once for all pairs | ``spools/<hash>`` |
| answers | answers of a judge's endpoint, which cost money | ``judge/<hash>.json`` |
| unfinished | what a killed run left | anywhere |

A file ``products.json`` beside them has the speeds of products that the choice of an engine rests on.

Folders are this program's if its marker says so (`removal`), answers by their name and content. Everything else in the
cache is left out of lists, and stays. Spools may take `MOST` bytes in all, or ``$ROSETTALAW_SPOOLS``: beyond that the
ones that were read longest ago go first, never those that a process reads.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .leftovers import forget_killed_readers, is_read
from .removal import made, ours, purpose, remove

SPOOLS, FACTS = "spools", "spool.json"
KINDS = ("models", "texts", "spools", "answers", "unfinished")
CLEARED = ("texts", "spools", "unfinished")  # without a choice: neither hours of training nor answers that cost money
LIMIT = "ROSETTALAW_SPOOLS"
MOST = 100e9
BEING_WRITTEN = 3600.0  # seconds in which somebody may still write what looks unfinished
ANSWER = re.compile(r"[0-9a-f]{64}\.json")


@dataclass(frozen=True)
class Item:
    """One thing in the cache.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    path : Path
        Folder or file.
    bytes : int
        Its size.
    used : float
        When it was last written or read, in seconds since 1970.
    about : str
        Model, text or judge that it belongs to.
    facts : dict
        Further facts of a spool: model, text, context, neurons, positions.
    in_use : bool
        Whether a process reads it now.
    """

    kind: str
    path: Path
    bytes: int
    used: float
    about: str
    facts: dict[str, Any]
    in_use: bool = False

    def record(self) -> dict[str, Any]:
        """Return the item as plain values, with its age in days."""
        age = max(time.time() - self.used, 0.0) / 86400
        return asdict(self) | {"path": str(self.path), "age_days": age}


def contents(root: Path, kinds: Collection[str] = KINDS) -> list[Item]:
    """Return the things of some kinds in a cache, the one that was used longest ago first."""
    items = [item for item in _walk(root, root) if item.kind in kinds]
    return sorted(items, key=lambda item: (item.used, str(item.path)))


def clear(root: Path, kinds: Collection[str] = CLEARED, older_than: float = 0.0) -> tuple[list[Item], list[Item]]:
    """Remove the things of some kinds, and return those removed and those in use, which stay.

    Parameters
    ----------
    older_than : float
        Seconds since they were last used, at least.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    before = time.time() - older_than
    chosen = [item for item in contents(root, kinds) if item.used <= before]
    free = [item for item in chosen if not item.in_use]
    for item in free:
        remove(made(item.path) if item.kind == "answers" else item.path)
    return free, [item for item in chosen if item.in_use]


def bound_spools(root: Path, most: float, room_for: float = 0.0) -> list[Item]:
    """Remove the spools that were read longest ago until all, with `room_for` bytes to come, take at most `most`.

    What killed readers left in them goes too.
    """
    spools = contents(root, ("spools",))
    for item in spools:
        forget_killed_readers(item.path)
    total, removed = room_for + sum(item.bytes for item in spools), []
    for item in spools:
        if total <= most:
            break
        if not item.in_use:
            remove(item.path)
            total -= item.bytes
            removed.append(item)
    return removed


def _walk(folder: Path, root: Path) -> Iterator[Item]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            if ours(path):
                yield _item(path)
            else:
                yield from _walk(path, root)
        elif folder == root / "judge" and ANSWER.fullmatch(entry.name) and facts_in(path):
            status = entry.stat(follow_symlinks=False)
            facts = {"kind": "answers", "path": path, "about": "a judge's endpoint", "facts": {}}
            yield Item(bytes=status.st_size, used=status.st_mtime, **facts)


def _item(path: Path) -> Item:
    sizes = [file.lstat() for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    facts = facts_in(path / FACTS) if path.parent.name == SPOOLS else {}
    if path.parent.name == SPOOLS:
        kind = "spools"
    elif (path / "tokens.npy").is_file():
        kind = "texts"
    else:
        whole = not path.name.startswith(".") and path.suffix != ".writing" and (path / "config.json").is_file()
        kind = "models" if whole else "unfinished"
    used = max((one.st_mtime for one in sizes), default=0.0)
    return Item(
        kind=kind,
        path=path,
        bytes=sum(one.st_size for one in sizes),
        used=used,
        about=purpose(path),
        facts=facts,
        in_use=is_read(path) or (kind == "unfinished" and time.time() - used < BEING_WRITTEN),
    )


def facts_in(path: Path) -> dict[str, Any]:
    """Return the facts in a file of JSON, none where it is damaged."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
