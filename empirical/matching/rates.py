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

from ...errors import UnknownNameError, require_extra
from ..checkpoints.hub import moved
from ..config import require_device

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
    return _cpu() if lowered == "cpu" else _cuda(lowered)


def _cpu() -> Device:
    """Return the CPU's rates: products of NumPy's BLAS, and a pass over memory."""
    x, large = np.ones((1024, 1024), dtype=np.float32), np.zeros(LARGE // 4, dtype=np.float32)
    return Device(
        name="cpu",
        operations=2 * 1024**3 / _seconds(lambda: x @ x),
        bandwidth=2 * 4 * large.size / _seconds(lambda: np.add(large, 1, out=large)),
        memory=float(psutil.virtual_memory().available),
        link=float("inf"),
        source=MEASURED,
    )


def _cuda(name: str) -> Device:
    """Return a CUDA device's rates."""
    require_extra("torch")
    require_device("--device", name, "--device cuda")
    import torch

    moved(torch.zeros(1), name)  # fail early if the device is unusable
    x, large, on_host = (
        torch.randn(8192, 8192, device=name),
        *(torch.zeros(LARGE // 4, device=d) for d in (name, "cpu")),
    )
    return Device(
        name=name,
        operations=2 * len(x) ** 3 / _seconds(lambda: torch.mm(x, x), torch.cuda.synchronize),
        bandwidth=2 * 4 * large.numel() / _seconds(lambda: large.add_(1), torch.cuda.synchronize),
        memory=float(torch.cuda.mem_get_info(name)[0]),
        link=4 * large.numel() / _seconds(lambda: large.copy_(on_host), torch.cuda.synchronize),
        source=MEASURED,
    )


def _seconds(work: Callable[[], object], finished: Callable[[], object] = lambda: None) -> float:
    """Return the shortest of a few timings; `finished` waits for work on another device."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        finished()
        times.append(time.perf_counter() - begun)
    return min(times)
