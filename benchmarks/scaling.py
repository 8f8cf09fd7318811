"""Scaling of the exact engine over processes, positions and neurons. Each run is a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .matching import noise_file, read_through
from .timing import Ratio

ON_REQUEST = True
WORK = """
import sys, time
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.machine import distributed
with distributed.started():
    a, b = (ArraySource(path) for path in sys.argv[1:])
    match(*(ArraySource(side.rows(slice(0, 2048))) for side in (a, b)), nulls={}, quiet=True)
    distributed.wait()
    begun = time.perf_counter()
    match(a, b, nulls={}, quiet=True, engine="exact")
    if distributed.rank() == 0:
        print("SECONDS", time.perf_counter() - begun)
"""
TOGETHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def run(positions: int = 32_768, neurons: int = 2048) -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        where = Path(folder)
        once, twice = (seconds(where, times * positions, neurons) for times in (1, 2))
        wide = seconds(where, positions, 2 * neurons)
        alone, together = (seconds(where, 2 * positions, 2 * neurons, many) for many in (1, 2))
    sizes = f"T = {positions}, N = {neurons}"
    large = f"T = {2 * positions}, N = {2 * neurons}"
    return [
        Ratio("time of twice the positions over once", twice / once, 2.2, False, _times(twice, once, sizes)),
        Ratio("time of twice the neurons over once", wide / once, 4.4, False, _times(wide, once, sizes)),
        Ratio("time of one process over that of two", alone / together, 1.7, True, _times(alone, together, large)),
    ]


def seconds(folder: Path, positions: int, neurons: int, processes: int = 1) -> float:
    """Return how long a matching takes, by processes with one thread each on processors of their own."""
    sides = [noise_file(folder, 10 * neurons + seed, positions, neurons) for seed in (1, 2)]
    for side in sides:
        read_through(side.path)
    script = folder / "work.py"
    script.write_text(WORK)
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
    launcher = TOGETHER if processes > 1 else ()
    command = [sys.executable, *launcher, str(script), *(str(side.path) for side in sides)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ | one)
    return float(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("SECONDS")))


def _times(longer: float, shorter: float, sizes: str) -> str:
    return f"({longer:.3g} s and {shorter:.3g} s; {sizes})"
