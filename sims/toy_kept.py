"""The reported study of toy networks, and what is kept of it.

    python -m rosettalaw.sims.toy_kept CACHE

trains and measures every part of `toy_recipes.PARTS` (about an hour of two processors; CACHE keeps trained networks, so
that it may be interrupted), writes ``toy_study.csv`` beside this file with one row a cell, and ``toy.nc`` with the
profiles of all seeds into docs/toy, whose FINDINGS.md is tested against both.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

from ..console import say
from ..results import replacing, save
from .toy_recipes import PARTS
from .toy_study import Study, study

KEPT = Path(__file__).with_name("toy_study.csv")
PROFILES = Path("docs/toy/toy.nc")
NUMBERS = ("neurons", "features", "steps", "batch", "seeds", "optimal_count")


def run(cache: Path) -> Study:
    """Return all parts as one study."""
    cells, facts = [], {}
    for part in PARTS:
        found = study(part.configurations, part.neurons, part.beta, part.seeds, cache=cache)
        cells += found.cells
        facts = {**found.facts, "seeds": "5, in the scan 3"}
    return Study(tuple(cells), facts)


def write(rows: list[dict[str, Any]]) -> None:
    """Write the rows as CSV, whole or not at all, with four decimals."""
    with replacing(KEPT) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def read() -> list[dict[str, Any]]:
    """Return the kept rows."""
    with KEPT.open(encoding="utf-8") as file:
        return [
            {k: v if k == "configuration" else int(v) if k in NUMBERS else float(v or "nan") for k, v in row.items()}
            for row in csv.DictReader(file)
        ]


def main() -> None:
    """Run the study and keep it."""
    found = run(Path(sys.argv[1] if len(sys.argv) > 1 else "results/toy-cache"))
    write(found.rows)
    save(found.to_dataset(), PROFILES)
    say(f"rows: {KEPT}; profiles: {PROFILES}")


if __name__ == "__main__":
    sys.exit(main())
