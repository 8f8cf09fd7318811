"""Both engines on a CUDA device: against `torch.matmul` there, against each other, and against the CPU's processors.

Measured only where it is named, since most machines have none: ``python -m benchmarks gpu``. Activations come from
files and cross the link to the device. No speed is claimed yet: bounds are 0.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from rosettalaw.empirical.matching import match
from rosettalaw.errors import RosettaError

from .matching import FileSource, exact_against_matmul, networks_file, read_through, screened_against_exact
from .timing import Ratio

ON_REQUEST = True


def run() -> list[Ratio]:
    if not torch.cuda.is_available():
        raise RosettaError("no CUDA device is available. Try: python -m benchmarks matching")
    with tempfile.TemporaryDirectory(prefix="rosettalaw-bench-") as folder:
        return measured(Path(folder), "cuda", torch.cuda.get_device_name())


def measured(folder: Path, device: str, name: str, positions: int = 200_000, neurons: int = 8192) -> list[Ratio]:
    """Measure on a device; its name is in every figure."""
    sides = [networks_file(folder, seed, positions, neurons) for seed in (3, 4)]
    figures = [
        exact_against_matmul(folder, positions // 4, neurons, device=device, share=0),
        *screened_against_exact(sides[0], sides[1], 0, device),
        *(against_the_processors(sides[0], sides[1], engine, device) for engine in ("exact", "screened")),
    ]
    return [replace(one, claim=f"{name}: {one.claim}") for one in figures]


def against_the_processors(a: FileSource, b: FileSource, engine: str, device: str) -> Ratio:
    """Match two files on the CPU and on a device."""
    times = []
    for where in ("cpu", device):
        for side in (a, b):
            read_through(side.path)
        begun = time.perf_counter()
        match(a, b, nulls={}, quiet=True, engine=engine, device=where)
        times.append(time.perf_counter() - begun)
    detail = f"({times[0]:.3g} s and {times[1]:.3g} s; T = {a.positions}, N = {len(a.layer)})"
    return Ratio(f"the CPU's time over this device's, {engine} engine", times[0] / times[1], 0, True, detail)
