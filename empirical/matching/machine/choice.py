"""Choice between the exact and the certified engine, which give the same pairs: whichever is faster on this machine.

The certified engine forms up to three half-precision products for each one of the exact engine, and splits columns. It
is chosen for large matchings where half-precision products were measured `CLEARLY` times faster than float32 ones. The
measurement takes less than half a second and is saved in the cache, for each processor, number of threads and version
of torch. Where it cannot be saved, or torch is missing, the engine is the exact one: a choice must be the same each
time, because correlations of null pairs and margins differ between the engines in the last digits of float32.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ....cache import cache_folder
from ....disk import replacing
from ....errors import RosettaError
from .checkpoint import stated_in

AUTO = "auto"
CLEARLY = 4.0  # three products for one, and the passes around them
LARGE = 5e11  # products of two activations from which a choice is worth a measurement; seconds of one core
EDGE = {"cpu": 1024, "cuda": 4096}
REPEATS = 3
SPEEDS = "products.json"  # in the cache


def fastest(products: float, also_k: Sequence[int], compute: str, device: str, folder: Any = None) -> str:
    """Return "exact" or "certified" for a matching.

    Parameters
    ----------
    products : float
        Products of two activations in all.
    also_k, compute, device
        See `match`; what only the exact engine does is done by it.
    folder : path, optional
        Where unfinished work may lie: it goes on with the engine that it was begun with.
    """
    begun = stated_in(folder).get("engine")
    if begun in ("exact", "certified"):
        return begun
    if also_k or compute != "float32" or products < LARGE or importlib.util.find_spec("torch") is None:
        return "exact"
    ratio = half_precision_speed(device)
    return "certified" if ratio is not None and ratio >= CLEARLY else "exact"


def half_precision_speed(device: str, measure: Callable[[str], float] | None = None) -> float | None:
    """Return how many times faster half-precision products are than float32 ones, as saved or measured now.

    None where it cannot be saved.
    """
    path = cache_folder() / SPEEDS
    saved = _saved(path)
    key = _machine(device)
    ratio = saved.get(key)
    if isinstance(ratio, float):
        return ratio
    ratio = float((measure or measured_speed)(device))
    try:
        with replacing(path) as partial:
            partial.write_text(json.dumps({**saved, key: ratio}, indent=1), encoding="utf-8")
    except RosettaError:
        return None
    return ratio


def measured_speed(device: str) -> float:
    """Return how many times faster half-precision products are, from moderate ones formed in turn.

    0 where their sums are less accurate than the certified engine's bound takes them to be.
    """
    import torch

    from ..certifying.bound import UNIT, gamma
    from ..certifying.pieces import half_precision, kind_on, product

    place = torch.device(device)
    edge = EDGE.get(place.type, EDGE["cpu"])
    numbers = torch.arange(edge // 2 * edge, device=place)
    wide = (((numbers * 7919) % 255 - 127) / 128).reshape(edge // 2, edge)  # of 8 bits, with sums that are not
    wide[1::2] *= 2.0**-9
    out = torch.empty(edge, edge, device=place)
    narrow = wide.to(getattr(torch, kind_on(device))) if place.type == "cuda" else wide

    def half() -> None:
        with half_precision():
            product((narrow, narrow), (narrow, narrow), False, out)

    def seconds(run: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        run()
        out[0, 0].item()
        if place.type == "cuda":
            torch.cuda.synchronize(place)
        return time.perf_counter() - begun

    def single() -> Any:
        return torch.mm(wide.T, wide, out=out)

    single()  # kernels are loaded
    half()
    few = wide[:, :8].double()
    error = (out[:8, :8].double() - few.T @ few).abs().amax()
    if error > gamma(edge // 2, UNIT.get(place.type, UNIT["cuda"])) * (few**2).sum(0).amax():
        return 0.0
    times = [(seconds(single), seconds(half)) for _ in range(REPEATS)]
    return min(one for one, _ in times) / min(other for _, other in times)


@functools.cache
def processor() -> str:
    """Return the name of this machine's processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _machine(device: str) -> str:
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else processor()
    return f"{name}, {torch.get_num_threads()} threads, torch {version('torch')}"


def _saved(path: Path) -> dict[str, Any]:
    """Return the speeds in a file; what is damaged is measured again."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
