"""From pairs of neurons to one HTML file that opens anywhere.

The file holds all pairs as JSON in a block of data, and one script that draws from it. Nothing of the corpus becomes
markup: in the JSON every character that could end the block is escaped, and the script sets text as text. A
content security policy lets the browser run that script alone (by its hash) and forbids it the network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ...display import for_page
from ...model_names import model_name
from ...results import replacing
from .items import Collection

HERE = Path(__file__).parent
SCRIPTS = ("viewer.js", "viewer_pair.js", "viewer_share.js", "viewer_start.js")  # one script, in this order
# All are equal to a JSON parser; to an HTML parser the escaped ones mean nothing. Non-ASCII is escaped by `json`.
ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&"})


def write(collection: Collection, path: str | os.PathLike[str]) -> Path:
    """Write the page, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(html(collection), encoding="ascii")
    return Path(path)


def html(collection: Collection) -> str:
    """Return the page; pure ASCII."""
    style, script = _source("viewer.css"), "\n".join(_source(name) for name in SCRIPTS)
    parts = {"POLICY": _policy(style, script), "STYLE": style, "SCRIPT": script, "DATA": _data(collection)}
    before, *rest = _source("viewer.html").split("@@")
    # Split once, then joined: inserted text is never searched for placeholders.
    return before + "".join(parts[rest[i]] + rest[i + 1] for i in range(0, len(rest), 2))


def _source(name: str) -> str:
    return (HERE / name).read_text(encoding="ascii")


def _data(collection: Collection) -> str:
    record = {
        "models": collection.models,
        "names": [model_name(str(name)) for name in collection.models],
        "threshold": collection.threshold,
        "facts": {str(key): str(value) for key, value in collection.facts.items()},
        "pairs": [pair.record() for pair in collection.pairs],
    }
    return json.dumps(_displayed(record), ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(ESCAPED)


def _displayed(value: Any) -> Any:
    """Return a record whose text, its keys too, is what a page displays."""
    if isinstance(value, dict):
        return {for_page(key): _displayed(one) for key, one in value.items()}
    return [_displayed(one) for one in value] if isinstance(value, list | tuple) else for_page(value)


def _policy(style: str, script: str) -> str:
    hashes = [
        base64.b64encode(hashlib.sha256(source.encode("ascii")).digest()).decode("ascii") for source in (style, script)
    ]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
