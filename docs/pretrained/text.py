"""The study's text: prose and code that lie with every Python and with its installed packages, and their hashes.

    python docs/pretrained/text.py OUT

writes OUT/text.jsonl, and OUT/text.csv with the name, domain, length and SHA-256 of each document. Domains are the
language reference, docstrings and code of the standard library, and the descriptions of installed packages. In each,
the documents whose hashes come first are taken, and of each document at most its first `LONGEST` characters.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from rosettalaw.empirical.corpora.python_text import shipped_documents

DOMAINS = ("reference", "docstring", "code", "readme")
DOCUMENTS = 100  # of each domain
LONGEST, SHORTEST = 4_000, 400  # characters


def documents() -> Iterator[tuple[str, str, str]]:
    """Yield name, domain and text."""
    for document in shipped_documents():
        if document.domain in DOMAINS:
            yield document.name, document.domain, document.text
    for package in metadata.distributions():
        description = package.metadata.get_payload()
        if isinstance(description, str):
            yield f"readme/{package.metadata['Name']} {package.version}", "readme", description


def chosen() -> list[tuple[str, str, str, str]]:
    """Name, domain, hash and text of the documents, by domain and hash; a text that occurs twice is taken once."""
    texts = {}
    for name, domain, text in documents():
        start = text.strip()[:LONGEST]
        if len(start) >= SHORTEST:
            digest = hashlib.sha256(start.encode()).hexdigest()
            texts.setdefault((domain, digest), (name, domain, digest, start))
    ordered = [texts[key] for key in sorted(texts)]
    return [row for domain in DOMAINS for row in [one for one in ordered if one[1] == domain][:DOCUMENTS]]


def write(out: Path) -> None:
    """Write the text and the table of its documents."""
    out.mkdir(parents=True, exist_ok=True)
    rows = chosen()
    with (out / "text.jsonl").open("w", encoding="utf-8") as lines:
        for name, domain, _, text in rows:
            lines.write(json.dumps({"name": name, "domain": domain, "text": text}) + "\n")
    with (out / "text.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["document", "domain", "characters", "sha256"])
        writer.writerows((name, domain, len(text), digest) for name, domain, digest, text in rows)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
