"""Tables of measured speed, from the files that ``python -m benchmarks --record`` writes for each kind of processor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path


def pages(source: Path) -> dict[str, str]:
    """Return the tables of all machines, in one page."""
    return {"measured/contents.md": "\n".join(_tables(source))}


def _tables(source: Path) -> Iterator[str]:
    sys.path.insert(0, str(source.parent))
    try:
        from benchmarks import record
    finally:
        sys.path.remove(str(source.parent))
    for machine in record.records(source / "reference" / "measured"):
        units = ", ".join(machine["instructions"]) or "none of those that matter here"
        yield f"### {machine['processor']}\n\nInstructions: {units}. Threads: {machine['threads']}.\n"
        yield "| area | measured | value | claimed | met | details |\n|---|---|--:|--:|---|---|"
        for name, area in machine["areas"].items():
            for one in area["ratios"]:
                sign = "≥" if one.at_least else "≤"
                met, detail = "yes" if one.met else "no", one.detail.replace("|", r"\|")
                yield f"| {name} | {one.claim} | {one.value:.3g} | {sign} {one.bound:g} | {met} | {detail} |"
            libraries = ", ".join(f"{library} {number}" for library, number in area["libraries"].items())
            yield f"| {name} | libraries | | | | {libraries} |"
        yield ""
