"""Time and memory of the exact engine over neurons and positions, beside products alone: a figure of the speed page.

A machine's speed changes within minutes, so each matching is compared with products timed before and after it, in one
process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .matching import PEAK, FileSource, noise_file, read_through
from .timing import Ratio

ON_REQUEST = True
NEURONS = [2**power for power in range(11, 16)]
POSITIONS = [2**power for power in range(14, 19)]
FEW, NARROW = 8192, 2048  # positions of the first, neurons of the second

WORK = """
import json, sys, time
from pathlib import Path
import torch
from benchmarks.matching import FileSource, largest_tile, seconds_of_products
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.activations.arrays import ArraySource
a, b = (FileSource(Path(path)) for path in sys.argv[1:])
match(*(ArraySource(side.rows(slice(0, 2048), slice(0, 2048))) for side in (a, b)), nulls={}, quiet=True)
tile = largest_tile("cpu", len(a.layer))
alone = seconds_of_products(a, b, 2048, tile, "cpu")
begun = time.perf_counter()
match(a, b, nulls={}, quiet=True, engine="exact")
seconds = time.perf_counter() - begun
alone = (alone + seconds_of_products(a, b, 2048, tile, "cpu")) / 2
print("POINT", json.dumps({"seconds": seconds, "products": alone}))
"""


def run() -> list[Ratio]:
    wide = [measured(FEW, neurons) for neurons in NEURONS]
    long = [measured(positions, NARROW, memory=True) for positions in POSITIONS]
    return [
        _growth("neurons", wide[2], wide[-1], wide),
        _growth("positions", long[2], long[-1], long),
        Ratio(
            f"peak memory, T = {POSITIONS[-1]} over T = {POSITIONS[0]}",
            long[-1]["memory"] / long[0]["memory"],
            1.2,
            False,
            f"({long[-1]['memory'] / 2**30:.3g} and {long[0]['memory'] / 2**30:.3g} GiB; N = {NARROW})",
        ),
    ]


def _growth(over: str, fewer: dict[str, Any], more: dict[str, Any], points: list[dict[str, Any]]) -> Ratio:
    """Return how much the time over that of products grows: nothing, where time is linear in the work."""
    shares = [one["seconds"] / one["products"] for one in (more, fewer)]
    times = " and ".join(f"{one['seconds']:.3g} s, products alone {one['products']:.3g} s" for one in (more, fewer))
    claim = f"time over that of products alone, {more[over]} {over} over {fewer[over]}"
    return Ratio(claim, shares[0] / shares[1], 1.1, False, f"({times})", points)


def measured(positions: int, neurons: int, memory: bool = False) -> dict[str, Any]:
    """Return seconds, those of products alone, and if asked peak bytes of a matching of two arrays of this shape."""
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        sides = [noise_file(Path(folder), seed, positions, neurons) for seed in (1, 2)]
        for side in sides:
            read_through(side.path)
        done = _output(WORK, sides)
        # Products alone take memory of their own, so another process says what a matching takes.
        peak = {"memory": int(_output(PEAK, sides))} if memory else {}
    point = json.loads(next(line.split(" ", 1)[1] for line in done.splitlines() if line.startswith("POINT")))
    return {"positions": positions, "neurons": neurons, **point, **peak}


def _output(script: str, sides: list[FileSource]) -> str:
    command = [sys.executable, "-c", script, *(str(side.path) for side in sides)]
    return subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ.copy()).stdout
