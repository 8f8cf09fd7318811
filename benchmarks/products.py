"""Products of float32 matrices by NumPy and by torch, and kernels that follow products while threads wait for work.

Both are measured in processes of their own: the number of threads, and how long they wait, are set before NumPy loads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from .timing import Ratio

ON_REQUEST = True
LARGEST = {128: 1.2, 512: 1.1, 2048: 1.1}  # claimed, by rows
RUNS = 12  # of the kernel after a product, both ways in turn: in some the threads wait, in others they do not
SHORT = "12"  # as commands set it: threads sleep after 2^12 ticks of the clock

PRODUCTS = """
import json, sys, time
import numpy as np, torch
from benchmarks.timing import seconds
torch.set_num_threads(1)
rng, times = np.random.default_rng(0), []
for rows in map(int, sys.argv[1:]):
    a, b = (rng.standard_normal((rows, 2048), np.float32) for _ in "ab")
    out, x, y = np.empty((2048, 2048), np.float32), torch.from_numpy(a), torch.from_numpy(b)
    sums = torch.empty(2048, 2048)
    works = lambda: np.matmul(a.T, b, out=out), lambda: torch.mm(x.T, y, out=sums)
    times.append(seconds(*works, repeats=max(10, 20480 // rows), clock=time.process_time))  # short ones vary
print(json.dumps(times))
"""

FOLLOWING = """
import json, time
import numpy as np, numba
@numba.njit(parallel=True, cache=False)
def centre(block, means):
    for row in numba.prange(len(block)):
        for column in range(block.shape[1]):
            block[row, column] -= means[column]
rng = np.random.default_rng(0)
a, block = rng.standard_normal((1024, 1024), np.float32), rng.standard_normal((512, 2048), np.float32)
means, times = block.mean(0), []
centre(block, means)
for _ in range(60):
    a @ a
    start = time.perf_counter()
    centre(block, means)
    times.append(time.perf_counter() - start)
print(json.dumps(sorted(times)[len(times) // 2]))
"""


def run() -> list[Ratio]:
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ratios = []
    times = _measured(PRODUCTS, alone, *map(str, LARGEST))
    for (rows, largest), (numpy, torch) in zip(LARGEST.items(), times, strict=True):
        detail = f"({1e3 * numpy:.3g} ms and {1e3 * torch:.3g} ms)"
        claim = f"processor time of NumPy over torch's, one thread, float32 products of {rows} rows"
        ratios.append(Ratio(claim, numpy / torch, largest, False, detail))
    ways = {}, {"OPENBLAS_THREAD_TIMEOUT": SHORT}
    waiting, asleep = zip(*[[_measured(FOLLOWING, way) for way in ways] for _ in range(RUNS)], strict=True)
    each = " and ".join(f"{1e3 * min(way):.3g} to {1e3 * max(way):.3g} ms" for way in (waiting, asleep))
    claim = "time of a kernel after a product, threads that wait over threads that sleep, means of several runs"
    return [*ratios, Ratio(claim, sum(waiting) / sum(asleep), 1.5, True, f"({each})")]


def _measured(code: str, setting: dict[str, str], *words: str):
    """Return the output of a program in an environment with these settings of threads alone."""
    ours = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_THREAD_TIMEOUT", "NUMBA_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in ours} | setting
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, check=True, text=True, env=environment
    )
    return json.loads(done.stdout)
