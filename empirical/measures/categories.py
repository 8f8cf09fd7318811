"""Kinds of document that domains belong to: the paper's five categories of The Pile (table 4), or the user's own.

A grouping is a table ``subset,category``. Domains that it does not name are categories of their own, so a corpus that
has nothing to do with The Pile is described by its own domains.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...disk import expanded
from ...errors import ForeignFileError, InputError, MissingFileError

PILE = Path(__file__).parent / "pile_categories.csv"
EXAMPLE = "a file with the lines subset,category / Github,code / FreeLaw,formal"


@dataclass(frozen=True)
class Grouping:
    """Subsets of a corpus and the category of each."""

    name: str
    category_of: dict[str, str]

    def category(self, domain: str) -> str:
        """Return the category of a domain: its own name if the grouping does not know it."""
        return self.category_of.get(domain, domain)

    def names(self, domains: Iterable[str]) -> list[str]:
        """Return the categories of these domains, in the order of the grouping, then the domains it does not know."""
        present = {self.category(domain): None for domain in sorted(domains)}
        ordered = [name for name in dict.fromkeys(self.category_of.values()) if name in present]
        return ordered + [name for name in present if name not in ordered]


def grouping(path: str | Path | None = None) -> Grouping:
    """Read a grouping from a CSV file with the columns ``subset`` and ``category``; without one, The Pile's.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ForeignFileError
        If it is not CSV text with those columns.
    InputError
        If it puts one subset into two categories.
    """
    if path is None:
        text = PILE.read_text(encoding="utf-8")
        return Grouping("The Pile, table 4", _parse(text, "pile_categories.csv"))
    path = expanded(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file of categories. Try: {EXAMPLE}")
    try:
        return Grouping(path.name, _parse(path.read_text(encoding="utf-8-sig"), str(path)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ForeignFileError(f"{path}: not a CSV file of UTF-8 text. Try: {EXAMPLE}") from error


def _parse(text: str, path: str) -> dict[str, str]:
    rows = csv.DictReader(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if not {"subset", "category"} <= set(rows.fieldnames or []):
        raise ForeignFileError(f"{path}: lacks the columns subset and category. Try: {EXAMPLE}")
    table: dict[str, str] = {}
    for row in rows:
        subset, category = (str(row[name] or "").strip() for name in ("subset", "category"))
        if not subset or not category:
            raise ForeignFileError(f"{path}: a line without a subset or without a category. Try: {EXAMPLE}")
        if table.setdefault(subset, category) != category:
            raise InputError(path, subset, f"is assigned to both {table[subset]!r} and {category!r}", EXAMPLE)
    return table
