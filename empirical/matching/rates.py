"""Sustained speed of a device: measured now, or taken from its data sheet.

A GPU that is not at hand is taken at `SUSTAINED` of its data sheet's peaks, and a plan for it says so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil

from ...errors import UnknownNameError
from ..checkpoints.hub import moved

SUSTAINED = 0.6
MEASURED = "measured now"
LARGE = 2**29  # bytes that no cache holds
# Peak TF32 operations/s (dense), memory bytes/s, bytes of memory, and bytes/s of PCIe in one direction (generation 4
# for the A100, 5 for the others), from NVIDIA's data sheets of the SXM boards.
DATA_SHEETS = {
    "a100": (156e12, 2.039e12, 80e9, 32e9),
    "h100": (494.5e12, 3.35e12, 80e9, 64e9),
    "h200": (494.5e12, 4.8e12, 141e9, 64e9),
}


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
        Bytes per second of its memory.
    memory : float
        Bytes.
    link : float
        Bytes per second from the host's memory; infinite for the CPU.
    source : str
        Where the rates come from.
    """

    name: str
    operations: float
    bandwidth: float
    memory: float
    link: float
    source: str

    @property
    def on_cpu(self) -> bool:
        """True for the host itself."""
        return self.name == "cpu"


def device_rates(name: str) -> Device:
    """Return the rates of "cpu" or "cuda" (measured now) or of a GPU by its data sheet.

    Raises
    ------
    UnknownNameError
        If there is no such device.
    InputError
        If it is a CUDA device, and none is at hand.
    """
    lowered = name.lower()
    if lowered in DATA_SHEETS:
        operations, bandwidth, memory, link = DATA_SHEETS[lowered]
        source = f"data sheet at {SUSTAINED:.0%} of the peak, TF32; not measured here"
        return Device(
            name=lowered,
            operations=SUSTAINED * operations,
            bandwidth=SUSTAINED * bandwidth,
            memory=memory,
            link=SUSTAINED * link,
            source=source,
        )
    if lowered != "cpu" and not re.fullmatch(r"cuda(:\d+)?", lowered):
        raise UnknownNameError("device", name, ["cpu", "cuda", *DATA_SHEETS])
    try:
        import torch
    except ImportError:
        if lowered != "cpu":
            raise
        return _by_numpy()
    moved(torch.zeros(1), lowered)  # fail early if the device is unusable
    edge = 1024 if lowered == "cpu" else 8192
    x = torch.randn(edge, edge, device=lowered)
    operations = 2 * edge**3 / _seconds(lambda: torch.mm(x, x), lowered)
    large = torch.zeros(LARGE // 4, device=lowered)
    bandwidth = 2 * 4 * large.numel() / _seconds(lambda: large.add_(1), lowered)
    if lowered == "cpu":
        return Device(
            name=lowered,
            operations=operations,
            bandwidth=bandwidth,
            memory=float(psutil.virtual_memory().available),
            link=float("inf"),
            source=MEASURED,
        )
    on_host = torch.zeros(large.numel())
    link = 4 * large.numel() / _seconds(lambda: large.copy_(on_host), lowered)
    return Device(
        name=lowered,
        operations=operations,
        bandwidth=bandwidth,
        memory=float(torch.cuda.mem_get_info(lowered)[0]),
        link=link,
        source=MEASURED,
    )


def _by_numpy() -> Device:
    """Return the CPU's rates as NumPy reaches them: where torch is not installed."""
    x, large = np.ones((1024, 1024), dtype=np.float32), np.zeros(LARGE // 4, dtype=np.float32)
    return Device(
        name="cpu",
        operations=2 * 1024**3 / _seconds(lambda: x @ x, "cpu"),
        bandwidth=2 * 4 * large.size / _seconds(lambda: np.add(large, 1, out=large), "cpu"),
        memory=float(psutil.virtual_memory().available),
        link=float("inf"),
        source=MEASURED,
    )


def _seconds(work: Callable[[], object], device: str) -> float:
    """Return the shortest of a few timings."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        if device.startswith("cuda"):
            import torch

            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return min(times)
