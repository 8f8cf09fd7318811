r"""What a matching costs: operations, bytes, memory and time, exact and screened; and what it can detect.

N_A and N_B neurons, T positions, D draws of the permutation null, s bytes an activation, tiles of e_A × e_B neurons.

Exact engine, for the matching and each of the D nulls:

    operations   2 N_A N_B T
    bytes        T (N_A ⌈N_B/e_B⌉ + N_B ⌈N_A/e_A⌉) (s + 12)     reading; centred rows written, then read by the product
    memory       4 (J + 4) e_A e_B + 8 (e_A + e_B)(block + 2)   J parts of a tile and its ranking; two blocks a side

Screened engine, B buckets (R B are kept, as bytes), c candidates a neuron, m audited neurons of A, P pairs read:

    operations   2 N_A N_B B + 2 R B c (N_A + N_B) + 2 P T + 2 m N_B T
    bytes        T (N_A + N_B) (s [sketch] + s + 4 [turned to columns] + s [rivals]) + 8 P T
    memory       (R + 6) B (N_A + N_B) + 4 R B min(N, 8192) + 512 C (N_A + N_B) + 32 N_B m + 16 c (N_A + N_B)
                 + 8 (J + 4) P,   C processors

Audited neurons are multiplied from the columns that are turned anyway. P is taken as 4 a neuron: on trained networks
two or three were read, where many neurons are alike up to some tens (c at most before verification). Files are mapped
while they are searched: their pages count as the process's until the system needs them. On a GPU the screened engine
multiplies its sketches; activations are read on the CPU so far, and a GPU's line says what that would take there.

Time is operations over the sustained rate plus bytes over the sustained bandwidth, not overlapped: an upper estimate.
Candidates' columns come from a cache where there is one; the model charges main memory, which is pessimistic.

A CPU's rates are measured when asked for; a GPU that is not at hand is taken from its data sheet at `SUSTAINED` of the
peak, and such a plan says so. Activations of models are produced on the same device; running the models is not counted.

**Detectable correlation.** Unrelated neurons correlate with standard deviation 1/√(T − 1). A pair of correlation ρ is
mutual if it beats the N_A + N_B − 2 rivals of its two neurons; half of such pairs are found where

    Φ(ρ √(T−1))^(N_A + N_B − 2) = ½.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from ...errors import InputError, UnknownNameError, require

LARGEST = {"cpu": 2048, "cuda": 8192}  # tile edges: larger ones save reading and cost memory
SMALLEST = 64
SUSTAINED = 0.6


@dataclass(frozen=True)
class Device:
    """Sustained rates of a device.

    Attributes
    ----------
    name : str
        What it is called.
    operations : float
        Multiplications and additions per second, in the products' precision.
    bandwidth : float
        Bytes per second of main memory.
    memory : float
        Bytes.
    source : str
        Where the rates come from.
    """

    name: str
    operations: float
    bandwidth: float
    memory: float
    source: str


# Peak TF32 operations/s (dense), memory bytes/s and bytes, from NVIDIA's data sheets of the SXM boards.
DATA_SHEETS = {
    "a100": (156e12, 2.039e12, 80e9),
    "h100": (494.5e12, 3.35e12, 80e9),
    "h200": (494.5e12, 4.8e12, 141e9),
}


@dataclass(frozen=True)
class Sizes:
    """How large a matching is; see the head of this module."""

    neurons_a: int
    neurons_b: int
    positions: int
    parts: int = 16
    block: int = 2048

    def __post_init__(self):
        for name in ("neurons_a", "neurons_b", "positions", "parts", "block"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1")


@dataclass(frozen=True)
class Cost:
    """What an engine needs: operations, bytes moved, memory (bytes) and seconds."""

    engine: str
    operations: float
    bytes_moved: float
    memory: float
    seconds: float
    detail: str


def detectable_correlation(sizes: Sizes) -> float:
    """Return the correlation at which half of all pairs are found (module head); NaN for one position."""
    from scipy.special import ndtri

    rivals = sizes.neurons_a + sizes.neurons_b - 2
    if rivals == 0 or sizes.positions < 2:
        return 0.0 if rivals == 0 else float("nan")
    # 2^(−1/rivals) rounds to 1 for many rivals; its complement does not.
    return float(min(-ndtri(-np.expm1(-np.log(2) / rivals)) / np.sqrt(sizes.positions - 1), 1))


def tile_bytes(sizes: Sizes, edge_a: int, edge_b: int) -> int:
    """Return the memory that a tile takes with its blocks."""
    block = min(sizes.block, -(-sizes.positions // sizes.parts))
    return 4 * (sizes.parts + 4) * edge_a * edge_b + 8 * (block + 2) * (edge_a + edge_b)


def tile_shape(sizes: Sizes, memory: int | None, device: str = "cpu") -> tuple[int, int]:
    """Return the largest tile within a memory budget, at most `LARGEST` on a side.

    Parameters
    ----------
    memory : int, optional
        Bytes; half of what is free by default.

    Raises
    ------
    InputError
        If the smallest tile does not fit.
    """
    budget = psutil.virtual_memory().available // 2 if memory is None else memory
    edge = LARGEST["cuda" if device.startswith("cuda") else "cpu"]
    while edge > SMALLEST and _tile_bytes_at(sizes, edge) > budget:
        edge //= 2
    if _tile_bytes_at(sizes, edge) > budget:
        least = f"the smallest tile needs {_tile_bytes_at(sizes, edge) / 2**20:.0f} MiB"
        raise InputError("memory", f"{budget / 2**20:.0f} MiB", least, "--memory 1GiB")
    return min(edge, sizes.neurons_a), min(edge, sizes.neurons_b)


def exact_cost(
    sizes: Sizes, device: Device, draws: int = 0, width: int = 4, tile: tuple[int, int] | None = None
) -> Cost:
    """Return the cost of the exact engine; `width` is the bytes of an activation."""
    kind = "cpu" if device.name == "cpu" else "cuda"
    edge_a, edge_b = tile or tile_shape(sizes, int(device.memory / 2), kind)
    tiles_a, tiles_b = -(-sizes.neurons_a // edge_a), -(-sizes.neurons_b // edge_b)
    operations = 2.0 * sizes.neurons_a * sizes.neurons_b * sizes.positions * (1 + draws)
    read = sizes.neurons_a * tiles_b + sizes.neurons_b * tiles_a
    moved = float(sizes.positions) * read * (width + 12) * (1 + draws)
    detail = f"{tiles_a * tiles_b} tiles of {edge_a} × {edge_b}; without room to keep activations, as many model runs"
    return _cost("exact", operations, moved, tile_bytes(sizes, edge_a, edge_b), device, detail)


def screened_cost(
    sizes: Sizes,
    device: Device,
    draws: int = 0,
    width: int = 4,
    buckets: int = 2048,
    candidates: int = 16,
    audit: int = 32,
) -> Cost:
    """Return the cost of the screened engine."""
    from .pair_kernels import padded
    from .simd import STEP
    from .sketch import COLUMNS, REFINED

    both = sizes.neurons_a + sizes.neurons_b
    positions = float(sizes.positions)
    pairs = min(4 * both, sizes.neurons_a * sizes.neurons_b)
    estimates = 2.0 * sizes.neurons_a * sizes.neurons_b * buckets + 2 * REFINED * buckets * candidates * both
    operations = (estimates + 2 * pairs * positions) * (1 + draws) + 2 * audit * sizes.neurons_b * positions
    moved = (positions * both * (2 * width + 4) + 8 * pairs * positions) * (1 + draws)
    moved += positions * width * both
    memory = (REFINED + 6.0) * buckets * both + 4 * REFINED * buckets * min(COLUMNS, both)
    memory += 512 * (os.cpu_count() or 1) * both + 32 * padded(audit, STEP) * sizes.neurons_b
    memory += 16 * candidates * both + 8 * (sizes.parts + 4) * pairs
    detail = f"two readings, rivals and the audit; {pairs:.3g} pairs read"
    if device.name != "cpu":
        detail += "; activations are read on the CPU so far: these are the bytes at this device's rates"
    return _cost("screened", operations, moved, memory, device, detail)


def device_rates(name: str) -> Device:
    """Return the rates of "cpu" or "cuda" (measured now) or of a GPU by its data sheet.

    Raises
    ------
    UnknownNameError
        If there is no such device, or no CUDA device at hand.
    """
    import torch

    lowered = name.lower()
    if lowered in DATA_SHEETS:
        operations, bandwidth, memory = DATA_SHEETS[lowered]
        source = f"data sheet at {SUSTAINED:.0%} of the peak, TF32; not measured here"
        return Device(lowered, SUSTAINED * operations, SUSTAINED * bandwidth, memory, source)
    if lowered != "cpu" and not (lowered.startswith("cuda") and torch.cuda.is_available()):
        raise UnknownNameError("device", name, ["cpu", "cuda", *DATA_SHEETS])
    edge = 1024 if lowered == "cpu" else 8192
    x = torch.randn(edge, edge, device=lowered)
    operations = 2 * edge**3 / _seconds(lambda: torch.mm(x, x), lowered)
    large = torch.zeros(64 * 2**20 // 4, device=lowered)
    bandwidth = 2 * 4 * large.numel() / _seconds(lambda: large.add_(1), lowered)
    memory = psutil.virtual_memory().available if lowered == "cpu" else torch.cuda.mem_get_info()[0]
    return Device(lowered, operations, bandwidth, float(memory), "measured now")


def byte_count(argument: str, text: str) -> int:
    """Read an amount of memory: 2GiB, 500MB, 1e9.

    Raises
    ------
    InputError
        If it is none.
    """
    match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*(?:([KMGT]?)(i?)B?)?\s*", text, re.IGNORECASE)
    try:
        number = float(match[1]) if match else float("nan")
    except ValueError:
        number = float("nan")
    if match is None or not number > 0:
        raise InputError(argument, text, "must be a positive amount of memory", f"{argument} 2GiB")
    power = " KMGT".index((match[2] or " ").upper())
    return int(number * (1024 if match[3] else 1000) ** power)


def _tile_bytes_at(sizes: Sizes, edge: int) -> int:
    return tile_bytes(sizes, min(edge, sizes.neurons_a), min(edge, sizes.neurons_b))


def _cost(engine: str, operations: float, moved: float, memory: float, device: Device, detail: str) -> Cost:
    seconds = operations / device.operations + moved / device.bandwidth
    return Cost(engine, operations, moved, memory, seconds, detail)


def _seconds(work: Any, device: str) -> float:
    """Return the shortest of a few timings."""
    import torch

    times = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return min(times)
