"""Provenance of a model, as results record it: weights, tokenizer, training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...cached import facts_in
from ...checksums import files_are_sound, of_files, sealed, unsealed
from ...console import say
from ...disk import expanded
from . import hub
from .adapters import base_of
from .locations import commit, gguf_file

RECORD = "training.json"  # written into a checkpoint trained here when it is whole
FILES = "checksums"  # entry of the record: of the checkpoint's other files


@dataclass(frozen=True)
class ModelFacts:
    """Facts of one checkpoint.

    Attributes
    ----------
    name : str
        Name of the folder, or hub id.
    revision : str
        The hub's commit; for a folder, the SHA-256 of its weights (of its files' hashes where they are several).
    tokenizer : str
        SHA-256 of the tokenizer's definition; "" where there is none.
    bits_per_byte : float
        Training loss at the end, of models trained here; NaN for others.
    """

    name: str
    revision: str
    tokenizer: str
    bits_per_byte: float


def model_facts(checkpoint: str, tokenizer: bool = True) -> ModelFacts:
    """Return the identity of a checkpoint; `tokenizer` says whether it has one."""
    folder = expanded(checkpoint)
    spelling = ""
    if tokenizer:
        backend = hub.open_tokenizer(checkpoint).backend_tokenizer
        spelling = hashlib.sha256(backend.to_str().encode("utf-8", "surrogatepass")).hexdigest()
    if not folder.exists():
        return ModelFacts(checkpoint, commit(checkpoint), spelling, float("nan"))
    digests = []
    for file in all_weights(checkpoint):
        with file.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256"))
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(one.digest() for one in digests))
    return ModelFacts(folder.name, whole.hexdigest(), spelling, recorded(folder, "bits_per_byte"))


def recorded(folder: Path, fact: str) -> float:
    """Return a number from the record of a checkpoint that was trained here; NaN where there is none."""
    try:
        return float(facts_in(folder / RECORD)[fact])
    except (KeyError, TypeError, ValueError, OverflowError):
        return float("nan")


def write_record(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the record of a checkpoint that was trained here, with the checksums of its files, which are all there."""
    record = sealed({**facts, FILES: of_files(folder)})
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def record_is_sound(folder: Path) -> bool:
    """Return whether the files of a checkpoint that was trained here, and its record, are as they were written."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    facts = unsealed(record) if isinstance(record, dict) else None
    return facts is not None and files_are_sound(folder, facts.get(FILES))


def say_damaged(folders: Iterable[Path]) -> None:
    """Say which of the checkpoints that are to be trained are there already."""
    for folder in folders:
        if folder.exists():
            say(f"{folder}: damaged, or incomplete; trained again")


def revisions(sources: Sequence[Any], tokenizer: bool = True) -> dict[str, str]:
    """Return ``revision_a``, ``tokenizer_a`` and so on of models opened as sources, for a result's attributes."""
    known: dict[str, str] = {}
    for side, source in zip("ab", sources, strict=False):
        in_memory = getattr(source, "facts", None)
        if in_memory is not None:  # a loaded model is not a file: a checksum of its weights stands for it
            known[f"revision_{side}"] = f"in memory, checksum {in_memory[-1]:08x}"
            continue
        facts = model_facts(source.name, tokenizer)
        known |= {f"revision_{side}": facts.revision} | ({f"tokenizer_{side}": facts.tokenizer} if tokenizer else {})
    return known


def weight_files(folder: Path) -> list[Path]:
    """Return the weights below a folder: safetensors, and pickles only where there are none; or a GGUF file."""
    single = gguf_file(folder)
    if single is not None:
        return [single]
    return sorted(folder.rglob("*.safetensors")) or sorted([*folder.rglob("*.bin"), *folder.rglob("*.pt")])


def all_weights(checkpoint: str) -> list[Path]:
    """Return the weights of a folder, and before them those of the base of an adapter, where that is a folder."""
    base = base_of(checkpoint)
    below = expanded(base) if base is not None else None
    files = weight_files(below) if below is not None and below.is_dir() else []
    return [*files, *weight_files(expanded(checkpoint))]


def identity(checkpoint: str) -> list[Any]:
    """Return the facts that must be equal for a saved measurement to be used again.

    That is a folder's weights by size and time, or a hub id with the revision it names; where the hub moves a branch, a
    finished measurement stays (its result says which commit it was): name a commit to be sure.
    """
    folder = expanded(checkpoint)
    if not folder.exists():
        return [checkpoint]
    files = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in all_weights(checkpoint)]
    base = base_of(checkpoint)
    return [folder.name, *files, *([base] if base is not None and not expanded(base).is_dir() else [])]
