"""Memory that a matching takes as a command, against what `plan` says: each engine in a process of its own."""

import subprocess
import sys

import pytest

# Memory without pages of files, which `plan` leaves out too. A tiny matching first loads libraries and kernels.
MEASURED = """
import re, sys, threading, time
from pathlib import Path
from rosettalaw import threads
threads.prepare()
import numpy as np
from rosettalaw.empirical.activations.arrays import ArraySource
from rosettalaw.empirical.activations.files import open_activations
from rosettalaw.empirical.matching import cost, match
from rosettalaw.empirical.matching.rates import Device

engine, draws, folder, memory = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), 2**31
own = Path("/proc/self/status")

def taken():
    return int(re.search(r"RssAnon:\\s+(\\d+)", own.read_text())[1]) * 1024

rng = np.random.default_rng(0)
signal = rng.standard_normal((2000, 100)).astype(np.float32)
for name, neurons in zip("ab", (5000, 9000)):
    array = signal @ rng.standard_normal((100, neurons)).astype(np.float32)
    np.save(folder / f"{name}.npy", array + 5 * rng.standard_normal(array.shape).astype(np.float32))
del array, signal
warm = [ArraySource(rng.standard_normal((300, 2000)).astype(np.float32), name) for name in "ab"]
match(*warm, engine=engine, nulls={}, quiet=True)
del warm
threads.return_memory()
begun, most, over = taken(), [0], threading.Event()

def watch():
    while not over.wait(0.002):
        most.append(max(most.pop(), taken() - begun))

watching = threading.Thread(target=watch)
watching.start()
nulls = {"shift": draws} if draws else {}
match(*(open_activations(folder / f"{name}.npy", name) for name in "ab"), engine=engine, nulls=nulls, memory=memory)
over.set()
watching.join()
sizes = cost.Sizes(5000, 9000, 2000)
cpu = Device(name="cpu", operations=1, bandwidth=1, memory=2 * memory, link=1, source="")
planned = {"exact": cost.exact_cost, "certified": cost.certified_cost, "screened": cost.screened_cost}[engine]
print(most[0], planned(sizes, cpu, draws).memory)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory without pages of files is Linux's")
@pytest.mark.parametrize(("engine", "draws"), [("exact", 0), ("certified", 0), ("screened", 0), ("screened", 3)])
def test_a_matching_takes_what_its_plan_says(engine, draws, tmp_path):
    command = [sys.executable, "-c", MEASURED, engine, str(draws), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    measured, planned = map(float, done.stdout.split())
    assert measured == pytest.approx(planned, rel=0.25), done.stderr[-500:]
