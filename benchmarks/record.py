"""Measured ratios in a file of one machine, which README and documentation take their claims from."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .timing import Ratio, instructions, processor, threads

LIBRARIES = ("numpy", "scipy", "numba", "torch")
FOLDER = Path(__file__).parents[1] / "docs" / "reference" / "measured"


def write(area: str, ratios: Sequence[Ratio], folder: Path = FOLDER) -> Path:
    """Write the ratios of an area into this machine's file, in place of those that were measured there before."""
    name = processor()
    path = folder / (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".json")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"areas": {}}
    record |= {"processor": name, "instructions": instructions(), "threads": threads()}
    measured = {"libraries": _libraries(), "ratios": [_facts(one) for one in ratios]}
    record["areas"] = dict(sorted({**record["areas"], area: measured}.items()))
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> dict[str, Any]:
    """Return the record of one machine; ratios are `Ratio`s again."""
    record = json.loads(path.read_text(encoding="utf-8"))
    for area in record["areas"].values():
        area["ratios"] = [Ratio(**one) for one in area["ratios"]]
    return record


def records(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Return the records of all machines, by the name of their processor."""
    return [read(path) for path in sorted(folder.glob("*.json"))]


def _facts(ratio: Ratio) -> dict[str, Any]:
    facts = dataclasses.asdict(ratio)
    return facts if ratio.points else {name: value for name, value in facts.items() if name != "points"}


def _libraries() -> dict[str, str]:
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed
