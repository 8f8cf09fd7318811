"""Scaling of the exact engine over processes, positions and neurons. Each run is a process of its own.

All runs are timed in turn, each several times, and their medians compared. Right after a matching the same
processes share products of matrices, and the ratio of these times tells how far the machine's own processors scale.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .matching import noise_file, read_through
from .timing import Ratio

ON_REQUEST = True
TIMES = 3  # runs of each kind, in turn
WORK = """
import sys, time
import numpy as np
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.matching import match
from rosettalaw.empirical.matching.machine import distributed
with distributed.started():
    a, b = (ArraySource(path) for path in sys.argv[1:])
    match(*(ArraySource(side.rows(slice(0, 2048))) for side in (a, b)), nulls={}, quiet=True)
    distributed.wait()
    begun = time.perf_counter()
    match(a, b, nulls={}, quiet=True, engine="exact")
    matched = time.perf_counter() - begun
    x = np.random.default_rng(0).standard_normal((2048, 2048), np.float32)
    distributed.wait()
    begun = time.perf_counter()
    for _ in range(64 // distributed.size()):
        x @ x
    distributed.wait()
    if distributed.rank() == 0:
        print("SECONDS", matched, time.perf_counter() - begun)
"""
TOGETHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def run(positions: int = 32_768, neurons: int = 2048) -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        where = Path(folder)
        ways = [(1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 2, 1), (2, 2, 2)]  # times the positions, the neurons; processes
        runs = [[seconds(where, t * positions, n * neurons, many) for t, n, many in ways] for _ in range(TIMES)]
    (once, _), (twice, _), (wide, _), (alone, products), (together, shared) = np.median(runs, axis=0)
    sizes = f"medians of {TIMES}; T = {positions}, N = {neurons}"
    large = f"products alone {products / shared:.3g} times; T = {2 * positions}, N = {2 * neurons}"
    return [
        Ratio("time of twice the positions over once", twice / once, 2.2, False, _times(twice, once, sizes)),
        Ratio("time of twice the neurons over once", wide / once, 4.4, False, _times(wide, once, sizes)),
        Ratio("time of one process over that of two", alone / together, 1.7, True, _times(alone, together, large)),
    ]


def seconds(folder: Path, positions: int, neurons: int, processes: int = 1) -> tuple[float, float]:
    """Return how long a matching takes, and products, by processes with one thread each on processors of their own."""
    sides = [noise_file(folder, 10 * neurons + seed, positions, neurons) for seed in (1, 2)]
    for side in sides:
        read_through(side.path)
    script = folder / "work.py"
    script.write_text(WORK)
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
    launcher = TOGETHER if processes > 1 else ()
    command = [sys.executable, *launcher, str(script), *(str(side.path) for side in sides)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ | one)
    matched, multiplied = next(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("SECONDS"))
    return float(matched), float(multiplied)


def _times(longer: float, shorter: float, sizes: str) -> str:
    return f"({longer:.3g} s and {shorter:.3g} s; {sizes})"
