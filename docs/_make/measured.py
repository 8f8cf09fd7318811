"""Tables and figures of measured speed, from what ``python -m benchmarks --record`` writes on each machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = "measured"
WORDS = "Time of a matching over neurons and over positions, with that of products alone, and peak memory"


def pages(source: Path) -> dict[str, str]:
    """Return the tables of all machines, in one page."""
    return {f"{FOLDER}/contents.md": "\n".join(_tables(source))}


def draw(source: Path) -> None:
    """Draw time and memory over sizes of every machine that has measured them."""
    from rosettalaw.paper_figs import style

    for machine in _records(source):
        kinds = _points(machine)
        if not kinds:
            continue
        path = source / "generated" / FOLDER / _name(machine)
        path.parent.mkdir(parents=True, exist_ok=True)
        with style.panels(3, 3.4, 3.0, across=3) as (figure, axes):
            for axis, (over, points) in zip(axes, kinds.items(), strict=False):
                sizes = [one[over] for one in points]
                axis.plot(sizes, [one["seconds"] for one in points], "o-", color=style.CYCLE[0], label="matching")
                axis.plot(
                    sizes, [one["products"] for one in points], "s--", color=style.CYCLE[1], label="products alone"
                )
                style.log_sizes(axis, sizes)
                axis.set_xlabel(over)
                axis.set_ylabel("seconds")
                axis.legend()
            sizes = [one["positions"] for one in kinds["positions"]]
            memory = [one["memory"] / 2**30 for one in kinds["positions"]]
            axes[2].plot(sizes, memory, "o-", color=style.CYCLE[0])
            axes[2].set_xscale("log")
            axes[2].set_ylim(0, 1.2 * max(memory))
            style.size_ticks(axes[2], sizes)
            axes[2].set_xlabel("positions")
            axes[2].set_ylabel("peak memory in GiB")
            style.save(figure, path)


def _points(machine: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the measurements over neurons and over positions, by the name of their sizes."""
    ratios = machine["areas"].get("sizes", {"ratios": []})["ratios"]
    measured = [one.points for one in ratios if one.points]
    return dict(zip(("neurons", "positions"), measured, strict=True)) if measured else {}


def _name(machine: dict[str, Any]) -> str:
    return "sizes-" + re.sub(r"[^a-z0-9]+", "-", machine["processor"].lower()).strip("-")


def _records(source: Path) -> list[dict[str, Any]]:
    sys.path.insert(0, str(source.parent))
    try:
        from benchmarks import record
    finally:
        sys.path.remove(str(source.parent))
    return record.records(source / "reference" / "measured")


def _tables(source: Path) -> Iterator[str]:
    for machine in _records(source):
        units = ", ".join(machine["instructions"]) or "none of those that matter here"
        yield f"### {machine['processor']}\n\nInstructions: {units}. Threads: {machine['threads']}.\n"
        if _points(machine):
            yield f"```{{image}} ../generated/{FOLDER}/{_name(machine)}.svg\n:alt: {WORDS}\n```\n"
        yield "| area | measured | value | claimed | met | details |\n|---|---|--:|--:|---|---|"
        for name, area in machine["areas"].items():
            for one in area["ratios"]:
                sign = "≥" if one.at_least else "≤"
                met, detail = "yes" if one.met else "no", one.detail.replace("|", r"\|")
                yield f"| {name} | {one.claim} | {one.value:.3g} | {sign} {one.bound:g} | {met} | {detail} |"
            libraries = ", ".join(f"{library} {number}" for library, number in area["libraries"].items())
            yield f"| {name} | libraries | | | | {libraries} |"
        yield ""
