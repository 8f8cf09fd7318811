"""The table of mutations in its file, a row for each formula in the order of modules and formulas."""

from __future__ import annotations

import csv
import pathlib

from .changes import ROOT, formulas, modules

TABLE = ROOT / "docs/testing/mutations.csv"
UNRUN = "(not run)"
COLUMNS = ["formula", "change", "red"]


def names() -> list[str]:
    """Return the names of all formulas."""
    return [f"{module}.{formula}" for module in modules() for formula, _ in formulas(module)]


def read(path: pathlib.Path = TABLE) -> list[dict[str, str]]:
    """Return the rows of a table, none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [dict(row) for row in csv.DictReader(file)]


def write(rows: list[dict[str, str]], path: pathlib.Path = TABLE) -> None:
    """Write the rows of formulas that there are; those without any say that they were not run."""
    known = {row["formula"] for row in rows}
    rows = rows + [{"formula": name, "red": UNRUN} for name in names() if name not in known]
    order = {name: i for i, name in enumerate(names())}
    saved = sorted((row for row in rows if row["formula"] in order), key=lambda row: order[row["formula"]])
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="ignore")
        table.writeheader()
        table.writerows(saved)
