"""What a measurement remembers of a model: which weights, which tokenizer, how long it was trained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import hub
from .training import RECORD


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
        SHA-256 of the tokenizer's definition.
    bits_per_byte : float
        Training loss at the end, of models trained here; NaN for others.
    """

    name: str
    revision: str
    tokenizer: str
    bits_per_byte: float


def model_facts(checkpoint: str, config: Any) -> ModelFacts:
    """Return what tells a checkpoint from others."""
    folder = Path(checkpoint).expanduser()
    backend = hub.open_tokenizer(checkpoint).backend_tokenizer
    tokenizer = hashlib.sha256(backend.to_str().encode("utf-8", "surrogatepass")).hexdigest()
    if not folder.is_dir():
        return ModelFacts(checkpoint, getattr(config, "_commit_hash", None) or "", tokenizer, float("nan"))
    digests = []
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256"))
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(one.digest() for one in digests))
    record = folder / RECORD
    bits = json.loads(record.read_text(encoding="utf-8"))["bits_per_byte"] if record.is_file() else float("nan")
    return ModelFacts(folder.name, whole.hexdigest(), tokenizer, bits)


def identity(checkpoint: str) -> list[Any]:
    """Return what must be the same for a saved measurement to be used again: a folder's weights by size and time."""
    folder = Path(checkpoint).expanduser()
    if not folder.is_dir():
        return [checkpoint]
    files = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(folder.glob("*.safetensors"))]
    return [folder.name, *files]
